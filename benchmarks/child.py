"""What must be measured in a new process: `python -m benchmarks.child WHAT LIBRARY`.

It prints one number. Nothing but the standard library is imported here before the
measurement asks for it.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["in_new_process"]

_ELEMENTS = 1000
_STEPS = 5


def in_new_process(what: str, library: str, cache: Path | None = None) -> float:
    """Return what a measurement gives in a new process.

    Args:
        what: the name of a function in this file.
        library: "flambeau" or "torch".
        cache: the folder for caches, if not the user's own.
    """
    command = [sys.executable, "-m", __spec__.name, what, library]
    settings = dict(os.environ)
    if cache is not None:
        settings["XDG_CACHE_HOME"] = str(cache)
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=root, env=settings
    )
    if done.returncode:
        raise RuntimeError(f"{what} with {library} failed: {done.stderr[-2000:]}")
    return float(done.stdout)


def import_time(library: str) -> float:
    """Seconds to import the library."""
    start = time.perf_counter()
    import_module(library)
    return time.perf_counter() - start


def expression(library: str) -> float:
    """Seconds for three ops on a thousand elements, the first of this process."""
    torch = _loaded(library)
    x, y = torch.ones(_ELEMENTS), torch.ones(_ELEMENTS)
    x.numpy(), y.numpy()
    start = time.perf_counter()
    (x * 2 + y).sigmoid().numpy()
    return time.perf_counter() - start


def first_step(library: str) -> float:
    """Seconds that the first training step of ResNet-18 takes beyond later ones."""
    job = _training(library, "resnet18")
    times = []
    for _ in range(1 + _STEPS):
        start = time.perf_counter()
        job.run()
        times.append(time.perf_counter() - start)
    return times[0] - statistics.median(times[1:])


def peak_memory(library: str) -> float:
    """Bytes that the process has at the most while it trains ResNet-50."""
    job = _training(library, "resnet50")
    for _ in range(_STEPS):
        job.run()
    return _most_memory()


def _most_memory() -> float:
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage tells there includes the parent before exec
        found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text())
        assert found is not None
        return 1024 * int(found[1])
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _loaded(library: str) -> Any:
    found = import_module(library)
    if library == "flambeau":
        found.config.backend = "native"
    return found


def _training(library: str, name: str) -> Any:
    from .step import Training
    from .tasks import training_tasks

    torch = _loaded(library)
    task = next(each for each in training_tasks() if each.name == name)
    torch.manual_seed(0)
    model = task.net(torch.nn)
    images, labels = map(torch.from_numpy, (task.images, task.labels))
    return Training(torch, model, images, labels)


_MEASUREMENTS = {
    each.__name__: each for each in (import_time, expression, first_step, peak_memory)
}

if __name__ == "__main__":
    print(_MEASUREMENTS[sys.argv[1]](sys.argv[2]))
