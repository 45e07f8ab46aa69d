"""Tell profilers the names of kernels.

The format is that of linux/tools/perf/Documentation/jit-interface.txt: a line per
function, START SIZE NAME, the numbers in hexadecimal.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..runtime.engine import engine

__all__ = ["write_perf_map"]


def write_perf_map(folder: str | Path = "/tmp") -> Path:
    """Write down where the kernels are that are loaded from now on.

    `perf report` and other profilers read the file, which is named after the process,
    and show the kernels by name. Call it before anything is computed.

    Args:
        folder: where they look for it.

    Returns:
        The file.
    """
    path = Path(folder) / f"perf-{os.getpid()}.map"
    path.touch()

    def note(name: str, address: int, size: int) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{address:x} {size:x} {name}\n")

    engine().listeners.append(note)
    return path
