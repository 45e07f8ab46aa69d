"""Ops that hand their input on: after a check, or with another gradient."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..graph import Node
from ..recorder import checked
from . import elementwise as ew
from .elementwise import Elementwise
from .op import Op, same_as_input

__all__ = ["not_negative", "scale_gradient", "within"]


def _check(
    x: np.ndarray,
    *,
    low: int,
    high: int,
    allowed: int | None,
    error: type[Exception],
    message: str,
) -> np.ndarray:
    outside = (x < low) | (x >= high)
    if allowed is not None:
        outside &= x != allowed
    if outside.any():
        raise error(message.format(int(x[outside][0])))
    return x


_within = Op("check_index", same_as_input, _check)


def within(
    index: Node,
    low: int,
    high: int,
    message: str,
    allowed: int | None = None,
    error: type[Exception] = IndexError,
) -> Node:
    """Return positions after checking that low <= position < high.

    Where the values are known the check is done now and the node is returned itself;
    else it is done when they are evaluated.

    Args:
        index: integers.
        low: the smallest position.
        high: one more than the largest.
        message: of the error, with {} for the position that is wrong.
        allowed: one value that may lie outside.
        error: the type of the error.
    """
    options: dict[str, Any] = {
        "low": low,
        "high": high,
        "allowed": allowed,
        "error": error,
        "message": message,
    }
    is_known = checked(index, partial(_check, **options))
    return index if is_known else _within(index, **options)


def _check_sign(x: np.ndarray, *, message: str) -> np.ndarray:
    if (x < 0).any():
        raise ValueError(message.format(float(x[x < 0][0])))
    return x


_not_negative = Op(
    "check_sign", same_as_input, _check_sign, (lambda g, y, x, message: g,)
)


def not_negative(x: Node, message: str) -> Node:
    """Return numbers after checking that none is negative, as `within` does.

    Args:
        x: floats.
        message: of the error, a ValueError, with {} for the number that is negative.
    """
    is_known = checked(x, partial(_check_sign, message=message))
    return x if is_known else _not_negative(x, message=message)


# x, whose gradient is multiplied by `scale`.
scale_gradient = Elementwise(
    "scale_gradient",
    lambda x, scale: x,
    (lambda g, y, x, scale: ew.mul(g, scale), None),
)
