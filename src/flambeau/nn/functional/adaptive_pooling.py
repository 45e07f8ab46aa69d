"""Pools that are told the output's size: windows whose sizes may differ by one.

Window i of n elements cut into m starts at floor(i n / m) and ends before
ceil((i + 1) n / m), so that neighbours may share an element. Windows that do are first
read apart, one behind the other, and then pooled as windows that do not overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ...graph import Node, constant
from ...ops import elementwise as ew
from ...ops import window
from ...ops.broadcast import reshape, sum_
from ...ops.index import index
from ...ops.movement import swap
from ...shape import ntuple
from ...tensor import Tensor
from ...tensor.reduction import in_float32
from .arguments import node_of
from .avg_pooling import divided
from .images import read_images, show_images
from .max_pooling import with_indices

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices",
]

OutputSize: TypeAlias = int | Sequence[int | None] | None


# How a dimension is cut


class _Cut(NamedTuple):
    """The windows of one dimension.

    Attributes:
        positions: what each window reads, (windows, longest); a shorter window repeats
            its last element.
        lengths: how many elements each window has.
    """

    positions: np.ndarray
    lengths: np.ndarray


@lru_cache(maxsize=256)
def _cut(size: int, count: int) -> _Cut:
    number = np.arange(count)
    start = number * size // max(count, 1)
    lengths = -(-(number + 1) * size // max(count, 1)) - start
    taps = np.arange(lengths.max(initial=1))
    return _Cut(start[:, None] + np.minimum(taps, lengths[:, None] - 1), lengths)


def _check_dimensions(input: Tensor, output_size: OutputSize) -> None:
    """Raise torch's error about images with fewer dimensions than sizes are given."""
    least = len(output_size) + 1 if isinstance(output_size, Sequence) else 0
    if least > 2 and node_of("adaptive_pool", "input", input).ndim < least:
        raise ValueError(
            f"Input dimension should be at least {least}, got shape {list(input.shape)}"
        )


def _read_cuts(name: str, output_size: OutputSize, x: Node) -> list[_Cut]:
    """Cut every spatial dimension into what `output_size` says, None into its size."""
    sizes, dims = x.shape[2:], x.ndim - 2
    given = output_size if isinstance(output_size, Sequence) else (output_size,)
    wanted = [*given] * (dims if len(given) == 1 else 1)
    filled = [
        size if each is None else each
        for each, size in zip_longest(wanted, sizes[: len(wanted)])
    ]
    counts = ntuple(filled, dims, f"{name}: output_size")
    if min(counts) < 0:
        raise RuntimeError(
            f"{name}: elements of output_size must be greater than or equal to 0 but "
            f"received {counts}"
        )
    return [_cut(size, count) for size, count in zip(sizes, counts)]


def _read_apart(x: Node, cuts: list[_Cut]) -> Node:
    """Put the windows of every dimension one behind the other."""
    for axis, (positions, _) in enumerate(cuts, 2):
        if positions.size != x.shape[axis]:
            there = constant(positions.reshape(-1))
            x = swap(index(swap(x, 0, axis), there), 0, axis)
    return x


# Averages


def adaptive_avg_pool1d(input: Tensor, output_size: OutputSize) -> Tensor:
    """Average a sequence to a given size; `adaptive_avg_pool2d` has the arguments.

    Shape: input (N, C, L) or (C, L); result (N, C, output_size) or (C, output_size).

    Source: torch's page "torch.nn.functional.adaptive_avg_pool1d".
    """
    return _adaptive_avg_pool(1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: OutputSize) -> Tensor:
    """Return the means of as many windows as the output is to have.

    Args:
        input: the images.
        output_size: the sizes of the result, or one for both; None keeps a size.

    Shape: input (N, C, H, W) or (C, H, W); result (N, C, *output_size) or
    (C, *output_size).

    Raises:
        RuntimeError: dimensions that do not fit; a negative size.
        TypeError: an input that is no tensor, or a size that is no int.

    Source: torch's page "torch.nn.functional.adaptive_avg_pool2d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.adaptive_avg_pool2d(torch.tensor([[[1., 2., 3.]]]), (None, 2))
        tensor([[[1.5000, 2.5000]]])
    """
    return _adaptive_avg_pool(2, input, output_size)


def adaptive_avg_pool3d(input: Tensor, output_size: OutputSize) -> Tensor:
    """Average a volume to a given size; `adaptive_avg_pool2d` has the arguments.

    Shape: input (N, C, D, H, W) or (C, D, H, W); result (N, C, *output_size) or
    (C, *output_size).

    Source: torch's page "torch.nn.functional.adaptive_avg_pool3d".
    """
    return _adaptive_avg_pool(3, input, output_size)


