"""Vector norms, with the slopes that torch gives them at 0."""

from __future__ import annotations

import math

import numpy as np

from ..graph import Node
from . import elementwise as ew
from .broadcast import sum_
from .elementwise import Elementwise
from .op import Op
from .reduce import amax, amin

__all__ = ["root", "vector_norm"]

Shape = tuple[int, ...]


def _root_gradient(g: Node, y: Node, x: Node) -> Node:
    zero = ew.const_like(0, y)
    slope = ew.div(g, ew.mul(y, ew.const_like(2, y)))
    return ew.where(ew.equal(y, zero), zero, slope)


# The square root whose slope at 0 is 0, where norms and deviations have a corner.
root = Elementwise("root", np.sqrt, (_root_gradient,))
# 1 for each element that is not 0: flat, yet on the tape as torch has it.
is_nonzero = Elementwise(
    "is_nonzero",
    lambda x: x != 0,
    (lambda g, y, x: ew.mul(g, ew.const_like(0, g)),),
)


def vector_norm(x: Node, order: float, axes: Shape, keepdims: bool) -> Node:
    r"""Return :math:`(\sum |x|^p)^{1/p}` over `axes`, and its limits at 0 and infinity.

    Where the norm is 0 the gradient is 0.
    """
    if math.isinf(order):
        return _extreme(x, amax if order > 0 else amin, axes, keepdims)
    if order == 0:
        return sum_(is_nonzero(x), axes=axes, keepdims=keepdims)
    if order == 1:
        return sum_(ew.absolute(x), axes=axes, keepdims=keepdims)
    if order == 2:
        return root(sum_(ew.square(x), axes=axes, keepdims=keepdims))
    total = sum_(_power(ew.absolute(x), order), axes=axes, keepdims=keepdims)
    return _power(total, 1 / order)


def _extreme(x: Node, op: Op, axes: Shape, keepdims: bool) -> Node:
    return op(ew.absolute(x), axes=axes, keepdims=keepdims)


def _power(x: Node, exponent: float) -> Node:
    """x to a power, for x >= 0; the slope at 0 is 0, never NaN."""
    flat = ew.equal(x, ew.const_like(0, x))
    safe = ew.where(flat, ew.const_like(1, x), x)
    at_zero = ew.const_like(0 if exponent > 0 else math.inf, x)
    return ew.where(flat, at_zero, ew.power(safe, ew.const_like(exponent, x)))
