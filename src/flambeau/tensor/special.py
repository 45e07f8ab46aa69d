"""The rarer functions of torch.special: Bessel's, gammas, orthogonal polynomials."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ..graph import Node
from ..ops import special
from ..ops.op import Op
from .handle import wrap
from .operands import (
    Number,
    as_float,
    check_float,
    check_some_tensor,
    check_tensors,
    pair,
)
from .pointwise import named, unary

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "FUNCTIONS",
    "erfcx",
    "gammainc",
    "gammaincc",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "log_ndtr",
    "ndtri",
    "zeta",
]


_of_one = partial(unary, owner="torch.special")


def _of_two(name: str, op: Op, text: str) -> Callable[..., Tensor]:
    def apply(input: Tensor | Number, other: Tensor | Number) -> Tensor:
        check_some_tensor(name, input, other)
        a, b = pair(input, other)
        return wrap(op(as_float(a), as_float(b)))

    source = f'Source: torch\'s page "torch.special.{name}".'
    return named(apply, name, f"Return {text}, broadcast.\n\n{source}")


i0 = _of_one(
    "i0", special.i0, "the modified Bessel function of the first kind, order 0,"
)
i1 = _of_one(
    "i1", special.i1, "the modified Bessel function of the first kind, order 1,"
)
i0e = _of_one("i0e", special.i0e, "exp(-|x|) times `i0`")
i1e = _of_one("i1e", special.i1e, "exp(-|x|) times `i1`")
erfcx = _of_one("erfcx", special.erfcx, "exp(x^2) erfc(x)")
log_ndtr = _of_one("log_ndtr", special.log_ndtr, "the logarithm of `ndtr`")
ndtri = _of_one("ndtri", special.ndtri, "the inverse of `ndtr`")


def gammainc(input: Tensor, other: Tensor) -> Tensor:
    r"""Return the lower incomplete gamma function of `other` over the whole one.

    .. math:: \frac{1}{\Gamma(a)} \int_0^x t^{a - 1} e^{-t} dt

    Args:
        input: a, floats.
        other: x, floats; it broadcasts. Gradients flow to it only.

    Raises:
        NotImplementedError: no floats.
        TypeError: one of them is no tensor.

    Source: torch's page "torch.special.gammainc".

    Example:
        >>> import flambeau as torch
        >>> torch.special.gammainc(torch.tensor([1.0]), torch.tensor([1.0]))
        tensor([0.6321])
    """
    return wrap(special.gammainc(*_floats("igamma", input, other)))


def gammaincc(input: Tensor, other: Tensor) -> Tensor:
    """Return 1 - `gammainc`, accurate where that is tiny.

    Source: torch's page "torch.special.gammaincc".
    """
    return wrap(special.gammaincc(*_floats("igammac", input, other)))


def _floats(name: str, input: Tensor, other: Tensor) -> tuple[Node, Node]:
    check_tensors(name, input, other)
    a, b = pair(input, other)
    check_float(f"{name}_cpu", a)
    return a, b


zeta = _of_two("zeta", special.zeta, "Hurwitz's zeta function, the sum of (q + k)^-s")

FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    **{
        name: _of_one(name, op, "a function of Bessel's or Airy's")
        for name, op in special.BESSELS.items()
    },
    **{
        name: _of_two(name, op, "the polynomial of degree `other` at `input`")
        for name, op in special.POLYNOMIALS.items()
    },
}
"""Bessel's functions and orthogonal polynomials by name.

Example:
    >>> import flambeau as torch
    >>> torch.special.bessel_j0(torch.tensor([0.0, 1.0]))
    tensor([1.0000, 0.7652])
    >>> torch.special.legendre_polynomial_p(torch.tensor([0.5]), 2)
    tensor([-0.1250])
"""
