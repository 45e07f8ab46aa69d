"""Pooling in NumPy: maxima and sums of windows, and scatter and gather by position.

Layouts are torch's, (N, C, *sizes). The number of windows is an argument,
`output_size`: a window that hangs over the end (torch's ceil_mode) reads nothing there.
A window is a box, so its maximum and its sum are taken along one dimension after the
other, in k taps per dimension instead of their product.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from ..shape import contiguous_strides
from .numpy_windows import Ints, Pads, Slices, low_sides, taps

__all__ = [
    "max_pool",
    "max_pool_index",
    "pick",
    "sum_pool",
    "sum_pool_grad",
    "unpool",
]


def max_pool(
    x: np.ndarray,
    kernel: Ints,
    stride: Ints,
    padding: Pads,
    dilation: Ints,
    output_size: Ints,
) -> np.ndarray:
    """Return the maximum of every window; padding is below everything, nan above.

    Shape: x (N, C, *sizes); result (N, C, *output_size).
    """
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    for dim, window in _passes(kernel, stride, padding, dilation, output_size):
        y = np.full(_resized(x.shape, dim, output_size), lowest, x.dtype)
        for seen, read in _taps_along(dim, x.shape, window):
            np.maximum(y[seen], x[read], out=y[seen])
        x = y
    return x


def max_pool_index(
    x: np.ndarray,
    kernel: Ints,
    stride: Ints,
    padding: Pads,
    dilation: Ints,
    output_size: Ints,
) -> np.ndarray:
    """Return where every window has its maximum, as int64 over the flattened sizes.

    Of equal maxima the first counts and of nans the last, as in torch. A window that
    sees only padding gets a position near it.
    """
    sizes, low = x.shape[2:], low_sides(padding)
    found = list(taps(sizes, kernel, stride, low, dilation, output_size))
    best = max_pool(x, kernel, stride, padding, dilation, output_size)
    # How many taps come before the maximum: counting in small integers under masks is
    # several times faster than moving positions about.
    before = np.zeros(best.shape, np.min_scalar_type(len(found)))
    passed = np.zeros(best.shape, bool)
    for _, seen, read in found:
        passed[(..., *seen)] |= x[(..., *read)] == best[(..., *seen)]
        before += ~passed
    if (best != best).any():
        for number, (_, seen, read) in enumerate(found):
            is_nan = np.isnan(x[(..., *read)])
            np.copyto(before[(..., *seen)], before.dtype.type(number), where=is_nan)
    span = contiguous_strides(sizes)
    steps = [sum(map(prod, zip(tap, dilation, span))) for tap, _, _ in found]
    index = np.array([*steps, 0]).take(before) + _starts(stride, low, span, output_size)
    return np.clip(index, 0, max(prod(sizes) - 1, 0), out=index)


def _starts(stride: Ints, low: Ints, span: Ints, output_size: Ints) -> np.ndarray:
    """Return the flattened position of every window's first tap."""
    starts = np.array(0)
    for s, lo, step, count in zip(stride, low, span, output_size):
        starts = np.add.outer(starts, (np.arange(count) * s - lo) * step)
    return starts


def sum_pool(
    x: np.ndarray, kernel: Ints, stride: Ints, padding: Pads, output_size: Ints
) -> np.ndarray:
    """Return the sum of every window; padding counts as zero.

    Shape: x (N, C, *sizes); result (N, C, *output_size).
    """
    ones = (1,) * len(kernel)
    for dim, window in _passes(kernel, stride, padding, ones, output_size):
        y = np.zeros(_resized(x.shape, dim, output_size), x.dtype)
        for seen, read in _taps_along(dim, x.shape, window):
            y[seen] += x[read]
        x = y
    return x


def sum_pool_grad(
    g: np.ndarray, kernel: Ints, stride: Ints, padding: Pads, input_size: Ints
) -> np.ndarray:
    """Add every element of g to the positions of its window: `sum_pool`'s adjoint.

    Shape: g (N, C, *windows); result (N, C, *input_size).
    """
    ones = (1,) * len(kernel)
    for dim, window in _passes(kernel, stride, padding, ones, g.shape[2:]):
        x = np.zeros(_resized(g.shape, dim, input_size), g.dtype)
        for seen, read in _taps_along(dim, x.shape, window):
            x[read] += g[seen]
        g = x
    return g


def _passes(
    kernel: Ints, stride: Ints, padding: Pads, dilation: Ints, output_size: Ints
) -> Iterator[tuple[int, Ints]]:
    """List the dimensions with what `taps` wants to know of each."""
    return enumerate(zip(kernel, stride, low_sides(padding), dilation, output_size), 2)


def _taps_along(dim: int, shape: Ints, window: Ints) -> Iterator[tuple[Slices, Slices]]:
    """List the taps of windows along one dimension of arrays (N, C, *sizes)."""
    before = (slice(None),) * dim
    for _, seen, read in taps(shape[dim : dim + 1], *((each,) for each in window)):
        yield (*before, *seen), (*before, *read)


def _resized(shape: Ints, dim: int, sizes: Ints) -> Ints:
    """Return `shape` with the size of `dim` from the spatial `sizes`."""
    return (*shape[:dim], sizes[dim - 2], *shape[dim + 1 :])


def pick(x: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Read x at flattened spatial positions, such as those of `max_pool_index`.

    Shape: x (N, C, *sizes), index (N, C, *windows); result as index.
    """
    return x.reshape(-1).take(_positions(index, prod(x.shape[2:])))


def unpool(g: np.ndarray, index: np.ndarray, input_size: Ints) -> np.ndarray:
    """Add g into zeros at flattened spatial positions: the adjoint of `pick`.

    Shape: g and index (N, C, *windows); result (N, C, *input_size).
    """
    x = np.zeros((*g.shape[:2], *input_size), g.dtype)
    where = _positions(index, prod(input_size))
    np.add.at(x.reshape(-1), where.reshape(-1), g.reshape(-1))
    return x


def _positions(index: np.ndarray, positions: int) -> np.ndarray:
    """Turn positions within each image's channel into positions in the whole array."""
    images = np.arange(prod(index.shape[:2])) * positions
    return index + images.reshape(*index.shape[:2], *(1,) * (index.ndim - 2))
