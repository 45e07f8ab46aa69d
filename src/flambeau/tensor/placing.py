"""Writing slices, parts and masked elements into a copy of a tensor."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

from .. import dtypes as dt
from ..graph import Node, scalar
from ..ops import elementwise as ew
from ..ops import index as ix
from ..ops.broadcast import expand, reshape
from ..ops.movement import put_strided, slice_, zeros
from ..shape import axis_of, broadcast_shapes
from .arguments import ints_of
from .convert import clone
from .handle import layout_of, wrap
from .indexing import mask_positions
from .inplace import copy_
from .operands import Number, to_node
from .parts import as_strided, select, slice_dim
from .scattering import check_same_dtype, scatter_reduce
from .selecting import at_least_1d, index_node, vector_node

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "as_strided_scatter",
    "fill",
    "index_add",
    "index_copy",
    "index_fill",
    "index_reduce",
    "masked_scatter",
    "put",
    "select_scatter",
    "slice_scatter",
]


# By a position for each slice of one dimension


def _slices(
    name: str, input: Tensor, dim: int, index: Tensor, source: Tensor
) -> tuple[Node, Node, Node, int]:
    """Check what goes to whole slices: the nodes, with no 0-d one, and the axis."""
    axis = axis_of(dim, input.ndim)
    positions = vector_node(name, index)
    check_same_dtype(name, input, source)
    x, new = at_least_1d(input.node), at_least_1d(source.node)
    if new.ndim != x.ndim and name != "index_add":
        raise IndexError(
            f"{name}(): When source and destination are not scalars, their "
            f"dimensionality must match. Source dimensionality ({source.ndim}), "
            f"destination dimensionality ({input.ndim})"
        )
    count = new.shape[axis] if axis < new.ndim else 0
    if new.shape != (*x.shape[:axis], count, *x.shape[axis + 1 :]):
        raise RuntimeError(
            f"{name}(): source tensor shape must match self tensor shape, excluding "
            f"the specified dimension {axis}. Got self.shape = {list(x.shape)} "
            f"source.shape = {list(new.shape)}"
        )
    return x, positions, new, axis


def _check_count(
    name: str, positions: Node, new: Node, axis: int, error: type[Exception]
) -> None:
    if positions.size != new.shape[axis]:
        raise error(
            f"{name}(): Number of indices ({positions.size}) should be equal to "
            f"source.size(dim): ({new.shape[axis]}), for dim: {axis}"
        )


def index_add(
    input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Number = 1
) -> Tensor:
    """Add slices to those at positions of one dimension, as often as they are named.

    Args:
        input: any shape.
        dim: the dimension.
        index: the positions, a vector, not negative.
        source: a slice for each position, of the same dtype.
        alpha: a factor for `source`.

    Raises:
        IndexError: the index is not a vector.
        RuntimeError: a position out of range, a shape or dtype that does not fit.

    Example:
        >>> import flambeau as torch
        >>> x, rows = torch.zeros(2, 2), torch.ones(3, 2)
        >>> x.index_add(0, torch.tensor([0, 0, 1]), rows)
        tensor([[2., 2.],
                [1., 1.]])
    """
    x, positions, new, axis = _slices("index_add", input, dim, index, source)
    _check_count("index_add", positions, new, axis, RuntimeError)
    ix.check_not_negative(positions, x.shape[axis], "index_add", RuntimeError)
    if alpha != 1:
        new = ew.mul(new, ew.const_like(alpha, new))
    found = ix.index_add(x, new, positions, axes=(axis,))
    return wrap(reshape(found, input._node.shape))


def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """Return the tensor with slices in place of those at positions of one dimension.

    Args:
        input: any shape.
        dim: the dimension.
        index: the positions, a vector, not negative.
        source: a slice for each position, of the same dtype.

    Raises:
        IndexError: a position out of range, or not as many slices as positions.
        RuntimeError: a shape or dtype that does not fit.
    """
    x, positions, new, axis = _slices("index_copy", input, dim, index, source)
    _check_count("index_copy", positions, new, axis, IndexError)
    ix.check_not_negative(positions, x.shape[axis], "index_copy")
    found = ix.index_put(x, new, positions, axes=(axis,))
    return wrap(reshape(found, input._node.shape))


def index_fill(
    input: Tensor, dim: int, index: Tensor, value: Tensor | Number
) -> Tensor:
    """Return the tensor with a number in all slices at positions of one dimension.

    Raises:
        IndexError: a position out of range.
        RuntimeError: the value or the index has too many dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.zeros(2, 2).index_fill(1, torch.tensor([0]), 3)
        tensor([[3., 0.],
                [3., 0.]])
    """
    axis = axis_of(dim, input.ndim)
    if index.dtype is not dt.int64:
        raise IndexError(
            f"index_fill(): Expected dtype int64 for index, got {index.dtype!r}"
        )
    if index.ndim > 1:
        raise RuntimeError(
            f"index_fill: Index has to be a vector/scalar, got {list(index.shape)}"
        )
    new = to_node(value, input.dtype)
    if new.ndim:
        raise RuntimeError(
            "index_fill only supports a 0-dimensional value tensor, but got tensor "
            f"with {new.ndim} dimension(s)."
        )
    x, positions = at_least_1d(input.node), at_least_1d(index.node)
    size = x.shape[axis]
    hit, none = scalar(True, dt.bool_), zeros((size,), dt.bool_)
    hits = ix.index_put(none, hit, positions, axes=(0,))
    hits = reshape(hits, (size,) + (1,) * (x.ndim - axis - 1))
    found = ew.where(hits, ew.cast(new, x.dtype), x)
    return wrap(reshape(found, input._node.shape))


def index_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> Tensor:
    """Combine all slices that go to one position of a dimension.

    Args:
        input: any shape.
        dim: the dimension.
        index: the positions, a vector, not negative.
        source: a slice for each position, of the same dtype.
        reduce: "prod", "mean", "amax" or "amin".
        include_self: whether what is there before counts.

    Raises:
        RuntimeError: a position out of range, a shape or dtype that does not fit, or
            another `reduce`.
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but "
            f"got {reduce}."
        )
    x, positions, new, axis = _slices("index_reduce", input, dim, index, source)
    _check_count("index_reduce", positions, new, axis, RuntimeError)
    apart = tuple(-1 if at == axis else 1 for at in range(x.ndim))
    everywhere = wrap(expand(reshape(positions, apart), new.shape))
    found = scatter_reduce(
        wrap(x), axis, everywhere, wrap(new), reduce, include_self=include_self
    )
    return wrap(reshape(found.node, input._node.shape))


