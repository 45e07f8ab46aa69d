"""Layers that rearrange the channels and pixels of images."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = ["ChannelShuffle", "PixelShuffle", "PixelUnshuffle"]


class PixelShuffle(Module):
    """Turn r² channels into an r times larger image: each pixel becomes r x r.

    Args:
        upscale_factor: r.

    Shape: input (*, C r², H, W); result (*, C, H r, W r).

    Raises:
        RuntimeError: of the call: channels that do not divide by r².

    Source: torch's page "torch.nn.PixelShuffle"; Shi et al., arXiv:1609.05158.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.PixelShuffle(3)(torch.ones(1, 9, 4, 4)).shape
        torch.Size([1, 1, 12, 12])
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Return the larger image."""
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        """Return the factor."""
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Turn each r x r pixels of an image into r² channels of one pixel.

    Args:
        downscale_factor: r.

    Shape: input (*, C, H r, W r); result (*, C r², H, W).

    Raises:
        RuntimeError: of the call: sizes that do not divide by r.

    Source: torch's page "torch.nn.PixelUnshuffle".
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Return the smaller image."""
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        """Return the factor."""
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Deal the channels out anew: the first of each group, then the second, and so on.

    Args:
        groups: how many groups of channels there are.

    Shape: (N, C, *).

    Raises:
        RuntimeError: of the call: channels that do not divide by the groups.

    Source: torch's page "torch.nn.ChannelShuffle"; Zhang et al., arXiv:1707.01083.
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Tensor) -> Tensor:
        """Return the channels in their new order."""
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        """Return the number of groups."""
        return f"groups={self.groups}"
