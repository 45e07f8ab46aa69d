"""The error function and its kin, which NumPy lacks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["erf", "erfc", "erfcx", "erfinv", "log_ndtr", "ndtri"]

Array = NDArray[Any]
Float64 = NDArray[np.float64]

_BLOCK = 1 << 13  # elements computed at a time: the steps between stay in cache
_TWO_OVER_ROOT_PI = 2.0 / math.sqrt(math.pi)

# erf(x) / x - 1 as a polynomial of x**2, for |x| <= 1: the Taylor series.
ERF_SERIES = (
    *(
        _TWO_OVER_ROOT_PI * (-1) ** n / (math.factorial(n) * (2 * n + 1))
        for n in range(18, 0, -1)
    ),
    _TWO_OVER_ROOT_PI - 1.0,
)

# (x + 4) exp(x**2) erfc(x) as a polynomial of t, which goes from 1 to -1 between
# x = 0.47 and x = 29. Interpolated at Chebyshev's points with 40 digits.
ERFC_TAIL = (
    -7.012512524145109e-11,
    -3.956080175727733e-11,
    1.167389746366098e-09,
    1.413176338395044e-09,
    -1.354030844745589e-08,
    -3.505485075961363e-08,
    1.1983735330671476e-07,
    7.107118085460942e-07,
    1.67584795022888e-08,
    -1.0578593428777144e-05,
    -3.749771431736417e-05,
    2.0564077181843536e-05,
    0.0007917320358151441,
    0.004517798377772675,
    0.01706135344873026,
    0.05039653941096273,
    0.12380041363846574,
    0.2607307091757151,
    0.47894191764558897,
    0.7751666022021303,
    1.111693430634033,
)


def erf(x: ArrayLike) -> Array:
    """Return the error function, `2 / sqrt(pi)` times the integral of exp(-t**2) to x.

    The error is at most one unit in the last place.

    Args:
        x: floats of any format; others are taken as float64.

    Example:
        >>> erf([0.0, 0.5, 2.0])
        array([0.        , 0.52049988, 0.99532227])

    Source: NIST Digital Library of Mathematical Functions, 7.2 and 7.6; torch.erf.
    """
    return _in_float64(_erf, x)


def erfc(x: ArrayLike) -> Array:
    """Return `1 - erf(x)`, accurate where that is tiny.

    Args:
        x: floats of any format; others are taken as float64.

    Example:
        >>> erfc([-1.0, 0.0, 10.0])
        array([1.84270079e+00, 1.00000000e+00, 2.08848758e-45])

    Source: NIST Digital Library of Mathematical Functions, 7.2; torch.erfc.
    """
    return _in_float64(_erfc, x)


def erfinv(y: ArrayLike) -> Array:
    """Return the x with `erf(x) = y`: infinite at -1 and 1, nan beyond.

    Args:
        y: floats of any format; others are taken as float64.

    Example:
        >>> erfinv([-1.0, 0.0, 0.5])
        array([      -inf, 0.        , 0.47693628])

    Source: S. Winitzki, "A handy approximation for the error function and its inverse"
    (2008), for the first guess; torch.erfinv.
    """
    return _in_float64(_erfinv, y)


def erfcx(x: ArrayLike) -> Array:
    """Return `exp(x**2) * erfc(x)`, which stays in range where the factors do not.

    Args:
        x: floats of any format; others are taken as float64.

    Example:
        >>> erfcx([-1.0, 0.0, 100.0])
        array([5.00898008, 1.        , 0.00564161])

    Source: NIST Digital Library of Mathematical Functions, 7.12; torch.special.erfcx.
    """
    return _in_float64(_erfcx, x)


def log_ndtr(x: ArrayLike) -> Array:
    """Return the logarithm of the normal distribution's part below x.

    Args:
        x: floats of any format; others are taken as float64.

    Example:
        >>> log_ndtr([-100.0, 0.0])
        array([-5.00552421e+03, -6.93147181e-01])
    """
    return _in_float64(_log_ndtr, x)


def ndtri(p: ArrayLike) -> Array:
    """Return the x below which the part p of the normal distribution lies.

    Args:
        p: floats of any format; others are taken as float64. Infinite at 0 and 1, nan
            beyond.

    Example:
        >>> ndtri([0.0, 0.1, 0.5])
        array([       -inf, -1.28155157,  0.        ])
    """
    return _in_float64(_ndtri, p)


def _in_float64(function: Callable[[Float64], Float64], x: ArrayLike) -> Array:
    """Compute in float64 and return the format of the argument."""
    x = np.asarray(x)
    out = np.empty(x.shape, np.float64 if x.dtype.kind in "biu" else x.dtype)
    flat, flat_out = x.reshape(-1), out.reshape(-1)
    for start in range(0, x.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        flat_out[block] = function(flat[block].astype(np.float64))
    return out


def _erf(x: Float64) -> Float64:
    size = np.abs(x)
    inner = np.minimum(size, 1.0)
    near = inner + inner * _polynomial(ERF_SERIES, inner * inner)
    return np.copysign(np.where(size <= 1.0, near, 1.0 - _tail(size)), x)


def _erfc(x: Float64) -> Float64:
    return np.where(x < 0.5, 1.0 - _erf(x), _tail(x))


def _tail(x: Float64) -> Float64:
    """erfc(x) for x >= 0.5; beyond 28 it is 0."""
    x = np.clip(x, 0.5, 28.0)
    return _gauss(x) * _scaled_tail(x)


def _gauss(x: Float64, sign: float = -1.0) -> Float64:
    """exp(-x**2), or exp(x**2)."""
    # exp(-x**2) of a rounded square would be inexact: split x into 26 bits and a rest.
    head = x.astype(np.float32).astype(np.float64)
    return np.exp(sign * head * head) * np.exp(sign * (x - head) * (x + head))


def _scaled_tail(x: Float64) -> Float64:
    """exp(x**2) erfc(x) for 0.5 <= x <= 28."""
    t = 1.3125 * (3.875 - x) / (x + 4.0)
    return _polynomial(ERFC_TAIL, t) / (x + 4.0)


def _erfcx(x: Float64) -> Float64:
    near, far = np.minimum(x, 0.5), np.maximum(x, 28.0)
    square = 1 / (2 * far * far)
    series = np.ones_like(square)
    for odd in (9, 7, 5, 3, 1):
        series = 1 - odd * square * series
    with np.errstate(over="ignore", invalid="ignore"):
        low = np.where(near < -30, np.inf, _gauss(near, 1.0) * _erfc(near))
    found = np.where(x <= 0.5, low, _scaled_tail(np.clip(x, 0.5, 28.0)))
    return np.where(x > 28.0, series / (far * math.sqrt(math.pi)), found)


def _log_ndtr(x: Float64) -> Float64:
    z = x * math.sqrt(0.5)
    near = np.maximum(z, -1.0)
    far = np.minimum(z, -1.0)
    with np.errstate(all="ignore"):
        low = np.log(_erfcx(-far) / 2) - far * far
        return np.where(z < -1.0, low, np.log1p(-_erfc(near) / 2))


def _ndtri(p: Float64) -> Float64:
    size = np.where(p > 0.5, 1 - p, p)
    with np.errstate(all="ignore"):
        wanted = np.log(size)
        x = np.where(size > 0.02, math.sqrt(2) * _erfinv(2 * size - 1), 0.0)
        low = -np.sqrt(-2 * wanted - np.log(-4 * math.pi * wanted))
        x = np.where(size > 0.02, x, low)
        for _ in range(4):
            slope = math.sqrt(2 / math.pi) / _erfcx(-x * math.sqrt(0.5))
            x = x - (_log_ndtr(x) - wanted) / slope
        x = np.where(size == 0, -np.inf, x)
        x = np.where(size == 0.5, 0.0, x)
    return np.where(p > 0.5, -x, x)


def _erfinv(y: Float64) -> Float64:
    size = np.abs(y)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = _guess(size)
        for _ in range(2):
            x = _halley_step(x, size)
    x = np.where(size == 1.0, np.inf, x)
    return np.copysign(x, y)


def _guess(y: Float64) -> Float64:
    """The inverse of 0 <= y < 1 to about two digits."""
    a = 0.14  # with which two steps suffice everywhere
    log = np.log((1.0 - y) * (1.0 + y))
    half = 2.0 / (math.pi * a) + log / 2.0
    return np.sqrt(np.sqrt(half * half - log / a) - half)


def _halley_step(x: Float64, y: Float64) -> Float64:
    """Move x towards the root of erf(x) - y; near 1, of (1 - y) - erfc(x)."""
    excess = np.where(y < 0.5, _erf(x) - y, (1.0 - y) - _erfc(x))
    step = excess / (_TWO_OVER_ROOT_PI * np.exp(-x * x))
    return x - step / (1.0 + x * step)


def _polynomial(coefficients: Sequence[float], x: Float64) -> Float64:
    """Horner's rule, highest power first."""
    first, *others = coefficients
    value = np.full_like(x, first)
    for coefficient in others:
        value *= x
        value += coefficient
    return value
