"""Questions about tensors and shapes that need no values, and `detach`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import dtypes as dt
from .. import shape as shapes_of
from ..layouts import memory_format
from .creation import tensor as tensor_of
from .handle import Handle

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "broadcast_shapes",
    "can_cast",
    "dense_dim",
    "detach",
    "dim_order",
    "is_complex",
    "is_conj",
    "is_distributed",
    "is_floating_point",
    "is_inference",
    "is_nonzero",
    "is_same_size",
    "is_signed",
    "is_tensor",
    "numel",
    "sparse_dim",
    "typename",
]


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


def is_complex(input: Tensor) -> bool:
    """Return whether the element type is complex."""
    return _tensor("is_complex", input).is_complex()


def is_signed(input: Tensor) -> bool:
    """Return whether the element type has negative values."""
    return _tensor("is_signed", input).dtype.is_signed


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Return whether two tensors have the same shape."""
    return input.shape == other.shape


def is_distributed(input: Tensor) -> bool:
    """Return False: a tensor is in one process."""
    return False


def dense_dim(input: Tensor) -> int:
    """Return the number of dimensions: no tensor is sparse."""
    return input.ndim


def sparse_dim(input: Tensor) -> int:
    """Return 0: no tensor is sparse."""
    return 0


def dim_order(
    input: Tensor, *, ambiguity_check: bool | list[memory_format] = False
) -> tuple[int, ...]:
    """Return the dimensions from the outermost in memory to the innermost.

    Args:
        input: any shape.
        ambiguity_check: refuse tensors that have several such orders, because a
            dimension is 1 or two strides are equal; with a list, except those that are
            dense in exactly one of these formats.

    Raises:
        TypeError: `ambiguity_check` is something else.
        RuntimeError: there are several orders.

    Source: torch's page "torch.Tensor.dim_order".

    Example:
        >>> import flambeau as torch
        >>> torch.ones(2, 3, 4).permute(0, 2, 1).dim_order()
        (0, 2, 1)
    """
    known = ambiguity_check if isinstance(ambiguity_check, list) else []
    if not isinstance(ambiguity_check, bool | list) or not all(
        isinstance(each, memory_format) for each in known
    ):
        raise TypeError(
            "The ambiguity_check argument must be a bool or a list of memory formats."
        )
    sizes, strides = input.shape, input.stride()
    several = 1 in sizes or len(set(strides)) < len(strides)
    wanted = ambiguity_check is not False and several
    if wanted and sum(map(input.is_contiguous, known)) != 1:
        text = "The tensor does not have unique dim order"
        if 0 not in strides:
            text += ", or cannot map to exact one of the given memory formats"
        raise RuntimeError(f"{text}.")
    return _from_outside(sizes, strides)


def _from_outside(sizes: Sequence[int], strides: Sequence[int]) -> tuple[int, ...]:
    """Sort dimensions by insertion; those whose stride is 0 stay where they are."""
    order = [*reversed(range(len(sizes)))]
    for last in range(1, len(order)):
        place = last
        for at in reversed(range(last)):
            inner, outer = order[at], order[place]
            if not strides[inner] or not strides[outer]:
                continue
            if strides[inner] < strides[outer]:
                break
            if (strides[inner], sizes[inner]) > (strides[outer], sizes[outer]):
                order[at], order[place] = outer, inner
                place = at
    return tuple(reversed(order))


def is_conj(input: Tensor) -> bool:
    """Return False: conjugates are computed, not marked."""
    return _tensor("is_conj", input).is_conj()


def is_inference(input: Tensor) -> bool:
    """Return whether a tensor was made in inference mode."""
    return _tensor("is_inference", input).is_inference()


def typename(obj: object) -> str:
    """Return the name of a tensor's type, or of another object's class.

    Example:
        >>> import flambeau as torch
        >>> torch.typename(torch.ones(2)), torch.typename(3)
        ('torch.FloatTensor', 'int')
    """
    if isinstance(obj, Handle):
        return obj.type()  # type: ignore[attr-defined]
    named = obj if hasattr(obj, "__qualname__") else type(obj)
    home = getattr(named, "__module__", None) or ""
    place = "" if home == "builtins" else f"{home}."
    return place + named.__qualname__


def is_nonzero(input: Tensor) -> bool:
    """Return whether the only element is not 0.

    Raises:
        RuntimeError: there is not exactly one element.

    Example:
        >>> import flambeau as torch
        >>> torch.is_nonzero(torch.tensor([0.5]))
        True
    """
    return bool(_tensor("is_nonzero", input))


def can_cast(from_: dt.dtype, to: dt.dtype) -> bool:
    """Return whether in-place operations may convert a dtype to another.

    Example:
        >>> import flambeau as torch
        >>> torch.can_cast(torch.float64, torch.float32)
        True
        >>> torch.can_cast(torch.float64, torch.int32)
        False
    """
    return dt.category(from_) <= dt.category(to)


def _shape_as_tensor(input: Tensor) -> Tensor:
    """Return the sizes as a tensor of int64."""
    return tensor_of(list(input.shape), dtype=dt.int64)


def _assert(condition: Any, message: str) -> None:
    """Raise where a condition does not hold; torch's own networks ask so.

    Raises:
        AssertionError: it does not.
    """
    assert condition, message
