"""Single-precision logarithm, sine and cosine with the roundings of PyTorch's own.

PyTorch's vectorised normal draws evaluate the polynomials of the Cephes library with
fused multiply-adds. The same steps here give the same bits, where accurate functions
would differ in the last one or two.

Source: S. L. Moshier, "Methods and Programs for Mathematical Functions" (1989): logf
and sinf of the Cephes library.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Held = NDArray[np.float64]  # float32 numbers, held in float64 between the steps


def _singles(*numbers: float) -> list[float]:
    """The numbers rounded to float32."""
    return [float(np.float32(number)) for number in numbers]


_SQRT_HALF = np.float32(0.5**0.5)
_FOUR_OVER_PI = np.float32(4 / np.pi)
_LN2_HIGH, _LN2_LOW = _singles(0.693359375, -2.12194440e-4)
_MINUS_QUARTER_PI = _singles(
    -0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8
)

# The polynomials, highest power first.
_LOG = _singles(
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
_SIN = _singles(-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS = _singles(2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)


def log(x: Float32) -> Float32:
    """Natural logarithm of normal, positive numbers."""
    bits = x.view(np.int32)
    mantissa = (bits & 0x007FFFFF | 0x3F000000).view(np.float32)  # in [1/2, 1)
    small = mantissa < _SQRT_HALF
    exponent = ((bits >> 23) - 126 - small).astype(np.float64)
    fraction = mantissa.astype(np.float64)
    fraction += fraction * small - 1.0
    square = _single(fraction * fraction)
    y = _single(_polynomial(_LOG, fraction) * fraction)
    y = _single(y * square + _single(exponent * _LN2_LOW))
    y = _single(square * -0.5 + y)
    return (exponent * _LN2_HIGH + _single(fraction + y)).astype(np.float32)


def sincos(x: Float32) -> tuple[Float32, Float32]:
    """Sine and cosine of numbers from 0 to 8192."""
    quadrant = ((x * _FOUR_OVER_PI).astype(np.int32) + 1) >> 1
    eighths = (2 * quadrant).astype(np.float64)
    angle = x.astype(np.float64)
    for part in _MINUS_QUARTER_PI:
        angle = _single(eighths * part + angle)
    square = _single(angle * angle)
    cosine = _single(_polynomial(_COS, square) * square)
    cosine = _single(cosine * square - square * 0.5) + 1.0
    sine = _single(_polynomial(_SIN, square) * square) * angle + angle
    odd = (quadrant & 1).astype(bool)
    return (
        _signed(np.where(odd, cosine, sine), quadrant),
        _signed(np.where(odd, sine, cosine), quadrant + 1),
    )


def _single(x: Held) -> Held:
    """Round to float32: after a product and a sum, what a fused multiply-add gives.

    The product is exact in float64, so that only the sum is rounded twice; the result
    is another one in about 2**29.
    """
    x[...] = x.astype(np.float32)
    return x


def _polynomial(coefficients: list[float], x: Held) -> Held:
    """Horner's rule with fused steps."""
    first, *others = coefficients
    value = np.full_like(x, first)
    for coefficient in others:
        value = _single(value * x + coefficient)
    return value


def _signed(x: Held, quadrant: NDArray[np.int32]) -> Float32:
    """Round to float32 and negate in the third and fourth quadrants, counted from 0."""
    return np.where(quadrant & 2, -x, x).astype(np.float32)
