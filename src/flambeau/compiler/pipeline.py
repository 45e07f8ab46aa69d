"""The compiler's passes, in order: from a graph to a program.

decompose -> guard -> simplify -> arrange -> store, schedule
-> lower (collapse, emit) -> prologue -> plan memory
"""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Node, state, topological
from ..runtime.target import Target
from .arrange import arrange
from .decompose import decompose
from .guard import outside
from .lower import lower
from .options import Options
from .program import FAULT, Program
from .prologue import find_prologue
from .schedule import schedule
from .simplify import simplify

__all__ = ["COMPUTABLE", "compile_graph"]

_DEFAULT = Options()

COMPUTABLE = frozenset(
    {"bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"}
)


def compile_graph(
    order: Sequence[Node],
    outputs: Sequence[int],
    target: Target,
    options: Options = _DEFAULT,
) -> Program:
    """Return the program that computes some nodes of a graph.

    Args:
        order: the graph, inputs before users.
        outputs: the positions in `order` of the nodes whose values are wanted.
        target: the CPU.
        options: what the user has chosen.
    """
    before, state.grad_enabled = state.grad_enabled, False
    try:
        replaced = decompose(order)
        wanted = [(at, replaced[id(order[at])]) for at in outputs]
        fault = outside(topological(node for _, node in wanted))
        if fault is not None:
            wanted.append((FAULT, fault))
        wanted = _simplified(wanted)
    finally:
        state.grad_enabled = before
    nodes = arrange(topological(node for _, node in wanted))
    groups = schedule(nodes, [node for _, node in wanted], COMPUTABLE)
    given = {id(node): at for at, node in enumerate(order)}
    program = lower(groups, wanted, given, target, options)
    program.prologue = find_prologue(program)
    return program


def _simplified(wanted: list[tuple[int, Node]]) -> list[tuple[int, Node]]:
    roots = [node for _, node in wanted]
    simpler = simplify(roots, topological(roots))
    return [(at, node) for (at, _), node in zip(wanted, simpler)]
