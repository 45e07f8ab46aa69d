"""Elementwise functions: arithmetic, exponentials, comparison, logic, selection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from .. import dtypes as dt
from ..graph import Node
from ..ops import complex_numbers
from ..ops import elementwise as ew
from ..ops.op import Op
from ..recorder import checked
from .handle import Handle, wrap
from .operands import (
    Number,
    Scalar,
    as_float,
    check_fits,
    check_float,
    check_same_dtype,
    check_some_tensor,
    check_tensor,
    check_tensors,
    is_number,
    pair,
    result_type,
    to_node,
)

if TYPE_CHECKING:
    from .tensor import Tensor

UnaryFunction = Callable[..., "Tensor"]


def named(function: Callable[..., Any], name: str, text: str) -> Callable[..., Any]:
    """Give a function its name and its text."""
    function.__name__ = function.__qualname__ = name
    function.__doc__ = text
    return function


def unary(
    name: str,
    op: Callable[[Node], Node],
    formula: str,
    floats: bool = True,
    owner: str = "torch",
) -> UnaryFunction:
    """Return the function for a unary op; with `floats`, integers become floats."""

    def apply(input: Tensor) -> Tensor:
        node = to_node(input)
        return wrap(op(as_float(node) if floats else node))

    return named(
        apply,
        name,
        f"Return {formula} of each element.\n\nArgs:\n    input: any shape.\n\n"
        f'Source: torch\'s page "{owner}.{name}".',
    )


def _magnitude(x: Node) -> Node:
    return complex_numbers.modulus(x) if x.dtype.is_complex else ew.absolute(x)


exp = unary("exp", ew.exp, "the exponential")
exp2 = unary("exp2", ew.exp2, "two to the power")
expm1 = unary("expm1", ew.expm1, "exp(x) - 1, accurate near 0,")
log = unary("log", ew.log, "the natural logarithm")
log2 = unary("log2", ew.log2, "the logarithm to base 2")
log10 = unary("log10", ew.log10, "the logarithm to base 10")
log1p = unary("log1p", ew.log1p, "log(1 + x), accurate near 0,")
sqrt = unary("sqrt", ew.sqrt, "the square root")
rsqrt = unary("rsqrt", ew.rsqrt, "the reciprocal of the square root")
reciprocal = unary("reciprocal", ew.reciprocal, "the reciprocal")
sin = unary("sin", ew.sin, "the sine")
cos = unary("cos", ew.cos, "the cosine")
tan = unary("tan", ew.tan, "the tangent")
sinh = unary("sinh", ew.sinh, "the hyperbolic sine")
cosh = unary("cosh", ew.cosh, "the hyperbolic cosine")
tanh = unary("tanh", ew.tanh, "the hyperbolic tangent")
asin = unary("asin", ew.asin, "the arc sine")
acos = unary("acos", ew.acos, "the arc cosine")
atan = unary("atan", ew.atan, "the arc tangent")
erf = unary("erf", ew.erf, "the error function")
erfinv = unary("erfinv", ew.erfinv, "the inverse error function")
sigmoid = unary("sigmoid", ew.sigmoid, "the logistic function 1 / (1 + exp(-x))")
relu = unary("relu", ew.relu, "max(x, 0)", floats=False)
absolute = unary("abs", _magnitude, "the absolute value", floats=False)
sign = unary("sign", ew.sign, "the sign, -1, 0 or 1,", floats=False)
logical_not = unary("logical_not", ew.logical_not, "not x", floats=False)
isnan = unary("isnan", ew.isnan, "whether it is NaN", floats=False)
isinf = unary("isinf", ew.isinf, "whether it is infinite", floats=False)
isfinite = unary("isfinite", ew.isfinite, "whether it is finite", floats=False)
signbit = unary("signbit", ew.signbit, "whether the sign bit is set", floats=False)


def _whole(name: str, op: Op, formula: str) -> UnaryFunction:
    """Return a rounding function: integers are whole already."""

    def apply(input: Tensor) -> Tensor:
        node = input.node
        return wrap(op(node) if node.dtype.is_inexact else node)

    return named(
        apply, name, f'Return {formula}.\n\nSource: torch\'s page "torch.{name}".'
    )


floor = _whole("floor", ew.floor, "the largest integer not above each element")
ceil = _whole("ceil", ew.ceil, "the smallest integer not below each element")
trunc = _whole("trunc", ew.trunc, "each element without its fraction")


def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """Round to the nearest integer, halves to the even one.

    Args:
        input: any shape.
        decimals: digits kept behind the point; negative rounds before it.

    Example:
        >>> import flambeau as torch
        >>> torch.round(torch.tensor([0.5, 1.5, -2.6]))
        tensor([ 0.,  2., -3.])
    """
    node = input.node
    if not node.dtype.is_inexact:
        return wrap(node)
    if not decimals:
        return wrap(ew.round_half_even(node))
    factor = ew.const_like(10.0 ** abs(decimals), node)
    there, back = (ew.mul, ew.div) if decimals > 0 else (ew.div, ew.mul)
    return wrap(back(ew.round_half_even(there(node, factor)), factor))


def square(input: Tensor) -> Tensor:
    """Return the square of each element; bools count as int64."""
    node = input.node
    return wrap(ew.square(ew.cast(node, dt.int64) if node.dtype is dt.bool_ else node))


def neg(input: Tensor) -> Tensor:
    """Return -x of each element.

    Raises:
        RuntimeError: `input` is bool.
    """
    if input.dtype is dt.bool_:
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you "
            "are trying to invert a mask, use the `~` or `logical_not()` operator "
            "instead."
        )
    return wrap(ew.neg(input.node))


def positive(input: Tensor) -> Tensor:
    """Return the tensor itself."""
    return input


# Arithmetic


def _scaled(other: Tensor | Scalar, alpha: Scalar) -> Tensor | Scalar:
    return other if alpha == 1 else mul(other, alpha)


def add(input: Tensor | Scalar, other: Tensor | Scalar, *, alpha: Scalar = 1) -> Tensor:
    """Return input + alpha * other, broadcast.

    Args:
        input: a tensor.
        other: a tensor or number.
        alpha: what `other` is multiplied by.

    Raises:
        RuntimeError: the shapes do not broadcast.

    Example:
        >>> import flambeau as torch
        >>> torch.add(torch.tensor([1, 2]), 10, alpha=2)
        tensor([21, 22])
    """
    return wrap(ew.add(*pair(input, _scaled(other, alpha))))


def sub(input: Tensor | Scalar, other: Tensor | Scalar, *, alpha: Scalar = 1) -> Tensor:
    """Return input - alpha * other, broadcast.

    Raises:
        RuntimeError: the shapes do not broadcast, or one is bool.
    """
    _check_difference(input, other)
    return wrap(ew.sub(*pair(input, _scaled(other, alpha))))


def _check_difference(*operands: Any) -> None:
    """Raise where bools are subtracted."""
    bools = sum(_is_bool(each) for each in operands)
    if bools == 2:
        raise RuntimeError(
            "Subtraction, the `-` operator, with two bool tensors is not supported. "
            "Use the `^` or `logical_xor()` operator instead."
        )
    if bools:
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If "
            "you are trying to invert a mask, use the `~` or `logical_not()` operator "
            "instead."
        )


def _is_bool(value: Any) -> bool:
    if isinstance(value, Handle):
        return value._node.dtype is dt.bool_
    return isinstance(value, bool | np.bool_)


def rsub(input: Tensor, other: Tensor | Scalar, *, alpha: Scalar = 1) -> Tensor:
    """Return other - alpha * input, broadcast."""
    check_tensor("rsub", "input", 1, input)
    return sub(other, input, alpha=alpha)


def mul(input: Tensor | Scalar, other: Tensor | Scalar) -> Tensor:
    """Return input * other, broadcast."""
    a, b = pair(input, other)
    return wrap(ew.logical_and(a, b) if a.dtype is dt.bool_ else ew.mul(a, b))


def div(
    input: Tensor | Scalar,
    other: Tensor | Scalar,
    *,
    rounding_mode: str | None = None,
) -> Tensor:
    """Return input / other, broadcast; true division gives floats.

    Args:
        input: a tensor.
        other: a tensor or number.
        rounding_mode: None, "floor" or "trunc".

    Raises:
        RuntimeError: an unknown rounding mode.
    """
    a, b = pair(input, other)
    if rounding_mode is None:
        return wrap(ew.div(as_float(a), as_float(b)))
    if rounding_mode not in ("floor", "trunc"):
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but "
            f"found '{rounding_mode}'"
        )
    if rounding_mode == "floor":
        return wrap(_floor_division(a, b))
    if a.dtype.is_floating_point:
        return wrap(ew.trunc(ew.div(a, b)))
    return wrap(ew.floor_div(ew.sub(a, ew.fmod(a, b)), b))


def rdiv(input: Tensor, other: Tensor | Scalar) -> Tensor:
    """Return other / input, broadcast."""
    return div(other, input)


def _floor_division(a: Node, b: Node) -> Node:
    if not a.dtype.is_floating_point:
        checked(b, _check_divisor)
    return ew.floor_div(a, b)


def _check_divisor(values: np.ndarray) -> None:
    if not values.all():
        raise RuntimeError("ZeroDivisionError")


def floor_divide(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Return the largest integer not above input / other, broadcast."""
    return wrap(_floor_division(*pair(input, other)))


