"""Norms of vectors and matrices, and distances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import dtypes as dt
from ..graph import Node
from ..ops import elementwise as ew
from ..ops.broadcast import keep_axes, reshape, sum_
from ..ops.complex_numbers import modulus
from ..ops.contract import product
from ..ops.decompose import svdvals
from ..ops.movement import permute, swap
from ..ops.norm import root
from ..ops.norm import vector_norm as vector_norm_of
from ..ops.reduce import amax, amin
from ..shape import axis_of
from .arguments import numpy_names
from .handle import wrap
from .operands import pair
from .reduction import Dims, axes_to_reduce, in_float32

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["cdist", "dist", "linalg_norm", "matrix_norm", "norm", "vector_norm"]

# From this many points on, distances come from one matrix multiplication.
_MANY_POINTS = 25


def _float_node(name: str, x: Tensor, dtype: dt.dtype | None) -> Node:
    kind = dtype or x.dtype
    if not x.dtype.is_inexact:
        raise RuntimeError(
            f"linalg.{name}: Expected a floating point or complex tensor as input. "
            f"Got {dt.scalar_name(x.dtype)}; convert with .float()"
        )
    if dt.promote_types(x.dtype, kind) is not kind:
        raise RuntimeError(
            f"linalg.{name}: the dtype of the input ({dt.scalar_name(x.dtype)}) should "
            "be convertible without narrowing to the specified dtype "
            f"({dt.scalar_name(kind)})"
        )
    return ew.cast(x.node, kind)


@numpy_names
def vector_norm(
    x: Tensor,
    ord: float = 2,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: dt.dtype | None = None,
) -> Tensor:
    r"""Return the norm of the vectors along dimensions, :math:`(\sum |x|^p)^{1/p}`.

    Args:
        x: any shape, floats or complex numbers.
        ord: p; 0 counts what is not 0, inf and -inf give the largest and smallest.
        dim: the dimension or dimensions of the vectors; None for all.
        keepdim: keep them with size 1.
        dtype: what to convert to first.

    Raises:
        RuntimeError: another dtype; or no elements where the norm has no identity.

    Source: torch's page "torch.linalg.vector_norm".

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.vector_norm(torch.tensor([3., 4.]))
        tensor(5.)
    """
    node = _float_node("vector_norm", x, dtype)
    node = modulus(node) if node.dtype.is_complex else node
    axes = axes_to_reduce(dim, node.ndim)
    empty = any(node.shape[axis] == 0 for axis in axes)
    if empty and (ord < 0 or math.isinf(ord)):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor "
            f"because the operation does not have an identity, got shape {node.shape}"
        )
    return wrap(in_float32(node, lambda x: vector_norm_of(x, ord, axes, keepdim)))


@numpy_names
def matrix_norm(
    A: Tensor,
    ord: float | str = "fro",
    dim: Sequence[int] = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: dt.dtype | None = None,
) -> Tensor:
    """Return the norm of matrices.

    Args:
        A: at least two dimensions, floats.
        ord: "fro", the root of the sum of squares; "nuc", the sum of the singular
            values; 2 and -2, the largest and smallest of them; 1 and -1, the largest
            and smallest sum of absolute values in a column; inf and -inf, in a row.
        dim: the two dimensions of the matrices.
        keepdim: keep them with size 1.
        dtype: what to convert to first.

    Raises:
        RuntimeError: not floats, fewer than two dimensions, or an unknown `ord`.

    Source: torch's page "torch.linalg.matrix_norm".

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.matrix_norm(torch.tensor([[1., 2.], [3., 4.]]), ord=1)
        tensor(6.)
    """
    x = _float_node("matrix_norm", A, dtype)
    if x.ndim < 2:
        raise RuntimeError(
            "linalg.matrix_norm: The input tensor A must have at least 2 dimensions, "
            f"got shape {x.shape}."
        )
    rows, columns = _two_dims(dim, x.ndim)
    if ord in ("fro", "f"):
        x = modulus(x) if x.dtype.is_complex else x
        pair_of_axes = tuple(sorted((rows, columns)))
        return wrap(
            in_float32(x, lambda x: vector_norm_of(x, 2, pair_of_axes, keepdim))
        )
    if ord in ("nuc", 2, -2):
        return wrap(in_float32(x, lambda x: _by_svd(x, ord, rows, columns, keepdim)))
    if isinstance(ord, str) or abs(ord) not in (1, math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    added, searched = (rows, columns) if abs(ord) == 1 else (columns, rows)
    totals = sum_(ew.absolute(x), axes=(added,), keepdims=True)
    found = _extreme(ord > 0, totals, searched, keepdims=True)
    return wrap(found if keepdim else _without(found, rows, columns))


def _two_dims(dim: Sequence[int], ndim: int) -> tuple[int, int]:
    if isinstance(dim, int) or len(dim) != 2:
        raise RuntimeError(
            f"linalg.matrix_norm: dim must be a 2-tuple of ints. Got {dim}"
        )
    rows, columns = (axis_of(each, ndim) for each in dim)
    if rows == columns:
        raise RuntimeError(
            f"linalg.matrix_norm: dims must be different. Got {tuple(dim)}"
        )
    return rows, columns


def _extreme(largest: bool, x: Node, axis: int, keepdims: bool) -> Node:
    """The largest or smallest number; of none, the largest is 0."""
    op = amin if not largest else amax if x.shape[axis] else sum_
    return op(x, axes=(axis,), keepdims=keepdims)


def _without(x: Node, *axes: int) -> Node:
    return reshape(x, tuple(s for at, s in enumerate(x.shape) if at not in axes))


def _by_svd(x: Node, order: float | str, rows: int, columns: int, keep: bool) -> Node:
    others = tuple(at for at in range(x.ndim) if at not in (rows, columns))
    values = svdvals(permute(x, (*others, rows, columns)))
    last = values.ndim - 1
    if order == "nuc":
        found = sum_(values, axes=(last,), keepdims=False)
    else:
        found = _extreme(order == 2, values, last, keepdims=False)
    return keep_axes(found, (rows, columns), x.shape) if keep else found


@numpy_names
def linalg_norm(
    A: Tensor,
    ord: float | str | None = None,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: dt.dtype | None = None,
) -> Tensor:
    """Return a vector norm over one dimension or a matrix norm over two.

    Args:
        A: any shape, floats.
        ord: the norm, as in `vector_norm` and `matrix_norm`; by default the root of the
            sum of squares.
        dim: one dimension for vectors, two for matrices; None for all.
        keepdim: keep them with size 1.
        dtype: what to convert to first.

    Raises:
        RuntimeError: `ord` is given for an input of more than two dimensions, no `dim`.

    Source: torch's page "torch.linalg.norm".
    """
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if dim is None and A.ndim not in (1, 2) and not isinstance(ord, str):
        raise RuntimeError(
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or "
            f"2D. Got {A.ndim}D."
        )
    dims = (dim,) if isinstance(dim, int) else dim or tuple(range(A.ndim))
    if isinstance(ord, str) or len(dims) == 2:
        return matrix_norm(A, ord, dims, keepdim, dtype=dtype)
    return vector_norm(A, ord, dim, keepdim, dtype=dtype)


@numpy_names
def norm(
    input: Tensor,
    p: float | str | None = "fro",
    dim: Dims = None,
    keepdim: bool = False,
    dtype: dt.dtype | None = None,
) -> Tensor:
    """Return the p-norm of all elements or over dimensions; "nuc" for matrices.

    Args:
        input: any shape, floats.
        p: a number as in `linalg.vector_norm`; "fro" is 2; "nuc" adds singular values.
        dim: the dimension or dimensions; None for all.
        keepdim: keep them with size 1.
        dtype: what to convert to first.

    Raises:
        RuntimeError: not floats, or an unknown `p`.

    Source: torch's page "torch.norm".

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([[3., 4.], [6., 8.]]).norm(dim=1)
        tensor([ 5., 10.])
    """
    if isinstance(p, str) and p != "fro":
        dims = tuple(range(input.ndim)) if dim is None else dim
        return matrix_norm(input, p, dims, keepdim, dtype=dtype)
    order = 2 if p is None or isinstance(p, str) else p
    return vector_norm(input, order, dim, keepdim, dtype=dtype)


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """Return the p-norm of input - other, broadcast.

    Source: torch's page "torch.dist".
    """
    a, b = pair(input, other)
    return vector_norm(wrap(ew.sub(a, b)), p)


# Distances between all points of two sets


def cdist(
    x1: Tensor,
    x2: Tensor,
    p: float = 2.0,
    compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary",
) -> Tensor:
    r"""Return the p-norm distance of every point of `x1` to every point of `x2`.

    Args:
        x1: points in rows.
        x2: points in rows.
        p: the norm, not negative.
        compute_mode: whether Euclidean distances come from a matrix multiplication,
            as :math:`\sqrt{|a|^2 + |b|^2 - 2 a b}`: "use_mm_for_euclid_dist",
            "donot_use_mm_for_euclid_dist", or for more than 25 points only
            "use_mm_for_euclid_dist_if_necessary".

    Shape:
        x1: (..., P, M).
        x2: (..., R, M).
        output: (..., P, R).

    Raises:
        RuntimeError: fewer than two dimensions, other lengths M, a negative p.

    Source: torch's page "torch.cdist".

    Example:
        >>> import flambeau as torch
        >>> torch.cdist(torch.tensor([[0., 0.]]), torch.tensor([[3., 4.], [0., 1.]]))
        tensor([[5., 1.]])
    """
    a, b = pair(x1, x2)
    _check_points(a, b, p)
    many = max(a.shape[-2], b.shape[-2]) > _MANY_POINTS
    if p == 2 and _uses_product(compute_mode, many):
        return wrap(_euclidean(a, b))
    apart = ew.sub(
        reshape(a, (*a.shape[:-1], 1, a.shape[-1])),
        reshape(b, (*b.shape[:-2], 1, *b.shape[-2:])),
    )
    return wrap(vector_norm_of(apart, p, (apart.ndim - 1,), False))


def _check_points(a: Node, b: Node, p: float) -> None:
    for name, x in (("X1", a), ("X2", b)):
        if not x.dtype.is_floating_point:
            raise RuntimeError(
                f"cdist only supports floating-point dtypes, {name} got: "
                f"{dt.scalar_name(x.dtype)}"
            )
        if x.ndim < 2:
            raise RuntimeError(
                f"cdist only supports at least 2D tensors, {name} got: {x.ndim}D"
            )
    if a.shape[-1] != b.shape[-1]:
        raise RuntimeError(
            "X1 and X2 must have the same number of columns. "
            f"X1: {a.shape[-1]} X2: {b.shape[-1]}"
        )
    if p < 0:
        raise RuntimeError(f"cdist only supports non-negative p values, got {p}")


def _uses_product(mode: str | None, many: bool) -> bool:
    modes = {
        None: many,
        "use_mm_for_euclid_dist_if_necessary": many,
        "use_mm_for_euclid_dist": True,
        "donot_use_mm_for_euclid_dist": False,
    }
    if mode not in modes:
        raise ValueError(f"{mode} is not a valid value for compute_mode")
    return modes[mode]


def _euclidean(a: Node, b: Node) -> Node:
    squares_a, squares_b = (
        sum_(ew.square(x), axes=(x.ndim - 1,), keepdims=True) for x in (a, b)
    )
    turned = swap(squares_b, b.ndim - 2, b.ndim - 1)
    cross = product(a, swap(b, b.ndim - 2, b.ndim - 1))
    squares = ew.sub(ew.add(squares_a, turned), ew.mul(cross, ew.const_like(2, cross)))
    return root(ew.maximum(squares, ew.const_like(0, squares)))
