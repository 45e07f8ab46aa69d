"""What a kernel family returns: a function in LLVM IR and how to run it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Kernel", "emitted_once"]

# Emitting IR costs Python 10 ms and more; a network asks for the same kernel for
# many of its layers. The specs are frozen, so they are the keys.
emitted_once = lru_cache(maxsize=1024)


@dataclass(frozen=True)
class Kernel:
    """One native function `void name(ptr table, i64 begin, i64 end, ptr workspace)`.

    `table` is an array with the address of each buffer: inputs, then outputs, then
    scratch. The function does the chunks `begin` … `end - 1`. How the work is cut into
    chunks never depends on the number of threads, and no two chunks write to the same
    place, so the results are the same bits on any number of threads. `workspace` is the
    thread's own memory, with any content.

    Attributes:
        name: the function's name, which tells op and shape.
        ir: the module's text.
        chunks: into how many pieces the work is cut.
        flops: floating-point operations, for reports.
        moved: bytes read and written at least once, for reports.
        scratch: bytes of each scratch buffer.
        workspace: bytes that a thread needs for its own.
    """

    name: str
    ir: str
    chunks: int
    flops: int = 0
    moved: int = 0
    scratch: tuple[int, ...] = ()
    workspace: int = 0
