"""Sorting, and elements by their rank: topk, kthvalue, medians, the mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph import Node, constant
from ..ops import index as ix
from ..ops import order
from ..ops.broadcast import keep_axes, reshape
from ..ops.movement import slice_axis
from ..shape import axis_of
from .handle import wrap
from .return_types import named_result
from .selecting import at_least_1d

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "argsort",
    "kthvalue",
    "median",
    "mode",
    "msort",
    "nanmedian",
    "sort",
    "topk",
]


def _result(name: str) -> Any:
    return named_result(name, ("values", "indices"))


def sort(
    input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False
) -> Any:
    """Return the elements in order along one dimension, and where each came from.

    Args:
        input: any shape.
        dim: the dimension.
        descending: the largest first.
        stable: without effect: equal elements always keep their order.

    Returns:
        A named tuple of the values and their indices. NaN counts as the largest.

    Source: torch's page "torch.sort".

    Example:
        >>> import flambeau as torch
        >>> torch.sort(torch.tensor([3, 1, 2]))
        torch.return_types.sort(
        values=tensor([1, 2, 3]),
        indices=tensor([1, 2, 0]))
    """
    x, axis = at_least_1d(input.node), axis_of(dim, input.ndim)
    places = order.argsort(x, axis=axis, descending=descending)
    return _picked("sort", input, x, places, axis)


def _picked(name: str, input: Tensor, x: Node, places: Node, axis: int) -> Any:
    """Return values and indices; those of a 0-d tensor are 0-d."""
    values = ix.gather(x, places, axis=axis)
    if not input.ndim:
        values, places = reshape(values, ()), reshape(places, ())
    return _result(name)(wrap(values), wrap(places))


def argsort(
    input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False
) -> Tensor:
    """Return the indices that sort the tensor along one dimension, as `sort` does.

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([3, 1, 2]).argsort()
        tensor([1, 2, 0])
    """
    return sort(input, dim, descending, stable).indices


def msort(input: Tensor) -> Tensor:
    """Return the elements in order along the first dimension."""
    return sort(input, 0).values


def topk(
    input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True
) -> Any:
    """Return the k largest (or smallest) elements along one dimension, in order.

    Args:
        input: any shape.
        k: how many.
        dim: the dimension.
        largest: the largest ones; else the smallest.
        sorted: without effect: the result always is.

    Returns:
        A named tuple of the values and their indices.

    Raises:
        RuntimeError: there are not k elements.

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([3, 1, 2]).topk(2)
        torch.return_types.topk(
        values=tensor([3, 2]),
        indices=tensor([0, 2]))
    """
    x, axis = at_least_1d(input.node), axis_of(dim, input.ndim)
    if not 0 <= k <= x.shape[axis]:
        raise RuntimeError(
            f"topk: selected index k out of range: k is {k}, dimension {axis} has "
            f"{x.shape[axis]} elements"
        )
    places = order.argsort(x, axis=axis, descending=largest)
    return _picked("topk", input, x, slice_axis(places, axis, 0, k), axis)


# One element of each row


def _row(name: str, input: Tensor, dim: int) -> tuple[Node, int]:
    """Return the node, not 0-d, and the axis, which must have elements."""
    x, axis = at_least_1d(input.node), axis_of(dim, input.ndim)
    if not x.shape[axis]:
        raise IndexError(
            f"{name}(): Expected reduction dim {axis} to have non-zero size, got shape "
            f"{list(input.shape)}"
        )
    return x, axis


def _one_of_row(
    name: str, input: Tensor, x: Node, place: Node, axis: int, keepdim: bool
) -> Any:
    kept = keep_axes(place, (axis,), x.shape)
    values = ix.gather(x, kept, axis=axis)
    shape = kept.shape if keepdim and input.ndim else place.shape
    return _result(name)(wrap(reshape(values, shape)), wrap(reshape(place, shape)))


def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """Return the k-th smallest element along one dimension, and where it is.

    Args:
        input: any shape.
        k: the rank, from 1.
        dim: the dimension.
        keepdim: keep it, with size 1.

    Raises:
        IndexError: the dimension has no elements.
        RuntimeError: there are not k elements.

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([3, 1, 2]).kthvalue(2).values
        tensor(2)
    """
    x, axis = _row("kthvalue", input, dim)
    if not 1 <= k <= x.shape[axis]:
        raise RuntimeError(
            f"kthvalue(): selected number k out of range for dimension {axis}: k is "
            f"{k}, the size is {x.shape[axis]}"
        )
    places = order.argsort(x, axis=axis, descending=False)
    ranked = slice_axis(places, axis, k - 1, 1)
    place = reshape(ranked, x.shape[:axis] + x.shape[axis + 1 :])
    return _one_of_row("kthvalue", input, x, place, axis, keepdim)


def _median(name: str, input: Tensor, dim: int | None, keepdim: bool) -> Any:
    ignore_nan = name == "nanmedian"
    if dim is None and not input.numel():
        if not input.is_floating_point():
            raise RuntimeError(f"{name}(): an empty integer tensor has no median")
        return wrap(constant(np.array(np.nan, input.dtype.numpy), input.dtype))
    if dim is None:
        return wrap(order.median(input.node, ignore_nan=ignore_nan))
    x, axis = _row(name, input, dim)
    place = order.argmedian(x, axis=axis, ignore_nan=ignore_nan)
    return _one_of_row(name, input, x, place, axis, keepdim)


def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the middle element in order; the lower one of two; NaN if there is one.

    Args:
        input: any shape.
        dim: the dimension; None for all elements, and then the value alone.
        keepdim: keep the dimension, with size 1.

    Returns:
        A named tuple of the values and their indices, or the value.

    Raises:
        IndexError: the dimension has no elements.

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([4., 1., 3., 2.]).median()
        tensor(2.)
    """
    return _median("median", input, dim, keepdim)


def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the median of what is not NaN, as `median` does."""
    return _median("nanmedian", input, dim, keepdim)


def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """Return the most frequent element along one dimension, and where it is last.

    Of several values as frequent the smallest counts.

    Args:
        input: any shape.
        dim: the dimension.
        keepdim: keep it, with size 1.

    Raises:
        IndexError: the dimension has no elements.

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([2, 1, 2, 1, 3]).mode()
        torch.return_types.mode(
        values=tensor(1),
        indices=tensor(3))
    """
    x, axis = _row("mode", input, dim)
    place = order.argmode(x, axis=axis)
    return _one_of_row("mode", input, x, place, axis, keepdim)
