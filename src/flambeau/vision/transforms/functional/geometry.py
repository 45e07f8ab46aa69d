"""Resizing, padding, cropping and mirroring."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ....tensor import Tensor
from .image import array_of, get_dimensions, require_pil, tensor_of
from .interpolation import PIL_CODE, InterpolationMode, as_mode, resample

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["center_crop", "crop", "hflip", "pad", "resize", "resized_crop", "vflip"]

AnyImage = TypeVar("AnyImage", "Image", Tensor)
Fill = float | Sequence[float]

PADDING_MODES = ("constant", "edge", "reflect", "symmetric")


def resize(
    img: AnyImage,
    size: int | Sequence[int],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> AnyImage:
    """Resize an image.

    Args:
        img: a PIL image or a tensor (..., H, W).
        size: height and width, or one int for the smaller edge: the other keeps the
            aspect ratio.
        interpolation: an `InterpolationMode` or one of Pillow's constants.
        max_size: with one int as `size`, the most the larger edge may get; the
            smaller edge gives way.
        antialias: for tensors in bilinear or bicubic mode, average over all the pixels
            an output pixel covers; PIL images always do.

    Raises:
        TypeError: `interpolation` is none.
        ValueError: `size` and `max_size` contradict each other.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import functional as F
        >>> F.resize(flambeau.zeros(3, 40, 60), 20).shape
        torch.Size([3, 20, 30])
    """
    mode = as_mode(interpolation)
    _, height, width = get_dimensions(img)
    target = _resized(height, width, size, max_size)
    if (height, width) == target:
        return img
    if isinstance(img, Tensor):
        array = array_of(img, "resize")
        return tensor_of(resample(array, target, mode, bool(antialias)))
    if antialias is False:
        warnings.warn(
            "Anti-alias option is always applied for PIL Image input. "
            "Argument antialias is ignored.",
            stacklevel=2,
        )
    return img.resize((target[1], target[0]), PIL_CODE[mode])


def _resized(
    height: int, width: int, size: int | Sequence[int], max_size: int | None
) -> tuple[int, int]:
    """The height and width that `size` and `max_size` ask for."""
    edges = [size] if isinstance(size, int) else list(size)
    if len(edges) == 2 and max_size is None:
        return edges[0], edges[1]
    if len(edges) != 1:
        raise ValueError(
            "size should be one value, or two without max_size (which needs the "
            f"length of the smaller edge only), got size={size}, max_size={max_size}"
        )
    smaller, larger = edges[0], int(edges[0] * max(height, width) / min(height, width))
    if max_size is not None:
        if max_size <= smaller:
            raise ValueError(
                f"max_size = {max_size} must be strictly greater than the requested "
                f"size for the smaller edge size = {size}"
            )
        if larger > max_size:
            smaller, larger = int(max_size * smaller / larger), max_size
    return (larger, smaller) if width <= height else (smaller, larger)


def pad(
    img: AnyImage,
    padding: int | Sequence[int],
    fill: Fill = 0,
    padding_mode: str = "constant",
) -> AnyImage:
    """Add a border to an image; a negative width takes pixels away.

    Args:
        img: a PIL image or a tensor (..., H, W).
        padding: one width for all sides, two for left/right and top/bottom, or four
            for left, top, right and bottom.
        fill: the value of a constant border; a PIL image takes one per channel too.
        padding_mode: ``"constant"``, ``"edge"`` (the border pixel repeated),
            ``"reflect"`` (mirrored at the border pixel) or ``"symmetric"`` (mirrored
            behind it).

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: another number of widths, or an unknown mode.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import functional as F
        >>> F.pad(flambeau.tensor([[[1, 2, 3]]]), [2, 0], padding_mode="reflect")
        tensor([[[3, 2, 1, 2, 3, 2, 1]]])
    """
    check_padding(padding, fill, padding_mode)
    sides = _sides(padding)
    if isinstance(img, Tensor):
        if not isinstance(fill, (int, float)):
            raise TypeError(
                f"Got inappropriate fill arg: a tensor takes one number, got {fill!r}"
            )
        array = array_of(img, "pad")
        return tensor_of(_pad_array(array, sides, array.ndim - 2, padding_mode, fill))
    require_pil(img, "pad")
    if padding_mode == "constant":
        from PIL import ImageOps

        return ImageOps.expand(img, border=sides, fill=_pil_fill(fill, img))
    return _pad_pil(img, sides, padding_mode)


def check_padding(padding: Any, fill: Any, padding_mode: str) -> None:
    """Raise unless the three arguments can be `pad`'s."""
    if not isinstance(padding, (int, tuple, list)):
        raise TypeError(f"Got inappropriate padding arg: {padding!r}")
    if not isinstance(fill, (int, float, tuple, list)):
        raise TypeError(f"Got inappropriate fill arg: {fill!r}")
    if padding_mode not in PADDING_MODES:
        raise ValueError(
            "Padding mode should be either constant, edge, reflect or symmetric, "
            f"got {padding_mode!r}"
        )
    if not isinstance(padding, int) and len(padding) not in (1, 2, 4):
        raise ValueError(
            "Padding must be an int or a 1, 2, or 4 element tuple, "
            f"not a {len(padding)} element tuple"
        )


