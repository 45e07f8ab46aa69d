"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes as dt
from ..graph import Node, constant
from ..ops import elementwise as ew
from ..ops import movement
from ..ops.broadcast import reshape
from ..shape import axis_of
from .handle import show, wrap
from .operands import Number, to_node

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "diag",
    "diag_embed",
    "diagflat",
    "diagonal",
    "diagonal_scatter",
    "fill_diagonal_",
    "tril",
    "tril_indices",
    "triu",
    "triu_indices",
]


def _plane(name: str, dim1: int, dim2: int, ndim: int) -> tuple[int, int]:
    first, second = axis_of(dim1, ndim), axis_of(dim2, ndim)
    if first == second:
        raise RuntimeError(
            f"{name}: diagonal dimensions cannot be identical {dim1}, {dim2}"
        )
    return first, second


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """Show a diagonal of the plane of two dimensions, as the last dimension.

    Args:
        input: at least two dimensions.
        offset: which diagonal: above the main one if positive, below if negative.
        dim1: the rows of the plane.
        dim2: the columns of the plane.

    Raises:
        RuntimeError: both dimensions are the same.

    Example:
        >>> import flambeau as torch
        >>> torch.arange(9).view(3, 3).diagonal(1)
        tensor([1, 5])
    """
    first, second = _plane("diagonal", dim1, dim2, input.ndim)
    return show(input, movement.diagonal, offset=offset, first=first, second=second)


def linalg_diagonal(
    A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1
) -> Tensor:
    """Show a diagonal of matrices, the last two dimensions, as the last dimension.

    Source: torch's page "torch.linalg.diagonal".
    """
    return diagonal(A, offset, dim1, dim2)


def diagonal_scatter(
    input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Tensor:
    """Return a copy with `src` on a diagonal.

    Raises:
        RuntimeError: `src` has another shape than the diagonal.
    """
    first, second = _plane("diagonal_scatter", dim1, dim2, input.ndim)
    shape = diagonal(input, offset, first, second).shape
    if src.shape != shape:
        raise RuntimeError(
            "diagonal_scatter: expected src to have a size equal to the slice of "
            f"self. src size = {list(src.shape)}, slice size = {list(shape)}"
        )
    node = ew.cast(src.node, input.dtype)
    return wrap(_on_diagonal(input.node, node, offset, first, second))


def diag_embed(
    input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1
) -> Tensor:
    """Return matrices with the last dimension on a diagonal, zeros elsewhere.

    Args:
        input: at least one dimension.
        offset: which diagonal.
        dim1: where the rows go in the result.
        dim2: where the columns go in the result.

    Example:
        >>> import flambeau as torch
        >>> torch.diag_embed(torch.tensor([1, 2]))
        tensor([[1, 0],
                [0, 2]])
    """
    axis_of(-2 if not input.ndim else -1, input.ndim)
    first, second = _plane("diag_embed", dim1, dim2, input.ndim + 1)
    side = input.shape[-1] + abs(offset)
    shape = list(input.shape[:-1])
    for axis in sorted((first, second)):
        shape.insert(axis, side)
    empty = movement.zeros(tuple(shape), input.dtype)
    return wrap(_on_diagonal(empty, input.node, offset, first, second))


def _on_diagonal(x: Node, new: Node, offset: int, first: int, second: int) -> Node:
    assert movement.diagonal.put is not None
    return movement.diagonal.put(x, new, offset=offset, first=first, second=second)


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return a matrix with the vector on a diagonal, or a copy of a matrix's diagonal.

    Raises:
        RuntimeError: neither a vector nor a matrix.

    Example:
        >>> import flambeau as torch
        >>> torch.diag(torch.tensor([1, 2]))
        tensor([[1, 0],
                [0, 2]])
    """
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return wrap(movement.diagonal(input.node, offset=diagonal, first=0, second=1))


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """Return a matrix with all elements on a diagonal."""
    return diag_embed(wrap(reshape(input.node, (-1,))), offset)


# Triangles


def _triangle(name: str, input: Tensor, diagonal: int, upper: bool) -> Tensor:
    if input.ndim < 2:
        raise RuntimeError(
            f"{name}: input tensor must have at least 2 dimensions, got {input.ndim}"
        )
    node = input.node
    rows, columns = node.shape[-2:]
    below = np.tri(rows, columns, diagonal - upper, dtype=bool)
    kept = constant(~below if upper else below)
    return wrap(ew.where(kept, node, ew.const_like(0, node)))


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the lower triangle of each matrix, zeros above.

    Args:
        input: at least two dimensions.
        diagonal: the last diagonal kept; 0 is the main one, above it if positive.

    Raises:
        RuntimeError: fewer than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.ones(2, 2).tril()
        tensor([[1., 0.],
                [1., 1.]])
    """
    return _triangle("tril", input, diagonal, upper=False)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """Return the upper triangle of each matrix, zeros below.

    Args:
        input: at least two dimensions.
        diagonal: the first diagonal kept; 0 is the main one, above it if positive.

    Raises:
        RuntimeError: fewer than two dimensions.
    """
    return _triangle("triu", input, diagonal, upper=True)


def _indices(kept: np.ndarray, options: dict[str, Any]) -> Tensor:
    kind = options.get("dtype") or dt.int64
    return wrap(constant(np.stack(np.nonzero(kept)).astype(kind.numpy)))


def tril_indices(row: int, col: int, offset: int = 0, **options: Any) -> Tensor:
    """Return the rows and columns of a lower triangle's elements, in row-major order.

    Args:
        row: the number of rows.
        col: the number of columns.
        offset: the last diagonal kept.
        options: dtype.

    Example:
        >>> import flambeau as torch
        >>> torch.tril_indices(2, 2)
        tensor([[0, 1, 1],
                [0, 0, 1]])
    """
    return _indices(np.tri(row, col, offset, dtype=bool), options)


def triu_indices(row: int, col: int, offset: int = 0, **options: Any) -> Tensor:
    """Return the rows and columns of an upper triangle's elements, in row-major order.

    Args:
        row: the number of rows.
        col: the number of columns.
        offset: the first diagonal kept.
        options: dtype.
    """
    return _indices(~np.tri(row, col, offset - 1, dtype=bool), options)


def fill_diagonal_(input: Tensor, fill_value: Number, wrap: bool = False) -> Tensor:
    """Write a number on the main diagonal of the tensor itself.

    Args:
        input: a matrix, or more dimensions all of one size.
        fill_value: the number.
        wrap: begin again after each block of a tall matrix.

    Raises:
        RuntimeError: fewer than two dimensions, or sizes that differ.
    """
    shape = input._node.shape
    if len(shape) < 2:
        raise RuntimeError(
            f"fill_diagonal_: dimensions must larger than 1, got {len(shape)}"
        )
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError(
            "fill_diagonal_: all dimensions of input must be of equal length, got "
            f"{tuple(shape)}"
        )
    where = np.zeros(shape, bool)
    np.fill_diagonal(where, True, wrap)
    node = input.node
    input.write(ew.where(constant(where), to_node(fill_value, node.dtype), node))
    return input
