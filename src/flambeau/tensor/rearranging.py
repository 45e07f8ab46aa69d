"""Elements repeated, reversed, rolled and combined, in memory of their own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations as combine
from itertools import combinations_with_replacement as combine_again
from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph import Node, constant
from ..ops import index as ix
from ..ops import movement
from ..ops.broadcast import expand as expand_node
from ..ops.broadcast import reshape as reshape_node
from ..shape import axes_of, axis_of
from .arguments import ints_of, takes_ints
from .convert import value_of
from .handle import Handle, wrap
from .joining import stack
from .permuting import transpose
from .shaping import expand, reshape

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "cartesian_prod",
    "combinations",
    "flip",
    "fliplr",
    "flipud",
    "meshgrid",
    "repeat",
    "repeat_interleave",
    "roll",
    "rot90",
    "tile",
]

Dims = int | Sequence[int]


# Repeating


@takes_ints("repeats")
def repeat(input: Tensor, repeats: tuple[int, ...]) -> Tensor:
    """Return the tensor repeated along each dimension, as copies.

    Args:
        input: any shape.
        repeats: how often, per dimension; more than there are dimensions adds leading
            ones.

    Raises:
        RuntimeError: fewer numbers than dimensions, or a negative one.

    Source: torch's page "torch.Tensor.repeat".

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([1, 2]).repeat(2, 2)
        tensor([[1, 2, 1, 2],
                [1, 2, 1, 2]])
    """
    if len(repeats) < input.ndim:
        raise RuntimeError(
            "repeat: Number of dimensions of repeat dims can not be smaller than "
            f"number of dimensions of tensor; got {list(repeats)} for shape "
            f"{list(input.shape)}"
        )
    if any(each < 0 for each in repeats):
        raise RuntimeError(f"repeat: the numbers must not be negative: {list(repeats)}")
    return wrap(_repeated(input.node, repeats))


def _repeated(x: Node, counts: Sequence[int]) -> Node:
    shape = (1,) * (len(counts) - x.ndim) + x.shape
    apart = tuple(each for size in shape for each in (1, size))
    wide = tuple(each for pair in zip(counts, shape) for each in pair)
    result = tuple(count * size for count, size in zip(counts, shape))
    return reshape_node(expand_node(reshape_node(x, apart), wide), result)


@takes_ints("dims")
def tile(input: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Return the tensor repeated; missing numbers in front count as 1.

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([[1], [2]]).tile(2)
        tensor([[1, 1],
                [2, 2]])
    """
    return repeat(input, (1,) * (input.ndim - len(dims)) + dims)


def repeat_interleave(
    input: Tensor,
    repeats: Tensor | int | None = None,
    dim: int | None = None,
    *,
    output_size: int | None = None,
) -> Tensor:
    """Repeat each element, next to itself.

    Args:
        input: any shape; on its own, how often to repeat each of 0, 1, 2, …
        repeats: how often, one number or one per position of `dim`.
        dim: the dimension; None flattens first.
        output_size: the size of `dim` that is expected.

    Raises:
        RuntimeError: negative or too many numbers, or another size than expected.

    Source: torch's page "torch.repeat_interleave".

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([1, 2]).repeat_interleave(2)
        tensor([1, 1, 2, 2])
    """
    if repeats is None:
        counts = _counts(input)
        positions = np.repeat(np.arange(len(counts)), counts)
        return wrap(constant(positions))
    x = reshape(input, -1) if dim is None else input
    axis = axis_of(0 if dim is None else dim, x.ndim)
    size = x.shape[axis]
    counts = _counts(repeats)
    if counts.size not in (1, size):
        raise RuntimeError(
            "repeats must have the same size as input along dim, but got "
            f"repeats.size(0) = {counts.size} and input.size({axis}) = {size}"
        )
    total = int(np.broadcast_to(counts, size).sum())
    if output_size is not None and output_size != total:
        raise RuntimeError(
            f"repeat_interleave: allocated size does not match required size: "
            f"output_size is {output_size}, the repeats add up to {total}"
        )
    positions = np.repeat(np.arange(size), counts)
    return wrap(ix.index(x.node, constant(positions), axes=(axis,)))


def _counts(repeats: Tensor | int) -> np.ndarray:
    known = isinstance(repeats, Handle)
    counts = value_of(repeats) if known else np.array(repeats)  # type: ignore[arg-type]
    if counts.ndim > 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    if counts.dtype.kind not in "iu":
        raise TypeError(f"repeats must be integers, got {counts.dtype}")
    if counts.size and counts.min() < 0:
        raise RuntimeError(f"repeats can not be negative, got {counts.min()}")
    return counts.reshape(-1)


# Reversing and rolling


