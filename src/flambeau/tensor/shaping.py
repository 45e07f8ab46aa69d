"""The same elements under another shape: views where strides allow it."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from .. import dtypes as dt
from ..ops.broadcast import expand_view, reshape_view
from ..shape import axes_of, axis_of, broadcast_shapes, resolve_size
from .arguments import ints_of, takes_ints
from .bits import view_as_dtype
from .handle import (
    Layout,
    Steps,
    layout_of,
    layout_through,
    show,
    show_in_place,
    show_steps,
)

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_tensors",
    "broadcast_to",
    "expand",
    "expand_as",
    "flatten",
    "ravel",
    "reshape",
    "reshape_as",
    "squeeze",
    "squeeze_",
    "unflatten",
    "unsqueeze",
    "unsqueeze_",
    "view",
    "view_as",
]

Shape = tuple[int, ...]
Dims = int | Sequence[int]

# Another shape


def view(
    input: Tensor, *size: Any, dtype: dt.dtype | None = None, **named: Any
) -> Tensor:
    """Return the same memory under another shape, or as elements of another dtype.

    Args:
        input: any shape.
        size: the sizes, as ints or one sequence; one of them may be -1. A dtype may
            stand here, too.
        named: the sizes as `size`.
        dtype: the dtype, in place of sizes: the last dimension grows or shrinks with
            the elements' size, and no gradient passes.

    Raises:
        RuntimeError: the sizes do not hold as many elements, or no strides can show
            the memory like this; `reshape` then copies.

    Source: torch's page "torch.Tensor.view".

    Example:
        >>> import flambeau as torch
        >>> x = torch.zeros(2, 3)
        >>> x.view(-1)[0] = 1
        >>> x
        tensor([[1., 0., 0.],
                [0., 0., 0.]])
        >>> torch.ones(2).view(torch.int32)
        tensor([1065353216, 1065353216], dtype=torch.int32)
    """
    if size and isinstance(size[0], dt.dtype):
        (dtype,) = size
    if dtype is not None:
        return view_as_dtype(input, dtype)
    return _view(input, *size, **named)


@takes_ints("size")
def _view(input: Tensor, size: Shape) -> Tensor:
    sizes = resolve_size(size, input.numel())
    layout = layout_through(input, reshape_view, {"shape": sizes})
    if layout is None:
        raise RuntimeError(
            f"view: shape {list(sizes)} is not compatible with input tensor's size "
            f"{list(input.shape)} and stride {list(input.stride())} (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) "
            "instead."
        )
    return show_steps(input, ((reshape_view, {"shape": sizes}),), layout)


@takes_ints("shape")
def reshape(input: Tensor, shape: Shape) -> Tensor:
    """Return the elements in row-major order under another shape.

    The result shares memory with `input` where strides can express that.

    Args:
        input: any shape.
        shape: the sizes, as ints or one sequence; one of them may be -1.

    Raises:
        RuntimeError: the sizes do not hold as many elements.

    Example:
        >>> import flambeau as torch
        >>> torch.arange(6).reshape(2, -1)
        tensor([[0, 1, 2],
                [3, 4, 5]])
    """
    sizes = resolve_size(shape, input.numel())
    return show(input, reshape_view, shape=sizes)


def view_as(input: Tensor, other: Tensor) -> Tensor:
    """Return the same memory under the shape of `other`."""
    return view(input, other.shape)


def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """Return the elements in row-major order under the shape of `other`."""
    return reshape(input, other.shape)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Merge the dimensions from `start_dim` to `end_dim` into one.

    Raises:
        RuntimeError: `start_dim` comes after `end_dim`.

    Example:
        >>> import flambeau as torch
        >>> torch.zeros(2, 3, 4).flatten(1).shape
        torch.Size([2, 12])
    """
    first, last = axis_of(start_dim, input.ndim), axis_of(end_dim, input.ndim)
    if first > last:
        raise RuntimeError(
            "flatten() has invalid args: start_dim cannot come after end_dim, got "
            f"{start_dim} and {end_dim} for shape {tuple(input.shape)}"
        )
    shape = input._node.shape
    if input.ndim and first == last:
        return input
    merged = prod(shape[first : last + 1])
    return show(input, reshape_view, shape=(*shape[:first], merged, *shape[last + 1 :]))


def ravel(input: Tensor) -> Tensor:
    """Return all elements in one dimension, in row-major order."""
    return reshape(input, -1)


def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """Split one dimension into several.

    Args:
        input: any shape but 0-d.
        dim: the dimension to split.
        sizes: what it becomes; one of them may be -1.

    Raises:
        RuntimeError: the sizes do not multiply up to the size of `dim`.

    Example:
        >>> import flambeau as torch
        >>> torch.zeros(2, 12).unflatten(1, (3, -1)).shape
        torch.Size([2, 3, 4])
    """
    axis, sizes = axis_of(dim, input.ndim), ints_of((sizes,))
    if not sizes:
        raise RuntimeError("unflatten: sizes must be non-empty")
    size = input.shape[axis]
    try:
        split = resolve_size(sizes, size)
    except RuntimeError:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size "
            f"of dim {dim} ({size}) in the input tensor"
        ) from None
    return view(input, (*input.shape[:axis], *split, *input.shape[axis + 1 :]))


# Dimensions of size 1


def _without(values: Sequence[int], axes: Sequence[int]) -> Shape:
    return tuple(each for at, each in enumerate(values) if at not in axes)