def _sides(padding: int | Sequence[int]) -> tuple[int, int, int, int]:
    """The widths of the left, top, right and bottom border."""
    widths = [padding] if isinstance(padding, int) else list(padding)
    left, top, right, bottom = widths * (4 // len(widths))
    return left, top, right, bottom


def _pad_array(
    array: np.ndarray,
    sides: tuple[int, int, int, int],
    row_axis: int,
    padding_mode: str,
    fill: float = 0,
) -> np.ndarray:
    """Pad the two axes from `row_axis`; cut where a width is negative."""
    left, top, right, bottom = sides
    widths = [(0, 0)] * array.ndim
    cuts = [slice(None)] * array.ndim
    for axis, (before, after) in enumerate(((top, bottom), (left, right)), row_axis):
        widths[axis] = max(before, 0), max(after, 0)
        cuts[axis] = slice(max(-before, 0), array.shape[axis] - max(-after, 0))
    array = array[tuple(cuts)]
    if padding_mode == "constant":
        return np.pad(array, widths, constant_values=fill)
    return np.pad(array, widths, mode=padding_mode)  # type: ignore[call-overload]


def _pad_pil(img: Image, sides: tuple[int, int, int, int], padding_mode: str) -> Image:
    """Pad a PIL image with its own pixels; a palette is kept."""
    from PIL import Image

    padded = Image.fromarray(_pad_array(np.asarray(img), sides, 0, padding_mode))
    palette = img.getpalette()
    if palette is not None:
        padded.putpalette(palette)
    return padded


def _pil_fill(fill: Fill, img: Image) -> Any:
    """`fill` as PIL wants it: a number, or a tuple of one per channel."""
    channels = len(img.getbands())
    values = list(fill) if isinstance(fill, Sequence) else [fill]
    if len(values) not in (1, channels):
        raise ValueError(
            "The number of elements in 'fill' does not match the number of channels "
            f"of the image ({len(values)} != {channels})"
        )
    if img.mode != "F":
        values = [int(value) for value in values]
    return values[0] if channels == 1 else tuple(values * (channels // len(values)))


def crop(img: AnyImage, top: int, left: int, height: int, width: int) -> AnyImage:
    """Cut a box out of an image; what lies outside the image is 0.

    Args:
        img: a PIL image or a tensor (..., H, W).
        top, left: the box's upper left corner.
        height, width: the box's size.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import functional as F
        >>> F.crop(flambeau.arange(6).reshape(1, 2, 3), 1, 1, 1, 3)
        tensor([[[4, 5, 0]]])
    """
    _, rows, columns = get_dimensions(img)
    if not isinstance(img, Tensor):
        return img.crop((left, top, left + width, top + height))
    right, bottom = left + width - columns, top + height - rows
    array = array_of(img, "crop")
    sides = (-left, -top, right, bottom)
    return tensor_of(_pad_array(array, sides, array.ndim - 2, "constant"))


def center_crop(img: AnyImage, output_size: int | Sequence[int]) -> AnyImage:
    """Cut the middle out of an image; a smaller image gets a border of 0 first.

    Args:
        img: a PIL image or a tensor (..., H, W).
        output_size: height and width of the result, or one int for both.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import functional as F
        >>> F.center_crop(flambeau.arange(9).reshape(1, 3, 3), 1)
        tensor([[[4]]])
    """
    height, width = as_size(output_size)
    _, rows, columns = get_dimensions(img)
    down, across = max(height - rows, 0), max(width - columns, 0)
    if down or across:
        border = [across // 2, down // 2, (across + 1) // 2, (down + 1) // 2]
        img = pad(img, border)
        rows, columns = rows + down, columns + across
    top = round((rows - height) / 2)
    left = round((columns - width) / 2)
    return crop(img, top, left, height, width)


def as_size(size: int | Sequence[int]) -> tuple[int, int]:
    """Height and width from two values or one."""
    edges = [size] if isinstance(size, (int, float)) else list(size)
    if len(edges) not in (1, 2):
        raise ValueError(
            f"Please provide only two dimensions (h, w) for size. Got {size!r}"
        )
    return int(edges[0]), int(edges[-1])


def resized_crop(
    img: AnyImage,
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | Sequence[int],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> AnyImage:
    """Cut a box out of an image and resize it: `crop`, then `resize`."""
    box = crop(img, top, left, height, width)
    return resize(box, size, interpolation, antialias=antialias)


def hflip(img: AnyImage) -> AnyImage:
    """Mirror an image left to right.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import functional as F
        >>> F.hflip(flambeau.tensor([[[1, 2, 3]]]))
        tensor([[[3, 2, 1]]])
    """
    if isinstance(img, Tensor):
        return tensor_of(array_of(img, "hflip")[..., ::-1])
    require_pil(img, "hflip")
    from PIL.Image import Transpose

    return img.transpose(Transpose.FLIP_LEFT_RIGHT)


def vflip(img: AnyImage) -> AnyImage:
    """Mirror an image top to bottom.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import functional as F
        >>> F.vflip(flambeau.tensor([[[1], [2]]]))
        tensor([[[2],
                 [1]]])
    """
    if isinstance(img, Tensor):
        return tensor_of(array_of(img, "vflip")[..., ::-1, :])
    require_pil(img, "vflip")
    from PIL.Image import Transpose

    return img.transpose(Transpose.FLIP_TOP_BOTTOM)
