"""The compiler's passes, in order: from a graph to a program.

decompose -> guard -> simplify -> products -> arrange -> store, schedule
-> lower (collapse, emit) -> cascade -> prologue, donation -> plan memory
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

from .. import dtypes as dt
from ..graph import Node, state, topological
from ..runtime.target import Target
from .arrange import arrange
from .cascade import cascade
from .decompose import decompose
from .donation import find_donations, postpone_updates
from .guard import outside
from .lower import lower
from .options import Options
from .products import fit_products
from .program import FAULT, Program
from .prologue import find_prologue
from .schedule import schedule
from .simplify import simplify

__all__ = ["COMPUTABLE", "compile_graph"]

_DEFAULT = Options()

_NARROW = {dt.float16, dt.bfloat16}
COMPUTABLE = frozenset(
    each.name for each in dt.ALL if each not in _NARROW and not each.is_complex
)


def _ignore(name: str, result: Any) -> None:
    """What nobody asked to see."""


def compile_graph(
    order: Sequence[Node],
    outputs: Sequence[int],
    target: Target,
    options: Options = _DEFAULT,
    report: Callable[[str, Any], None] = _ignore,
) -> Program:
    """Return the program that computes some nodes of a graph.

    Args:
        order: the graph, inputs before users.
        outputs: the positions in `order` of the nodes whose values are wanted.
        target: the CPU.
        options: what the user has chosen.
        report: is told of each pass by name, and what it made: the wanted nodes, the
            nodes in order, the groups or the program.
    """
    before, state.grad_enabled = state.grad_enabled, False
    try:
        replaced = decompose(order)
        wanted = [(at, replaced[id(order[at])]) for at in outputs]
        report("decompose", [node for _, node in wanted])
        given = _given(order, replaced)
        fault = outside(topological(node for _, node in wanted), given)
        if fault is not None:
            wanted.append((FAULT, fault))
            report("guard", [node for _, node in wanted])
        wanted = _with_roots(wanted, simplify)
        report("simplify", [node for _, node in wanted])
        wanted = _with_roots(wanted, fit_products)
        report("products", [node for _, node in wanted])
    finally:
        state.grad_enabled = before
    nodes = arrange(topological(node for _, node in wanted))
    report("arrange", nodes)
    groups = schedule(nodes, [node for _, node in wanted], COMPUTABLE)
    report("schedule", groups)
    program = lower(groups, wanted, given, target, options)
    report("lower", program)
    cascade(program)
    report("cascade", program)
    postpone_updates(program)
    program.prologue = find_prologue(program)
    program.donations = find_donations(program)
    program.uses = _uses(order) if program.donations else []
    report("prologue", program)
    return program


def _given(order: Sequence[Node], replaced: dict[int, Node]) -> dict[int, int]:
    """The positions of nodes by their ids; leaves are what stands for them."""
    return {
        id(node if node.value is None else replaced[id(node)]): at
        for at, node in enumerate(order)
    }


def _with_roots(
    wanted: list[tuple[int, Node]],
    rewrite: Callable[[Sequence[Node], Sequence[Node]], list[Node]],
) -> list[tuple[int, Node]]:
    """What is wanted after a pass that rewrites the graph."""
    roots = [node for _, node in wanted]
    written = rewrite(roots, topological(roots))
    return [(at, node) for (at, _), node in zip(wanted, written)]


def _uses(order: Sequence[Node]) -> list[int]:
    """How often pending nodes read each node of a graph."""
    reads = (node.inputs for node in order if node.value is None)
    uses = Counter(map(id, chain.from_iterable(reads)))
    return [uses[id(node)] for node in order]
