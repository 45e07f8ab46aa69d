"""Check what the passes make, between them: tests run it on all that they compile.

compile_graph(order, outputs, target, report=verify) raises `Broken` after the first
pass whose result cannot be right, which is sooner and clearer than a wrong number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import prod
from typing import Any

from ..graph import Node, topological
from .codegen.access import Access, accesses
from .codegen.kernel import Kernel
from .kinds import Kind, classify
from .memory import own_memory
from .pipeline import COMPUTABLE
from .program import Buffer, KernelStep, Program
from .schedule import Group

__all__ = ["Broken", "verify", "verify_kernels", "verify_memory"]


class Broken(Exception):
    """A pass has made something that cannot be right."""


def verify(name: str, result: Any) -> None:
    """Check what a pass made: nodes, groups or a program; see `compile_graph`.

    Raises:
        Broken: what is wrong, and the pass.
    """
    try:
        if isinstance(result, Program):
            _verify_program(result)
        elif result and isinstance(result[0], Group):
            _verify_groups(result)
        else:
            _verify_nodes(result)
    except Broken as error:
        raise Broken(f"after {name}: {error}") from None


def _verify_nodes(nodes: Sequence[Node]) -> None:
    """Each node has the shape and the dtype that its op gives its inputs."""
    for node in topological(nodes):
        if node.op is not None and node.value is None:
            found = node.op.infer(*node.inputs, **node.params)
            if found != (node.shape, node.dtype):
                raise Broken(f"{node!r}: its op gives {found[0]}, {found[1]}")


def _verify_groups(groups: Sequence[Group]) -> None:
    """Each operand is given, stored before it is read, or computed where it is read."""
    homes = {id(each): at for at, group in enumerate(groups) for each in group.nodes}
    for at, group in enumerate(groups):
        done: set[int] = set()
        for node in group.nodes:
            for each in _operands(node, homes):
                home = homes[id(each)]
                if home > at or (home == at and id(each) not in done):
                    raise Broken(f"{node!r} reads {each!r}, which comes later")
                if home < at and id(each) in groups[home].unread:
                    raise Broken(f"{node!r} reads {each!r}, which is not in memory")
            done.add(id(node))


def _operands(node: Node, homes: dict[int, int]) -> Iterable[Node]:
    """The nodes of groups that a node is computed from."""
    stack, seen = list(node.inputs), set()
    while stack:
        each = stack.pop()
        if each.value is not None or id(each) in seen:
            continue
        seen.add(id(each))
        if id(each) in homes:
            yield each
        elif classify(each, COMPUTABLE) in (Kind.VIEW, Kind.LOOP):
            stack.extend(each.inputs)
        else:
            raise Broken(f"{node!r} reads {each!r}, which nothing computes")


def _verify_program(program: Program) -> None:
    """Buffers are whole, and each step reads what is there."""
    given = program.given
    for buffer in program.buffers:
        if buffer.number not in given:
            _verify_buffer(buffer, program.buffers[buffer.source])
    touched = {program.buffers[each].source for each in given}
    for step in program.steps:
        if isinstance(step, KernelStep):
            touched |= _sources(program, step.buffers)
            continue
        missing = _sources(program, step.inputs) - touched
        if missing:
            raise Broken(f"{step.node!r} reads b{min(missing)} before it is written")
        touched.add(step.output)
    for _, number in program.outputs:
        if program.buffers[number].source not in touched:
            raise Broken(f"nothing writes the output b{number}")
    _verify_donations(program)


def _verify_donations(program: Program) -> None:
    """Each is written first where its leaf is read last, by a step that allows it."""
    lives = _lives(program) if program.donations else {}
    for place, stored in program.donations.items():
        _, leaf = program.leaves[place]
        ends, begins = lives[leaf][-1], lives[stored][0]
        step = range(begins, begins + 1)
        if ends != begins or not _may_overwrite(program, step, leaf, stored):
            raise Broken(f"b{stored} may not be written over b{leaf}")


def _sources(program: Program, numbers: Iterable[int]) -> set[int]:
    """The numbers of the buffers whose memory is used."""
    for each in numbers:
        if not 0 <= each < len(program.buffers):
            raise Broken(f"there is no buffer b{each}")
    return {program.buffers[each].source for each in numbers}


def _verify_buffer(buffer: Buffer, source: Buffer) -> None:
    """All elements lie within the buffer's memory."""
    if source.source != source.number:
        raise Broken(f"b{buffer.number} is in b{source.number}, which is in another")
    if len(buffer.steps) != len(buffer.shape):
        raise Broken(f"b{buffer.number}: {buffer.shape} with steps {buffer.steps}")
    if not prod(buffer.shape):
        return
    moves = [(size - 1) * by for size, by in zip(buffer.shape, buffer.steps)]
    first = sum(each for each in moves if each < 0)
    last = sum(each for each in moves if each > 0) + 1
    if first < 0 or last * buffer.dtype.itemsize > source.nbytes:
        raise Broken(
            f"b{buffer.number}: {buffer.shape} with steps {buffer.steps} reaches from "
            f"{first} to {last}, beyond the {source.nbytes} bytes of b{source.number}"
        )


