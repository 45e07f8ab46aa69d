"""Convolution, pooling and folding in NumPy as their definitions read: loops.

Written from the formulas of torch's pages and independent of flambeau: images are
padded before they are read, and every window is visited by itself. Arrays are
(N, C, *sizes); options are ints or tuples with an int per spatial dimension.
"""

from collections.abc import Iterator
from math import ceil, floor, prod
from typing import Any

import numpy as np

Array = np.ndarray
Ints = tuple[int, ...]

NUMPY_MODES = {
    "zeros": "constant",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
}


def spread(value: Any, dims: int) -> Ints:
    """One int per dimension."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * dims


def same_padding(n: int, k: int, s: int, d: int) -> tuple[int, int]:
    """Zeros for ceil(n / s) windows, the odd one at the end."""
    total = max((ceil(n / s) - 1) * s + d * (k - 1) + 1 - n, 0)
    return total // 2, total - total // 2


def positions(counts: Ints, *options: Ints) -> Iterator[tuple[Ints, tuple[slice, ...]]]:
    """List the windows, and the slices at which each reads a padded image."""
    for o in np.ndindex(*counts):
        each = zip(o, *options)
        yield o, tuple(slice(i * s, i * s + d * (k - 1) + 1, d) for i, k, s, d in each)


# Convolution


def conv(
    x: Array,
    w: Array,
    b: Array | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Array:
    dims, kernel = w.ndim - 2, w.shape[2:]
    steps, gaps = spread(stride, dims), spread(dilation, dims)
    if padding == "same":
        pads = [*map(same_padding, x.shape[2:], kernel, steps, gaps)]
    else:
        pads = [(p, p) for p in spread(0 if padding == "valid" else padding, dims)]
    x = np.pad(x, [(0, 0), (0, 0), *pads], mode=NUMPY_MODES[padding_mode])  # type: ignore
    sizes = zip(x.shape[2:], kernel, steps, gaps)
    out = tuple((n - d * (k - 1) - 1) // s + 1 for n, k, s, d in sizes)
    y = np.zeros((len(x), len(w), *out), x.dtype)
    inputs, outputs = x.shape[1] // groups, len(w) // groups
    for o, read in positions(out, kernel, steps, gaps):
        patch = x[(..., *read)]
        for g in range(groups):
            own = slice(g * outputs, (g + 1) * outputs)
            seen = patch[:, g * inputs : (g + 1) * inputs].reshape(len(x), -1)
            y[(slice(None), own, *o)] = seen @ w[own].reshape(outputs, -1).T
    return y if b is None else y + b.reshape(-1, *[1] * dims)


def conv_transpose(
    x: Array,
    w: Array,
    b: Array | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Array:
    dims, kernel, sizes = w.ndim - 2, w.shape[2:], x.shape[2:]
    steps, gaps, cut = (spread(each, dims) for each in (stride, dilation, padding))
    each = zip(sizes, kernel, steps, gaps, spread(output_padding, dims))
    whole = [(n - 1) * s + d * (k - 1) + 1 + e for n, k, s, d, e in each]
    inputs, outputs = x.shape[1] // groups, w.shape[1]
    y = np.zeros((len(x), groups * outputs, *whole), x.dtype)
    for o, written in positions(sizes, kernel, steps, gaps):
        for g in range(groups):
            own = slice(g * inputs, (g + 1) * inputs)
            pixels = x[(slice(None), own, *o)]
            filters = w[own].reshape(inputs, -1)
            spot = (slice(None), slice(g * outputs, (g + 1) * outputs), *written)
            y[spot] += (pixels @ filters).reshape(len(x), outputs, *kernel)
    y = y[(..., *(slice(p, n - p) for n, p in zip(whole, cut)))]
    return y if b is None else y + b.reshape(-1, *[1] * dims)


# Folding


def unfold(
    x: Array,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Array:
    dims = x.ndim - 2
    options = [spread(each, dims) for each in (kernel_size, stride, dilation)]
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in spread(padding, dims))])
    sizes = zip(x.shape[2:], *options)
    out = tuple((n - d * (k - 1) - 1) // s + 1 for n, k, s, d in sizes)
    columns = [
        x[(..., *read)].reshape(len(x), -1) for _, read in positions(out, *options)
    ]
    return np.stack(columns, axis=2)


def fold(
    columns: Array,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Array:
    options = [kernel_size, stride, dilation, padding]
    dims = max(len(each) for each in (output_size, *options) if isinstance(each, tuple))
    kernel, steps, gaps, cut = (spread(each, dims) for each in options)
    whole = [n + 2 * p for n, p in zip(spread(output_size, dims), cut)]
    out = tuple(
        (n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(whole, kernel, steps, gaps)
    )
    channels = columns.shape[1] // prod(kernel)
    y = np.zeros((len(columns), channels, *whole), columns.dtype)
    for at, (_, written) in enumerate(positions(out, kernel, steps, gaps)):
        window = columns[:, :, at].reshape(len(columns), channels, *kernel)
        y[(..., *written)] += window
    return y[(..., *(slice(p, n - p) for n, p in zip(whole, cut)))]


# Pooling


def pool_counts(
    sizes: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, up: bool
) -> Ints:
    """How many windows fit; rounded up, none that starts in the padding behind."""
    found = []
    for n, k, s, p, d in zip(sizes, kernel, stride, padding, dilation):
        room = (n + 2 * p - d * (k - 1) - 1) / s
        count = (ceil(room) if up else floor(room)) + 1
        found.append(count - 1 if up and (count - 1) * s >= n + p else count)
    return tuple(found)


def max_pool(
    x: Array,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> tuple[Array, Array]:
    """The maxima, and where in the flattened image they are."""
    dims, sizes = x.ndim - 2, x.shape[2:]
    stride = kernel_size if stride is None else stride
    options = [spread(each, dims) for each in (kernel_size, stride, padding, dilation)]
    counts = pool_counts(sizes, *options, ceil_mode)
    values = np.zeros((*x.shape[:2], *counts), x.dtype)
    index = np.zeros(values.shape, np.int64)
    for place in np.ndindex(*values.shape):
        image = x[place[:2]]
        each = zip(place[2:], sizes, *options)
        along = [
            [i * s - p + t * d for t in range(k) if 0 <= i * s - p + t * d < n]
            for i, n, k, s, p, d in each
        ]
        seen = image[np.ix_(*along)]
        first = np.unravel_index(seen.argmax(), seen.shape)
        found = tuple(a[i] for a, i in zip(along, first))
        values[place] = image[found]
        index[place] = np.ravel_multi_index(found, sizes)
    return values, index


def max_unpool(x: Array, index: Array, output_size: Ints) -> Array:
    y = np.zeros((*x.shape[:2], *output_size), x.dtype)
    for place in np.ndindex(*x.shape):
        y[place[:2]].flat[index[place]] = x[place]
    return y


def avg_pool(
    x: Array,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Array:
    dims, sizes = x.ndim - 2, x.shape[2:]
    stride = kernel_size if stride is None else stride
    options = [spread(each, dims) for each in (kernel_size, stride, padding)]
    counts = pool_counts(sizes, *options, (1,) * dims, ceil_mode)
    y = np.zeros((*x.shape[:2], *counts), x.dtype)
    for o in np.ndindex(*counts):
        starts = [i * s - p for i, s, p in zip(o, *options[1:])]
        stops = [min(a + k, n + p) for a, n, k, _, p in zip(starts, sizes, *options)]
        inner = [slice(max(a, 0), min(b, n)) for a, b, n in zip(starts, stops, sizes)]
        seen = x[(..., *inner)].reshape(*x.shape[:2], -1)
        count = prod(b - a for a, b in zip(starts, stops))
        if not count_include_pad:
            count = seen.shape[2]
        y[(..., *o)] = seen.sum(axis=2) / (divisor_override or count)
    return y


def lp_pool(x: Array, norm_type: float, kernel_size: Any, stride: Any = None) -> Array:
    """The p-norms of windows that fit."""
    taps = prod(spread(kernel_size, x.ndim - 2))
    return (avg_pool(x**norm_type, kernel_size, stride) * taps) ** (1 / norm_type)


def adaptive_windows(
    x: Array, output_size: Any
) -> Iterator[tuple[Ints, tuple[slice, ...]]]:
    """List the windows of an output of a given size, and the slices that each reads."""
    sizes = x.shape[2:]
    wanted = zip(spread(output_size, len(sizes)), sizes)
    counts = tuple(n if m is None else m for m, n in wanted)
    for o in np.ndindex(*counts):
        each = zip(o, sizes, counts)
        yield o, tuple(slice(i * n // m, ceil((i + 1) * n / m)) for i, n, m in each)


def adaptive_avg_pool(x: Array, output_size: Any) -> Array:
    found = {o: x[(..., *read)] for o, read in adaptive_windows(x, output_size)}
    counts = np.max(list(found), axis=0) + 1
    y = np.zeros((*x.shape[:2], *counts), x.dtype)
    for o, seen in found.items():
        y[(..., *o)] = seen.mean(axis=tuple(range(2, x.ndim)))
    return y


def adaptive_max_pool(x: Array, output_size: Any) -> tuple[Array, Array]:
    """The maxima, and where in the flattened image they are."""
    flat = np.arange(prod(x.shape[2:])).reshape(x.shape[2:])
    found = dict(adaptive_windows(x, output_size))
    counts = np.max(list(found), axis=0) + 1
    y = np.zeros((*x.shape[:2], *counts), x.dtype)
    index = np.zeros(y.shape, np.int64)
    for o, read in found.items():
        for place in np.ndindex(*x.shape[:2]):
            seen = x[(*place, *read)]
            y[(*place, *o)] = seen.max()
            index[(*place, *o)] = flat[read].flat[seen.argmax()]
    return y, index
