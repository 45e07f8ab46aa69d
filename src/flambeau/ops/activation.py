"""Elementwise ops with a corner, kept whole so that each side has its own slope."""

from __future__ import annotations

import numpy as np

from ..graph import Node
from . import elementwise as ew
from .elementwise import Elementwise

__all__ = ["hardtanh", "leaky_relu"]


def _is_above_zero(x: Node) -> Node:
    return ew.greater(x, ew.const_like(0, x))


# slope * x where x <= 0; the slope is a number or one per channel.
leaky_relu = Elementwise(
    "leaky_relu",
    lambda x, slope: np.where(x > 0, x, slope * x),
    (
        lambda g, y, x, slope: ew.where(_is_above_zero(x), g, ew.mul(g, slope)),
        lambda g, y, x, slope: ew.where(
            _is_above_zero(x), ew.const_like(0, g), ew.mul(g, x)
        ),
    ),
)


def _hardtanh_gradient(g: Node, y: Node, x: Node, low: Node, high: Node) -> Node:
    outside = ew.logical_or(ew.less_equal(x, low), ew.greater_equal(x, high))
    return ew.where(outside, ew.const_like(0, g), g)


# x moved into [low, high]; unlike clamp's, its slope on a bound is 0.
hardtanh = Elementwise(
    "hardtanh",
    lambda x, low, high: np.minimum(np.maximum(x, low), high),
    (_hardtanh_gradient, None, None),
)
