"""Take resampling apart: what is read lies in tables, which the program keeps.

    resample(x)   ->   x[p0] * w0 + x[p1] * w1

Where many inputs make an output, as in the gradient of a large magnification, they are
one more dimension that is added up.
"""

from __future__ import annotations

import numpy as np

from ..graph import Node, constant
from ..ops import elementwise as ew
from ..ops.index import index
from ..ops.reduce import sum_
from ..ops.resample import Rule, taps

__all__ = ["resampled"]

_FEW = 4  # taps that are written out


def resampled(x: Node, axis: int, rule: Rule, back: bool) -> Node:
    """Return what computes `resample` with the same arguments."""
    positions, weights = taps(rule, back)
    if positions.shape[1] == 1 and (weights == 1).all():
        return index(x, constant(positions[:, 0]), axes=(axis,))
    behind = (1,) * (x.ndim - axis - 1)
    if positions.shape[1] > _FEW:
        weighed = _weighed(x, axis, positions, weights, behind)
        return sum_(weighed, axes=(axis + 1,), keepdims=False)
    columns = zip(positions.T, weights.T, strict=True)
    terms = [_weighed(x, axis, at, weight, behind) for at, weight in columns]
    total = terms[0]
    for term in terms[1:]:
        total = ew.add(total, term)
    return total


def _weighed(
    x: Node,
    axis: int,
    positions: np.ndarray,
    weights: np.ndarray,
    behind: tuple[int, ...],
) -> Node:
    """The elements at some positions of an axis, each times its weight."""
    picked = index(x, constant(np.ascontiguousarray(positions)), axes=(axis,))
    weights = weights.astype(x.dtype.numpy).reshape(*weights.shape, *behind)
    return ew.mul(picked, constant(weights, x.dtype))
