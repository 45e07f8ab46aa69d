"""Normalisation over axes: the one op behind batch, layer, group and instance norm."""

from __future__ import annotations

import numpy as np

from ..graph import Node
from . import elementwise as ew
from .op import Op, same_as_input
from .reduce import mean as mean_of

__all__ = ["normalize"]

Shape = tuple[int, ...]


def _normalize_numpy(
    x: np.ndarray, mean: np.ndarray, var: np.ndarray, *, axes: Shape, eps: float
) -> np.ndarray:
    scale = 1 / np.sqrt(var + x.dtype.type(eps))
    return (x - mean) * scale


def _normalize_gradient(
    g: Node, y: Node, x: Node, mean: Node, var: Node, axes: Shape, eps: float
) -> Node:
    r"""With :math:`r = 1 / \sqrt{var + eps}` and y the normalised x.

    .. math:: r \, (g - \overline{g} - y \, \overline{g y})

    Source: Ioffe and Szegedy, arXiv:1502.03167, section 3. It is the whole
    derivative in x, through the mean and the variance too.
    """
    scale = ew.rsqrt(ew.add(var, ew.const_like(eps, var)))
    centred = ew.sub(g, mean_of(g, axes, keepdims=True))
    along = ew.mul(y, mean_of(ew.mul(g, y), axes, keepdims=True))
    return ew.mul(scale, ew.sub(centred, along))


# The mean and variance must be those of x over `axes`, with the axes kept as 1; their
# inputs get no gradient because the rule for x already holds all of it.
normalize = Op(
    "normalize", same_as_input, _normalize_numpy, (_normalize_gradient, None, None)
)