@takes_ints("dims")
def flip(input: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Reverse the order of the elements along dimensions.

    Raises:
        RuntimeError: a dimension is named twice.

    Example:
        >>> import flambeau as torch
        >>> torch.arange(3).flip(0)
        tensor([2, 1, 0])
    """
    return wrap(movement.flip(input.node, axes_of(dims, input.ndim)))


def fliplr(input: Tensor) -> Tensor:
    """Reverse the order of the columns."""
    if input.ndim < 2:
        raise RuntimeError(f"fliplr: Input must be >= 2-d, got {input.ndim}-d.")
    return flip(input, 1)


def flipud(input: Tensor) -> Tensor:
    """Reverse the order of the rows."""
    if input.ndim < 1:
        raise RuntimeError("flipud: Input must be >= 1-d, got 0-d.")
    return flip(input, 0)


def roll(input: Tensor, shifts: Dims, dims: Dims | None = None) -> Tensor:
    """Move the elements along dimensions; what leaves at the end enters in front.

    Args:
        input: any shape.
        shifts: how far, one number per dimension.
        dims: the dimensions; without them all elements are one row.

    Raises:
        RuntimeError: not as many shifts as dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.arange(4).roll(1)
        tensor([3, 0, 1, 2])
    """
    by = ints_of((shifts,))
    axes = () if dims is None else ints_of((dims,))
    if not by:
        raise RuntimeError("roll: `shifts` required")
    if not axes and len(by) == 1:
        flat = _rolled(reshape_node(input.node, (-1,)), 0, by[0])
        return wrap(reshape_node(flat, input._node.shape))
    if len(by) != len(axes):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(by)}, dims:{len(axes)}"
        )
    if not input.ndim:
        raise IndexError(
            f"Dimension specified as {axes[0]} but tensor has no dimensions"
        )
    x = input.node
    for shift, axis in zip(by, axes):
        x = _rolled(x, axis_of(axis, x.ndim), shift)
    return wrap(x)


def _rolled(x: Node, axis: int, shift: int) -> Node:
    size = x.shape[axis]
    cut = -shift % size if size else 0
    if not cut:
        return x
    behind = movement.slice_axis(x, axis, cut, size - cut)
    return movement.cat(behind, movement.slice_axis(x, axis, 0, cut), axis=axis)


def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Turn the plane of two dimensions by 90 degrees, k times, the first to the second.

    Raises:
        RuntimeError: not two different dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([[1, 2], [3, 4]]).rot90()
        tensor([[2, 4],
                [1, 3]])
    """
    plane = ints_of((dims,))
    if len(plane) != 2:
        raise RuntimeError(
            f"expected total rotation dims == 2, but got dims = {len(plane)}"
        )
    if input.ndim < 2:
        raise RuntimeError(
            f"expected total dims >= 2, but got total dims = {input.ndim}"
        )
    first, second = (axis_of(dim, input.ndim) for dim in plane)
    if first == second:
        raise RuntimeError(
            "expected rotation dims to be different, but got dim0 = "
            f"{plane[0]} and dim1 = {plane[1]}"
        )
    if k % 4 == 1:
        return flip(transpose(input, first, second), first)
    if k % 4 == 2:
        return flip(input, first, second)
    if k % 4 == 3:
        return flip(transpose(input, first, second), second)
    return wrap(movement.alias(input.node))


# Combining


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Return coordinates of every point of a grid, one tensor per axis.

    Args:
        tensors: the 1-d (or 0-d) coordinates along each axis.
        indexing: "ij" for one dimension per tensor in order, "xy" with the first two
            exchanged.

    Raises:
        RuntimeError: no tensors, more dimensions, different dtypes, other `indexing`.

    Source: torch's page "torch.meshgrid".

    Example:
        >>> import flambeau as torch
        >>> x, y = torch.meshgrid(torch.arange(2), torch.arange(3), indexing="ij")
        >>> x
        tensor([[0, 0, 0],
                [1, 1, 1]])
    """
    one_list = len(tensors) == 1 and isinstance(tensors[0], (list, tuple))
    group: Sequence[Tensor] = tensors[0] if one_list else tensors
    _check_mesh(group, indexing)
    shape = tuple(each.numel() for each in group)
    grids = []
    for at, each in enumerate(group):
        alone = [1] * len(shape)
        alone[at] = shape[at]
        grids.append(expand(reshape(each, alone), shape))
    if indexing == "xy" and len(grids) > 1:
        turned = (group[1], group[0], *group[2:])
        second, first, *rest = meshgrid(*turned)
        return (first, second, *rest)
    return tuple(grids)


def _check_mesh(group: Sequence[Tensor], indexing: str) -> None:
    if indexing not in ("ij", "xy"):
        raise RuntimeError(
            'torch.meshgrid: indexing must be one of "xy" or "ij", but received: '
            f"{indexing}"
        )
    if not group:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for each in group:
        if each.ndim > 1:
            raise RuntimeError(
                "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got "
                f"shape {tuple(each.shape)}"
            )
        if each.dtype is not group[0].dtype:
            raise RuntimeError(
                "meshgrid expects all tensors to have the same dtype, got "
                f"{group[0].dtype!r} and {each.dtype!r}"
            )


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """Return every combination of one element from each 1-d tensor, a row each.

    Raises:
        RuntimeError: a tensor is not 1-d.

    Example:
        >>> import flambeau as torch
        >>> torch.cartesian_prod(torch.tensor([1, 2]), torch.tensor([3, 4]))
        tensor([[1, 3],
                [1, 4],
                [2, 3],
                [2, 4]])
    """
    for each in tensors:
        if each.ndim != 1:
            raise RuntimeError(
                f"cartesian_prod: Expect a 1D vector, but got shape {list(each.shape)}"
            )
    if len(tensors) == 1:
        return tensors[0]
    return reshape(stack(meshgrid(*tensors), -1), -1, len(tensors))


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Return every combination of `r` elements of a 1-d tensor, a row each.

    Raises:
        RuntimeError: the tensor is not 1-d, or `r` is negative.

    Example:
        >>> import flambeau as torch
        >>> torch.combinations(torch.tensor([1, 2, 3]))
        tensor([[1, 2],
                [1, 3],
                [2, 3]])
    """
    if input.ndim != 1:
        raise RuntimeError(
            f"combinations: Expect a 1D vector, but got shape {list(input.shape)}"
        )
    if r < 0:
        raise RuntimeError(f"combinations: Expect a non-negative number, but got {r}")
    every = (combine_again if with_replacement else combine)(range(input.numel()), r)
    rows = list(every)
    shape = (len(rows), r) if r else (0,)
    positions = np.array(rows, np.int64).reshape(shape)
    return wrap(ix.index(input.node, constant(positions)))
