"""Elementwise ops in ONNX."""

from __future__ import annotations

import math

import numpy as np

from ... import dtypes as dt
from ...graph import Node
from ..exporter import Exporter, Rule
from ..writer import element_type

__all__ = ["ELEMENTWISE"]


def _same(kind: str) -> Rule:
    """The rule of an op that is one ONNX operator."""

    def rule(to: Exporter, node: Node) -> str:
        return to.writer.add(kind, *map(to.value, node.inputs))

    return rule


def _then(*kinds: str) -> Rule:
    """The rule of an op that is several operators of one value, one after the other."""

    def rule(to: Exporter, node: Node) -> str:
        value = to.value(node.inputs[0])
        for kind in kinds:
            value = to.writer.add(kind, value)
        return value

    return rule


def _number(to: Exporter, number: float, like: Node) -> str:
    return to.writer.constant(np.array(number, like.dtype.numpy))


def _with_number(kind: str, number: float, *before: str, swap: bool = False) -> Rule:
    """The rule of an op that combines a value with a number."""

    def rule(to: Exporter, node: Node) -> str:
        value = to.value(node.inputs[0])
        for each in before:
            value = to.writer.add(each, value)
        operands = (value, _number(to, number, node.inputs[0]))
        return to.writer.add(kind, *(operands[::-1] if swap else operands))

    return rule


def _expm1(to: Exporter, node: Node) -> str:
    """e^x - 1 = tanh(x/2) (e^x + 1), which loses no digits where x is near 0."""
    add, x = to.writer.add, to.value(node.inputs[0])
    half = add("Tanh", add("Mul", x, _number(to, 0.5, node)))
    return add("Mul", half, add("Add", add("Exp", x), _number(to, 1, node)))


def _log1p(to: Exporter, node: Node) -> str:
    one = _number(to, 1, node)
    return to.writer.add("Log", to.writer.add("Add", to.value(node.inputs[0]), one))


def _unary_minus(kind: str) -> Rule:
    """-f(-x), which is how logsigmoid follows from softplus."""

    def rule(to: Exporter, node: Node) -> str:
        add = to.writer.add
        return add("Neg", add(kind, add("Neg", to.value(node.inputs[0]))))

    return rule


def _logit(to: Exporter, node: Node) -> str:
    add, x = to.writer.add, to.value(node.inputs[0])
    rest = add("Sub", _number(to, 1, node), x)
    return add("Log", add("Div", x, rest))


def _xlogy(to: Exporter, node: Node) -> str:
    add, (x, y) = to.writer.add, map(to.value, node.inputs)
    zero = _number(to, 0, node)
    product = add("Mul", x, add("Log", y))
    flat = add("And", add("Equal", x, zero), add("Not", add("IsNaN", y)))
    return add("Where", flat, zero, product)


def _hypot(to: Exporter, node: Node) -> str:
    add, (a, b) = to.writer.add, map(to.value, node.inputs)
    return add("Sqrt", add("Add", add("Mul", a, a), add("Mul", b, b)))


def _copysign(to: Exporter, node: Node) -> str:
    add, (a, b) = to.writer.add, map(to.value, node.inputs)
    size = add("Abs", a)
    negative = add("Less", b, _number(to, 0, node.inputs[1]))
    return add("Where", negative, add("Neg", size), size)


def _trunc(to: Exporter, node: Node) -> str:
    add, x = to.writer.add, to.value(node.inputs[0])
    return add("Mul", add("Sign", x), add("Floor", add("Abs", x)))


def _floor_divide(to: Exporter, node: Node) -> str:
    add, (a, b) = to.writer.add, map(to.value, node.inputs)
    if node.dtype.is_floating_point:
        return add("Floor", add("Div", a, b))
    # ONNX rounds to 0; without the remainder, which has b's sign, nothing is rounded
    return add("Div", add("Sub", a, add("Mod", a, b)), b)


def _remainder(to: Exporter, node: Node) -> str:
    add, (a, b) = to.writer.add, map(to.value, node.inputs)
    if not node.dtype.is_floating_point:
        return add("Mod", a, b)
    return add("Sub", a, add("Mul", add("Floor", add("Div", a, b)), b))


def _fmod(to: Exporter, node: Node) -> str:
    return to.writer.add("Mod", *map(to.value, node.inputs), fmod=1)


def _as_bool(to: Exporter, node: Node) -> str:
    value = to.value(node)
    if node.dtype is dt.bool_:
        return value
    return to.writer.add("Cast", value, to=element_type(dt.bool_))


def _logic(kind: str) -> Rule:
    def rule(to: Exporter, node: Node) -> str:
        return to.writer.add(kind, *(_as_bool(to, each) for each in node.inputs))

    return rule


def _bits(kind: str, logical: str) -> Rule:
    """Bits of integers; of bool, logic."""

    def rule(to: Exporter, node: Node) -> str:
        chosen = logical if node.dtype is dt.bool_ else kind
        return to.writer.add(chosen, *map(to.value, node.inputs))

    return rule


def _negated(kind: str) -> Rule:
    def rule(to: Exporter, node: Node) -> str:
        found = to.writer.add(kind, *map(to.value, node.inputs))
        return to.writer.add("Not", found)

    return rule


def _is_finite(to: Exporter, node: Node) -> str:
    add, x = to.writer.add, to.value(node.inputs[0])
    return add("Not", add("Or", add("IsNaN", x), add("IsInf", x)))


def _signbit(to: Exporter, node: Node) -> str:
    zero = _number(to, 0, node.inputs[0])
    return to.writer.add("Less", to.value(node.inputs[0]), zero)


