"""Vector exponentials and logarithms, within 2 units in the last place.

LLVM turns its own intrinsics for these into one library call per lane, so they are
written as polynomials here. Source of the methods and coefficients: Moshier's Cephes
library for exp and tanh, Sun's fdlibm for log. expm1 and log1p of float32 are computed
in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ... import dtypes as dt
from . import ir
from .builder import KernelBuilder, value_type
from .exact import total

__all__ = ["Transcendental"]

# exp(r) = 1 + r + r² P(r) on |r| <= ln(2) / 2: Cephes' expf; Taylor for double
_EXP = {
    dt.float32: (
        1.9875691500e-4,
        1.3981999507e-3,
        8.3334519073e-3,
        4.1665795894e-2,
        1.6666665459e-1,
        5.0000001201e-1,
    ),
    dt.float64: (
        1 / 6227020800,
        1 / 479001600,
        1 / 39916800,
        1 / 3628800,
        1 / 362880,
        1 / 40320,
        1 / 5040,
        1 / 720,
        1 / 120,
        1 / 24,
        1 / 6,
        1 / 2,
    ),
}
# ln(2) as a sum: the first part times a small integer is exact
_LN2 = {
    dt.float32: (0.693359375, -2.12194440e-4),
    dt.float64: (6.93145751953125e-1, 1.42860682030941723212e-6),
}
_EXP2_RANGE = {dt.float32: (-151.0, 129.0), dt.float64: (-1076.0, 1025.0)}
_EXP_RANGE = {dt.float32: (-104.0, 89.0), dt.float64: (-746.0, 710.0)}
_NORMAL = {dt.float32: (-87.0, 88.0), dt.float64: (-708.0, 709.0)}  # what exp makes
_TANH_ONE = {dt.float32: 20.0, dt.float64: 40.0}  # from where on tanh is 1

# log((1 + s) / (1 - s)) = 2s + s R(s²): fdlibm's e_log.c and e_logf.c
_LOG = {
    dt.float32: (0.24279078841, 0.28498786688, 0.40000972152, 0.66666662693),
    dt.float64: (
        1.479819860511658591e-1,
        1.531383769920937332e-1,
        1.818357216161805012e-1,
        2.222219843214978396e-1,
        2.857142874366239149e-1,
        3.999999999940941908e-1,
        6.666666666666735130e-1,
    ),
}
# log2(x) and log10(x) are a k + b log(1 + f) with x = 2ᵏ (1 + f); both a and b are
# sums, the first part of a times k is exact. fdlibm's e_log10.c for the parts of a.
_LOG2 = {
    dt.float32: ((1.0, 0.0), (1.44269502162933349609, 1.92596299112661746887e-8)),
    dt.float64: ((1.0, 0.0), (1.44269504088896338700, 2.03552737409310330986e-17)),
}
_LOG10 = {
    dt.float32: (
        (3.0102920532e-1, 7.9034151668e-7),
        (4.3429449200630187988e-1, -1.0103050118726031e-8),
    ),
    dt.float64: (
        (3.01029995663611771306e-1, 3.69423907715893078616e-13),
        (4.34294481903251816668e-1, 1.09831965021676510e-17),
    ),
}
_LN2_WHOLE = 0.693147180559945309417
# tanh(x) = x + x³ P(x²) (/ Q(x²)) on |x| < 0.625: Cephes' tanhf and tanh
_TANH_TOP = {
    dt.float32: (
        -5.70498872745e-3,
        2.06390887954e-2,
        -5.37397155531e-2,
        1.33314422036e-1,
        -3.33332819422e-1,
    ),
    dt.float64: (
        -9.64399179425052238628e-1,
        -9.92877231001918586564e1,
        -1.61468768441708447952e3,
    ),
}
_TANH_BOTTOM = {
    dt.float32: (1.0,),
    dt.float64: (
        1.0,
        1.12811678491632931402e2,
        2.23548839060100448583e3,
        4.84406305325125486048e3,
    ),
}
_FORMAT = {  # (bits of the fraction, bias of the exponent, same-sized integer)
    dt.float32: (23, 127, dt.int32),
    dt.float64: (52, 1023, dt.int64),
}


class Transcendental:
    """Emits the functions on vectors of one length.

    Args:
        kernel: where the instructions go.
        lanes: the vector length.
    """

    def __init__(self, kernel: KernelBuilder, lanes: int) -> None:
        self.kernel, self.b, self.lanes = kernel, kernel.b, lanes

    def number(self, value: float, kind: dt.dtype) -> ir.Value:
        """Return a constant in every lane."""
        return self.kernel.coefficient(value, kind, self.lanes)

    def _register(self, value: float, kind: dt.dtype) -> ir.Value:
        """Return a constant that instructions take from a register only."""
        return self.kernel.constant(value, kind, self.lanes)

    def _places(self, count: int, kind: dt.dtype) -> ir.Value:
        """By how many bits an integer is shifted; the instruction holds the number."""
        return self.kernel.constant(count, kind, self.lanes)

    def polynomial(
        self, kind: dt.dtype, x: ir.Value, coefficients: Sequence[float]
    ) -> ir.Value:
        """Horner's scheme, the highest power first."""
        return self.kernel.polynomial(kind, x, coefficients, self.lanes)

    def in_double(
        self,
        kind: dt.dtype,
        function: Callable[[int], Callable[..., ir.Value]],
        *x: ir.Value,
    ) -> ir.Value:
        """Compute in float64; where registers are few, one vector of them at a time.

        Args:
            kind: the dtype.
            function: the function of float64 values, by the number of their lanes.
            x: its arguments.
        """
        if kind is dt.float64:
            return function(self.lanes)(*x)
        target, count = self.kernel.target, self.lanes
        if count <= target.lanes(8) or not target.rereads_numbers:
            return self._in_double(kind, function, *x)
        half, shuffle = count // 2, self.kernel.shuffle
        low, high = (
            self._on(half)._in_double(
                kind,
                function,
                *(shuffle(each, each, range(start, start + half)) for each in x),
            )
            for start in (0, half)
        )
        return shuffle(low, high, range(count))

    def _on(self, lanes: int) -> Transcendental:
        return Transcendental(self.kernel, lanes)

    def _in_double(
        self,
        kind: dt.dtype,
        function: Callable[[int], Callable[..., ir.Value]],
        *x: ir.Value,
    ) -> ir.Value:
        wide = value_type(dt.float64, self.lanes)
        result = function(self.lanes)(*(self.b.fpext(each, wide) for each in x))
        return self.b.fptrunc(result, value_type(kind, self.lanes))

    def clamped(
        self, kind: dt.dtype, x: ir.Value, bounds: tuple[float, float]
    ) -> ir.Value:
        """Move x into bounds; NaN stays."""
        low, high = (self._register(bound, kind) for bound in bounds)
        x = self.b.select(self.b.fcmp_ordered(">", x, high), high, x)
        return self.b.select(self.b.fcmp_ordered("<", x, low), low, x)

    def _powers_of_two(self, kind: dt.dtype, x: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return n as an integer and r, with x = n ln(2) + r and |r| < 0.35."""
        n, whole = self._rounded(kind, x, self.number(1.44269504088896341, kind))
        for part in _LN2[kind]:
            x = self.kernel.fma(n, self.number(-part, kind), x)
        return whole, x

    def _rounded(
        self, kind: dt.dtype, x: ir.Value, factor: ir.Value
    ) -> tuple[ir.Value, ir.Value]:
        """Round x times a factor to a small whole number; return it as an integer too.

        Beside 1.5 times the power of two whose last place is 1, whole numbers are the
        last bits. LLVM's conversion is one instruction per lane if NaN is to be safe.
        """
        fraction, bias, integer = _FORMAT[kind]
        shift = self._register(1.5 * 2.0**fraction, kind)
        shifted = self.kernel.fma(x, factor, shift)
        bits = self.b.bitcast(shifted, value_type(integer, self.lanes))
        zero = ((fraction + bias) << fraction) + (1 << (fraction - 1))
        whole = self.b.sub(bits, self.number(zero, integer))
        return self.b.fsub(shifted, shift), whole

    def _above_one(self, kind: dt.dtype, r: ir.Value) -> ir.Value:
        """Return e to the power r, minus 1, for small r."""
        series = self.polynomial(kind, r, _EXP[kind])
        return self.kernel.fma(series, self.b.fmul(r, r), r)

    def exp(
        self, kind: dt.dtype, x: ir.Value, rest: ir.Value | None = None
    ) -> ir.Value:
        """Return e to the power x: 2ⁿ times that of r, with x = n ln(2) + r.

        Args:
            kind: the dtype.
            x: the exponent.
            rest: what is to be added to x, less than its last place.
        """
        n, r = self._powers_of_two(kind, self.clamped(kind, x, _EXP_RANGE[kind]))
        r = r if rest is None else self.b.fadd(r, rest)
        y = self.b.fadd(self._above_one(kind, r), self.number(1, kind))
        return self._scale(kind, y, n)

    def normal_exp(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """Return e to the power x in fewer steps, at its least or most a normal number.

        Where e to the power x is none, the nearest power that is; NaN stays.
        """
        return self._exp_within(kind, self.clamped(kind, x, _NORMAL[kind]))

    def _exp_within(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        n, r = self._powers_of_two(kind, x)
        y = self.b.fadd(self._above_one(kind, r), self.number(1, kind))
        return self.b.fmul(y, self._power_of_two(kind, n))

    def _careful_exp(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """As exp, within 0.6 units in the last place: what 1 + r loses is added."""
        b, one = self.b, self.number(1, kind)
        n, r = self._powers_of_two(kind, self.clamped(kind, x, _EXP_RANGE[kind]))
        more, lost = total(self.kernel, one, r)
        series = self.polynomial(kind, r, _EXP[kind])
        rest = self.kernel.fma(series, b.fmul(r, r), lost)
        return self._scale(kind, b.fadd(more, rest), n)

    def exp2(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """Return 2 to the power x: 2ⁿ times that of r, with x = n + r."""
        y, n = self._exp2_parts(kind, self.clamped(kind, x, _EXP2_RANGE[kind]))
        return self._scale(kind, y, n)

    def normal_exp2(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """Return 2 to the power x in fewer steps, where that is a normal number."""
        y, n = self._exp2_parts(kind, x)
        return self.b.fmul(y, self._power_of_two(kind, n))

    def _exp2_parts(self, kind: dt.dtype, x: ir.Value) -> tuple[ir.Value, ir.Value]:
        b, one = self.b, self.number(1, kind)
        n, whole = self._rounded(kind, x, one)
        r = b.fmul(b.fsub(x, n), self.number(_LN2_WHOLE, kind))
        return b.fadd(self._above_one(kind, r), one), whole

    def expm1(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """Return exp(x) - 1 = 2ⁿ (exp(r) - 1 + (1 - 2⁻ⁿ)), with x = n ln(2) + r."""
        return self.in_double(kind, lambda n: self._on(n)._expm1, x)

    def _expm1(self, x: ir.Value) -> ir.Value:
        b, kind, most = self.b, dt.float64, self.number(99, dt.int64)
        n, r = self._powers_of_two(kind, self.clamped(kind, x, (-50.0, 710.0)))
        few = b.select(b.icmp_signed("<", n, most), n, most)
        back = self._power_of_two(kind, b.neg(few))
        rest = b.fsub(self.number(1, kind), back)
        y = self._scale(kind, b.fadd(self._above_one(kind, r), rest), n)
        return self.kernel.signed(y, x, kind)

    def _scale(self, kind: dt.dtype, y: ir.Value, n: ir.Value) -> ir.Value:
        """Multiply by 2ⁿ in two steps, each of which is a normal number."""
        integer = _FORMAT[kind][2]
        half = self.b.ashr(n, self._places(1, integer))
        y = self.b.fmul(y, self._power_of_two(kind, half))
        return self.b.fmul(y, self._power_of_two(kind, self.b.sub(n, half)))

    def _power_of_two(self, kind: dt.dtype, n: ir.Value) -> ir.Value:
        fraction, bias, integer = _FORMAT[kind]
        exponent = self.b.add(n, self.number(bias, integer))
        bits = self.b.shl(exponent, self._places(fraction, integer))
        return self.b.bitcast(bits, value_type(kind, self.lanes))

    def log(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """Return k ln(2) + ln(1 + f), with x = 2ᵏ (1 + f)."""
        b, number = self.b, self.number
        k, f = self.split(kind, x)
        high, low = _LN2[kind]
        half, inner = self._log_parts(kind, f, b.fmul(k, number(low, kind)))
        y = b.fsub(b.fmul(k, number(high, kind)), b.fsub(b.fsub(half, inner), f))
        return self._log_edges(kind, x, y)

    def _log_parts(
        self, kind: dt.dtype, f: ir.Value, rest: ir.Value
    ) -> tuple[ir.Value, ir.Value]:
        """Return p and q with ln(1 + f) + rest = f - (p - q)."""
        b, number = self.b, self.number
        s = b.fdiv(f, b.fadd(number(2, kind), f))
        z = b.fmul(s, s)
        series = b.fmul(z, self.polynomial(kind, z, _LOG[kind]))
        half = b.fmul(number(0.5, kind), b.fmul(f, f))
        return half, self.kernel.fma(s, b.fadd(half, series), rest)

    def log2(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """The logarithm to base 2."""
        return self._log_to_base(kind, x, _LOG2)

    def log10(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """The logarithm to base 10."""
        return self._log_to_base(kind, x, _LOG10)

    def _log_to_base(
        self, kind: dt.dtype, x: ir.Value, factors: dict[dt.dtype, Any]
    ) -> ir.Value:
        b, fma, number = self.b, self.kernel.fma, self.number
        (a_high, a_low), (b_high, b_low) = factors[kind]
        k, f = self.split(kind, x)
        half, inner = self._log_parts(kind, f, number(0, kind))
        near = b.fsub(f, b.fsub(half, inner))
        rest = fma(k, number(a_low, kind), b.fmul(near, number(b_low, kind)))
        y = fma(near, number(b_high, kind), b.fmul(k, number(a_high, kind)))
        return self._log_edges(kind, x, b.fadd(y, rest))

    def log1p(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """Return ln(u) + (x - (u - 1)) / u, with u = 1 + x as rounded."""
        return self.in_double(kind, lambda n: self._on(n)._log1p, x)

    def _log1p(self, x: ir.Value) -> ir.Value:
        b, kind, one = self.b, dt.float64, self.number(1, dt.float64)
        u = b.fadd(one, x)
        lost = b.fdiv(b.fsub(x, b.fsub(u, one)), u)
        y = self.kernel.settled(self.log(kind, u), kind)
        # at -1 and infinity nothing is lost
        whole = b.fcmp_ordered(
            "<", self.kernel.size(y, kind), self.number(float("inf"), kind)
        )
        y = b.select(whole, b.fadd(y, lost), y)
        return self.kernel.signed(y, x, kind)

    def sigmoid(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """Return 1 / (1 + e) or e / (1 + e), with e = exp(-|x|)."""
        b, one = self.b, self.number(1, kind)
        raised = self._careful_exp(kind, b.fneg(self.kernel.size(x, kind)))
        below, lost = total(self.kernel, one, raised)
        negative = b.fcmp_ordered("<", x, self.number(0, kind))
        y = b.fdiv(b.select(negative, raised, one), below)
        # the slope in the divisor is -y / (1 + e), where 1 / (1 + e) is y or 1 - y
        share = b.select(negative, b.fsub(one, y), y)
        return self.kernel.fma(b.fmul(y, b.fneg(lost)), share, y)

    def logsigmoid(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """Return min(x, 0) - log1p(exp(-|x|))."""
        return self.in_double(kind, lambda n: self._on(n)._logsigmoid, x)

    def _logsigmoid(self, x: ir.Value) -> ir.Value:
        b, zero = self.b, self.number(0, dt.float64)
        raised = self.exp(dt.float64, b.fneg(self.kernel.size(x, dt.float64)))
        raised = self.kernel.settled(raised, dt.float64)
        low = b.select(b.fcmp_ordered(">", x, zero), zero, x)
        return b.fsub(low, self._log1p(raised))

    def split(self, kind: dt.dtype, x: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return k and f with x = 2ᵏ (1 + f) and 1 + f in [sqrt(1/2), sqrt(2))."""
        b, number = self.b, self.number
        fraction, bias, integer = _FORMAT[kind]
        tiny = b.fcmp_ordered("<", x, number(2.0 ** (1 - bias), kind))
        x = b.select(tiny, b.fmul(x, number(2.0**fraction, kind)), x)
        shift = b.select(tiny, number(-fraction, kind), number(0, kind))
        bits = b.bitcast(x, value_type(integer, self.lanes))
        # subtracting sqrt(1/2)'s bits moves the cut between two powers there
        root = 0x3F3504F3 if kind is dt.float32 else 0x3FE6A09E667F3BCD
        moved = b.sub(bits, self.number(root, integer))
        exponent = b.ashr(moved, self._places(fraction, integer))
        back = b.sub(bits, b.and_(moved, self.number(-(1 << fraction), integer)))
        mantissa = b.bitcast(back, value_type(kind, self.lanes))
        k = b.fadd(b.sitofp(exponent, value_type(kind, self.lanes)), shift)
        return k, b.fsub(mantissa, number(1, kind))

    def _log_edges(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """Zero gives -inf, negative numbers NaN, infinity and NaN themselves."""
        b, number = self.b, self.number
        infinity, zero = number(float("inf"), kind), number(0, kind)
        y = b.select(b.fcmp_ordered("==", x, zero), b.fneg(infinity), y)
        y = b.select(b.fcmp_ordered("<", x, zero), number(float("nan"), kind), y)
        large = b.fcmp_unordered("==", x, infinity)  # infinity or NaN
        return b.select(large, x, y)

    def tanh(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """The hyperbolic tangent: a polynomial near 0, 1 - 2 / (exp(2|x|) + 1) far."""
        b, number = self.b, self.number
        size = self.kernel.size(x, kind)
        z = b.fmul(x, x)
        top = self.polynomial(kind, z, _TANH_TOP[kind])
        bottom = self.polynomial(kind, z, _TANH_BOTTOM[kind])
        near = self.kernel.fma(b.fmul(z, x), b.fdiv(top, bottom), x)
        most = number(_TANH_ONE[kind], kind)
        near_one = b.select(b.fcmp_ordered(">", size, most), most, size)
        raised = self._exp_within(kind, b.fadd(near_one, near_one))
        two = b.fdiv(number(2, kind), b.fadd(raised, number(1, kind)))
        far = b.fsub(number(1, kind), two)
        y = b.select(b.fcmp_ordered("<", size, number(0.625, kind)), near, far)
        return self.kernel.signed(y, x, kind)
