"""Compiling many kernels at once: processes beside this one take their share.

A worker is told of all kernels, what they are emitted from. Numbers in a pipe say which
are left: whoever reads one, this process among them, compiles that kernel. What a
worker compiled lies in a file when it has ended. Whatever fails there is done again
here, so that errors are raised where they belong.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from .forking import Lock
from .target import Target

__all__ = ["compile_apart", "serve"]

_EACH = 12  # kernels that are worth a process
_MOST_WORKERS = 15
_MOST_KERNELS = 8192  # whose numbers a pipe has room for
_NUMBER = 4  # bytes
_PATIENCE = 60.0  # seconds, in which a worker ends its last kernel

# The package's own `__init__`, which would import tensors and layers, does not run.
_PROGRAM = """
import sys, types
sys.path[:] = {path!r}
package = sys.modules[{name!r}] = types.ModuleType({name!r})
package.__path__ = [{folder!r}]
from {name}.runtime.workers import serve
serve({numbers})
"""
_NAME, _FOLDER = __name__.partition(".")[0], str(Path(__file__).parent.parent)

_one_at_a_time = Lock()


def compile_apart(
    kernels: Sequence[Any],
    target: Target,
    cpus: int,
    compile_here: Callable[[Any], bytes],
) -> Iterator[tuple[int, bytes]]:
    """Compile kernels here and, if they are many, in processes beside.

    Args:
        kernels: have a `name` and are emitted by `emit(name, *arguments)`.
        target: the CPU.
        cpus: how many may be used.
        compile_here: compiles a kernel in this process.

    Yields:
        The number and the object code of each kernel, in any order.

    Raises:
        Exception: what `compile_here` raises.
    """
    left = set(range(len(kernels)))
    if _can_start() and _one_at_a_time.acquire(blocking=False):
        try:
            for at, code in _shared(kernels, target, cpus, compile_here):
                left.remove(at)
                yield at, code
        except OSError:
            pass  # no memory, no files, no processes: this one does it alone
        finally:
            _one_at_a_time.release()
    for at in sorted(left):
        yield at, compile_here(kernels[at])


def _can_start() -> bool:
    """Whether this program is an interpreter; another would not know what to do."""
    name = Path(sys.executable or "").stem.lower()
    return os.name == "posix" and name.startswith(("python", "pypy"))


def _shared(
    kernels: Sequence[Any],
    target: Target,
    cpus: int,
    compile_here: Callable[[Any], bytes],
) -> Iterator[tuple[int, bytes]]:
    """Compile kernels, but for those that fail elsewhere."""
    jobs = [_packed(each) for each in kernels[:_MOST_KERNELS]]
    offered = [at for at, job in enumerate(jobs) if job]
    count = min(cpus - 1, len(offered) // _EACH - 1, _MOST_WORKERS)
    if count < 1:
        return
    with TemporaryFile() as file, ExitStack() as stack:
        pickle.dump((target, jobs), file)
        file.flush()
        numbers = stack.enter_context(_offer(offered))
        workers = [stack.enter_context(_Worker(file, numbers)) for _ in range(count)]
        for at in _taken(numbers):
            yield at, compile_here(kernels[at])
        for each in workers:
            yield from each.results()


@contextmanager
def _offer(numbers: Sequence[int]) -> Iterator[int]:
    """Open a pipe with these numbers in it."""
    source, sink = os.pipe()
    try:
        try:
            os.write(
                sink, b"".join(each.to_bytes(_NUMBER, "little") for each in numbers)
            )
        finally:
            os.close(sink)
        yield source
    finally:
        os.close(source)


class _Worker:
    """A process that compiles what it takes from a pipe; it ends with the context.

    Args:
        jobs: the file that tells what there is to compile.
        numbers: the pipe that says which of it is left.
    """

    def __init__(self, jobs: IO[bytes], numbers: int) -> None:
        program = _PROGRAM.format(
            path=sys.path, name=_NAME, folder=_FOLDER, numbers=numbers
        )
        with ExitStack() as stack:
            self._output = stack.enter_context(TemporaryFile())
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", program],
                stdin=jobs,
                stdout=self._output,
                stderr=subprocess.DEVNULL,
                pass_fds=[numbers],
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )
            stack.pop_all()

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()
        self._output.close()

    def results(self) -> Iterator[tuple[int, bytes]]:
        """Wait until nothing is left, and yield what this process compiled."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        self._process.kill()  # it would go on writing
        self._process.wait()
        self._output.seek(0)
        with suppress(EOFError, pickle.UnpicklingError):  # half of the last one
            while True:
                yield pickle.load(self._output)


def _packed(kernel: Any) -> bytes:
    """What a kernel is emitted from, or nothing if no other process could read it."""
    with suppress(pickle.PicklingError, AttributeError, TypeError):
        return pickle.dumps((kernel.name, kernel.emit, kernel.arguments))
    return b""


def _taken(numbers: int) -> Iterator[int]:
    """Take numbers from a pipe, which gives each to one reader, until it is empty."""
    while number := os.read(numbers, _NUMBER):
        yield int.from_bytes(number, "little")


def serve(numbers: int) -> None:
    """Be a worker: compile kernels until none is left.

    Args:
        numbers: the pipe that says which kernel is the next.
    """
    from .engine import Engine

    jobs = os.pread(0, os.fstat(0).st_size, 0)  # others read the same file
    target, packed = pickle.loads(jobs)
    engine = Engine(target, None)
    with os.fdopen(1, "wb") as output:
        for at in _taken(numbers):
            with suppress(Exception):  # it will be raised in the process that asks
                name, emit, arguments = pickle.loads(packed[at])
                pickle.dump((at, engine.compile(emit(name, *arguments))), output)
                output.flush()
