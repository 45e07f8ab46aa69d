"""Which op is lowered by which function.

An op that is fused into loops or reductions needs no entry, and an op without one is
computed by its NumPy meaning. To add a family: write its kernels in `codegen`, a
function `lower(lowering, nodes)` in a module here, and its line in `FAMILIES`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ...graph import Node
from . import along, contract, convolution, flattening, loop, pool, recurrence, scatter
from .context import Lowering

__all__ = ["FAMILIES", "Family", "family_of"]


def _always(node: Node) -> bool:
    return True


def _never(node: Node, group: Sequence[Node]) -> bool:
    return False


@dataclass(frozen=True)
class Family:
    """How one op is lowered.

    Attributes:
        lower: adds the steps that compute the nodes of a group from stored inputs,
            and gives each node its buffer by `lowering.result(node)`.
        accepts: whether the family can compute a node of this op; other nodes are
            computed by their NumPy meaning.
        joins: whether a node, of this or another op, can be computed along with a
            group that this family lowers. The group's own nodes may be among its
            inputs; all others are there before the group.
        reads_views: whether views of stored nodes can be read where they lie; else
            they are copied first.
        reads_loops: whether elementwise inputs can be computed where they are read;
            else they are stored first.
        epilogue: whether elementwise ops on the first node's result can be computed as
            it is stored; they are further nodes of the group then.
        gathers: whether the epilogue can also sum over all dimensions but the channels.
    """

    lower: Callable[[Lowering, Sequence[Node]], None]
    accepts: Callable[[Node], bool] = _always
    joins: Callable[[Node, Sequence[Node]], bool] = _never
    reads_views: bool = False
    reads_loops: bool = False
    epilogue: bool = False
    gathers: bool = False


def _single(
    lower: Callable[[Lowering, Node], None], accepts: Callable[[Node], bool] = _always
) -> Family:
    """A family whose nodes are computed one by one."""
    return Family(lambda lowering, nodes: lower(lowering, nodes[0]), accepts)


def _contraction(
    lower: Callable[[Lowering, Sequence[Node]], None], gathers: bool = False
) -> Family:
    return Family(lower, convolution.can_convolve, epilogue=True, gathers=gathers)


_POOL_CODE = Family(pool.lower_max_pool, pool.can_slide, pool.joins_pool)
_SCATTER = Family(scatter.lower_scatter, scatter.can_scatter, reads_loops=True)


FAMILIES: dict[str, Family] = {
    "matmul": Family(
        contract.lower_matmul,
        contract.accepts_matmul,
        reads_views=True,
        epilogue=True,
    ),
    "conv": _contraction(convolution.lower_convolution, gathers=True),
    "conv_input_grad": _contraction(convolution.lower_input_gradient, gathers=True),
    "conv_weight_grad": _contraction(convolution.lower_weight_gradient),
    "recurrent_run": _single(recurrence.lower_recurrence, recurrence.can_recur),
    "recurrent_backward": _single(
        recurrence.lower_recurrence_gradient, recurrence.can_recur
    ),
    "view": _single(flattening.lower_reshape),
    "slice_update": Family(loop.lower_update, reads_loops=True),
    "cat": Family(loop.lower_cat, reads_loops=True),
    "max_pool": replace(_POOL_CODE, epilogue=True),
    "max_pool_index": _POOL_CODE,
    "pool_tap": _POOL_CODE,
    "sum_pool": Family(pool.lower_sum_pool, pool.can_slide, epilogue=True),
    "sum_pool_grad": _single(pool.lower_sum_pool_grad, pool.can_slide),
    "tap_gradient": _single(pool.lower_tap_gradient, pool.can_slide),
    "windows": _single(pool.lower_windows, pool.can_slide),
    **dict.fromkeys(scatter.COMBINE, _SCATTER),
    **dict.fromkeys(along.NAMES, _single(along.lower_along, along.can_walk)),
    "fold_windows": _single(pool.lower_fold, pool.can_slide),
}


def family_of(node: Node) -> Family | None:
    """Return the family that lowers a node, or None."""
    family = FAMILIES.get(node.name)
    return family if family is not None and family.accepts(node) else None
