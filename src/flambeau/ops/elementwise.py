"""Elementwise ops: inputs broadcast, one output element from one of each input."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .. import dtypes as dt
from .. import errorfunction
from ..graph import Node, constant, shared_scalar
from ..shape import broadcast_shapes
from .broadcast import sum_to
from .op import Gradient, Op

__all__ = ["Elementwise", "cast", "const_like", "where"]


class Elementwise(Op):
    """An op on broadcast inputs; a gradient is summed back to its input's shape."""

    __slots__ = ("result",)

    def __init__(
        self,
        name: str,
        numpy: Callable[..., np.ndarray],
        gradients: tuple[Gradient | None, ...] | None = None,
        result: dt.dtype | None = None,
        torch_name: str | None = None,
    ) -> None:
        super().__init__(name, self._infer, numpy, gradients, torch_name)
        self.result = result

    def _infer(
        self, *inputs: Node, **params: object
    ) -> tuple[tuple[int, ...], dt.dtype]:
        shape = inputs[0].shape
        for each in inputs:
            if each.shape == shape or not each.shape:
                continue
            shape = broadcast_shapes(shape, each.shape) if shape else each.shape
        return shape, self.result or inputs[-1].dtype

    def input_gradient(self, index: int, g: Node, node: Node) -> Node | None:
        """Apply the input's rule, then sum over the dimensions it was broadcast in."""
        found = super().input_gradient(index, g, node)
        return None if found is None else sum_to(found, node.inputs[index].shape)


def const_like(number: complex, like: Node) -> Node:
    """Return `number` as a 0-d constant of the dtype of `like`."""
    return shared_scalar(number, like.dtype)


def _cast_infer(x: Node, *, to: dt.dtype) -> tuple[tuple[int, ...], dt.dtype]:
    assert to.numpy is not None  # raises for a dtype that is only a name
    return x.shape, to


def _cast_numpy(x: np.ndarray, *, to: dt.dtype) -> np.ndarray:
    if x.dtype.kind == "c" and not to.is_complex:
        return x != 0 if to is dt.bool_ else _cast_numpy(x.real, to=to)
    # A float outside an integer's range is undefined in C; go through int64, so that
    # the narrow integers wrap as they do in torch on x86.
    if x.dtype.kind != "f" or to.numpy.kind not in "iu":
        return x
    if to is not dt.uint64:
        return x.astype(np.int64)
    large = x >= 2.0**63
    found = np.where(large, x - 2.0**63 * large, x).astype(np.int64).astype(np.uint64)
    return found + (np.uint64(1 << 63) * large)


_cast = Op(
    "cast",
    _cast_infer,
    _cast_numpy,
    (lambda g, y, x, to: cast(g, x.dtype),),
    "ToCopy",
)


def cast(x: Node, to: dt.dtype) -> Node:
    """Convert to another dtype; the node itself where it has that dtype already."""
    return x if x.dtype is to else _cast(x, to=to)


# Arithmetic

neg: Elementwise = Elementwise("neg", np.negative, (lambda g, y, x: neg(g),))
add = Elementwise("add", np.add, (lambda g, y, a, b: g, lambda g, y, a, b: g))
sub = Elementwise("sub", np.subtract, (lambda g, y, a, b: g, lambda g, y, a, b: neg(g)))
mul: Elementwise = Elementwise(
    "mul",
    np.multiply,
    (lambda g, y, a, b: mul(g, b), lambda g, y, a, b: mul(g, a)),
)
div: Elementwise = Elementwise(
    "div",
    np.divide,
    (lambda g, y, a, b: div(g, b), lambda g, y, a, b: neg(div(mul(g, y), b))),
)
floor_div = Elementwise("floor_divide", np.floor_divide)
remainder = Elementwise(
    "remainder",
    np.remainder,
    (lambda g, y, a, b: g, lambda g, y, a, b: neg(mul(g, floor(div(a, b))))),
)
fmod = Elementwise(
    "fmod",
    np.fmod,
    (lambda g, y, a, b: g, lambda g, y, a, b: neg(mul(g, trunc(div(a, b))))),
)


