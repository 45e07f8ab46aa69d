"""Distinct elements, counts, and places among sorted ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes as dt
from ..graph import Node, constant
from ..ops import elementwise as ew
from ..ops import index as ix
from ..ops import order
from ..shape import axis_of
from .convert import value_of
from .handle import wrap
from .operands import Number, pair, to_node

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "bincount",
    "bucketize",
    "isin",
    "searchsorted",
    "unique",
    "unique_consecutive",
]


# Distinct elements: how many there are is part of the values, so evaluated at once


def _sortable(input: Tensor) -> np.ndarray:
    values = value_of(input)
    return values.astype(np.float32) if values.dtype.kind == "V" else values


def _found(input: Tensor, values: np.ndarray, *indices: np.ndarray | None) -> Any:
    """Return the values, and those of the index arrays that were asked for."""
    first = wrap(constant(values.astype(input.dtype.numpy), input.dtype))
    rest = [wrap(constant(np.asarray(each))) for each in indices if each is not None]
    return (first, *rest) if rest else first


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Return the distinct elements, or the distinct slices of a dimension, in order.

    Args:
        input: any shape.
        sorted: without effect: they always are.
        return_inverse: also return which distinct element each one equals.
        return_counts: also return how often each occurs.
        dim: the dimension; None for all elements.

    Raises:
        RuntimeError: slices without elements.

    Source: torch's page "torch.unique".

    Example:
        >>> import flambeau as torch
        >>> torch.unique(torch.tensor([3, 1, 3]), return_counts=True)
        (tensor([1, 3]), tensor([1, 2]))
    """
    values = _sortable(input)
    axis = None if dim is None else axis_of(dim, input.ndim)
    if axis is not None and not values.size and values.shape[axis]:
        raise RuntimeError(
            "unique: there are 0 sized dimensions, and they aren't selected, so unique "
            f"cannot be applied to shape {list(input.shape)} along dim {dim}"
        )
    found, inverse, counts = np.unique(
        values, return_inverse=True, return_counts=True, axis=axis, equal_nan=False
    )
    inverse = inverse.reshape(values.shape if axis is None else -1)
    return _found(
        input,
        found,
        inverse if return_inverse else None,
        counts if return_counts else None,
    )


