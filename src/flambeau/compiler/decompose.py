"""Pass: take whole ops apart into elementwise ops and reductions that fuse.

    softmax(x)   ->   e = exp(x - amax(x));  e / sum(e)

It runs on a step's whole graph, forward and backward, after differentiation: the ops
stay whole where they must differentiate well, and fuse where they are computed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from .. import dtypes as dt
from ..graph import Node
from ..ops import elementwise as ew
from ..ops import movement
from ..ops.broadcast import reshape
from ..ops.cells import CELLS
from ..ops.index import gather, scatter_add
from ..ops.op import Combined, Op
from ..ops.recurrent import recurrent_backward, recurrent_run
from ..ops.reduce import all_, amax, any_, sum_
from .resampling import resampled
from .rewriting import with_inputs
from .searching import searched
from .selection import pool_tap, tap_gradient, tells_all
from .spread import spread

__all__ = ["decompose"]


def _softmax(x: Node, axis: int) -> Node:
    top = amax(x, axes=(axis,), keepdims=True)
    raised = ew.exp(ew.sub(x, top))
    return ew.div(raised, sum_(raised, axes=(axis,), keepdims=True))


def _log_softmax(x: Node, axis: int) -> Node:
    shifted = ew.sub(x, amax(x, axes=(axis,), keepdims=True))
    total = sum_(ew.exp(shifted), axes=(axis,), keepdims=True)
    return ew.sub(shifted, ew.log(total))


def _normalize(
    x: Node, mean: Node, var: Node, axes: tuple[int, ...], eps: float
) -> Node:
    scale = ew.rsqrt(ew.add(var, ew.const_like(eps, var)))
    return ew.mul(ew.sub(x, mean), scale)


def _variance(x: Node, mean: Node, axes: tuple[int, ...]) -> Node:
    count = prod(x.shape[axis] for axis in axes)
    if _is_mean(mean, x, axes):
        total = sum_(x, axes=axes, keepdims=False)
        squares = reshape(spread(x, total, axes=axes), mean.shape)
    else:
        squares = sum_(ew.square(ew.sub(x, mean)), axes=axes, keepdims=True)
    return ew.div(squares, ew.const_like(count, x))


def _is_mean(mean: Node, x: Node, axes: tuple[int, ...]) -> bool:
    """Whether a node is the sum of x over axes, divided by something."""
    if mean.value is not None or mean.name != "div":
        return False
    total = mean.inputs[0]
    if total.value is not None or total.name != "sum":
        return False
    return total.inputs[0] is x and total.params["axes"] == axes


def _any(x: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    return any_(_truth(x), axes=axes, keepdims=keepdims)


def _all(x: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    return all_(_truth(x), axes=axes, keepdims=keepdims)


def _truth(x: Node) -> Node:
    return x if x.dtype is dt.bool_ else ew.not_equal(x, ew.const_like(0, x))


def _leaky_relu(x: Node, slope: Node) -> Node:
    return ew.where(ew.greater(x, ew.const_like(0, x)), x, ew.mul(x, slope))


def _hardtanh(x: Node, low: Node, high: Node) -> Node:
    return ew.minimum(ew.maximum(x, low), high)


def _unpool(g: Node, index: Node, input_size: tuple[int, ...]) -> Node:
    """The gradient of a max pool goes by the number of the tap."""
    if index.value is None and index.name == "max_pool_index":
        (x,), options = index.inputs, index.params
        if x.shape[2:] == input_size and tells_all(x, **options):
            tap = pool_tap(x, **options)
            return tap_gradient(g, tap, input_size=input_size, **options)
    zeros = movement.zeros((*g.shape[:2], prod(input_size)), g.dtype)
    added = scatter_add(zeros, _flat(index), _flat(g), axis=2)
    return reshape(added, (*g.shape[:2], *input_size))


def _pick(x: Node, index: Node) -> Node:
    return reshape(gather(_flat(x), _flat(index), axis=2), index.shape)


def _flat(images: Node) -> Node:
    """(N, C, *sizes) as (N, C, prod(sizes))."""
    return reshape(images, (*images.shape[:2], prod(images.shape[2:])))


def _states(run: Node, *inputs: Node, cell: str, names: object, reverse: bool) -> Node:
    """The states of a recurrent layer lie above what is kept for the way back."""
    rows = inputs[0].shape[0] + (CELLS[cell].states - 1) * inputs[2].shape[0]
    return movement.slice_axis(run, 0, 0, rows)


def _in_float32(op: Op) -> Callable[..., Node]:
    """The rule that has an op on 16-bit floats computed in float32, by its kernels."""

    def rule(*inputs: Node, **params: Any) -> Node:
        kind = inputs[0].dtype
        if kind not in (dt.float16, dt.bfloat16):
            return op(*inputs, **params)
        wide = [ew.cast(x, dt.float32) if x.dtype is kind else x for x in inputs]
        return ew.cast(op(*wide, **params), kind)

    return rule


def _rebind(old: Node, new: Node) -> Node:
    return new


def _scale_gradient(x: Node, scale: Node) -> Node:
    return x


_RULES: dict[str, Callable[..., Node]] = {
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "normalize": _normalize,
    "variance_about": _variance,
    "any": _any,
    "all": _all,
    "leaky_relu": _leaky_relu,
    "hardtanh": _hardtanh,
    "scale_gradient": _scale_gradient,
    "unpool": _unpool,
    "pick": _pick,
    "rebind": _rebind,
    "recurrent": _states,
    "recurrent_run": _in_float32(recurrent_run),
    "recurrent_backward": _in_float32(recurrent_backward),
    "resample": resampled,
    "searchsorted": searched,
}


def _rule(node: Node) -> Callable[..., Node] | None:
    if isinstance(node.op, Combined):
        return node.op.parts
    return _RULES.get(node.name) if all(node.shape) else None


def _given(node: Node) -> Node:
    """A leaf. A number is another node than an equal one that a pass makes.

    There is one node for equal numbers (`shared_scalar`); but what is given may be
    another number in the next run, what a pass makes may not.
    """
    if node.shape or node.op is not None:
        return node
    return Node(None, (), node.params, (), node.dtype, node.value)


def decompose(order: Sequence[Node]) -> dict[int, Node]:
    """Return, for each node by id, the node that computes it after the pass.

    Args:
        order: the graph, inputs before users.
    """
    found: dict[int, Node] = {}
    for node in order:
        if node.value is not None or node.op is None:
            found[id(node)] = _given(node)
            continue
        inputs = [found[id(each)] for each in node.inputs]
        rule = _rule(node)
        if rule is not None:
            found[id(node)] = rule(*inputs, **node.params)
        else:
            found[id(node)] = with_inputs(node, inputs)
    return found