def _adaptive_avg_pool(dims: int, input: Tensor, output_size: OutputSize) -> Tensor:
    name = f"adaptive_avg_pool{dims}d"
    _check_dimensions(input, output_size)
    x = read_images(name, input, dims)
    cuts = _read_cuts(name, output_size, x)

    def mean(x: Node) -> Node:
        apart = _without_repeats(_read_apart(x, cuts), cuts)
        shapes = (size for cut in cuts for size in cut.positions.shape)
        each = reshape(apart, (*x.shape[:2], *shapes))
        total = sum_(each, axes=tuple(range(3, each.ndim, 2)), keepdims=False)
        return divided(total, [cut.lengths for cut in cuts])

    return show_images(in_float32(x, mean), input, dims)


def _without_repeats(x: Node, cuts: list[_Cut]) -> Node:
    """Put 0 where a window repeats its last element."""
    for axis, (positions, lengths) in enumerate(cuts, 2):
        own = np.arange(positions.shape[1]) < lengths[:, None]
        if not own.all():
            along = constant(own.reshape(-1, *(1,) * (x.ndim - axis - 1)))
            x = ew.where(along, x, ew.const_like(0, x))
    return x


# Maxima


def adaptive_max_pool1d(
    input: Tensor, output_size: OutputSize, return_indices: bool = False
) -> Any:
    """Take maxima of a sequence to a given size; see `adaptive_max_pool2d`.

    Shape: input (N, C, L) or (C, L); result (N, C, output_size) or (C, output_size).

    Source: torch's page "torch.nn.functional.adaptive_max_pool1d".
    """
    return _adaptive_max_pool(1, input, output_size, return_indices)


def adaptive_max_pool2d(
    input: Tensor, output_size: OutputSize, return_indices: bool = False
) -> Any:
    """Return the maxima of as many windows as the output is to have.

    Args:
        input: the images.
        output_size: the sizes of the result, or one for both; None keeps a size.
        return_indices: also return where the maxima are in the flattened image.

    Returns:
        The maxima, or the maxima and their positions.

    Shape: input (N, C, H, W) or (C, H, W); result (N, C, *output_size) or
    (C, *output_size).

    Raises:
        RuntimeError: dimensions that do not fit; a negative size.
        TypeError: an input that is no tensor, or a size that is no int.

    Source: torch's page "torch.nn.functional.adaptive_max_pool2d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.adaptive_max_pool2d(torch.tensor([[[1., 2., 3.]]]), (None, 2), True)
        (tensor([[[2., 3.]]]), tensor([[[1, 2]]]))
    """
    return _adaptive_max_pool(2, input, output_size, return_indices)


def adaptive_max_pool3d(
    input: Tensor, output_size: OutputSize, return_indices: bool = False
) -> Any:
    """Take maxima of a volume to a given size; see `adaptive_max_pool2d`.

    Shape: input (N, C, D, H, W) or (C, D, H, W); result (N, C, *output_size) or
    (C, *output_size).

    Source: torch's page "torch.nn.functional.adaptive_max_pool3d".
    """
    return _adaptive_max_pool(3, input, output_size, return_indices)


adaptive_max_pool1d_with_indices = with_indices(adaptive_max_pool1d)
adaptive_max_pool2d_with_indices = with_indices(adaptive_max_pool2d)
adaptive_max_pool3d_with_indices = with_indices(adaptive_max_pool3d)


def _adaptive_max_pool(
    dims: int, input: Tensor, output_size: OutputSize, return_indices: bool
) -> Any:
    name = f"adaptive_max_pool{dims}d"
    _check_dimensions(input, output_size)
    x = read_images(name, input, dims)
    cuts = _read_cuts(name, output_size, x)
    apart = _read_apart(x, cuts)
    longest = tuple(cut.positions.shape[1] for cut in cuts)
    options = {
        "kernel": longest,
        "stride": longest,
        "padding": ((0, 0),) * dims,
        "dilation": (1,) * dims,
        "output_size": tuple(len(cut.lengths) for cut in cuts),
    }
    best = show_images(window.max_pool(apart, **options), input, dims)
    if not return_indices:
        return best
    found = window.max_pool_index(apart, **options)
    if apart is not x:
        found = index(constant(_flat_positions(cuts, x.shape[2:])), found)
    return best, show_images(found, input, dims)


def _flat_positions(cuts: list[_Cut], sizes: tuple[int, ...]) -> np.ndarray:
    """Return where in the flattened image each element was that is read apart."""
    along = [cut.positions.reshape(-1) for cut in cuts]
    return np.ravel_multi_index(np.ix_(*along), sizes).reshape(-1)
