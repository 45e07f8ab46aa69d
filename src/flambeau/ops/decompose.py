"""Decompositions of matrices that LAPACK computes: QR, eigenvalues, singular values.

Each op has one result: a decomposition is an op for each of its factors. The gradients
are written with ops, so they can be differentiated again.

Sources: M. B. Giles, "An extended collection of matrix derivative results" (2008); for
QR S. F. Walter and L. Lehmann, "Algorithmic differentiation of linear algebra
functions" (2010).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import dtype
from ..graph import Node, constant
from . import elementwise as ew
from .broadcast import reshape
from .contract import matmul
from .movement import cat, slice_axis
from .op import Op
from .solve import checked, masked, solve, turn

__all__ = [
    "eigh_values",
    "eigh_vectors",
    "qr_q",
    "qr_r",
    "svd_left",
    "svd_right",
    "svdvals",
]

Shape = tuple[int, ...]


# QR: Householder reflections, as LAPACK has them, so that the signs are torch's


def _q_infer(x: Node, *, mode: str) -> tuple[Shape, dtype]:
    *batch, rows, columns = x.shape
    return (*batch, rows, _inner(rows, columns, mode)), x.dtype


def _r_infer(x: Node, *, mode: str) -> tuple[Shape, dtype]:
    *batch, rows, columns = x.shape
    return (*batch, _inner(rows, columns, mode), columns), x.dtype


def _inner(rows: int, columns: int, mode: str) -> int:
    return rows if mode == "complete" else min(rows, columns)


def _qr_gradient(x: Node, gq: Node | None, gr: Node | None) -> Node:
    """The gradient of the reduced factors; a wide matrix is [X Y] with X = Q U."""
    rows, columns = x.shape[-2:]
    q, r = qr_q(x, mode="reduced"), qr_r(x, mode="reduced")
    if rows >= columns:
        return _tall_gradient(q, r, gq, gr)
    last = x.ndim - 1
    behind, rest = slice_axis(x, last, rows, columns - rows), None
    if gr is not None:
        g_behind = slice_axis(gr, last, rows, columns - rows)
        rest = matmul(q, g_behind)
        more = matmul(behind, turn(g_behind))
        gq = more if gq is None else ew.add(gq, more)
        gr = slice_axis(gr, last, 0, rows)
    first = _tall_gradient(q, slice_axis(r, last, 0, rows), gq, gr)
    return cat(first, ew.zeros_like(behind) if rest is None else rest, axis=last)


def _tall_gradient(q: Node, r: Node, gq: Node | None, gr: Node | None) -> Node:
    """(G_Q + Q sym(M)) R^-T, M = R G_R^T - G_Q^T Q, where sym copies the lower part."""
    parts = []
    if gr is not None:
        parts.append(matmul(r, turn(gr)))
    if gq is not None:
        parts.append(ew.neg(matmul(turn(gq), q)))
    product = parts[0] if len(parts) == 1 else ew.add(*parts)
    size = r.shape[-1]
    lower = masked(product, np.tril(np.ones((size, size))))
    below = masked(product, np.tril(np.ones((size, size)), -1))
    total = matmul(q, ew.add(lower, turn(below)))
    total = total if gq is None else ew.add(gq, total)
    return turn(solve(r, turn(total)))


def _q_gradient(g: Node, y: Node, x: Node, mode: str) -> Node:
    if mode == "complete" and x.shape[-2] > x.shape[-1]:
        raise RuntimeError(
            "The QR decomposition is not differentiable when mode='complete' and "
            "nrows > ncols"
        )
    return _qr_gradient(x, g, None)


def _r_gradient(g: Node, y: Node, x: Node, mode: str) -> Node:
    return _qr_gradient(x, None, slice_axis(g, x.ndim - 2, 0, min(x.shape[-2:])))


qr_q: Op = Op(
    "linalg_qr",
    _q_infer,
    lambda x, mode: np.linalg.qr(x, mode)[0],
    (_q_gradient,),
    "LinalgQr",
)
qr_r: Op = Op(
    "linalg_qr",
    _r_infer,
    lambda x, mode: np.linalg.qr(x, mode)[1],
    (_r_gradient,),
    "LinalgQr",
)

# Eigenvalues of symmetric matrices: A = V diag(w) V^T, from one of their triangles


def _inverse_gaps(values: Node) -> Node:
    """1 / (w_j - w_i), and 0 on the diagonal."""
    size = values.shape[-1]
    rows = reshape(values, (*values.shape[:-1], size, 1))
    gaps = ew.sub(reshape(values, (*values.shape[:-1], 1, size)), rows)
    eye = constant(np.eye(size, dtype=values.dtype.numpy), values.dtype)
    return masked(ew.reciprocal(ew.add(gaps, eye)), 1 - np.eye(size))


def _columns_times(matrix: Node, factors: Node) -> Node:
    """Each column times a number."""
    return ew.mul(matrix, reshape(factors, (*factors.shape[:-1], 1, factors.shape[-1])))


def _eigh_numpy(x: np.ndarray, upper: bool) -> Any:
    return np.linalg.eigh(x, "U" if upper else "L")


def _eigh_values_gradient(g: Node, y: Node, x: Node, upper: bool) -> Node:
    vectors = eigh_vectors(x, upper=upper)
    return matmul(_columns_times(vectors, g), turn(vectors))


def _eigh_vectors_gradient(g: Node, y: Node, x: Node, upper: bool) -> Node:
    gaps = _inverse_gaps(eigh_values(x, upper=upper))
    inner = ew.mul(matmul(turn(y), g), gaps)
    return matmul(matmul(y, inner), turn(y))


eigh_values: Op = Op(
    "linalg_eigvalsh",
    lambda x, upper: (x.shape[:-1], x.dtype),
    checked("eigh", lambda x, upper: _eigh_numpy(x, upper)[0]),
    (_eigh_values_gradient,),
    "LinalgEigh",
)
eigh_vectors: Op = Op(
    "linalg_eigh",
    lambda x, upper: (x.shape, x.dtype),
    checked("eigh", lambda x, upper: _eigh_numpy(x, upper)[1]),
    (_eigh_vectors_gradient,),
    "LinalgEigh",
)

# Singular values and vectors: A = U diag(s) Vh


def _svd_infer(side: int) -> Callable[..., tuple[Shape, dtype]]:
    def infer(x: Node, *, full: bool) -> tuple[Shape, dtype]:
        *batch, rows, columns = x.shape
        inner = min(rows, columns)
        if side == 0:
            return (*batch, rows, rows if full else inner), x.dtype
        return (*batch, columns if full else inner, columns), x.dtype

    return infer


def _svd_numpy(side: int) -> Callable[..., np.ndarray]:
    def run(x: np.ndarray, full: bool) -> np.ndarray:
        return np.linalg.svd(x, full_matrices=full)[side]

    return checked("svd", run)


def _svd_parts(x: Node) -> tuple[Node, Node, Node]:
    return svd_left(x, full=False), svdvals(x), svd_right(x, full=False)


def _skew_over_gaps(product: Node, values: Node) -> Node:
    """(P - P^T) / (s_k^2 - s_j^2), and 0 on the diagonal."""
    return ew.mul(ew.sub(product, turn(product)), _inverse_gaps(ew.square(values)))


def _reduced(g: Node, x: Node, axis: int) -> Node:
    """The gradient of the min(m, n) vectors that the matrix determines."""
    return slice_axis(g, x.ndim + axis, 0, min(x.shape[-2:]))


def _left_gradient(g: Node, y: Node, x: Node, full: bool) -> Node:
    u, values, vh = _svd_parts(x)
    g = _reduced(g, x, -1)
    inner = _columns_times(_skew_over_gaps(matmul(turn(u), g), values), values)
    found = matmul(matmul(u, inner), vh)
    if x.shape[-2] > x.shape[-1]:
        scaled = _columns_times(g, ew.reciprocal(values))
        outside = ew.sub(scaled, matmul(u, matmul(turn(u), scaled)))
        found = ew.add(found, matmul(outside, vh))
    return found


def _right_gradient(g: Node, y: Node, x: Node, full: bool) -> Node:
    u, values, vh = _svd_parts(x)
    v, gv = turn(vh), turn(_reduced(g, x, -2))
    inner = _skew_over_gaps(matmul(vh, gv), values)
    rows = reshape(values, (*values.shape, 1))
    found = matmul(matmul(u, ew.mul(rows, inner)), vh)
    if x.shape[-1] > x.shape[-2]:
        scaled = _columns_times(gv, ew.reciprocal(values))
        outside = ew.sub(scaled, matmul(v, matmul(vh, scaled)))
        found = ew.add(found, matmul(u, turn(outside)))
    return found


svd_left: Op = Op(
    "linalg_svd", _svd_infer(0), _svd_numpy(0), (_left_gradient,), "LinalgSvd"
)
svd_right: Op = Op(
    "linalg_svd", _svd_infer(2), _svd_numpy(2), (_right_gradient,), "LinalgSvd"
)


def _svdvals_gradient(g: Node, y: Node, x: Node) -> Node:
    u, vh = svd_left(x, full=False), svd_right(x, full=False)
    return matmul(_columns_times(u, g), vh)


svdvals = Op(
    "linalg_svdvals",
    lambda x: ((*x.shape[:-2], min(x.shape[-2:])), x.dtype),
    checked("svd", lambda x: np.linalg.svd(x, compute_uv=False)),
    (_svdvals_gradient,),
    "LinalgSvd",
)
