"""Transforms between PIL images and tensors, and of their values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ... import nn
from ...dtypes import dtype
from ...tensor import Tensor
from . import functional as F
from .functional.geometry import AnyImage

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "ConvertImageDtype",
    "Grayscale",
    "Normalize",
    "PILToTensor",
    "ToPILImage",
    "ToTensor",
]


class ToTensor:
    """PIL image or array (H, W, C) to tensor (C, H, W); bytes become floats in [0, 1].

    Source: `flambeau.vision.transforms.functional.to_tensor`.

    Example:
        >>> from PIL import Image
        >>> from flambeau.vision.transforms import ToTensor
        >>> ToTensor()(Image.new("RGB", (8, 6))).shape
        torch.Size([3, 6, 8])
    """

    def __call__(self, pic: Image | np.ndarray) -> Tensor:
        """Return the image as a tensor."""
        return F.to_tensor(pic)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class PILToTensor:
    """PIL image to tensor (C, H, W) of the same element type.

    Example:
        >>> from PIL import Image
        >>> from flambeau.vision.transforms import PILToTensor
        >>> PILToTensor()(Image.new("L", (8, 6))).dtype
        torch.uint8
    """

    def __call__(self, pic: Image) -> Tensor:
        """Return the image as a tensor."""
        return F.pil_to_tensor(pic)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ToPILImage:
    """Tensor (C, H, W) or array (H, W, C) to PIL image.

    Args:
        mode: PIL's mode; None chooses by channels and element type.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import ToPILImage
        >>> ToPILImage()(flambeau.zeros(3, 6, 8)).mode
        'RGB'
    """

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Tensor | np.ndarray) -> Image:
        """Return the tensor as an image."""
        return F.to_pil_image(pic, self.mode)

    def __repr__(self) -> str:
        mode = "" if self.mode is None else f"mode={self.mode}"
        return f"{type(self).__name__}({mode})"


class ConvertImageDtype(nn.Module):
    """Another element type, with the values scaled to its range.

    Args:
        dtype: the element type of the result.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import ConvertImageDtype
        >>> image = flambeau.tensor([[0, 255]], dtype=flambeau.uint8)
        >>> ConvertImageDtype(flambeau.float32)(image)
        tensor([[0., 1.]])
    """

    def __init__(self, dtype: dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def forward(self, image: Tensor) -> Tensor:
        """Return the image in the element type."""
        return F.convert_image_dtype(image, self.dtype)


class Normalize(nn.Module):
    """``(x - mean) / std``, with a mean and a std for each channel.

    Args:
        mean: one value for each channel.
        std: one value for each channel.
        inplace: write the result into the input.

    Shape:
        - Input: (..., C, H, W), floats
        - Output: the same

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import Normalize
        >>> Normalize([0.5], [0.5])(flambeau.ones(1, 1, 2))
        tensor([[[1., 1.]]])
    """

    def __init__(
        self,
        mean: Sequence[float] | float,
        std: Sequence[float] | float,
        inplace: bool = False,
    ) -> None:
        super().__init__()
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, tensor: Tensor) -> Tensor:
        """Return the normalised image."""
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mean={self.mean}, std={self.std})"


class Grayscale(nn.Module):
    """Colour to grey.

    Args:
        num_output_channels: 1, or 3 for three equal channels.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import Grayscale
        >>> Grayscale()(flambeau.zeros(3, 6, 8)).shape
        torch.Size([1, 6, 8])
    """

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, img: AnyImage) -> AnyImage:
        """Return the grey image."""
        return F.rgb_to_grayscale(img, self.num_output_channels)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_output_channels={self.num_output_channels})"
