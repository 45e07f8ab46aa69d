"""Normalisation over axes: the one op behind batch, layer, group and instance norm."""

from __future__ import annotations

from math import prod

import numpy as np

from ..dtypes import dtype
from ..graph import Node
from . import elementwise as ew
from .broadcast import reduced, reshape, sum_to
from .op import Combined, Op, same_as_input
from .reduce import mean as mean_of

__all__ = ["affine", "moments", "normalize", "normalize_by"]

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


# What follows: a learned scale and shift. `shape` is that in which their parameters
# broadcast with x, such as (C, 1, 1) for a number per channel.


def _scaled_parts(x: Node, weight: Node, shape: Shape) -> Node:
    return ew.mul(x, reshape(weight, shape))


def _affine_parts(x: Node, weight: Node, bias: Node, shape: Shape) -> Node:
    return ew.add(_scaled_parts(x, weight, shape), reshape(bias, shape))


def _summed_parts(g: Node, shape: Shape, to: Shape) -> Node:
    return reshape(sum_to(g, shape), to)


def _products_parts(g: Node, x: Node, shape: Shape, to: Shape) -> Node:
    return _summed_parts(ew.mul(g, x), shape, to)


def _parameter_infer(
    g: Node, *others: Node, shape: Shape, to: Shape
) -> tuple[Shape, dtype]:
    return to, g.dtype


_scaled = Combined("scaled", _scaled_parts)
_summed = Combined("summed", _summed_parts, infer=_parameter_infer)
_products = Combined("summed_products", _products_parts, infer=_parameter_infer)

affine = Combined(
    "affine",
    _affine_parts,
    (
        lambda g, y, x, w, b, shape: _scaled(g, w, shape=shape),
        lambda g, y, x, w, b, shape: _products(g, x, shape=shape, to=w.shape),
        lambda g, y, x, w, b, shape: _summed(g, shape=shape, to=b.shape),
    ),
)


def _normalize_by_parts(
    x: Node, mean: Node, var: Node, weight: Node, bias: Node, shape: Shape, eps: float
) -> Node:
    scale = ew.rsqrt(ew.add(var, ew.const_like(eps, var)))
    scale = ew.mul(scale, weight)
    shift = ew.add(bias, ew.neg(ew.mul(mean, scale)))
    return affine.parts(x, scale, shift, shape=shape)


# Normalise with given numbers: one multiplication and one sum.
normalize_by = Combined("normalize_by", _normalize_by_parts)
