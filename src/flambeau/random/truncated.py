"""Normal draws between two bounds, by rejection.

Whatever share of the numbers is rejected, torch draws as many new ones as there are
numbers altogether, and so does this.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .formats import Array, cast, float_format
from .generator import Generator
from .normal import normal
from .uniform import uniform

_ENOUGH = 0.3  # the share of normals within the bounds that makes drawing them worth it


def truncated_normal(
    generator: Generator,
    shape: tuple[int, ...],
    dtype: DTypeLike = np.float32,
    mean: float = 0.0,
    std: float = 1.0,
    low: float = -2.0,
    high: float = 2.0,
) -> Array:
    """Draw from the part of the normal distribution that lies within [low, high].

    If more than 0.3 of all normals lie there, normals are drawn until they do.
    Otherwise uniform numbers x of the range are, until `log(u) <= log(f(x) / max f)`,
    where f is the normal density and u another uniform number.

    Args:
        generator: the stream to draw from.
        shape: the shape of the result.
        dtype: float16, bfloat16, float32 or float64.
        mean: the mean of the whole distribution.
        std: its standard deviation.
        low: the lower bound, included.
        high: the upper bound, included.

    Raises:
        NotImplementedError: `dtype` is not a float.
        RuntimeError: `std` is negative, or `low > high`.

    Example:
        >>> truncated_normal(Generator().manual_seed(0), (3,), low=-1.0, high=1.0)
        array([ 0.56843126, -0.2934289 , -0.7192576 ], dtype=float32)

    Source: torch.nn.init.trunc_normal_.
    """
    dtype = float_format("trunc_normal_", dtype).dtype
    share = _below((high - mean) / std) - _below((low - mean) / std)
    if share > _ENOUGH:
        first, last = cast(np.array([low, high]), dtype)
        drawn = normal(generator, shape, dtype, mean, std)
        while (outside := (drawn < first) | (drawn > last)).any():
            again = normal(generator, shape, dtype, mean, std)
            drawn = np.where(outside, again, drawn)
        return drawn
    drawn = uniform(generator, shape, dtype, low, high)
    rejected = _is_rejected(generator, drawn, mean, std, low, high)
    while rejected.any():
        again = uniform(generator, shape, dtype, low, high)
        drawn = np.where(rejected, again, drawn)
        rejected &= _is_rejected(generator, again, mean, std, low, high)
    return drawn


def _below(z: float) -> float:
    """The probability that a standard normal is below z."""
    return (1.0 + math.erf(z / math.sqrt(2.0))) / 2.0


def _is_rejected(
    generator: Generator, x: Array, mean: float, std: float, low: float, high: float
) -> NDArray[np.bool_]:
    """Compare the densities with new uniforms, step by step in the format of `x`."""
    mode = max(low, min(mean, high))
    peak = -0.5 * ((mode - mean) / std) ** 2
    density = ((x - mean) / std) ** 2 * -0.5 - peak
    with np.errstate(divide="ignore"):
        log = np.log(uniform(generator, x.shape, x.dtype).astype(np.float64))
    return cast(log, x.dtype) > density
