"""Pass: say what must hold of values that kernels cannot compute with otherwise.

gather(x, p)   ->   any((p < 0) | (p >= n)), computed along with the graph

Kernels read somewhere inside where a position is outside, so that nothing is harmed;
where the answer is yes, the results are thrown away and the NumPy evaluator raises
the user's error, or computes what is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from .. import dtypes as dt
from ..graph import Node
from ..ops import elementwise as ew
from ..ops.reduce import any_
from .affine import LOOKUPS
from .codegen.trigonometric import LARGEST_ANGLE
from .lowerings.scatter import COMBINE
from .lowerings.scope import positions_of

__all__ = ["outside"]


def outside(nodes: Iterable[Node], given: Collection[int]) -> Node | None:
    """Return whether some value is outside what kernels know, or None if none can be.

    Args:
        nodes: the graph.
        given: the ids of the nodes of which only the structure is known; leaves that
            the passes made are the same in every run.
    """
    found: Node | None = None
    for node in nodes:
        if node.value is None:
            for each in _checks(node, given):
                found = each if found is None else ew.logical_or(found, each)
    return found


def _checks(node: Node, given: Collection[int]) -> list[Node]:
    """What must not hold of the inputs of a node."""
    if node.name == "check_index":
        (positions,), params = node.inputs, node.params
        return [_beyond(positions, params["low"], params["high"], params["allowed"])]
    if node.name in ("sin", "cos") and node.size and node.dtype.itemsize > 2:
        return [_turns_often(node.inputs[0])]
    if node.name not in LOOKUPS and node.name not in COMBINE:
        return []
    found = []
    for positions, axis in zip(*positions_of(node), strict=True):
        size = node.inputs[0].shape[axis]
        low = 0 if "axis" in node.params else -size
        if positions.size and not _fits(positions, size, given):
            found.append(_beyond(positions, low, size, None))
    return found


def _fits(positions: Node, size: int, given: Collection[int]) -> bool:
    """Whether positions were made so that they lie inside."""
    if positions.value is not None:
        return id(positions) not in given and _within(positions.value, size)
    if positions.name in ("argmax", "argmin", "argsort"):
        axis = positions.params["axis"]
        return positions.inputs[0].shape[axis] <= size
    if positions.name == "inside":
        return positions.params["size"] <= size
    if positions.name == "check_index":
        params = positions.params
        within = params["low"] >= 0 and params["high"] <= size
        return within and params["allowed"] is None
    return positions.name in ("view", "expand", "permute", "slice", "cast") and _fits(
        positions.inputs[0], size, given
    )


def _within(positions: np.ndarray, size: int) -> bool:
    return bool(positions.min() >= 0 and positions.max() < size)


def _beyond(positions: Node, low: int, high: int, allowed: int | None) -> Node:
    positions = ew.cast(positions, dt.int64)
    below = ew.less(positions, ew.const_like(low, positions))
    beyond = ew.greater_equal(positions, ew.const_like(high, positions))
    found = ew.logical_or(below, beyond)
    if allowed is not None:
        other = ew.not_equal(positions, ew.const_like(allowed, positions))
        found = ew.logical_and(found, other)
    return any_(found, axes=tuple(range(found.ndim)), keepdims=False)


def _turns_often(angle: Node) -> Node:
    """Whether a finite angle has more turns than the kernels can take off."""
    size = ew.absolute(angle)
    many = ew.greater(size, ew.const_like(LARGEST_ANGLE, size))
    found = ew.logical_and(many, ew.isfinite(size))
    return any_(found, axes=tuple(range(found.ndim)), keepdims=False)
