"""Order: sorting, medians, the most frequent element, places in a sorted row."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from .. import dtypes as dt
from ..graph import Node
from . import elementwise as ew
from .broadcast import reduced, sum_
from .op import Op

__all__ = ["argmedian", "argmode", "argsort", "isin", "median", "searchsorted"]

Shape = tuple[int, ...]


def _argsort_numpy(x: np.ndarray, *, axis: int, descending: bool) -> np.ndarray:
    if not descending:
        return np.argsort(x, axis, kind="stable")
    # the reverse of the reversed order keeps equal elements in their order
    order = np.argsort(np.flip(x, axis), axis, kind="stable")
    return np.flip(x.shape[axis] - 1 - order, axis)


# Stable, with NaN as the largest element.
argsort = Op("argsort", lambda x, axis, descending: (x.shape, dt.int64), _argsort_numpy)


def _one_infer(x: Node, *, axis: int, **params: object) -> tuple[Shape, dt.dtype]:
    return reduced(x.shape, (axis,), False), dt.int64


# The median: the lower one of two; NaN if there is one, unless NaN is ignored.


def _argmedian_numpy(x: np.ndarray, *, axis: int, ignore_nan: bool) -> np.ndarray:
    order = np.argsort(x, axis, kind="stable")
    numbers = np.sum(x == x, axis, keepdims=True)
    middle = np.maximum(numbers - 1, 0) // 2
    if not ignore_nan:  # the first NaN stands behind all numbers
        middle = np.where(numbers < x.shape[axis], numbers, middle)
    return np.take_along_axis(order, middle, axis).squeeze(axis)


def _median_numpy(x: np.ndarray, *, ignore_nan: bool) -> np.ndarray:
    flat = x.reshape(-1)
    return flat[_argmedian_numpy(flat, axis=0, ignore_nan=ignore_nan)]


def _median_gradient(g: Node, y: Node, x: Node, ignore_nan: bool) -> Node:
    """Share the gradient evenly among all elements that equal the median."""
    hit = ew.logical_or(ew.equal(x, y), ew.logical_and(ew.isnan(x), ew.isnan(y)))
    share = ew.cast(hit, g.dtype)
    count = sum_(share, axes=tuple(range(x.ndim)), keepdims=False)
    return ew.mul(share, ew.div(g, count))


argmedian = Op("argmedian", _one_infer, _argmedian_numpy)
median = Op(
    "median", lambda x, ignore_nan: ((), x.dtype), _median_numpy, (_median_gradient,)
)


# The most frequent element


def _argmode_numpy(x: np.ndarray, *, axis: int) -> np.ndarray:
    rows = np.moveaxis(x, axis, -1)
    order = np.argsort(rows, -1, kind="stable")
    ranked = np.take_along_axis(rows, order, -1)
    count = ranked.shape[-1]
    ends = np.ones(ranked.shape, bool)
    ends[..., :-1] = ranked[..., 1:] != ranked[..., :-1]
    # each run ends at one place: its length is the distance to the end before
    places = np.where(ends, np.arange(count), -1)
    before = np.maximum.accumulate(places, -1)
    before = np.concatenate([np.full_like(before[..., :1], -1), before[..., :-1]], -1)
    lengths = np.where(ends, np.arange(count) - before, 0)
    longest = np.argmax(lengths, -1)[..., None]
    return np.take_along_axis(order, longest, -1)[..., 0]


# The last of the most frequent elements, the smallest of several such values.
argmode = Op("mode", _one_infer, _argmode_numpy)


# Places in a sorted row, and membership


def _searchsorted_numpy(
    edges: np.ndarray, values: np.ndarray, *, right: bool
) -> np.ndarray:
    side: Literal["left", "right"] = "right" if right else "left"
    if edges.ndim == 1:
        return np.searchsorted(edges, values, side)
    count = math.prod(edges.shape[:-1])
    rows = edges.reshape(count, edges.shape[-1])
    wanted = values.reshape(count, values.shape[-1])
    found = [
        np.searchsorted(row, row_values, side) for row, row_values in zip(rows, wanted)
    ]
    return np.array(found, np.int64).reshape(values.shape)


searchsorted = Op(
    "searchsorted",
    lambda edges, values, right: (values.shape, dt.int64),
    _searchsorted_numpy,
)
isin = Op(
    "isin",
    lambda x, others, invert: (x.shape, dt.bool_),
    lambda x, others, invert: np.isin(x, others, invert=invert),
)
