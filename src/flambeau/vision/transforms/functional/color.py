"""Colour to grey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ....dtypes import get_default_dtype
from ....tensor import Tensor
from .geometry import AnyImage
from .image import array_of, get_dimensions, require_pil, tensor_of

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["rgb_to_grayscale", "to_grayscale"]

# The luma of ITU-R BT.601.
RED, GREEN, BLUE = 0.2989, 0.587, 0.114


def rgb_to_grayscale(img: AnyImage, num_output_channels: int = 1) -> AnyImage:
    """Turn an RGB image grey: ``0.2989 R + 0.587 G + 0.114 B``.

    Args:
        img: a PIL image, or a tensor (..., C, H, W) of one or three channels.
        num_output_channels: 1, or 3 for three equal channels.

    Raises:
        TypeError: the image has other channels.
        ValueError: `num_output_channels` is neither.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import functional as F
        >>> F.rgb_to_grayscale(flambeau.zeros(3, 4, 4)).shape
        torch.Size([1, 4, 4])
    """
    if not isinstance(img, Tensor):
        return to_grayscale(img, num_output_channels)
    channels = get_dimensions(img)[0]
    if img.ndim < 3 or channels not in (1, 3):
        raise TypeError(
            "rgb_to_grayscale: Input image tensor should be (..., C, H, W) with 1 or "
            f"3 channels, got shape {tuple(img.shape)}"
        )
    _check_channels(num_output_channels)
    array = array_of(img, "rgb_to_grayscale")
    if channels == 3:
        array = _luma(array)
    return tensor_of(np.repeat(array, num_output_channels, axis=-3))


def _check_channels(num_output_channels: int) -> None:
    if num_output_channels not in (1, 3):
        raise ValueError(
            f"num_output_channels should be either 1 or 3, got {num_output_channels}"
        )


def _luma(array: np.ndarray) -> np.ndarray:
    """The weighted sum over axis -3, which is kept; integers are truncated."""
    work = get_default_dtype().numpy if array.dtype.kind in "iu" else array.dtype
    red, green, blue = np.moveaxis(array.astype(work), -3, 0)
    grey = RED * red + GREEN * green + BLUE * blue
    return grey.astype(array.dtype)[..., None, :, :]


def to_grayscale(img: Image, num_output_channels: int = 1) -> Image:
    """Turn a PIL image of any mode grey.

    Args:
        img: a PIL image.
        num_output_channels: 1 for mode L, 3 for RGB with three equal channels.

    Raises:
        TypeError: `img` is no PIL image.
        ValueError: `num_output_channels` is neither 1 nor 3.
    """
    require_pil(img, "to_grayscale")
    _check_channels(num_output_channels)
    grey = img.convert("L")
    return grey if num_output_channels == 1 else grey.convert("RGB")