def _is_nonzero(to: Exporter, node: Node) -> str:
    truth = _as_bool(to, node.inputs[0])
    return to.writer.add("Cast", truth, to=element_type(node.dtype))


def _cast(to: Exporter, node: Node) -> str:
    kind = element_type(node.dtype)
    return to.writer.add("Cast", to.value(node.inputs[0]), to=kind)


def _add(to: Exporter, node: Node) -> str:
    """Add; a bias joins the convolution or the product before it."""
    for mine, other in (node.inputs, node.inputs[::-1]):
        bias = _bias(to, mine, other)
        if bias is not None:
            return to.writer.append_input(to.value(mine), bias)
    return to.writer.add("Add", *map(to.value, node.inputs))


_TAKES_BIAS = {"conv": "Conv", "conv_input_grad": "ConvTranspose", "matmul": "Gemm"}


def _bias(to: Exporter, node: Node, other: Node) -> str | None:
    """The name of `other` as a bias per channel, if `node` can take one."""
    kind = _TAKES_BIAS.get(node.name)
    if kind is None or not to.is_constant(other) or not to.is_read_once(node):
        return None
    channels = node.shape[1]
    if other.shape != (channels, *(1,) * (node.ndim - 2)):
        return None
    if to.is_constant(node) or to.writer.maker(to.value(node)) != (kind, 2):
        return None
    return to.value(other.inputs[0] if other.name == "view" else other)


def _div(to: Exporter, node: Node) -> str:
    """Divide; a sum divided by how many it is of is a mean."""
    total, divisor = node.inputs
    number = to.number(divisor)
    if total.name == "sum" and not to.is_constant(total) and number:
        axes, (source,) = total.params["axes"], total.inputs
        if number == math.prod(source.shape[axis] for axis in axes):
            places = to.writer.integers(*axes)
            kept = int(total.params["keepdims"])
            return to.writer.add("ReduceMean", to.value(source), places, keepdims=kept)
    if total.name == "sum_pool" and number == math.prod(total.params["kernel"]):
        return to.writer.inputs_of(to.value(total))[0]
    return to.writer.add("Div", *map(to.value, node.inputs))


def _leaky_relu(to: Exporter, node: Node) -> str:
    x, slope = node.inputs
    number = to.number(slope)
    if number is not None and slope.ndim == 0:
        return to.writer.add("LeakyRelu", to.value(x), alpha=number)
    return to.writer.add("PRelu", to.value(x), to.value(slope))


ELEMENTWISE: dict[str, Rule] = {
    "neg": _same("Neg"),
    "add": _add,
    "sub": _same("Sub"),
    "mul": _same("Mul"),
    "div": _div,
    "floor_divide": _floor_divide,
    "remainder": _remainder,
    "fmod": _fmod,
    "pow": _same("Pow"),
    "abs": _same("Abs"),
    "reciprocal": _same("Reciprocal"),
    "square": lambda to, node: to.writer.add("Mul", *2 * (to.value(node.inputs[0]),)),
    "sqrt": _same("Sqrt"),
    "root": _same("Sqrt"),
    "rsqrt": _then("Sqrt", "Reciprocal"),
    "sign": _same("Sign"),
    "floor": _same("Floor"),
    "ceil": _same("Ceil"),
    "trunc": _trunc,
    "round": _same("Round"),
    "copysign": _copysign,
    "exp": _same("Exp"),
    "exp2": _with_number("Pow", 2, swap=True),
    "expm1": _expm1,
    "log": _same("Log"),
    "log2": _with_number("Mul", 1 / math.log(2), "Log"),
    "log10": _with_number("Mul", 1 / math.log(10), "Log"),
    "log1p": _log1p,
    "sin": _same("Sin"),
    "cos": _same("Cos"),
    "tan": _same("Tan"),
    "sinh": _same("Sinh"),
    "cosh": _same("Cosh"),
    "tanh": _same("Tanh"),
    "asin": _same("Asin"),
    "acos": _same("Acos"),
    "atan": _same("Atan"),
    "asinh": _same("Asinh"),
    "acosh": _same("Acosh"),
    "atanh": _same("Atanh"),
    "erf": _same("Erf"),
    "erfc": _with_number("Sub", 1, "Erf", swap=True),
    "sigmoid": _same("Sigmoid"),
    "logsigmoid": _unary_minus("Softplus"),
    "logit": _logit,
    "xlogy": _xlogy,
    "relu": _same("Relu"),
    "leaky_relu": _leaky_relu,
    "hardtanh": _same("Clip"),
    "maximum": _same("Max"),
    "minimum": _same("Min"),
    "hypot": _hypot,
    "where": _same("Where"),
    "eq": _same("Equal"),
    "ne": _negated("Equal"),
    "lt": _same("Less"),
    "le": _same("LessOrEqual"),
    "gt": _same("Greater"),
    "ge": _same("GreaterOrEqual"),
    "isnan": _same("IsNaN"),
    "isinf": _same("IsInf"),
    "isfinite": _is_finite,
    "signbit": _signbit,
    "is_nonzero": _is_nonzero,
    "logical_and": _logic("And"),
    "logical_or": _logic("Or"),
    "logical_xor": _logic("Xor"),
    "logical_not": _logic("Not"),
    "bitwise_and": _bits("BitwiseAnd", "And"),
    "bitwise_or": _bits("BitwiseOr", "Or"),
    "bitwise_xor": _bits("BitwiseXor", "Xor"),
    "bitwise_not": _bits("BitwiseNot", "Not"),
    "cast": _cast,
}
