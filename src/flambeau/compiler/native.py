"""The native backend: compile a graph once per structure, then run its plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from .. import evaluator
from ..graph import FREED, Node, Structure, structure
from ..ops.recurrent import steps_of
from .affine import VIEWS
from .donors import donors, pending_graph, pending_outline
from .options import Options
from .outlines import KnownPlan, Outline
from .recent import Recent

if TYPE_CHECKING:
    from ..runtime.plan import Plan

__all__ = [
    "Routine",
    "compiled",
    "evaluate",
    "kept_positions",
    "prepare",
    "structure",
]

_MOST_PLANS = 256
_LEAST_WORK = 200_000  # element operations; less is done by NumPy before it compiles
_STEP = 20_000  # element operations that NumPy could do in a step of a recurrence

_DEFAULT = Options()

_Key: TypeAlias = tuple[Structure, Options]

_plans: Recent[_Key, Plan] = Recent(_MOST_PLANS)
_outlines: Recent[_Key, KnownPlan] = Recent(_MOST_PLANS)


def evaluate(
    roots: Iterable[Node],
    least_work: int = _LEAST_WORK,
    options: Options = _DEFAULT,
) -> None:
    """Compute and keep the value of every root.

    Args:
        roots: the nodes.
        least_work: graphs with fewer element operations go to the NumPy evaluator.
            The graph alone decides, so a program always gives the same bits.
        options: what the user has chosen.
    """
    roots = list(roots)
    order, contents = pending_outline(roots)
    outline, key = None, None
    if contents:
        outline = Outline(order, contents)
        key = outline.structure(kept_positions(order, roots)), options
        if _run_known(key, outline, roots):
            return
        order = pending_graph(roots)
    if not _is_worth_compiling(order, least_work):
        evaluator.evaluate(roots)
        return
    kept = kept_positions(order, roots)
    plan = _plan(order, kept, options)
    if outline is not None and key is not None:
        _know(key, plan, order, kept, outline)
        del outline, contents  # nothing but the graph refers to values that are lent
    with donors(order, kept, plan.program) as places:
        values = plan.run([order[at].value for at, _ in plan.program.leaves], places)
        _settle(plan, [order[at] for at in kept], values, roots)


def _run_known(key: _Key, outline: Outline, roots: Sequence[Node]) -> bool:
    """Run the plan that is known of an outline; return whether there is one."""
    known = _outlines.get(key)
    values = None if known is None else known.run(outline)
    if known is None or values is None:
        return False
    _settle(known.plan, [outline.order[at] for at in known.outputs], values, roots)
    return True


def _know(
    key: _Key, plan: Plan, order: list[Node], kept: list[int], outline: Outline
) -> None:
    """Know the plan of an outline, if an outline like it tells all that is needed."""
    known = KnownPlan.of(plan, order, kept, outline)
    if known is not None:
        _outlines.put(key, known)


def _settle(
    plan: Plan,
    nodes: Iterable[Node],
    values: list[np.ndarray],
    roots: Sequence[Node],
) -> None:
    """Give nodes what a plan computed, unless it cannot compute with its leaves."""
    if plan.program.is_guarded and values.pop():
        evaluator.evaluate(roots)  # raises the user's error
        return
    for node, value in zip(nodes, values, strict=True):
        node.settle(value)


class Routine:
    """A plan, to be run with any leaves.

    Attributes:
        leaves: the positions in the graph of the values that it takes.
        may_refuse: whether there are values that it does not take.
        donations: the places of leaves that results may be written over.
        is_apart: whether no output shares memory with a leaf.

    Args:
        plan: the plan.
    """

    def __init__(self, plan: Plan) -> None:
        self.leaves = [at for at, _ in plan.program.leaves]
        self._plan = plan
        self.may_refuse = plan.program.is_guarded
        self.donations = frozenset(plan.program.donations)
        self.is_apart = plan.is_apart

    def run(
        self,
        values: Sequence[Any],
        donors: Sequence[int] = (),
        known: object | None = None,
        free: Sequence[int] = (),
    ) -> list[np.ndarray] | None:
        """Return the outputs, or None if the kernels cannot compute with the values.

        Args:
            values: of the leaves.
            donors: places of leaves among `donations` that nobody needs any more.
            known: stands for those that are the same as when it was given before.
            free: the places of the others.
        """
        found = self._plan.run(values, donors, known, free)
        return None if self.may_refuse and found.pop() else found


def prepare(
    order: Sequence[Node], outputs: Sequence[int], options: Options = _DEFAULT
) -> Routine | evaluator.Routine:
    """Return what computes some nodes of a graph, as `evaluate` would."""
    if not _is_worth_compiling(order, _LEAST_WORK):
        return evaluator.Routine(order, outputs)
    return Routine(_plan(order, outputs, options))


def _plan(order: Sequence[Node], kept: Sequence[int], options: Options) -> Plan:
    """The plan of a graph, known or new."""
    key = structure(order, kept), options
    plan = _plans.get(key)
    if plan is None:
        plan = compiled(order, kept, options)
        _plans.put(key, plan)
    return plan


def compiled(
    order: Sequence[Node], kept: Sequence[int], options: Options = _DEFAULT
) -> Plan:
    """Compile a graph.

    Args:
        order: the graph, inputs before users.
        kept: the positions in `order` of the nodes whose values are wanted.
        options: what the user has chosen.
    """
    # LLVM takes as long to import as flambeau; a program that computes little has no
    # need of it.
    from ..runtime.engine import engine
    from ..runtime.plan import Plan
    from .memory import plan_memory
    from .pipeline import compile_graph

    program = compile_graph(order, kept, engine().target, options)
    return Plan(program, *plan_memory(program), engine())


def kept_positions(order: Sequence[Node], roots: Iterable[Node]) -> list[int]:
    """Return the positions of the nodes that keep their value.

    Besides the roots, what is costly and a later backward pass can still ask for;
    elementwise results are computed again then.
    """
    wanted = {id(each) for each in roots}
    return [
        at
        for at, node in enumerate(order)
        if node.value is None
        and (id(node) in wanted or (node.tape not in (None, FREED) and _costly(node)))
    ]


def _costly(node: Node) -> bool:
    return node.name not in VIEWS and node.name != "view"


def _is_worth_compiling(order: Sequence[Node], least_work: int) -> bool:
    """Whether a graph has so many element operations, roughly."""
    total = 0
    for node in order:
        if total >= least_work:
            return True
        if node.value is None:
            total += max(node.size, *(each.size for each in node.inputs), 1)
            if node.name in ("matmul", "conv", "conv_input_grad", "conv_weight_grad"):
                total += 10 * node.size
            elif node.name in ("recurrent_run", "recurrent_backward"):
                total += _STEP * steps_of(node)
    return total >= least_work
