"""Records of activations."""

from collections.abc import Callable
from typing import Any

import numpy as np
import reference
from case import Array, Case, State, grid
from reference import between, leaky, sigmoid, softplus

SHAPE = (2, 3, 4)


def elementwise(
    layer: str,
    function: Callable[[Array], Array],
    wide: bool = False,
    torch_digits: float = 1e-12,
    **options: Any,
) -> Case:
    """An activation of each element; `wide` inputs reach beyond 6."""

    def meaning(state: State, x: Array) -> Array:
        return function(x)

    x = grid(*SHAPE, scale=4 if wide else 1)
    return Case(layer, (x,), meaning, options, torch_digits=torch_digits)


def at_corners(layer: str, corners: list[float], function: Any, **options: Any) -> Case:
    """An activation where its slope jumps: torch's slope counts."""

    def meaning(state: State, x: Array) -> Array:
        return function(x)

    return Case(layer, (np.array(corners),), meaning, options, smooth=False)


def along(layer: str, function: Any, shape: tuple[int, ...], **options: Any) -> Case:
    return Case(layer, (grid(*shape),), lambda state, x: function(x), options)


def prelu(shape: tuple[int, ...], slopes: int) -> Case:
    def meaning(state: State, x: Array) -> Array:
        weight = state["weight"]
        if slopes == 1:
            return leaky(x, float(weight[0]))
        return leaky(x, weight.reshape(slopes, *(1,) * (x.ndim - 2)))

    return Case("PReLU", (grid(*shape),), meaning, {"num_parameters": slopes})


def hard_sigmoid(x: Array) -> Array:
    return between(x + 3, 0, 6) / 6


def log_sigmoid(x: Array) -> Array:
    return np.log(sigmoid(x))


def selu(x: Array) -> Array:
    alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
    return reference.elu(x, alpha, scale)


def celu(x: Array, alpha: float) -> Array:
    return np.where(x > 0, x, alpha * (np.exp(x / alpha) - 1))


def shrunk(x: Array, bound: float, step: float) -> Array:
    return np.where(np.abs(x) > bound, x - np.sign(x) * step, 0)


