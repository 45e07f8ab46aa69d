"""Ops that write at integer positions: a copy of the old elements, then a scatter."""

from __future__ import annotations

from collections.abc import Sequence

from ... import dtypes as dt
from ...graph import Node
from ...ops.index import indexed_shape
from ...shape import broadcast_shapes
from .. import affine
from ..codegen.loops import LoopSpec, is_uniform
from ..codegen.scatter import ScatterSpec, scatter_kernel
from .context import Lowering
from .loop import copy_into
from .scope import Scope, kernel_name, positions_of

__all__ = ["COMBINE", "can_scatter", "lower_scatter"]

COMBINE = {
    "scatter": "",
    "scatter_add": "add",
    "scatter_prod": "mul",
    "scatter_amax": "maximum",
    "scatter_amin": "minimum",
    "index_put": "",
    "index_add": "add",
}
"""The ops, with the elementwise op of the old and the new element; "" replaces."""


def can_scatter(node: Node) -> bool:
    """Whether the kernels can compute a node: bools are only replaced."""
    return node.dtype is not dt.bool_ or not COMBINE[node.name]


def lower_scatter(lowering: Lowering, nodes: Sequence[Node]) -> None:
    """Copy the old elements, and combine the new ones with them."""
    (node,) = nodes
    result = lowering.result(node)
    copy_into(lowering, node.inputs[0], result, 0, result.steps)
    shape, walked = _domain(node)
    scope = Scope(lowering, (*shape, 1))  # with one more dimension, free and dense
    whole = affine.identity(len(shape) + 1)[:-1]
    picks, others = scope.picked(node, whole)
    new_node = node.inputs[2] if "axis" in node.params else node.inputs[1]
    new = scope.express(new_node, affine.broadcast(whole, shape, new_node.shape))
    steps = [0] * (len(shape) + 1)
    for dim, axis in others:
        steps[axis.steps.index(1)] = result.steps[dim]
    order = _order(scope, steps, walked, [at for at, _ in picks])
    spec = ScatterSpec(
        COMBINE[node.name],
        tuple(scope.shape[dim] for dim in order),
        len(order) - len(walked) - 1,
        scope.ordered(order),
        new,
        tuple((at, node.inputs[0].shape[dim], result.steps[dim]) for at, dim in picks),
        scope.slots.of(result),
        node.dtype,
        tuple(steps[dim] for dim in order),
    )
    kernel = scatter_kernel(
        kernel_name(node.name, spec.expressions, spec.code), spec, lowering.target
    )
    lowering.run(kernel, scope.slots.buffers)


def _domain(node: Node) -> tuple[tuple[int, ...], list[int]]:
    """The shape of the new elements, and the dimensions along which they can meet."""
    positions, axes = positions_of(node)
    picked = broadcast_shapes(*(each.shape for each in positions))
    if "axis" in node.params:
        return picked, list(axes)
    together = not axes or axes[-1] - axes[0] == len(axes) - 1
    first = axes[0] if together and axes else 0
    shape = indexed_shape(node.shape, picked, axes)
    return shape, list(range(first, first + len(picked)))


def _order(
    scope: Scope, steps: Sequence[int], walked: list[int], positions: list[int]
) -> list[int]:
    """Free dimensions, walked ones, and the dense one that all lanes lie along."""
    free = [dim for dim in range(len(scope.shape)) if dim not in walked]
    free.sort(key=lambda dim: -steps[dim])
    for last in free:
        if steps[last] == 1 and scope.shape[last] > 1:
            order = [*(dim for dim in free if dim != last), *walked, last]
            spec = LoopSpec(scope.shape, scope.ordered(order))
            if all(is_uniform(spec, at) for at in positions):
                return order
    dummy = len(scope.shape) - 1
    return [*(dim for dim in free if dim != dummy), *walked, dummy]
