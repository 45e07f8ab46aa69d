"""The gamma function's logarithm and its derivatives, and Hurwitz's zeta, in NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["digamma", "lgamma", "zeta"]

Array = NDArray[Any]

# From here on the series of Stirling and of Euler and Maclaurin are exact.
_FAR = 16.0
# Bernoulli's numbers B_2, B_4, …
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6)


def _float64(x: ArrayLike) -> tuple[Array, np.dtype[Any]]:
    array = np.asarray(x)
    kept = array.dtype if array.dtype.kind not in "biu" else np.dtype(np.float64)
    return array.astype(np.float64), kept


def lgamma(x: ArrayLike) -> Array:
    """Return the logarithm of the size of the gamma function.

    Args:
        x: floats of any format; others are taken as float64.

    Example:
        >>> lgamma([1.0, 5.0])
        array([0.        , 3.17805383])

    Source: NIST Digital Library of Mathematical Functions, 5.5 and 5.11.
    """
    values, kept = _float64(x)
    with np.errstate(all="ignore"):
        mirrored = values < 0.5
        z = np.where(mirrored, 1 - values, values)
        steps, product = np.zeros_like(z), np.ones_like(z)
        for _ in range(int(_FAR)):
            near = z + steps < _FAR
            product = np.where(near, product * (z + steps), product)
            steps = steps + near
        far = z + steps
        series = sum(
            b / (2 * k * (2 * k - 1) * far ** (2 * k - 1))
            for k, b in enumerate(_BERNOULLI, 1)
        )
        found = (far - 0.5) * np.log(far) - far + math.log(2 * math.pi) / 2 + series
        found = found - np.log(product)
        found = np.where((z == 1) | (z == 2), 0.0, found)
        found = np.where(np.isinf(z), np.inf, found)
        sine = np.abs(np.sin(math.pi * (values - np.round(values))))
        found = np.where(mirrored, math.log(math.pi) - np.log(sine) - found, found)
        found = np.where(np.isinf(values), np.inf, found)
    return np.asarray(found).astype(kept)


def digamma(x: ArrayLike) -> Array:
    """Return the derivative of `lgamma`; NaN at negative whole numbers.

    Args:
        x: floats of any format; others are taken as float64.

    Example:
        >>> digamma([1.0, 2.0])
        array([-0.57721566,  0.42278434])

    Source: NIST Digital Library of Mathematical Functions, 5.5 and 5.11.
    """
    values, kept = _float64(x)
    with np.errstate(all="ignore"):
        mirrored = values < 0.5
        z = np.where(mirrored, 1 - values, values)
        found = np.zeros_like(z)
        for _ in range(int(_FAR)):
            near = z < _FAR
            found = np.where(near, found - 1 / z, found)
            z = z + near
        series = sum(b / (2 * k * z ** (2 * k)) for k, b in enumerate(_BERNOULLI, 1))
        found = found + np.log(z) - 0.5 / z - series
        part = values - np.round(values)
        found = np.where(mirrored, found - math.pi / np.tan(math.pi * part), found)
        whole = (part == 0) & (values <= 0)
        found = np.where(whole, np.nan, found)
        found = np.where(values == 0, np.copysign(np.inf, -values), found)
        found = np.where(values == np.inf, np.inf, found)
    return np.asarray(found).astype(kept)


def zeta(s: float, q: ArrayLike) -> Array:
    """Return Hurwitz's zeta function, the sum of (q + k)^-s over k >= 0.

    Args:
        s: a whole number above 1.
        q: floats of any format; others are taken as float64.

    Example:
        >>> zeta(2.0, [1.0])
        array([1.64493407])

    Source: NIST Digital Library of Mathematical Functions, 25.11 and 2.10.
    """
    values, kept = _float64(q)
    with np.errstate(all="ignore"):
        z, found = values.copy(), np.zeros_like(values)
        lowest = np.min(z[np.isfinite(z)], initial=_FAR)
        for _ in range(int(min(_FAR - lowest, 1000.0)) + 1):
            near = z < _FAR
            found = np.where(near, found + z**-s, found)
            z = z + near
        found = found + z ** (1 - s) / (s - 1) + z**-s / 2
        rising = s
        for k, b in enumerate(_BERNOULLI, 1):
            factor = b / math.factorial(2 * k)
            found = found + factor * rising * z ** (-s - 2 * k + 1)
            rising *= (s + 2 * k - 1) * (s + 2 * k)
        found = np.where(values == np.inf, 0.0, found)
    return np.asarray(found).astype(kept)
