"""What an image is: a PIL image, or a tensor whose last axes are (C, H, W)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from ....tensor import Tensor
from ....tensor.convert import value_of
from ....utils.data.values import tensor_over

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["get_dimensions", "get_image_num_channels", "get_image_size"]


def is_pil(img: Any) -> TypeGuard[Image]:
    """Whether `img` is a PIL image."""
    from PIL.Image import Image

    return isinstance(img, Image)


def require_pil(img: Any, op: str) -> None:
    """Raise TypeError unless `img` is a PIL image."""
    if not is_pil(img):
        raise TypeError(f"{op}: img should be PIL Image. Got {type(img)}")


def array_of(img: Tensor, op: str) -> np.ndarray:
    """The values of an image tensor; gradients do not pass through transforms."""
    if img.ndim < 2:
        raise TypeError(
            f"{op}: Tensor is not a torch image: it needs at least the axes (H, W), "
            f"got shape {tuple(img.shape)}"
        )
    if img.requires_grad:
        raise RuntimeError(
            f"{op}: transforms work on values and would lose the gradient of a tensor "
            "that requires grad; pass img.detach(), or write it with tensor operations"
        )
    return value_of(img)


def tensor_of(array: np.ndarray) -> Tensor:
    """A tensor over a C-contiguous copy of `array`, or over `array` if it is one."""
    return tensor_over(np.ascontiguousarray(array))


def get_dimensions(img: Image | Tensor) -> list[int]:
    """Return the channels, height and width of an image.

    Raises:
        TypeError: `img` is neither a PIL image nor a tensor of two or more axes.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import functional as F
        >>> F.get_dimensions(flambeau.zeros(3, 20, 30))
        [3, 20, 30]
    """
    if isinstance(img, Tensor):
        if img.ndim < 2:
            raise TypeError(
                f"Tensor is not a torch image: got shape {tuple(img.shape)}, "
                "expected (..., C, H, W)"
            )
        channels = 1 if img.ndim == 2 else img.shape[-3]
        return [channels, img.shape[-2], img.shape[-1]]
    if not is_pil(img):
        raise TypeError(f"Unexpected type {type(img)}: expected PIL Image or Tensor")
    return [len(img.getbands()), img.height, img.width]


def get_image_size(img: Image | Tensor) -> list[int]:
    """Return the width and height of an image, in this order as torchvision does."""
    _, height, width = get_dimensions(img)
    return [width, height]


def get_image_num_channels(img: Image | Tensor) -> int:
    """Return the number of channels of an image."""
    return get_dimensions(img)[0]
