"""Pass: which results may be written over what is given, if nobody needs that later.

p' = p - lr * g   ->   p' may lie where p lies: the step reads p last, place by place

Whether somebody needs a given value after the run is found out at each run; JAX calls
this buffer donation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .program import Buffer, KernelStep, Program

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
    steps = program.steps
    given = _given(program)
    used = [_sources(program, step) for step in steps]
    for at in reversed(range(len(steps))):
        leaves = {read.number for read, _ in _pairs(program, at)}
        ends = [max(_users(used, leaf)) for leaf in leaves]
        to = max((end for end in ends if end - at <= _FURTHEST), default=at)
        between = set().union(*used[at + 1 : to + 1])
        if between.isdisjoint(used[at] - given):
            steps.insert(to, steps.pop(at))
            used.insert(to, used.pop(at))


def find_donations(program: Program) -> dict[int, int]:
    """Return the results' buffers, by the leaves' places among the program's leaves.

    A program that may end before it has computed everything gets none: its leaves are
    needed then.
    """
    if not _is_whole(program):
        return {}
    places = {number: place for place, (_, number) in enumerate(program.leaves)}
    used = [_sources(program, step) for step in program.steps]
    found: dict[int, int] = {}
    for at in range(len(used)):
        for read, stored in _pairs(program, at):
            place = places[read.number]
            is_free = place not in found and stored.number not in found.values()
            ends = max(_users(used, read.number)) == at
            begins = min(_users(used, stored.number)) == at
            if is_free and ends and begins:
                found[place] = stored.number
    size = sum(program.buffers[each].nbytes for each in found.values())
    return found if size >= _LEAST_OF_ALL else {}


def _is_whole(program: Program) -> bool:
    """Whether a run, once begun, computes everything."""
    only_kernels = all(isinstance(step, KernelStep) for step in program.steps)
    return only_kernels and not program.is_guarded


def _given(program: Program) -> set[int]:
    return {number for _, number in program.leaves} | {
        number for number, _ in program.constants
    }


def _sources(program: Program, step: object) -> frozenset[int]:
    """The buffers whose memory a step uses."""
    assert isinstance(step, KernelStep)
    return frozenset(program.buffers[number].source for number in step.buffers)


def _users(used: Sequence[frozenset[int]], number: int) -> list[int]:
    """The positions of the steps that use a buffer's memory."""
    return [at for at, sources in enumerate(used) if number in sources]


def _pairs(program: Program, at: int) -> Iterator[tuple[Buffer, Buffer]]:
    """The leaves that a step reads, and the results that it may write over them."""
    buffers, step = program.buffers, program.steps[at]
    assert isinstance(step, KernelStep)
    leaves = {number for _, number in program.leaves}
    wanted = {buffers[number].source for _, number in program.outputs}
    sources = [buffers[number].source for number in step.buffers]
    for pair in step.overwritable:
        read, stored = (buffers[buffers[each].source] for each in pair)
        if (
            read.number in leaves - wanted
            and stored.number in wanted - _given(program)
            and read.nbytes == stored.nbytes >= _LEAST
            and sources.count(read.number) == sources.count(stored.number) == 1
        ):
            yield read, stored
