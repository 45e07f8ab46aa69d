"""Running totals along a dimension, differences and integrals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import dtypes as dt
from ..graph import Node
from ..ops import elementwise as ew
from ..ops import reduce
from ..ops.broadcast import reshape
from ..ops.movement import cat, slice_axis
from ..ops.op import Op
from ..shape import axis_of
from .arguments import numpy_names
from .handle import wrap
from .operands import Number, check_float, result_type
from .pointwise import div, mul
from .reduction import accumulating, along, sum

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "cumprod",
    "cumsum",
    "cumulative_trapezoid",
    "diff",
    "logcumsumexp",
    "trapezoid",
    "trapz",
]


def _running(op: Op, x: Node, dim: int) -> Tensor:
    return wrap(along(x, dim, lambda x, axis: op(x, axis=axis)))


@numpy_names
def cumsum(input: Tensor, dim: int, *, dtype: dt.dtype | None = None) -> Tensor:
    """Return the sums of the elements so far along a dimension.

    Args:
        input: any shape; bools and integers add up in int64.
        dim: the dimension to run along.
        dtype: what to convert to before adding.

    Source: torch's page "torch.cumsum".

    Example:
        >>> import flambeau as torch
        >>> torch.cumsum(torch.tensor([1, 2, 3]), dim=0)
        tensor([1, 3, 6])
    """
    return _running(reduce.cumsum, accumulating(input, dtype), dim)


@numpy_names
def cumprod(input: Tensor, dim: int, *, dtype: dt.dtype | None = None) -> Tensor:
    """Return the products of the elements so far along a dimension.

    Args:
        input: any shape; bools and integers multiply in int64.
        dim: the dimension to run along.
        dtype: what to convert to before multiplying.

    Source: torch's page "torch.cumprod".
    """
    return _running(reduce.cumprod, accumulating(input, dtype), dim)


@numpy_names
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    r"""Return :math:`\log \sum_{j \le i} e^{x_j}` along a dimension, without overflow.

    Args:
        input: any shape, floats.
        dim: the dimension to run along.

    Raises:
        NotImplementedError: the input is not a float tensor.

    Source: torch's page "torch.logcumsumexp".
    """
    axis_of(dim, input.ndim)
    check_float("logcumsumexp_out_cpu", input.node)
    return _running(reduce.logcumsumexp, input.node, dim)


# Differences


def _difference(x: Node, axis: int) -> Node:
    count = max(x.shape[axis] - 1, 0)
    later = slice_axis(x, axis, min(1, x.shape[axis]), count)
    earlier = slice_axis(x, axis, 0, count)
    return (ew.logical_xor if x.dtype is dt.bool_ else ew.sub)(later, earlier)


@numpy_names
def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """Return the differences between neighbours along a dimension, `n` times over.

    Args:
        input: at least one dimension; bools give whether neighbours differ.
        n: how often differences are taken.
        dim: the dimension.
        prepend: elements to put in front before.
        append: elements to put behind before.

    Raises:
        RuntimeError: a 0-d input, or a negative `n`.

    Source: torch's page "torch.diff".

    Example:
        >>> import flambeau as torch
        >>> torch.diff(torch.tensor([1, 3, 6]))
        tensor([2, 3])
    """
    if not input.ndim:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    axis = axis_of(dim, input.ndim)
    ends = (prepend, input, append) if n else (input,)
    parts = [each for each in ends if each is not None]
    kind = result_type(*parts)
    nodes = [ew.cast(each.node, kind) for each in parts]
    x = cat(*nodes, axis=axis) if len(nodes) > 1 else nodes[0]
    for _ in range(n):
        x = _difference(x, axis)
    return wrap(x)


# Integrals


def _trapezoids(
    name: str, y: Tensor, x: Tensor | None, dx: Number | None, dim: int
) -> tuple[Node, int]:
    """Return twice the area over each interval, and the axis."""
    if not y.ndim:
        raise IndexError(f"{name}: y must have at least one dimension")
    if dt.bool_ in (y.dtype, y.dtype if x is None else x.dtype):
        raise RuntimeError(
            f"{name}: received a bool input for `x` or `y`, but bool is not supported"
        )
    heights, axis = y.node, axis_of(dim, y.ndim)
    count = max(heights.shape[axis] - 1, 0)
    first, last = min(1, heights.shape[axis]), 0
    both = ew.add(
        slice_axis(heights, axis, first, count), slice_axis(heights, axis, last, count)
    )
    if x is None:
        return mul(wrap(both), 1 if dx is None else dx).node, axis
    if dx is not None:
        raise TypeError(f"{name}: give the positions x or the distance dx, not both")
    widths = _widths(name, heights, x.node, axis)
    kind = dt.promote_types(both.dtype, widths.dtype)
    return ew.mul(ew.cast(both, kind), ew.cast(widths, kind)), axis


def _widths(name: str, y: Node, x: Node, axis: int) -> Node:
    """Return the distances between positions, laid along `axis` of the heights."""
    if not y.ndim - axis <= x.ndim <= y.ndim and x.ndim != 1:
        raise RuntimeError(
            f"{name}: x of shape {x.shape} has no dimension for dimension {axis} of y "
            f"of shape {y.shape}"
        )
    if x.ndim == 1:
        if x.shape[0] != y.shape[axis]:
            raise RuntimeError(
                f"{name}: There must be one `x` value for each sample point, got "
                f"{x.shape[0]} for {y.shape[axis]} points"
            )
        x = reshape(x, (x.shape[0],) + (1,) * (y.ndim - axis - 1))
        return _difference(x, 0)
    return _difference(x, axis - y.ndim + x.ndim)


def trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: Number | None = None, dim: int = -1
) -> Tensor:
    r"""Return the integral by the trapezoidal rule.

    .. math:: \tfrac12 \sum (y_i + y_{i-1}) w_i

    Args:
        y: the heights.
        x: their positions; the widths w are the distances between them.
        dx: the one distance between all of them, 1 unless given.
        dim: the dimension to integrate along.

    Raises:
        RuntimeError: `x` has another number of positions than `y` heights.
        TypeError: both `x` and `dx` are given.

    Source: torch's page "torch.trapezoid".

    Example:
        >>> import flambeau as torch
        >>> torch.trapezoid(torch.tensor([1., 2., 3.]), dx=2)
        tensor(8.)
    """
    areas, axis = _trapezoids("trapezoid", y, x, dx, dim)
    return div(sum(wrap(areas), axis), 2.0)


def cumulative_trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: Number | None = None, dim: int = -1
) -> Tensor:
    """Return the integral from the first height to each later one; see `trapezoid`.

    Source: torch's page "torch.cumulative_trapezoid".
    """
    areas, axis = _trapezoids("cumulative_trapezoid", y, x, dx, dim)
    return div(cumsum(wrap(areas), axis), 2.0)


trapz = trapezoid
