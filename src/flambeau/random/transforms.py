"""The distributions that are one formula of a float64 uniform draw u from [0, 1).

Each number takes two words of the stream, whatever its dtype.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .formats import Array, blocks, cast, float_format
from .generator import Generator
from .uniform import unit

Float64 = NDArray[np.float64]


def exponential(
    generator: Generator,
    shape: tuple[int, ...],
    dtype: DTypeLike = np.float32,
    rate: float = 1.0,
) -> Array:
    """Draw from the exponential distribution: `-log(1 - u) / rate`.

    Args:
        generator: the stream to draw from.
        shape: the shape of the result.
        dtype: float16, bfloat16, float32 or float64.
        rate: the inverse of the mean, torch's `lambd`.

    Raises:
        NotImplementedError: `dtype` is not a float.
        RuntimeError: `rate` is not positive.

    Example:
        >>> exponential(Generator().manual_seed(0), (2,))
        array([3.5083263, 1.2303847], dtype=float32)

    Source: torch.Tensor.exponential_.
    """
    dtype = float_format("exponential_", dtype).dtype
    if not rate > 0.0:
        raise RuntimeError(
            f"exponential_ expects lambda > 0.0, but found lambda={rate}"
        )
    return _map_unit(generator, shape, dtype, lambda u: -1.0 / rate * np.log1p(-u))


def cauchy(
    generator: Generator,
    shape: tuple[int, ...],
    dtype: DTypeLike = np.float32,
    median: float = 0.0,
    sigma: float = 1.0,
) -> Array:
    """Draw from the Cauchy distribution: `median + sigma * tan(pi * (u - 1/2))`.

    Args:
        generator: the stream to draw from.
        shape: the shape of the result.
        dtype: float16, bfloat16, float32 or float64.
        median: the centre.
        sigma: half the distance between the quartiles.

    Raises:
        NotImplementedError: `dtype` is not a float.
        RuntimeError: `sigma` is not positive.

    Example:
        >>> cauchy(Generator().manual_seed(0), (2,))
        array([10.59773  ,  0.7647673], dtype=float32)

    Source: torch.Tensor.cauchy_.
    """
    dtype = float_format("cauchy_", dtype).dtype
    if not sigma > 0.0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    return _map_unit(
        generator, shape, dtype, lambda u: median + sigma * np.tan(np.pi * (u - 0.5))
    )


def geometric(
    generator: Generator,
    shape: tuple[int, ...],
    dtype: DTypeLike,
    p: float,
) -> Array:
    """Draw from the geometric distribution on 1, 2, ...: `ceil(log(u) / log(1 - p))`.

    Args:
        generator: the stream to draw from.
        shape: the shape of the result.
        dtype: any dtype but bool.
        p: the probability of success of each trial.

    Raises:
        NotImplementedError: `dtype` is bool.
        RuntimeError: `p` is not strictly between 0 and 1.

    Example:
        >>> geometric(Generator().manual_seed(0), (4,), np.int64, 0.25)
        array([1, 2, 3, 1])

    Source: torch.Tensor.geometric_.
    """
    dtype = np.dtype(dtype)
    if dtype == np.bool_:
        raise NotImplementedError("geometric_ needs a numeric dtype, but got bool")
    if not 0.0 < p < 1.0:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    log_failure = math.log1p(-p)
    return _map_unit(
        generator, shape, dtype, lambda u: np.ceil(np.log(u) / log_failure)
    )


def _map_unit(
    generator: Generator,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    formula: Callable[[Float64], Float64],
) -> Array:
    """Fill an array with `formula` of float64 uniform draws."""
    out = np.empty(shape, dtype)
    with np.errstate(divide="ignore"):
        for block in blocks(out):
            block[...] = cast(formula(unit(generator, block.size, np.float64)), dtype)
    return out
