"""Gauss's elimination: P A = L U, in one matrix that holds L below U.

The order of the rows is found first; it has no derivative. What is left is an
elimination that changes no rows, of the square part; the rest are triangular solutions.
"""

from __future__ import annotations

import math

import numpy as np

from ..dtypes import dtype, int32, int64
from ..graph import Node
from . import elementwise as ew
from .contract import matmul
from .op import Op, same_as_input
from .solve import inv, masked, turn

__all__ = ["eliminate", "order", "pivots", "reflectors", "reflector_sizes"]

Shape = tuple[int, ...]


def _eliminated(x: np.ndarray, turns_rows: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return L and U in one matrix, and which row each one changed places with."""
    count = math.prod(x.shape[:-2])
    whole = x.reshape(count, *x.shape[-2:]).astype(np.float64)
    steps = min(x.shape[-2:])
    turned = np.broadcast_to(np.arange(steps), (len(whole), steps)).copy()
    at = np.arange(len(whole))
    for k in range(steps):
        if turns_rows:
            best = k + np.abs(whole[:, k:, k]).argmax(1)
            turned[:, k] = best
            whole[at, best], whole[:, k] = whole[:, k].copy(), whole[at, best]
        pivot = whole[:, k, k][:, None]
        below = whole[:, k + 1 :, k]
        whole[:, k + 1 :, k] = np.divide(below, pivot, where=pivot != 0, out=below)
        whole[:, k + 1 :, k + 1 :] -= (
            whole[:, k + 1 :, k, None] * whole[:, k, None, k + 1 :]
        )
    return whole.reshape(x.shape), (turned + 1).reshape(*x.shape[:-2], steps)


def _pivots_infer(x: Node) -> tuple[Shape, dtype]:
    return (*x.shape[:-2], min(x.shape[-2:])), int32


pivots = Op("lu_pivots", _pivots_infer, lambda x: _eliminated(x, True)[1])


def _order_numpy(turned: np.ndarray, rows: int) -> np.ndarray:
    flat = turned.reshape(math.prod(turned.shape[:-1]), turned.shape[-1]) - 1
    order = np.broadcast_to(np.arange(rows), (len(flat), rows)).copy()
    at = np.arange(len(flat))
    for k, other in enumerate(flat.T):
        order[at, other], order[:, k] = order[:, k].copy(), order[at, other]
    return order.reshape(*turned.shape[:-1], rows)


order = Op(
    "lu_order",
    lambda turned, rows: ((*turned.shape[:-1], rows), int64),
    _order_numpy,
)


def _gradient(g: Node, y: Node, x: Node) -> Node:
    """L^-T (tril(L^T G_L, -1) + triu(G_U U^T)) U^-T."""
    size = x.shape[-1]
    below, above = np.tril(np.ones((size, size)), -1), np.triu(np.ones((size, size)))
    eye = ew.add(ew.zeros_like(y), ew.const_like(1, y))
    lower = ew.add(masked(y, below), masked(eye, np.eye(size)))
    upper = masked(y, above)
    first = masked(matmul(turn(lower), masked(g, below)), below)
    second = masked(matmul(masked(g, above), turn(upper)), above)
    inner = ew.add(first, second)
    return matmul(matmul(turn(inv(lower)), inner), turn(inv(upper)))


def _eliminate_infer(x: Node, *, strict: str) -> tuple[Shape, dtype]:
    return x.shape, x.dtype


def _eliminate_numpy(x: np.ndarray, *, strict: str) -> np.ndarray:
    found = _eliminated(x, False)[0]
    if strict:
        _check_pivots(found, strict)
    return found


def _check_pivots(found: np.ndarray, name: str) -> None:
    """Raise torch's error for the first matrix whose U has a 0 on its diagonal."""
    zeros = np.argwhere(np.diagonal(found, 0, -2, -1) == 0)
    if len(zeros):
        *batch, at = zeros[0]
        number = np.ravel_multi_index(batch, found.shape[:-2]) if batch else 0
        which = f"(Batch element {number}): " if batch else ""
        raise RuntimeError(
            f"torch.{name}: {which}U[{at + 1},{at + 1}] is zero and using it on "
            "lu_solve would result in a division by zero. If you still want to perform "
            "the factorization, consider calling linalg.lu(A, pivot) or "
            "linalg.lu_factor_ex(A, pivot)"
        )


eliminate = Op(
    "lu_eliminate",
    _eliminate_infer,
    _eliminate_numpy,
    (lambda g, y, x, strict: _gradient(g, y, x),),
    "LinalgLuFactorEx",
)

# Householder's reflections, as QR leaves them


def _sizes_infer(x: Node) -> tuple[Shape, dtype]:
    return (*x.shape[:-2], min(x.shape[-2:])), x.dtype


reflectors = Op(
    "geqrf",
    same_as_input,
    lambda x: np.swapaxes(np.linalg.qr(x, "raw")[0], -1, -2),
)
reflector_sizes = Op("geqrf", _sizes_infer, lambda x: np.linalg.qr(x, "raw")[1])
