"""A table of a model's layers: output shapes, parameters, multiply-adds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from ..autograd import no_grad
from ..nn import Module
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


def summarize(model: Module, input_shape: Sequence[int]) -> list[Layer]:
    """Run a model once and return its layers in the order in which they ran.

    Args:
        model: any module that takes one tensor.
        input_shape: the input's shape without the batch, such as (3, 32, 32).

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
            model(zeros(1, *input_shape))
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    return rows


def _recorder(name: str, rows: list[Layer]) -> Any:
    def note(module: Module, inputs: Any, output: Any) -> None:
        first = output if isinstance(output, Tensor) else output[0]
        own = sum(each.numel() for each in module.parameters(recurse=False))
        rows.append(
            Layer(
                name,
                type(module).__name__,
                tuple(first.shape),
                own,
                _multiply_adds(module, first),
            )
        )

    return note


def _multiply_adds(module: Module, output: Tensor) -> int:
    """Every element of a matrix or filter is used once for each output position."""
    weight = getattr(module, "weight", None)
    if not isinstance(weight, Tensor) or weight.ndim < 2:
        return 0
    positions = prod(output.shape[2:]) if weight.ndim > 2 else prod(output.shape[1:-1])
    return weight.numel() * positions
