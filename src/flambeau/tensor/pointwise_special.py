"""Elementwise functions beyond the everyday ones: signs, angles, logs, NaN-aware max.

What is not an op of its own is written with ops that are, so it fuses like them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..ops import elementwise as ew
from ..ops.op import Op
from .handle import wrap
from .operands import (
    Number,
    as_float,
    check_some_tensor,
    check_tensor,
    check_tensors,
    pair,
)
from .pointwise import clamp, unary

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "acosh",
    "asinh",
    "atanh",
    "clamp_max",
    "clamp_min",
    "copysign",
    "deg2rad",
    "erfc",
    "fmax",
    "fmin",
    "frac",
    "heaviside",
    "logit",
    "rad2deg",
    "sinc",
    "xlogy",
]

asinh = unary("asinh", ew.asinh, "the inverse hyperbolic sine")
acosh = unary("acosh", ew.acosh, "the inverse hyperbolic cosine")
atanh = unary("atanh", ew.atanh, "the inverse hyperbolic tangent")
erfc = unary("erfc", ew.erfc, "1 - erf(x), accurate for large x,")


def logit(input: Tensor, eps: float | None = None) -> Tensor:
    """Return log(x / (1 - x)), the inverse of `sigmoid`.

    Args:
        input: probabilities; NaN results outside [0, 1].
        eps: move them into [eps, 1 - eps] first.

    Source: torch's page "torch.logit".

    Example:
        >>> import flambeau as torch
        >>> torch.logit(torch.tensor([0.0, 0.5]), eps=0.01)
        tensor([-4.5951,  0.0000])
    """
    x = wrap(as_float(input.node))
    return wrap(ew.logit((x if eps is None else clamp(x, eps, 1 - eps)).node))


def xlogy(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Return input * log(other), broadcast, and 0 where input is 0.

    Args:
        input: a tensor or number.
        other: a tensor or number; the result is NaN where it is.

    Source: torch's page "torch.xlogy".

    Example:
        >>> import flambeau as torch
        >>> torch.xlogy(torch.tensor([0.0, 2.0]), torch.tensor([0.0, 1.0]))
        tensor([0., 0.])
    """
    check_some_tensor("xlogy", input, other)
    a, b = pair(input, other)
    return wrap(ew.xlogy(as_float(a), as_float(b)))


def sinc(input: Tensor) -> Tensor:
    """Return sin(pi x) / (pi x), and 1 at 0.

    Example:
        >>> import flambeau as torch
        >>> torch.sinc(torch.tensor([0.0, 0.5]))
        tensor([1.0000, 0.6366])
    """
    x = as_float(input.node)
    one, at_zero = ew.const_like(1, x), ew.equal(x, ew.const_like(0, x))
    angle = ew.where(at_zero, one, ew.mul(x, ew.const_like(math.pi, x)))
    return wrap(ew.where(at_zero, one, ew.div(ew.sin(angle), angle)))


def _times(input: Tensor, factor: float) -> Tensor:
    x = as_float(input.node)
    return wrap(ew.mul(x, ew.const_like(factor, x)))


def deg2rad(input: Tensor) -> Tensor:
    """Return angles in degrees as radians, x pi / 180."""
    return _times(input, math.pi / 180)


def rad2deg(input: Tensor) -> Tensor:
    """Return angles in radians as degrees, x 180 / pi."""
    return _times(input, 180 / math.pi)


def frac(input: Tensor) -> Tensor:
    """Return what is behind the point, with the sign of x: x - trunc(x).

    Raises:
        RuntimeError: the tensor is not of a float dtype.

    Example:
        >>> import flambeau as torch
        >>> torch.frac(torch.tensor([1.5, -2.25]))
        tensor([ 0.5000, -0.2500])
    """
    x = input.node
    if not x.dtype.is_floating_point:
        raise RuntimeError(f'"frac" not implemented for {x.dtype!r}: it takes floats')
    return wrap(ew.sub(x, ew.trunc(x)))


def copysign(input: Tensor, other: Tensor | Number) -> Tensor:
    """Return the size of `input` with the sign of `other`, broadcast.

    Source: torch's page "torch.copysign".

    Example:
        >>> import flambeau as torch
        >>> torch.copysign(torch.tensor([1.0, -2.0]), torch.tensor([-0.0, 3.0]))
        tensor([-1.,  2.])
    """
    check_tensor("copysign", "input", 1, input)
    a, b = pair(input, other)
    return wrap(ew.copysign(as_float(a), as_float(b)))


def heaviside(input: Tensor, values: Tensor) -> Tensor:
    """Return 0 where x < 0, 1 where x > 0, and `values` where x is 0.

    Args:
        input: any shape; 0 where it is NaN.
        values: of the same dtype, broadcast.

    Raises:
        RuntimeError: the dtypes differ.
        TypeError: `values` is not a tensor.

    Source: torch's page "torch.heaviside".

    Example:
        >>> import flambeau as torch
        >>> torch.heaviside(torch.tensor([-2.0, 0.0, 3.0]), torch.tensor(0.5))
        tensor([0.0000, 0.5000, 1.0000])
    """
    check_tensor("heaviside", "input", 1, input)
    check_tensor("heaviside", "values", 2, values)
    x, middle = input.node, values.node
    if x.dtype is not middle.dtype:
        raise RuntimeError(
            "heaviside is not yet implemented for tensors with different dtypes: "
            f"input is {x.dtype!r}, values {middle.dtype!r}"
        )
    zero = ew.const_like(0, x)
    step = ew.cast(ew.greater(x, zero), x.dtype)
    return wrap(ew.where(ew.equal(x, zero), middle, step))


def _ignoring_nan(name: str, wins: Op, which: str) -> Callable[..., Tensor]:
    def apply(input: Tensor, other: Tensor) -> Tensor:
        check_tensors(name, input, other)
        a, b = pair(input, other)
        first = ew.logical_or(wins(a, b), ew.isnan(b))
        return wrap(ew.where(first, a, b))

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = (
        f"Return the {which} element, broadcast; a number rather than NaN.\n\n"
        "Args:\n    input: a tensor.\n    other: a tensor.\n\n"
        "Raises:\n    TypeError: `other` is not a tensor.\n\n"
        f'Source: torch\'s page "torch.{name}".'
    )
    return apply


fmax = _ignoring_nan("fmax", ew.greater_equal, "larger")
fmin = _ignoring_nan("fmin", ew.less_equal, "smaller")


def clamp_min(input: Tensor, min: Tensor | Number) -> Tensor:
    """Return each element, or `min` where it is below."""
    return clamp(input, min=min)


def clamp_max(input: Tensor, max: Tensor | Number) -> Tensor:
    """Return each element, or `max` where it is above."""
    return clamp(input, max=max)
