"""Layers that resize images."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .functional.interpolation import IntOrInts, Scale
from .module import Module

__all__ = ["Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d"]


class Upsample(Module):
    """Resize sequences, images or volumes; `nn.functional.interpolate` has the modes.

    Args:
        size: the spatial sizes wanted; or
        scale_factor: how many times larger they are than the input's, rounded down.
        mode: "nearest", "linear", "bilinear", "bicubic", "trilinear" or another.
        align_corners: let the centres of the corner elements lie on each other.
        recompute_scale_factor: take the ratio of the rounded sizes as the scale.

    Shape: input (N, C, *sizes) with 1 to 3 sizes; result (N, C, *size).

    Raises:
        ValueError, NotImplementedError: of the call: options that do not fit.

    Source: torch's page "torch.nn.Upsample".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.Upsample(scale_factor=2)(torch.tensor([[[[1., 2.]]]]))
        tensor([[[[1., 1., 2., 2.],
                  [1., 1., 2., 2.]]]])
    """

    def __init__(
        self,
        size: IntOrInts | None = None,
        scale_factor: Scale | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.name = type(self).__name__
        self.size = size
        self.scale_factor: Scale | None = None
        if isinstance(scale_factor, tuple):
            self.scale_factor = tuple(map(float, scale_factor))
        elif scale_factor:
            self.scale_factor = float(scale_factor)  # type: ignore[arg-type]
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Return the images, resized."""
        return F.interpolate(
            input,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            self.recompute_scale_factor,
        )

    def extra_repr(self) -> str:
        """Return the scale or the size, and the mode."""
        if self.scale_factor is not None:
            return f"scale_factor={self.scale_factor!r}, mode={self.mode!r}"
        return f"size={self.size!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Resize images by repeating or leaving out pixels.

    Args:
        size: the spatial sizes wanted; or
        scale_factor: how many times larger they are than the input's, rounded down.

    Shape: input (N, C, H, W); result (N, C, *size).

    Source: torch's page "torch.nn.UpsamplingNearest2d".
    """

    def __init__(
        self, size: IntOrInts | None = None, scale_factor: Scale | None = None
    ) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Resize images bilinearly, the centres of the corner pixels on each other.

    Args:
        size: the spatial sizes wanted; or
        scale_factor: how many times larger they are than the input's, rounded down.

    Shape: input (N, C, H, W); result (N, C, *size).

    Source: torch's page "torch.nn.UpsamplingBilinear2d".
    """

    def __init__(
        self, size: IntOrInts | None = None, scale_factor: Scale | None = None
    ) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
