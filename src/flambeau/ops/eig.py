r"""Eigenvalues and eigenvectors of any square matrix: :math:`A V = V \mathrm{diag}(L)`.

They are complex numbers, of real matrices too, and so are the rules below: with
:math:`V^H` the conjugate transposed matrix they give the gradient as torch defines it.

Source: C. Boeddeker et al., "On the computation of complex-valued gradients with
application to statistically optimum beamforming" (2017), 4.7.
"""

from __future__ import annotations

import numpy as np

from .. import dtypes as dt
from ..graph import Node, constant
from . import elementwise as ew
from .broadcast import reshape, sum_
from .complex_numbers import conj, real
from .contract import matmul
from .op import Op
from .solve import checked, masked, solve, turn

__all__ = ["eigenvalues", "eigenvectors"]


def _values_gradient(g: Node, y: Node, x: Node) -> Node:
    vectors = conj(turn(eigenvectors(x)))
    return solve(vectors, ew.mul(vectors, reshape(g, (*g.shape, 1))))


def _vectors_gradient(g: Node, y: Node, x: Node) -> Node:
    # the part along a vector itself has no say: its norm is 1
    vectors, size = conj(turn(y)), x.shape[-1]
    arrived = matmul(vectors, g)
    along = sum_(masked(arrived, np.eye(size)), axes=(x.ndim - 2,), keepdims=True)
    along = ew.cast(real(along), y.dtype)
    across = ew.sub(arrived, ew.mul(matmul(vectors, y), along))
    inner = masked(ew.div(across, _gaps(x)), 1 - np.eye(size))
    return solve(vectors, matmul(inner, vectors))


def _gaps(x: Node) -> Node:
    """conj(L_j - L_i), and 1 on the diagonal."""
    values = conj(eigenvalues(x))
    *batch, size = values.shape
    columns = reshape(values, (*batch, 1, size))
    gaps = ew.sub(columns, reshape(values, (*batch, size, 1)))
    return ew.add(gaps, constant(np.eye(size, dtype=values.dtype.numpy)))


eigenvalues: Op = Op(
    "linalg_eigvals",
    lambda x: (x.shape[:-1], dt.complex_of(x.dtype)),
    checked("eig", np.linalg.eigvals),
    (_values_gradient,),
    "LinalgEig",
)
eigenvectors: Op = Op(
    "linalg_eig",
    lambda x: (x.shape, dt.complex_of(x.dtype)),
    checked("eig", lambda x: np.linalg.eig(x)[1]),
    (_vectors_gradient,),
    "LinalgEig",
)
