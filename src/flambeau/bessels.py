"""Bessel's functions of the orders 0 and 1, and Airy's, in NumPy.

Near 0 they are power series, far away asymptotic series; between these, integrals by
rules that converge faster than any power of the number of points. A function takes and
returns float64.

Source: NIST Digital Library of Mathematical Functions, chapters 9 and 10.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "airy_ai",
    "bessel_j",
    "bessel_y",
    "modified_i",
    "scaled_i",
    "scaled_k",
    "spherical_j0",
]

Array = NDArray[Any]

_FAR = 30.0  # from here on the asymptotic series are exact
_TERMS = 24  # of those
_NEAR = 2.0  # up to here the series with a logarithm lose no digits
_EULER = 0.5772156649015328606


@cache
def _points() -> list[tuple[float, float]]:
    """Return the points and weights of Gauss's rule between -1 and 1."""
    points, weights = np.polynomial.legendre.leggauss(80)
    return list(zip(points.tolist(), weights.tolist()))


def _coefficients(order: int) -> list[float]:
    """Return a_k of the asymptotic series: NIST 10.17.1."""
    found = [1.0]
    for k in range(1, _TERMS):
        found.append(found[-1] * (4 * order**2 - (2 * k - 1) ** 2) / (8 * k))
    return found


def _series(x: Array, order: int) -> Array:
    """Return the sum of (x / 2)^(2k + order) / (k! (k + order)!): NIST 10.25.2."""
    quarter = x * x / 4
    term = (x / 2) ** order
    total, k = term.copy(), 0
    while k < 2 * _FAR:
        k += 1
        term = term * quarter / (k * (k + order))
        total = total + term
    return total


def scaled_i(x: Array, order: int) -> Array:
    """Return exp(-|x|) I(x), the modified function of the first kind.

    Example:
        >>> scaled_i(np.array([0.0, 1.0]), 0)
        array([1.        , 0.46575961])
    """
    size = np.abs(x)
    near = np.minimum(size, _FAR)
    far = np.maximum(size, _FAR)
    tail = sum(a * (-1) ** k / far**k for k, a in enumerate(_coefficients(order)))
    found = np.where(
        size < _FAR,
        np.exp(-near) * _series(near, order),
        tail / np.sqrt(2 * math.pi * far),
    )
    found = np.where(np.isnan(x), np.nan, found)
    return np.where(x < 0, (-1) ** order * found, found)


def modified_i(x: Array, order: int) -> Array:
    """Return I(x), the modified function of the first kind."""
    half = np.exp(np.abs(x) / 2)  # exp(x) is infinite where I(x) is not yet
    return half * scaled_i(x, order) * half


def scaled_k(x: Array, order: int) -> Array:
    """Return exp(x) K(x), the modified function of the second kind; NaN below 0.

    Example:
        >>> scaled_k(np.array([1.0, 3.0]), 0)
        array([1.14446308, 0.6977616 ])
    """
    near = np.clip(x, 0, _NEAR)
    far = np.maximum(x, _NEAR)
    found = np.where(
        x <= _NEAR, np.exp(near) * _k_near(near, order), _k_integral(far, order)
    )
    found = np.where(x == np.inf, 0.0, found)
    return np.where(x < 0, np.nan, np.where(x == 0, np.inf, found))


def _k_near(x: Array, order: int) -> Array:
    """Return K(x) by its series: NIST 10.31.1 and 10.31.2."""
    log, quarter = np.log(x / 2), x * x / 4
    term, total, digammas = (x / 2) ** order, np.zeros_like(x), -2 * _EULER
    digammas += 1.0 if order else 0.0
    for k in range(24):
        total = total + term * digammas / 2
        term = term * quarter / ((k + 1) * (k + 1 + order))
        digammas += 1 / (k + 1) + 1 / (k + 1 + order)
    sign = (-1) ** order
    first = 1 / x if order else 0.0
    return first + sign * (total - log * _series(x, order))


def _k_integral(x: Array, order: int) -> Array:
    """Return exp(x) K(x) as the integral of exp(-x (cosh t - 1)) cosh(order t)."""
    end = np.arccosh(1 + 40 / x)
    total = np.full_like(x, 0.5)
    for k in range(1, 25):
        t = end * (k / 24)
        total = total + np.exp(-2 * x * np.sinh(t / 2) ** 2) * np.cosh(order * t)
    return end / 24 * total


def bessel_j(x: Array, order: int) -> Array:
    """Return J(x), the function of the first kind.

    Example:
        >>> bessel_j(np.array([0.0, 1.0]), 0)
        array([1.        , 0.76519769])
    """
    size = np.abs(x)
    near = np.minimum(size, _FAR)
    angles = (np.arange(96) + 0.5) * math.pi / 96
    total = sum(np.cos(order * t - near * math.sin(t)) for t in angles)
    far, (p, q) = _far_parts(size, order)
    turned = far - (2 * order + 1) * math.pi / 4
    wave = np.sqrt(2 / (math.pi * far)) * (p * np.cos(turned) - q * np.sin(turned))
    found = np.where(size < _FAR, total / 96, wave)
    return np.where(x < 0, (-1) ** order * found, found)


