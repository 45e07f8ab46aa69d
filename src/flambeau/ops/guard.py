"""Checks of values that a later op relies on: at once if known, else when evaluated."""

from __future__ import annotations

import numpy as np

from ..graph import Node
from .op import Op, same_as_input

__all__ = ["within"]


def _check(
    x: np.ndarray, *, low: int, high: int, allowed: int | None, message: str
) -> np.ndarray:
    outside = (x < low) | (x >= high)
    if allowed is not None:
        outside &= x != allowed
    if outside.any():
        raise IndexError(message.format(int(x[outside][0])))
    return x


_within = Op("check_index", same_as_input, _check)


def within(
    index: Node, low: int, high: int, message: str, allowed: int | None = None
) -> Node:
    """Return positions after checking that low <= position < high.

    Args:
        index: integers; where their values are known this is their node itself.
        low: the smallest position.
        high: one more than the largest.
        message: of the error, with {} for the position that is wrong.
        allowed: one value that may be anywhere.

    Raises:
        IndexError: a position is outside; at the evaluation if it is not known yet.
    """
    if index.value is None:
        options = {"low": low, "high": high, "allowed": allowed, "message": message}
        return _within(index, **options)
    _check(index.value, low=low, high=high, allowed=allowed, message=message)
    return index
