"""A linked program with its memory: what runs when a graph is computed."""

from __future__ import annotations

import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np

from ..evaluator import meaning
from .engine import Code, Engine
from .forking import Lock
from .memory import Arenas, Results, address_of, pool, side_by_side
from .team import STEP, Alone, default_threads, run_steps

__all__ = ["Plan", "Seconds", "watchers"]

Seconds = list[tuple[Any, float]]  # each step that was run, and how long it took

# Told of every run while there are any; the steps then run one after the other.
watchers: list[Callable[[Plan, Seconds], None]] = []

_arenas = Arenas()  # for what does not

# One thread does so little work sooner than others can be told of it: about 60 us, a
# byte that is moved taking as long as a few operations.
_LITTLE_WORK = 15_000_000
_OPERATIONS_PER_BYTE = 4

_SMALL = 4096  # bytes of a result that is not from the pool
_MOST_KEPT = 1 << 30  # bytes that are kept from run to run at the most


class _Segment:
    """Kernels that run with one call, and the host step after them, if any.

    Attributes:
        steps: the records for the thread team.
        host: what to compute by its NumPy meaning afterwards.

    Args:
        kernel_steps: the program's steps that these are.
        tables: which buffer's address goes into each place of each kernel's table.
        kernels: the address of each kernel, and its chunks.
        workspace: bytes that the kernels need per thread.
        host: the host step.
        alone: whether one thread runs them.
    """

    def __init__(
        self,
        kernel_steps: Sequence[Any],
        tables: Sequence[Sequence[int]],
        kernels: Sequence[tuple[int, int]],
        workspace: int,
        host: Any,
        alone: bool,
    ) -> None:
        self._gather = np.array([each for row in tables for each in row], np.intp)
        self._tables = np.zeros(len(self._gather), np.uint64)
        self._workspace = workspace
        self._kernel_steps, self.host = kernel_steps, host
        self.steps = np.zeros(len(kernels), STEP)
        at = self._tables.ctypes.data
        for record, row, (function, chunks) in zip(
            self.steps, tables, kernels, strict=True
        ):
            record["function"], record["table"], record["chunks"] = function, at, chunks
            at += 8 * len(row)
        self._job = Alone(self.steps, workspace) if alone else None

    def run(self, addresses: np.ndarray, seconds: Seconds | None) -> None:
        """Run the kernels on the buffers that lie at these addresses.

        Args:
            addresses: of all buffers.
            seconds: where to note how long each kernel takes, if somebody asks.
        """
        if not len(self.steps):
            return
        # "clip" writes into the tables at once; no place is out of range
        addresses.take(self._gather, out=self._tables, mode="clip")
        if seconds is not None:
            self._watch(seconds)
        elif self._job is not None:
            self._job.run()
        else:
            run_steps(self.steps, self._workspace)

    def _watch(self, seconds: Seconds) -> None:
        """Run the kernels one by one, and note how long each takes."""
        for at, step in enumerate(self._kernel_steps):
            record = self.steps[at : at + 1]
            job = None if self._job is None else Alone(record, self._workspace)
            start = time.perf_counter()
            if job is None:
                run_steps(record, self._workspace)
            else:
                job.run()
            seconds.append((step, time.perf_counter() - start))


