"""The vector error function, within 2 units in the last place."""

from __future__ import annotations

from ... import dtypes as dt
from ...errorfunction import ERF_SERIES, ERFC_TAIL
from . import ir
from .transcendental import Transcendental

__all__ = ["erf"]

# float32: erf(x) / x - 1 as a polynomial of x² on [0, 1], and log2(erfc(x)) as one of x
# on [1, 4]. Interpolated at Chebyshev's points with 40 digits.
_NEAR = (
    -9.667044650996104e-06,
    0.00011265958892181516,
    -0.0008484080317430198,
    0.005221031606197357,
    -0.026865430176258087,
    0.11283782124519348,
    -0.37612637877464294,
    0.12837916612625122,
)
_FAR = (
    2.361910219406127e-06,
    -6.64477120153606e-05,
    0.0008610085351392627,
    -0.006866645999252796,
    0.03811764344573021,
    -0.15881198644638062,
    -0.9115322828292847,
    -1.6305822134017944,
    0.0004618615785147995,
)


def erf(curves: Transcendental, kind: dt.dtype, x: ir.Value) -> ir.Value:
    """Emit the error function: near 0 an odd polynomial, else 1 - erfc(x)."""
    b, one = curves.b, curves.number(1, kind)
    size = curves.kernel.size(x, kind)
    near = _near(curves, kind, curves.clamped(kind, size, (0.0, 1.0)))
    far = b.fsub(one, _complement(curves, kind, size))
    found = b.select(b.fcmp_ordered("<", size, one), near, far)
    return curves.kernel.signed(found, x, kind)


def _near(curves: Transcendental, kind: dt.dtype, x: ir.Value) -> ir.Value:
    coefficients = _NEAR if kind is dt.float32 else ERF_SERIES
    series = curves.polynomial(kind, curves.b.fmul(x, x), coefficients)
    return curves.kernel.fma(series, x, x)


def _complement(curves: Transcendental, kind: dt.dtype, x: ir.Value) -> ir.Value:
    """1 - erf(x) for x >= 1; where it is less than half a digit of 1, that is all."""
    b, number = curves.b, curves.number
    if kind is dt.float32:
        x = curves.clamped(kind, x, (1.0, 4.0))
        return curves.normal_exp2(kind, curves.polynomial(kind, x, _FAR))
    x = curves.clamped(kind, x, (1.0, 6.0))
    beyond = b.fadd(x, number(4, kind))
    t = b.fdiv(b.fmul(number(1.3125, kind), b.fsub(number(3.875, kind), x)), beyond)
    gauss = curves.exp(kind, b.fneg(b.fmul(x, x)))
    return b.fdiv(b.fmul(gauss, curves.polynomial(kind, t, ERFC_TAIL)), beyond)
