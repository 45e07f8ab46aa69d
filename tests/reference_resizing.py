"""Resizing in NumPy as its definitions read: every result of a line by itself.

Independent of flambeau: places of neighbours are exact fractions, linear interpolation
is NumPy's, cubics are the four-point formula, averages are means of slices. Filters
against aliasing are Pillow's.
"""

from fractions import Fraction
from math import ceil, floor
from typing import Any

import numpy as np
from PIL import Image

Array = np.ndarray

# Keys' cubic with slope a at its neighbours, as powers of the way from sample 1 to 2
A = -0.75
CUBIC = np.array(
    [
        [0, 1, 0, 0],
        [A, 0, -A, 0],
        [-2 * A, -A - 3, 2 * A + 3, A],
        [A, A + 2, -A - 2, -A],
    ]
)
PILLOW = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def interpolate(
    x: Array,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool = False,
    recompute_scale_factor: bool = False,
    antialias: bool = False,
) -> Array:
    for axis, n in enumerate(x.shape[2:], 2):
        given = scale_factor if size is None else size
        each = given[axis - 2] if isinstance(given, tuple) else given
        out = floor(n * each) if size is None else each
        step = Fraction(n, out)
        if size is None and not recompute_scale_factor:
            step = 1 / Fraction(each)
        if align_corners:
            step = Fraction(n - 1, max(out - 1, 1))
        x = np.apply_along_axis(line, axis, x, out, step, mode, align_corners)
    return x


def line(values: Array, out: int, step: Fraction, mode: str, corners: bool) -> Array:
    """Resample one line of samples."""
    n, half = len(values), Fraction(0 if corners else 1, 2)
    numbers = range(out)
    if mode == "nearest":
        return values[[min(floor(i * step), n - 1) for i in numbers]]
    if mode == "nearest-exact":
        return values[[min(floor((i + half) * step), n - 1) for i in numbers]]
    if mode == "area":
        cuts = [
            (floor(Fraction(i * n, out)), ceil(Fraction(i * n + n, out)))
            for i in numbers
        ]
        return np.array([values[low:high].mean() for low, high in cuts])
    places = [(i + half) * step - half for i in numbers]
    if mode == "bicubic":
        return np.array([cubic(values, place) for place in places])
    return np.interp(np.array(places, float), np.arange(n), values)


def cubic(values: Array, place: Fraction) -> float:
    """The cubic through four samples, the outermost ones repeated outwards."""
    first = floor(place)
    around = values[np.clip(np.arange(first - 1, first + 3), 0, len(values) - 1)]
    return float(float(place - first) ** np.arange(4) @ CUBIC @ around)


def pillow(x: Array, size: tuple[int, int], mode: str) -> Array:
    """Resize every channel with a filter as wide as what it merges, in float32."""
    planes = x.reshape(-1, *x.shape[2:]).astype(np.float32)
    done = [Image.fromarray(p).resize(size[::-1], PILLOW[mode]) for p in planes]
    return np.array(done).reshape(*x.shape[:2], *size)


def pixel_shuffle(x: Array, r: int) -> Array:
    *lead, channels, height, width = x.shape
    y = np.empty((*lead, channels // r**2, height * r, width * r), x.dtype)
    for c, h, w in np.ndindex(y.shape[-3:]):
        y[..., c, h, w] = x[..., c * r**2 + h % r * r + w % r, h // r, w // r]
    return y


def channel_shuffle(x: Array, groups: int) -> Array:
    each = x.shape[1] // groups
    return x[:, [group * each + at for at in range(each) for group in range(groups)]]
