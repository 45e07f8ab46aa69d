"""Resampling of tensors: one weight matrix per axis, applied to the last two axes.

Row `i` of a matrix says which input samples make output sample `i`, and how much of
each. All modes differ in that matrix only.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import lru_cache

import numpy as np

__all__ = ["InterpolationMode"]


class InterpolationMode(Enum):
    """How `resize` finds a value between pixels; tensors know the first four.

    Example:
        >>> from flambeau.vision.transforms import InterpolationMode
        >>> InterpolationMode("bicubic")
        <InterpolationMode.BICUBIC: 'bicubic'>
    """

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


# Pillow's constants: NEAREST 0, LANCZOS 1, BILINEAR 2, BICUBIC 3, BOX 4, HAMMING 5.
PIL_CODE = {
    InterpolationMode.NEAREST: 0,
    InterpolationMode.NEAREST_EXACT: 0,
    InterpolationMode.LANCZOS: 1,
    InterpolationMode.BILINEAR: 2,
    InterpolationMode.BICUBIC: 3,
    InterpolationMode.BOX: 4,
    InterpolationMode.HAMMING: 5,
}
# Built backwards so that 0 means NEAREST, not NEAREST_EXACT.
MODE_OF_PIL_CODE = {code: mode for mode, code in reversed(PIL_CODE.items())}


def as_mode(interpolation: InterpolationMode | int) -> InterpolationMode:
    """The mode named by an enum member or by one of Pillow's constants."""
    if isinstance(interpolation, InterpolationMode):
        return interpolation
    if interpolation in MODE_OF_PIL_CODE:
        return MODE_OF_PIL_CODE[interpolation]
    raise TypeError(
        "Argument interpolation should be a InterpolationMode or a corresponding "
        f"Pillow integer constant, got {interpolation!r}"
    )


def triangle(x: np.ndarray) -> np.ndarray:
    """The kernel of linear interpolation, zero from distance 1."""
    return np.clip(1 - np.abs(x), 0, None)


def cubic(x: np.ndarray, a: float) -> np.ndarray:
    """The cubic convolution kernel of Keys 1981, zero from distance 2."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((x - 5) * x + 8) * x * a - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def keys(x: np.ndarray) -> np.ndarray:
    """Keys' own cubic, a = -1/2, which Pillow and torch's antialiasing use."""
    return cubic(x, -0.5)


def sharp(x: np.ndarray) -> np.ndarray:
    """The cubic with a = -3/4, which torch uses without antialiasing."""
    return cubic(x, -0.75)


def nearest_weights(size: int, out: int, shift: float) -> np.ndarray:
    """One 1 per row, at floor((i + shift) * size / out), computed in float32."""
    scale = np.float32(size) / np.float32(out)
    source = np.floor((np.arange(out, dtype=np.float32) + np.float32(shift)) * scale)
    weights = np.zeros((out, size))
    weights[np.arange(out), np.minimum(source.astype(int), size - 1)] = 1
    return weights


def kernel_weights(
    size: int, out: int, kernel: Callable[[np.ndarray], np.ndarray], radius: int
) -> np.ndarray:
    """Weights of a kernel at half-pixel centres; the border pixel is repeated."""
    centre = (np.arange(out) + 0.5) * (size / out) - 0.5
    first = np.floor(centre).astype(int) - radius + 1
    taps = first[:, None] + np.arange(2 * radius)
    weights = np.zeros((out, size))
    rows = np.broadcast_to(np.arange(out)[:, None], taps.shape)
    values = kernel(taps - centre[:, None])
    np.add.at(weights, (rows, np.clip(taps, 0, size - 1)), values)
    return weights


def antialias_weights(
    size: int, out: int, kernel: Callable[[np.ndarray], np.ndarray], radius: int
) -> np.ndarray:
    """Weights of a kernel widened by the factor of reduction, each row summing to 1."""
    scale = size / out
    stretch = max(scale, 1.0)
    centre = (np.arange(out) + 0.5)[:, None] * scale
    start = np.maximum((centre - radius * stretch + 0.5).astype(int), 0)
    stop = np.minimum((centre + radius * stretch + 0.5).astype(int), size)
    pixel = np.arange(size)
    weights = kernel((pixel - centre + 0.5) / stretch)
    weights = np.where((pixel >= start) & (pixel < stop), weights, 0)
    return weights / weights.sum(axis=1, keepdims=True)


@lru_cache(maxsize=64)
def axis_weights(
    size: int, out: int, mode: InterpolationMode, antialias: bool
) -> np.ndarray:
    """The (out, size) matrix that resamples one axis."""
    if mode is InterpolationMode.NEAREST:
        return nearest_weights(size, out, 0.0)
    if mode is InterpolationMode.NEAREST_EXACT:
        return nearest_weights(size, out, 0.5)
    if mode is InterpolationMode.BILINEAR:
        build = antialias_weights if antialias else kernel_weights
        return build(size, out, triangle, 1)
    if mode is InterpolationMode.BICUBIC:
        if antialias:
            return antialias_weights(size, out, keys, 2)
        return kernel_weights(size, out, sharp, 2)
    raise ValueError(
        f"resize: interpolation={mode.value!r} is for PIL images only; tensors take "
        "nearest, nearest-exact, bilinear or bicubic"
    )


def resample(
    array: np.ndarray, size: tuple[int, int], mode: InterpolationMode, antialias: bool
) -> np.ndarray:
    """Resize the last two axes; integers are rounded, uint8 also clipped."""
    height, width = array.shape[-2:]
    rows = axis_weights(height, size[0], mode, antialias)
    columns = axis_weights(width, size[1], mode, antialias)
    kind = array.dtype
    work = kind if kind in (np.float32, np.float64) else np.dtype(np.float32)
    out = rows.astype(work) @ (array.astype(work) @ columns.astype(work).T)
    if kind == np.uint8:
        out = np.clip(out, 0, 255)
    return (np.round(out) if kind.kind in "iu" else out).astype(kind)
