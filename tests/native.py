"""Runs programs of kernels on NumPy arrays, also with guard pages around buffers."""

from __future__ import annotations

import ctypes
import mmap
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from flambeau.compiler.codegen.program import Program
from flambeau.runtime import team
from flambeau.runtime.engine import engine
from flambeau.runtime.memory import aligned

PAGE = mmap.PAGESIZE


def copied(array: np.ndarray, shift: int = 0) -> np.ndarray:
    """Return a copy at an aligned address, or `shift` elements beyond one."""
    memory = aligned(array.nbytes + shift * array.itemsize)
    place = memory[shift * array.itemsize :].view(array.dtype).reshape(array.shape)
    place[...] = array
    return place


class Guarded:
    """A buffer between two pages that must not be touched.

    Args:
        array: what the buffer holds.
        at_end: whether the buffer ends at the second page or begins after the first.
    """

    def __init__(self, array: np.ndarray, at_end: bool) -> None:
        inner = -(-array.nbytes // PAGE) * PAGE
        self._memory = mmap.mmap(-1, inner + 2 * PAGE)
        whole = np.frombuffer(self._memory, np.uint8)
        start = PAGE + (inner - array.nbytes if at_end else 0)
        flat = whole[start : start + array.nbytes]
        self.array = flat.view(array.dtype).reshape(array.shape)
        self.array[...] = array
        self._pages = [whole.ctypes.data, whole.ctypes.data + PAGE + inner]
        self._protect(0)

    def _protect(self, access: int) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        for page in self._pages:
            if libc.mprotect(ctypes.c_void_p(page), PAGE, access):
                raise OSError(ctypes.get_errno(), "mprotect failed")

    def release(self) -> None:
        """Let the pages be used again."""
        self._protect(mmap.PROT_READ | mmap.PROT_WRITE)


class Runner:
    """A compiled program, to be run many times.

    Args:
        program: its kernels.
        buffers: the arrays by name; those of an epilogue follow in `extra`.
        guard: None, or at which end of each buffer a forbidden page is.
        shift: how many elements buffers are off an aligned address.
    """

    def __init__(
        self,
        program: Program,
        buffers: dict[str, np.ndarray],
        extra: Sequence[np.ndarray] = (),
        guard: str | None = None,
        shift: int = 0,
    ) -> None:
        self.guards: list[Guarded] = []
        arrays = dict(buffers)
        for name, size in program.scratch:
            arrays[name] = np.full(size, 255, np.uint8)  # NaNs: nothing may rely on it
        for name, values in program.numbers:
            arrays[name] = np.array(values, np.int64)
        place = self._placer(guard, shift)
        self.arrays = {name: place(array) for name, array in arrays.items()}
        self.extra = [place(array) for array in extra]
        self.bounds = [
            [place(np.array(each.kernel.bounds))] if each.kernel.bounds else []
            for each in program.stages
        ]
        self._prepare(program)

    def _placer(self, guard: str | None, shift: int) -> Any:
        if guard is None:
            return lambda array: copied(array, shift)

        def place(array: np.ndarray) -> np.ndarray:
            self.guards.append(Guarded(array, guard == "end"))
            return self.guards[-1].array

        return place

    def _prepare(self, program: Program) -> None:
        self.codes, self.tables = [], []
        self.workspace = max(each.kernel.workspace for each in program.stages)
        self.steps = np.zeros(len(program.stages), team.STEP)
        for at, stage in enumerate(program.stages):
            code = engine().function(stage.kernel)
            used = [self.arrays[name] for name in stage.buffers]
            used += self.extra if stage.fused else []
            used += self.bounds[at]
            table = np.array([array.ctypes.data for array in used], np.uint64)
            self.codes.append(code)
            self.tables.append(table)
            address = code.addresses[stage.kernel.name]
            self.steps[at] = (address, table.ctypes.data, stage.kernel.chunks)

    def run(self) -> None:
        """Run all stages."""
        team.run_steps(self.steps, self.workspace)

    def release(self) -> None:
        """Give guarded memory back."""
        for guard in self.guards:
            guard.release()


def run(
    program: Program,
    buffers: dict[str, np.ndarray],
    extra: Sequence[np.ndarray] = (),
    guard: str | None = None,
    shift: int = 0,
) -> dict[str, np.ndarray]:
    """Run a program and return copies of its buffers."""
    runner = Runner(program, buffers, extra, guard, shift)
    runner.run()
    found = {name: runner.arrays[name].copy() for name in buffers}
    runner.release()
    return found


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Run with a number of threads."""
    before = team.get_num_threads()
    team.set_num_threads(count)
    try:
        yield
    finally:
        team.set_num_threads(before)


def in_threads(work: Callable[[int], None], count: int) -> None:
    """Call a function in several threads at once, each with its number.

    What the first of them that failed has raised is raised here.
    """
    failed: list[BaseException] = []

    def call(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failed.append(error)

    workers = [threading.Thread(target=call, args=(at,)) for at in range(count)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    for error in failed:
        raise error


def spills(text: str) -> list[str]:
    """Return the lines in innermost loops that move vectors to or from the stack."""
    stack, vector = re.compile(r"\(%[re]sp|\[sp\b"), re.compile(r"%[xyz]mm\d|\bq\d")
    lines = [line for body in inner_loops(text) for line in body]
    return [
        line.strip() for line in lines if stack.search(line) and vector.search(line)
    ]


def inner_loops(text: str) -> list[list[str]]:
    """Return the blocks that end with a jump to their own beginning."""
    loops, label, lines = [], None, []
    for line in text.splitlines():
        start = re.match(r"(\.?L\w+):", line)
        if start:
            label, lines = start[1], []
        elif label and line.startswith("\t"):
            lines.append(line)
            if re.search(rf"\t(j\w+|b\.\w+|b)\s+{re.escape(label)}$", line):
                loops.append(lines)
                label = None
    return loops
