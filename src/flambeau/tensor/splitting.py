"""One tensor into several, each a view: split, chunk and their relatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from ..shape import axis_of
from .arguments import ints_of
from .parts import slice_dim

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "chunk",
    "dsplit",
    "hsplit",
    "split",
    "split_with_sizes",
    "tensor_split",
    "vsplit",
]


_F = TypeVar("_F", bound=Callable[..., Any])


def _says_which(function: _F) -> _F:
    """Let `indices_or_sections` be named by the one it is, as torch does."""

    @wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        for name in ("indices", "sections"):
            if name in named:
                named["indices_or_sections"] = named.pop(name)
        return function(*args, **named)

    return call  # type: ignore[return-value]


def _cut(input: Tensor, axis: int, edges: Sequence[int]) -> tuple[Tensor, ...]:
    """Return the parts between neighbouring edges."""
    return tuple(
        slice_dim(input, axis, low, max(high - low, 0)) for low, high in pairwise(edges)
    )


def _check_splittable(name: str, input: Tensor) -> None:
    if not input.ndim:
        raise RuntimeError(f"{name} expects at least a 1-dimensional tensor")


def split(
    tensor: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0
) -> tuple[Tensor, ...]:
    """Split one dimension into parts of a size, or of a list of sizes.

    Args:
        tensor: any shape but 0-d.
        split_size_or_sections: the size of every part (the last may be smaller), or
            the sizes of all of them.
        dim: the dimension to split.

    Raises:
        RuntimeError: the size is not positive, or the sizes do not sum up.

    Source: torch's page "torch.split".

    Example:
        >>> import flambeau as torch
        >>> [part.tolist() for part in torch.arange(5).split(2)]
        [[0, 1], [2, 3], [4]]
    """
    if not hasattr(split_size_or_sections, "__index__"):
        return split_with_sizes(tensor, split_size_or_sections, dim)
    _check_splittable("split", tensor)
    [each] = ints_of((split_size_or_sections,))
    axis = axis_of(dim, tensor.ndim)
    size = tensor.shape[axis]
    if each < 0:
        raise RuntimeError(
            f"split expects split_size be non-negative, but got split_size={each}"
        )
    if each == 0 and size:
        raise RuntimeError(
            "split_size can only be 0 if dimension size is 0, but got dimension size "
            f"of {size}"
        )
    starts = list(range(0, size, each)) if size else [0]
    return _cut(tensor, axis, [*starts, size])


def split_method(
    input: Tensor, split_size: int | Sequence[int], dim: int = 0
) -> tuple[Tensor, ...]:
    """Split one dimension into parts: `split`, whose size has another name here."""
    return split(input, split_size, dim)


def split_with_sizes(
    input: Tensor, split_sizes: Sequence[int], dim: int = 0
) -> tuple[Tensor, ...]:
    """Split one dimension into parts of the given sizes.

    Raises:
        RuntimeError: the sizes do not sum up to the dimension's.
    """
    _check_splittable("split_with_sizes", input)
    axis, sizes = axis_of(dim, input.ndim), ints_of((split_sizes,))
    size = input.shape[axis]
    if any(each < 0 for each in sizes):
        raise RuntimeError(
            "split_with_sizes expects split_sizes have only non-negative entries, "
            f"but got split_sizes={list(sizes)}"
        )
    if sum(sizes) != size:
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {size} (input "
            f"tensor's size at dimension {axis}), but got split_sizes={list(sizes)}"
        )
    return _cut(input, axis, [0, *accumulate(sizes)])


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Split one dimension into at most `chunks` parts of one size, the last smaller.

    Raises:
        RuntimeError: `chunks` is not positive.

    Example:
        >>> import flambeau as torch
        >>> [part.tolist() for part in torch.arange(5).chunk(2)]
        [[0, 1, 2], [3, 4]]
    """
    _check_splittable("chunk", input)
    if chunks <= 0:
        raise RuntimeError(
            f"chunk expects `chunks` to be greater than 0, got: {chunks}"
        )
    axis = axis_of(dim, input.ndim)
    size = input.shape[axis]
    if not size:
        return split_with_sizes(input, [0] * chunks, axis)
    return split(input, -(-size // chunks), axis)


@_says_which
def tensor_split(
    input: Tensor,
    indices_or_sections: int | Sequence[int] | Tensor,
    dim: int = 0,
) -> tuple[Tensor, ...]:
    """Split one dimension into nearly equal parts, or at the given positions.

    Args:
        input: any shape but 0-d.
        indices_or_sections: the number of parts, the first ones larger by one, or
            the positions before which to cut.
        dim: the dimension to split.

    Raises:
        RuntimeError: the number of parts is not positive.

    Example:
        >>> import flambeau as torch
        >>> [part.tolist() for part in torch.arange(5).tensor_split(2)]
        [[0, 1, 2], [3, 4]]
        >>> [part.tolist() for part in torch.arange(5).tensor_split((1, 3))]
        [[0], [1, 2], [3, 4]]
    """
    _check_splittable("tensor_split", input)
    axis = axis_of(dim, input.ndim)
    size = input.shape[axis]
    given: Any = indices_or_sections
    if getattr(given, "ndim", 0) == 1:
        given = given.tolist()
    if not hasattr(given, "__index__"):
        inner = [slice(None, each).indices(size)[1] for each in ints_of((given,))]
        return _cut(input, axis, [0, *inner, size])
    [sections] = ints_of((given,))
    if sections <= 0:
        raise RuntimeError(f"number of sections must be larger than 0, got {sections}")
    each, larger = divmod(size, sections)
    sizes = [each + (number < larger) for number in range(sections)]
    return _cut(input, axis, [0, *accumulate(sizes)])


def _named_split(name: str, input: Tensor, sections: Any, axis: int, ndim: int) -> Any:
    if input.ndim < ndim:
        raise RuntimeError(
            f"torch.{name} requires a tensor with at least {ndim} dimension, but got "
            f"a tensor with {input.ndim} dimensions!"
        )
    if hasattr(sections, "__index__"):
        size = input.shape[axis]
        if sections <= 0 or size % sections:
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {axis}, but the "
                f"size of the dimension {size} is not divisible by the split_size "
                f"{sections}!"
            )
    return tensor_split(input, sections, axis)


@_says_which
def hsplit(
    input: Tensor, indices_or_sections: int | Sequence[int]
) -> tuple[Tensor, ...]:
    """Split the columns into equal parts, or at positions; a 1-d tensor's elements."""
    axis = 0 if input.ndim == 1 else 1
    return _named_split("hsplit", input, indices_or_sections, axis, 1)


@_says_which
def vsplit(
    input: Tensor, indices_or_sections: int | Sequence[int]
) -> tuple[Tensor, ...]:
    """Split the rows into equal parts, or at positions."""
    return _named_split("vsplit", input, indices_or_sections, 0, 2)


@_says_which
def dsplit(
    input: Tensor, indices_or_sections: int | Sequence[int]
) -> tuple[Tensor, ...]:
    """Split the third dimension into equal parts, or at positions."""
    return _named_split("dsplit", input, indices_or_sections, 2, 3)
