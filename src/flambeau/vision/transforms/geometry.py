"""Transforms that move pixels the same way every time."""

from __future__ import annotations

from collections.abc import Sequence

from ... import nn
from . import functional as F
from .functional.geometry import AnyImage, Fill, as_size, check_padding
from .functional.interpolation import InterpolationMode, as_mode

__all__ = ["CenterCrop", "Pad", "Resize"]


class Resize(nn.Module):
    """Resize an image.

    Args:
        size: height and width, or one int for the smaller edge.
        interpolation: an `InterpolationMode` or one of Pillow's constants.
        max_size: with one int as `size`, the most the larger edge may get.
        antialias: for tensors, average over all the pixels an output pixel covers.

    Raises:
        TypeError: `size` is neither an int nor a sequence.
        ValueError: `size` has neither one nor two values.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import Resize
        >>> Resize((4, 5))(flambeau.zeros(3, 8, 8)).shape
        torch.Size([3, 4, 5])
    """

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        if not isinstance(size, (int, Sequence)):
            raise TypeError(f"Size should be int or sequence. Got {type(size)}")
        if isinstance(size, Sequence) and len(size) not in (1, 2):
            raise ValueError(
                f"If size is a sequence, it should have 1 or 2 values, got {size}"
            )
        self.size = size
        self.interpolation = as_mode(interpolation)
        self.max_size = max_size
        self.antialias = antialias

    def forward(self, img: AnyImage) -> AnyImage:
        """Return the resized image."""
        return F.resize(
            img, self.size, self.interpolation, self.max_size, self.antialias
        )

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(size={self.size}, "
            f"interpolation={self.interpolation.value}, max_size={self.max_size}, "
            f"antialias={self.antialias})"
        )


class CenterCrop(nn.Module):
    """Cut the middle out of an image; a smaller image gets a border of 0 first.

    Args:
        size: height and width of the result, or one int for both.

    Raises:
        ValueError: `size` has neither one nor two values.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import CenterCrop
        >>> CenterCrop(4)(flambeau.zeros(3, 8, 8)).shape
        torch.Size([3, 4, 4])
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = as_size(size)

    def forward(self, img: AnyImage) -> AnyImage:
        """Return the middle of the image."""
        return F.center_crop(img, self.size)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size})"


class Pad(nn.Module):
    """Add a border to an image.

    Args:
        padding: one width for all sides, two for left/right and top/bottom, or four
            for left, top, right and bottom.
        fill: the value of a constant border.
        padding_mode: ``"constant"``, ``"edge"``, ``"reflect"`` or ``"symmetric"``.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: another number of widths, or an unknown mode.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import Pad
        >>> Pad(2)(flambeau.zeros(3, 8, 8)).shape
        torch.Size([3, 12, 12])
    """

    def __init__(
        self,
        padding: int | Sequence[int],
        fill: Fill = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        check_padding(padding, fill, padding_mode)
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def forward(self, img: AnyImage) -> AnyImage:
        """Return the image with its border."""
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(padding={self.padding}, fill={self.fill}, "
            f"padding_mode={self.padding_mode})"
        )
