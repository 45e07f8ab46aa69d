"""The transforms as functions of a PIL image or a tensor (..., C, H, W)."""

from .color import rgb_to_grayscale, to_grayscale
from .convert import (
    convert_image_dtype,
    normalize,
    pil_to_tensor,
    to_pil_image,
    to_tensor,
)
from .geometry import center_crop, crop, hflip, pad, resize, resized_crop, vflip
from .image import get_dimensions, get_image_num_channels, get_image_size
from .interpolation import InterpolationMode

__all__ = [
    "InterpolationMode",
    "center_crop",
    "convert_image_dtype",
    "crop",
    "get_dimensions",
    "get_image_num_channels",
    "get_image_size",
    "hflip",
    "normalize",
    "pad",
    "pil_to_tensor",
    "resize",
    "resized_crop",
    "rgb_to_grayscale",
    "to_grayscale",
    "to_pil_image",
    "to_tensor",
    "vflip",
]