def verify_kernels(program: Program) -> None:
    """Check with the code of the kernels which buffers each one reads and writes.

    Raises:
        Broken: a table is too short, a buffer is read before anything is in it, or
            given values are written to.
    """
    given = program.given
    written = set(given)
    for step in program.steps:
        if not isinstance(step, KernelStep):
            written.add(step.output)
            continue
        access, name = _access(step.kernel), step.kernel.name
        if access.slots and max(access.slots) >= len(step.buffers):
            count = max(access.slots) + 1
            raise Broken(f"{name} uses {count} buffers, and gets {len(step.buffers)}")
        sources = [program.buffers[each].source for each in step.buffers]
        stored = {sources[each] for each in access.writes}
        for slot in access.reads:
            if sources[slot] not in written | stored:
                raise Broken(f"{name} reads b{sources[slot]} before it is written")
        if stored & given:
            raise Broken(f"{name} writes to b{min(stored & given)}, which is given")
        written |= stored
    for _, number in program.outputs:
        if program.buffers[number].source not in written:
            raise Broken(f"no kernel writes the output b{number}")


@lru_cache(maxsize=1024)
def _access(kernel: Kernel) -> Access:
    return accesses(kernel.ir)


def verify_memory(program: Program, offsets: dict[int, int], size: int) -> None:
    """Check that buffers in use at the same time have no byte in common.

    One may be written over another in the one step that allows it.

    Raises:
        Broken: two overlap, one has no place, or one is not inside the arena.
    """
    lives = _lives(program)
    outside = own_memory(program)
    for number in lives.keys() - outside:
        end = offsets.get(number, size) + program.buffers[number].nbytes
        if number not in offsets or end > size:
            raise Broken(f"b{number} is not in the arena of {size} bytes")
    places = sorted((offsets[each], each) for each in lives.keys() - outside)
    for at, (start, number) in enumerate(places):
        end = start + program.buffers[number].nbytes
        for other_start, other in places[at + 1 :]:
            if other_start >= end:
                break
            shared = _shared(lives[number], lives[other])
            if shared and not _may_overwrite(program, shared, number, other):
                raise Broken(f"b{number} and b{other} overlap in step {shared[0]}")


def _lives(program: Program) -> dict[int, range]:
    """The steps from the first to the last one that use each buffer's memory."""
    lives: dict[int, range] = {}
    for at, step in enumerate(program.steps):
        used = step.buffers if isinstance(step, KernelStep) else step.inputs
        for source in _sources(program, used):
            lives[source] = range(lives.get(source, range(at, at)).start, at + 1)
    return lives


def _shared(one: range, other: range) -> range:
    return range(max(one.start, other.start), min(one.stop, other.stop))


def _may_overwrite(program: Program, steps: range, one: int, other: int) -> bool:
    """Whether two buffers meet in one step that reads one and writes it over."""
    step = program.steps[steps[0]]
    if len(steps) > 1 or not isinstance(step, KernelStep):
        return False
    pairs = [
        {program.buffers[read].source, program.buffers[stored].source}
        for read, stored in step.overwritable
    ]
    return {one, other} in pairs
