"""Matrices that LAPACK computes: inverse, determinant, solutions.

The gradients are written with ops, so they can be differentiated again.

Source: M. B. Giles, "An extended collection of matrix derivative results" (2008).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import dtype
from ..graph import Node, constant
from . import elementwise as ew
from .broadcast import reshape, sum_to
from .contract import matmul
from .movement import cat, slice_axis, swap
from .op import Op, same_as_input

__all__ = [
    "LinAlgError",
    "checked",
    "cholesky",
    "det",
    "inv",
    "logabsdet",
    "masked",
    "matrix_exp",
    "pinv",
    "sign_of_det",
    "solve",
    "turn",
]

Shape = tuple[int, ...]


_REASONS = {
    "cholesky": "The factorization could not be completed because the input is not "
    "positive-definite.",
    "eig": "The algorithm failed to converge.",
    "eigh": "The algorithm failed to converge.",
    "inv": "The inversion could not be completed because the input matrix is singular.",
    "solve": "The solver failed because the input matrix is singular.",
    "svd": "The algorithm failed to converge.",
}


class LinAlgError(RuntimeError):
    """A matrix has no inverse or no such decomposition; torch's `LinAlgError`."""


def checked(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the NumPy function with torch's kind of error."""

    def run(*arrays: np.ndarray, **params: Any) -> Any:
        try:
            return function(*arrays, **params)
        except np.linalg.LinAlgError:
            raise LinAlgError(f"linalg.{name}: {_REASONS[name]}") from None

    return run


def turn(x: Node) -> Node:
    """Return the transposed matrices."""
    return swap(x, -2, -1)


def _batch(x: Node) -> tuple[Shape, dtype]:
    return x.shape[:-2], x.dtype


def _wide(x: Node) -> Node:
    """A number for each matrix as a matrix of one element."""
    return reshape(x, (*x.shape, 1, 1))


def masked(x: Node, mask: np.ndarray) -> Node:
    """Return matrices with 0 where the mask is 0."""
    return ew.mul(x, constant(mask.astype(x.dtype.numpy), x.dtype))


# Inverse, determinant, solution

inv: Op = Op(
    "linalg_inv",
    same_as_input,
    checked("inv", np.linalg.inv),
    (lambda g, y, x: ew.neg(matmul(matmul(turn(y), g), turn(y))),),
    "LinalgInvEx",
)
det = Op(
    "linalg_det",
    _batch,
    np.linalg.det,
    (lambda g, y, x: ew.mul(_wide(ew.mul(g, y)), turn(inv(x))),),
    "LinalgDet",
)
sign_of_det = Op("linalg_slogdet", _batch, lambda x: np.linalg.slogdet(x)[0])
logabsdet = Op(
    "linalg_slogdet",
    _batch,
    lambda x: np.linalg.slogdet(x)[1],
    (lambda g, y, x: ew.mul(_wide(g), turn(inv(x))),),
    "LinalgSlogdet",
)


def _solve_infer(a: Node, b: Node) -> tuple[Shape, dtype]:
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return (*batch, *b.shape[-2:]), a.dtype


solve: Op = Op(
    "linalg_solve",
    _solve_infer,
    checked("solve", np.linalg.solve),
    (
        lambda g, y, a, b: sum_to(ew.neg(matmul(solve(turn(a), g), turn(y))), a.shape),
        lambda g, y, a, b: sum_to(solve(turn(a), g), b.shape),
    ),
    "LinalgSolveEx",
)

# Cholesky: A = L L^T


def _cholesky_gradient(g: Node, y: Node, x: Node) -> Node:
    size = x.shape[-1]
    lower = np.tril(np.ones((size, size))) - np.eye(size) / 2
    inner = masked(matmul(turn(y), g), lower)
    inverse = inv(y)
    found = matmul(matmul(turn(inverse), inner), inverse)
    return ew.mul(ew.add(found, turn(found)), ew.const_like(0.5, found))


cholesky = Op(
    "linalg_cholesky",
    same_as_input,
    checked("cholesky", np.linalg.cholesky),
    (_cholesky_gradient,),
    "LinalgCholeskyEx",
)

# The pseudoinverse


def _pinv_infer(x: Node, **params: Any) -> tuple[Shape, dtype]:
    return (*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype


def _pinv_numpy(x: np.ndarray, *, cutoff: Any, atol: Any) -> np.ndarray:
    # each is a number, or one for each matrix
    u, values, vh = np.linalg.svd(x, full_matrices=False)
    if cutoff is None:
        cutoff = max(x.shape[-2:]) * float(np.finfo(x.dtype).eps)
    largest = values.max(-1, keepdims=True, initial=0)
    relative, absolute = (np.asarray(each)[..., None] for each in (cutoff, atol))
    kept = values > np.maximum(relative * largest, absolute)
    inverse = np.where(kept, 1 / np.where(kept, values, 1), 0).astype(x.dtype)
    return np.swapaxes(vh, -1, -2) @ (inverse[..., None] * np.swapaxes(u, -1, -2))


def _pinv_gradient(g: Node, y: Node, x: Node, **params: Any) -> Node:
    yt, gt = turn(y), turn(g)
    first = ew.neg(matmul(matmul(yt, g), yt))
    left = matmul(gt, matmul(y, yt))
    second = ew.sub(left, matmul(x, matmul(y, left)))
    right = matmul(matmul(yt, y), gt)
    third = ew.sub(right, matmul(matmul(right, y), x))
    return ew.add(first, ew.add(second, third))


pinv = Op("linalg_pinv", _pinv_infer, _pinv_numpy, (_pinv_gradient,), "LinalgPinv")

# The exponential: Padé's approximation of a matrix made small, squared again

_PADE = (
    64764752532480000.0,
    32382376266240000.0,
    7771770303897600.0,
    1187353796428800.0,
    129060195264000.0,
    10559470521600.0,
    670442572800.0,
    33522128640.0,
    1323241920.0,
    40840800.0,
    960960.0,
    16380.0,
    182.0,
    1.0,
)


def _exp_numpy(x: np.ndarray) -> np.ndarray:
    work = x.astype(np.float64)
    norm = np.abs(work).sum(-2).max(initial=0.0) if work.size else 0.0
    squarings = max(0, int(np.ceil(np.log2(norm / 5.37)))) if norm > 5.37 else 0
    work = work / 2.0**squarings
    eye = np.broadcast_to(np.eye(x.shape[-1]), x.shape)
    odd, even, power = np.zeros_like(work), np.zeros_like(work), eye
    square = work @ work
    for at in range(0, len(_PADE), 2):
        even = even + _PADE[at] * power
        odd = odd + _PADE[at + 1] * power
        power = power @ square
    odd = work @ odd
    found = np.linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        found = found @ found
    return found


def _exp_gradient(g: Node, y: Node, x: Node) -> Node:
    """The upper right block of exp([[A^T, G], [0, A^T]])."""
    turned, size = turn(x), x.shape[-1]
    empty = ew.zeros_like(turned)
    upper, lower = cat(turned, g, axis=x.ndim - 1), cat(empty, turned, axis=x.ndim - 1)
    whole = matrix_exp(cat(upper, lower, axis=x.ndim - 2))
    right = slice_axis(whole, x.ndim - 1, size, size)
    return slice_axis(right, x.ndim - 2, 0, size)


matrix_exp: Op = Op(
    "linalg_matrix_exp", same_as_input, _exp_numpy, (_exp_gradient,), "LinalgMatrixExp"
)