def _pow_base(g: Node, y: Node, a: Node, b: Node) -> Node:
    # b a^(b-1), and 0 (not nan) where b is 0
    slope = mul(b, power(a, sub(b, const_like(1, b))))
    return mul(g, where(equal(b, const_like(0, b)), const_like(0, b), slope))


def _pow_exponent(g: Node, y: Node, a: Node, b: Node) -> Node:
    # a^b ln a, and 0 (not nan) where a is 0 and b >= 0
    zero = const_like(0, a)
    flat = logical_and(equal(a, zero), _not_below_0(b))
    return where(flat, zero, mul(g, mul(y, log(a))))


def _not_below_0(x: Node) -> Node:
    x = cast(x, dt.real_of(x.dtype))
    return greater_equal(x, const_like(0, x))


def _power_numpy(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.dtype.kind != "i" or not (y < 0).any():
        return np.power(x, y)
    # an integer's power below 0 is a fraction, which has no whole part but for 1 and -1
    found = np.where(np.abs(x) == 1, np.power(x, np.abs(y) % 2), 0)
    return np.where(y < 0, found, np.power(x, np.maximum(y, 0))).astype(x.dtype)


power = Elementwise("pow", _power_numpy, (_pow_base, _pow_exponent))
absolute = Elementwise("abs", np.abs, (lambda g, y, x: mul(g, sign(x)),))
reciprocal = Elementwise(
    "reciprocal", np.reciprocal, (lambda g, y, x: neg(mul(g, mul(y, y))),)
)
square = Elementwise(
    "square", np.square, (lambda g, y, x: mul(g, mul(x, const_like(2, x))),)
)
sqrt = Elementwise("sqrt", np.sqrt, (lambda g, y, x: div(g, mul(y, const_like(2, y))),))
rsqrt = Elementwise(
    "rsqrt",
    lambda x: 1 / np.sqrt(x),
    (lambda g, y, x: mul(mul(g, const_like(-0.5, y)), mul(y, mul(y, y))),),
)

# Rounding and sign: flat almost everywhere


def _flat(g: Node, y: Node, *inputs: Node) -> Node:
    return mul(g, const_like(0, g))


def _sign_numpy(x: np.ndarray) -> np.ndarray:
    # 0 for NaN, as in torch
    return x if x.dtype == bool else (x > 0).astype(x.dtype) - (x < 0).astype(x.dtype)


sign: Elementwise = Elementwise("sign", _sign_numpy, (_flat,))
floor: Elementwise = Elementwise("floor", np.floor, (_flat,))
ceil = Elementwise("ceil", np.ceil, (_flat,))
trunc: Elementwise = Elementwise("trunc", np.trunc, (_flat,))
round_half_even = Elementwise("round", np.rint, (_flat,))

copysign: Elementwise = Elementwise(
    "copysign",
    np.copysign,
    (
        lambda g, y, a, b: mul(
            g, mul(where(isnan(a), a, sign(a)), copysign(const_like(1, b), b))
        ),
        _flat,
    ),
)

# Exponentials, logarithms, trigonometry

exp = Elementwise("exp", np.exp, (lambda g, y, x: mul(g, y),))
exp2 = Elementwise(
    "exp2", np.exp2, (lambda g, y, x: mul(g, mul(y, const_like(np.log(2), y))),)
)
expm1 = Elementwise(
    "expm1", np.expm1, (lambda g, y, x: mul(g, add(y, const_like(1, y))),)
)
log = Elementwise("log", np.log, (lambda g, y, x: div(g, x),))
log2 = Elementwise(
    "log2", np.log2, (lambda g, y, x: div(g, mul(x, const_like(np.log(2), x))),)
)
log10 = Elementwise(
    "log10", np.log10, (lambda g, y, x: div(g, mul(x, const_like(np.log(10), x))),)
)
log1p = Elementwise(
    "log1p", np.log1p, (lambda g, y, x: div(g, add(x, const_like(1, x))),)
)
sin = Elementwise("sin", np.sin, (lambda g, y, x: mul(g, cos(x)),))
cos: Elementwise = Elementwise("cos", np.cos, (lambda g, y, x: neg(mul(g, sin(x))),))
tan = Elementwise(
    "tan", np.tan, (lambda g, y, x: mul(g, add(mul(y, y), const_like(1, y))),)
)
sinh = Elementwise("sinh", np.sinh, (lambda g, y, x: mul(g, cosh(x)),))
cosh: Elementwise = Elementwise("cosh", np.cosh, (lambda g, y, x: mul(g, sinh(x)),))
tanh = Elementwise(
    "tanh", np.tanh, (lambda g, y, x: mul(g, sub(const_like(1, y), mul(y, y))),)
)
asin = Elementwise(
    "asin", np.arcsin, (lambda g, y, x: mul(g, rsqrt(_one_minus_square(x))),)
)
acos = Elementwise(
    "acos", np.arccos, (lambda g, y, x: neg(mul(g, rsqrt(_one_minus_square(x)))),)
)
atan = Elementwise(
    "atan", np.arctan, (lambda g, y, x: div(g, add(mul(x, x), const_like(1, x))),)
)
atan2 = Elementwise(
    "atan2",
    np.arctan2,
    (
        lambda g, y, a, b: mul(g, div(b, add(mul(a, a), mul(b, b)))),
        lambda g, y, a, b: neg(mul(g, div(a, add(mul(a, a), mul(b, b))))),
    ),
)
asinh = Elementwise(
    "asinh",
    np.arcsinh,
    (lambda g, y, x: mul(g, rsqrt(add(mul(x, x), const_like(1, x)))),),
)
acosh = Elementwise(
    "acosh",
    np.arccosh,
    (lambda g, y, x: mul(g, _acosh_slope(x)),),
)
atanh = Elementwise(
    "atanh", np.arctanh, (lambda g, y, x: div(g, _one_minus_square(x)),)
)
erf = Elementwise(
    "erf",
    errorfunction.erf,
    (
        lambda g, y, x: mul(
            g, mul(const_like(2 / np.sqrt(np.pi), x), exp(neg(mul(x, x))))
        ),
    ),
)
erfc = Elementwise(
    "erfc",
    errorfunction.erfc,
    (
        lambda g, y, x: mul(
            g, mul(const_like(-2 / np.sqrt(np.pi), x), exp(neg(mul(x, x))))
        ),
    ),
)
erfinv = Elementwise(
    "erfinv",
    errorfunction.erfinv,
    (lambda g, y, x: mul(g, mul(const_like(np.sqrt(np.pi) / 2, x), exp(mul(y, y)))),),
)


def _acosh_slope(x: Node) -> Node:
    one = const_like(1, x)
    if x.dtype.is_complex:  # two roots: that of the product has another branch cut
        return mul(rsqrt(sub(x, one)), rsqrt(add(x, one)))
    return rsqrt(sub(mul(x, x), one))


def _one_minus_square(x: Node) -> Node:
    return sub(const_like(1, x), mul(x, x))


def _sigmoid_numpy(x: np.ndarray) -> np.ndarray:
    if x.dtype.kind == "c":
        return 1 / (1 + np.exp(-x))
    # exp of a negative number never overflows: 1/(1+e^-x) = e^x/(1+e^x)
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


sigmoid = Elementwise(
    "sigmoid",
    _sigmoid_numpy,
    (lambda g, y, x: mul(g, mul(y, sub(const_like(1, y), y))),),
)
logsigmoid = Elementwise(
    "logsigmoid",
    lambda x: np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))),
    (lambda g, y, x: mul(g, sigmoid(neg(x))),),
)
logit = Elementwise(
    "logit",
    lambda x: np.log(x / (1 - x)),
    # 1 / (x (1 - x)), and NaN outside [0, 1]
    (lambda g, y, x: where(isnan(y), y, div(g, mul(x, sub(const_like(1, x), x)))),),
)


