"""Elementwise operators, activations and casts."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import flambeau as fl

from ...nn import functional as F
from ...tensor import Tensor
from .call import OPERATORS, Call, operator
from .narrow import narrow, narrowed
from .types import dtype_of

__all__: list[str] = []


def _unary(function: Callable[[Tensor], Tensor]) -> Callable[[Call], Tensor]:
    return lambda call: function(call[0])


def _binary(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Call], Tensor]:
    return lambda call: function(call[0], call[1])


def _folded(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Call], Tensor]:
    return lambda call: functools.reduce(function, call.tensors())


for _kind, _function in {
    "Abs": fl.abs,
    "Neg": fl.neg,
    "Sign": fl.sign,
    "Floor": fl.floor,
    "Ceil": fl.ceil,
    "Round": fl.round,
    "Sqrt": fl.sqrt,
    "Reciprocal": fl.reciprocal,
    "Exp": fl.exp,
    "Log": fl.log,
    "Sin": fl.sin,
    "Cos": fl.cos,
    "Tan": fl.tan,
    "Asin": fl.asin,
    "Acos": fl.acos,
    "Atan": fl.atan,
    "Sinh": fl.sinh,
    "Cosh": fl.cosh,
    "Tanh": fl.tanh,
    "Asinh": fl.asinh,
    "Acosh": fl.acosh,
    "Atanh": fl.atanh,
    "Erf": fl.erf,
    "Sigmoid": fl.sigmoid,
    "Relu": fl.relu,
    "Not": fl.logical_not,
    "BitwiseNot": fl.bitwise_not,
    "IsNaN": fl.isnan,
    "Softsign": F.softsign,
    "HardSwish": F.hardswish,
    "Mish": F.mish,
    "Identity": lambda x: x,
}.items():
    OPERATORS[_kind] = _unary(_function)

for _kind, _pair in {
    "Add": fl.add,
    "Sub": fl.sub,
    "Mul": fl.mul,
    "And": fl.logical_and,
    "Or": fl.logical_or,
    "Xor": fl.logical_xor,
    "Equal": fl.eq,
    "Less": fl.lt,
    "LessOrEqual": fl.le,
    "Greater": fl.gt,
    "GreaterOrEqual": fl.ge,
    "BitwiseAnd": fl.bitwise_and,
    "BitwiseOr": fl.bitwise_or,
    "BitwiseXor": fl.bitwise_xor,
}.items():
    OPERATORS[_kind] = _binary(_pair)

OPERATORS["Max"] = _folded(fl.maximum)
OPERATORS["Min"] = _folded(fl.minimum)
OPERATORS["Sum"] = _folded(fl.add)


@operator("Mean")
def mean(call: Call) -> Tensor:
    """Return the mean of the inputs."""
    return functools.reduce(fl.add, call.tensors()) / len(call.values)


@operator("Div")
def div(call: Call) -> Tensor:
    """Divide; integers are rounded to 0."""
    a, b = call[0], call[1]
    if a.dtype.is_floating_point:
        return a / b
    return fl.div(a, b, rounding_mode="trunc")


@operator("Mod")
def mod(call: Call) -> Tensor:
    """Return the remainder: with the divisor's sign, or with `fmod` the dividend's."""
    return (fl.fmod if call.get("fmod", 0) else fl.remainder)(call[0], call[1])


@operator("Pow")
def power(call: Call) -> Tensor:
    """Return a power, in the dtype of the base."""
    base, exponent = call[0], call[1]
    kind = fl.promote_types(base.dtype, exponent.dtype)
    return (base.to(kind) ** exponent.to(kind)).to(base.dtype)


@operator("BitShift")
def bit_shift(call: Call) -> Tensor:
    """Shift bits left or right."""
    left = call.get("direction") == "LEFT"
    return call[0] << call[1] if left else call[0] >> call[1]


@operator("Where")
def where(call: Call) -> Tensor:
    """Choose between two values."""
    return fl.where(call[0], call[1], call[2])


@operator("Clip")
def clip(call: Call) -> Tensor:
    """Move into bounds: inputs, or before opset 11 attributes."""
    low, high = call.optional(1), call.optional(2)
    x = call[0]
    if low is None and "min" in call.attributes:
        low = fl.tensor(call.get("min"), dtype=x.dtype)
    if high is None and "max" in call.attributes:
        high = fl.tensor(call.get("max"), dtype=x.dtype)
    if low is not None:
        x = fl.maximum(x, low)
    return x if high is None else fl.minimum(x, high)


@operator("IsInf")
def is_inf(call: Call) -> Tensor:
    """Tell where an element is infinite, of the signs that are asked for."""
    x = call[0]
    found = fl.isinf(x)
    if not call.get("detect_negative", 1):
        found = found & (x > 0)
    if not call.get("detect_positive", 1):
        found = found & (x < 0)
    return found


# Activations


@operator("Softplus")
def softplus(call: Call) -> Tensor:
    """Return log(1 + e^x)."""
    return -F.logsigmoid(-call[0])


@operator("Elu")
def elu(call: Call) -> Tensor:
    """Return x, or alpha (e^x - 1) below 0."""
    return F.elu(call[0], call.get("alpha", 1.0))


@operator("Celu")
def celu(call: Call) -> Tensor:
    """Return max(0, x) + min(0, alpha (e^(x/alpha) - 1))."""
    x, alpha = call[0], call.get("alpha", 1.0)
    return fl.clamp(x, min=0) + fl.clamp(alpha * fl.expm1(x / alpha), max=0)


@operator("Selu")
def selu(call: Call) -> Tensor:
    """Return gamma x, or gamma alpha (e^x - 1) below 0."""
    alpha = call.get("alpha", 1.67326319217681884765625)
    gamma = call.get("gamma", 1.05070102214813232421875)
    return gamma * F.elu(call[0], alpha)


@operator("LeakyRelu")
def leaky_relu(call: Call) -> Tensor:
    """Return x, or alpha x below 0."""
    return F.leaky_relu(call[0], call.get("alpha", 0.01))


@operator("PRelu")
def prelu(call: Call) -> Tensor:
    """Return x, or slope x below 0."""
    x, slope = call[0], call[1]
    return fl.where(x < 0, slope * x, x)


@operator("ThresholdedRelu")
def thresholded_relu(call: Call) -> Tensor:
    """Return x above alpha, else 0."""
    x = call[0]
    return fl.where(x > call.get("alpha", 1.0), x, fl.zeros_like(x))


@operator("HardSigmoid")
def hard_sigmoid(call: Call) -> Tensor:
    """Return alpha x + beta, moved into [0, 1]."""
    return fl.clamp(call.get("alpha", 0.2) * call[0] + call.get("beta", 0.5), 0, 1)


@operator("Gelu")
def gelu(call: Call) -> Tensor:
    """Return x times the normal distribution's mass below x."""
    return F.gelu(call[0], approximate=call.get("approximate", "none"))


