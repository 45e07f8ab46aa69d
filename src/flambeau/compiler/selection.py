"""Ops that the compiler makes: a pool's maxima by the number of their tap.

One byte tells which tap of a window is the maximum, and its gradient is a gather over
the windows of each position. A position in the image, which users see, takes eight.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .. import dtypes as dt
from ..graph import Node
from ..ops import numpy_pool
from ..ops.numpy_windows import Ints, Pads, taps
from ..ops.op import Op

__all__ = ["pool_tap", "tap_gradient", "tells_all"]


def tells_all(x: Node, kernel: Ints, dilation: Ints, **options: Any) -> bool:
    """Whether a byte can tell every window's maximum, and every window has one."""
    if prod(kernel) > 255:
        return False
    pairs = zip(
        x.shape[2:],
        kernel,
        options["stride"],
        options["padding"],
        dilation,
        options["output_size"],
        strict=True,
    )
    return all(_sees_some(*each) for each in pairs)


def _sees_some(
    size: int, kernel: int, stride: int, pads: tuple[int, int], step: int, count: int
) -> bool:
    """Whether every window has a tap inside the image."""
    low, _ = pads
    return all(
        any(0 <= o * stride - low + k * step < size for k in range(kernel))
        for o in range(count)
    )


def _tap_infer(x: Node, *, output_size: Ints, **options: Any) -> Any:
    return (*x.shape[:2], *output_size), dt.uint8


def _tap_numpy(
    x: np.ndarray,
    *,
    kernel: Ints,
    stride: Ints,
    padding: Pads,
    dilation: Ints,
    output_size: Ints,
) -> np.ndarray:
    index = numpy_pool.max_pool_index(x, kernel, stride, padding, dilation, output_size)
    places = np.unravel_index(index, x.shape[2:])
    found = np.zeros(index.shape, np.int64)
    for at, place in enumerate(places):
        starts = np.arange(output_size[at]) * stride[at] - padding[at][0]
        behind = (1,) * (len(kernel) - at - 1)
        tap = (place - starts.reshape(-1, *behind)) // dilation[at]
        found = found * kernel[at] + tap
    return found


pool_tap = Op("pool_tap", _tap_infer, _tap_numpy)


def _gradient_infer(g: Node, tap: Node, *, input_size: Ints, **options: Any) -> Any:
    return (*g.shape[:2], *input_size), g.dtype


def _gradient_numpy(
    g: np.ndarray,
    tap: np.ndarray,
    *,
    input_size: Ints,
    kernel: Ints,
    stride: Ints,
    padding: Pads,
    dilation: Ints,
    output_size: Ints,
) -> np.ndarray:
    x = np.zeros((*g.shape[:2], *input_size), g.dtype)
    low = tuple(each for each, _ in padding)
    for at, seen, read in taps(input_size, kernel, stride, low, dilation, output_size):
        mine = tap[(..., *seen)] == np.ravel_multi_index(at, kernel)
        x[(..., *read)] += np.where(mine, g[(..., *seen)], 0)
    return x


tap_gradient = Op("tap_gradient", _gradient_infer, _gradient_numpy)
