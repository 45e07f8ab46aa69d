"""Between PIL images, arrays and tensors, and between element types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ....dtypes import dtype, float32, get_default_dtype
from ....tensor import Tensor
from ....tensor.convert import value_of
from ....utils.data.values import tensor_over
from .image import array_of, is_pil, require_pil, tensor_of

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "convert_image_dtype",
    "normalize",
    "pil_to_tensor",
    "to_pil_image",
    "to_tensor",
]

# PIL modes whose pixels are not bytes.
NUMPY_OF_PIL_MODE = {
    "I": np.int32,
    "I;16": np.int16,
    "I;16B": np.int16,
    "F": np.float32,
}

# Modes a tensor may become, by its channels; the first one is the default.
PIL_MODES = {
    2: ("LA",),
    3: ("RGB", "YCbCr", "HSV"),
    4: ("RGBA", "CMYK", "RGBX"),
}
GREY_MODES = {
    np.dtype(np.uint8): "L",
    np.dtype(np.int16): "I;16",
    np.dtype(np.int32): "I",
    np.dtype(np.float32): "F",
}


def to_tensor(pic: Image | np.ndarray) -> Tensor:
    """Convert a PIL image or array (H, W, C) to a tensor (C, H, W).

    Bytes are divided by 255 and become the default float type; other element types
    keep their values.

    Args:
        pic: a PIL image, or an array of shape (H, W) or (H, W, C).

    Raises:
        TypeError: `pic` is neither.
        ValueError: an array of another number of axes.

    Example:
        >>> import numpy as np
        >>> from flambeau.vision.transforms import functional as F
        >>> F.to_tensor(np.full((2, 2), 255, np.uint8))
        tensor([[[1., 1.],
                 [1., 1.]]])
    """
    if is_pil(pic):
        array = _pixels(pic, NUMPY_OF_PIL_MODE.get(pic.mode, np.uint8))
        if pic.mode == "1":
            array *= 255
    elif isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(
                f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions."
            )
        array = np.atleast_3d(pic)
    else:
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    array = array.transpose(2, 0, 1)
    if array.dtype != np.uint8:
        return tensor_of(array)
    kind = get_default_dtype().numpy
    return tensor_over(np.divide(array, kind.type(255), dtype=kind, order="C"))


def _pixels(pic: Image, kind: Any = None) -> np.ndarray:
    """The pixels of a PIL image as an array (H, W, C) of its own."""
    return np.array(pic, dtype=kind).reshape(pic.height, pic.width, -1)


def pil_to_tensor(pic: Image) -> Tensor:
    """Convert a PIL image to a tensor (C, H, W) of the same element type.

    Raises:
        TypeError: `pic` is no PIL image.

    Example:
        >>> from PIL import Image
        >>> from flambeau.vision.transforms import functional as F
        >>> F.pil_to_tensor(Image.new("L", (2, 1), 7))
        tensor([[[7, 7]]], dtype=torch.uint8)
    """
    require_pil(pic, "pil_to_tensor")
    return tensor_of(_pixels(pic).transpose(2, 0, 1))


def to_pil_image(pic: Tensor | np.ndarray, mode: str | None = None) -> Image:
    """Convert a tensor (C, H, W) or array (H, W, C) to a PIL image.

    Floats are taken to lie in [0, 1] and become bytes, unless `mode` is ``"F"``.

    Args:
        pic: a tensor or array of one to four channels, or of none.
        mode: PIL's mode; None means L, LA, RGB or RGBA by the channels, and I;16, I
            or F for one channel of int16, int32 or float32.

    Raises:
        TypeError: `pic` is no tensor or array, or of a type PIL does not know.
        ValueError: the axes, channels or mode do not fit.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import functional as F
        >>> F.to_pil_image(flambeau.zeros(3, 4, 5)).size
        (5, 4)
    """
    from PIL import Image

    array = _channels_last(pic)
    if array.dtype.kind == "f" and mode != "F":
        array = (array * 255).astype(np.uint8)
    mode = _pil_mode(array, mode)
    size = array.shape[1], array.shape[0]
    return Image.frombytes(mode, size, array.tobytes())


def _channels_last(pic: Tensor | np.ndarray) -> np.ndarray:
    """The pixels of a tensor or array as (H, W, C)."""
    if isinstance(pic, Tensor):
        array = value_of(pic)
        array = array.transpose(1, 2, 0) if array.ndim == 3 else array
    elif isinstance(pic, np.ndarray):
        array = pic
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    if array.ndim not in (2, 3):
        raise ValueError(f"pic should be 2/3 dimensional. Got {array.ndim} dimensions.")
    array = np.atleast_3d(array)
    if array.shape[2] > 4:
        raise ValueError(
            f"pic should not have > 4 channels. Got {array.shape[2]} channels."
        )
    return array


def _pil_mode(array: np.ndarray, mode: str | None) -> str:
    """The mode to give to pixels (H, W, C), checked against the one asked for."""
    channels, kind = array.shape[2], array.dtype
    if channels == 1:
        expected = GREY_MODES.get(kind)
        if mode not in (None, expected):
            raise ValueError(
                f"Incorrect mode ({mode}) supplied for input type {kind}. "
                f"Should be {expected}"
            )
        mode = expected
    else:
        permitted = PIL_MODES[channels]
        if mode is not None and mode not in permitted:
            raise ValueError(
                f"Only modes {list(permitted)} are supported for {channels}D inputs, "
                f"got {mode!r}"
            )
        if mode is None and kind == np.uint8:
            mode = permitted[0]
    if mode is None:
        raise TypeError(f"Input type {kind} is not supported")
    return mode


def normalize(
    tensor: Tensor,
    mean: Sequence[float] | float,
    std: Sequence[float] | float,
    inplace: bool = False,
) -> Tensor:
    """Shift and scale every channel: ``(tensor - mean) / std``.

    Args:
        tensor: a float image.
        mean: one value, or one for each channel.
        std: one value, or one for each channel.
        inplace: write the result into `tensor`.

    Shape:
        - Input: (..., C, H, W)
        - Output: the same

    Raises:
        TypeError: `tensor` is no float tensor.
        ValueError: too few axes, another number of values than channels, or a std
            of zero.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import functional as F
        >>> F.normalize(flambeau.ones(1, 1, 2), mean=[0.5], std=[0.25])
        tensor([[[2., 2.]]])
    """
    _check_normalize(tensor)
    array = array_of(tensor, "normalize")
    shift = _per_channel("mean", mean, array)
    scale = _per_channel("std", std, array)
    if not scale.all():
        raise ValueError(
            f"std evaluated to zero after conversion to {tensor.dtype}, "
            f"leading to division by zero: std={std}"
        )
    result = tensor_over((array - shift) / scale)
    return tensor.copy_(result) if inplace else result


def _check_normalize(tensor: Any) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(tensor)}")
    if not tensor.is_floating_point():
        raise TypeError(
            f"Input tensor should be a float tensor. Got {tensor.dtype}; "
            "apply ToTensor or ConvertImageDtype first"
        )
    if tensor.ndim < 3:
        raise ValueError(
            "Expected tensor to be a tensor image of size (..., C, H, W). "
            f"Got tensor.size() = {tuple(tensor.shape)}"
        )


def _per_channel(
    name: str, values: Sequence[float] | float, array: np.ndarray
) -> np.ndarray:
    """`values` as an array that broadcasts against an image (..., C, H, W)."""
    result = np.asarray(values, dtype=array.dtype)
    if result.size not in (1, array.shape[-3]):
        raise ValueError(
            f"normalize: {name} has {result.size} values for an image of "
            f"{array.shape[-3]} channels, shape {array.shape}"
        )
    return result.reshape(-1, 1, 1)


def convert_image_dtype(image: Tensor, dtype: dtype = float32) -> Tensor:
    """Convert an image to another element type and scale its values to that range.

    Floats stand for [0, 1], integers for [0, their largest value].

    Args:
        image: the image, of any shape.
        dtype: the element type of the result.

    Raises:
        TypeError: `image` is no tensor.
        RuntimeError: the float type cannot hold the integer type's range.

    Example:
        >>> import flambeau
        >>> from flambeau.vision.transforms import functional as F
        >>> F.convert_image_dtype(flambeau.tensor([[0.0, 1.0]]), flambeau.uint8)
        tensor([[  0, 255]], dtype=torch.uint8)
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"Input img should be Tensor Image. Got {type(image)}")
    if image.dtype is dtype:
        return image
    array = array_of(image, "convert_image_dtype")
    if not _is_safe(image.dtype, dtype):
        raise RuntimeError(
            f"The cast from {image.dtype} to {dtype} cannot be performed safely."
        )
    return tensor_over(_scaled(array, image.dtype, dtype))


