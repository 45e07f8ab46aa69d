"""Traces, vector products and the QR decomposition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import dtypes as dt
from ..graph import Node
from ..ops import elementwise as ew
from ..ops.broadcast import sum_
from ..ops.decompose import qr_q, qr_r
from ..ops.movement import cat, diagonal, slice_axis, zeros
from ..shape import axis_of
from .handle import wrap
from .operands import check_same_dtype
from .return_types import named_result

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["cross", "linalg_cross", "qr", "trace"]


def trace(input: Tensor) -> Tensor:
    """Return the sum of the diagonal of a matrix.

    Raises:
        RuntimeError: the input is no matrix.

    Source: torch's page "torch.trace".
    """
    if input.ndim != 2:
        raise RuntimeError(
            f"trace: expected a matrix, but got tensor with dim {input.ndim}"
        )
    kept = diagonal(input.node, offset=0, first=0, second=1)
    kind = kept.dtype if kept.dtype.is_inexact else dt.int64
    return wrap(sum_(ew.cast(kept, kind), axes=(0,), keepdims=False))


def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """Return the vector products along a dimension of size 3.

    Args:
        input: any shape.
        other: any shape that broadcasts with it.
        dim: the dimension; by default the first of size 3.

    Raises:
        RuntimeError: no dimension of size 3, or different numbers of dimensions.

    Source: torch's page "torch.cross".
    """
    if dim is None:
        if 3 not in input.shape:
            raise RuntimeError(
                f"cross: no dimension of size 3 in input of shape {tuple(input.shape)}"
            )
        dim = input.shape.index(3)
    return linalg_cross(input, other, dim=dim)


def linalg_cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """Return the vector products along a dimension of size 3, the last by default.

    Raises:
        RuntimeError: the dimension has another size, or the operands have different
            numbers of dimensions or dtypes.

    Source: torch's page "torch.linalg.cross".
    """
    if input.ndim != other.ndim:
        raise RuntimeError(
            "linalg.cross: inputs must have the same number of dimensions, got "
            f"{input.ndim} and {other.ndim}."
        )
    check_same_dtype(input, other)
    a, b = input.node, other.node
    axis = axis_of(dim, a.ndim)
    if a.shape[axis] != 3 or b.shape[axis] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got "
            f"{a.shape[axis]} and {b.shape[axis]}"
        )
    forward = ew.mul(_turned(a, axis, 1), _turned(b, axis, 2))
    backward = ew.mul(_turned(a, axis, 2), _turned(b, axis, 1))
    return wrap(ew.sub(forward, backward))


def _turned(x: Node, axis: int, by: int) -> Node:
    """Begin with element `by` and put those before it at the end."""
    behind = slice_axis(x, axis, by, x.shape[axis] - by)
    return cat(behind, slice_axis(x, axis, 0, by), axis=axis)


_QR = named_result("linalg_qr", ("Q", "R"))


def qr(A: Tensor, mode: str = "reduced") -> Any:
    """Return an orthogonal Q and an upper triangular R whose product is the matrix.

    Args:
        A: (..., m, n), floats.
        mode: "reduced" for min(m, n) columns of Q, "complete" for m, "r" for R alone.

    Returns:
        The pair (Q, R). The Q of a tall matrix has no gradient if it is complete.

    Raises:
        RuntimeError: no matrix of floats, or an unknown mode.

    Source: torch's page "torch.linalg.qr".

    Example:
        >>> import flambeau as torch
        >>> q, r = torch.linalg.qr(torch.tensor([[3., 1.], [4., 2.]]))
        >>> torch.allclose(q @ r, torch.tensor([[3., 1.], [4., 2.]]))
        True
    """
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' "
            "(default), 'r', or 'complete'"
        )
    x = A.node
    if x.ndim < 2:
        raise RuntimeError(
            "linalg.qr: The input tensor A must have at least 2 dimensions, got shape "
            f"{x.shape}."
        )
    if not x.dtype.is_floating_point:
        raise RuntimeError(
            "linalg.qr: Expected a floating point or complex tensor as input. Got "
            f"{dt.scalar_name(x.dtype)}"
        )
    if mode == "r":
        return _QR(wrap(zeros((0,), x.dtype)), wrap(qr_r(x, mode="reduced")))
    return _QR(wrap(qr_q(x, mode=mode)), wrap(qr_r(x, mode=mode)))