def unique_consecutive(
    input: Tensor,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Return the elements without those that equal the one before.

    Args:
        input: any shape.
        return_inverse: also return which element of the result each one became.
        return_counts: also return how many each stands for.
        dim: the dimension whose slices are compared; None for all elements.

    Example:
        >>> import flambeau as torch
        >>> torch.unique_consecutive(torch.tensor([1, 1, 2, 1]))
        tensor([1, 2, 1])
    """
    values = _sortable(input)
    axis = 0 if dim is None else axis_of(dim, input.ndim)
    rows = values.reshape(-1) if dim is None else np.moveaxis(values, axis, 0)
    new = np.ones(len(rows), bool)
    new[1:] = (rows[1:] != rows[:-1]).any(axis=tuple(range(1, rows.ndim)))
    starts = np.flatnonzero(new)
    inverse = np.cumsum(new) - 1
    if dim is None:
        inverse = inverse.reshape(values.shape)
    counts = np.diff(np.append(starts, len(rows)))
    return _found(
        input,
        np.moveaxis(rows[starts], 0, axis),
        inverse if return_inverse else None,
        counts if return_counts else None,
    )


# Counts


def bincount(
    input: Tensor, weights: Tensor | None = None, minlength: int = 0
) -> Tensor:
    """Return how often each of 0, 1, 2, … occurs, or the sum of its weights.

    Args:
        input: integers, 1-d and not negative.
        weights: as many numbers.
        minlength: the least size of the result.

    Raises:
        NotImplementedError: `input` is no integer tensor.
        RuntimeError: negative numbers, other shapes, or a negative `minlength`.

    Example:
        >>> import flambeau as torch
        >>> torch.bincount(torch.tensor([1, 3, 1]))
        tensor([0, 2, 0, 1])
    """
    values = value_of(input)
    if values.dtype.kind not in "iu":
        raise NotImplementedError(
            f'"bincount_cpu" not implemented for {input.dtype!r}; convert to int64'
        )
    if values.ndim != 1 or (values.size and values.min() < 0):
        raise RuntimeError(
            "bincount only supports 1-d non-negative integral inputs, got shape "
            f"{list(input.shape)}"
        )
    if minlength < 0:
        raise RuntimeError(f"minlength should be >= 0, got {minlength}")
    if weights is None:
        return wrap(constant(np.bincount(values, minlength=minlength)))
    if weights.shape != input.shape:
        raise RuntimeError(
            "weights should be 1-d and have the same length as input, got "
            f"{list(weights.shape)} for {list(input.shape)}"
        )
    kind = dt.float32 if weights.dtype is dt.float32 else dt.float64
    totals = np.bincount(values, value_of(weights).astype(np.float64), minlength)
    return wrap(constant(totals.astype(kind.numpy)))


# Places among sorted elements


def searchsorted(
    sorted_sequence: Tensor,
    input: Tensor | Number,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Return where elements would have to be inserted to keep a row sorted.

    Args:
        sorted_sequence: one sorted row, or one for each row of `input`.
        input: what to insert.
        out_int32: return int32 instead of int64.
        right: behind equal elements instead of before them.
        side: "left" or "right", another way to say it.
        sorter: the indices that sort `sorted_sequence`, if it is not.

    Raises:
        RuntimeError: shapes that do not fit, or a `side` that is none.

    Source: torch's page "torch.searchsorted".

    Example:
        >>> import flambeau as torch
        >>> torch.searchsorted(torch.tensor([1, 3, 5]), torch.tensor([3, 6]))
        tensor([1, 3])
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(
            f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}"
        )
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side "
            "of left while right was True"
        )
    edges, values = sorted_sequence.node, to_node(input)
    _check_rows(edges, values)
    if sorter is not None:
        edges = ix.gather(edges, sorter.node, axis=edges.ndim - 1)
    return _places(edges, values, right or side == "right", out_int32)


def _check_rows(edges: Node, values: Node) -> None:
    if not edges.ndim:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should have positive dimension, "
            "but got 0 dimension"
        )
    if edges.ndim > 1 and edges.shape[:-1] != values.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the "
            "first N-1 dimensions of boundaries tensor and input value tensor must "
            f"match, but we got boundaries tensor {list(edges.shape)} and input value "
            f"tensor {list(values.shape)}"
        )


def _places(edges: Node, values: Node, right: bool, out_int32: bool) -> Tensor:
    kind = dt.promote_types(edges.dtype, values.dtype)
    if kind.is_floating_point:
        edges, values = ew.cast(edges, kind), ew.cast(values, kind)
    found = order.searchsorted(edges, values, right=right)
    return wrap(ew.cast(found, dt.int32) if out_int32 else found)


def bucketize(
    input: Tensor | Number,
    boundaries: Tensor,
    *,
    out_int32: bool = False,
    right: bool = False,
) -> Tensor:
    """Return which bucket between sorted boundaries each element falls into.

    Args:
        input: any shape, or a number.
        boundaries: one sorted row.
        out_int32: return int32 instead of int64.
        right: a bucket holds its left boundary instead of its right one.

    Raises:
        RuntimeError: the boundaries are not 1-d.

    Example:
        >>> import flambeau as torch
        >>> torch.bucketize(torch.tensor([1, 4]), torch.tensor([2, 3]))
        tensor([0, 2])
    """
    if boundaries.ndim != 1:
        raise RuntimeError(
            f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})"
        )
    return _places(boundaries.node, to_node(input), right, out_int32)


def isin(
    elements: Tensor | Number,
    test_elements: Tensor | Number,
    *,
    assume_unique: bool = False,
    invert: bool = False,
) -> Tensor:
    """Return whether each element is one of the others.

    Args:
        elements: any shape, or a number.
        test_elements: what to look for.
        assume_unique: without effect.
        invert: return whether it is none of them.

    Example:
        >>> import flambeau as torch
        >>> torch.isin(torch.tensor([1, 2]), torch.tensor([2, 3]))
        tensor([False,  True])
    """
    x, others = pair(elements, test_elements)
    return wrap(order.isin(x, others, invert=invert))
