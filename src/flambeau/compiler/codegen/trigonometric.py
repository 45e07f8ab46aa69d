"""Vector sin and cos, within 2 units in the last place; float32 in float64.

x is n pi/2 + r, and the quadrant n says which of the Taylor series of r is the value,
and its sign. r comes from three parts of pi/2 (Cody and Waite's method), so numbers
beyond 2⁴⁶ have no digits left.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import factorial

from ... import dtypes as dt
from . import ir
from .builder import KernelBuilder
from .exact import product
from .rounding import rounded

__all__ = ["LARGEST_ANGLE", "Trigonometric"]

LARGEST_ANGLE = 2.0**46

# pi / 2 as a sum, each part rounded to nearest
_HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)
_SIN = [(-1) ** n / factorial(2 * n + 1) for n in range(8, 0, -1)]
_COS = [(-1) ** n / factorial(2 * n) for n in range(8, 1, -1)]


class Trigonometric:
    """Emits the functions on vectors of float64 of one length.

    Args:
        kernel: where the instructions go.
        lanes: the vector length.
    """

    def __init__(self, kernel: KernelBuilder, lanes: int) -> None:
        self.kernel, self.b, self.lanes = kernel, kernel.b, lanes

    def sin(self, x: ir.Value) -> ir.Value:
        """The sine."""
        return self._turned(x, 0)

    def cos(self, x: ir.Value) -> ir.Value:
        """The cosine: the sine of a quadrant more."""
        return self._turned(x, 1)

    def _number(self, value: float) -> ir.Value:
        return self.kernel.coefficient(value, dt.float64, self.lanes)

    def _rounded(self, how: str, x: ir.Value) -> ir.Value:
        return rounded(self.kernel, how, dt.float64, x)

    def _turned(self, x: ir.Value, quadrants: int) -> ir.Value:
        """The sine of x + quadrants pi/2."""
        b = self.b
        n, r = self._reduced(x)
        n = b.fadd(n, self._number(quadrants))
        rounds = self._rounded("floor", b.fmul(n, self._number(0.25)))
        quadrant = b.fsub(n, b.fmul(rounds, self._number(4)))  # 0, 1, 2 or 3
        half = b.fmul(quadrant, self._number(0.5))
        odd = b.fcmp_ordered("!=", half, self._rounded("floor", half))
        y = b.select(odd, self._cosine(r), self._sine(r))
        return b.select(b.fcmp_ordered(">=", quadrant, self._number(2)), b.fneg(y), y)

    def _reduced(self, x: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return n and r with x = n pi/2 + r, |r| at most about pi/4."""
        b = self.b
        n = self._rounded("rint", b.fmul(x, self._number(0.6366197723675814)))
        for part in _HALF_PI:
            taken, lost = product(self.kernel, dt.float64, n, self._number(part))
            x = b.fsub(b.fsub(x, taken), lost)
        return n, x

    def _sine(self, r: ir.Value) -> ir.Value:
        z = self.b.fmul(r, r)
        series = self.b.fmul(z, self._polynomial(z, _SIN))
        return self.kernel.fma(series, r, r)

    def _cosine(self, r: ir.Value) -> ir.Value:
        """Return 1 - z/2 + z² P(z) with z = r², and what 1 - z/2 loses added."""
        b, one, z = self.b, self._number(1), self.b.fmul(r, r)
        half = b.fmul(z, self._number(0.5))
        near = b.fsub(one, half)
        lost = b.fsub(b.fsub(one, near), half)
        series = self.kernel.fma(b.fmul(z, z), self._polynomial(z, _COS), lost)
        return b.fadd(near, series)

    def _polynomial(self, z: ir.Value, coefficients: Sequence[float]) -> ir.Value:
        return self.kernel.polynomial(dt.float64, z, coefficients, self.lanes)