def rfloordiv(input: Tensor, other: Tensor | Number) -> Tensor:
    """Return the largest integer not above other / input, broadcast."""
    return floor_divide(other, input)


def remainder(input: Tensor | Number, other: Tensor | Number) -> Tensor:
    """Return what floor division leaves, with the sign of `other`."""
    check_some_tensor("remainder", input, other)
    return wrap(ew.remainder(*pair(input, other)))


def rmod(input: Tensor, other: Tensor | Number) -> Tensor:
    """Return what other floor-divided by input leaves."""
    return remainder(other, input)


def fmod(input: Tensor, other: Tensor | Number) -> Tensor:
    """Return what truncated division leaves, with the sign of `input`."""
    check_tensor("fmod", "input", 1, input)
    return wrap(ew.fmod(*pair(input, other)))


def pow(input: Tensor | Scalar, exponent: Tensor | Scalar) -> Tensor:
    """Return input to the power of exponent, broadcast.

    Raises:
        RuntimeError: an integer tensor to a negative integer power.
    """
    check_some_tensor("pow", input, exponent)
    if is_number(exponent) and isinstance(input, Handle):
        simple = _simple_power(input.node, exponent)  # type: ignore[arg-type]
        if simple is not None:
            return wrap(simple)
    a, b = pair(input, exponent)
    if is_number(exponent) and not a.dtype.is_inexact and exponent < 0:  # type: ignore[operator]
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    return wrap(ew.power(a, b))


