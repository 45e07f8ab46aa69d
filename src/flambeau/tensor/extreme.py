"""Largest and smallest elements, and where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import dtypes as dt
from ..graph import Node, scalar
from ..ops import elementwise as ew
from ..ops import reduce
from ..ops.broadcast import keep_axes, reduced, reshape
from ..ops.index import gather
from ..ops.op import Op
from ..shape import axis_of
from .arguments import numpy_names
from .handle import Handle, wrap
from .operands import check_tensor, pair
from .reduction import Dims, along, axes_to_reduce
from .return_types import named_result

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "amax",
    "amin",
    "aminmax",
    "argmax",
    "argmin",
    "cummax",
    "cummin",
    "max",
    "min",
]


class _Extreme(NamedTuple):
    """The ops of one of the two extremes, and its named result."""

    name: str
    whole: Op
    position: Op
    pairwise: Op
    result: Any


_VALUES = ("values", "indices")
_MAX = _Extreme(
    "max", reduce.amax, reduce.argmax, ew.maximum, named_result("max", _VALUES)
)
_MIN = _Extreme(
    "min", reduce.amin, reduce.argmin, ew.minimum, named_result("min", _VALUES)
)
_AMINMAX = named_result("aminmax", ("min", "max"))
_CUMMAX = named_result("cummax", _VALUES)
_CUMMIN = named_result("cummin", _VALUES)


def _check_some(name: str, x: Node, error: type[Exception] = RuntimeError) -> None:
    if not x.size:
        raise error(
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
            f"Specify the reduction dim with the 'dim' argument, got shape {x.shape}."
        )


def _extreme(kind: _Extreme, input: Tensor, dim: Any, keepdim: bool, other: Any) -> Any:
    """Choose among torch's three forms: all elements, one dimension, two tensors."""
    check_tensor(kind.name, "input", 1, input)
    if isinstance(dim, Handle):
        dim, other = None, dim
    if other is not None:
        return wrap(kind.pairwise(*pair(input, other)))
    x = input.node
    if dim is None:
        _check_some(kind.name, x)
        return wrap(kind.whole(x, axes=tuple(range(x.ndim)), keepdims=False))
    axis = _checked_axis(kind.name, x, dim)
    if not x.ndim:
        return kind.result(wrap(x), wrap(scalar(0, dt.int64)))
    kept = keep_axes(kind.position(x, axis=axis), (axis,), x.shape)
    shape = reduced(x.shape, (axis,), keepdim)
    values = gather(x, kept, axis=axis)
    return kind.result(wrap(reshape(values, shape)), wrap(reshape(kept, shape)))


def _checked_axis(name: str, x: Node, dim: int) -> int:
    axis = axis_of(dim, x.ndim)
    if x.ndim and not x.shape[axis]:
        raise IndexError(
            f"{name}(): Expected reduction dim {axis} to have non-zero size, got shape "
            f"{x.shape}"
        )
    return axis


@numpy_names
def max(
    input: Tensor,
    dim: int | Tensor | None = None,
    keepdim: bool = False,
    *,
    other: Tensor | None = None,
) -> Any:
    """Return the largest element, or those along a dimension, or of two tensors.

    NaN counts as the largest. Of equal elements along a dimension the first is taken,
    and only it gets a gradient; otherwise they share it.

    Args:
        input: any shape.
        dim: the dimension to search; None for all; or the second tensor.
        keepdim: keep the dimension with size 1.
        other: the second tensor.

    Returns:
        A tensor; with a dimension the pair (values, indices).

    Raises:
        IndexError: the dimension has no elements.
        RuntimeError: there are no elements and no dimension is given.

    Source: torch's page "torch.max".

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([[1., 5.], [7., 2.]])
        >>> torch.max(x)
        tensor(7.)
        >>> torch.max(x, dim=1).indices
        tensor([1, 0])
    """
    return _extreme(_MAX, input, dim, keepdim, other)


@numpy_names
def min(
    input: Tensor,
    dim: int | Tensor | None = None,
    keepdim: bool = False,
    *,
    other: Tensor | None = None,
) -> Any:
    """Return the smallest element, or those along a dimension, or of two tensors.

    NaN counts as the smallest; for equal elements see `max`.

    Args:
        input: any shape.
        dim: the dimension to search; None for all; or the second tensor.
        keepdim: keep the dimension with size 1.
        other: the second tensor.

    Returns:
        A tensor; with a dimension the pair (values, indices).

    Raises:
        IndexError: the dimension has no elements.
        RuntimeError: there are no elements and no dimension is given.

    Source: torch's page "torch.min".
    """
    return _extreme(_MIN, input, dim, keepdim, other)