def _squeezed(input: Tensor, dim: Dims | None) -> tuple[Steps, Layout]:
    shape = input._node.shape
    axes = [at for at in axes_of(dim, len(shape)) if shape[at] == 1]
    strides, offset = layout_of(input)
    steps = ((reshape_view, {"shape": _without(shape, axes)}),)
    return steps, (_without(strides, axes), offset)


def squeeze(input: Tensor, dim: Dims | None = None) -> Tensor:
    """Remove dimensions of size 1.

    Args:
        input: any shape.
        dim: one or several dimensions to remove if their size is 1; None for all.

    Example:
        >>> import flambeau as torch
        >>> torch.zeros(1, 2, 1).squeeze(0).shape
        torch.Size([2, 1])
    """
    return show_steps(input, *_squeezed(input, dim))


def squeeze_(input: Tensor, dim: Dims | None = None) -> Tensor:
    """Remove dimensions of size 1 from the tensor itself."""
    return show_in_place(input, *_squeezed(input, dim))


def _unsqueezed(input: Tensor, dim: int) -> tuple[Steps, Layout]:
    shape = input._node.shape
    axis = axis_of(dim, len(shape) + 1)
    strides, offset = layout_of(input)
    step = shape[axis] * strides[axis] if axis < len(shape) else 1
    steps = ((reshape_view, {"shape": (*shape[:axis], 1, *shape[axis:])}),)
    return steps, ((*strides[:axis], step, *strides[axis:]), offset)


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """Insert a dimension of size 1 at `dim`.

    Example:
        >>> import flambeau as torch
        >>> torch.zeros(2, 3).unsqueeze(-1).shape
        torch.Size([2, 3, 1])
    """
    return show_steps(input, *_unsqueezed(input, dim))


def unsqueeze_(input: Tensor, dim: int) -> Tensor:
    """Insert a dimension of size 1 into the tensor itself."""
    return show_in_place(input, *_unsqueezed(input, dim))


def _at_least(tensors: Sequence[Any], ndim: int, places: dict[int, Shape]) -> Any:
    """Add dimensions; `places` says where, for each number of dimensions."""
    many = len(tensors) != 1 or isinstance(tensors[0], (list, tuple))
    group = tensors[0] if many and len(tensors) == 1 else tensors
    results = []
    for each in group:
        for dim in places[each.ndim] if each.ndim < ndim else ():
            each = unsqueeze(each, dim)
        results.append(each)
    return tuple(results) if many else results[0]


def atleast_1d(*tensors: Any) -> Any:
    """Return each tensor with at least one dimension; a tuple for several."""
    return _at_least(tensors, 1, {0: (0,)})


def atleast_2d(*tensors: Any) -> Any:
    """Return each tensor with at least two dimensions, new ones first."""
    return _at_least(tensors, 2, {0: (0, 0), 1: (0,)})


def atleast_3d(*tensors: Any) -> Any:
    """Return each tensor with at least three dimensions; a matrix gets a last one."""
    return _at_least(tensors, 3, {0: (0, 0, 0), 1: (0, 2), 2: (2,)})


# Repeating without copying


@takes_ints("size")
def expand(input: Tensor, size: Shape) -> Tensor:
    """Show dimensions of size 1, and new leading ones, repeated.

    Args:
        input: any shape.
        size: the sizes wanted, as ints or one sequence; -1 keeps a size.

    Raises:
        RuntimeError: a size differs from the input's, which is not 1.

    Source: torch's page "torch.Tensor.expand".

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([[1], [2]]).expand(-1, 3)
        tensor([[1, 1, 1],
                [2, 2, 2]])
    """
    shape = input._node.shape
    extra = len(size) - len(shape)
    if extra < 0:
        raise RuntimeError(
            f"expand: the number of sizes provided ({len(size)}: {list(size)}) "
            "must be greater or equal to the number of dimensions in the tensor "
            f"({len(shape)}: {list(shape)})"
        )
    target = list(size)
    for at, wanted in enumerate(size):
        mine = shape[at - extra] if at >= extra else 1
        if wanted == -1 and at >= extra:
            target[at] = mine
        elif wanted < 0:
            raise RuntimeError(
                f"expand: The expanded size of the tensor ({wanted}) isn't allowed in "
                f"a leading, non-existing dimension {at}"
            )
        elif wanted != mine and mine != 1:
            raise RuntimeError(
                f"The expanded size of the tensor ({wanted}) must match the existing "
                f"size ({mine}) at non-singleton dimension {at}.  Target sizes: "
                f"{list(size)}.  Tensor sizes: {list(shape)}"
            )
    return show(input, expand_view, shape=tuple(target))


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """Show the tensor repeated to the shape of `other`."""
    return expand(input, other.shape)


@takes_ints("size")
def broadcast_to(input: Tensor, size: Shape) -> Tensor:
    """Show the tensor repeated to a shape it broadcasts to."""
    return expand(input, size)


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Show all tensors repeated to the shape they broadcast to.

    Raises:
        RuntimeError: their shapes do not broadcast.

    Example:
        >>> import flambeau as torch
        >>> a, b = torch.broadcast_tensors(torch.zeros(3), torch.zeros(2, 1))
        >>> a.shape == b.shape == (2, 3)
        True
    """
    group = (
        tensors[0] if len(tensors) == 1 and isinstance(tensors[0], list) else tensors
    )
    shape = broadcast_shapes(*(each.shape for each in group))
    return tuple(expand(each, shape) for each in group)
