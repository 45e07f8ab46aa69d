"""A table of a model's layers: output shapes, parameters, multiply-adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from ..autograd import no_grad
from ..dtypes import dtype as Dtype
from ..nn import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    Linear,
    Module,
)
from ..tensor import Tensor
from ..tensor.creation import zeros

__all__ = ["Layer", "summarize"]


@dataclass(frozen=True)
class Layer:
    """One layer of a model, as it ran.

    Attributes:
        name: its path in the model.
        kind: its class.
        output: its output's shape.
        parameters: how many numbers it learns.
        multiply_adds: multiplications of a weight in one forward pass.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int


def summarize(
    model: Module, input_shape: Sequence[int], dtype: Dtype | None = None
) -> list[Layer]:
    """Run a model once and return its layers in the order in which they ran.

    Args:
        model: any module that takes one tensor.
        input_shape: the input's shape without the batch, such as (3, 32, 32).
        dtype: the input's element type, by default the default float.

    Raises:
        Whatever the model raises for inputs of that shape.

    Example:
        >>> from flambeau.train import summarize
        >>> from flambeau.vision.models import simple_cnn
        >>> [layer.kind for layer in summarize(simple_cnn(), (3, 32, 32))]
        ['Conv2d', 'MaxPool2d', 'ReLU', 'Linear']
    """
    rows: list[Layer] = []
    handles = [
        module.register_forward_hook(_recorder(name or "(model)", rows))
        for name, module in model.named_modules()
        if not list(module.children())
    ]
    was_training = model.training
    model.eval()
    try:
        with no_grad():
            model(zeros(1, *input_shape, dtype=dtype))
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    return rows


def _recorder(name: str, rows: list[Layer]) -> Any:
    def note(module: Module, inputs: Any, output: Any) -> None:
        first = output if isinstance(output, Tensor) else output[0]
        own = sum(each.numel() for each in module.parameters(recurse=False))
        kind, shape = type(module).__name__, tuple(first.shape)
        work = _multiply_adds(module, inputs[0], first)
        rows.append(Layer(name, kind, shape, own, work))

    return note


def _multiply_adds(module: Module, source: Tensor, output: Tensor) -> int:
    """Each weight of a matrix or filter is used once for each position of the output.

    A transposed convolution uses it once for each position of the input.
    """
    weight = getattr(module, "weight", None)
    if isinstance(module, (Conv1d, Conv2d, Conv3d)):
        positions = prod(output.shape[2:])
    elif isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)):
        positions = prod(source.shape[2:])
    elif isinstance(module, Linear):
        positions = prod(output.shape[1:-1])
    else:
        return 0
    assert isinstance(weight, Tensor)
    return weight.numel() * positions
