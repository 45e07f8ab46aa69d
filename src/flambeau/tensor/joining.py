"""Several tensors into one: cat, stack and their relatives."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from .. import dtypes as dt
from ..graph import constant
from ..ops import movement
from ..ops.elementwise import cast
from ..shape import axis_of
from .arguments import numpy_names
from .handle import Handle, wrap
from .shaping import atleast_1d, atleast_2d, atleast_3d, reshape

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "block_diag",
    "cat",
    "column_stack",
    "dstack",
    "hstack",
    "stack",
    "vstack",
]


def _listed(
    name: str, tensors: Sequence[Tensor], empty: type[Exception]
) -> list[Tensor]:
    """Check that there are tensors, and nothing else."""
    if isinstance(tensors, Handle):
        raise TypeError(
            f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not "
            "Tensor"
        )
    group = list(tensors)
    if not group:
        raise empty(f"{name}: expected a non-empty list of tensors")
    for at, each in enumerate(group):
        if not isinstance(each, Handle):
            raise TypeError(
                f"{name}(): expected Tensor as element {at}, got {type(each).__name__}"
            )
    return group


@numpy_names
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Join tensors along a dimension that they have.

    Args:
        tensors: equal in shape apart from `dim`; dtypes are promoted.
        dim: the dimension to join along.

    Shape:
        The sizes at `dim` add up. A 1-d tensor without elements is passed over.

    Raises:
        ValueError: the list is empty.
        RuntimeError: shapes that do not fit, or 0-d tensors.

    Source: torch's page "torch.cat".

    Example:
        >>> import flambeau as torch
        >>> torch.cat([torch.zeros(2), torch.ones(1)])
        tensor([0., 0., 1.])
    """
    group = _listed("cat", tensors, ValueError)
    for at, each in enumerate(group):
        if not each.ndim:
            raise RuntimeError(
                f"cat: zero-dimensional tensor (at position {at}) cannot be "
                "concatenated; use stack"
            )
    kind = reduce(dt.promote_types, (each.dtype for each in group))
    kept = [each for each in group if each.shape != (0,)] or group[:1]
    for at, each in enumerate(kept):
        if each.ndim != kept[0].ndim:
            raise RuntimeError(
                "cat: Tensors must have same number of dimensions: got "
                f"{kept[0].ndim} ({tuple(kept[0].shape)}) and {each.ndim} "
                f"({tuple(each.shape)}, tensor {at})"
            )
    axis = axis_of(dim, kept[0].ndim)
    return wrap(movement.cat(*(cast(each.node, kind) for each in kept), axis=axis))


@numpy_names
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Join tensors of one shape along a new dimension.

    Args:
        tensors: all of one shape; dtypes are promoted.
        dim: where the new dimension goes.

    Raises:
        RuntimeError: the list is empty, or shapes differ.

    Example:
        >>> import flambeau as torch
        >>> torch.stack([torch.tensor([1, 2]), torch.tensor([3, 4])], dim=1)
        tensor([[1, 3],
                [2, 4]])
    """
    group = _listed("stack", tensors, RuntimeError)
    shape = group[0].shape
    for at, each in enumerate(group):
        if each.shape != shape:
            raise RuntimeError(
                "stack expects each tensor to be equal size, but got "
                f"{list(shape)} at entry 0 and {list(each.shape)} at entry {at}"
            )
    axis = axis_of(dim, len(shape) + 1)
    kind = reduce(dt.promote_types, (each.dtype for each in group))
    return wrap(movement.stack([cast(each.node, kind) for each in group], axis))


def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join along the columns; 1-d tensors end to end."""
    group = [atleast_1d(each) for each in _listed("hstack", tensors, RuntimeError)]
    return cat(group, 0 if group[0].ndim == 1 else 1)


def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join along the rows; 1-d tensors are rows."""
    return cat([atleast_2d(each) for each in _listed("vstack", tensors, RuntimeError)])


def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """Join along the third dimension."""
    group = [atleast_3d(each) for each in _listed("dstack", tensors, RuntimeError)]
    return cat(group, 2)


def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """Join along the columns; 1-d tensors are columns."""
    group = _listed("column_stack", tensors, RuntimeError)
    return hstack([reshape(each, -1, 1) if each.ndim < 2 else each for each in group])


def block_diag(*tensors: Tensor) -> Tensor:
    """Return a matrix with the given ones along its diagonal, zeros elsewhere.

    Args:
        tensors: matrices; fewer dimensions count as one row.

    Raises:
        RuntimeError: a tensor has more than two dimensions.

    Example:
        >>> import flambeau as torch
        >>> torch.block_diag(torch.tensor([[1, 2]]), torch.tensor(3))
        tensor([[1, 2, 0],
                [0, 0, 3]])
    """
    for at, each in enumerate(tensors):
        if each.ndim > 2:
            raise RuntimeError(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. "
                f"Input {at} has {each.ndim} dimensions"
            )
    if not tensors:
        return wrap(constant(np.zeros((1, 0), dt.get_default_dtype().numpy)))
    blocks = [atleast_2d(each) for each in tensors]
    columns = sum(each.shape[1] for each in blocks)
    kind = reduce(dt.promote_types, (each.dtype for each in blocks))
    rows, start = [], 0
    for each in blocks:
        behind = columns - start - each.shape[1]
        pads = ((0, 0), (start, behind))
        rows.append(movement.pad_constant(cast(each.node, kind), pads, 0))
        start += each.shape[1]
    return wrap(movement.cat(*rows, axis=0))
