"""What each elementwise op computes, in LLVM instructions on scalars or vectors.

The lowering of an elementwise op is the method of its name. Ops without a method are
computed by their NumPy meaning.
"""

from __future__ import annotations

import math

from ... import dtypes as dt
from . import ir
from .builder import KernelBuilder, value_type
from .division import Division
from .errorfunction import erf
from .power import Power
from .rounding import rounded
from .transcendental import Transcendental
from .trigonometric import Trigonometric

__all__ = ["Arithmetic", "has_lowering"]

_ROUNDING = {"ceil", "floor", "round", "trunc"}
_LOGARITHMS = {"log", "log10", "log1p", "log2", "logsigmoid"}
_POWERS = {"exp", "exp2", "expm1", "pow", "root", "rsqrt", "sqrt"}
_CURVES = {"copysign", "cos", "erf", "sigmoid", "sin", "tanh"}
_FLOATS_ONLY = _ROUNDING | _LOGARITHMS | _POWERS | _CURVES | {"div", "reciprocal"}
_SHIFTS = {"lshift", "rshift"}
_NUMBERS_ONLY = {"floor_divide", "fmod", "neg", "remainder", "sign", "sub"}


def has_lowering(op: str, kind: dt.dtype) -> bool:
    """Whether an elementwise op has instructions of its own.

    Args:
        op: its name.
        kind: the dtype of its last operand.
    """
    if op in _FLOATS_ONLY and not kind.is_floating_point:
        return False
    if op in _SHIFTS | _NUMBERS_ONLY and kind is dt.bool_:
        return False
    if op in _SHIFTS and kind.is_floating_point:
        return False
    return hasattr(Arithmetic, f"op_{op}")


