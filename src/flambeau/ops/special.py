"""The special functions of torch.special that are no everyday ones.

Where torch has no derivative there is none here, either.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import numpy as np

from .. import bessels, errorfunction, gammas, polynomials
from ..graph import Node
from .elementwise import (
    Elementwise,
    const_like,
    div,
    equal,
    exp,
    log,
    mul,
    neg,
    sign,
    sub,
    where,
)
from .gamma import lgamma
from .op import Gradient

__all__ = [
    "BESSELS",
    "POLYNOMIALS",
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

Function = Callable[..., np.ndarray]


def _in_float64(function: Function) -> Function:
    """Let a function of float64 take arrays of any floats."""

    def run(*arrays: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return function(*(each.astype(np.float64) for each in arrays))

    return run


def _no_slope(name: str) -> Gradient:
    def refuse(*_: Any) -> NoReturn:
        raise NotImplementedError(f"the derivative of {name!r} is not implemented")

    return refuse


def _plain(name: str, function: Function, inputs: int = 1) -> Elementwise:
    """Return an op without a derivative."""
    return Elementwise(name, _in_float64(function), (_no_slope(name),) * inputs)


def _over(y: Node, x: Node) -> Node:
    """Return I_1(x) / x or its like, which is a half at 0."""
    at_zero = equal(x, const_like(0, x))
    return where(
        at_zero, const_like(0.5, x), div(y, where(at_zero, const_like(1, x), x))
    )


# Bessel's functions

i0 = Elementwise(
    "i0",
    _in_float64(partial(bessels.modified_i, order=0)),
    (lambda g, y, x: mul(g, i1(x)),),
)
i1: Elementwise = Elementwise(
    "i1",
    _in_float64(partial(bessels.modified_i, order=1)),
    (lambda g, y, x: mul(g, sub(i0(x), _over(y, x))),),
)
i0e = Elementwise(
    "i0e",
    _in_float64(partial(bessels.scaled_i, order=0)),
    (lambda g, y, x: mul(g, sub(i1e(x), mul(sign(x), y))),),
)
i1e: Elementwise = Elementwise(
    "i1e",
    _in_float64(partial(bessels.scaled_i, order=1)),
    (lambda g, y, x: mul(g, sub(sub(i0e(x), mul(sign(x), y)), _over(y, x))),),
)

BESSELS: dict[str, Elementwise] = {
    name: _plain(name, function)
    for name, function in (
        ("airy_ai", bessels.airy_ai),
        ("bessel_j0", partial(bessels.bessel_j, order=0)),
        ("bessel_j1", partial(bessels.bessel_j, order=1)),
        ("bessel_y0", partial(bessels.bessel_y, order=0)),
        ("bessel_y1", partial(bessels.bessel_y, order=1)),
        ("modified_bessel_i0", partial(bessels.modified_i, order=0)),
        ("modified_bessel_i1", partial(bessels.modified_i, order=1)),
        ("modified_bessel_k0", lambda x: np.exp(-x) * bessels.scaled_k(x, 0)),
        ("modified_bessel_k1", lambda x: np.exp(-x) * bessels.scaled_k(x, 1)),
        ("scaled_modified_bessel_k0", partial(bessels.scaled_k, order=0)),
        ("scaled_modified_bessel_k1", partial(bessels.scaled_k, order=1)),
        ("spherical_bessel_j0", bessels.spherical_j0),
    )
}
"""By torch's names."""

POLYNOMIALS: dict[str, Elementwise] = {
    name: _plain(name, partial(polynomials.polynomial, name), inputs=2)
    for plain in polynomials.POLYNOMIALS
    for name in (plain, f"shifted_{plain}")
    if name == plain or plain.startswith("chebyshev")
}
"""By torch's names."""

# The normal distribution


def _gauss_slope(g: Node, y: Node, p: Node) -> Node:
    """Multiply by 1 / phi(y) = sqrt(2 pi) exp(y^2 / 2)."""
    root = const_like(math.sqrt(2 * math.pi), y)
    return mul(g, mul(root, exp(div(mul(y, y), const_like(2, y)))))


def _log_ndtr_slope(g: Node, y: Node, x: Node) -> Node:
    scaled = erfcx(mul(x, const_like(-math.sqrt(0.5), x)))
    return div(mul(g, const_like(math.sqrt(2 / math.pi), x)), scaled)


def _erfcx_slope(g: Node, y: Node, x: Node) -> Node:
    rest = const_like(2 / math.sqrt(math.pi), x)
    return mul(g, sub(mul(mul(const_like(2, x), x), y), rest))


erfcx: Elementwise = Elementwise("erfcx", errorfunction.erfcx, (_erfcx_slope,))
log_ndtr = Elementwise("log_ndtr", errorfunction.log_ndtr, (_log_ndtr_slope,))
ndtri = Elementwise("ndtri", errorfunction.ndtri, (_gauss_slope,))

# Gamma and zeta functions


def _density(a: Node, x: Node) -> Node:
    """Return the derivative of the lower incomplete gamma function in x."""
    one = const_like(1, a)
    return exp(sub(sub(mul(sub(a, one), log(x)), x), lgamma(a)))


zeta: Elementwise = Elementwise(
    "zeta",
    _in_float64(gammas.zeta),
    (
        _no_slope("zeta"),
        lambda g, y, s, q: neg(mul(g, mul(s, zeta(_one_more(s), q)))),
    ),
)
gammainc = Elementwise(
    "gammainc",
    _in_float64(gammas.gammainc),
    (_no_slope("igamma: input"), lambda g, y, a, x: mul(g, _density(a, x))),
)
gammaincc = Elementwise(
    "gammaincc",
    _in_float64(gammas.gammaincc),
    (_no_slope("igammac: input"), lambda g, y, a, x: neg(mul(g, _density(a, x)))),
)


def _one_more(s: Node) -> Node:
    return sub(s, const_like(-1, s))
