"""Parts of a tensor, as views: slices, windows, and the memory itself."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from operator import index as as_index
from typing import TYPE_CHECKING, Any

from .. import dtypes as dt
from ..ops import movement
from ..ops.broadcast import reshape as reshape_node
from ..ops.broadcast import reshape_view
from ..shape import axis_of, contiguous_strides
from .arguments import ints_of, takes_ints
from .creation import empty
from .handle import Handle, Steps, layout_of, memory_of, show, show_in_place, show_steps
from .shaping import reshape

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "as_strided",
    "as_strided_",
    "empty_permuted",
    "empty_strided",
    "narrow",
    "new_empty_strided",
    "resize_",
    "resize_as_",
    "select",
    "select_at",
    "slice_dim",
    "unbind",
    "unfold",
]


Shape = tuple[int, ...]


def narrow(input: Tensor, dim: int, start: Tensor | int, length: int) -> Tensor:
    """Return the part of one dimension from `start`, `length` elements long.

    Raises:
        IndexError: `start` is outside the dimension.
        RuntimeError: the part does not fit, or the tensor is 0-d.

    Example:
        >>> import flambeau as torch
        >>> torch.arange(5).narrow(0, 1, 3)
        tensor([1, 2, 3])
    """
    if not input.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if isinstance(start, Handle):
        node = start.node
        if node.ndim or node.dtype.is_floating_point or node.dtype is dt.bool_:
            raise RuntimeError("start must be an 0-dim integral Tensor.")
    axis, first = axis_of(dim, input.ndim), as_index(start)
    size = input.shape[axis]
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, got {length}")
    if not -size <= first <= size:
        raise IndexError(
            f"start out of range (expected to be in range of [{-size}, {size}], but "
            f"got {first})"
        )
    first += size if first < 0 else 0
    if first + length > size:
        raise RuntimeError(
            f"start ({first}) + length ({length}) exceeds dimension size ({size})."
        )
    return slice_dim(input, axis, first, length)


def slice_dim(
    input: Tensor, axis: int, start: int, count: int, step: int = 1
) -> Tensor:
    """Show every `step`-th of the elements along one axis, from `start`."""
    ranges = [(0, size, 1) for size in input._node.shape]
    ranges[axis] = (start, count, step)
    return show(input, movement.slice_view, ranges=tuple(ranges))


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """Return the slice at one position of a dimension, which is removed.

    Raises:
        IndexError: the position is outside the dimension, or the tensor is 0-d.

    Example:
        >>> import flambeau as torch
        >>> torch.arange(6).view(2, 3).select(1, -1)
        tensor([2, 5])
    """
    if not input.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    axis, at = axis_of(dim, input.ndim), as_index(index)
    size = input._node.shape[axis]
    if not -size <= at < size:
        raise IndexError(
            f"select(): index {at} out of range for tensor of size "
            f"{list(input.shape)} at dimension {axis}"
        )
    return select_at(input, axis, at % size)


def select_at(input: Tensor, axis: int, at: int) -> Tensor:
    """Show one position of an axis; both are known to be in range."""
    shape, (strides, offset) = input._node.shape, layout_of(input)
    ranges = [(0, size, 1) for size in shape]
    ranges[axis] = (at, 1, 1)
    kept = shape[:axis] + shape[axis + 1 :]
    steps: Steps = (
        (movement.slice_view, {"ranges": tuple(ranges)}),
        (reshape_view, {"shape": kept}),
    )
    moved = offset + at * strides[axis]
    return show_steps(input, steps, (strides[:axis] + strides[axis + 1 :], moved))


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return the slices along one dimension, which is removed.

    Raises:
        IndexError: the tensor is 0-d.

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([[1, 2], [3, 4]]).unbind(1)
        (tensor([1, 3]), tensor([2, 4]))
    """
    if not input.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    axis = axis_of(dim, input.ndim)
    return tuple(select_at(input, axis, at) for at in range(input.shape[axis]))


def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    r"""Show all windows along one dimension, as a new last dimension.

    Args:
        input: any shape.
        dimension: the dimension the window moves along.
        size: the window's size.
        step: how far it moves.

    Shape:
        :math:`\lfloor (n - size) / step \rfloor + 1` windows stand where n was.

    Raises:
        RuntimeError: the window is larger than the dimension, or does not move.

    Source: torch's page "torch.Tensor.unfold".

    Example:
        >>> import flambeau as torch
        >>> torch.arange(5).unfold(0, 3, 2)
        tensor([[0, 1, 2],
                [2, 3, 4]])
    """
    axis = axis_of(dimension, input.ndim)
    have = input.shape[axis] if input.ndim else 1
    if size < 0 or size > have:
        raise RuntimeError(
            f"unfold: maximum size for tensor at dimension {axis} is {have} but size "
            f"is {size}"
        )
    if step <= 0:
        raise RuntimeError(f"unfold: step is {step} but must be > 0")
    if not input.ndim:
        return narrow(reshape(input, 1), 0, 0, size)
    return show(input, movement.sliding, axis=axis, size=size, step=step)


# The memory itself


