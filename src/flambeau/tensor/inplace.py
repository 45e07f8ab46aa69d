"""In-place variants: compute the new values, then point every alias at them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .. import dtypes as dt
from ..ops.broadcast import expand
from ..shape import broadcasts_to
from .operands import Number, to_node

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["check_castable", "copy_", "fill_", "inplace", "write_back", "zero_"]


def write_back(target: Tensor, result: Tensor) -> Tensor:
    """Write `result` into `target`, if its shape and dtype allow it.

    Raises:
        RuntimeError: the result is larger than the target, or of a higher category.
    """
    new = result.node
    if new.shape != target._node.shape:
        raise RuntimeError(
            f"output with shape {list(target.shape)} doesn't match the broadcast "
            f"shape {list(result.shape)}"
        )
    check_castable(new.dtype, target.dtype)
    target.write(new)
    return target


def check_castable(kind: dt.dtype, wanted: dt.dtype) -> None:
    """Raise RuntimeError if a dtype is of a higher category than another."""
    if kind is not wanted and dt.category(kind) > dt.category(wanted):
        raise RuntimeError(
            f"result type {dt.scalar_name(kind)} can't be cast to the desired output "
            f"type {dt.scalar_name(wanted)}"
        )


def inplace(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return the method that writes what `function` computes into its first argument.

    Example:
        >>> import flambeau as torch
        >>> x = torch.ones(2)
        >>> x.add_(1)
        tensor([2., 2.])
    """

    @functools.wraps(function)
    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return write_back(self, function(self, *args, **kwargs))

    method.__name__ = method.__qualname__ = f"{function.__name__}_"
    method.__doc__ = f"Do `{function.__name__}` in place and return the tensor itself."
    return method


def copy_(input: Tensor, src: Tensor | Number, non_blocking: bool = False) -> Tensor:
    """Copy the elements of `src`, broadcast, into the tensor.

    Raises:
        RuntimeError: `src` does not broadcast to the tensor's shape.
    """
    node, shape = to_node(src, input.dtype), tuple(input.shape)
    if node.shape != shape:
        if not broadcasts_to(node.shape, shape):
            raise RuntimeError(
                f"copy_: a source of shape {node.shape} does not broadcast to the "
                f"tensor's shape {shape}"
            )
        node = expand(node, shape)
    input.write(node)
    return input


def fill_(input: Tensor, value: Tensor | Number) -> Tensor:
    """Set every element to a number or a 0-d tensor."""
    return copy_(input, value)


def zero_(input: Tensor) -> Tensor:
    """Set every element to 0."""
    return copy_(input, 0)
