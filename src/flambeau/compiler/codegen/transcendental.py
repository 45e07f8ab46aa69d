"""Vector exp, log and tanh, within 2 units in the last place.

LLVM turns its own intrinsics for these into one library call per lane, so they are
written as polynomials here. Source of the methods and coefficients: Moshier's Cephes
library for exp and tanh, Sun's fdlibm for log.
"""

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir

from ... import dtypes as dt
from .builder import KernelBuilder, value_type

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
_EXP_RANGE = {dt.float32: (-104.0, 89.0), dt.float64: (-746.0, 710.0)}

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

    def _number(self, value: float, kind: dt.dtype) -> ir.Value:
        return self.kernel.constant(value, kind, self.lanes)

    def _polynomial(
        self, kind: dt.dtype, x: ir.Value, coefficients: Sequence[float]
    ) -> ir.Value:
        """Horner's scheme, the highest power first."""
        result = self._number(coefficients[0], kind)
        for each in coefficients[1:]:
            result = self.kernel.fma(result, x, self._number(each, kind))
        return result

    def exp(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """Return e to the power x: 2ⁿ times that of r, with x = n ln(2) + r."""
        fma, number = self.kernel.fma, self._number
        low, high = _EXP_RANGE[kind]
        x = self.b.select(
            self.b.fcmp_ordered(">", x, number(high, kind)), number(high, kind), x
        )
        x = self.b.select(
            self.b.fcmp_ordered("<", x, number(low, kind)), number(low, kind), x
        )
        n = self.kernel.intrinsic(
            "rint", self.b.fmul(x, number(1.44269504088896341, kind))
        )
        for part in _LN2[kind]:
            x = fma(n, number(-part, kind), x)
        series = self._polynomial(kind, x, _EXP[kind])
        y = self.b.fadd(fma(series, self.b.fmul(x, x), x), number(1, kind))
        return self._scale(kind, y, n)

    def _scale(self, kind: dt.dtype, y: ir.Value, n: ir.Value) -> ir.Value:
        """Multiply by 2ⁿ in two steps, each of which is a normal number."""
        integer = _FORMAT[kind][2]
        whole = self.kernel.call(
            f"llvm.fptosi.sat.{_name(integer, self.lanes)}.{_name(kind, self.lanes)}",
            value_type(integer, self.lanes),
            n,
        )
        half = self.b.ashr(whole, self._number(1, integer))
        rest = self.b.sub(whole, half)
        y = self.b.fmul(y, self._power_of_two(kind, half))
        return self.b.fmul(y, self._power_of_two(kind, rest))

    def _power_of_two(self, kind: dt.dtype, n: ir.Value) -> ir.Value:
        fraction, bias, integer = _FORMAT[kind]
        exponent = self.b.add(n, self._number(bias, integer))
        bits = self.b.shl(exponent, self._number(fraction, integer))
        return self.b.bitcast(bits, value_type(kind, self.lanes))

    def log(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """Return k ln(2) + ln(1 + f), with x = 2ᵏ (1 + f)."""
        b, number, fma = self.b, self._number, self.kernel.fma
        k, f = self._split(kind, x)
        s = b.fdiv(f, b.fadd(number(2, kind), f))
        z = b.fmul(s, s)
        series = b.fmul(z, self._polynomial(kind, z, _LOG[kind]))
        half = b.fmul(number(0.5, kind), b.fmul(f, f))
        high, low = _LN2[kind]
        inner = fma(s, b.fadd(half, series), b.fmul(k, number(low, kind)))
        y = b.fsub(b.fmul(k, number(high, kind)), b.fsub(b.fsub(half, inner), f))
        return self._log_edges(kind, x, y)

    def _split(self, kind: dt.dtype, x: ir.Value) -> tuple[ir.Value, ir.Value]:
        """Return k and f with x = 2ᵏ (1 + f) and 1 + f in [sqrt(1/2), sqrt(2))."""
        b, number = self.b, self._number
        fraction, bias, integer = _FORMAT[kind]
        tiny = b.fcmp_ordered("<", x, number(2.0 ** (1 - bias), kind))
        x = b.select(tiny, b.fmul(x, number(2.0**fraction, kind)), x)
        shift = b.select(tiny, number(-fraction, kind), number(0, kind))
        bits = b.bitcast(x, value_type(integer, self.lanes))
        # subtracting sqrt(1/2)'s bits moves the cut between two powers there
        root = 0x3F3504F3 if kind is dt.float32 else 0x3FE6A09E667F3BCD
        moved = b.sub(bits, self._number(root, integer))
        exponent = b.ashr(moved, self._number(fraction, integer))
        back = b.sub(bits, b.shl(exponent, self._number(fraction, integer)))
        mantissa = b.bitcast(back, value_type(kind, self.lanes))
        k = b.fadd(b.sitofp(exponent, value_type(kind, self.lanes)), shift)
        return k, b.fsub(mantissa, number(1, kind))

    def _log_edges(self, kind: dt.dtype, x: ir.Value, y: ir.Value) -> ir.Value:
        """Zero gives -inf, negative numbers NaN, infinity and NaN themselves."""
        b, number = self.b, self._number
        infinity, zero = number(float("inf"), kind), number(0, kind)
        y = b.select(b.fcmp_ordered("==", x, zero), b.fneg(infinity), y)
        y = b.select(b.fcmp_ordered("<", x, zero), number(float("nan"), kind), y)
        large = b.fcmp_unordered("==", x, infinity)  # infinity or NaN
        return b.select(large, x, y)

    def tanh(self, kind: dt.dtype, x: ir.Value) -> ir.Value:
        """The hyperbolic tangent: a polynomial near 0, 1 - 2 / (exp(2|x|) + 1) far."""
        b, number = self.b, self._number
        size = self.kernel.intrinsic("fabs", x)
        z = b.fmul(x, x)
        top = self._polynomial(kind, z, _TANH_TOP[kind])
        bottom = self._polynomial(kind, z, _TANH_BOTTOM[kind])
        near = self.kernel.fma(b.fmul(z, x), b.fdiv(top, bottom), x)
        raised = self.exp(kind, b.fadd(size, size))
        two = b.fdiv(number(2, kind), b.fadd(raised, number(1, kind)))
        far = self.kernel.intrinsic("copysign", b.fsub(number(1, kind), two), x)
        return b.select(b.fcmp_ordered("<", size, number(0.625, kind)), near, far)


def _name(kind: dt.dtype, lanes: int) -> str:
    letter = "f" if kind.is_floating_point else "i"
    element = f"{letter}{kind.itemsize * 8}"
    return element if lanes == 1 else f"v{lanes}{element}"
