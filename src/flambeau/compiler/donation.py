"""Pass: which results may be written over what is given, if nobody needs that later.

p' = p - lr * g   ->   p' may lie where p lies: the step reads p last, place by place

Whether somebody needs a given value after the run is found out at each run; JAX calls
this buffer donation.
"""

from __future__ import annotations

from collections.abc import Iterator

from .program import Buffer, HostStep, KernelStep, Program

__all__ = ["find_donations", "postpone_updates"]

_LEAST = 4096  # bytes of a leaf, of which it is worth to ask who needs them
_LEAST_OF_ALL = 4 << 20  # for less, asking would take as long as moving the bytes
_FURTHEST = 16  # steps that an update is put behind: its operands stay in memory


def postpone_updates(program: Program) -> None:
    """Put steps that may write over a given value behind the others that read it.

    The update of a weight is part of its gradient's kernel, and the gradient of the
    layer's input comes after that: it, too, reads the weight.
    """
    if not _is_whole(program):
        return
    steps, pairs = program.steps, _Pairs(program)
    used = [program.sources(step) for step in steps]
    written = _written(program, used)
    last = {number: step for step, numbers in zip(steps, used) for number in numbers}
    for at in reversed(range(len(steps))):
        step = steps[at]
        ends = {id(last[read.number]) for read, _ in pairs.of(step)}
        near = range(at, min(at + _FURTHEST + 1, len(steps)))
        to = max((each for each in near if id(steps[each]) in ends), default=at)
        if all(
            used[each].isdisjoint(written[at]) and written[each].isdisjoint(used[at])
            for each in range(at + 1, to + 1)
        ):
            passed = {id(each) for each in steps[at + 1 : to + 1]}
            last |= {each: step for each in used[at] if id(last[each]) in passed}
            steps.insert(to, steps.pop(at))
            used.insert(to, used.pop(at))
            written.insert(to, written.pop(at))


def _written(program: Program, used: list[set[int]]) -> list[set[int]]:
    """What each step may write: what it is the first to use, or, if nothing is, all."""
    known = program.given
    found = []
    for each in used:
        found.append(each - known or each - program.given)
        known = known | each
    return found


def find_donations(program: Program) -> dict[int, int]:
    """Return the results' buffers, by the leaves' places among the program's leaves.

    A program that may end before it has computed everything gets none: its leaves are
    needed then.
    """
    if not _is_whole(program):
        return {}
    places = {number: place for place, (_, number) in enumerate(program.leaves)}
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for at, step in enumerate(program.steps):
        for number in program.sources(step):
            first.setdefault(number, at)
            last[number] = at
    pairs, found, taken = _Pairs(program), dict[int, int](), set[int]()
    for at, step in enumerate(program.steps):
        for read, stored in pairs.of(step):
            place = places[read.number]
            is_free = place not in found and stored.number not in taken
            if is_free and last[read.number] == first[stored.number] == at:
                found[place] = stored.number
                taken.add(stored.number)
    size = sum(program.buffers[each].nbytes for each in taken)
    return found if size >= _LEAST_OF_ALL else {}


def _is_whole(program: Program) -> bool:
    """Whether a run, once begun, computes everything."""
    only_kernels = all(isinstance(step, KernelStep) for step in program.steps)
    return only_kernels and not program.is_guarded


class _Pairs:
    """Finds leaves that steps read, and the results that they may write over them."""

    def __init__(self, program: Program) -> None:
        wanted = program.wanted
        self._buffers = program.buffers
        self._leaves = {number for _, number in program.leaves} - wanted
        self._results = wanted - program.given

    def of(self, step: KernelStep | HostStep) -> Iterator[tuple[Buffer, Buffer]]:
        """Yield the pairs of one step, which runs a kernel."""
        assert isinstance(step, KernelStep)
        buffers = self._buffers
        sources = [buffers[number].source for number in step.buffers]
        for pair in step.overwritable:
            read, stored = (buffers[buffers[each].source] for each in pair)
            if (
                read.number in self._leaves
                and stored.number in self._results
                and read.nbytes == stored.nbytes >= _LEAST
                and sources.count(read.number) == sources.count(stored.number) == 1
            ):
                yield read, stored
