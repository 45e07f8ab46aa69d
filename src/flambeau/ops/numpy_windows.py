"""Windows in NumPy: the one walk over kernel taps that every window op shares.

A window op looks at its input through `kernel` taps per dimension. Tap k of window o
reads position ``o * stride + k * dilation - padding``. Instead of padding a copy,
`taps` names for each tap the windows whose position lies inside the input, so that
padding, cropping (negative padding) and windows that hang over the end are one rule.

Every function works for any number of spatial dimensions; sizes, strides, dilations
and (low, high) paddings are tuples with one entry per spatial dimension.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np

from ..shape import window_output

__all__ = [
    "Ints",
    "Pads",
    "Slices",
    "add_windows",
    "copy_windows",
    "fold_windows",
    "low_sides",
    "output_sizes",
    "taps",
    "windows",
]

Ints = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]
Slices = tuple[Any, ...]


def output_sizes(
    sizes: Ints,
    kernel: Ints,
    stride: Ints,
    padding: Pads,
    dilation: Ints,
    ceil_mode: bool = False,
) -> Ints:
    """Return how many windows fit along each dimension, by `shape.window_output`.

    It is 0 where the kernel is larger than the padded input.
    """
    found = (
        window_output(size, k, s, lo, hi, d, ceil_mode)
        for size, k, s, (lo, hi), d in zip(sizes, kernel, stride, padding, dilation)
    )
    return tuple(max(each, 0) for each in found)


def low_sides(padding: Pads) -> Ints:
    """Return the padding before the first element of each dimension."""
    return tuple(low for low, _ in padding)


def taps(
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    low: Ints,
    dilation: Sequence[int],
    windows: Sequence[int],
) -> Iterator[tuple[Ints, Slices, Slices]]:
    """List the taps of a kernel in row-major order, without those that see nothing.

    Args:
        sizes: the input's spatial sizes.
        low: the padding before the first element.
        windows: how many windows there are along each dimension.

    Returns:
        Triples (tap, seen, read): at the windows `seen`, this tap reads the input at
        `read`; at the others it reads padding.
    """
    axes = [
        _axis_taps(*each) for each in zip(sizes, kernel, stride, low, dilation, windows)
    ]
    for combination in product(*axes):
        tap, seen, read = zip(*combination) if combination else ((), (), ())
        yield tap, seen, read


def _axis_taps(
    size: int, kernel: int, stride: int, low: int, dilation: int, windows: int
) -> list[tuple[int, slice, slice]]:
    found = []
    for tap in range(kernel):
        offset = tap * dilation - low
        first = max(0, -(offset // stride))
        last = min(windows - 1, (size - 1 - offset) // stride)
        if first <= last:
            read = slice(first * stride + offset, last * stride + offset + 1, stride)
            found.append((tap, slice(first, last + 1), read))
    return found


def copy_windows(
    x: np.ndarray, cols: np.ndarray, stride: Ints, low: Ints, dilation: Ints
) -> None:
    """Fill cols (N, C, *kernel, *windows) from x (N, C, *sizes), where taps see it."""
    dims = x.ndim - 2
    kernel, out = cols.shape[2 : 2 + dims], cols.shape[2 + dims :]
    for tap, seen, read in taps(x.shape[2:], kernel, stride, low, dilation, out):
        cols[(..., *tap, *seen)] = x[(..., *read)]


def add_windows(
    cols: np.ndarray, x: np.ndarray, stride: Ints, low: Ints, dilation: Ints
) -> None:
    """Add cols (N, C, *kernel, *windows) into x (N, C, *sizes), where taps see it."""
    dims = x.ndim - 2
    kernel, out = cols.shape[2 : 2 + dims], cols.shape[2 + dims :]
    for tap, seen, read in taps(x.shape[2:], kernel, stride, low, dilation, out):
        x[(..., *read)] += cols[(..., *tap, *seen)]


def windows(
    x: np.ndarray, kernel: Ints, stride: Ints, padding: Pads, dilation: Ints
) -> np.ndarray:
    """Return what each window sees, zeros in the padding.

    ``y[n, c, *k, *o] = x[n, c, o * stride + k * dilation - low]``

    Shape: x (N, C, *sizes); result (N, C, *kernel, *windows), which reshaped to
    (N, C * prod(kernel), prod(windows)) is torch's order of elements in Unfold.
    """
    out = output_sizes(x.shape[2:], kernel, stride, padding, dilation)
    cols = np.zeros((*x.shape[:2], *kernel, *out), x.dtype)
    copy_windows(x, cols, stride, low_sides(padding), dilation)
    return cols


def fold_windows(
    cols: np.ndarray,
    kernel: Ints,
    stride: Ints,
    padding: Pads,
    dilation: Ints,
    input_size: Ints,
) -> np.ndarray:
    """Add every window back to where it was read: the adjoint of `windows`.

    Shape: cols (N, C, *kernel, *windows); result (N, C, *input_size).
    """
    x = np.zeros((*cols.shape[:2], *input_size), cols.dtype)
    add_windows(cols, x, stride, low_sides(padding), dilation)
    return x