def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """Return a copy with `src` at one position of a dimension."""
    result = clone(input)
    copy_(select(result, dim, index), src)
    return result


def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Tensor:
    """Return a copy with `src` in a slice of a dimension."""
    axis = axis_of(dim, input.ndim)
    places = range(*slice(start, end, step).indices(input.shape[axis]))
    result = clone(input)
    copy_(slice_dim(result, axis, places.start, len(places), step), src)
    return result


# By positions in row-major order, and by masks


def put(
    input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False
) -> Tensor:
    """Return the tensor with elements at positions in row-major order.

    Args:
        input: any shape.
        index: the positions, int64.
        source: as many elements, of the same dtype.
        accumulate: add instead, as often as a position is named.

    Raises:
        IndexError: a position out of range, or another number of elements.
        RuntimeError: dtypes that differ.

    Example:
        >>> import flambeau as torch
        >>> torch.zeros(2, 2).put(torch.tensor([3]), torch.tensor([5.]))
        tensor([[0., 0.],
                [0., 5.]])
    """
    check_same_dtype("put", input, source)
    if source.numel() != index.numel():
        raise IndexError(
            "put(): Expected source and index to have the same number of elements, "
            f"but got source.numel() = {source.numel()}, index.numel() = "
            f"{index.numel()}"
        )
    positions = reshape(index_node("put", index), (-1,))
    write = ix.index_add if accumulate else ix.index_put
    flat, new = reshape(input.node, (-1,)), reshape(source.node, (-1,))
    return wrap(reshape(write(flat, new, positions), input._node.shape))


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Return the tensor with elements of `source`, in order, where the mask holds.

    How many there are is part of the values, so that the mask is evaluated at once.

    Args:
        input: any shape.
        mask: a bool tensor that broadcasts with it.
        source: at least as many elements as the mask has True ones, of the same dtype.

    Raises:
        RuntimeError: too few elements, or another dtype.

    Example:
        >>> import flambeau as torch
        >>> mask = torch.tensor([True, False, True])
        >>> torch.zeros(3).masked_scatter(mask, torch.tensor([1., 2.]))
        tensor([1., 0., 2.])
    """
    if mask.dtype is not dt.bool_:
        raise RuntimeError(
            "masked_scatter only supports boolean masks, but got mask with dtype "
            f"{mask.dtype!r}"
        )
    check_same_dtype("masked_scatter", input, source)
    shape = broadcast_shapes(input.shape, mask.shape)
    flat = (prod(shape),)
    chosen = wrap(reshape(expand(mask.node, shape), flat))
    [positions] = mask_positions(chosen, flat, 0)
    if positions.size > source.numel():
        raise RuntimeError(
            "masked_scatter: Number of elements of source < number of ones in mask: "
            f"{source.numel()} < {positions.size}"
        )
    new = slice_(reshape(source.node, (-1,)), ((0, positions.size, 1),))
    x = reshape(expand(input.node, shape), flat)
    return wrap(reshape(ix.index_put(x, new, positions), shape))


def as_strided_scatter(
    input: Tensor,
    src: Tensor,
    size: Sequence[int],
    stride: Sequence[int],
    storage_offset: int | None = None,
) -> Tensor:
    """Return a copy of the tensor with `src` where `as_strided` would show it.

    Raises:
        RuntimeError: `src` has not the shape `size`.

    Source: torch's page "torch.as_strided_scatter".

    Example:
        >>> import flambeau as torch
        >>> x = torch.zeros(4)
        >>> torch.as_strided_scatter(x, torch.ones(2), (2,), (2,))
        tensor([1., 0., 1., 0.])
    """
    sizes, strides = ints_of((size,)), ints_of((stride,))
    offset = layout_of(input)[1] if storage_offset is None else storage_offset
    as_strided(clone(input), sizes, strides, offset)  # raises what it does not show
    if tuple(src.shape) != sizes:
        raise RuntimeError(
            "expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = {list(sizes)}"
        )
    new = ew.cast(src.node, input.dtype)
    return wrap(put_strided(input.node, new, sizes, strides, offset))


def fill(input: Tensor, value: Tensor | Number) -> Tensor:
    """Return a tensor of the same shape with every element set to a number.

    Args:
        input: any shape.
        value: a number or a tensor without dimensions; gradients flow to it.

    Raises:
        RuntimeError: `value` has dimensions.

    Source: torch's page "torch.Tensor.fill_".
    """
    node = to_node(value, input.dtype)
    if node.ndim:
        raise RuntimeError(
            "fill only supports 0-dimension value tensor but got tensor with "
            f"{node.ndim} dimensions."
        )
    return wrap(expand(ew.cast(node, input.dtype), tuple(input.shape)))
