"""Writing to a position of its own for each element, along one dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ml_dtypes
import numpy as np

from .. import dtypes as dt
from ..graph import Node
from ..ops import elementwise as ew
from ..ops import index as ix
from ..ops.broadcast import expand, reshape
from ..ops.movement import slice_, zeros
from ..ops.op import Op
from ..shape import axis_of
from .convert import clone
from .handle import Handle, wrap
from .operands import Number, to_node
from .selecting import at_least_1d, index_node

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "check_same_dtype",
    "scatter",
    "scatter_add",
    "scatter_reduce",
]


def check_same_dtype(name: str, input: Tensor, source: Tensor) -> None:
    """Raise where what is written has another dtype than what it is written to."""
    if input.dtype is not source.dtype:
        raise RuntimeError(
            f"{name}(): Expected self.dtype to be equal to src.dtype, got "
            f"{input.dtype!r} and {source.dtype!r}"
        )


def _scattered(op: Op, input: Tensor, axis: int, index: Tensor, src: Node) -> Node:
    """Scatter; of a source that is larger than the index, the beginning counts."""
    x, positions = at_least_1d(input.node), at_least_1d(index_node(op.name, index))
    src = at_least_1d(src)
    sizes = zip(positions.shape, src.shape)
    if src.ndim != positions.ndim or any(size > have for size, have in sizes):
        raise RuntimeError(
            f"{op.name}: Expected index {list(index.shape)} to be no larger than src "
            f"{list(src.shape)}, with as many dimensions"
        )
    part = slice_(src, tuple((0, size, 1) for size in positions.shape))
    return reshape(op(x, positions, part, axis=axis), input._node.shape)


_REDUCTIONS = {None: ix.scatter, "add": ix.scatter_add, "multiply": ix.scatter_prod}


def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor | Number | None = None,
    *,
    value: Number | None = None,
    reduce: str | None = None,
) -> Tensor:
    r"""Write along one dimension at the position that `index` names for each element.

    .. math:: y_{index_{ijk} \, jk} = src_{ijk} \quad (dim = 0)

    Args:
        input: any shape.
        dim: the dimension.
        index: as many dimensions, no larger apart from `dim`.
        src: a tensor of the same dtype, at least as large as `index`; or a number.
        value: a number in the place of `src`.
        reduce: None to replace, "add" or "multiply" to combine.

    Raises:
        RuntimeError: a position out of range, a shape or dtype that does not fit, or
            another `reduce`.

    Source: torch's page "torch.Tensor.scatter_".

    Example:
        >>> import flambeau as torch
        >>> torch.zeros(2, 3).scatter(1, torch.tensor([[2], [0]]), 1)
        tensor([[0., 0., 1.],
                [1., 0., 0.]])
    """
    if reduce not in _REDUCTIONS:
        raise RuntimeError(
            f"scatter: reduce argument must be either add or multiply, got {reduce!r}"
        )
    axis = axis_of(dim, input.ndim)
    given = src if value is None else value
    if given is None:
        raise TypeError("scatter: give a tensor `src` or a number `value`")
    if not index.numel():
        return clone(input)
    if isinstance(given, Handle):
        check_same_dtype("scatter", input, given)
        new = given.node
    else:
        new = expand(to_node(given, input.dtype), index._node.shape)
    return wrap(_scattered(_REDUCTIONS[reduce], input, axis, index, new))


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """Add along one dimension at positions, as often as they are named.

    Args:
        input: any shape.
        dim: the dimension.
        index: as many dimensions, no larger apart from `dim`.
        src: at least as large as `index`.

    Raises:
        RuntimeError: a position out of range, a shape or dtype that does not fit.

    Example:
        >>> import flambeau as torch
        >>> index = torch.tensor([0, 1, 0])
        >>> torch.zeros(2).scatter_add(0, index, torch.tensor([1., 2., 3.]))
        tensor([4., 2.])
    """
    return scatter(input, dim, index, src, reduce="add")


def scatter_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> Tensor:
    """Combine all elements that go to one position, along one dimension.

    Args:
        input: any shape.
        dim: the dimension.
        index: as many dimensions, no larger apart from `dim`.
        src: at least as large as `index`, of the same dtype.
        reduce: "sum", "prod", "mean", "amax" or "amin".
        include_self: whether what is there before counts.

    Raises:
        RuntimeError: a position out of range, a shape or dtype that does not fit, or
            another `reduce`.

    Source: torch's page "torch.Tensor.scatter_reduce_".

    Example:
        >>> import flambeau as torch
        >>> index, src = torch.tensor([0, 0, 1]), torch.tensor([1., 5., 2.])
        >>> torch.zeros(2).scatter_reduce(0, index, src, "amax")
        tensor([5., 2.])
    """
    if reduce not in _COMBINE:
        raise RuntimeError(
            "reduce argument must be either sum, prod, mean, amax or amin, got "
            f"{reduce}"
        )
    check_same_dtype("scatter_reduce", input, src)
    axis = axis_of(dim, input.ndim)
    if not index.numel():
        return clone(input)
    start = input
    if not include_self:
        empty = expand(_identity(reduce, input.node), index._node.shape)
        start = wrap(_scattered(ix.scatter, input, axis, index, empty))
    result = _scattered(_COMBINE[reduce], start, axis, index, src.node)
    if reduce != "mean":
        return wrap(result)
    return wrap(_divided(result, _counts(input, axis, index, include_self)))


_COMBINE = {
    "sum": ix.scatter_add,
    "prod": ix.scatter_prod,
    "mean": ix.scatter_add,
    "amax": ix.scatter_amax,
    "amin": ix.scatter_amin,
}


def _identity(reduce: str, x: Node) -> Node:
    """The element that changes nothing."""
    if reduce in ("sum", "mean"):
        return ew.const_like(0, x)
    if reduce == "prod":
        return ew.const_like(1, x)
    if x.dtype.is_floating_point:
        return ew.const_like(-np.inf if reduce == "amax" else np.inf, x)
    if x.dtype is dt.bool_:
        return ew.const_like(reduce == "amin", x)
    limits = ml_dtypes.iinfo(x.dtype.numpy)
    return ew.const_like(int(limits.min if reduce == "amax" else limits.max), x)


def _counts(input: Tensor, axis: int, index: Tensor, include_self: bool) -> Node:
    """How many elements each position combines, at least 1."""
    shape = index._node.shape
    one = ew.const_like(1, input.node)
    start = wrap(expand(one, input._node.shape))
    if not include_self:
        none = zeros(shape, input.dtype)
        start = wrap(_scattered(ix.scatter, start, axis, index, none))
    count = _scattered(ix.scatter_add, start, axis, index, expand(one, shape))
    return ew.maximum(count, one)


def _divided(total: Node, count: Node) -> Node:
    floats = total.dtype.is_floating_point
    return (ew.div if floats else ew.floor_div)(total, count)
