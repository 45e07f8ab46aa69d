"""`x * a + c` with a single rounding, as the fused instruction of the CPU gives it.

PyTorch's compiler fuses the scaling of uniform and normal draws, so their last bit
depends on it; NumPy has no such operation. The method is that of Boldo and
Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using
rounding to odd", IEEE Transactions on Computers 57 (2008).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

_SPLITTER = 2.0**27 + 1  # Veltkamp's: halves of 26 bits multiply exactly
_SPLITTABLE = 2.0**900  # larger factors would overflow when split


def fma(x: NDArray[Any], a: float, c: float) -> NDArray[Any]:
    """Return `x * a + c` rounded once, in the format of `x` (float32 or float64).

    Args:
        x: finite values.
        a: factor; it must be a number of `x`'s format.
        c: summand; likewise.

    Example:
        >>> fma(np.array([1 + 2.0**-52]), 1 + 2.0**-52, -1.0) == 2.0**-51 + 2.0**-104
        array([ True])
    """
    if c == 0.0 or not abs(float(a)) + abs(float(c)) < _SPLITTABLE:
        return x * x.dtype.type(a) + x.dtype.type(c)
    factor, summand = np.float64(a), np.float64(c)
    if x.dtype == np.float32:
        product = x.astype(np.float64) * factor  # 48 bits: exact
        return _sum_to_odd(product, summand).astype(np.float32)
    high, low = _two_product(x, factor)
    sum_high, sum_low = _two_sum(low, summand)
    value, rest = _two_sum(high, sum_high)
    return value + _sum_to_odd(rest, sum_low)


def _two_product(x: Float64, a: np.float64) -> tuple[Float64, Float64]:
    """The product and its rounding error (Dekker)."""
    product = x * a
    x_high = x * _SPLITTER - (x * _SPLITTER - x)
    a_high = a * _SPLITTER - (a * _SPLITTER - a)
    x_low, a_low = x - x_high, a - a_high
    error = x_high * a_high - product + x_high * a_low + x_low * a_high + x_low * a_low
    return product, error


def _two_sum(a: Float64, b: Float64 | np.float64) -> tuple[Float64, Float64]:
    """The sum and its rounding error (Knuth)."""
    total = a + b
    share = total - a
    return total, (a - (total - share)) + (b - share)


def _sum_to_odd(a: Float64, b: Float64 | np.float64) -> Float64:
    """`a + b`; of the two neighbours of an inexact sum, the one with an odd mantissa.

    A second rounding, to fewer bits, then gives what a single one would have given.
    """
    total, error = _two_sum(a, b)
    even = (total.view(np.int64) & 1) == 0
    wrong = np.flatnonzero(even & (error != 0))
    if wrong.size:
        towards = np.copysign(np.inf, error[wrong])
        total[wrong] = np.nextafter(total[wrong], towards)
    return total