class Plan:
    """A program, ready to run; one run at a time.

    Args:
        program: what the compiler made.
        offsets: of the temporary buffers in the arena.
        size: of the arena in bytes.
        engine: compiles and links the kernels.
    """

    def __init__(
        self, program: Any, offsets: dict[int, int], size: int, engine: Engine
    ) -> None:
        self.program = program
        self._offsets, self._size = offsets, size
        self._code: list[Code]
        self._lock = Lock()
        self._arena: Callable[[], np.ndarray | None] = _nothing  # of the last run
        self._addresses = np.zeros(len(program.buffers), np.uint64)
        self._words = self._addresses.data  # quicker to write a few
        self._fixed = dict(program.constants)
        for number, array in program.constants:
            self._words[number] = address_of(array)
        self._leaves = [number for _, number in program.leaves]
        self._outputs = [number for _, number in program.outputs]
        self._taken = self._own_outputs()
        self._results = self._small_outputs()
        self._shown = self._show_outputs()
        for number in self._results:
            del self._taken[number]
        # whether Python itself reads what kernels are given
        self._reads_back = len(self._shown) < len(self._outputs) or any(
            hasattr(step, "output") for step in program.steps
        )
        self._kernels = self._functions(engine)
        self._alone = _is_little(program)
        self._segments = self._cut(range(len(program.steps)))
        self._prologue = _Prologue(program)
        self._places = range(len(self._leaves))
        self._known: object | None = None  # what stood for leaves in the last run

    @property
    def is_apart(self) -> bool:
        """Whether the outputs have memory of their own, which no leaf shares."""
        return not self._reads_back

    # Building

    def _own_outputs(self) -> dict[int, int]:
        """The buffers that outlive a run and are no host step's, and their bytes."""
        buffers = self.program.buffers
        made = {step.output for step in self.program.steps if hasattr(step, "output")}
        known = made.union(self._leaves, self._fixed)
        sources = {buffers[number].source for number in self._outputs}
        return {each: buffers[each].nbytes for each in sorted(sources - known)}

    def _small_outputs(self) -> dict[int, Results]:
        """Those of these buffers that are small and one output alone, as it is shown.

        Not those that are written over others: that asks for memory of the pool.
        """
        donated = set(self.program.donations.values())
        users = Counter(self.program.buffers[each].source for each in self._outputs)
        return {
            each.number: Results(each.shape, each.dtype.numpy)
            for each in map(self.program.buffers.__getitem__, self._outputs)
            if each.number in self._taken
            and each.number not in donated
            and users[each.number] == 1
            and each.nbytes <= _SMALL
            and each.lies_in(tuple(range(len(each.shape))))
        }

    def _show_outputs(self) -> dict[int, tuple[Any, ...]]:
        """How outputs lie in such a buffer: whose memory, shape, dtype, strides."""
        return {
            each.number: (each.source, each.shape, each.dtype.numpy, each.strides)
            for each in map(self.program.buffers.__getitem__, self._outputs)
            if each.source in self._taken
        }

    def _functions(self, engine: Engine) -> dict[str, int]:
        """Compile and link every kernel once; return addresses by recipe."""
        kernels = {
            step.kernel.recipe: step.kernel
            for step in self.program.steps
            if hasattr(step, "kernel")
        }
        self._code = engine.functions(list(kernels.values()), default_threads())
        return {
            recipe: code.addresses[kernel.name]
            for (recipe, kernel), code in zip(kernels.items(), self._code, strict=True)
        }

    def _cut(self, positions: Iterable[int]) -> list[_Segment]:
        """Cut steps into segments, each up to a host step."""
        segments: list[_Segment] = []
        waiting: list[Any] = []
        for at in positions:
            step = self.program.steps[at]
            if hasattr(step, "kernel"):
                waiting.append(step)
            else:
                segments.append(self._segment(waiting, step))
                waiting = []
        if waiting:
            segments.append(self._segment(waiting, None))
        return segments

    def _segment(self, steps: Sequence[Any], host: Any) -> _Segment:
        buffers = self.program.buffers
        return _Segment(
            steps,
            [[buffers[number].source for number in step.buffers] for step in steps],
            [(self._kernels[step.kernel.recipe], step.kernel.chunks) for step in steps],
            max((step.kernel.workspace for step in steps), default=0),
            host,
            self._alone,
        )

    # Running

    def run(
        self,
        leaves: Sequence[np.ndarray],
        donors: Sequence[int] = (),
        known: object | None = None,
        free: Sequence[int] = (),
    ) -> list[np.ndarray]:
        """Compute the outputs.

        Args:
            leaves: the given values, in the order of the program's leaves. An array
                that was given before must still hold the same numbers.
            donors: places of leaves, blocks of the pool, over which the program's
                donations may be written.
            known: stands for leaves: they are the same arrays as when it was given
                before.
            free: the places of the leaves that it does not stand for.
        """
        seconds: Seconds | None = [] if watchers else None
        with self._lock:
            arena = _arenas.take(self._size)
            try:
                is_known = known is not None and known is self._known
                places = free if is_known else self._places
                self._known = None
                changed = self._prologue.changed(leaves, places)
                found = self._run(arena, leaves, changed, donors, seconds)
                self._known = known
            finally:
                _arenas.give_back(arena)
        if seconds is not None:
            for each in watchers:
                each(self, seconds)
        return found

    def _run(
        self,
        arena: np.ndarray,
        leaves: Sequence[np.ndarray],
        changed: Sequence[int],
        donors: Sequence[int],
        seconds: Seconds | None,
    ) -> list[np.ndarray]:
        memory = self._place(arena, leaves, changed, donors)
        if self._prologue.has_work:
            self._run_prologue(changed, seconds)
        for segment in self._segments:
            segment.run(self._addresses, seconds)
            if segment.host is not None:
                start = time.perf_counter()
                self._run_host(segment.host, arena, memory)
                if seconds is not None:
                    seconds.append((segment.host, time.perf_counter() - start))
        return [self._value(number, arena, memory) for number in self._outputs]

    def _place(
        self,
        arena: np.ndarray,
        leaves: Sequence[np.ndarray],
        changed: Sequence[int],
        donors: Sequence[int],
    ) -> dict[int, np.ndarray]:
        """Give every buffer its memory; return what has memory of its own."""
        words, numbers = self._words, self._leaves
        if self._arena() is not arena:
            self._arena, base = weakref.ref(arena), address_of(arena)
            for number, offset in self._offsets.items():
                words[number] = base + offset
        for at in changed:
            words[numbers[at]] = address_of(leaves[at])
        memory = dict(zip(self._leaves, leaves)) if self._reads_back else {}
        for at in donors:
            number, block = self.program.donations[at], leaves[at].base
            assert block is not None
            memory[number], words[number] = block, words[numbers[at]]
        for number, small in self._results.items():
            memory[number], words[number] = small.take()
        for number, size in self._taken.items():
            if number not in memory:
                memory[number], words[number] = pool.take(size)
        return memory

    def _run_prologue(self, changed: Sequence[int], seconds: Seconds | None) -> None:
        """Do what is done once for many runs, in memory of its own."""
        prologue, steps = self._prologue, self.program.steps
        memory = prologue.part(changed)
        if memory:
            for number, each in memory.items():
                self._words[number] = address_of(each)
                self._offsets.pop(number, None)
            self._segments = self._cut(
                at for at in range(len(steps)) if at not in prologue.apart
            )
        if prologue.waiting:
            again = [steps[at] for at in sorted(prologue.waiting)]
            self._segment(again, None).run(self._addresses, seconds)
            prologue.waiting.clear()

    def _value(
        self, number: int, arena: np.ndarray, memory: dict[int, np.ndarray]
    ) -> np.ndarray:
        """Show a buffer as an array of its logical shape."""
        if number in self._results:
            return memory[number]
        if number in self._shown:
            source, shape, kind, strides = self._shown[number]
            return np.ndarray(shape, kind, memory[source], 0, strides)
        buffer = self.program.buffers[number]
        held = memory.get(buffer.source)
        if held is None:
            held = self._fixed.get(buffer.source)
        if held is None:
            held = arena[self._offsets[buffer.source] :]
        elif held.shape == buffer.shape and held.dtype == buffer.dtype.numpy:
            return held  # a leaf, or what a host step returned
        else:
            held = held.reshape(-1).view(np.uint8)
        return buffer.view(held)

    def _run_host(
        self, step: Any, arena: np.ndarray, memory: dict[int, np.ndarray]
    ) -> None:
        """Compute a node by its NumPy meaning, into memory of its own."""
        node = step.node
        arrays = [self._value(number, arena, memory) for number in step.inputs]
        with np.errstate(all="ignore"):
            value = np.ascontiguousarray(meaning(node, arrays))
        if np.may_share_memory(value, arena):
            value = value.copy()  # later steps will use the memory of what was read
        memory[step.output] = value.reshape(node.shape)
        self._words[step.output] = address_of(value)