def _is_safe(source: dtype, target: dtype) -> bool:
    """Whether no float overflows the target: torchvision's rule, by size alone."""
    if not source.is_floating_point or target.is_floating_point:
        return True
    return source.itemsize < 4 or target.itemsize < source.itemsize


def _scaled(array: np.ndarray, source: dtype, target: dtype) -> np.ndarray:
    """`array` in the target type, its range mapped on the target's."""
    if source.is_floating_point:
        if target.is_floating_point:
            return array.astype(target.numpy)
        # Just below maximum + 1, so that equal shares of [0, 1] reach every integer.
        return (array * array.dtype.type(_maximum(target) + 0.999)).astype(target.numpy)
    if target.is_floating_point:
        return array.astype(target.numpy) / target.numpy.type(_maximum(source))
    shrink = (_maximum(source) + 1) // (_maximum(target) + 1)
    if shrink >= 1:
        return (array // array.dtype.type(shrink)).astype(target.numpy)
    grow = (_maximum(target) + 1) // (_maximum(source) + 1)
    return array.astype(target.numpy) * target.numpy.type(grow)


def _maximum(kind: dtype) -> int:
    """The value that stands for full intensity."""
    if kind.is_floating_point or kind.numpy == np.bool_:
        return 1
    return int(np.iinfo(kind.numpy.name).max)
