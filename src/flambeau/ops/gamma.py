"""The logarithm of the gamma function and its derivatives."""

from __future__ import annotations

import math

from .. import gammas
from ..graph import Node
from .elementwise import Elementwise, mul

__all__ = ["digamma", "lgamma", "polygamma"]

_digamma = Elementwise(
    "digamma", gammas.digamma, (lambda g, y, x: mul(g, polygamma(1, x)),)
)
lgamma = Elementwise("lgamma", gammas.lgamma, (lambda g, y, x: mul(g, digamma(x)),))


def digamma(x: Node) -> Node:
    """Return the derivative of `lgamma`."""
    return _digamma(x)


def _polygamma(n: int) -> Elementwise:
    sign = -1.0 if n % 2 == 0 else 1.0
    return Elementwise(
        f"polygamma_{n}",
        lambda x: sign * math.factorial(n) * gammas.zeta(n + 1.0, x),
        (lambda g, y, x: mul(g, polygamma(n + 1, x)),),
    )


_RECORDS: dict[int, Elementwise] = {}


def polygamma(n: int, x: Node) -> Node:
    """Return the n-th derivative of `digamma`."""
    if n == 0:
        return digamma(x)
    if n not in _RECORDS:
        _RECORDS[n] = _polygamma(n)
    return _RECORDS[n](x)
