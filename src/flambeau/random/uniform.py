"""Uniform draws from the words of the stream."""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike

from .fma import fma
from .formats import Array, FloatFormat, blocks, cast, float_format
from .generator import Generator


def unit(generator: Generator, count: int, dtype: DTypeLike) -> Array:
    """Draw numbers from [0, 1).

    A float32 number is the low 24 bits of a word, a float64 number the low 53 of a
    64-bit word.

    Args:
        generator: the stream to draw from.
        count: how many.
        dtype: float32 or float64.

    Example:
        >>> unit(Generator().manual_seed(0), 2, np.float64)
        array([0.970053  , 0.70781986])
    """
    if np.dtype(dtype) == np.float64:
        bits = generator.words64(count) & np.uint64(2**53 - 1)
        return bits.view(np.int64).astype(np.float64) * 2.0**-53
    bits32 = generator.words32(count) & np.uint32(2**24 - 1)
    return bits32.view(np.int32).astype(np.float32) * np.float32(2.0**-24)


def uniform(
    generator: Generator,
    shape: tuple[int, ...],
    dtype: DTypeLike = np.float32,
    low: float = 0.0,
    high: float = 1.0,
) -> Array:
    """Draw from the uniform distribution on [low, high): `u * (high - low) + low`.

    float64 takes two words of the stream per number, the other formats one. The half
    formats are computed in float32; a value that rounds up to `high` becomes `low`.

    Args:
        generator: the stream to draw from.
        shape: the shape of the result.
        dtype: float16, bfloat16, float32 or float64.
        low: lower bound, included.
        high: upper bound, excluded.

    Raises:
        NotImplementedError: `dtype` is not a float.
        RuntimeError: a bound or their difference is out of range, or `low > high`.

    Example:
        >>> uniform(Generator().manual_seed(0), (3,))
        array([0.4962566 , 0.7682218 , 0.08847743], dtype=float32)

    Source: torch.Tensor.uniform_.
    """
    kind = float_format("uniform_", dtype)
    _check_bounds(kind, low, high)
    ends = np.array([low, high], kind.work)
    first, last = cast(ends, kind.dtype)
    out = np.empty(shape, kind.dtype)
    for block in blocks(out):
        values = fma(unit(generator, block.size, kind.work), ends[1] - ends[0], ends[0])
        block[...] = cast(values, kind.dtype)
        block[block == last] = first
    return out


def _check_bounds(kind: FloatFormat, low: float, high: float) -> None:
    for name, bound in (("from", low), ("to", high)):
        if not -kind.largest <= bound <= kind.largest:
            raise RuntimeError(
                f"uniform_: {name}={bound} is out of range of {kind.dtype}"
            )
    if low > high:
        raise RuntimeError(
            "uniform_ expects to return a [from, to) range, "
            f"but found from={low} > to={high}"
        )
    if high - low > kind.largest:
        raise RuntimeError(
            f"uniform_ expects to - from to fit in {kind.dtype}, "
            f"but found from={low} and to={high}"
        )
