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
    """Return the lines of each loop that has no other one inside."""
    blocks = _blocks(text)
    ways = _successors(blocks)
    loops = _loops(ways)
    return [
        [line for at in sorted(loop) for line in blocks[at][1]]
        for head, loop in loops.items()
        if not any(other in loop for other in loops if other != head)
    ]


_LABEL = re.compile(r"(\.?\w+):")
_JUMP = re.compile(r"\t(j\w+|b|b\.\w+|cbn?z|tbn?z)\s+(?:.*,\s*)?(\.\w+)$")
_LEAVES = re.compile(r"\t(jmp|b|ret\w*)(\s|$)")


def _blocks(text: str) -> list[tuple[str, list[str]]]:
    """Stretches of code without jumps but at their ends, each with its label."""
    found: list[tuple[str, list[str]]] = [("", [])]
    for line in text.splitlines():
        if label := _LABEL.match(line):
            found.append((label[1], []))
        elif line.startswith("\t") and not line.startswith("\t."):
            found[-1][1].append(line)
            if _JUMP.match(line) or _LEAVES.match(line):
                found.append(("", []))
    return found


def _successors(blocks: list[tuple[str, list[str]]]) -> list[list[int]]:
    """Which blocks may follow each one."""
    places = {label: at for at, (label, _) in enumerate(blocks) if label}
    found = []
    for at, (_, lines) in enumerate(blocks):
        last = lines[-1] if lines else ""
        jump = _JUMP.match(last)
        ways = [places[jump[2]]] if jump and jump[2] in places else []
        if not _LEAVES.match(last) and at + 1 < len(blocks):
            ways.append(at + 1)
        found.append(ways)
    return found


def _loops(ways: list[list[int]]) -> dict[int, set[int]]:
    """The blocks of each loop, by its first one: those from which one comes back."""
    before: list[list[int]] = [[] for _ in ways]
    for at, following in enumerate(ways):
        for each in following:
            before[each].append(at)
    found: dict[int, set[int]] = {}
    for last, head in _ways_back(ways):
        loop, left = found.setdefault(head, {head}), [last]
        while left:
            at = left.pop()
            if at not in loop:
                loop.add(at)
                left += before[at]
    return found


def _ways_back(ways: list[list[int]]) -> list[tuple[int, int]]:
    """The ways that lead to a block from which one came, going deeper at each one."""
    found, done, path = [], set(), [(0, iter(ways[0]))]
    open_blocks = {0}
    while path:
        at, following = path[-1]
        for each in following:
            if each in open_blocks:
                found.append((at, each))
            elif each not in done:
                open_blocks.add(each)
                path.append((each, iter(ways[each])))
                break
        else:
            open_blocks.discard(at)
            done.add(at)
            path.pop()
    return found
