"""Draws from Poisson distributions."""

from __future__ import annotations

import math

import numpy as np

from .formats import Array
from .generator import Generator
from .uniform import unit

_LARGE = 10.0  # rates from here on are drawn by rejection


def poisson(generator: Generator, rates: Array) -> Array:
    """Draw a count for each rate.

    Args:
        generator: the stream to draw from.
        rates: the expected counts; not negative.

    Raises:
        RuntimeError: a rate is negative.

    Example:
        >>> poisson(Generator().manual_seed(0), np.array([1.0, 5.0, 20.0, 0.0]))
        array([ 2.,  6., 19.,  0.])

    Source: torch's page "torch.poisson".
    """
    if not (rates >= 0).all():
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    drawn = [_draw(generator, float(rate)) for rate in rates.reshape(-1)]
    return np.array(drawn, rates.dtype).reshape(rates.shape)


def _draw(generator: Generator, rate: float) -> int:
    if rate == 0:
        return 0
    return (_by_rejection if rate >= _LARGE else _by_times)(generator, rate)


def _uniform(generator: Generator) -> float:
    return float(unit(generator, 1, np.dtype(np.float64))[0])


def _by_times(generator: Generator, rate: float) -> int:
    """Count waiting times: how long a product of uniforms stays above exp(-rate)."""
    least, product, count = math.exp(-rate), _uniform(generator), 0
    while product > least:
        product *= _uniform(generator)
        count += 1
    return count


def _by_rejection(generator: Generator, rate: float) -> int:
    """Transform a uniform and reject: the method PTRS.

    Source: W. Hörmann, The transformed rejection method for generating Poisson random
    variables, Insurance: Mathematics and Economics 12 (1993).
    """
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    sure = 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = _uniform(generator) - 0.5, _uniform(generator)
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43)
        if us >= 0.07 and v <= sure:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        left = math.log(v) + math.log(inverse_alpha) - math.log(a / us**2 + b)
        if left <= k * math.log(rate) - rate - math.lgamma(k + 1):
            return k
