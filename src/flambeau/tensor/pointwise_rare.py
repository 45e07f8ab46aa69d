"""Elementwise functions that programs rarely need: exponents, divisors, gammas."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import dtypes as dt
from ..graph import Node
from ..ops import elementwise as ew
from ..ops import gamma
from .handle import Handle, wrap
from .operands import (
    Number,
    as_float,
    check_float,
    check_some_tensor,
    check_tensors,
    pair,
    result_type,
)
from .pointwise import _bits, isinf, logical_and, mul, pow, signbit, unary
from .return_types import named_result

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "digamma",
    "entr",
    "float_power",
    "frexp",
    "gcd",
    "isneginf",
    "isposinf",
    "lcm",
    "ldexp",
    "lgamma",
    "logaddexp",
    "logaddexp2",
    "mvlgamma",
    "ndtr",
    "nextafter",
    "polygamma",
    "polygamma_method",
    "xlog1py",
]

_FREXP = named_result("frexp", ("mantissa", "exponent"))

lgamma = unary("lgamma", gamma.lgamma, "the logarithm of the gamma function")
digamma = unary("digamma", gamma._digamma, "the derivative of `lgamma`")
gcd = _bits("gcd", ew.gcd, "the greatest common divisor", numbers=False)
lcm = _bits("lcm", ew.lcm, "the least common multiple", numbers=False)


def polygamma(n: int, input: Tensor) -> Tensor:
    """Return the n-th derivative of `digamma`.

    Raises:
        RuntimeError: n is negative.

    Source: torch's page "torch.polygamma".

    Example:
        >>> import flambeau as torch
        >>> torch.polygamma(1, torch.tensor([1.0]))
        tensor([1.6449])
    """
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return wrap(gamma.polygamma(n, as_float(input.node)))


def polygamma_method(input: Tensor, n: int) -> Tensor:
    """Return the n-th derivative of `digamma`."""
    return polygamma(n, input)


def mvlgamma(input: Tensor, p: int) -> Tensor:
    """Return the logarithm of the multivariate gamma function of dimension p.

    Source: torch's page "torch.mvlgamma".
    """
    total = sum(lgamma(input - j / 2) for j in range(p))
    return total + p * (p - 1) / 4 * math.log(math.pi)  # type: ignore[return-value]


def _floats(input: Tensor, other: Tensor) -> tuple[Node, Node]:
    check_tensors("logaddexp", input, other)
    a, b = pair(input, other)
    check_float("logaddexp_cpu", a)
    return a, b


def logaddexp(input: Tensor, other: Tensor) -> Tensor:
    """Return log(exp(input) + exp(other)), without overflow.

    Source: torch's page "torch.logaddexp".

    Example:
        >>> import flambeau as torch
        >>> torch.logaddexp(torch.tensor([1000.0]), torch.tensor([1000.0]))
        tensor([1000.6932])
    """
    return wrap(ew.logaddexp(*_floats(input, other)))


def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """Return log2(2^input + 2^other), without overflow."""
    a, b = _floats(input, other)
    factor = ew.const_like(math.log(2), a)
    return wrap(ew.div(ew.logaddexp(ew.mul(a, factor), ew.mul(b, factor)), factor))


def xlog1py(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Return input * log(1 + other), and 0 where input is 0.

    Source: torch's page "torch.special.xlog1py".
    """
    check_some_tensor("xlog1py", input, other)
    a, b = pair(input, other)
    x, y = as_float(a), as_float(b)
    zero = ew.const_like(0, x)
    flat = ew.logical_and(ew.equal(x, zero), ew.logical_not(ew.isnan(y)))
    inner = ew.where(flat, zero, y)
    return wrap(ew.where(flat, zero, ew.mul(x, ew.log1p(inner))))


def entr(input: Tensor) -> Tensor:
    """Return -x log(x), 0 at 0 and minus infinity below.

    Source: torch's page "torch.special.entr".
    """
    x = as_float(input.node)
    below = ew.less(x, ew.const_like(0, x))
    lowest = ew.const_like(-math.inf, x)
    return wrap(ew.where(below, lowest, ew.neg(ew.xlogy(x, x))))


def ndtr(input: Tensor) -> Tensor:
    """Return the part of the standard normal distribution below each element.

    Source: torch's page "torch.special.ndtr".

    Example:
        >>> import flambeau as torch
        >>> torch.special.ndtr(torch.tensor([0.0]))
        tensor([0.5000])
    """
    x = as_float(input.node)
    inner = ew.mul(x, ew.const_like(-math.sqrt(0.5), x))
    return wrap(ew.mul(ew.erfc(inner), ew.const_like(0.5, x)))


def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """Return input * 2^other."""
    check_tensors("ldexp", input, other)
    return mul(input, pow(2.0, other))


def frexp(input: Tensor) -> Any:
    """Return mantissas in [0.5, 1) and exponents with input = mantissa * 2^exponent.

    Example:
        >>> import flambeau as torch
        >>> torch.frexp(torch.tensor([6.0])).mantissa
        tensor([0.7500])
    """
    x = input.node
    if not x.dtype.is_floating_point:
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    return _FREXP(wrap(ew.frexp_mantissa(x)), wrap(ew.frexp_exponent(x)))


def nextafter(input: Tensor, other: Tensor) -> Tensor:
    """Return the float after input in the direction of other."""
    check_tensors("nextafter", input, other)
    a, b = pair(input, other)
    check_float("nextafter_cpu", a)
    return wrap(ew.nextafter(a, b))


def float_power(input: Tensor | Number, exponent: Tensor | Number) -> Tensor:
    """Return input to the power of exponent, in float64 or complex128.

    Example:
        >>> import flambeau as torch
        >>> torch.float_power(torch.tensor([2]), -1)
        tensor([0.5000], dtype=torch.float64)
    """
    kind = dt.complex128 if result_type(input, exponent).is_complex else dt.float64
    given = [
        each.to(kind) if isinstance(each, Handle) else kind.numpy.type(each).item()
        for each in (input, exponent)
    ]
    return pow(given[0], given[1])


def isposinf(input: Tensor) -> Tensor:
    """Return whether each element is positive infinity."""
    return logical_and(isinf(input), signbit(input).logical_not())


def isneginf(input: Tensor) -> Tensor:
    """Return whether each element is negative infinity."""
    return logical_and(isinf(input), signbit(input))
