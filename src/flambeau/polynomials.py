"""Orthogonal polynomials by their recurrences, in NumPy.

A function takes points and degrees, which broadcast, as float64. A polynomial of a
degree below 0 is 0; degrees are whole numbers, fractions are cut off.

Source: NIST Digital Library of Mathematical Functions, 18.9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["POLYNOMIALS", "polynomial"]

Array = NDArray[Any]

# What follows from the two before it: step(x, k, last, before) gives the degree k + 1.
Step = Callable[[Array, int, Array, Array], Array]


def _chebyshev(x: Array, k: int, last: Array, before: Array) -> Array:
    return 2 * x * last - before


def _hermite(x: Array, k: int, last: Array, before: Array) -> Array:
    return 2 * x * last - 2 * k * before


def _hermite_e(x: Array, k: int, last: Array, before: Array) -> Array:
    return x * last - k * before


def _laguerre(x: Array, k: int, last: Array, before: Array) -> Array:
    return ((2 * k + 1 - x) * last - k * before) / (k + 1)


def _legendre(x: Array, k: int, last: Array, before: Array) -> Array:
    return ((2 * k + 1) * x * last - k * before) / (k + 1)


# The polynomial of degree 1, and the step to the next ones.
POLYNOMIALS: dict[str, tuple[Callable[[Array], Array], Step]] = {
    "chebyshev_polynomial_t": (lambda x: x, _chebyshev),
    "chebyshev_polynomial_u": (lambda x: 2 * x, _chebyshev),
    "chebyshev_polynomial_v": (lambda x: 2 * x - 1, _chebyshev),
    "chebyshev_polynomial_w": (lambda x: 2 * x + 1, _chebyshev),
    "hermite_polynomial_h": (lambda x: 2 * x, _hermite),
    "hermite_polynomial_he": (lambda x: x, _hermite_e),
    "laguerre_polynomial_l": (lambda x: 1 - x, _laguerre),
    "legendre_polynomial_p": (lambda x: x, _legendre),
}


def polynomial(name: str, x: Array, n: Array) -> Array:
    """Return the polynomials of degrees n at points x.

    Args:
        name: of `POLYNOMIALS`, or one of Chebyshev's with "shifted_" before it, which
            is the same at 2 x - 1.
        x: points.
        n: degrees.

    Example:
        >>> polynomial("legendre_polynomial_p", np.array(0.5), np.array([1.0, 2.0]))
        array([ 0.5  , -0.125])
    """
    plain = name.removeprefix("shifted_")
    first, step = POLYNOMIALS[plain]
    x, n = np.broadcast_arrays(x, n)
    x = 2 * x - 1 if plain != name else x
    degrees = np.trunc(np.where(np.isfinite(n), n, -1))
    before, last = np.ones_like(x), first(x)
    found = np.where(degrees == 0, before, np.where(degrees == 1, last, 0.0))
    for k in range(1, int(degrees.max(initial=0))):
        before, last = last, step(x, k, last, before)
        found = np.where(degrees == k + 1, last, found)
    return found
