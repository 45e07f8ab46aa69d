"""Resampling along one axis: each output is a weighted sum of a few inputs.

The weights are a sparse matrix that a rule describes; the gradient is the transposed
matrix, so one op is closed under differentiation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..dtypes import dtype
from ..graph import Node
from .op import Op

__all__ = ["Rule", "resample", "taps"]

Shape = tuple[int, ...]
Taps = tuple[np.ndarray, np.ndarray]  # positions and weights, (outputs, taps) each


class Rule(NamedTuple):
    """Which inputs an output is made of, with which weights.

    Attributes:
        mode: "nearest", "nearest-exact", "linear" or "cubic"; with `antialias` one of
            "linear", "cubic" and "lanczos".
        size: how many inputs there are.
        output: how many outputs there are.
        scale: inputs per output, if it is not the ratio of the sizes.
        align_corners: the first and the last elements lie on each other, not the edges.
        antialias: where the output is smaller, widen the filter accordingly.
        double: compute positions in float64, for float64 inputs, not in float32.
    """

    mode: str
    size: int
    output: int
    scale: float | None = None
    align_corners: bool = False
    antialias: bool = False
    double: bool = False


# Positions and weights


@lru_cache(maxsize=256)
def taps(rule: Rule, back: bool = False) -> Taps:
    """Return the inputs that each output reads, and with which weights.

    Args:
        rule: the mode and the sizes.
        back: of the gradient: the outputs that each input is read by.
    """
    if back:
        return _transposed(rule)
    return _filtered(rule) if rule.antialias else _MODES[rule.mode](rule)


def _step(rule: Rule) -> np.floating:
    """Return how far apart the outputs lie among the inputs."""
    number = np.float64 if rule.double else np.float32
    if rule.align_corners:
        room = rule.output - 1
        return number(rule.size - 1) / number(room) if room else number(0)
    if rule.scale is not None:
        return number(rule.scale)
    return number(rule.size) / number(rule.output)


def _places(rule: Rule) -> np.ndarray:
    """Return where the outputs' centres lie among those of the inputs."""
    step = _step(rule)
    numbers = np.arange(rule.output, dtype=step.dtype)
    if rule.align_corners:
        return numbers * step
    half = step.dtype.type(0.5)
    return (numbers + half) * step - half


def _one_each(positions: np.ndarray) -> Taps:
    return positions[:, None], np.ones((len(positions), 1))


def _nearest(rule: Rule) -> Taps:
    if rule.mode == "nearest" and rule.output in (rule.size, 2 * rule.size):
        rule = rule._replace(scale=None)  # as torch does in 2-d, and in all gradients
    step = _step(rule._replace(double=False))
    numbers = np.arange(rule.output, dtype=np.float32)
    if rule.mode == "nearest-exact":
        numbers += np.float32(0.5)
    found = np.floor(numbers * step).astype(np.int64)
    return _one_each(np.minimum(found, rule.size - 1))


def _linear(rule: Rule) -> Taps:
    if rule.size == rule.output:
        return _one_each(np.arange(rule.size))
    places = np.maximum(_places(rule), 0)
    first = np.minimum(places.astype(np.int64), rule.size - 1)
    second = np.minimum(first + 1, rule.size - 1)
    share = np.clip(places - first, 0, 1)
    return np.stack([first, second], 1), np.stack([1 - share, share], 1)


def _cubic(rule: Rule) -> Taps:
    places = _places(rule)
    first = np.floor(places).astype(np.int64)
    around = first[:, None] + np.arange(-1, 3)
    weights = _cubic_filter(places[:, None] - around, -0.75)
    return np.clip(around, 0, rule.size - 1), weights


_MODES: dict[str, Callable[[Rule], Taps]] = {
    "nearest": _nearest,
    "nearest-exact": _nearest,
    "linear": _linear,
    "cubic": _cubic,
}

# Filters, of the distance; source: Keys, "Cubic Convolution Interpolation for Digital
# Image Processing" (1981), and Turkowski, "Filters for Common Resampling Tasks" (1990)


def _cubic_filter(x: np.ndarray, a: float) -> np.ndarray:
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def _lanczos_filter(x: np.ndarray) -> np.ndarray:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


# The filter and its reach, in inputs.
_FILTERS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]] = {
    "linear": (lambda x: np.maximum(1 - np.abs(x), 0), 1.0),
    "cubic": (lambda x: _cubic_filter(x, -0.5), 2.0),
    "lanczos": (_lanczos_filter, 3.0),
}


def _filtered(rule: Rule) -> Taps:
    """Weigh all inputs under a filter as wide as an output, or as an input if wider."""
    if rule.size == rule.output:
        return _one_each(np.arange(rule.size))
    function, reach = _FILTERS[rule.mode]
    step = _step(rule)
    wide = max(step, step.dtype.type(1))
    centres = step * (np.arange(rule.output, dtype=step.dtype) + step.dtype.type(0.5))
    low = (centres - reach * wide + 0.5).astype(np.int64).clip(min=0)
    high = (centres + reach * wide + 0.5).astype(np.int64).clip(max=rule.size)
    around = low[:, None] + np.arange(int((high - low).max()))
    weights = function((around - centres[:, None] + 0.5) / wide)
    weights = np.where(around < high[:, None], weights, 0)
    weights = weights / weights.sum(1, keepdims=True)
    return np.minimum(around, rule.size - 1), weights


def _transposed(rule: Rule) -> Taps:
    positions, weights = taps(rule)
    readers = np.repeat(np.arange(rule.output), positions.shape[1])
    order = np.argsort(positions.ravel(), kind="stable")
    inputs = positions.ravel()[order]
    counts = np.bincount(inputs, minlength=rule.size)
    place = np.arange(len(inputs)) - (np.cumsum(counts) - counts)[inputs]
    shape = (rule.size, max(int(counts.max()), 1))
    found, shares = np.zeros(shape, np.int64), np.zeros(shape, weights.dtype)
    found[inputs, place] = readers[order]
    shares[inputs, place] = weights.ravel()[order]
    unused = np.arange(shape[1]) >= counts[:, None]
    # the zeros are read somewhere, too, where an infinity is let in already
    return np.where(unused, found[:, :1], found), shares


# The op


def _infer(x: Node, *, axis: int, rule: Rule, back: bool) -> tuple[Shape, dtype]:
    count = rule.size if back else rule.output
    return (*x.shape[:axis], count, *x.shape[axis + 1 :]), x.dtype


def _numpy(x: np.ndarray, *, axis: int, rule: Rule, back: bool) -> np.ndarray:
    positions, weights = taps(rule, back)
    if positions.shape[1] == 1 and (weights == 1).all():
        return x.take(positions[:, 0], axis)
    along = (-1, *(1,) * (x.ndim - axis - 1))
    weights = weights.astype(x.dtype)
    total = x.take(positions[:, 0], axis) * weights[:, 0].reshape(along)
    for tap in range(1, positions.shape[1]):
        total += x.take(positions[:, tap], axis) * weights[:, tap].reshape(along)
    return total


def _gradient(g: Node, y: Node, x: Node, axis: int, rule: Rule, back: bool) -> Node:
    return _resample(g, axis=axis, rule=rule, back=not back)


_resample: Op = Op(
    "resample",
    _infer,
    _numpy,
    (
        lambda g, y, x, axis, rule, back: _resample(
            g, axis=axis, rule=rule, back=not back
        ),
    ),
    "UpsampleBackward",
)


def resample(x: Node, axis: int, rule: Rule) -> Node:
    """Replace the elements along an axis by weighted sums of them."""
    return _resample(x, axis=axis, rule=rule, back=False)
