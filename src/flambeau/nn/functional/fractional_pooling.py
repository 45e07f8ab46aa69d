"""Maxima of windows that begin at random places; images and volumes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ... import dtypes as dt
from ...graph import Node, constant
from ...ops import elementwise as ew
from ...ops.broadcast import expand, reshape
from ...ops.index import gather
from ...ops.movement import cat, slice_axis
from ...ops.reduce import argmax
from ...shape import ntuple
from ...tensor import Tensor
from ...tensor.randomness import rand
from .images import IntOrInts, read_images, show_images

__all__ = [
    "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices",
    "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
]

Ints = tuple[int, ...]
Ratios = float | Sequence[float]

_NAMES = ("time", "height", "width")


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: IntOrInts,
    output_size: IntOrInts | None = None,
    output_ratio: Ratios | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    r"""Return the maxima of windows that begin at random places, one after the other.

    With u from [0, 1), drawn for each image, channel and dimension, window i begins at
    :math:`\lfloor a (i + u) \rfloor - \lfloor a u \rfloor`, where a is such that the
    last one, which always is at the end, follows them.

    Args:
        input: the images.
        kernel_size: the sizes of a window.
        output_size: how many windows there are along each dimension.
        output_ratio: in its place, how many for each pixel, between 0 and 1.
        return_indices: also return where the maxima are, as `max_unpool2d` takes it.
        _random_samples: the numbers u, (N, C, 2).

    Returns:
        The maxima, or the maxima and their positions in the flattened image.

    Shape: input (N, C, H, W) or (C, H, W); result (N, C, Hout, Wout) or
    (C, Hout, Wout).

    Raises:
        ValueError: neither a size nor a ratio.
        RuntimeError: windows that do not fit into the image, or other dimensions.

    Source: torch's page "torch.nn.functional.fractional_max_pool2d"; Graham,
    arXiv:1412.6071.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> u = torch.zeros(1, 1, 2)
        >>> x = torch.arange(16.).view(1, 4, 4)
        >>> F.fractional_max_pool2d(x, 2, 2, _random_samples=u)
        tensor([[[ 5.,  7.],
                 [13., 15.]]])
    """
    found = _pool(2, input, kernel_size, output_size, output_ratio, _random_samples)
    return found if return_indices else found[0]


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: IntOrInts,
    output_size: IntOrInts | None = None,
    output_ratio: Ratios | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Return the maxima of windows of volumes; see `fractional_max_pool2d`.

    Shape: input (N, C, D, H, W) or (C, D, H, W); `_random_samples` (N, C, 3).

    Source: torch's page "torch.nn.functional.fractional_max_pool3d".
    """
    found = _pool(3, input, kernel_size, output_size, output_ratio, _random_samples)
    return found if return_indices else found[0]


