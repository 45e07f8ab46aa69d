"""An op that the compiler makes: the squared deviations from the mean, added up.

Batch norm's variance needs the mean, which is a sum over the same elements. As one op
beside that sum, both are gathered in one walk: by the convolution that computes them.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..graph import Node
from ..ops.op import Op

__all__ = ["spread"]


def _infer(x: Node, total: Node, *, axes: tuple[int, ...]) -> Any:
    return total.shape, total.dtype


def _numpy(x: np.ndarray, total: np.ndarray, *, axes: tuple[int, ...]) -> np.ndarray:
    mean = np.expand_dims(total / prod(x.shape[axis] for axis in axes), axes)
    return np.square(x - mean).sum(axis=axes)


spread: Op = Op("spread", _infer, _numpy)
"""`spread(x, sum of x over axes, axes=axes)`."""
