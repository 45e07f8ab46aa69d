"""Elements chosen by positions or masks, through functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes as dt
from ..graph import Node, constant
from ..ops import elementwise as ew
from ..ops import index as ix
from ..ops.broadcast import expand, reshape
from ..ops.movement import zeros
from ..shape import axis_of, broadcast_shapes, contiguous_strides
from .arguments import ints_of
from .convert import value_of
from .handle import wrap
from .indexing import mask_positions

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "argwhere",
    "gather",
    "index_select",
    "masked_select",
    "nonzero",
    "nonzero_static",
    "take",
    "take_along_dim",
    "unravel_index",
]


def at_least_1d(x: Node) -> Node:
    """Let a 0-d node count as one dimension with one element."""
    return x if x.ndim else reshape(x, (1,))


def index_node(name: str, index: Tensor) -> Node:
    """Return the positions of a function, which must be int32 or int64.

    Raises:
        RuntimeError: another dtype.
    """
    if index.dtype not in (dt.int32, dt.int64):
        raise RuntimeError(
            f"{name}(): Expected dtype int32 or int64 for index, got {index.dtype!r}"
        )
    return index.node


def vector_node(name: str, index: Tensor) -> Node:
    """Return the positions along one dimension, a vector or a single one.

    Raises:
        IndexError: more dimensions.
        RuntimeError: not int32 or int64.
    """
    if index.ndim > 1:
        raise IndexError(
            f"{name}(): Index is supposed to be a vector, but got shape "
            f"{list(index.shape)}"
        )
    return at_least_1d(index_node(name, index))


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """Return the slices of one dimension at the given positions.

    Args:
        input: any shape.
        dim: the dimension.
        index: the positions, a vector of int32 or int64, not negative.

    Raises:
        IndexError: a position out of range, or more than one dimension of them.

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([[1, 2], [3, 4]])
        >>> x.index_select(1, torch.tensor([1, 1]))
        tensor([[2, 2],
                [4, 4]])
    """
    axis, positions = axis_of(dim, input.ndim), vector_node("index_select", index)
    x = at_least_1d(input.node)
    ix.check_not_negative(positions, x.shape[axis], "index_select")
    picked = ix.index(x, positions, axes=(axis,))
    return wrap(picked if input.ndim else reshape(picked, ()))


def gather(
    input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False
) -> Tensor:
    r"""Read along one dimension at the position that `index` names for each element.

    .. math:: y_{ijk} = x_{index_{ijk} \\, jk} \\quad (dim = 0)

    Args:
        input: any shape.
        dim: the dimension.
        index: as many dimensions, no larger apart from `dim`.
        sparse_grad: without effect.

    Shape:
        That of `index`.

    Raises:
        RuntimeError: a position out of range, or a shape that does not fit.

    Source: torch's page "torch.gather".

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([[1, 2], [3, 4]])
        >>> x.gather(1, torch.tensor([[0, 0], [1, 0]]))
        tensor([[1, 1],
                [4, 3]])
    """
    axis = axis_of(dim, input.ndim)
    fits = index.ndim == input.ndim and index.dtype in (dt.int32, dt.int64)
    if not index.numel() and not fits:
        return wrap(zeros(index._node.shape, input.dtype))
    positions = index_node("gather", index)
    found = ix.gather(at_least_1d(input.node), at_least_1d(positions), axis=axis)
    return wrap(reshape(found, positions.shape))


def take(input: Tensor, index: Tensor) -> Tensor:
    """Return the elements at positions in row-major order, in the shape of `index`.

    Raises:
        IndexError: a position out of range.
        RuntimeError: the index is not int64.

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([[1, 2], [3, 4]]).take(torch.tensor([0, 3]))
        tensor([1, 4])
    """
    if index.dtype is not dt.int64:
        raise RuntimeError(
            f"take(): Expected a long tensor for index, but got {index.dtype!r}"
        )
    return wrap(ix.index(reshape(input.node, (-1,)), index.node))


def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """Read along one dimension at positions; the other dimensions broadcast.

    Args:
        input: any shape.
        indices: int64, as many dimensions; or any shape, without `dim`.
        dim: the dimension; None reads from all elements in one row.

    Raises:
        RuntimeError: another dtype or number of dimensions, or a position out of range.

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([[3, 1], [2, 4]])
        >>> x.take_along_dim(x.argmax(1, keepdim=True), 1)
        tensor([[3],
                [4]])
    """
    if indices.dtype is not dt.int64:
        raise RuntimeError(
            "torch.take_along_dim(): dtype of indices should be Long but got "
            f"{indices.dtype!r}"
        )
    if dim is None:
        return take(input, wrap(reshape(indices.node, (-1,))))
    if indices.ndim != input.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of "
            f"dimensions, but got {input.ndim} dimensions for input, and "
            f"{indices.ndim} dimensions for indices"
        )
    axis = axis_of(dim, input.ndim)
    x, positions = at_least_1d(input.node), at_least_1d(indices.node)
    size = x.shape[axis]
    common = list(
        broadcast_shapes(_with(x.shape, axis, 1), _with(positions.shape, axis, 1))
    )
    x = expand(x, _with(common, axis, size))
    positions = expand(positions, _with(common, axis, positions.shape[axis]))
    negative = ew.less(positions, ew.const_like(0, positions))
    wrapped = ew.add(positions, ew.const_like(size, positions))
    found = ix.gather(x, ew.where(negative, wrapped, positions), axis=axis)
    return wrap(found if input.ndim else reshape(found, ()))


def _with(shape: Any, axis: int, size: int) -> tuple[int, ...]:
    return tuple(size if at == axis else each for at, each in enumerate(shape))


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """Return the elements where the mask holds, in one dimension; both broadcast.

    How many there are is part of the values, so that the mask is evaluated at once.

    Raises:
        RuntimeError: the mask is not bool.

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([3, 1, 2])
        >>> x.masked_select(x > 1)
        tensor([3, 2])
    """
    if mask.dtype is not dt.bool_:
        raise RuntimeError(
            f"masked_select: expected BoolTensor for mask, got {mask.dtype!r}"
        )
    x, chosen = at_least_1d(input.node), at_least_1d(mask.node)
    shape = broadcast_shapes(x.shape, chosen.shape)
    positions = mask_positions(wrap(expand(chosen, shape)), shape, 0)
    return wrap(ix.index(expand(x, shape), *positions))


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Return where elements are not 0, evaluating the tensor.

    Args:
        input: any shape.
        as_tuple: one index tensor per dimension, as for `input[...]`; else a matrix
            with one row per element.

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([[1, 0], [0, 2]]).nonzero()
        tensor([[0, 0],
                [1, 1]])
    """
    values = value_of(input)
    if not as_tuple:
        return argwhere(input)
    found = np.nonzero(np.atleast_1d(values))
    return tuple(wrap(constant(np.ascontiguousarray(each))) for each in found)