def as_strided(
    input: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    storage_offset: int | None = None,
) -> Tensor:
    """Show the memory behind a tensor by any sizes and strides, in elements.

    Args:
        input: any shape.
        size: the sizes of the result.
        stride: the step of each dimension.
        storage_offset: where to begin; by default where `input` begins.

    Raises:
        RuntimeError: the result would leave the memory.

    Source: torch's page "torch.as_strided".

    Example:
        >>> import flambeau as torch
        >>> torch.arange(6).as_strided((2, 2), (1, 2))
        tensor([[0, 2],
                [1, 3]])
    """
    sizes, strides = ints_of((size,)), ints_of((stride,))
    if len(sizes) != len(strides):
        raise RuntimeError(
            f"as_strided: mismatch in length of strides {strides} and shape {sizes}"
        )
    offset = layout_of(input)[1] if storage_offset is None else storage_offset
    memory = memory_of(input)
    return show(memory, movement.as_strided, size=sizes, stride=strides, offset=offset)


def as_strided_(
    input: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    storage_offset: int | None = None,
) -> Tensor:
    """Let the tensor itself show its memory by other sizes and strides.

    Raises:
        RuntimeError: they would leave the memory.

    Example:
        >>> import flambeau as torch
        >>> torch.arange(6).as_strided_((2, 2), (1, 2))
        tensor([[0, 2],
                [1, 3]])
    """
    found = as_strided(input, size, stride, storage_offset)
    if input._base is None:
        return show_in_place(input, found._steps, layout_of(found))
    input.check_writable()
    input._steps, input._layout = found._steps, found._layout
    input.adopt(found.node)
    return input


def _reach(sizes: Shape, strides: Shape) -> int:
    """Return how many elements the memory of such a tensor has."""
    return (
        1 + sum((n - 1) * step for n, step in zip(sizes, strides)) if all(sizes) else 0
    )


def empty_strided(size: Sequence[int], stride: Sequence[int], **options: Any) -> Tensor:
    """Return a tensor to be filled that shows memory of its own by any strides.

    Raises:
        RuntimeError: another number of strides than sizes.

    Source: torch's page "torch.empty_strided".

    Example:
        >>> import flambeau as torch
        >>> torch.empty_strided((2, 3), (1, 2)).stride()
        (1, 2)
    """
    sizes, strides = ints_of((size,)), ints_of((stride,))
    memory = empty(_reach(sizes, strides), **options)
    return as_strided(memory.detach(), sizes, strides).requires_grad_(
        memory.requires_grad
    )


def new_empty_strided(
    input: Tensor, size: Sequence[int], stride: Sequence[int], **options: Any
) -> Tensor:
    """Return `empty_strided`, in the dtype of `input`."""
    options["dtype"] = options.get("dtype") or input.dtype
    return empty_strided(size, stride, **options)


def empty_permuted(
    size: Sequence[int], physical_layout: Sequence[int], **options: Any
) -> Tensor:
    """Return a tensor to be filled whose dimensions lie in another order in memory.

    Args:
        size: the sizes.
        physical_layout: the dimensions, the outermost in memory first.
        options: `dtype` and `requires_grad`.

    Raises:
        RuntimeError: they are not all dimensions, each once.

    Source: torch's page "torch.empty_permuted".
    """
    sizes, order = ints_of((size,)), ints_of((physical_layout,))
    if len(order) != len(sizes):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the "
            f"physical_layout; i.e. len(size) = {len(sizes)} is not equal to "
            f"len(physical_layout) = {len(order)}"
        )
    for axis in order:
        if not 0 <= axis < len(sizes):
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and "
                f"{len(sizes) - 1}, but got {axis}); negative dims are not supported"
            )
        if order.count(axis) > 1:
            raise RuntimeError(f"Duplicate dim not allowed: {axis}")
    dense = contiguous_strides(tuple(sizes[axis] for axis in order))
    strides = [dense[order.index(axis)] for axis in range(len(sizes))]
    return empty_strided(sizes, strides, **options)


@takes_ints("size")
def resize_(input: Tensor, size: Shape, memory_format: object = None) -> Tensor:
    """Give the tensor itself other sizes; elements that are added are 0.

    Args:
        input: a tensor that requires no gradient.
        size: the sizes, as ints or one sequence.
        memory_format: without effect.

    Raises:
        RuntimeError: the tensor requires a gradient.
    """
    if input.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    count = prod(size)
    if count > input.numel():
        flat = reshape_node(input.node, (-1,))
        node = movement.pad_constant(flat, ((0, count - input.numel()),), 0)
        input.set_data(reshape_node(node, size))
        return input
    steps: Steps = (
        (reshape_view, {"shape": (input.numel(),)}),
        (movement.slice_view, {"ranges": ((0, count, 1),)}),
        (reshape_view, {"shape": size}),
    )
    return show_in_place(input, steps, (contiguous_strides(size), layout_of(input)[1]))


def resize_as_(
    input: Tensor, the_template: Tensor, *, memory_format: object = None
) -> Tensor:
    """Give the tensor itself the sizes of another one."""
    return resize_(input, the_template.shape)
