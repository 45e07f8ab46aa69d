"""Order: sorting, the most frequent element, and places in a sorted row."""

from __future__ import annotations

from typing import Literal

import numpy as np

from .. import dtypes as dt
from ..graph import Node
from .broadcast import reduced
from .op import Op

__all__ = ["argmode", "argsort", "isin", "searchsorted"]

Shape = tuple[int, ...]


def _argsort_numpy(x: np.ndarray, *, axis: int, descending: bool) -> np.ndarray:
    if not descending:
        return np.argsort(x, axis, kind="stable")
    # the reverse of the reversed order keeps equal elements in their order
    order = np.argsort(np.flip(x, axis), axis, kind="stable")
    return np.flip(x.shape[axis] - 1 - order, axis)


# Stable, with NaN as the largest element.
argsort = Op("argsort", lambda x, axis, descending: (x.shape, dt.int64), _argsort_numpy)


def _argmode_infer(x: Node, *, axis: int) -> tuple[Shape, dt.dtype]:
    return reduced(x.shape, (axis,), False), dt.int64


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
argmode = Op("mode", _argmode_infer, _argmode_numpy)


def _searchsorted_numpy(
    edges: np.ndarray, values: np.ndarray, *, right: bool
) -> np.ndarray:
    side: Literal["left", "right"] = "right" if right else "left"
    if edges.ndim == 1:
        return np.searchsorted(edges, values, side)
    rows = edges.reshape(-1, edges.shape[-1])
    wanted = values.reshape(-1, values.shape[-1])
    found = [
        np.searchsorted(row, row_values, side) for row, row_values in zip(rows, wanted)
    ]
    return np.array(found).reshape(values.shape)


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
