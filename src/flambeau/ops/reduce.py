"""Reductions over axes, running totals, and the softmax family."""

from __future__ import annotations

from collections.abc import Callable
from math import prod as product
from typing import Any

import numpy as np

from .. import dtypes as dt
from ..graph import Node
from . import elementwise as ew
from .broadcast import expand, keep_axes, reduced, reshape, sum_
from .movement import cat, detach, flip, slice_axis
from .op import Infer, Op, same_as_input

__all__ = [
    "all_",
    "amax",
    "amin",
    "any_",
    "argmax",
    "argmin",
    "cumargmax",
    "cumargmin",
    "cumprod",
    "cumsum",
    "log_softmax",
    "logcumsumexp",
    "logsumexp",
    "mean",
    "prod",
    "softmax",
    "sum_",
    "variance",
]

Shape = tuple[int, ...]


def _bool_infer(x: Node, *, axes: Shape, keepdims: bool) -> tuple[Shape, dt.dtype]:
    return reduced(x.shape, axes, keepdims), dt.bool_


def _check_not_empty(name: str, x: Node, axes: Shape) -> None:
    for axis in axes:
        if x.shape[axis] == 0:
            raise IndexError(
                f"{name}(): Expected reduction dim {axis} to have non-zero size, "
                f"got shape {x.shape}: no elements have no extreme value"
            )


def _extreme_infer(name: str) -> Infer:
    def infer(x: Node, *, axes: Shape, keepdims: bool) -> tuple[Shape, dt.dtype]:
        _check_not_empty(name, x, axes)
        return reduced(x.shape, axes, keepdims), x.dtype

    return infer


