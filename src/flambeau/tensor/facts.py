"""Questions about tensors and shapes that need no values, and `detach`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import shape as shapes_of
from .handle import Handle

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["broadcast_shapes", "detach", "is_floating_point", "is_tensor", "numel"]


def is_tensor(obj: object) -> bool:
    """Return whether an object is a tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.is_tensor(torch.ones(2)), torch.is_tensor([1.0])
        (True, False)
    """
    return isinstance(obj, Handle)


def numel(input: Tensor) -> int:
    """Return the number of elements.

    Raises:
        TypeError: not a tensor.
    """
    return _tensor("numel", input).numel()


def is_floating_point(input: Tensor) -> bool:
    """Return whether the element type is a float.

    Raises:
        TypeError: not a tensor.
    """
    return _tensor("is_floating_point", input).is_floating_point()


def _tensor(name: str, value: Any) -> Tensor:
    if not isinstance(value, Handle):
        raise TypeError(
            f"{name}(): argument 'input' (position 1) must be Tensor, not "
            f"{type(value).__name__}"
        )
    return value  # type: ignore[return-value]


def broadcast_shapes(*shapes: int | Sequence[int]) -> shapes_of.Size:
    """Return the shape that tensors of all these shapes broadcast to.

    Args:
        shapes: sequences of sizes; an int is a shape of one dimension.

    Raises:
        RuntimeError: the shapes do not broadcast.

    Source: torch's page "torch.broadcast_shapes".

    Example:
        >>> import flambeau as torch
        >>> torch.broadcast_shapes((2, 1), (3,), 1)
        torch.Size([2, 3])
    """
    listed = [(each,) if isinstance(each, int) else tuple(each) for each in shapes]
    return shapes_of.Size(shapes_of.broadcast_shapes(*listed) if listed else ())


def detach(input: Tensor) -> Tensor:
    """Return the same memory as a tensor that no gradient flows through."""
    return input.detach()
