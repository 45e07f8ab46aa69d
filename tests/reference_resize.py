"""Resizing in NumPy as its definition reads: output by output, in float64.

Along one dimension an output at i lies at the input's place s (i + 1/2) - 1/2, where s
inputs go into an output; its value is what the mode makes of the inputs around there.
"""

from collections.abc import Callable
from math import ceil, floor, pi, sin
from typing import Any

import numpy as np

Array = np.ndarray


def tent(x: float) -> float:
    return max(1 - abs(x), 0.0)


def cubic(x: float, a: float) -> float:
    """Keys' kernel, as its two polynomials are printed."""
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def sinc(x: float) -> float:
    return sin(pi * x) / (pi * x) if x else 1.0


def lanczos(x: float) -> float:
    return sinc(x) * sinc(x / 3) if abs(x) < 3 else 0.0


SMOOTH: dict[str, tuple[Callable[[float], float], float]] = {
    "bilinear": (tent, 1),
    "bicubic": (lambda x: cubic(x, -0.5), 2),
    "lanczos": (lanczos, 3),
}


def weights(
    n: int, outputs: int, mode: str, step: float, align_corners: bool, antialias: bool
) -> Array:
    """The matrix (outputs, n) of one dimension."""
    matrix = np.zeros((outputs, n))
    for i in range(outputs):
        place = i * step if align_corners else (i + 0.5) * step - 0.5
        if antialias:
            kernel, reach = SMOOTH[mode]
            wide = max(step, 1)
            centre = (i + 0.5) * step - 0.5
            for j in range(n):
                if abs(j - centre) < reach * wide:
                    matrix[i, j] = kernel((j - centre) / wide)
            matrix[i] /= matrix[i].sum()
        elif mode == "nearest":
            matrix[i, min(floor(i * step), n - 1)] = 1
        elif mode == "nearest-exact":
            matrix[i, min(floor((i + 0.5) * step), n - 1)] = 1
        elif mode == "bicubic":
            for j in range(floor(place) - 1, floor(place) + 3):
                matrix[i, min(max(j, 0), n - 1)] += cubic(place - j, -0.75)
        elif mode == "area":
            start, stop = floor(i * n / outputs), ceil((i + 1) * n / outputs)
            matrix[i, start:stop] = 1 / (stop - start)
        else:
            inside = min(max(place, 0), n - 1)
            matrix[i] = [tent(inside - j) for j in range(n)]
    return matrix


def resize(
    x: Array,
    mode: str,
    size: Any = None,
    scale_factor: Any = None,
    align_corners: bool = False,
    antialias: bool = False,
    recompute_scale_factor: bool = False,
) -> Array:
    dims = x.ndim - 2
    for dim in range(dims):
        n, axis = x.shape[dim + 2], dim + 2
        if size is not None:
            outputs = size[dim] if isinstance(size, tuple) else size
            step = n / outputs
        else:
            many = isinstance(scale_factor, tuple)
            factor = scale_factor[dim] if many else scale_factor
            outputs = floor(n * factor)
            step = n / outputs if recompute_scale_factor else 1 / factor
        if align_corners:
            step = (n - 1) / (outputs - 1) if outputs > 1 else 0
        matrix = weights(n, outputs, mode, step, align_corners, antialias)
        x = np.moveaxis(np.tensordot(matrix, x, (1, axis)), 0, axis)
    return x
