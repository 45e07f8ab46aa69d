"""The largest singular values of matrices, found with a random basis.

Source: N. Halko, P. G. Martinsson and J. A. Tropp, "Finding structure with randomness"
(2009), algorithms 4.4 and 5.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .matrices import qr
from .randomness import randn
from .reduction import mean
from .solving import svd

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["pca_lowrank", "svd_lowrank"]

Parts = tuple["Tensor", "Tensor", "Tensor"]


def svd_lowrank(
    A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None
) -> Parts:
    """Return the q largest singular values and their vectors, approximately.

    Args:
        A: matrices (*, m, n).
        q: how many, some more than are needed; 6 where it is None.
        niter: how often the basis is improved; 2 where it is None.
        M: the singular values are those of A - M.

    Returns:
        The triple (U, S, V) with U diag(S) V^T near A - M.

    Source: torch's page "torch.svd_lowrank".

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([[3.0, 0.0], [0.0, 1.0]])
        >>> torch.svd_lowrank(x, q=2)[1]
        tensor([3., 1.])
    """
    x = A if M is None else A - M
    wide = x.shape[-2] < x.shape[-1]
    x = x.mT if wide else x
    basis = _basis(x, 6 if q is None else q, 2 if niter is None else niter)
    left, sizes, right = svd(basis.mT @ x, full_matrices=False)
    left = basis @ left
    return (right.mT, sizes, left) if wide else (left, sizes, right.mT)


def _basis(x: Tensor, count: int, rounds: int) -> Tensor:
    """Return an orthogonal basis of what a matrix maps random vectors to."""
    found = qr(x @ randn(x.shape[-1], count, dtype=x.dtype)).Q
    for _ in range(rounds):
        found = qr(x.mT @ found).Q
        found = qr(x @ found).Q
    return found


def pca_lowrank(
    A: Tensor, q: int | None = None, center: bool = True, niter: int = 2
) -> Parts:
    """Return the principal components of rows, approximately.

    Args:
        A: matrices (*, m, n), a sample in each row.
        q: how many components, at most 6 by default.
        center: subtract the mean of the rows first.
        niter: how often the basis is improved.

    Returns:
        The triple (U, S, V) as of `svd_lowrank`; the columns of V are the components.

    Raises:
        ValueError: more components than rows or columns, or a negative number of one
            of the two.

    Source: torch's page "torch.pca_lowrank".
    """
    most = min(A.shape[-2:])
    count = min(6, most) if q is None else q
    if not 0 <= count <= most:
        raise ValueError(
            f"q(={count}) must be non-negative integer and not greater than "
            f"min(m, n)={most}"
        )
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    x = A - mean(A, -2, keepdim=True) if center else A
    return svd_lowrank(x, count, niter)