def _over_axes(function: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    def run(x: np.ndarray, *, axes: Shape, keepdims: bool) -> np.ndarray:
        return function(x, axis=axes, keepdims=keepdims)

    return run


def _extreme_gradient(g: Node, y: Node, x: Node, axes: Shape, keepdims: bool) -> Node:
    """Share the gradient evenly among all elements that equal the extreme value."""
    hit = ew.cast(ew.equal(x, keep_axes(y, axes, x.shape)), x.dtype)
    count = sum_(hit, axes=axes, keepdims=True)
    return ew.mul(ew.div(hit, count), keep_axes(g, axes, x.shape))


amax = Op("amax", _extreme_infer("amax"), _over_axes(np.max), (_extreme_gradient,))
amin = Op("amin", _extreme_infer("amin"), _over_axes(np.min), (_extreme_gradient,))
all_ = Op("all", _bool_infer, _over_axes(np.all))
any_ = Op("any", _bool_infer, _over_axes(np.any))


def _count(x: Node, axes: Shape) -> int:
    return product(x.shape[axis] for axis in axes)


def mean(x: Node, axes: Shape, keepdims: bool = False) -> Node:
    """Return the sum over `axes` divided by the number of elements summed."""
    total = sum_(x, axes=axes, keepdims=keepdims)
    return ew.div(total, ew.const_like(_count(x, axes), x))


def variance(
    x: Node, axes: Shape, correction: float = 0, keepdims: bool = False
) -> Node:
    r"""Return :math:`\sum (x - \bar x)^2 / (n - correction)` over `axes`."""
    centred = ew.sub(x, mean(x, axes, keepdims=True))
    total = sum_(ew.mul(centred, centred), axes=axes, keepdims=keepdims)
    return ew.div(total, ew.const_like(max(_count(x, axes) - correction, 0), x))


def _exclusive_cumprod(x: Node, axis: int) -> Node:
    """The product of all elements before each one."""
    one = expand(ew.const_like(1, x), (*x.shape[:axis], 1, *x.shape[axis + 1 :]))
    before = slice_axis(x, axis, 0, max(x.shape[axis] - 1, 0))
    return cumprod(cat(one, before, axis=axis), axis=axis)


def _prod_gradient(g: Node, y: Node, x: Node, axis: int, keepdims: bool) -> Node:
    """The product of all the others: of what stands before and what behind."""
    if not x.size:
        return x
    before = _exclusive_cumprod(x, axis)
    behind = flip(_exclusive_cumprod(flip(x, (axis,)), axis), (axis,))
    return ew.mul(keep_axes(g, (axis,), x.shape), ew.mul(before, behind))


prod = Op(
    "prod",
    lambda x, axis, keepdims: (reduced(x.shape, (axis,), keepdims), x.dtype),
    lambda x, axis, keepdims: np.prod(x, axis=axis, keepdims=keepdims, dtype=x.dtype),
    (_prod_gradient,),
)


# One axis: positions of extremes and running totals


def _arg_infer(name: str) -> Infer:
    def infer(x: Node, *, axis: int) -> tuple[Shape, dt.dtype]:
        _check_not_empty(name, x, (axis,))
        return reduced(x.shape, (axis,), False), dt.int64

    return infer


def _position(function: Callable[..., Any]) -> Callable[..., np.ndarray]:
    return lambda x, axis: np.asarray(function(x, axis))


argmax = Op("argmax", _arg_infer("argmax"), _position(np.argmax))
argmin = Op("argmin", _arg_infer("argmin"), _position(np.argmin))


def _latest_extreme(accumulate: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Where the running extreme was last met; from the first NaN on, the last NaN."""

    def run(x: np.ndarray, *, axis: int) -> np.ndarray:
        met = (x == accumulate(x, axis=axis)) | (x != x)
        along = [-1 if at == axis else 1 for at in range(x.ndim)]
        places = np.where(met, np.arange(x.shape[axis]).reshape(along), 0)
        return np.maximum.accumulate(places, axis=axis)

    return run


def _positions_infer(x: Node, *, axis: int) -> tuple[Shape, dt.dtype]:
    return x.shape, dt.int64


cumargmax = Op("cummax", _positions_infer, _latest_extreme(np.maximum.accumulate))
cumargmin = Op("cummin", _positions_infer, _latest_extreme(np.minimum.accumulate))


def _reverse_cumsum(g: Node, axis: int) -> Node:
    return flip(cumsum(flip(g, (axis,)), axis=axis), (axis,))


def _earlier(x: Node, axis: int, steps: int) -> Node:
    """Each element in the place of the one that many steps before; zeros behind."""
    kept = slice_axis(x, axis, steps, x.shape[axis] - steps)
    behind = (*x.shape[:axis], steps, *x.shape[axis + 1 :])
    return cat(kept, expand(ew.const_like(0, x), behind), axis=axis)


def _cumprod_gradient(g: Node, y: Node, x: Node, axis: int) -> Node:
    r"""Element k gets :math:`\prod_{i<k} x_i \sum_{j \ge k} g_j \prod_{k<i\le j} x_i`.

    The sums come by doubling: one over 2 n elements is one over n, and another over the
    n behind them times the product of n elements. Nothing is divided, so that slopes of
    this hold where elements are zero, too.
    """
    size = x.shape[axis] if x.ndim else 1
    if size < 2:
        return g
    sums, product, steps = g, _earlier(x, axis, 1), 1
    while steps < size:
        sums = ew.add(sums, ew.mul(product, _earlier(sums, axis, steps)))
        product = ew.mul(product, _earlier(product, axis, steps))
        steps *= 2
    return ew.mul(_exclusive_cumprod(x, axis), sums)


cumsum = Op(
    "cumsum",
    same_as_input,
    lambda x, axis: np.cumsum(x, axis=axis, dtype=x.dtype),
    (lambda g, y, x, axis: _reverse_cumsum(g, axis),),
)
cumprod = Op(
    "cumprod",
    same_as_input,
    lambda x, axis: np.cumprod(x, axis=axis, dtype=x.dtype),
    (_cumprod_gradient,),
)


def _logcumsumexp_gradient(g: Node, y: Node, x: Node, axis: int) -> Node:
    r"""Element k gets :math:`\sum_{j \ge k} g_j e^{x_k - y_j}`, summed as logarithms.

    A logarithm has no sign, so the positive and negative g_j are summed apart.
    """
    zero, one = ew.const_like(0, g), ew.const_like(1, g)
    least = ew.const_like(-np.inf, g)

    def share(size: Node, kept: Node) -> Node:
        logs = ew.where(kept, ew.sub(ew.log(ew.where(kept, size, one)), y), least)
        total = flip(logcumsumexp(flip(logs, (axis,)), axis=axis), (axis,))
        return ew.exp(ew.add(total, x))

    gained = share(g, ew.greater(g, zero))
    lost = share(ew.neg(g), ew.less(g, zero))
    return ew.sub(gained, lost)


logcumsumexp = Op(
    "logcumsumexp",
    same_as_input,
    lambda x, axis: np.logaddexp.accumulate(x, axis=axis),
    (_logcumsumexp_gradient,),
)


# Softmax stays whole: taken apart it fuses and differentiates badly


def _softmax_numpy(x: np.ndarray, *, axis: int) -> np.ndarray:
    if not x.size:
        return x
    raised = np.exp(x - x.max(axis=axis, keepdims=True))
    return raised / raised.sum(axis=axis, keepdims=True)


def _log_softmax_numpy(x: np.ndarray, *, axis: int) -> np.ndarray:
    if not x.size:
        return x
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def _softmax_gradient(g: Node, y: Node, x: Node, axis: int) -> Node:
    inner = sum_(ew.mul(g, y), axes=(axis,), keepdims=True)
    return ew.mul(y, ew.sub(g, inner))


def _log_softmax_gradient(g: Node, y: Node, x: Node, axis: int) -> Node:
    return ew.sub(g, ew.mul(ew.exp(y), sum_(g, axes=(axis,), keepdims=True)))


softmax = Op("softmax", same_as_input, _softmax_numpy, (_softmax_gradient,))
log_softmax = Op(
    "log_softmax", same_as_input, _log_softmax_numpy, (_log_softmax_gradient,)
)


def logsumexp(x: Node, axes: Shape, keepdims: bool) -> Node:
    """Return log(sum(exp(x))) over `axes`, without overflow."""
    if any(x.shape[axis] == 0 for axis in axes):
        return ew.log(sum_(x, axes=axes, keepdims=keepdims))
    top = detach(amax(x, axes=axes, keepdims=True))  # cancels in the gradient
    shift = ew.where(ew.isfinite(top), top, ew.const_like(0, x))
    total = sum_(ew.exp(ew.sub(x, shift)), axes=axes, keepdims=True)
    result = ew.add(ew.log(total), shift)
    return reshape(result, reduced(x.shape, axes, keepdims))
