"""The binary cross entropy of probabilities, kept whole: its ends need care."""

from __future__ import annotations

import numpy as np

from ..graph import Node
from . import elementwise as ew
from .elementwise import Elementwise

__all__ = ["binary_cross_entropy", "check_probabilities"]


def check_probabilities(x: np.ndarray, t: np.ndarray) -> None:
    """Check that inputs and targets are in [0, 1].

    Raises:
        RuntimeError: one is not, or is NaN.
    """
    for what, values in (("input", x), ("target", t)):
        inside = (values >= 0) & (values <= 1)
        if not inside.all():
            raise RuntimeError(
                f"binary_cross_entropy: all elements of {what} should be between 0 and "
                f"1, got {float(values[~inside].reshape(-1)[0])}; apply a sigmoid, or "
                "use binary_cross_entropy_with_logits"
            )


def _numpy(x: np.ndarray, t: np.ndarray) -> np.ndarray:
    # Logarithms are cut at -100, so that a certain answer that is wrong costs 100.
    check_probabilities(x, t)
    yes, no = np.maximum(np.log(x), -100), np.maximum(np.log1p(-x), -100)
    return (t - 1) * no - t * yes


def _input_gradient(g: Node, y: Node, x: Node, t: Node) -> Node:
    spread = ew.mul(x, ew.sub(ew.const_like(1, x), x))
    slope = ew.div(ew.sub(x, t), ew.maximum(spread, ew.const_like(1e-12, x)))
    return ew.mul(g, slope)


def _target_gradient(g: Node, y: Node, x: Node, t: Node) -> Node:
    return ew.mul(g, ew.sub(ew.log1p(ew.neg(x)), ew.log(x)))


binary_cross_entropy = Elementwise(
    "binary_cross_entropy", _numpy, (_input_gradient, _target_gradient)
)
