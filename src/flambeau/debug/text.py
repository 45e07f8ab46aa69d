"""What the passes make, as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..compiler.program import Buffer, HostStep, KernelStep, Program
from ..compiler.schedule import Group
from ..graph import Node, format_graph

__all__ = ["shown", "shown_node", "shown_places"]


def shown(result: Any) -> str:
    """Show what a pass made: nodes, groups or a program."""
    if isinstance(result, Program):
        return _program(result)
    if result and isinstance(result[0], Group):
        return "\n".join(map(_group, result))
    return format_graph(result)


def shown_node(node: Node) -> str:
    """Show an op and the value it gives."""
    return f"{node.name} {node.dtype.name}{list(node.shape)}"


def shown_places(program: Program, offsets: dict[int, int], size: int) -> str:
    """Show where in the arena the buffers are."""
    lines = [
        f"b{number} at {offset} to {offset + program.buffers[number].nbytes}"
        for number, offset in sorted(offsets.items(), key=lambda each: each[1])
    ]
    return "\n".join([*lines, f"arena of {size} bytes"])


def _group(group: Group) -> str:
    parts = [
        shown_node(each) + (" (not stored)" if id(each) in group.unread else "")
        for each in group.nodes
    ]
    return f"[{group.kind}: {', '.join(parts)}]"


def _program(program: Program) -> str:
    lines = [f"b{each.number} = {_buffer(each)}" for each in program.buffers]
    names = {number: "leaf" for _, number in program.leaves}
    names |= {number: "constant" for number, _ in program.constants}
    names |= {number: "output" for _, number in program.outputs}
    lines = [
        line + (f"  {names[each.number]}" if each.number in names else "")
        for line, each in zip(lines, program.buffers, strict=True)
    ]
    steps = [
        _step(step) + ("  once for the same values" if at in program.prologue else "")
        for at, step in enumerate(program.steps)
    ]
    return "\n".join(lines + steps)


def _buffer(buffer: Buffer) -> str:
    shared = "" if buffer.source == buffer.number else f" in b{buffer.source}"
    kind = f"{buffer.dtype.name}{list(buffer.shape)}"
    return f"{kind} steps {list(buffer.steps)}{shared}"


def _step(step: KernelStep | HostStep) -> str:
    if isinstance(step, KernelStep):
        return f"run {step.kernel.name}({_names(step.buffers)})"
    return f"numpy b{step.output} = {step.node.name}({_names(step.inputs)})"


def _names(buffers: Sequence[int]) -> str:
    return ", ".join(f"b{each}" for each in buffers)
