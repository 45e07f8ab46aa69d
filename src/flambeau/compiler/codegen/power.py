"""Vector powers, within 3 units in the last place; float32 in float64.

x to the power y is exp(y log(x)). A large exponent magnifies every error of the
logarithm, so that and the product are computed as sums of two floats; what float32 can
hold of the result needs no more than float64 in between.
"""

from __future__ import annotations

from functools import partial
from math import inf, nan

from ... import dtypes as dt
from . import ir
from .builder import KernelBuilder
from .exact import product, total
from .rounding import rounded
from .transcendental import Transcendental

__all__ = ["Power"]

F64 = dt.float64

# log((1 + s) / (1 - s)) = 2s + s³ (2/3 + 2/5 s² + …): the Taylor series
_TAIL = [2 / (2 * n + 1) for n in range(14, 1, -1)]
_TWO_THIRDS = (0.6666666666666666, 3.700743415417188e-17)
_LN2 = (6.93147180369123816490e-01, 1.90821492927058770002e-10)  # fdlibm's e_log.c
_LARGEST = 800.0  # e to this power is infinite


class Power:
    """Emits powers on vectors of float64 of one length.

    Args:
        kernel: where the instructions go.
        lanes: the vector length.
        kind: what the result will be rounded to.
    """

    def __init__(self, kernel: KernelBuilder, lanes: int, kind: dt.dtype) -> None:
        self.kernel, self.b, self.lanes = kernel, kernel.b, lanes
        self.kind = kind
        self.curves = Transcendental(kernel, lanes)

    def _number(self, value: float) -> ir.Value:
        return self.kernel.coefficient(value, F64, self.lanes)

    def _settled(self, value: ir.Value) -> ir.Value:
        return self.kernel.settled(value, F64)

    def power(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """Return x to the power y, with C's rules for signs, zeros and infinities."""
        b, one, zero = self.b, self._number(1), self._number(0)
        found = self._settled(self._of_size(x, y))
        x, y = map(self._settled, (x, y))
        size = self.kernel.size(x, F64)
        found = b.select(b.fcmp_ordered("==", size, one), one, found)
        whole, odd = self._is_whole(y)
        signed = self.kernel.signed(found, x, F64)
        found = b.select(odd, signed, found)
        negative = b.and_(
            b.fcmp_ordered("<", x, zero), b.fcmp_ordered(">", x, self._number(-inf))
        )
        undefined = b.and_(negative, b.not_(whole))
        found = b.select(undefined, self._number(nan), found)
        missing = b.fcmp_unordered("uno", x, y)
        found = b.select(missing, b.fadd(x, y), found)
        always_one = b.or_(b.fcmp_ordered("==", y, zero), b.fcmp_ordered("==", x, one))
        return b.select(always_one, one, found)

    def _is_whole(self, y: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Whether y is an integer, and whether it is an odd one."""
        b, trunc = self.b, partial(rounded, self.kernel, "trunc", F64)
        whole = b.fcmp_ordered("==", y, trunc(y))
        half = b.fmul(y, self._number(0.5))
        return whole, b.and_(whole, b.fcmp_ordered("!=", half, trunc(half)))

    def _of_size(self, x: ir.Value, y: ir.Value) -> ir.Value:
        """Return the size of x to the power y."""
        b = self.b
        if self.kind is not F64:
            log = self.curves.log(F64, self.kernel.size(x, F64))
            return self.curves.exp(F64, self._settled(b.fmul(y, log)))
        log, rest = map(self._settled, self._log(x))
        exponent, lost = product(self.kernel, F64, y, log)
        lost = self.kernel.fma(y, rest, lost)
        # where the result is 0 or infinite, what was lost may be NaN
        size = self.kernel.size(exponent, F64)
        finite = b.fcmp_ordered("<", size, self._number(_LARGEST))
        lost = b.select(finite, lost, self._number(0))
        return self.curves.exp(F64, exponent, lost)

    def _log(self, x: ir.Value) -> tuple[ir.Value, ir.Value]:
        """The logarithm of the size of x as a sum of two."""
        b, k = self.b, self.kernel
        exponent, f = self.curves.split(F64, k.size(x, F64))
        s, s_rest = map(self._settled, self._quotient(f))
        cubed, cubed_rest = self._cubed_part(s, s_rest)
        cubed, cubed_rest = map(self._settled, (cubed, cubed_rest))
        near, lost = total(k, b.fadd(s, s), cubed)
        lost = b.fadd(lost, b.fadd(b.fadd(s_rest, s_rest), cubed_rest))
        whole = b.fmul(exponent, self._number(_LN2[0]))  # exact
        lost = k.fma(exponent, self._number(_LN2[1]), lost)
        log, more = self._any_total(whole, near)
        log, rest = total(k, log, b.fadd(more, lost))
        zero, infinity = self._number(0), self._number(inf)
        x = self._settled(x)  # or its size would take a register all the time
        none = b.fcmp_ordered("==", x, zero)
        endless = b.fcmp_ordered("==", k.size(x, F64), infinity)
        log = b.select(none, self._number(-inf), b.select(endless, infinity, log))
        return log, b.select(b.or_(none, endless), zero, rest)

    def _quotient(self, f: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return f / (2 + f) as a sum of two."""
        b, k = self.b, self.kernel
        below, below_rest = total(k, self._number(2), f)
        below, below_rest = map(self._settled, (below, below_rest))
        s = self._settled(b.fdiv(f, below))
        taken, lost = product(k, F64, s, below)
        left = b.fsub(b.fsub(b.fsub(f, taken), lost), b.fmul(s, below_rest))
        return s, b.fdiv(left, below)

    def _cubed_part(self, s: ir.Value, s_rest: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return s³ (2/3 + 2/5 s² + …) as a sum of two."""
        b, k = self.b, self.kernel
        z, z_rest = product(k, F64, s, s)
        z_rest = k.fma(b.fadd(s, s), s_rest, z_rest)
        z, z_rest = map(self._settled, (z, z_rest))
        series = k.polynomial(F64, z, _TAIL, self.lanes)
        factor, factor_rest = total(k, self._number(_TWO_THIRDS[0]), b.fmul(series, z))
        factor_rest = b.fadd(factor_rest, self._number(_TWO_THIRDS[1]))
        factor, factor_rest = map(self._settled, (factor, factor_rest))
        cube, cube_rest = product(k, F64, z, s)
        cube_rest = b.fadd(cube_rest, k.fma(z, s_rest, b.fmul(z_rest, s)))
        cube, cube_rest = map(self._settled, (cube, cube_rest))
        found, rest = product(k, F64, cube, factor)
        rest = b.fadd(rest, k.fma(cube, factor_rest, b.fmul(cube_rest, factor)))
        return found, rest

    def _any_total(self, x: ir.Value, y: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return a sum and what it lost, where either may be the larger (Knuth)."""
        b = self.b
        found = b.fadd(x, y)
        virtual = b.fsub(found, x)
        lost = b.fadd(b.fsub(x, b.fsub(found, virtual)), b.fsub(y, virtual))
        return found, lost