def fractional_max_pool2d_with_indices(
    input: Tensor,
    kernel_size: IntOrInts,
    output_size: IntOrInts | None = None,
    output_ratio: Ratios | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return maxima and positions, as `fractional_max_pool2d` does with indices."""
    return _pool(2, input, kernel_size, output_size, output_ratio, _random_samples)


def fractional_max_pool3d_with_indices(
    input: Tensor,
    kernel_size: IntOrInts,
    output_size: IntOrInts | None = None,
    output_ratio: Ratios | None = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return maxima and positions, as `fractional_max_pool3d` does with indices."""
    return _pool(3, input, kernel_size, output_size, output_ratio, _random_samples)


def _pool(
    dims: int,
    input: Tensor,
    kernel_size: IntOrInts,
    output_size: IntOrInts | None,
    output_ratio: Ratios | None,
    samples: Tensor | None,
) -> tuple[Tensor, Tensor]:
    name = f"fractional_max_pool{dims}d"
    x = read_images(name, input, dims)
    kernel = ntuple(kernel_size, dims, f"{name}: kernel_size")
    outputs = _outputs(name, x.shape[2:], output_size, output_ratio)
    _check_windows(name, x.shape[2:], kernel, outputs)
    if samples is None:
        samples = rand(*x.shape[:2], dims, dtype=x.dtype)
    elif input.ndim == dims + 1 and samples.ndim == 3:
        samples = samples[:1]  # torch reads no more of them
    _check_samples(samples, x, dims)
    chosen = slice_axis(samples.node, 0, 0, x.shape[0])
    starts = _starts(chosen, x.shape[2:], kernel, outputs)
    places = _places(starts, x.shape[2:], kernel)
    batch, channels, *sizes = x.shape
    windows, taps = prod(outputs), prod(kernel)
    flat = reshape(x, (batch, channels, prod(sizes)))
    read = gather(flat, reshape(places, (batch, channels, windows * taps)), axis=2)
    best = argmax(reshape(read, (batch, channels, windows, taps)), axis=3)
    at = reshape(best, (batch, channels, windows, 1))
    where = reshape(gather(places, at, axis=3), (batch, channels, windows))
    shape = (batch, channels, *outputs)
    maxima = reshape(gather(flat, where, axis=2), shape)
    positions = reshape(where, shape)
    return show_images(maxima, input, dims), show_images(positions, input, dims)


def _outputs(
    name: str,
    sizes: Ints,
    output_size: IntOrInts | None,
    output_ratio: Ratios | None,
) -> Ints:
    """How many windows there are along each dimension."""
    if output_size is not None:
        return ntuple(output_size, len(sizes), f"{name}: output_size")
    if output_ratio is None:
        raise ValueError(
            f"{name} requires specifying either an output_size or an output_ratio"
        )
    if isinstance(output_ratio, int | float):
        output_ratio = [output_ratio] * len(sizes)
    return tuple(int(n * r) for n, r in zip(sizes, output_ratio, strict=True))


def _check_windows(name: str, sizes: Ints, kernel: Ints, outputs: Ints) -> None:
    names = _NAMES[-len(sizes) :]
    for which, size, pool, count in zip(names, sizes, kernel, outputs, strict=True):
        if count < 1:
            raise RuntimeError(
                f"{name}(): output {which} must be at least 1, got {count}"
            )
        if count + pool - 1 > size:
            raise RuntimeError(
                f"{name}(): pool {which} {pool} too large relative to input {which} "
                f"{size}: {count} windows need {count + pool - 1}"
            )


def _check_samples(samples: Tensor, x: Node, dims: int) -> None:
    """Check that there are numbers for each image, of which there may be more."""
    words = (
        "no less then input batch size",
        "equals to input channel size",
        f"equals to {dims}",
    )
    wanted = (*x.shape[:2], dims)
    found = (*samples.shape, 0, 0, 0)[:3]
    for at, (got, size, word) in enumerate(zip(found, wanted, words, strict=True)):
        if samples.ndim != 3 or (got != size if at else got < size):
            raise RuntimeError(
                f"Expect _random_samples.size({at}) {word}; got {got}: an input of "
                f"shape {x.shape} needs {wanted}"
            )


def _starts(samples: Node, sizes: Ints, kernel: Ints, outputs: Ints) -> list[Node]:
    """Where the windows begin along each dimension, (N, C, count)."""
    found = []
    for at, (size, pool, count) in enumerate(zip(sizes, kernel, outputs, strict=True)):
        # torch draws for an image's width first, for a volume's time first
        number = at if len(sizes) == 3 else len(sizes) - 1 - at
        u = slice_axis(samples, 2, number, 1)
        last = constant(np.full((*samples.shape[:2], 1), size - pool))
        if count == 1:
            found.append(last)
            continue
        alpha = ew.div(ew.const_like(size - pool, u), ew.const_like(count - 1, u))
        steps = constant(np.arange(count - 1).astype(u.dtype.numpy), u.dtype)
        moved = ew.cast(ew.trunc(ew.mul(ew.add(steps, u), alpha)), dt.int64)
        begin = ew.sub(moved, ew.cast(ew.trunc(ew.mul(u, alpha)), dt.int64))
        found.append(cat(begin, last, axis=2))
    return found


def _places(starts: Sequence[Node], sizes: Ints, kernel: Ints) -> Node:
    """The flat positions of all windows' elements, (N, C, windows, taps)."""
    dims = len(sizes)
    lead, total = starts[0].shape[:2], None
    for at, (start, size, pool) in enumerate(zip(starts, sizes, kernel, strict=True)):
        shape = [1] * (2 * dims)
        shape[at] = start.shape[2]
        inner = [1] * (2 * dims)
        inner[dims + at] = pool
        taps = constant(np.arange(pool).reshape(1, 1, *inner))
        each = ew.add(reshape(start, (*lead, *shape)), taps)
        if total is None:
            total = each
        else:
            total = ew.add(ew.mul(total, ew.const_like(size, total)), each)
    assert total is not None
    counts = prod(each.shape[2] for each in starts)
    whole = expand(total, (*lead, *(each.shape[2] for each in starts), *kernel))
    return reshape(whole, (*lead, counts, prod(kernel)))
