"""The dimensions in another order: views, as all of these are in torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..ops.movement import alias, permute_view
from ..shape import axis_of
from .arguments import ints_of, takes_ints
from .complex_numbers import conj
from .handle import Layout, Steps, layout_of, show, show_in_place, show_steps

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "adjoint",
    "hermitian",
    "matrix_transpose",
    "movedim",
    "permute",
    "reversed_dims",
    "swapaxes",
    "swapaxes_",
    "t",
    "t_",
    "transpose",
    "transpose_",
]

Dims = int | Sequence[int]


@takes_ints("dims")
def permute(input: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Reorder the dimensions: dimension i of the result is `dims[i]` of the input.

    Args:
        input: any shape.
        dims: every dimension once, as ints or one sequence.

    Raises:
        RuntimeError: not every dimension is named exactly once.

    Example:
        >>> import flambeau as torch
        >>> torch.zeros(2, 3, 4).permute(2, 0, 1).shape
        torch.Size([4, 2, 3])
    """
    ndim = input.ndim
    if len(dims) != ndim:
        raise RuntimeError(
            f"permute: number of dimensions in the tensor input does not match the "
            f"length of the desired ordering of dimensions i.e. input.dim() = {ndim} "
            f"is not equal to len(dims) = {len(dims)}"
        )
    axes = tuple(axis_of(each, ndim) for each in dims)
    if len(set(axes)) < ndim:
        raise RuntimeError(
            f"permute(): duplicate dims are not allowed, got {list(dims)}"
        )
    return show(input, permute_view, dims=axes)


def _swapped(input: Tensor, dim0: int, dim1: int) -> tuple[Steps, Layout]:
    ndim = input.ndim
    first, second = axis_of(dim0, ndim), axis_of(dim1, ndim)
    dims = list(range(ndim))
    if ndim:
        dims[first], dims[second] = dims[second], dims[first]
    steps = ((permute_view, {"dims": tuple(dims)}),)
    strides, offset = layout_of(input)
    return steps, (tuple(strides[dim] for dim in dims), offset)


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Exchange two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.zeros(2, 3, 4).transpose(0, -1).shape
        torch.Size([4, 3, 2])
    """
    return show_steps(input, *_swapped(input, dim0, dim1))


def transpose_(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Exchange two dimensions of the tensor itself."""
    return show_in_place(input, *_swapped(input, dim0, dim1))


def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """Exchange two dimensions: `transpose` under NumPy's name."""
    return transpose(input, axis0, axis1)


def swapaxes_(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """Exchange two dimensions of the tensor itself."""
    return transpose_(input, axis0, axis1)


def _check_matrix(name: str, input: Tensor) -> None:
    if input.ndim > 2:
        raise RuntimeError(
            f"{name}() expects a tensor with <= 2 dimensions, but self is "
            f"{input.ndim}D; use transpose(dim0, dim1), or .mT for batches of matrices"
        )


def t(input: Tensor) -> Tensor:
    """Transpose a matrix; tensors of fewer dimensions stay as they are.

    Raises:
        RuntimeError: more than two dimensions.
    """
    _check_matrix("t", input)
    return transpose(input, 0, -1)


def t_(input: Tensor) -> Tensor:
    """Transpose the matrix itself."""
    _check_matrix("t_", input)
    return transpose_(input, 0, -1)


def reversed_dims(input: Tensor) -> Tensor:
    """The tensor with its dimensions in reverse order."""
    return permute(input, range(input.ndim - 1, -1, -1))


def matrix_transpose(input: Tensor) -> Tensor:
    """The matrix, or each matrix of a batch, transposed."""
    if input.ndim == 1:
        raise RuntimeError(
            "tensor.mT is only supported on matrices or batches of matrices. Got "
            "1-D tensor."
        )
    return transpose(input, -2, -1) if input.ndim else input


def hermitian(input: Tensor) -> Tensor:
    """The matrix transposed and conjugate."""
    if input.ndim not in (0, 2):
        raise RuntimeError(
            "tensor.H is only supported on matrices (2-D tensors). Got "
            f"{input.ndim}-D tensor. For batches of matrices, consider using tensor.mH"
        )
    return adjoint(input)


def adjoint(input: Tensor) -> Tensor:
    """Return each matrix transposed and conjugate."""
    return conj(matrix_transpose(input))


def movedim(input: Tensor, source: Dims, destination: Dims) -> Tensor:
    """Move dimensions to other places; the others keep their order.

    Args:
        input: any shape.
        source: the dimensions to move.
        destination: where each of them goes.

    Raises:
        RuntimeError: a dimension is named twice, or the numbers of dimensions differ.

    Example:
        >>> import flambeau as torch
        >>> torch.zeros(2, 3, 4).movedim(0, -1).shape
        torch.Size([3, 4, 2])
    """
    ndim = input.ndim
    sources, targets = ints_of((source,)), ints_of((destination,))
    if len(sources) != len(targets):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(sources)} "
            "dims) should contain the same number of dims as destination "
            f"({list(targets)} dims)"
        )
    places = {}
    for role, dims in (("source", sources), ("destination", targets)):
        places[role] = [axis_of(dim, ndim) for dim in dims]
        if len(set(places[role])) < len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{role}` ({list(dims)})")
    if not ndim:
        return show(input, alias)
    order = [at for at in range(ndim) if at not in places["source"]]
    for target, origin in sorted(zip(places["destination"], places["source"])):
        order.insert(target, origin)
    return permute(input, order)
