"""Walks along one axis: argmax, argmin, running sums and products."""

from __future__ import annotations

from math import prod

from ... import dtypes as dt
from ...graph import Node
from ..codegen.along import EXTREMES, TOTALS, AlongSpec, along_kernel
from .context import Lowering
from .loop import dense
from .scope import spec_name

__all__ = ["NAMES", "can_walk", "lower_along"]

NAMES = (*EXTREMES, *TOTALS)


def can_walk(node: Node) -> bool:
    """Whether the kernels can compute a node: positions are counted in 32 bits."""
    (x,) = node.inputs
    return x.dtype is not dt.bool_ and x.shape[node.params["axis"]] < 1 << 31


def lower_along(lowering: Lowering, node: Node) -> None:
    """Walk along an axis, in the memory order of the source."""
    (x,), axis = node.inputs, node.params["axis"]
    order = lowering.buffer_of(x).order
    at = order.index(axis)
    spec = AlongSpec(
        node.name,
        prod(x.shape[dim] for dim in order[:at]),
        x.shape[axis],
        prod(x.shape[dim] for dim in order[at + 1 :]),
        x.dtype,
    )
    kernel = along_kernel(spec_name(node.name, spec.code), spec, lowering.target)
    source = dense(lowering, x, order)
    lowering.run(kernel, [source, lowering.result(node, _order(node, order, axis))])


def _order(node: Node, order: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """The memory order of the result."""
    if node.ndim == len(order):
        return order
    return tuple(dim - (dim > axis) for dim in order if dim != axis)
