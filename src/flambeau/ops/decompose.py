"""Matrix decompositions: QR, and singular values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import dtype
from ..graph import Node
from .op import Op

__all__ = ["qr_q", "qr_r", "svdvals"]

Shape = tuple[int, ...]


def _not_differentiable(index: int, g: Node, y: Node, *inputs: Node, **_: Any) -> Node:
    raise RuntimeError(
        f"{y.name}: its derivative is not defined here; detach() the input, or compute "
        "it under no_grad()"
    )


# QR: Householder reflections, as LAPACK has them, so that the signs are torch's


def _q_infer(x: Node, *, mode: str) -> tuple[Shape, dtype]:
    *batch, rows, columns = x.shape
    return (*batch, rows, _inner(rows, columns, mode)), x.dtype


def _r_infer(x: Node, *, mode: str) -> tuple[Shape, dtype]:
    *batch, rows, columns = x.shape
    return (*batch, _inner(rows, columns, mode), columns), x.dtype


def _inner(rows: int, columns: int, mode: str) -> int:
    return rows if mode == "complete" else min(rows, columns)


qr_q = Op(
    "linalg_qr",
    _q_infer,
    lambda x, mode: np.linalg.qr(x, mode)[0],
    _not_differentiable,
    "LinalgQr",
)
qr_r = Op(
    "linalg_qr",
    _r_infer,
    lambda x, mode: np.linalg.qr(x, mode)[1],
    _not_differentiable,
    "LinalgQr",
)

# Singular values, whose gradient is U diag(g) V^T


def _svdvals_infer(x: Node) -> tuple[Shape, dtype]:
    return (*x.shape[:-2], min(x.shape[-2:])), x.dtype


def _with_values_numpy(x: np.ndarray, values: np.ndarray) -> np.ndarray:
    u, _, vh = np.linalg.svd(x, full_matrices=False)
    return (u * values[..., None, :]) @ vh


_with_values = Op(
    "svd_gradient",
    lambda x, values: (x.shape, x.dtype),
    _with_values_numpy,
    _not_differentiable,
)
svdvals = Op(
    "linalg_svdvals",
    _svdvals_infer,
    lambda x: np.linalg.svd(x, compute_uv=False),
    (lambda g, y, x: _with_values(x, g),),
    "LinalgSvd",
)