def _simple_power(x: Node, exponent: Number) -> Node | None:
    """Powers that are one cheap op: 1/2, 1, 2, 3 and -1."""
    if x.dtype is dt.bool_ or not _keeps_kind(x.dtype, exponent):
        return None
    if exponent == 2:
        return ew.square(x)
    if exponent == 3:
        return ew.mul(ew.square(x), x)
    if x.dtype.is_inexact:
        if exponent == 0.5:
            return ew.sqrt(x)
        if exponent == -1:
            return ew.reciprocal(x)
    return None


def _keeps_kind(kind: dt.dtype, number: Number) -> bool:
    """Whether a number's own kind leaves the dtype of a tensor as it is."""
    if isinstance(number, complex):
        return kind.is_complex
    return kind.is_inexact or not isinstance(number, float)


def rpow(input: Tensor, other: Scalar) -> Tensor:
    """Return other to the power of input."""
    return pow(other, input)


def atan2(input: Tensor, other: Tensor) -> Tensor:
    """Return the angle of the point (other, input), in radians."""
    check_tensors("atan2", input, other)
    a, b = pair(input, other)
    return wrap(ew.atan2(as_float(a), as_float(b)))


def hypot(input: Tensor, other: Tensor) -> Tensor:
    """Return the square root of input² + other²."""
    check_tensors("hypot", input, other)
    a, b = pair(input, other)
    check_float("hypot_cpu", a)
    return wrap(ew.hypot(a, b))


def lerp(input: Tensor, end: Tensor, weight: Tensor | Number) -> Tensor:
    """Return input + weight * (end - input).

    Raises:
        RuntimeError: the dtypes differ.
    """
    check_same_dtype(input, end)
    return add(input, mul(weight, sub(end, input)))


def addcmul(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Scalar = 1
) -> Tensor:
    """Return input + value * tensor1 * tensor2; of integers, with a whole value."""
    if not result_type(input, tensor1, tensor2).is_inexact:
        value = int(value)  # type: ignore[arg-type]
    return add(input, mul(tensor1, tensor2), alpha=value)