def _over_dims(op: Op, input: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    x = input.node
    axes = axes_to_reduce(dim, x.ndim)
    if dim in (None, (), []):
        _check_some(op.name, x)
    return wrap(op(x, axes=axes, keepdims=keepdim))


@numpy_names
def amax(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """Return the largest elements over dimensions; equal ones share the gradient.

    Args:
        input: any shape.
        dim: the dimension or dimensions to reduce; all by default.
        keepdim: keep them with size 1.

    Raises:
        IndexError: a dimension has no elements.

    Source: torch's page "torch.amax".

    Example:
        >>> import flambeau as torch
        >>> torch.amax(torch.tensor([[1., 5.], [7., 2.]]), dim=0)
        tensor([7., 5.])
    """
    return _over_dims(reduce.amax, input, dim, keepdim)


@numpy_names
def amin(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """Return the smallest elements over dimensions; equal ones share the gradient.

    Args:
        input: any shape.
        dim: the dimension or dimensions to reduce; all by default.
        keepdim: keep them with size 1.

    Raises:
        IndexError: a dimension has no elements.

    Source: torch's page "torch.amin".
    """
    return _over_dims(reduce.amin, input, dim, keepdim)


@numpy_names
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the smallest and the largest elements as the pair (min, max).

    Args:
        input: any shape.
        dim: the dimension to reduce; None for all.
        keepdim: keep it with size 1.

    Raises:
        IndexError: the dimension has no elements.
        RuntimeError: there are no elements and no dimension is given.

    Source: torch's page "torch.aminmax".
    """
    x = input.node
    if dim is None and not x.size:
        raise RuntimeError(
            "aminmax(): cannot compute aminmax over an empty dimension as the "
            f"operation has no identity, got shape {x.shape}."
        )
    dims: Sequence[int] = () if dim is None else (axis_of(dim, x.ndim),)
    low, high = (
        _over_dims(op, input, dims, keepdim) for op in (reduce.amin, reduce.amax)
    )
    return _AMINMAX(low, high)


# Positions


def _argument(op: Op, input: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    x = input.node
    if x.dtype is dt.bool_:
        raise RuntimeError(
            f"{op.name}(): does not support bool input; convert it with .to()"
        )
    if dim is None:
        _check_some(op.name, x, IndexError)
        found = op(reshape(x, (x.size,)), axis=0)
        return wrap(reshape(found, (1,) * x.ndim if keepdim else ()))

    def search(x: Node, axis: int) -> Node:
        found = op(x, axis=axis)
        return keep_axes(found, (axis,), x.shape) if keepdim else found

    return wrap(along(x, dim, search))


@numpy_names
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return where the largest element is; the first of equal ones.

    Args:
        input: any shape.
        dim: the dimension to search; None counts through all elements.
        keepdim: keep the dimension with size 1.

    Raises:
        IndexError: there are no elements to choose from.
        RuntimeError: the input is bool.

    Source: torch's page "torch.argmax".

    Example:
        >>> import flambeau as torch
        >>> torch.argmax(torch.tensor([[1., 5.], [7., 2.]]))
        tensor(2)
    """
    return _argument(reduce.argmax, input, dim, keepdim)


@numpy_names
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return where the smallest element is; the first of equal ones.

    Args:
        input: any shape.
        dim: the dimension to search; None counts through all elements.
        keepdim: keep the dimension with size 1.

    Raises:
        IndexError: there are no elements to choose from.
        RuntimeError: the input is bool.

    Source: torch's page "torch.argmin".
    """
    return _argument(reduce.argmin, input, dim, keepdim)


def _running(op: Op, result: Any, input: Tensor, dim: int) -> Any:
    positions = along(input.node, dim, lambda x, axis: op(x, axis=axis))
    x, axis = input.node, axis_of(dim, input.ndim)
    values = gather(x, positions, axis=axis) if x.ndim else x
    return result(wrap(values), wrap(positions))


@numpy_names
def cummax(input: Tensor, dim: int) -> Any:
    """Return the largest element so far along a dimension, and where it was last met.

    Source: torch's page "torch.cummax".

    Example:
        >>> import flambeau as torch
        >>> torch.cummax(torch.tensor([1, 3, 2]), dim=0).values
        tensor([1, 3, 3])
    """
    return _running(reduce.cumargmax, _CUMMAX, input, dim)


@numpy_names
def cummin(input: Tensor, dim: int) -> Any:
    """Return the smallest element so far along a dimension, and where it was last met.

    Source: torch's page "torch.cummin".
    """
    return _running(reduce.cumargmin, _CUMMIN, input, dim)
