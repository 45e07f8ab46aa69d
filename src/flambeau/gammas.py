"""The gamma functions, complete and not, and Hurwitz's zeta, in NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["digamma", "gammainc", "gammaincc", "lgamma", "zeta"]

Array = NDArray[Any]

# From here on the series of Stirling and of Euler and Maclaurin are exact.
_FAR = 16.0
# When a series or a continued fraction of an incomplete gamma function ends.
_TINY, _MOST_STEPS = 1e-16, 2000
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


def zeta(s: ArrayLike, q: ArrayLike) -> Array:
    """Return Hurwitz's zeta function, the sum of (q + k)^-s over k >= 0.

    Args:
        s: numbers above 1; infinite at 1, NaN below.
        q: floats of any format; others are taken as float64.

    Example:
        >>> zeta(2.0, [1.0])
        array([1.64493407])

    Source: NIST Digital Library of Mathematical Functions, 25.11 and 2.10.
    """
    values, kept = _float64(q)
    power, values = np.broadcast_arrays(np.asarray(s, np.float64), values)
    with np.errstate(all="ignore"):
        z, found = values.copy(), np.zeros_like(values)
        far = _FAR + 2 * np.clip(power, 0, 64)
        steps = np.max((far - z)[np.isfinite(z)], initial=0.0)
        for _ in range(int(min(steps, 1000.0)) + 1):
            near = z < far
            found = np.where(near, found + z**-power, found)
            z = z + near
        found = found + z ** (1 - power) / (power - 1) + z**-power / 2
        rising = power
        for k, b in enumerate(_BERNOULLI, 1):
            factor = b / math.factorial(2 * k)
            found = found + factor * rising * z ** (-power - 2 * k + 1)
            rising = rising * (power + 2 * k - 1) * (power + 2 * k)
        found = np.where(values == np.inf, 0.0, found)
        pole = (values <= 0) & (values == np.floor(values))
        found = np.where((power == 1) | pole, np.inf, found)
        found = np.where(power < 1, np.nan, found)
    return np.asarray(found).astype(kept)


def gammainc(a: Array, x: Array) -> Array:
    """Return the lower incomplete gamma function over the whole one, of float64.

    Example:
        >>> gammainc(np.array([1.0]), np.array([1.0]))
        array([0.63212056])

    Source: NIST Digital Library of Mathematical Functions, 8.7 and 8.9.
    """
    return _incomplete(a, x)[0]


def gammaincc(a: Array, x: Array) -> Array:
    """Return the upper incomplete gamma function over the whole one, of float64."""
    return _incomplete(a, x)[1]


def _incomplete(a: Array, x: Array) -> tuple[Array, Array]:
    """Return both parts; the smaller one is computed, the other is the rest of 1."""
    a, x = np.broadcast_arrays(a, x)
    inside = np.isfinite(a) & np.isfinite(x) & (a > 0) & (x > 0)
    below = x < a + 1
    lower = _lower(np.where(inside & below, a, 1.0), np.where(inside & below, x, 0.5))
    upper = _upper(np.where(inside & ~below, a, 1.0), np.where(inside & ~below, x, 3.0))
    first = np.where(below, lower, 1 - upper)
    second = np.where(below, 1 - lower, upper)
    whole = (a == 0) & (x > 0) | (x == np.inf) & (a < np.inf) & (a >= 0)
    none = (x == 0) & (a > 0) | (a == np.inf) & (x >= 0) & (x < np.inf)
    first = np.where(whole, 1.0, np.where(none, 0.0, first))
    second = np.where(whole, 0.0, np.where(none, 1.0, second))
    odd = ~(inside | whole | none)
    return np.where(odd, np.nan, first), np.where(odd, np.nan, second)


def _factor(a: Array, x: Array) -> Array:
    return np.exp(a * np.log(x) - x - lgamma(a))


def _lower(a: Array, x: Array) -> Array:
    """Return the lower part by its series: NIST 8.7.1."""
    term = 1 / a
    total, k = term.copy(), 0
    while k < _MOST_STEPS and (np.abs(term) > _TINY * np.abs(total)).any():
        k += 1
        term = term * x / (a + k)
        total = total + term
    return total * _factor(a, x)


def _upper(a: Array, x: Array) -> Array:
    """Return the upper part by its continued fraction: NIST 8.9.2, in even form."""
    b = x + 1 - a
    c, d, k = np.full_like(b, np.inf), 1 / b, 0
    found, change = d.copy(), np.zeros_like(b)
    while k < _MOST_STEPS and (np.abs(change - 1) > _TINY).any():
        k += 1
        numerator = -k * (k - a)
        b = b + 2
        d = 1 / (numerator * d + b)
        c = b + numerator / c
        change = c * d
        found = found * change
    return found * _factor(a, x)
