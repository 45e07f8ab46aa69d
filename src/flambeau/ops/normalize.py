"""Normalisation over axes: the one op behind batch, layer, group and instance norm."""

from __future__ import annotations

from math import prod

import numpy as np

from ..dtypes import dtype
from ..graph import Node
from . import elementwise as ew
from .broadcast import reduced
from .op import Combined, Op, same_as_input
from .reduce import mean as mean_of

__all__ = ["moments", "normalize"]

Shape = tuple[int, ...]


def _variance_infer(x: Node, mean: Node, *, axes: Shape) -> tuple[Shape, dtype]:
    return reduced(x.shape, axes, keepdims=True), x.dtype


def _variance_numpy(x: np.ndarray, mean: np.ndarray, *, axes: Shape) -> np.ndarray:
    total = np.sum(np.square(x - mean), axis=axes, keepdims=True, dtype=x.dtype)
    return total / x.dtype.type(prod(x.shape[axis] for axis in axes))


def _variance_gradient(g: Node, y: Node, x: Node, mean: Node, axes: Shape) -> Node:
    count = prod(x.shape[axis] for axis in axes)
    return ew.mul(ew.mul(g, ew.const_like(2 / max(count, 1), g)), ew.sub(x, mean))


# The mean must be that of x over `axes`, with the axes kept as 1; it gets no gradient
# because the deviations from it add up to 0.
_variance = Op(
    "variance_about", _variance_infer, _variance_numpy, (_variance_gradient, None)
)


def moments(x: Node, axes: Shape) -> tuple[Node, Node]:
    r"""Return the mean of x over `axes`, kept as 1, and of :math:`(x - mean)^2`."""
    mean = mean_of(x, axes, keepdims=True)
    return mean, _variance(x, mean, axes=axes)


def _normalize_numpy(
    x: np.ndarray, mean: np.ndarray, var: np.ndarray, *, axes: Shape, eps: float
) -> np.ndarray:
    scale = 1 / np.sqrt(var + x.dtype.type(eps))
    return (x - mean) * scale


def _gradient_parts(g: Node, y: Node, var: Node, axes: Shape, eps: float) -> Node:
    r"""With :math:`r = 1 / \sqrt{var + eps}` and y the normalised x.

    .. math:: r \, (g - \overline{g} - y \, \overline{g y})

    Source: Ioffe and Szegedy, arXiv:1502.03167, section 3. It is the whole
    derivative in x, through the mean and the variance too.
    """
    scale = ew.rsqrt(ew.add(var, ew.const_like(eps, var)))
    centred = ew.sub(g, mean_of(g, axes, keepdims=True))
    along = ew.mul(y, mean_of(ew.mul(g, y), axes, keepdims=True))
    return ew.mul(scale, ew.sub(centred, along))


_gradient = Combined("normalize_gradient", _gradient_parts)


def _normalize_gradient(
    g: Node, y: Node, x: Node, mean: Node, var: Node, axes: Shape, eps: float
) -> Node:
    return _gradient(g, y, var, axes=axes, eps=eps)


# The mean and variance must be those of x over `axes`, with the axes kept as 1; their
# inputs get no gradient because the rule for x already holds all of it.
normalize = Op(
    "normalize", same_as_input, _normalize_numpy, (_normalize_gradient, None, None)
)
