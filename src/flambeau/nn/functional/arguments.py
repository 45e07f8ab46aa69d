"""What every function does with its arguments: tensors in, results out."""

from __future__ import annotations

from ...graph import Node
from ...tensor import Tensor
from ...tensor.handle import wrap
from ...tensor.inplace import write_back

__all__ = ["node_of", "result"]


def node_of(name: str, argument: str, value: Tensor) -> Node:
    """Return the node of a tensor argument.

    Raises:
        TypeError: it is not a tensor.
    """
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name}: {argument} must be a Tensor, got {type(value).__name__}; "
            f"write torch.as_tensor({argument})"
        )
    return value.node


def result(y: Node, input: Tensor, inplace: bool) -> Tensor:
    """Return a result as a new tensor, or written into the input and then that."""
    return write_back(input, wrap(y)) if inplace else wrap(y)
