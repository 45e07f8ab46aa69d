"""Reductions, running totals, positions of extremes, sorting."""

from __future__ import annotations

import math
from collections.abc import Callable

import flambeau as fl

from ...tensor import Tensor
from .call import OPERATORS, Call, Operator, operator

__all__: list[str] = []


def _reduction(
    function: Callable[[Tensor, tuple[int, ...], bool], Tensor],
) -> Callable[[Call], Tensor]:
    def run(call: Call) -> Tensor:
        x = call[0]
        axes = call.listed(1, "axes")
        if not axes and call.get("noop_with_empty_axes", 0):
            return function(x.unsqueeze(-1), (x.ndim,), False)
        every = tuple(range(x.ndim)) if not axes else tuple(a % x.ndim for a in axes)
        return function(x, every, bool(call.get("keepdims", 1))).to(x.dtype)

    return run


def _prod(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
    for axis in sorted(axes, reverse=True):
        x = x.prod(axis, keepdim=keepdims)
    return x


def _limits(kind: fl.dtype) -> tuple[float, float]:
    """The least and the greatest value of a dtype: the extremes of no elements."""
    if kind.is_floating_point:
        return -math.inf, math.inf
    if kind is fl.bool:
        return False, True
    limits = fl.iinfo(kind)
    return limits.min, limits.max


def _extreme(name: str) -> Callable[..., Tensor]:
    def run(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Tensor:
        if x.numel():
            return getattr(fl, name)(x, axes, keepdim=keepdims)
        shape = x.sum(axes, keepdim=keepdims).shape
        least, most = _limits(x.dtype)
        return fl.full(shape, least if name == "amax" else most, dtype=x.dtype)

    return run


for _kind, _function in {
    "ReduceSum": lambda x, axes, keep: x.sum(axes, keepdim=keep),
    "ReduceMean": lambda x, axes, keep: (
        x.mean(axes, keepdim=keep)
        if x.dtype.is_floating_point
        else x.double().mean(axes, keepdim=keep)
    ),
    "ReduceMax": _extreme("amax"),
    "ReduceMin": _extreme("amin"),
    "ReduceProd": _prod,
    "ReduceL1": lambda x, axes, keep: x.abs().sum(axes, keepdim=keep),
    "ReduceL2": lambda x, axes, keep: (
        (x.double() if not x.dtype.is_floating_point else x)
        .square()
        .sum(axes, keepdim=keep)
        .sqrt()
    ),
    "ReduceSumSquare": lambda x, axes, keep: x.square().sum(axes, keepdim=keep),
    "ReduceLogSum": lambda x, axes, keep: x.sum(axes, keepdim=keep).log(),
    "ReduceLogSumExp": lambda x, axes, keep: fl.logsumexp(x, axes, keepdim=keep),
}.items():
    OPERATORS[_kind] = _reduction(_function)


def _position(function: Callable[..., Tensor]) -> Callable[[Call], Tensor]:
    def run(call: Call) -> Tensor:
        x, axis = call[0], call.get("axis", 0)
        last = bool(call.get("select_last_index", 0))
        found = function(x.flip(axis) if last else x, axis, keepdim=True)
        if last:
            found = x.shape[axis] - 1 - found
        return found if call.get("keepdims", 1) else found.squeeze(axis)

    return run


OPERATORS["ArgMax"] = _position(fl.argmax)
OPERATORS["ArgMin"] = _position(fl.argmin)


def _running(function: Callable[[Tensor, int], Tensor], first: int) -> Operator:
    def run(call: Call) -> Tensor:
        x, axis = call[0], int(call.numbers(1)[0])
        backwards = call.get("reverse", 0)
        x = x.flip(axis) if backwards else x
        if call.get("exclusive", 0):
            start = fl.full_like(x.narrow(axis, 0, 1), first)
            x = fl.cat([start, x.narrow(axis, 0, x.shape[axis] - 1)], axis)
        found = function(x, axis).to(x.dtype)
        return found.flip(axis) if backwards else found

    return run


OPERATORS["CumSum"] = _running(fl.cumsum, 0)
OPERATORS["CumProd"] = _running(fl.cumprod, 1)


@operator("TopK")
def top_k(call: Call) -> tuple[Tensor, Tensor]:
    """Return the k largest or smallest elements along an axis, and where they are."""
    x, axis = call[0], call.get("axis", -1)
    count = int(call.numbers(1)[0]) if call.has(1) else call.get("k")
    order = fl.argsort(x, axis, bool(call.get("largest", 1)), stable=True)
    places = order.narrow(axis, 0, count)
    return fl.gather(x, axis, places), places