class _Prologue:
    """The steps that need not run again where their leaves are the same arrays.

    Until the same arrays come a second time they run with the others, in memory that
    they share: a training step, which changes its parameters, keeps nothing.

    Attributes:
        apart: the positions of those that do not run with the others any more.
        waiting: those of them whose leaves changed since they ran.
        kept: the bytes that all prologues of the process keep.
    """

    kept: ClassVar[int] = 0

    def __init__(self, program: Any) -> None:
        self._program = program
        self.apart: set[int] = set()
        self.waiting: set[int] = set()
        self._left: dict[int, frozenset[int]] = dict(program.prologue)
        self._users: list[list[int]] = [[] for _ in program.leaves]
        for at, leaves in program.prologue.items():
            for each in leaves:
                self._users[each].append(at)
        self._given = {number for _, number in program.leaves}
        self._given.update(number for number, _ in program.constants)
        self._ids = [0] * len(program.leaves)  # of the last run's that are still there
        self._refs: list[Any] = [None] * len(program.leaves)
        self._memory: dict[int, np.ndarray] = {}

    def changed(self, leaves: Sequence[np.ndarray], places: Iterable[int]) -> list[int]:
        """Return which leaves may be other arrays than in the last run.

        Args:
            leaves: all of them.
            places: where to look. A leaf that no step of these reads counts as another.
        """
        ids, found = self._ids, []
        for at in places:
            users = self._users[at]
            if users:
                array, own = leaves[at], id(leaves[at])
                if own == ids[at]:
                    continue
                self._refs[at] = weakref.ref(array, partial(_gone, ids, at, own))
                ids[at] = own
                self.waiting.update(self.apart.intersection(users))
            found.append(at)
        return found

    @property
    def has_work(self) -> bool:
        """Whether there are steps to take apart, or to run again."""
        return bool(self.waiting or self._left)

    def part(self, changed: Sequence[int]) -> dict[int, np.ndarray]:
        """Take steps apart whose leaves were the same in two runs.

        Args:
            changed: the leaves that were not.

        Returns:
            Memory for what they write, by the buffer's number: it is kept.
        """
        found = [at for at, leaves in self._left.items() if leaves.isdisjoint(changed)]
        buffers = self._program.buffers
        written = {
            buffers[number].source
            for at in found
            for number in self._program.steps[at].buffers
        } - self._given
        size = sum(buffers[each].nbytes for each in written)
        if not found or _Prologue.kept + size > _MOST_KEPT:
            return {}
        _Prologue.kept += size
        weakref.finalize(self, _release, size)
        memory = side_by_side({each: buffers[each].nbytes for each in written})
        self._memory.update(memory)
        self.apart.update(found)
        self.waiting.update(found)
        for at in found:
            del self._left[at]
        return memory


def _release(size: int) -> None:
    _Prologue.kept -= size


def _gone(ids: list[int], at: int, own: int, reference: Any) -> None:
    """Forget the id of an array that is no more: another one may have it."""
    if ids[at] == own:
        ids[at] = 0


def _nothing() -> None:
    """A reference to no array."""


def _is_little(program: Any) -> bool:
    """Whether one thread is the fastest, however many there are."""
    kernels = [step.kernel for step in program.steps if hasattr(step, "kernel")]
    moved = sum(each.moved for each in kernels)
    flops = sum(each.flops for each in kernels)
    return flops + _OPERATIONS_PER_BYTE * moved < _LITTLE_WORK