class Arithmetic:
    """Emits elementwise ops on values of one vector length.

    Args:
        kernel: where the instructions go.
        lanes: the vector length.
    """

    def __init__(self, kernel: KernelBuilder, lanes: int) -> None:
        self.kernel, self.b, self.lanes = kernel, kernel.b, lanes
        self.curves = Transcendental(kernel, lanes)

    def apply(
        self, op: str, to: dt.dtype, kinds: list[dt.dtype], values: list[ir.Value]
    ) -> ir.Value:
        """Emit one op.

        Args:
            op: its name.
            to: the result's dtype.
            kinds: the operands' dtypes.
            values: the operands.
        """
        if op == "cast":
            return self.cast(values[0], kinds[0], to)
        return getattr(self, f"op_{op}")(kinds[-1], *values)

    def number(self, value: float, kind: dt.dtype) -> ir.Value:
        """Return a constant in every lane."""
        return self.kernel.constant(value, kind, self.lanes)

    # Conversion

    def op_cast(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """Keep the value; `cast` converts."""
        return x

    def cast(self, x: ir.Value, old: dt.dtype, new: dt.dtype) -> ir.Value:
        """Convert between element types as torch does on x86."""
        if old is new:
            return x
        to = value_type(new, self.lanes)
        if new is dt.bool_:
            return self.op_ne(old, x, self.number(0, old))
        if old.is_floating_point:
            return self._from_float(x, old, new, to)
        if new.is_floating_point:
            return self.b.sitofp(x, to) if old.is_signed else self.b.uitofp(x, to)
        if new.itemsize < old.itemsize:
            return self.b.trunc(x, to)
        if new.itemsize == old.itemsize and old is not dt.bool_:
            return x
        return self.b.sext(x, to) if old.is_signed else self.b.zext(x, to)

    def _from_float(
        self, x: ir.Value, old: dt.dtype, new: dt.dtype, to: ir.Type
    ) -> ir.Value:
        if new.is_floating_point:
            narrower = new.itemsize < old.itemsize
            return self.b.fptrunc(x, to) if narrower else self.b.fpext(x, to)
        # by way of int64, so that the narrow integers wrap, and negative numbers
        wide = self.b.fptosi(x, value_type(dt.int64, self.lanes))
        if new is dt.uint64:
            return self._from_large(x, old, wide)
        return wide if new is dt.int64 else self.b.trunc(wide, to)

    def _from_large(self, x: ir.Value, old: dt.dtype, usual: ir.Value) -> ir.Value:
        """Convert a float to uint64: `usual` where int64 holds it, too."""
        least, kind = self.number(2.0**63, old), dt.int64
        beyond = self.b.fptosi(self.b.fsub(x, least), value_type(kind, self.lanes))
        beyond = self.b.xor(beyond, self.number(-(1 << 63), kind))
        return self.b.select(self.b.fcmp_ordered(">=", x, least), beyond, usual)

    # Arithmetic

    def op_neg(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """-x."""
        return self.b.fneg(x) if kind.is_floating_point else self.b.neg(x)

    def op_add(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """x + y; or, for bools."""
        if kind is dt.bool_:
            return self.b.or_(x, y)
        return self.b.fadd(x, y) if kind.is_floating_point else self.b.add(x, y)

    def op_sub(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """x - y."""
        return self.b.fsub(x, y) if kind.is_floating_point else self.b.sub(x, y)

    def op_mul(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """x y."""
        return self.b.fmul(x, y) if kind.is_floating_point else self.b.mul(x, y)

    def op_div(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """x / y, of floats."""
        return self.b.fdiv(x, y)

    def op_reciprocal(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """1 / x."""
        return self.b.fdiv(self.number(1, kind), x)

    def op_square(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """x²."""
        return self.op_mul(kind, x, x)

    def _divided(self, name: str, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        name = name if kind.is_floating_point else f"integer_{name}"
        return getattr(Division(self.kernel, self.lanes), name)(kind, x, y)

    def op_fmod(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """x - y trunc(x / y)."""
        return self._divided("fmod", kind, x, y)

    def op_remainder(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """x - y floor(x / y)."""
        return self._divided("remainder", kind, x, y)

    def op_floor_divide(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """floor(x / y)."""
        return self._divided("floor_divide", kind, x, y)

    def op_root(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """The square root."""
        return self.op_sqrt(kind, x)

    def op_sqrt(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """The square root."""
        return self.kernel.intrinsic("sqrt", x)

    def op_rsqrt(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """The reciprocal square root."""
        return self.op_reciprocal(kind, self.op_sqrt(kind, x))

    def op_abs(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """|x|."""
        if kind.is_floating_point:
            return self.kernel.intrinsic("fabs", x)
        if not kind.is_signed:
            return x
        return self.b.select(
            self.op_lt(kind, x, self.number(0, kind)), self.b.neg(x), x
        )

    def op_sign(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """-1, 0 or 1; 0 for NaN."""
        zero, one = self.number(0, kind), self.number(1, kind)
        above = self.b.select(self.op_gt(kind, x, zero), one, zero)
        if not kind.is_signed:
            return above
        return self.b.select(self.op_lt(kind, x, zero), self.number(-1, kind), above)

    def op_floor(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """The largest integer not above x."""
        return rounded(self.kernel, "floor", kind, x)

    def op_ceil(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """The smallest integer not below x."""
        return rounded(self.kernel, "ceil", kind, x)

    def op_trunc(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """x without its fraction."""
        return rounded(self.kernel, "trunc", kind, x)

    def op_round(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """The nearest integer, halves to even."""
        return rounded(self.kernel, "rint", kind, x)

    def op_maximum(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """The larger, NaN if one is."""
        if kind.is_floating_point:
            either = self.b.fcmp_unordered("uno", x, y)
            larger = self.b.select(self.b.fcmp_ordered(">", x, y), x, y)
            return self.b.select(either, self.b.fadd(x, y), larger)
        return self.b.select(self.op_gt(kind, x, y), x, y)

    def op_minimum(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """The smaller, NaN if one is."""
        if kind.is_floating_point:
            either = self.b.fcmp_unordered("uno", x, y)
            smaller = self.b.select(self.b.fcmp_ordered("<", x, y), x, y)
            return self.b.select(either, self.b.fadd(x, y), smaller)
        return self.b.select(self.op_lt(kind, x, y), x, y)

    def op_relu(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """max(x, 0); NaN stays."""
        zero = self.number(0, kind)
        return self.b.select(self.op_lt(kind, x, zero), zero, x)

    # Comparison and selection

    def _compare(self, sign: str, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        if kind.is_floating_point:
            return self.b.fcmp_ordered(sign, x, y)
        if kind.is_signed:
            return self.b.icmp_signed(sign, x, y)
        return self.b.icmp_unsigned(sign, x, y)

    def op_eq(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """x = y."""
        return self._compare("==", kind, x, y)

    def op_ne(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """x ≠ y, also where one is NaN."""
        if kind.is_floating_point:
            return self.b.fcmp_unordered("!=", x, y)
        return self._compare("!=", kind, x, y)

    def op_lt(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """x < y."""
        return self._compare("<", kind, x, y)

    def op_le(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """x ≤ y."""
        return self._compare("<=", kind, x, y)

    def op_gt(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """x > y."""
        return self._compare(">", kind, x, y)

    def op_ge(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """x ≥ y."""
        return self._compare(">=", kind, x, y)

    def op_isnan(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """Whether x is NaN."""
        if kind.is_floating_point:
            return self.b.fcmp_unordered("uno", x, x)
        return self.number(0, dt.bool_)

    def op_isinf(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """Whether x is infinite."""
        if not kind.is_floating_point:
            return self.number(0, dt.bool_)
        return self.op_eq(kind, self.op_abs(kind, x), self.number(math.inf, kind))

    def op_isfinite(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """Whether x is a number, not infinite."""
        if not kind.is_floating_point:
            return self.number(1, dt.bool_)
        return self.op_lt(kind, self.op_abs(kind, x), self.number(math.inf, kind))

    def op_signbit(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """Whether x has a minus sign: also -0."""
        if kind.is_floating_point:
            kind = dt.int64 if kind is dt.float64 else dt.int32
            x = self.b.bitcast(x, value_type(kind, self.lanes))
        if not kind.is_signed:
            return self.number(0, dt.bool_)
        return self.op_lt(kind, x, self.number(0, kind))

    def op_copysign(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """|x| with the sign of y."""
        return self.kernel.intrinsic("copysign", x, y)

    def op_is_nonzero(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """1 where x is not 0."""
        return self.cast(self.op_ne(kind, x, self.number(0, kind)), dt.bool_, kind)

    def op_where(
        self, kind: dt.dtype, condition: ir.Value, x: ir.Value, y: ir.Value
    ) -> ir.Value:
        """x where the condition holds, else y."""
        return self.b.select(condition, x, y)

    # Logic and bits

    def _truth(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        return self.cast(x, kind, dt.bool_)

    def op_logical_and(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """x and y."""
        return self.b.and_(self._truth(kind, x), self._truth(kind, y))

    def op_logical_or(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """x or y."""
        return self.b.or_(self._truth(kind, x), self._truth(kind, y))

    def op_logical_xor(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """One of the two."""
        return self.b.xor(self._truth(kind, x), self._truth(kind, y))

    def op_logical_not(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """Not x."""
        return self.b.not_(self._truth(kind, x))

    def op_bitwise_and(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """The bits set in both."""
        return self.b.and_(x, y)

    def op_bitwise_or(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """The bits set in either."""
        return self.b.or_(x, y)

    def op_bitwise_xor(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """The bits set in one."""
        return self.b.xor(x, y)

    def op_bitwise_not(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """The inverted bits."""
        return self.b.not_(x)

    def op_lshift(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """x 2ʸ; 0 where all bits are shifted out."""
        bits = self.number(8 * kind.itemsize - 1, kind)
        inside = self.b.icmp_unsigned("<=", y, bits)
        shifted = self.b.shl(x, self.b.select(inside, y, bits))
        return self.b.select(inside, shifted, self.number(0, kind))

    def op_rshift(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """x / 2ʸ, rounded down; 0 or -1 where all bits are shifted out."""
        bits = self.number(8 * kind.itemsize - 1, kind)
        inside = self.b.icmp_unsigned("<=", y, bits)
        by = self.b.select(inside, y, bits)
        if kind.is_signed:
            return self.b.ashr(x, by)
        return self.b.select(inside, self.b.lshr(x, by), self.number(0, kind))

    # Curves

    def op_exp(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """e to the power x."""
        return self.curves.exp(kind, x)

    def op_log(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """The natural logarithm."""
        return self.curves.log(kind, x)

    def op_tanh(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """The hyperbolic tangent."""
        return self.curves.tanh(kind, x)

    def op_sigmoid(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """1 / (1 + exp(-x))."""
        return self.curves.sigmoid(kind, x)

    def op_logsigmoid(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """log(sigmoid(x))."""
        return self.curves.logsigmoid(kind, x)

    def op_exp2(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """2 to the power x."""
        return self.curves.exp2(kind, x)

    def op_expm1(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """exp(x) - 1."""
        return self.curves.expm1(kind, x)

    def op_log1p(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """log(1 + x)."""
        return self.curves.log1p(kind, x)

    def op_log2(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """The logarithm to base 2."""
        return self.curves.log2(kind, x)

    def op_log10(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """The logarithm to base 10."""
        return self.curves.log10(kind, x)

    def op_sin(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """The sine."""
        return self.curves.in_double(
            kind, lambda lanes: Trigonometric(self.kernel, lanes).sin, x
        )

    def op_cos(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """The cosine."""
        return self.curves.in_double(
            kind, lambda lanes: Trigonometric(self.kernel, lanes).cos, x
        )

    def op_pow(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """x to the power y, of floats."""
        return self.curves.in_double(
            kind, lambda lanes: Power(self.kernel, lanes, kind).power, x, y
        )

    def op_erf(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """The error function."""
        return erf(self.curves, kind, x)
