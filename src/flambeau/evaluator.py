"""The NumPy evaluator: the meaning of the graph, node by node.

It is the definition that every compiled kernel is tested against, and a slow,
supported backend.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from . import dtypes as dt
from .graph import FREED, Node, topological

__all__ = ["Routine", "evaluate", "evaluate_float64", "meaning"]


def evaluate(roots: Iterable[Node]) -> None:
    """Compute and keep the value of every root.

    The values of other nodes are dropped after their last use, except where a later
    backward pass can still ask for them. Where an op raises, no value is kept: a
    graph whose positions were kept would no longer be asked whether they fit.
    """
    roots = [each for each in roots if each.value is None]
    if not roots:
        return
    order = topological(roots)
    wanted = {id(each) for each in roots}
    uses = _count_uses(order)
    values: dict[int, np.ndarray] = {}
    kept: list[tuple[Node, np.ndarray]] = []
    with np.errstate(all="ignore"):
        for node in order:
            value = node.value
            if value is None:
                value = meaning(node, _operands(node, values, uses))
                if id(node) in wanted or node.tape not in (None, FREED):
                    kept.append((node, _owned(value, node)))
            values[id(node)] = value
    for node, value in kept:
        node.settle(value)


def evaluate_float64(roots: Sequence[Node]) -> list[np.ndarray]:
    """Return the roots' values with every float computed in float64.

    Nothing is kept in the graph; constants are widened as they stand.
    """
    values: dict[int, np.ndarray] = {}
    order = topological(roots)
    uses = _count_uses(order)
    for root in roots:
        uses[id(root)] = uses.get(id(root), 0) + 1
    with np.errstate(all="ignore"):
        for node in order:
            value = node.value
            if value is None:
                value = _raw_meaning(node, _operands(node, values, uses))
            values[id(node)] = np.asarray(value).astype(_widest(node.dtype), copy=False)
    return [values[id(root)] for root in roots]


def meaning(node: Node, arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Return what NumPy computes for one node, in the node's dtype.

    Args:
        node: the node.
        arrays: the values of its inputs.
    """
    value = np.asarray(_raw_meaning(node, arrays))
    return value.astype(node.dtype.numpy, copy=False)


class Routine:
    """The evaluation of a graph, to be done again with other leaves.

    Attributes:
        leaves: the positions in the graph of the values that it takes.
        may_refuse: whether there are values that it does not take.
        donations: the places of leaves that results may be written over: none.
        is_apart: whether no output shares memory with a leaf.

    Args:
        order: the graph, inputs before users; it is not kept.
        outputs: the positions of the nodes whose values are wanted.
    """

    may_refuse = False
    donations: frozenset[int] = frozenset()
    is_apart = False

    def __init__(self, order: Sequence[Node], outputs: Sequence[int]) -> None:
        places = {id(node): at for at, node in enumerate(order)}
        self.leaves = [at for at, node in enumerate(order) if node.value is not None]
        self._outputs, self._wanted = list(outputs), set(outputs)
        # nodes without inputs, so that nothing else is kept alive
        self._steps = [
            (
                at,
                Node(node.op, (), node.params, node.shape, node.dtype),
                [(places[id(each)], each.dtype) for each in node.inputs],
            )
            for at, node in enumerate(order)
            if node.value is None
        ]

    def run(
        self,
        values: Sequence[np.ndarray],
        donors: Sequence[int] = (),
        known: object | None = None,
        free: Sequence[int] = (),
    ) -> list[np.ndarray]:
        """Return the outputs for these leaves, all of which stay as they are."""
        known = dict(zip(self.leaves, values, strict=True))
        owned = {}
        with np.errstate(all="ignore"):
            for at, node, inputs in self._steps:
                read = [_working_precision(known[each], kind) for each, kind in inputs]
                value = np.asarray(node.op.numpy(*read, **node.params))  # type: ignore[union-attr]
                known[at] = value.astype(node.dtype.numpy, copy=False)
                if at in self._wanted:  # others read it as `evaluate` lets them
                    owned[at] = _owned(known[at], node)
        return [owned[at] if at in owned else known[at] for at in self._outputs]


def _raw_meaning(node: Node, arrays: Sequence[np.ndarray]) -> np.ndarray:
    assert node.op is not None
    arrays = [
        _working_precision(array, each.dtype)
        for array, each in zip(arrays, node.inputs, strict=True)
    ]
    return node.op.numpy(*arrays, **node.params)


def _operands(
    node: Node, values: dict[int, np.ndarray], uses: dict[int, int]
) -> list[np.ndarray]:
    """The values of a node's inputs; those that nothing else reads are dropped."""
    arrays = [values[id(each)] for each in node.inputs]
    for each in node.inputs:
        uses[id(each)] -= 1
        if not uses[id(each)]:
            del values[id(each)]
    return arrays


def _count_uses(order: Sequence[Node]) -> dict[int, int]:
    uses: dict[int, int] = {}
    for node in order:
        if node.value is None:
            for each in node.inputs:
                uses[id(each)] = uses.get(id(each), 0) + 1
    return uses


def _working_precision(value: np.ndarray, kind: dt.dtype) -> np.ndarray:
    """The 16-bit floats are stored narrow and computed in float32, as in torch."""
    if kind.is_floating_point and value.dtype.itemsize == 2:
        return value.astype(np.float32)
    return value


def _owned(value: np.ndarray, node: Node) -> np.ndarray:
    """A value that stays is contiguous and keeps no larger array alive."""
    value = np.ascontiguousarray(value).reshape(node.shape)
    base = value.base
    if isinstance(base, np.ndarray) and base.nbytes > value.nbytes:
        return value.copy()
    return value


def _widest(kind: dt.dtype) -> np.dtype:
    return np.dtype(np.float64) if kind.is_floating_point else kind.numpy
