"""What kernels of tests/test_runtime_workers.py are emitted by, here and elsewhere."""

import os
import sys
import time
from pathlib import Path

_TEXT = """
define void @NAME(ptr %table, i64 %begin, i64 %end, ptr %workspace) {
  store i64 NUMBER, ptr %workspace, align 8
  ret void
}
"""
_PATIENCE = 100  # seconds


def is_worker() -> bool:
    """Whether this process only compiles: it has no tensors."""
    return "flambeau.tensor" not in sys.modules


def emit(name: str, number: int) -> str:
    """A function that writes a number."""
    return _TEXT.replace("NAME", name).replace("NUMBER", str(number))


def emit_together(name: str, number: int, folder: str) -> str:
    """The same, but not before another process has begun to."""
    Path(folder, str(os.getpid())).touch()
    end = time.monotonic() + _PATIENCE
    while len(list(Path(folder).iterdir())) < 2:
        assert time.monotonic() < end, "no worker came"
        time.sleep(0.01)
    return emit(name, number)


def emit_or_die(name: str, number: int, folder: str) -> str:
    """The same, but a worker dies of its second kernel."""
    text = emit_together(name, number, folder)
    if is_worker() and "second" in vars(sys):
        os._exit(1)
    vars(sys)["second"] = True
    return text


def emit_here_only(name: str, number: int) -> str:
    """The same, but a worker fails."""
    assert not is_worker()
    return emit(name, number)


def emit_nonsense(name: str) -> str:
    """What LLVM refuses."""
    return f"define void @{name}( {{"
