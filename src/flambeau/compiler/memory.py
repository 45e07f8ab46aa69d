"""Pass: give every buffer a place in one arena; buffers that never meet share it.

a used in steps 0-2, b in 1-3, c in 3-5   ->   a at 0, b behind it, c at 0 again

A result that may be written over an operand is, where nothing reads that later: its
memory is near then, and need not be read in before it is written.
"""

from __future__ import annotations

from ..runtime.memory import ALIGNMENT
from .program import KernelStep, Program

__all__ = ["plan_memory"]


def plan_memory(program: Program) -> tuple[dict[int, int], int]:
    """Return the offset of each temporary buffer by number, and the arena's size.

    Leaves, constants, outputs and what host steps return have memory of their own.
    """
    outside = own_memory(program)
    lives = _lives(program, outside)
    owners = _overwrite(program, lives)
    placed: list[tuple[int, int, int, int]] = []  # offset, end, first step, last step
    offsets: dict[int, int] = {}
    for number in sorted(lives, key=lambda at: -program.buffers[at].nbytes):
        first, last = lives[number]
        size = -(-max(program.buffers[number].nbytes, 1) // ALIGNMENT) * ALIGNMENT
        offset = _gap(placed, size, first, last)
        placed.append((offset, offset + size, first, last))
        offsets[number] = offset
    for number, owner in owners.items():
        offsets[number] = offsets[owner]
    return offsets, max((end for _, end, _, _ in placed), default=0)


def own_memory(program: Program) -> set[int]:
    """Return the numbers of the buffers that are not in the arena."""
    outside = program.given | program.wanted
    for step in program.steps:
        if not isinstance(step, KernelStep):
            outside.add(step.output)
    return outside


def _lives(program: Program, outside: set[int]) -> dict[int, tuple[int, int]]:
    """The first and the last step that use each buffer's memory."""
    lives: dict[int, tuple[int, int]] = {}
    for at, step in enumerate(program.steps):
        used = step.buffers if isinstance(step, KernelStep) else step.inputs
        for number in used:
            source = program.buffers[number].source
            if source not in outside:
                first, _ = lives.get(source, (at, at))
                lives[source] = (first, at)
    return lives


def _overwrite(program: Program, lives: dict[int, tuple[int, int]]) -> dict[int, int]:
    """Let results take the memory of operands that end where they begin.

    Returns:
        Whose memory each such result has. It is no longer among `lives`; the life of
        the owner is that of both.
    """
    buffers = program.buffers
    owners: dict[int, int] = {}
    for at, step in enumerate(program.steps):
        if not isinstance(step, KernelStep):
            continue
        used = [buffers[number].source for number in step.buffers]
        for read, stored in step.overwritable:
            read, stored = buffers[read].source, buffers[stored].source
            owner = owners.get(read, read)
            if (
                owner in lives
                and stored in lives
                and lives[owner][1] == lives[stored][0] == at
                and buffers[owner].nbytes == buffers[stored].nbytes
                and used.count(read) == used.count(stored) == 1
            ):
                lives[owner] = (lives[owner][0], lives.pop(stored)[1])
                owners[stored] = owner
    return owners


def _gap(
    placed: list[tuple[int, int, int, int]], size: int, first: int, last: int
) -> int:
    """The lowest offset where `size` bytes are free during the steps."""
    taken = sorted(
        (offset, end)
        for offset, end, begin, finish in placed
        if begin <= last and first <= finish
    )
    at = 0
    for offset, end in taken:
        if offset - at >= size:
            break
        at = max(at, end)
    return at