def _xlogy_numpy(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.where((x == 0) & ~np.isnan(y), 0, x * np.log(y))


def _xlogy_factor(g: Node, out: Node, x: Node, y: Node) -> Node:
    # log y, and 0 (not -inf or nan) where x is 0 and y <= 0
    zero = const_like(0, x)
    flat = logical_and(equal(x, zero), less_equal(y, zero))
    return where(flat, zero, mul(g, log(y)))


xlogy = Elementwise(
    "xlogy",
    _xlogy_numpy,
    (_xlogy_factor, lambda g, out, x, y: mul(g, div(x, y))),
)
relu = Elementwise(
    "relu",
    lambda x: np.maximum(x, 0),
    (lambda g, y, x: where(less_equal(y, const_like(0, y)), const_like(0, g), g),),
)


def _logaddexp_slope(g: Node, y: Node, mine: Node) -> Node:
    return mul(g, exp(sub(mine, y)))


logaddexp = Elementwise(
    "logaddexp",
    np.logaddexp,
    (
        lambda g, y, a, b: _logaddexp_slope(g, y, a),
        lambda g, y, a, b: _logaddexp_slope(g, y, b),
    ),
)
frexp_mantissa = Elementwise(
    "frexp",
    lambda x: np.frexp(x)[0],
    (lambda g, y, x: div(g, exp2(cast(frexp_exponent(x), g.dtype))),),
)
frexp_exponent: Elementwise = Elementwise(
    "frexp", lambda x: np.frexp(x)[1], result=dt.int32
)
nextafter = Elementwise(
    "nextafter",
    np.nextafter,
    (lambda g, y, a, b: where(not_equal(a, b), g, const_like(0, g)), _flat),
)
gcd = Elementwise("gcd", np.gcd)
lcm = Elementwise("lcm", np.lcm)

# Comparison, logic and bits: bool results or integers, no gradient

equal = Elementwise("eq", np.equal, result=dt.bool_)
not_equal: Elementwise = Elementwise("ne", np.not_equal, result=dt.bool_)
less = Elementwise("lt", np.less, result=dt.bool_)
less_equal: Elementwise = Elementwise("le", np.less_equal, result=dt.bool_)
greater = Elementwise("gt", np.greater, result=dt.bool_)
greater_equal = Elementwise("ge", np.greater_equal, result=dt.bool_)
isnan: Elementwise = Elementwise("isnan", np.isnan, result=dt.bool_)
isinf = Elementwise("isinf", np.isinf, result=dt.bool_)
isfinite = Elementwise("isfinite", np.isfinite, result=dt.bool_)
signbit = Elementwise("signbit", np.signbit, result=dt.bool_)
logical_and = Elementwise("logical_and", np.logical_and, result=dt.bool_)
logical_or = Elementwise("logical_or", np.logical_or, result=dt.bool_)
logical_xor = Elementwise("logical_xor", np.logical_xor, result=dt.bool_)
logical_not = Elementwise("logical_not", np.logical_not, result=dt.bool_)
bitwise_and = Elementwise("bitwise_and", np.bitwise_and)
bitwise_or = Elementwise("bitwise_or", np.bitwise_or)
bitwise_xor = Elementwise("bitwise_xor", np.bitwise_xor)
bitwise_not = Elementwise("bitwise_not", np.bitwise_not)
shift_left = Elementwise("lshift", np.left_shift)
shift_right = Elementwise("rshift", np.right_shift)

# Selection


def _share(g: Node, mine: Node, other: Node, wins: Op) -> Node:
    """The gradient of max or min: all to the winner, half to each at a tie."""
    zero, half = const_like(0, g), mul(g, const_like(0.5, g))
    return where(equal(mine, other), half, where(wins(mine, other), g, zero))


maximum = Elementwise(
    "maximum",
    np.maximum,
    (
        lambda g, y, a, b: _share(g, a, b, greater),
        lambda g, y, a, b: _share(g, b, a, greater),
    ),
)
minimum = Elementwise(
    "minimum",
    np.minimum,
    (
        lambda g, y, a, b: _share(g, a, b, less),
        lambda g, y, a, b: _share(g, b, a, less),
    ),
)
hypot = Elementwise(
    "hypot",
    np.hypot,
    (
        lambda g, y, a, b: mul(g, div(a, y)),
        lambda g, y, a, b: mul(g, div(b, y)),
    ),
)
where: Elementwise = Elementwise(
    "where",
    np.where,
    (
        None,
        lambda g, y, c, a, b: where(c, g, const_like(0, g)),
        lambda g, y, c, a, b: where(c, const_like(0, g), g),
    ),
)


def zeros_like(x: Node) -> Node:
    """Return zeros of the shape and dtype of `x`, stored as one element."""
    return constant(np.broadcast_to(np.zeros((), x.dtype.numpy), x.shape), x.dtype)
