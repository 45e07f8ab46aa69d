"""Division with a remainder: exact for floats, without traps for integers."""

from __future__ import annotations

from math import inf, nan

from ... import dtypes as dt
from . import ir
from .builder import KernelBuilder
from .exact import product
from .rounding import rounded

__all__ = ["Division"]

# where x / y overflows, x / (y f) or x / (y f²) is at least 1 and does not
_FACTOR = {dt.float32: 2.0**75, dt.float64: 2.0**538}


class Division:
    """Emits divisions on values of one vector length.

    Args:
        kernel: where the instructions go.
        lanes: the vector length.
    """

    def __init__(self, kernel: KernelBuilder, lanes: int) -> None:
        self.kernel, self.b, self.lanes = kernel, kernel.b, lanes

    def _number(self, value: float, kind: dt.dtype) -> ir.Value:
        return self.kernel.constant(value, kind, self.lanes)

    # Floats

    def fmod(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """Return x - y trunc(x / y), with the sign of x."""
        b, number = self.b, self._number
        over, below = (self.kernel.intrinsic("fabs", each) for each in (x, y))
        usual = b.and_(
            b.fcmp_ordered("<", over, number(inf, kind)),
            b.and_(
                b.fcmp_ordered(">", below, number(0, kind)),
                b.fcmp_ordered("<", below, number(inf, kind)),
            ),
        )
        one = number(1, kind)
        found = self._positive_remainder(
            kind, b.select(usual, over, one), b.select(usual, below, one)
        )
        # an infinite divisor leaves finite numbers; all else that is unusual is NaN
        left = b.fcmp_ordered("<", over, below)
        found = b.select(usual, found, b.select(left, over, number(nan, kind)))
        return self.kernel.intrinsic("copysign", found, x)

    def _positive_remainder(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """Subtract multiples of y until less than y is left; nearly always once."""
        b, rest = self.b, self.kernel.variable(x)

        def size() -> ir.Value:
            return self.kernel.intrinsic("fabs", rest.get())

        def some_are_left() -> ir.Value:
            return self.kernel.any_lane(b.fcmp_ordered(">=", size(), y))

        with self.kernel.repeat(some_are_left):
            over = b.fcmp_ordered(">=", size(), y)
            less = self._less(kind, rest.get(), size(), y)
            rest.set(b.select(over, less, rest.get()))
        # a quotient that was rounded up took one y too many
        found = rest.get()
        negative = b.fcmp_ordered("<", found, self._number(0, kind))
        return b.select(negative, b.fadd(found, y), found)

    def _less(
        self, kind: dt.dtype, x: ir.Value, size: ir.Value, y: ir.Value
    ) -> ir.Value:
        """Return x without as many y, or their multiples, as a float can count."""
        b, factor = self.b, self._number(_FACTOR[kind], kind)
        endless = b.fcmp_ordered("==", b.fdiv(size, y), self._number(inf, kind))
        large = b.fmul(y, factor)
        largest = b.fmul(large, factor)
        large = b.select(b.fcmp_ordered(">=", size, largest), largest, large)
        y = b.select(endless, large, y)
        count = rounded(self.kernel, "trunc", kind, b.fdiv(x, y))
        taken, lost = product(self.kernel, kind, count, y)
        return b.fsub(b.fsub(x, taken), lost)

    def remainder(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """Return x - y floor(x / y), with the sign of y."""
        b, zero = self.b, self._number(0, kind)
        rest = self.fmod(kind, x, y)
        other_side = b.xor(
            b.fcmp_ordered("<", rest, zero), b.fcmp_ordered("<", y, zero)
        )
        found = b.select(other_side, b.fadd(rest, y), rest)
        none = b.fcmp_ordered("==", rest, zero)
        return b.select(none, self.kernel.intrinsic("copysign", zero, y), found)

    def floor_divide(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """Return floor(x / y), as if x / y were not rounded."""
        b, number = self.b, self._number
        zero, quotient = number(0, kind), b.fdiv(x, y)
        rest = self.fmod(kind, x, y)
        whole = b.fdiv(b.fsub(x, rest), y)
        one_less = b.and_(
            b.fcmp_ordered("!=", rest, zero),
            b.xor(b.fcmp_ordered("<", rest, zero), b.fcmp_ordered("<", y, zero)),
        )
        whole = b.select(one_less, b.fsub(whole, number(1, kind)), whole)
        found = rounded(self.kernel, "floor", kind, whole)
        nearer = b.fcmp_ordered(">", b.fsub(whole, found), number(0.5, kind))
        found = b.select(nearer, b.fadd(found, number(1, kind)), found)
        none = b.fcmp_ordered("==", found, zero)
        found = b.select(none, self.kernel.intrinsic("copysign", zero, quotient), found)
        by_zero = b.fcmp_ordered("==", y, zero)
        return b.select(by_zero, quotient, found)

    # Integers: division by 0 gives 0, as in NumPy, where the CPU would trap

    def _safe(self, kind: dt.dtype, y: ir.Value) -> ir.Value:
        """A divisor that the CPU does not trap on; y where it is usual."""
        unusual = self.b.icmp_signed("==", y, self._number(0, kind))
        if kind.is_signed:  # the least number has no negative
            minus = self.b.icmp_signed("==", y, self._number(-1, kind))
            unusual = self.b.or_(unusual, minus)
        return self.b.select(unusual, self._number(1, kind), y)

    def _or_zero(self, kind: dt.dtype, y: ir.Value, found: ir.Value) -> ir.Value:
        zero = self._number(0, kind)
        return self.b.select(self.b.icmp_signed("==", y, zero), zero, found)

    def integer_fmod(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """Return what truncated division leaves; dividing by ±1 leaves 0."""
        safe = self._safe(kind, y)
        if kind.is_signed:
            return self._or_zero(kind, y, self.b.srem(x, safe))
        return self._or_zero(kind, y, self.b.urem(x, safe))

    def integer_remainder(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """Return what floored division leaves, with the sign of y."""
        rest = self.integer_fmod(kind, x, y)
        if not kind.is_signed:
            return rest
        return self.b.select(self._is_off(kind, rest, y), self.b.add(rest, y), rest)

    def _is_off(self, kind: dt.dtype, rest: ir.Value, y: ir.Value) -> ir.Value:
        """Whether a remainder is not 0 and has another sign than the divisor."""
        b, zero = self.b, self._number(0, kind)
        signs = b.icmp_signed("<", b.xor(rest, y), zero)
        return b.and_(signs, b.icmp_signed("!=", rest, zero))

    def integer_floor_divide(
        self, kind: dt.dtype, x: ir.Value, y: ir.Value
    ) -> ir.Value:
        """Return floor(x / y)."""
        b, safe = self.b, self._safe(kind, y)
        if not kind.is_signed:
            return self._or_zero(kind, y, b.udiv(x, safe))
        found = b.sdiv(x, safe)
        off = self._is_off(kind, b.srem(x, safe), y)
        found = b.select(off, b.sub(found, self._number(1, kind)), found)
        minus = b.icmp_signed("==", y, self._number(-1, kind))
        return self._or_zero(kind, y, b.select(minus, b.neg(x), found))
