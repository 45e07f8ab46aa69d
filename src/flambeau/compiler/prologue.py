"""Pass: find the steps that only rearrange what is given, such as packing weights.

pack(w), convolution(x, w), relu   ->   pack(w) is done once for many runs

Where the same array is given again, as the parameters are from one batch to the next,
what these steps wrote the last time still holds. They come first then, into memory of
their own, and are left out as long as their arrays stay the same.
"""

from __future__ import annotations

from collections import defaultdict

from .program import KernelStep, Program

__all__ = ["find_prologue"]


def find_prologue(program: Program) -> tuple[int, ...]:
    """Return the positions of the steps that compute nothing and read leaves alone.

    What they write is scratch, or read by such steps only.
    """
    given = {number for number, _ in program.constants}
    given |= {number for _, number in program.leaves}
    wanted = {program.buffers[number].source for _, number in program.outputs}
    users = _users(program)
    found = {
        at
        for at, step in enumerate(program.steps)
        if isinstance(step, KernelStep) and not step.kernel.flops
    }
    while True:
        lasting = {
            source
            for source, steps in users.items()
            if source not in given
            and source not in wanted
            and steps[0] in found
            and (program.buffers[source].is_scratch or found.issuperset(steps))
        }
        kept = {at for at in found if _sources(program, at) <= given | lasting}
        if kept == found:
            return tuple(sorted(found))
        found = kept


def _users(program: Program) -> dict[int, list[int]]:
    """The steps that touch each buffer's memory, in order; the first one writes it."""
    users: dict[int, list[int]] = defaultdict(list)
    for at in range(len(program.steps)):
        for source in _sources(program, at):
            users[source].append(at)
    return users


def _sources(program: Program, at: int) -> set[int]:
    step = program.steps[at]
    if isinstance(step, KernelStep):
        return {program.buffers[number].source for number in step.buffers}
    numbers = (*step.inputs, step.output)
    return {program.buffers[number].source for number in numbers}
