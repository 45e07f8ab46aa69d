"""Reading images at any places in NumPy, as the definitions read: place by place."""

from collections.abc import Sequence
from itertools import product
from math import floor

import numpy as np

Array = np.ndarray


def position(x: float, size: int, aligned: bool) -> float:
    """Where a coordinate from -1 to 1 lies, in pixels."""
    return (x + 1) / 2 * (size - 1) if aligned else ((x + 1) * size - 1) / 2


def inside(x: float, size: int, padding: str, aligned: bool) -> float:
    """Where a position is read instead."""
    if padding == "reflection":
        low, high = (0.0, size - 1.0) if aligned else (-0.5, size - 0.5)
        while high > low and not low <= x <= high:
            x = 2 * low - x if x < low else 2 * high - x
        x = x if high > low else 0.0
    return x if padding == "zeros" else min(max(x, 0.0), size - 1.0)


def keys(distance: float, slope: float = -0.75) -> float:
    """Keys' kernel of cubic interpolation."""
    d = abs(distance)
    if d <= 1:
        return (slope + 2) * d**3 - (slope + 3) * d**2 + 1
    return slope * (d**3 - 5 * d**2 + 8 * d - 4) if d < 2 else 0.0


def taps(
    x: float, size: int, mode: str, padding: str, aligned: bool
) -> list[tuple[int, float]]:
    """The pixels that are read along one dimension, and their weights."""
    x = position(x, size, aligned)
    if mode == "bicubic":
        near = range(floor(x) - 1, floor(x) + 3)
        places = [(inside(at, size, padding, aligned), keys(x - at)) for at in near]
    elif mode == "nearest":
        places = [(float(np.rint(inside(x, size, padding, aligned))), 1.0)]
    else:
        x = inside(x, size, padding, aligned)
        places = [(floor(x) + at, 1 - abs(x - floor(x) - at)) for at in (0, 1)]
    return [(int(at), weight) for at, weight in places if 0 <= at < size]


def grid_sample(x: Array, grid: Array, mode: str, padding: str, aligned: bool) -> Array:
    found = np.zeros((x.shape[0], x.shape[1], *grid.shape[1:-1]))
    for n, *place in np.ndindex(grid.shape[:-1]):
        coordinates = grid[(n, *place)][::-1]
        lines = [
            taps(float(each), size, mode, padding, aligned)
            for each, size in zip(coordinates, x.shape[2:], strict=True)
        ]
        for chosen in product(*lines):
            weight = np.prod([each for _, each in chosen])
            pixel = x[(n, slice(None), *(at for at, _ in chosen))]
            found[(n, slice(None), *place)] += weight * pixel
    return found


def affine_grid(theta: Array, size: Sequence[int], aligned: bool) -> Array:
    sizes = tuple(size[2:])
    found = np.zeros((size[0], *sizes, len(sizes)))
    for n, *place in np.ndindex(size[0], *sizes):
        point = []
        for at, count in zip(place[::-1], sizes[::-1], strict=True):
            if aligned:
                point.append(2 * at / (count - 1) - 1 if count > 1 else 0.0)
            else:
                point.append((2 * at + 1) / count - 1)
        found[(n, *place)] = theta[n] @ [*point, 1.0]
    return found


def fractional_max_pool(
    x: Array, kernel: tuple[int, ...], counts: tuple[int, ...], samples: Array
) -> tuple[Array, Array]:
    """Maxima and their flat positions; `samples` in the order of the dimensions."""
    maxima = np.zeros((*x.shape[:2], *counts))
    where = np.zeros(maxima.shape, np.int64)
    for n, c, *window in np.ndindex(maxima.shape):
        ranges = []
        for at, size, pool, count, u in zip(
            window, x.shape[2:], kernel, counts, samples[n, c], strict=True
        ):
            alpha = (size - pool) / max(count - 1, 1)
            last = at == count - 1
            start = size - pool if last else int((at + u) * alpha) - int(u * alpha)
            ranges.append(range(start, start + pool))
        best = max(product(*ranges), key=lambda place: x[(n, c, *place)])
        maxima[(n, c, *window)] = x[(n, c, *best)]
        where[(n, c, *window)] = np.ravel_multi_index(best, x.shape[2:])
    return maxima, where
