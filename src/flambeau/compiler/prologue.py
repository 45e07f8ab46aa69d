"""Pass: find the steps that depend on parameters only, such as packing weights.

pack(w), convolution(x, w), relu             ->   pack(w) is done once for many runs
s = rsqrt(var + eps), convolution(x, w) * s   ->   s is computed once for many runs

Where the same array is given again, as the parameters are from one batch to the next,
what these steps wrote the last time still holds. They come first then, into memory of
their own, and are left out as long as their arrays stay the same.
"""

from __future__ import annotations

from collections import defaultdict
from math import prod

from .program import KernelStep, Program

__all__ = ["find_prologue"]

_MOST_NUMBERS = 16_384  # of what is known of channels, such as a scale


def find_prologue(program: Program) -> dict[int, frozenset[int]]:
    """Return the positions of the steps that depend on parameters only.

    Beside each stand the leaves, by their place among the program's, with which it is
    to be done again: those that it depends on, and those of the steps it shares memory
    with.

    They rearrange what is given, and write scratch or what such steps read; or they
    compute a few numbers from given vectors, which is what layers know of their
    channels. Nothing else writes what they write, and no host step reads it.
    """
    given = program.given
    outside = given | program.wanted
    users = _users(program)
    writers = _writers(program, users, given)
    small = _small_steps(program, users, given)
    found = small | {
        at
        for at, step in enumerate(program.steps)
        if isinstance(step, KernelStep) and not step.kernel.flops
    }
    while True:
        lasting = {
            source
            for source, steps in users.items()
            if source not in outside
            and writers[source] <= found
            and all(isinstance(program.steps[at], KernelStep) for at in steps)
            and (
                writers[source] <= small
                or program.buffers[source].is_scratch
                or found.issuperset(steps)
            )
        }
        known = given | lasting
        kept = {at for at in found if program.sources(program.steps[at]) <= known}
        if kept == found:
            return _leaves(program, sorted(found), given)
        found = kept


def _leaves(
    program: Program, positions: list[int], given: set[int]
) -> dict[int, frozenset[int]]:
    """The leaves of some steps, and of all that they share memory with."""
    read = {number: {at} for at, (_, number) in enumerate(program.leaves)}
    parts: list[tuple[set[int], set[int], set[int]]] = []  # steps, buffers, leaves
    for at in positions:
        sources = program.sources(program.steps[at])
        steps, own = {at}, sources - given
        leaves = set().union(*(read.get(each, ()) for each in sources))
        for each in [part for part in parts if part[1] & own]:
            parts.remove(each)
            steps, own, leaves = steps | each[0], own | each[1], leaves | each[2]
        parts.append((steps, own, leaves))
    found = {at: frozenset(leaves) for steps, _, leaves in parts for at in steps}
    return dict(sorted(found.items()))


def _small_steps(
    program: Program, users: dict[int, list[int]], given: set[int]
) -> set[int]:
    """The steps that compute a few numbers from given vectors and numbers alone."""
    buffers = program.buffers
    known = {each for each in given if len(buffers[each].shape) <= 1}
    found = set()
    for at, step in enumerate(program.steps):
        sources = program.sources(step)
        made = {each for each in sources - given if users[each][0] == at}
        if (
            isinstance(step, KernelStep)
            and sources <= known | made
            and all(prod(buffers[each].shape) <= _MOST_NUMBERS for each in sources)
        ):
            found.add(at)
            known |= made
    return found


def _users(program: Program) -> dict[int, list[int]]:
    """The steps that touch each buffer's memory, in order; the first one writes it."""
    users: dict[int, list[int]] = defaultdict(list)
    for at, step in enumerate(program.steps):
        for source in program.sources(step):
            users[source].append(at)
    return users


def _writers(
    program: Program, users: dict[int, list[int]], given: set[int]
) -> dict[int, set[int]]:
    """The steps that may write to each buffer's memory.

    Every step writes something. One that is the first to touch no buffer adds to what
    others began, such as a scatter to a copy; it may have written all that it touches.
    """
    first = {steps[0] for source, steps in users.items() if source not in given}
    return {
        source: {steps[0], *(at for at in steps if at not in first)}
        for source, steps in users.items()
    }
