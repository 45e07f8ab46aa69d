"""What every function does with its arguments: tensors in, results out."""

from __future__ import annotations

from ...graph import Node
from ...tensor import Tensor
from ...tensor.handle import wrap
from ...tensor.inplace import write_back
from ...tensor.operands import node_of

__all__ = ["node_of", "result"]


def result(y: Node, input: Tensor, inplace: bool) -> Tensor:
    """Return a result as a new tensor, or written into the input and then that."""
    return write_back(input, wrap(y)) if inplace else wrap(y)
