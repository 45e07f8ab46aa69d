"""Modules that ONNX has an operator for, exported under their parameters' names."""

from __future__ import annotations

import numpy as np

from ...graph import Node
from ...nn import LayerNorm, Module
from ...nn.batchnorm import _BatchNorm
from ...nn.recurrent import RNNBase
from ...tensor import Tensor
from ..exporter import Exporter, WholeRule
from ..trace import Call
from .recurrent import RECURRENT, is_whole_recurrent

__all__ = ["WHOLE", "is_whole"]


def _batch_norm(to: Exporter, call: Call) -> list[str]:
    """Batch norm as a node of its own, or folded into the convolution before it."""
    module, (x,) = call.module, call.inputs
    value = to.value(x)
    if to.fold and to.is_read_once(x) and to.writer.maker(value)[0] == "Conv":
        return [_folded(to, value, module)]
    channels, kind = x.shape[1], x.dtype.numpy
    parts = [
        _parameter(to, module.weight, "weight", np.ones(channels, kind)),
        _parameter(to, module.bias, "bias", np.zeros(channels, kind)),
        _parameter(to, module.running_mean, "running_mean"),
        _parameter(to, module.running_var, "running_var"),
    ]
    return [to.writer.add("BatchNormalization", value, *parts, epsilon=module.eps)]


def _parameter(
    to: Exporter, tensor: Tensor | None, name: str, default: np.ndarray | None = None
) -> str:
    """The name of a module's parameter or buffer in the file."""
    array = default if tensor is None else tensor.detach().numpy()
    return to.writer.constant(array, f"{to.writer.scope}.{name}".lstrip("."))


def _folded(to: Exporter, value: str, module: Module) -> str:
    """Scale the weights and shift the bias of a convolution as batch norm would."""
    exact = {
        name: None if each is None else each.detach().numpy().astype(np.float64)
        for name, each in (
            ("weight", module.weight),
            ("bias", module.bias),
            ("mean", module.running_mean),
            ("var", module.running_var),
        )
    }
    scale = 1 / np.sqrt(exact["var"] + module.eps)
    if exact["weight"] is not None:
        scale = scale * exact["weight"]
    inputs = to.writer.inputs_of(value)
    weight = to.writer.constants[inputs[1]]
    bias = to.writer.constants[inputs[2]] if len(inputs) > 2 else 0.0
    shift = (bias - exact["mean"]) * scale  # type: ignore[operator]
    if exact["bias"] is not None:
        shift = shift + exact["bias"]
    scaled = weight * scale.reshape(-1, *(1,) * (weight.ndim - 1))
    return to.writer.replace_inputs(
        value,
        inputs[0],
        to.writer.constant(scaled.astype(weight.dtype), f"{inputs[1]}_folded"),
        to.writer.constant(shift.astype(weight.dtype), f"{inputs[1]}_bias_folded"),
    )


def _layer_norm(to: Exporter, call: Call) -> list[str]:
    module, (x,) = call.module, call.inputs
    axes = len(module.normalized_shape)
    ones = np.ones(module.normalized_shape, x.dtype.numpy)
    parts = [_parameter(to, module.weight, "weight", ones)]
    if module.bias is not None:
        parts.append(_parameter(to, module.bias, "bias"))
    value = to.value(x)
    return [
        to.writer.add(
            "LayerNormalization", value, *parts, axis=-axes, epsilon=module.eps
        )
    ]


WHOLE: dict[type[Module], WholeRule] = {LayerNorm: _layer_norm, **RECURRENT}
for _norm in _BatchNorm.__subclasses__():
    WHOLE[_norm] = _batch_norm


def is_whole(module: Module, inputs: tuple[Node, ...]) -> bool:
    """Tell whether a call of a module is exported as a whole."""
    if isinstance(module, RNNBase) and not is_whole_recurrent(module, inputs):
        return False
    if isinstance(module, _BatchNorm) and module.running_mean is None:
        return False  # it normalises with the batch's own moments
    return type(module) in WHOLE