def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """Return the first rows of `nonzero`, and rows of a number behind the last one.

    Args:
        input: any shape.
        size: how many rows.
        fill_value: the number.

    Raises:
        RuntimeError: a negative size.

    Source: torch's page "torch.nonzero_static".

    Example:
        >>> import flambeau as torch
        >>> torch.nonzero_static(torch.tensor([0, 5]), size=2)
        tensor([[ 1],
                [-1]])
    """
    if size < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    found = np.argwhere(value_of(input))[:size]
    rows = np.full((size, input.ndim), fill_value, np.int64)
    rows[: len(found)] = found
    return wrap(constant(rows))


def argwhere(input: Tensor) -> Tensor:
    """Return where elements are not 0, one row per element, evaluating the tensor."""
    return wrap(constant(np.argwhere(value_of(input)).astype(np.int64)))


def unravel_index(indices: Tensor, shape: Sequence[int]) -> tuple[Tensor, ...]:
    """Return the index in each dimension for positions in row-major order.

    Raises:
        ValueError: the positions are no integers.

    Example:
        >>> import flambeau as torch
        >>> torch.unravel_index(torch.tensor([4, 1]), (2, 3))
        (tensor([1, 0]), tensor([1, 1]))
    """
    if indices.is_floating_point() or indices.dtype is dt.bool_:
        raise ValueError(
            f"unravel_index: expected integers as indices, got {indices.dtype!r}"
        )
    rest, found = ew.cast(indices.node, dt.int64), []
    sizes = ints_of((shape,))
    for size, step in zip(sizes, contiguous_strides(sizes)):
        place = ew.floor_div(rest, ew.const_like(step, rest))
        found.append(wrap(ew.remainder(place, ew.const_like(size, rest))))
    return tuple(found)