def _far_parts(size: Array, order: int) -> tuple[Array, tuple[Array, Array]]:
    """Return where the asymptotic series count, and its two parts: NIST 10.17.3."""
    far = np.maximum(size, _FAR)
    a = _coefficients(order)
    p = sum((-1) ** k * a[2 * k] / far ** (2 * k) for k in range(_TERMS // 2))
    q = sum((-1) ** k * a[2 * k + 1] / far ** (2 * k + 1) for k in range(_TERMS // 2))
    return far, (p, q)


def bessel_y(x: Array, order: int) -> Array:
    """Return Y(x), the function of the second kind; NaN below 0.

    Example:
        >>> bessel_y(np.array([1.0, 3.0]), 0)
        array([0.08825696, 0.37685001])
    """
    near = np.clip(x, 0, _NEAR)
    middle = np.clip(x, _NEAR, _FAR)
    far, (p, q) = _far_parts(x, order)
    turned = far - (2 * order + 1) * math.pi / 4
    wave = np.sqrt(2 / (math.pi * far)) * (p * np.sin(turned) + q * np.cos(turned))
    found = np.where(x <= _NEAR, _y_near(near, order), _y_integral(middle, order))
    found = np.where(x < _FAR, found, wave)
    return np.where(x < 0, np.nan, np.where(x == 0, -np.inf, found))


def _y_near(x: Array, order: int) -> Array:
    """Return Y(x) by its series: NIST 10.8.1 and 10.8.2."""
    log, quarter = np.log(x / 2), -x * x / 4
    term, total, plain = (x / 2) ** order, np.zeros_like(x), np.zeros_like(x)
    digammas = -2 * _EULER + (1.0 if order else 0.0)
    for k in range(24):
        total, plain = total + term * digammas, plain + term
        term = term * quarter / ((k + 1) * (k + 1 + order))
        digammas += 1 / (k + 1) + 1 / (k + 1 + order)
    first = -2 / x if order else 0.0
    return (first + 2 * log * plain - total) / math.pi


def _y_integral(x: Array, order: int) -> Array:
    """Return Y(x) as two integrals: NIST 10.9.7."""
    total = np.zeros_like(x)
    end = np.arcsinh(40 / x)
    for node, weight in _points():
        angle = (node + 1) * math.pi / 2
        wave = np.sin(x * math.sin(angle) - order * angle) * math.pi
        t = (node + 1) / 2 * end
        both = np.exp(order * t) + (-1) ** order * np.exp(-order * t)
        total = total + weight / 2 * (wave - both * np.exp(-x * np.sinh(t)) * end)
    return total / math.pi


def spherical_j0(x: Array) -> Array:
    """Return sin(x) / x, and 1 at 0."""
    angle = np.where(x == 0, 1, x)
    found = np.where(x == 0, 1.0, np.sin(angle) / angle)
    return np.where(np.isinf(x), 0.0, found)


def airy_ai(x: Array) -> Array:
    """Return Airy's function Ai.

    Example:
        >>> airy_ai(np.array([-1.0, 0.0, 1.0]))
        array([0.53556088, 0.35502805, 0.13529242])

    Source: NIST 9.5.8, by the trapezoidal rule, and 9.2.14 for what is below 0.
    """
    size = np.abs(x)
    turn = np.where(x < 0, np.exp(1j * math.pi / 3), 1.0)
    found = _airy(size * turn)
    return np.where(x < 0, 2 * (turn * found).real, found.real)


def _airy(z: Array) -> Array:
    """Return Ai(z) within a sector: the series near 0, an integral elsewhere."""
    small = np.abs(z) < 2
    wide = np.where(small, 1, z)
    root = np.sqrt(wide)
    step = 0.18 / np.abs(root) ** 0.5
    total = np.full_like(wide, 0.5)
    for k in range(1, 42):
        t = k * step
        total = total + np.exp(-root * t * t) * np.cos(t**3 / 3)
    found = np.exp(-2 / 3 * wide * root) * step * total / math.pi
    return np.where(small, _airy_series(np.where(small, z, 0)), found)


def _airy_series(z: Array) -> Array:
    """Return Ai(z) by its series: NIST 9.4.1."""
    first = 3 ** (-2 / 3) / math.gamma(2 / 3)
    second = -(3 ** (-1 / 3)) / math.gamma(1 / 3)
    cube, f, g = z**3, np.full_like(z, first), second * z
    total = f + g
    for k in range(1, 18):
        f = f * cube / ((3 * k - 1) * (3 * k))
        g = g * cube / ((3 * k) * (3 * k + 1))
        total = total + f + g
    return total
