"""Convolution in NumPy: the windows of a few images, times the weights, in one GEMM.

The three functions are the three ways to contract ``y = conv(x, w)``; each one's
derivative is made of the other two. Layouts are torch's: x (N, C, *sizes), weights
(K, C / groups, *kernel), y (N, K, *windows).

The GEMM is one per group: filters (K / groups, R) times columns (R, windows), where R =
C / groups * prod(kernel) is the number of elements that a filter reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

import numpy as np

from .numpy_windows import (
    Ints,
    Pads,
    add_windows,
    copy_windows,
    low_sides,
    output_sizes,
)

__all__ = ["conv", "conv_input_grad", "conv_weight_grad"]

_BLOCK_BYTES = 4 << 20  # columns that stay in the cache between copy and GEMM


def conv(
    x: np.ndarray,
    w: np.ndarray,
    stride: Ints,
    padding: Pads,
    dilation: Ints,
    groups: int,
) -> np.ndarray:
    r"""Correlate every image with every filter.

    .. math:: y[n, k, o] = \sum_{c, t} w[k, c, t] \, x[n, c, o s + t d - p]

    with c over the channels of k's group and t over the taps of the kernel.
    """
    kernel = w.shape[2:]
    out = output_sizes(x.shape[2:], kernel, stride, padding, dilation)
    y = np.empty((len(x), len(w), *out), x.dtype)
    filters = _grouped(w, groups)
    for block in _blocks(len(x), out, x.itemsize * x.shape[1] * prod(kernel)):
        cols = _columns(x, block, kernel, stride, padding, dilation, groups)
        here = y[block.images, :, block.rows].swapaxes(0, 1)
        here[...] = (filters @ cols).reshape(here.shape)
    return y


def conv_input_grad(
    g: np.ndarray,
    w: np.ndarray,
    stride: Ints,
    padding: Pads,
    dilation: Ints,
    groups: int,
    input_size: Ints,
) -> np.ndarray:
    r"""The adjoint of `conv` in x, which is also the transposed convolution of g.

    .. math:: x[n, c, o s + t d - p] \mathrel{+}= \sum_k w[k, c, t] \, g[n, k, o]

    Shape: g (N, K, *windows); result (N, C, *input_size).
    """
    channels, kernel = groups * w.shape[1], w.shape[2:]
    if max(stride) == 1 and len(w) <= channels:
        # the same sum as a convolution of g, which reads windows and adds none back
        padding = _mirrored_padding(g.shape[2:], kernel, padding, dilation, input_size)
        return conv(g, _mirrored(w, groups), stride, padding, dilation, groups)
    x = np.zeros((len(g), channels, *input_size), g.dtype)
    filters = _grouped(w, groups).swapaxes(1, 2)
    for block in _blocks(len(g), g.shape[2:], g.itemsize * channels * prod(kernel)):
        here = _grouped(g[block.images, :, block.rows].swapaxes(0, 1), groups)
        cols = (filters @ here).reshape(channels, *kernel, *block.shape)
        cols = np.moveaxis(cols, 1 + len(kernel), 0)
        low = block.low(stride, padding)
        add_windows(cols, x[block.images], stride, low, dilation)
    return x


def conv_weight_grad(
    x: np.ndarray,
    g: np.ndarray,
    stride: Ints,
    padding: Pads,
    dilation: Ints,
    groups: int,
    kernel_size: Ints,
) -> np.ndarray:
    r"""The adjoint of `conv` in w.

    .. math:: w[k, c, t] = \sum_{n, o} g[n, k, o] \, x[n, c, o s + t d - p]

    Shape: g (N, K, *windows); result (K, C / groups, *kernel_size).
    """
    taps = x.shape[1] * prod(kernel_size)
    w = np.zeros((groups, g.shape[1] // groups, taps // groups), x.dtype)
    for block in _blocks(len(x), g.shape[2:], x.itemsize * taps):
        cols = _columns(x, block, kernel_size, stride, padding, dilation, groups)
        here = _grouped(g[block.images, :, block.rows].swapaxes(0, 1), groups)
        w += here @ cols.swapaxes(1, 2)
    return w.reshape(g.shape[1], x.shape[1] // groups, *kernel_size)


def _mirrored(w: np.ndarray, groups: int) -> np.ndarray:
    """Swap the roles of input and output channels and reverse every tap."""
    w = np.flip(w, tuple(range(2, w.ndim)))
    w = w.reshape(groups, len(w) // groups, *w.shape[1:]).swapaxes(1, 2)
    return np.ascontiguousarray(w).reshape(groups * w.shape[1], *w.shape[2:])


def _mirrored_padding(
    windows: Ints, kernel: Ints, padding: Pads, dilation: Ints, input_size: Ints
) -> Pads:
    """Return the padding with which `kernel` over `windows` gives `input_size`."""
    reach = [d * (k - 1) for k, d in zip(kernel, dilation)]
    low = [each - lo for each, (lo, _) in zip(reach, padding)]
    total = [n + r - p for n, r, p in zip(input_size, reach, windows)]
    return tuple((lo, both - lo) for lo, both in zip(low, total))


class _Block(NamedTuple):
    """A range of images, and of rows: windows along the first spatial dimension."""

    images: slice
    rows: slice
    shape: Ints  # images, rows, windows along the other dimensions

    def low(self, stride: Ints, padding: Pads) -> Ints:
        """Return the low padding as the block's first row sees it."""
        first, *others = low_sides(padding)
        return first - self.rows.start * stride[0], *others


def _blocks(count: int, windows: Ints, window_bytes: int) -> Iterator[_Block]:
    """Cut N images into blocks; an image too large for one block is cut into rows."""
    height, *rest = windows
    fit = _BLOCK_BYTES // max(1, window_bytes * prod(rest))
    rows = max(1, min(fit, height))
    images = max(1, fit // rows)
    for image in range(0, count, images):
        for row in range(0, height, rows):
            n, r = min(images, count - image), min(rows, height - row)
            yield _Block(slice(image, image + n), slice(row, row + r), (n, r, *rest))


def _columns(
    x: np.ndarray,
    block: _Block,
    kernel: Ints,
    stride: Ints,
    padding: Pads,
    dilation: Ints,
    groups: int,
) -> np.ndarray:
    """Return the block's windows as matrices (groups, R, windows)."""
    cols = np.zeros((x.shape[1], *kernel, *block.shape), x.dtype)
    into = np.moveaxis(cols, 1 + len(kernel), 0)
    low = block.low(stride, padding)
    copy_windows(x[block.images], into, stride, low, dilation)
    return _grouped(cols, groups, 1 + len(kernel))


def _grouped(a: np.ndarray, groups: int, leading: int = 1) -> np.ndarray:
    """Flatten to (groups, rows, columns); the `leading` dimensions make the rows."""
    rows, columns = prod(a.shape[:leading]), prod(a.shape[leading:])
    return a.reshape(groups, rows // groups, columns)
