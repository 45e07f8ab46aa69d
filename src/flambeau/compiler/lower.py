"""Pass: turn groups into kernels on buffers; `lowerings` has a module per family.

[loop: y = relu(x * w)], [whole: conv(y, k)]   ->   loop_mul_relu(x, w, y), conv(y, k)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..graph import Node, topological
from ..runtime.target import Target
from .kinds import Kind
from .lowerings.context import Lowering
from .lowerings.flattening import loose_rows
from .lowerings.loop import lower_loop
from .lowerings.reduce import lower_reduce
from .lowerings.registry import FAMILIES
from .options import Options
from .program import Program
from .schedule import Group

__all__ = ["lower"]


def lower(
    groups: Sequence[Group],
    outputs: Sequence[tuple[int, Node]],
    given: dict[int, int],
    target: Target,
    options: Options,
) -> Program:
    """Return the program of a scheduled graph.

    Args:
        groups: what is computed together, in order.
        outputs: the wanted nodes, each with its position in the graph as given.
        given: positions in the graph as given, by a node's id; other leaves were made
            by the passes and are part of the program.
        target: the CPU.
        options: what the user has chosen.
    """
    lowering = Lowering(target, options)
    wanted = [node for _, node in outputs]
    order = topological(wanted)
    whole = {id(each.nodes[0]) for each in groups if each.kind == Kind.WHOLE}
    lowering.loose = loose_rows(order, wanted, whole, set(given))
    lowering.flat = _read_flat(order, lowering.loose)
    for group in groups:
        _lower_group(lowering, group)
    program = lowering.program
    for position, node in outputs:
        program.outputs.append((position, lowering.buffer_of(node).number))
    for node, buffer in lowering.leaves:
        if id(node) in given:
            program.leaves.append((given[id(node)], buffer.number))
        else:
            assert node.value is not None
            program.constants.append((buffer.number, node.value))
    return program


def _read_flat(order: Iterable[Node], loose: set[int]) -> set[int]:
    """The ids of the nodes that are only read as a row of elements, to be reshaped."""
    flat: set[int] = set()
    whole: set[int] = set()
    for node in order:
        read = flat if node.name == "view" and id(node) not in loose else whole
        read.update(map(id, node.inputs))
    return flat - whole


def _lower_group(lowering: Lowering, group: Group) -> None:
    lowering.unread |= group.unread
    if group.kind == Kind.LOOP:
        lower_loop(lowering, group.nodes)
    elif group.kind == Kind.REDUCE:
        lower_reduce(lowering, group.nodes)
    elif group.kind == Kind.WHOLE:
        FAMILIES[group.nodes[0].name].lower(lowering, group.nodes)
    else:
        lowering.host(group.nodes[0])
