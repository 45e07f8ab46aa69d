"""Reverse-mode differentiation: one walk, the only place where gradients are added.

The graph itself is the tape. The walk visits the recorded nodes that a root needs,
users before inputs, asks each op's gradient rules for what reaches its inputs, and
adds what arrives at one node from several users.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..graph import FREED, Node, state, topological
from ..ops import elementwise as ew
from ..ops.complex_numbers import input_gradient
from .anomaly import check_gradient, looks_for_nan

__all__ = ["Call", "gradients"]


class Call:
    """One call of a custom Function: a step of the walk with several outputs.

    Attributes:
        name: the Function's name.
        inputs: the nodes it read.
        outputs: how many values it returned.
        backward: turns the outputs' gradients (None where none arrived) into the
            inputs' gradients (None where there is none).
        release: forgets what was saved for `backward`.
    """

    __slots__ = ("backward", "inputs", "name", "outputs", "release")

    def __init__(
        self,
        name: str,
        inputs: Sequence[Node],
        outputs: int,
        backward: Callable[[list[Node | None]], Sequence[Node | None]],
        release: Callable[[], None],
    ) -> None:
        self.name = name
        self.inputs = tuple(inputs)
        self.outputs = outputs
        self.backward = backward
        self.release = release


def gradients(
    roots: Sequence[Node],
    seeds: Sequence[Node],
    targets: Sequence[Node] | None = None,
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> dict[int, tuple[Node, Node]]:
    """Differentiate the roots, weighted by `seeds`.

    Args:
        roots: the nodes to differentiate.
        seeds: the gradient that arrives at each root.
        targets: the nodes whose gradients are wanted; None for all leaves.
        retain_graph: keep the tape for another backward pass.
        create_graph: record the gradients, so that they can be differentiated.

    Returns:
        For each target that a gradient reached, by id: the target and its gradient.
    """
    recorded: list[Node | Call] = [each for each in roots if each.tape is not None]
    order = topological(recorded, _sources)
    wanted = _wanted(order, targets)
    walk = _Walk(roots, seeds, {id(each) for each in targets or ()})
    before = state.grad_enabled
    state.grad_enabled = create_graph
    try:
        for step in reversed(order):
            walk.visit(step, wanted)
    finally:
        state.grad_enabled = before
    if not retain_graph:
        _free(order)
    return walk.found


class _Walk:
    """The gradients that have arrived so far."""

    def __init__(
        self, roots: Sequence[Node], seeds: Sequence[Node], targets: set[int]
    ) -> None:
        self.arrived: dict[int, Node] = {}
        self.at_calls: dict[int, list[Node | None]] = {}
        self.found: dict[int, tuple[Node, Node]] = {}
        self.targets = targets
        for root, seed in zip(roots, seeds, strict=True):
            self._arrive(root, seed)

    def visit(self, step: Node | Call, wanted: set[int] | None) -> None:
        """Send what has arrived at one step on to its inputs."""
        if isinstance(step, Call):
            self._through_call(step)
            return
        g = self.arrived.pop(id(step), None)
        if g is None or step.tape is None:
            return
        if step.tape.hooks:
            for hook in list(step.tape.hooks.values()):
                replaced = hook(g)
                g = g if replaced is None else replaced
        if step.tape.leaf is not None or id(step) in self.targets:
            self.found[id(step)] = (step, g)
        if step.tape.call is not None:
            call = step.tape.call
            slots = self.at_calls.setdefault(id(call), [None] * call.outputs)
            slots[step.tape.index] = g
        elif step.tape.leaf is None:
            self._through_node(step, g, wanted)

    def _through_node(self, node: Node, g: Node, wanted: set[int] | None) -> None:
        for index, source in enumerate(node.inputs):
            if source.tape is None or (wanted is not None and id(source) not in wanted):
                continue
            sent = input_gradient(index, g, node)
            if sent is not None and node.op is not None and looks_for_nan():
                check_gradient(sent, f"{node.op.torch_name}Backward0", index)
            self._arrive(source, sent)

    def _through_call(self, call: Call) -> None:
        arrived = self.at_calls.pop(id(call), None)
        if arrived is None:
            return
        sent = zip(call.inputs, call.backward(arrived), strict=True)
        for index, (source, g) in enumerate(sent):
            if source.tape is not None:
                if g is not None and looks_for_nan():
                    check_gradient(g, f"{call.name}Backward", index)
                self._arrive(source, g)

    def _arrive(self, node: Node, g: Node | None) -> None:
        if g is None:
            return
        known = self.arrived.get(id(node))
        self.arrived[id(node)] = g if known is None else ew.add(known, g)


def _sources(step: Node | Call) -> Sequence[Node | Call]:
    """What a step sends gradients to."""
    if isinstance(step, Call):
        return [each for each in step.inputs if each.tape is not None]
    tape = step.tape
    if tape is FREED:
        raise RuntimeError(
            "Trying to backward through the graph a second time (or directly access "
            "saved tensors after they have already been freed). Specify "
            "retain_graph=True if you need to backward through the graph a second "
            "time or if you need to access saved tensors after calling backward."
        )
    if tape is None or tape.leaf is not None:
        return ()
    if tape.call is not None:
        return (tape.call,)
    return [each for each in step.inputs if each.tape is not None]


def _wanted(
    order: Sequence[Node | Call], targets: Sequence[Node] | None
) -> set[int] | None:
    """The ids of the steps on a path to a target; None when every leaf is one."""
    if targets is None:
        return None
    found = {id(each) for each in targets}
    for step in order:
        if id(step) not in found and any(id(each) in found for each in _sources(step)):
            found.add(id(step))
    return found


def _free(order: Iterable[Node | Call]) -> None:
    for step in order:
        if isinstance(step, Call):
            step.release()
        elif step.tape is not None and step.tape.leaf is None:
            step.tape = FREED
            if step.value is not None:
                step.inputs = ()
