"""Linear equations, and the exponential of matrices."""

from __future__ import annotations

import numpy as np

from ..dtypes import dtype
from ..graph import Node
from .contract import matmul
from .elementwise import neg
from .movement import cat, slice_axis, swap, zeros
from .op import Op, same_as_input

__all__ = ["matrix_exp", "solve"]


def _solve_infer(a: Node, b: Node) -> tuple[tuple[int, ...], dtype]:
    return b.shape, b.dtype


def _solve_numpy(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        raise RuntimeError(
            "linalg.solve: The solver failed because the input matrix is singular."
        ) from None


def _to_right_side(g: Node, y: Node, a: Node, b: Node) -> Node:
    return solve(_transposed(a), g)


def _to_matrix(g: Node, y: Node, a: Node, b: Node) -> Node:
    return neg(matmul(solve(_transposed(a), g), _transposed(y)))


def _transposed(x: Node) -> Node:
    return swap(x, x.ndim - 2, x.ndim - 1)


solve = Op(
    "linalg_solve",
    _solve_infer,
    _solve_numpy,
    (_to_matrix, _to_right_side),
    "LinalgSolveEx",
)

# The coefficients b_k of the diagonal Padé approximant of order 13, up to a factor, and
# the norm up to which it is exact in float64. Source: Higham, "The Scaling and Squaring
# Method for the Matrix Exponential Revisited", 2005.
_ORDER = 13
_LARGEST_NORM = 5.4


def _pade() -> list[float]:
    found = [1.0]
    for k in range(_ORDER):
        found.append(found[-1] * (_ORDER - k) / ((2 * _ORDER - k) * (k + 1)))
    return found


def _exp_numpy(x: np.ndarray) -> np.ndarray:
    if not x.size:
        return x
    largest = float(np.abs(x).sum(-2).max())
    halvings = 0
    if np.isfinite(largest) and largest > _LARGEST_NORM:
        halvings = int(np.ceil(np.log2(largest / _LARGEST_NORM)))
    x = x.astype(np.float64) / 2**halvings
    power = np.broadcast_to(np.eye(x.shape[-1]), x.shape)
    above, below = np.zeros_like(x), np.zeros_like(x)
    for k, factor in enumerate(_pade()):
        above = above + factor * power
        below = below + factor * (-1) ** k * power
        power = power @ x
    result = np.linalg.solve(below, above)
    for _ in range(halvings):
        result = result @ result
    return result


def _exp_gradient(g: Node, y: Node, x: Node) -> Node:
    """exp([[Xᵀ, G], [0, Xᵀ]]) has the derivative along G above its diagonal."""
    size, back = x.shape[-1], _transposed(x)
    above = cat(back, g, axis=x.ndim - 1)
    below = cat(zeros(x.shape, x.dtype), back, axis=x.ndim - 1)
    whole = matrix_exp(cat(above, below, axis=x.ndim - 2))
    upper = slice_axis(whole, x.ndim - 2, 0, size)
    return slice_axis(upper, x.ndim - 1, size, size)


matrix_exp = Op(
    "linalg_matrix_exp",
    same_as_input,
    _exp_numpy,
    (_exp_gradient,),
    "LinalgMatrixExp",
)
