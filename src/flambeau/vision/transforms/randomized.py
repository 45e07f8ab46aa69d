"""Transforms that draw random numbers from the default generator.

The draws are torchvision's, in the same order: after the same `manual_seed` both make
the same choices.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import numpy as np

from ... import nn
from ...utils.data.draws import draw_integer, draw_uniform
from . import functional as F
from .functional.geometry import AnyImage, Fill, as_size
from .functional.interpolation import InterpolationMode, as_mode

__all__ = [
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomVerticalFlip",
]

Box = tuple[int, int, int, int]


def happens(p: float) -> bool:
    """True with probability `p`, compared in float32 as ``rand(1) < p`` is."""
    return bool(draw_uniform() < np.float32(p))


class RandomFlip(nn.Module):
    """Mirror an image, or not; the subclasses say how.

    Args:
        p: the probability that it is mirrored.
    """

    flip = staticmethod(F.hflip)

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, img: AnyImage) -> AnyImage:
        """Return the image, perhaps mirrored."""
        return self.flip(img) if happens(self.p) else img

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class RandomHorizontalFlip(RandomFlip):
    """Mirror an image left to right, or not.

    Args:
        p: the probability that it is mirrored.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import RandomHorizontalFlip
        >>> RandomHorizontalFlip(p=1)(flambeau.tensor([[[1, 2, 3]]]))
        tensor([[[3, 2, 1]]])
    """


class RandomVerticalFlip(RandomFlip):
    """Mirror an image top to bottom, or not.

    Args:
        p: the probability that it is mirrored.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import RandomVerticalFlip
        >>> RandomVerticalFlip(p=0)(flambeau.tensor([[[1], [2]]]))
        tensor([[[1],
                 [2]]])
    """

    flip = staticmethod(F.vflip)


class RandomCrop(nn.Module):
    """Cut a box of one size out of an image, anywhere.

    Args:
        size: height and width of the box, or one int for both.
        padding: a border added first, as `Pad` takes it.
        pad_if_needed: add a border where the image is smaller than the box.
        fill: the value of a constant border.
        padding_mode: ``"constant"``, ``"edge"``, ``"reflect"`` or ``"symmetric"``.

    Raises:
        ValueError: `size` has neither one nor two values, or the image is smaller
            than the box.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import RandomCrop
        >>> RandomCrop(32, padding=4)(flambeau.zeros(3, 32, 32)).shape
        torch.Size([3, 32, 32])
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: Fill = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        self.size = as_size(size)
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode

    @staticmethod
    def get_params(img: AnyImage, output_size: tuple[int, int]) -> Box:
        """Draw a box: its top, left, height and width."""
        _, rows, columns = F.get_dimensions(img)
        height, width = output_size
        if rows < height or columns < width:
            raise ValueError(
                f"Required crop size {(height, width)} is larger than input image "
                f"size {(rows, columns)}; use pad_if_needed=True or a Resize before"
            )
        if (rows, columns) == (height, width):
            return 0, 0, height, width
        top = draw_integer(rows - height + 1)
        left = draw_integer(columns - width + 1)
        return top, left, height, width

    def forward(self, img: AnyImage) -> AnyImage:
        """Return a box of the image."""
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        if self.pad_if_needed:
            _, rows, columns = F.get_dimensions(img)
            missing = [max(self.size[1] - columns, 0), max(self.size[0] - rows, 0)]
            if any(missing):
                img = F.pad(img, missing, self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size}, padding={self.padding})"


class RandomResizedCrop(nn.Module):
    """Cut a box of random size and shape out of an image and resize it.

    The crop of Inception's training (Szegedy et al. 2014, arXiv:1409.4842): ten tries
    at a box of a share `scale` of the area and an aspect ratio drawn log-uniformly
    from `ratio`; if none fits, the largest box in the middle.

    Args:
        size: height and width of the result, or one int for both.
        scale: the least and the largest share of the image's area.
        ratio: the least and the largest width / height.
        interpolation: an `InterpolationMode` or one of Pillow's constants.
        antialias: for tensors, average over all the pixels an output pixel covers.

    Raises:
        TypeError: `scale` or `ratio` is no sequence.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import RandomResizedCrop
        >>> RandomResizedCrop(24)(flambeau.zeros(3, 32, 40)).shape
        torch.Size([3, 24, 24])
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        for name, bounds in (("Scale", scale), ("Ratio", ratio)):
            if not isinstance(bounds, Sequence):
                raise TypeError(f"{name} should be a sequence, got {bounds!r}")
        if scale[0] > scale[1] or ratio[0] > ratio[1]:
            warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=2)
        self.size = as_size(size)
        self.scale = scale
        self.ratio = ratio
        self.interpolation = as_mode(interpolation)
        self.antialias = antialias

    @staticmethod
    def get_params(
        img: AnyImage, scale: Sequence[float], ratio: Sequence[float]
    ) -> Box:
        """Draw a box: its top, left, height and width."""
        _, rows, columns = F.get_dimensions(img)
        log_ratio = np.log(np.asarray(ratio, np.float32))
        for _ in range(10):
            area = rows * columns * float(draw_uniform(scale[0], scale[1]))
            aspect = float(np.exp(draw_uniform(*log_ratio)))
            width = round(math.sqrt(area * aspect))
            height = round(math.sqrt(area / aspect))
            if 0 < width <= columns and 0 < height <= rows:
                top = draw_integer(rows - height + 1)
                left = draw_integer(columns - width + 1)
                return top, left, height, width
        return _middle(rows, columns, min(ratio), max(ratio))

    def forward(self, img: AnyImage) -> AnyImage:
        """Return a box of the image, resized."""
        box = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(
            img, *box, self.size, self.interpolation, antialias=self.antialias
        )

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(size={self.size}, "
            f"scale={tuple(round(each, 4) for each in self.scale)}, "
            f"ratio={tuple(round(each, 4) for each in self.ratio)}, "
            f"interpolation={self.interpolation.value}, antialias={self.antialias})"
        )


def _middle(rows: int, columns: int, least: float, largest: float) -> Box:
    """The largest box in the middle whose width / height is within bounds."""
    height, width = rows, columns
    if columns / rows < least:
        height = round(width / least)
    elif columns / rows > largest:
        width = round(height * largest)
    return (rows - height) // 2, (columns - width) // 2, height, width
