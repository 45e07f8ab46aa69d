"""What a kernel family returns: how to emit LLVM IR, and how to run it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from .recipe import describe

__all__ = ["Kernel", "planned_once"]

# A network asks for the same kernel for many of its layers, and choosing its tiles and
# chunks takes time. The specs are frozen, so they are the keys.
planned_once = lru_cache(maxsize=1024)


@dataclass(frozen=True)
class Kernel:
    """One native function `void name(ptr table, i64 begin, i64 end, ptr workspace)`.

    `table` is an array with the address of each buffer: inputs, then outputs, then
    scratch. The function does the chunks `begin` … `end - 1`; threads call it for some
    at a time, in any order. How the work is cut into chunks never depends on the number
    of threads, and no two chunks write to the same place, so the results are the same
    bits on any number of threads. `workspace` is the thread's own memory, with any
    content.

    A kernel is a recipe. Its IR is emitted when somebody needs it, which nobody does
    while the cache on disk has the code; what is told here is known without it.

    Attributes:
        name: the function's name, which tells op and shape.
        emit: a function of a module that returns the IR, given name and arguments.
        arguments: all that the code depends on, as values that `describe` can tell.
        chunks: into how many pieces the work is cut.
        flops: floating-point operations, for reports.
        moved: bytes read and written at least once, for reports.
        scratch: bytes of each scratch buffer.
        bounds: numbers that the code reads when it runs, such as an outermost size, so
            that it serves all of them. They are int64, in the last buffer of the table.
        workspace: bytes that a thread needs for its own.
    """

    name: str
    emit: Callable[..., str]
    arguments: tuple[Any, ...]
    chunks: int
    flops: int = 0
    moved: int = 0
    scratch: tuple[int, ...] = ()
    bounds: tuple[int, ...] = ()
    workspace: int = 0

    @cached_property
    def ir(self) -> str:
        """The module's text."""
        return self.emit(self.name, *self.arguments)

    @cached_property
    def recipe(self) -> str:
        """What decides the code, in a text: equal texts mean equal code."""
        return f"{self.name} {describe(self.emit)} {describe(self.arguments)}"
