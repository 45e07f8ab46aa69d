"""Reductions become one fused kernel, or two where the work is cut into parts."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from ...graph import Node
from .. import affine
from ..codegen.reduction import ReduceSpec, reduce_kernels
from ..collapse import collapse_reduction
from ..program import Buffer
from .context import Lowering
from .scope import Scope, Slots, kernel_name

__all__ = ["lower_reduce"]


def lower_reduce(lowering: Lowering, nodes: Sequence[Node]) -> None:
    """Compute equal reductions of inputs of one shape in one walk over them."""
    source, axes = nodes[0].inputs[0], nodes[0].params["axes"]
    scope = Scope(lowering, source.shape)
    found = [_summed(scope, node) for node in nodes]
    # of two vectors the longer one tells nothing: whether that is the batch varies
    order = scope.preferred_order(least=2)
    kept = [at for at in order if at not in axes]
    reduced = [at for at in order if at in axes]
    last_kept = bool(order) and order[-1] in kept
    walk = [*kept[:-1], *reduced, kept[-1]] if last_kept else [*kept, *reduced]
    results = tuple(
        (at, scope.slots.of(_result(lowering, node, kept, source.ndim)))
        for node, at in zip(nodes, found, strict=True)
    )
    spec = ReduceSpec(
        "sum" if nodes[0].name == "spread" else nodes[0].name,
        tuple(source.shape[at] for at in walk),
        len(kept) - last_kept,
        last_kept,
        scope.ordered(tuple(walk)),
        results,
    )
    _emit(lowering, collapse_reduction(spec), scope.slots)


def _summed(scope: Scope, node: Node) -> int:
    """The expression that is reduced."""
    whole = scope.express_whole(node.inputs[0])
    if node.name != "spread":
        return whole
    x, total = node.inputs
    axes = node.params["axes"]
    kept = [axis for at, axis in enumerate(affine.identity(x.ndim)) if at not in axes]
    count = prod(x.shape[axis] for axis in axes)
    number = scope.lowering.constant(np.array(count, x.dtype.numpy))
    return scope.squared_deviation(whole, scope.express(total, tuple(kept)), number)


def _result(lowering: Lowering, node: Node, kept: list[int], ndim: int) -> Buffer:
    """A dense buffer of the kept dimensions in their memory order."""
    if node.params.get("keepdims"):
        order = [*(at for at in range(ndim) if at not in kept), *kept]
    else:
        rank = {at: number for number, at in enumerate(sorted(kept))}
        order = [rank[at] for at in kept]
    return lowering.result(node, order)


def _emit(lowering: Lowering, spec: ReduceSpec, slots: Slots) -> None:
    name = kernel_name(spec.kind, spec.expressions, spec.code(spec.is_split))
    buffers = list(slots.buffers)
    for kernel in reduce_kernels(name, spec, lowering.target):
        buffers += [lowering.scratch(size) for size in kernel.scratch]
        lowering.run(kernel, buffers)
