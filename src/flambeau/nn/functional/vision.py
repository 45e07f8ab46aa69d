"""Rearranging the channels and pixels of images."""

from __future__ import annotations

from ...graph import Node
from ...ops.broadcast import reshape
from ...ops.movement import permute
from ...shape import ntuple
from ...tensor import Tensor
from ...tensor.handle import wrap
from .arguments import node_of

__all__ = [
    "channel_shuffle",
    "native_channel_shuffle",
    "pixel_shuffle",
    "pixel_unshuffle",
]


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Turn r² channels into an r times larger image: each pixel becomes r x r.

    Args:
        input: the images.
        upscale_factor: r.

    Shape: input (*, C r², H, W); result (*, C, H r, W r).

    Raises:
        RuntimeError: channels that do not divide by r², fewer than 3 dimensions.
        TypeError: an input that is no tensor, a factor that is no int.

    Source: torch's page "torch.nn.functional.pixel_shuffle"; Shi et al.,
    arXiv:1609.05158.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.pixel_shuffle(torch.tensor([1., 2., 3., 4.]).view(4, 1, 1), 2)
        tensor([[[1., 2.],
                 [3., 4.]]])
    """
    x, r = _read("pixel_shuffle", input, "upscale_factor", upscale_factor)
    *batch, channels, height, width = x.shape
    if channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by "
            f"the square of upscale_factor, but input.size(-3)={channels} is not "
            f"divisible by {r * r}"
        )
    apart = reshape(x, (*batch, channels // (r * r), r, r, height, width))
    turned = _permute_last(apart, (0, 3, 1, 4, 2))
    return wrap(reshape(turned, (*batch, channels // (r * r), height * r, width * r)))


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Turn each r x r pixels of an image into r² channels of one pixel.

    Args:
        input: the images.
        downscale_factor: r.

    Shape: input (*, C, H r, W r); result (*, C r², H, W).

    Raises:
        RuntimeError: sizes that do not divide by r, fewer than 3 dimensions.
        TypeError: an input that is no tensor, a factor that is no int.

    Source: torch's page "torch.nn.functional.pixel_unshuffle".
    """
    x, r = _read("pixel_unshuffle", input, "downscale_factor", downscale_factor)
    *batch, channels, height, width = x.shape
    for name, place, size in (("height", -2, height), ("width", -1, width)):
        if size % r:
            raise RuntimeError(
                f"pixel_unshuffle expects {name} to be divisible by downscale_factor, "
                f"but input.size({place})={size} is not divisible by {r}"
            )
    apart = reshape(x, (*batch, channels, height // r, r, width // r, r))
    turned = _permute_last(apart, (0, 2, 4, 1, 3))
    return wrap(reshape(turned, (*batch, channels * r * r, height // r, width // r)))


def _read(name: str, input: Tensor, option: str, factor: int) -> tuple[Node, int]:
    x = node_of(name, "input", input)
    (r,) = ntuple(factor, 1, f"{name}: {option}")
    if x.ndim < 3:
        raise RuntimeError(
            f"{name} expects input to have at least 3 dimensions, but got input with "
            f"{x.ndim} dimension(s)"
        )
    if r <= 0:
        raise RuntimeError(f"{name} expects a positive {option}, but got {r}")
    return x, r


def _permute_last(x: Node, order: tuple[int, ...]) -> Node:
    """Permute the last dimensions."""
    first = x.ndim - len(order)
    return permute(x, (*range(first), *(first + each for each in order)))


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Deal the channels out anew: the first of each group, then the second, and so on.

    Args:
        input: the images.
        groups: how many groups of channels there are.

    Shape: input (N, C, *) with at least one more dimension; result the same.

    Raises:
        RuntimeError: channels that do not divide by the groups, fewer than 3
            dimensions.
        TypeError: an input that is no tensor, groups that are no int.

    Source: torch's page "torch.nn.functional.channel_shuffle"; Zhang et al.,
    arXiv:1707.01083.
    """
    x = node_of("channel_shuffle", "input", input)
    (groups,) = ntuple(groups, 1, "channel_shuffle: groups")
    if x.ndim < 3:
        raise RuntimeError(
            "channel_shuffle expects input with > 2 dims, but got input with sizes "
            f"{list(x.shape)}"
        )
    if groups <= 0:
        raise RuntimeError(
            "channel_shuffle: Number of groups to divide channels in must be positive. "
            f"Value of groups:{groups}"
        )
    batch, channels, *sizes = x.shape
    if channels % groups:
        raise RuntimeError(
            "channel_shuffle: Number of channels must be divisible by groups. Got "
            f"{channels} channels and {groups} groups."
        )
    apart = reshape(x, (batch, groups, channels // groups, *sizes))
    order = (0, 2, 1, *range(3, apart.ndim))
    return wrap(reshape(permute(apart, order), x.shape))


native_channel_shuffle = channel_shuffle
