"""One use of an ONNX operator: its inputs, attributes and version; and the registry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import dtypes as dt
from ...graph import constant
from ...tensor import Tensor, wrap
from .narrow import widened

__all__ = ["OPERATORS", "Call", "Operator", "Value", "as_tensor", "operator"]

Value = Tensor | np.ndarray
"""A value of the graph; an array where it is known before the model runs."""


@dataclass
class Call:
    """What an operator is called with.

    Attributes:
        kind: the operator's name.
        values: the inputs, None for one that is left out.
        attributes: by name, as Python values.
        opset: the version of the operators that the file is written for.
        outputs: how many results are used.
        training: whether the model is in training mode.
    """

    kind: str
    values: list[Value | None]
    attributes: dict[str, Any]
    opset: int
    outputs: int = 1
    training: bool = False

    def __getitem__(self, at: int) -> Tensor:
        value = self.optional(at)
        if value is None:
            raise ValueError(f"onnx: {self.kind} needs its input {at}, which is absent")
        return value

    def optional(self, at: int) -> Tensor | None:
        """Return an input as a tensor, None if it is left out."""
        value = self.values[at] if at < len(self.values) else None
        return as_tensor(value) if isinstance(value, np.ndarray) else value

    def tensors(self) -> list[Tensor]:
        """Return all inputs as tensors."""
        return [self[at] for at in range(len(self.values))]

    def has(self, at: int) -> bool:
        """Tell whether an input is given."""
        return at < len(self.values) and self.values[at] is not None

    def numbers(self, at: int) -> list[Any]:
        """Return the elements of an input whose values the shapes depend on."""
        value = self.values[at]
        array = value if isinstance(value, np.ndarray) else self[at].detach().numpy()
        return list(array.reshape(-1).tolist())

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute."""
        return self.attributes.get(name, default)

    def listed(self, at: int, name: str) -> list[int] | None:
        """Return integers given as an input, or in older versions as an attribute."""
        if self.has(at):
            return self.numbers(at)
        found = self.get(name)
        return None if found is None else list(found)


def as_tensor(array: np.ndarray) -> Tensor:
    """Return a constant tensor of an array that nobody writes to.

    Numbers of at most 8 bits come in the dtype that holds them.

    Raises:
        NotImplementedError: the array's dtype is none of flambeau's.
    """
    array = widened(array)
    try:
        dt.from_numpy_dtype(array.dtype)
    except TypeError as error:
        raise NotImplementedError(
            f"onnx: flambeau has no dtype {array.dtype}; it has "
            "float16/32/64, bfloat16, int8-64, uint8-64 and bool"
        ) from error
    return wrap(constant(array))


Operator = Callable[[Call], Any]
"""Computes an operator: returns its result, or a tuple of results."""

OPERATORS: dict[str, Operator] = {}


def operator(*kinds: str) -> Callable[[Operator], Operator]:
    """Enter a function into the registry under operators' names."""

    def enter(function: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(kinds, function))
        return function

    return enter