CASES = {
    "relu": elementwise("ReLU", lambda x: leaky(x, 0)),
    "relu at 0": at_corners("ReLU", [0.0, -0.0], lambda x: x),
    "relu of integers": Case(
        "relu", (np.arange(-3, 4),), lambda state, x: x.clip(min=0), smooth=False
    ),
    "relu6": elementwise("ReLU6", lambda x: between(x, 0, 6), wide=True),
    "relu6 at its corners": at_corners("ReLU6", [0.0, 6.0], lambda x: x),
    "leaky relu": elementwise("LeakyReLU", lambda x: leaky(x, 0.1), negative_slope=0.1),
    "leaky relu at 0": at_corners("LeakyReLU", [0.0], lambda x: x),
    "leaky relu, turned": elementwise(
        "LeakyReLU", lambda x: leaky(x, -0.5), negative_slope=-0.5
    ),
    "prelu": prelu((2, 3, 4), 1),
    "prelu, channels": prelu((2, 3, 4), 3),
    "prelu, one number": prelu((), 1),
    "rrelu, evaluation": Case(
        "RReLU",
        (grid(*SHAPE),),
        lambda state, x: leaky(x, 0.375),
        {"lower": 0.25, "upper": 0.5},
        training=False,
    ),
    "rrelu": Case("RReLU", (grid(*SHAPE),), None),
    "rrelu, one slope": elementwise(
        "RReLU", lambda x: leaky(x, 0.25), lower=0.25, upper=0.25
    ),
    "threshold": elementwise(
        "Threshold", lambda x: np.where(x > 0.5, x, 3), threshold=0.5, value=3.0
    ),
    "threshold at its corner": at_corners(
        "Threshold", [0.5], lambda x: x * 0 - 1, threshold=0.5, value=-1.0
    ),
    "threshold of integers": Case(
        "threshold",
        (np.arange(-3, 4),),
        lambda state, x: np.where(x > 1, x, 7),
        {"threshold": 1, "value": 7},
        smooth=False,
    ),
    "elu": elementwise("ELU", lambda x: reference.elu(x, 0.5), alpha=0.5),
    "elu at 0": at_corners("ELU", [0.0, 60.0], lambda x: x, alpha=2.0),
    "celu": elementwise("CELU", lambda x: celu(x, 0.75), alpha=0.75),
    "celu at 0": at_corners("CELU", [0.0, 60.0], lambda x: x, alpha=2.0),
    "celu, turned": elementwise("CELU", lambda x: celu(x, -4.0), alpha=-4.0),
    "selu": elementwise("SELU", selu),
    "selu at 0": at_corners("SELU", [0.0], lambda x: x),
    "gelu": elementwise("GELU", reference.gelu),
    "gelu, tanh": elementwise("GELU", reference.gelu_tanh, approximate="tanh"),
    "silu": elementwise("SiLU", lambda x: x * sigmoid(x)),
    "mish": elementwise("Mish", lambda x: x * np.tanh(softplus(x))),
    "sigmoid": elementwise("Sigmoid", sigmoid),
    "sigmoid of integers": Case(
        "sigmoid", (np.arange(-3, 4),), lambda state, x: sigmoid(x), smooth=False
    ),
    "logsigmoid": elementwise("LogSigmoid", log_sigmoid),
    "tanh": elementwise("Tanh", reference.hyperbolic_tangent),
    "softplus": elementwise("Softplus", softplus),
    "softplus, beyond its threshold": elementwise(
        "Softplus", lambda x: softplus(x, 3, 1), beta=3, threshold=1
    ),
    "softplus at its threshold": at_corners("Softplus", [20.0], softplus),
    "hardshrink": elementwise("Hardshrink", lambda x: shrunk(x, 0.75, 0), lambd=0.75),
    "hardshrink at its corners": at_corners(
        "Hardshrink", [-0.5, 0.0, 0.5], lambda x: x * 0
    ),
    "softshrink": elementwise(
        "Softshrink", lambda x: shrunk(x, 0.75, 0.75), lambd=0.75
    ),
    "softshrink at its corners": at_corners(
        "Softshrink", [-0.5, 0.0, 0.5], lambda x: x * 0
    ),
    "tanhshrink": elementwise(
        "Tanhshrink", lambda x: x - reference.hyperbolic_tangent(x), wide=True
    ),
    "softsign": elementwise("Softsign", lambda x: x / (1 + np.abs(x))),
    "softsign at 0": at_corners("Softsign", [0.0], lambda x: x),
    "hardtanh": elementwise("Hardtanh", lambda x: between(x, -1, 1)),
    "hardtanh, other bounds": elementwise(
        "Hardtanh", lambda x: between(x, 0.25, 1.5), min_val=0.25, max_val=1.5
    ),
    "hardtanh at its corners": at_corners("Hardtanh", [-1.0, 1.0], lambda x: x),
    # torch's slope is 1/6 in float32
    "hardsigmoid": elementwise(
        "Hardsigmoid", hard_sigmoid, wide=True, torch_digits=1e-7
    ),
    "hardsigmoid at its corners": at_corners("Hardsigmoid", [-3.0, 3.0], hard_sigmoid),
    "hardswish": elementwise("Hardswish", lambda x: x * hard_sigmoid(x), wide=True),
    "hardswish at its corners": at_corners(
        "Hardswish", [-3.0, 0.0, 3.0], lambda x: x * hard_sigmoid(x)
    ),
    "glu": along("GLU", lambda x: reference.glu(x, -1), (2, 3, 4)),
    "glu, channels": along("GLU", lambda x: reference.glu(x, 1), (2, 6, 3), dim=1),
    "softmax": along("Softmax", lambda x: reference.softmax(x, 1), (2, 3, 4), dim=1),
    "softmax, last": along("Softmax", lambda x: reference.softmax(x, -1), (5,), dim=-1),
    "gumbel softmax": Case("gumbel_softmax", (grid(4, 5),), None, {"tau": 0.5}),
    "gumbel softmax, hard": Case("gumbel_softmax", (grid(4, 5),), None, {"hard": True}),
    "softmin": along("Softmin", lambda x: reference.softmax(-x, 1), (2, 3, 4), dim=1),
    "log_softmax": along(
        "LogSoftmax", lambda x: np.log(reference.softmax(x, 1)), (2, 3, 4), dim=1
    ),
    "softmax2d": along("Softmax2d", lambda x: reference.softmax(x, -3), (2, 3, 2, 2)),
    "softmax2d, one image": along(
        "Softmax2d", lambda x: reference.softmax(x, -3), (3, 2, 2)
    ),
}
