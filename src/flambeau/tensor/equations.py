"""Linear equations, inverses and the exponential of matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..dtypes import scalar_name
from ..ops import equations
from ..ops.broadcast import expand
from ..shape import broadcast_shapes
from .creation import eye
from .handle import wrap

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["inv", "matrix_exp", "solve"]


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """Return the X with A X = B, or with X A = B if not `left`.

    Args:
        A: (..., n, n).
        B: (..., n, k), or (..., n) where that is what A's batch goes with.
        left: on which side A stands.

    Raises:
        RuntimeError: A is not square, the shapes or dtypes do not fit, or, when the
            value is computed, A is singular.

    Source: torch's page "torch.linalg.solve".

    Example:
        >>> import flambeau as torch
        >>> A = torch.tensor([[2.0, 0.0], [0.0, 4.0]])
        >>> torch.linalg.solve(A, torch.tensor([2.0, 2.0]))
        tensor([1.0000, 0.5000])
    """
    _check_square("linalg.solve", A)
    if not left:
        return solve(A.mT, B.mT).mT
    if B.ndim == 1 or (B.ndim == A.ndim - 1 and B.shape == A.shape[:-1]):
        return solve(A, B.unsqueeze(-1)).squeeze(-1)
    if A.dtype is not B.dtype:
        raise RuntimeError(
            "linalg.solve: Expected A and B to have the same dtype, but found A of "
            f"type {scalar_name(A.dtype)} and B of type {scalar_name(B.dtype)} instead"
        )
    if A.shape[-1] != B.shape[-2]:
        raise RuntimeError(
            "linalg.solve: Incompatible shapes of A and B for the equation AX = B "
            f"({A.shape[-2]}x{A.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})"
        )
    batch = broadcast_shapes(A.shape[:-2], B.shape[:-2])
    a, b = (expand(x.node, (*batch, *x.shape[-2:])) for x in (A, B))
    return wrap(equations.solve(a, b))


def inv(A: Tensor) -> Tensor:
    """Return the inverse of a square matrix, or of each of a batch.

    Raises:
        RuntimeError: A is not square, or, when the value is computed, is singular.

    Source: torch's page "torch.linalg.inv".

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.inv(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])
    """
    _check_square("linalg.inv", A)
    return solve(A, eye(A.shape[-1], dtype=A.dtype))


def matrix_exp(A: Tensor) -> Tensor:
    """Return the exponential of a square matrix: I + A + A²/2 + A³/6 + …

    Raises:
        RuntimeError: A is not square.

    Source: torch's page "torch.linalg.matrix_exp".

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.matrix_exp(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
        tensor([[1., 1.],
                [0., 1.]])
    """
    _check_square("linalg.matrix_exp", A)
    return wrap(equations.matrix_exp(A.node))


def _check_square(name: str, A: Tensor) -> None:
    if A.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor A must have at least 2 dimensions."
        )
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are "
            f"{A.shape[-2]} by {A.shape[-1]} matrices"
        )
    if not A.is_floating_point():
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got "
            f"{scalar_name(A.dtype)}"
        )