@operator("Swish")
def swish(call: Call) -> Tensor:
    """Return x sigmoid(alpha x)."""
    return call[0] * fl.sigmoid(call.get("alpha", 1.0) * call[0])


@operator("Shrink")
def shrink(call: Call) -> Tensor:
    """Move towards 0 by `bias`, and to 0 within `lambd` of it."""
    x, bias, reach = call[0], call.get("bias", 0.0), call.get("lambd", 0.5)
    zero = fl.zeros_like(x)
    return fl.where(x < -reach, x + bias, fl.where(x > reach, x - bias, zero)).to(
        x.dtype
    )


def _as_rows(x: Tensor, axis: int) -> Tensor:
    """The matrix that softmax was defined on before opset 13."""
    axis %= max(x.ndim, 1)
    return x.reshape(math.prod(x.shape[:axis]), -1)


def _softmax_like(function: Callable[[Tensor, int], Tensor]) -> Callable[..., Tensor]:
    def run(call: Call) -> Tensor:
        x = call[0]
        if call.opset >= 13:
            return function(x, call.get("axis", -1))
        return function(_as_rows(x, call.get("axis", 1)), -1).reshape(x.shape)

    return run


def _hardmax(x: Tensor, axis: int) -> Tensor:
    first = x.argmax(axis)
    return F.one_hot(first, x.shape[axis]).movedim(-1, axis).to(x.dtype)


OPERATORS["Softmax"] = _softmax_like(F.softmax)
OPERATORS["LogSoftmax"] = _softmax_like(F.log_softmax)
OPERATORS["Hardmax"] = _softmax_like(_hardmax)


# Dtypes


@operator("Cast")
def cast(call: Call) -> Tensor:
    """Convert to another dtype."""
    return _converted(call, None)


@operator("CastLike")
def cast_like(call: Call) -> Tensor:
    """Convert to the dtype of the second input."""
    return _converted(call, call[1].dtype)


def _converted(call: Call, like: fl.dtype | None) -> Tensor:
    kind = narrow(call.get("to"))
    if kind is None:
        return call[0].to(dtype_of(call.get("to")) if like is None else like)
    direction = "nearest"
    if kind.numpy.name.endswith("fnu"):
        direction = call.get("round_mode", "up")
    return narrowed(call[0], kind, bool(call.get("saturate", 1)), direction)


@operator("Dropout")
def dropout(call: Call) -> Tensor | tuple[Tensor, Tensor]:
    """Return the input; while training, with elements left out at random."""
    x = call[0]
    ratio = call.numbers(1)[0] if call.has(1) else call.get("ratio", 0.5)
    fixed = call.has(2) and bool(call.numbers(2)[0])
    ones = fl.ones_like(x)
    mask = F.dropout(ones, ratio, call.training or fixed)
    result = x * mask if call.training or fixed else x
    return result if call.outputs == 1 else (result, mask != 0)


@operator("Bernoulli")
def bernoulli(call: Call) -> Tensor:
    """Draw ones with the probabilities given."""
    kind = call.get("dtype")
    drawn = fl.bernoulli(call[0])
    return drawn if kind is None else drawn.to(dtype_of(kind))