def addcdiv(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Scalar = 1
) -> Tensor:
    """Return input + value * tensor1 / tensor2.

    Raises:
        RuntimeError: integers are divided.
    """
    if not result_type(tensor1, tensor2).is_inexact:
        raise RuntimeError(
            "Integer division with addcdiv is no longer supported: use "
            "(input + value * tensor1 / tensor2) for a true division"
        )
    return add(input, div(tensor1, tensor2), alpha=value)


# Comparison and logic


def _binary(
    name: str, op: Op, text: str, numbers: bool = False
) -> Callable[..., Tensor]:
    """Return the function for an op of two; with `numbers`, the second may be one."""

    def apply(input: Tensor, other: Tensor | Number) -> Tensor:
        if numbers:
            check_tensor(name, "input", 1, input)
        else:
            check_tensors(name, input, other)
        return wrap(op(*pair(input, other)))

    second = "a tensor or number" if numbers else "another one"
    return named(
        apply,
        name,
        f"Return {text}, broadcast.\n\nArgs:\n    input: a tensor.\n    other: "
        f'{second}.\n\nSource: torch\'s page "torch.{name}".',
    )


eq = _binary("eq", ew.equal, "whether elements are equal", numbers=True)
ne = _binary("ne", ew.not_equal, "whether elements differ", numbers=True)
lt = _binary("lt", ew.less, "whether input < other", numbers=True)
le = _binary("le", ew.less_equal, "whether input <= other", numbers=True)
gt = _binary("gt", ew.greater, "whether input > other", numbers=True)
ge = _binary("ge", ew.greater_equal, "whether input >= other", numbers=True)
maximum = _binary("maximum", ew.maximum, "the larger element, NaN where one is NaN")
minimum = _binary("minimum", ew.minimum, "the smaller element, NaN where one is NaN")
logical_and = _binary("logical_and", ew.logical_and, "input and other")
logical_or = _binary("logical_or", ew.logical_or, "input or other")
logical_xor = _binary("logical_xor", ew.logical_xor, "whether one of the two holds")


def _bits(name: str, op: Op, text: str, numbers: bool = True) -> Callable[..., Tensor]:
    def apply(input: Tensor | Number, other: Tensor | Number) -> Tensor:
        check = check_some_tensor if numbers else check_tensors
        check(name, input, other)
        a, b = pair(input, other)
        _no_floats(name, a)
        return wrap(op(a, b))

    return named(apply, name, f"Return {text} of integers or bools, broadcast.")


def _no_floats(name: str, x: Node) -> None:
    if x.dtype.is_floating_point:
        raise RuntimeError(
            f'"{name}" not implemented for {x.dtype!r}: it takes integers or bools'
        )


bitwise_and = _bits("bitwise_and", ew.bitwise_and, "the bits set in both")
bitwise_or = _bits("bitwise_or", ew.bitwise_or, "the bits set in either")
bitwise_xor = _bits("bitwise_xor", ew.bitwise_xor, "the bits set in one")
bitwise_left_shift = _bits("lshift", ew.shift_left, "input shifted left by other")
bitwise_right_shift = _bits("rshift", ew.shift_right, "input shifted right by other")


def bitwise_not(input: Tensor) -> Tensor:
    """Return the inverted bits of integers, or `not` of bools."""
    _no_floats("bitwise_not", input.node)
    return wrap(ew.bitwise_not(input.node))


def isclose(
    input: Tensor,
    other: Tensor,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> Tensor:
    r"""Return whether :math:`|input - other| \le atol + rtol |other|`.

    Raises:
        RuntimeError: a tolerance below 0, or the dtypes differ.
    """
    for name, limit in (("rtol", rtol), ("atol", atol)):
        if limit < 0:
            raise RuntimeError(
                f"{name} must be greater than or equal to zero, but got {limit}"
            )
    check_tensors("isclose", input, other)
    if input.dtype is not other.dtype:
        names = map(dt.scalar_name, (input.dtype, other.dtype))
        raise RuntimeError("{} did not match {}".format(*names))
    if input.dtype is dt.bool_ and other.dtype is dt.bool_:
        return eq(input, other)
    near = le(absolute(sub(input, other)), add(mul(absolute(other), rtol), atol))
    near = logical_or(eq(input, other), logical_and(near, isfinite(other)))
    if equal_nan:
        near = logical_or(near, logical_and(isnan(input), isnan(other)))
    return near


def allclose(
    input: Tensor,
    other: Tensor,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: bool = False,
) -> bool:
    """Return whether all elements are close, as `isclose` says."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


def equal(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape and elements."""
    return input.shape == other.shape and bool(eq(input, other).all())


# Selection


def where(
    condition: Tensor,
    input: Tensor | Number | None = None,
    other: Tensor | Number | None = None,
) -> Any:
    """Return `input` where the condition holds, else `other`, broadcast.

    Args:
        condition: a bool tensor.
        input: a tensor or number; without it, the indices where it holds.
        other: a tensor or number.

    Raises:
        RuntimeError: the condition is not bool.
    """
    if input is None or other is None:
        return condition.nonzero(as_tuple=True)
    if condition.dtype is not dt.bool_:
        raise RuntimeError(
            "where expected condition to be a boolean tensor, but got a tensor with "
            f"dtype {condition.dtype!r}"
        )
    a, b = pair(input, other)
    for each in (input, other):
        if is_number(each):
            check_fits(each, a.dtype, halves=False)  # type: ignore[arg-type]
    return wrap(ew.where(condition.node, a, b))


def masked_fill(input: Tensor, mask: Tensor, value: Tensor | Number) -> Tensor:
    """Return `input` with `value` where the mask holds.

    Raises:
        RuntimeError: the mask is not bool.
    """
    if mask.dtype is not dt.bool_:
        raise RuntimeError(
            "masked_fill_ only supports boolean masks, but got mask with dtype "
            f"{mask.dtype!r}"
        )
    if isinstance(value, Handle) and value.ndim:
        raise RuntimeError(
            "masked_fill_ only supports a 0-dimensional value tensor, but got tensor "
            f"with {value.ndim} dimension(s)."
        )
    node, new = input.node, to_node(value, input.dtype)
    if new.dtype.is_complex and not node.dtype.is_complex:
        raise RuntimeError(
            f"value cannot be converted to type {node.dtype.name} without overflow: it "
            f"is of {new.dtype!r}"
        )
    return wrap(ew.where(mask.node, ew.cast(new, node.dtype), node))


def clamp(
    input: Tensor,
    min: Tensor | Number | None = None,
    max: Tensor | Number | None = None,
) -> Tensor:
    """Return each element moved into [min, max].

    Args:
        input: any shape.
        min: the lower bound, or None for none.
        max: the upper bound, or None for none.

    Raises:
        RuntimeError: neither bound is given.
    """
    check_tensor("clamp", "input", 1, input)
    bounds = [each for each in (min, max) if each is not None]
    if not bounds:
        raise RuntimeError(
            "torch.clamp: At least one of 'min' or 'max' must not be None"
        )
    kind = result_type(input, *bounds)
    x = ew.cast(input.node, kind)
    for bound, op, outside in (
        (min, ew.maximum, ew.less),
        (max, ew.minimum, ew.greater),
    ):
        if bound is not None:
            x = _bounded(x, ew.cast(to_node(bound, kind), kind), op, outside)
    return wrap(x)


def _bounded(x: Node, bound: Node, op: Op, outside: Op) -> Node:
    """Clamp at one bound; unlike max and min, x keeps its gradient on the bound."""
    if x.tape is None and bound.tape is None:
        return op(x, bound)
    return ew.where(outside(x, bound), bound, x)


def nan_to_num(
    input: Tensor,
    nan: float | None = None,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Tensor:
    """Replace NaN by a number, or 0, and the infinities by others, or the extremes."""
    x = input.node
    if not x.dtype.is_floating_point:
        return wrap(x)
    limits = _extremes(x.dtype)
    blank = 0.0 if nan is None else nan
    high = limits[1] if posinf is None else posinf
    low = limits[0] if neginf is None else neginf
    y = ew.where(ew.isnan(x), ew.const_like(blank, x), x)
    for infinity, number in ((np.inf, high), (-np.inf, low)):
        is_there = ew.equal(x, ew.const_like(infinity, x))
        y = ew.where(is_there, ew.const_like(number, x), y)
    return wrap(y)


def _extremes(kind: dt.dtype) -> tuple[float, float]:
    limits = ml_dtypes.finfo(kind.numpy)
    return float(limits.min), float(limits.max)
