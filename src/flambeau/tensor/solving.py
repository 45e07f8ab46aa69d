"""Inverses, determinants, solutions and decompositions of matrices; `torch.linalg`.

LAPACK computes them, through NumPy, on the CPU's float32 and float64 only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes as dt
from ..graph import Node
from ..ops import decompose
from ..ops import elementwise as ew
from ..ops import solve as op
from ..ops.contract import matmul as product
from ..ops.eig import eigenvalues, eigenvectors
from ..ops.movement import swap
from . import diagonals, shaping
from .convert import clone
from .creation import as_tensor, eye, ones_like, zeros
from .handle import wrap
from .joining import cat
from .linalg import matmul
from .norms import linalg_norm
from .operands import check_real
from .pointwise import maximum, where
from .return_types import named_result
from .scan import cumprod

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "check_matrices",
    "cholesky",
    "cholesky_inverse",
    "cholesky_solve",
    "cond",
    "det",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "inv_ex",
    "logdet",
    "lstsq",
    "matrix_exp",
    "matrix_power",
    "matrix_rank",
    "pinv",
    "pinverse",
    "plain_cholesky",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
]

_EIG = named_result("linalg_eig", ("eigenvalues", "eigenvectors"))
_EIGH = named_result("linalg_eigh", ("eigenvalues", "eigenvectors"))
_INV_EX = named_result("linalg_inv_ex", ("inverse", "info"))
_LSTSQ = named_result(
    "linalg_lstsq", ("solution", "residuals", "rank", "singular_values")
)
_SLOGDET = named_result("linalg_slogdet", ("sign", "logabsdet"))
_SVD = named_result("linalg_svd", ("U", "S", "Vh"))


def check_matrices(
    name: str, input: Tensor, square: bool = False, takes_complex: bool = False
) -> Node:
    """Return the node of matrices of floats.

    Args:
        name: the function's name.
        input: its argument.
        square: whether the matrices must be square.
        takes_complex: whether they may be of complex numbers.

    Raises:
        RuntimeError: something else.
        NotImplementedError: complex numbers, if the function does not take them.
    """
    node = input.node
    if not takes_complex:
        check_real(name, input)
    if node.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor A must have at least 2 dimensions, got shape "
            f"{node.shape}."
        )
    if not node.dtype.is_inexact:
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got "
            f"{dt.scalar_name(node.dtype)}"
        )
    if dt.real_of(node.dtype) not in (dt.float32, dt.float64):
        raise RuntimeError(
            f"{name}: Low precision dtypes not supported. Got "
            f"{dt.scalar_name(node.dtype)}"
        )
    if square and node.shape[-1] != node.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are "
            f"{node.shape[-2]} by {node.shape[-1]} matrices"
        )
    return node


def inv(A: Tensor) -> Tensor:
    """Return the inverse of square matrices.

    Raises:
        LinAlgError: a matrix has none; when the values are computed.
        RuntimeError: no square matrices of floats.

    Source: torch's page "torch.linalg.inv".

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.inv(torch.tensor([[2., 0.], [0., 4.]]))
        tensor([[0.5000, 0.0000],
                [0.0000, 0.2500]])
    """
    return wrap(
        op.inv(check_matrices("linalg.inv", A, square=True, takes_complex=True))
    )


def inv_ex(A: Tensor, *, check_errors: bool = False) -> Any:
    """Return the inverse, and 0 for each matrix: errors are always checked."""
    info = zeros(A.shape[:-2], dtype=dt.int32)
    return _INV_EX(inv(A), info)


def det(A: Tensor) -> Tensor:
    """Return the determinant of square matrices.

    Source: torch's page "torch.linalg.det".
    """
    return wrap(
        op.det(check_matrices("linalg.det", A, square=True, takes_complex=True))
    )


def slogdet(A: Tensor) -> Any:
    """Return the sign of the determinant and the logarithm of its size.

    Returns:
        The pair (sign, logabsdet).

    Source: torch's page "torch.linalg.slogdet".
    """
    x = check_matrices("linalg.slogdet", A, square=True)
    return _SLOGDET(wrap(op.sign_of_det(x)), wrap(op.logabsdet(x)))


def logdet(input: Tensor) -> Tensor:
    """Return the logarithm of the determinant, NaN where that is negative."""
    sign, size = slogdet(input)
    nan = ew.const_like(float("nan"), size.node)
    return wrap(ew.where((sign < 0).node, nan, size.node))


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """Return the X with A X = B.

    Args:
        A: square matrices (..., n, n).
        B: matrices (..., n, k), or vectors: (n,), or of the shape of A without its
            last dimension.
        left: False for X A = B.

    Raises:
        LinAlgError: a matrix is singular; when the values are computed.

    Source: torch's page "torch.linalg.solve".

    Example:
        >>> import flambeau as torch
        >>> A = torch.tensor([[2., 0.], [0., 4.]])
        >>> torch.linalg.solve(A, torch.tensor([2., 2.]))
        tensor([1.0000, 0.5000])
    """
    a = check_matrices("linalg.solve", A, square=True, takes_complex=True)
    if A.dtype is not B.dtype:
        raise RuntimeError(
            "linalg.solve: Expected A and B to have the same dtype, but found A of "
            f"type {dt.scalar_name(A.dtype)} and B of type {dt.scalar_name(B.dtype)} "
            "instead"
        )
    is_vector = B.ndim == 1 or (A.ndim - 1 == B.ndim and B.shape == A.shape[:-1])
    b = (shaping.unsqueeze(B, -1) if is_vector else B).node
    if not left:
        return wrap(_turned(op.solve(_turned(a), _turned(b))))
    if a.shape[-1] != b.shape[-2]:
        raise RuntimeError(
            "linalg.solve: Incompatible shapes of A and B for the equation AX = B "
            f"({a.shape[-2]}x{a.shape[-1]} and {b.shape[-2]}x{b.shape[-1]})"
        )
    found = wrap(op.solve(a, b))
    return shaping.squeeze(found, -1) if is_vector else found


def _turned(x: Node) -> Node:
    return swap(x, -2, -1)


def solve_triangular(
    A: Tensor,
    B: Tensor,
    *,
    upper: bool,
    left: bool = True,
    unitriangular: bool = False,
) -> Tensor:
    """Return the X with A X = B, where only one triangle of A is looked at.

    Args:
        A: square matrices.
        B: matrices.
        upper: which triangle.
        left: False for X A = B.
        unitriangular: take the diagonal as ones.

    Source: torch's page "torch.linalg.solve_triangular".
    """
    keep = diagonals.triu if upper else diagonals.tril
    kept = keep(A, (1 if upper else -1) if unitriangular else 0)
    if unitriangular:
        kept = kept + eye(A.shape[-1], dtype=A.dtype)
    return solve(kept, B, left=left)


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """Return the triangular L with L L^T = A of positive definite matrices.

    Args:
        A: symmetric matrices.
        upper: return L^T.

    Raises:
        LinAlgError: a matrix is not positive definite; when the values are computed.

    Source: torch's page "torch.linalg.cholesky".
    """
    found = op.cholesky(check_matrices("linalg.cholesky", A, square=True))
    return wrap(_turned(found) if upper else found)


def plain_cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """Return the Cholesky factor; `linalg.cholesky` in torch's older form."""
    return cholesky(input, upper=upper)


def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """Return the pseudoinverse; `linalg.pinv` in torch's older form."""
    return pinv(input, rcond)


def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """Return the X with A X = B, from the Cholesky factor of A.

    Source: torch's page "torch.cholesky_solve".
    """
    check_real("cholesky_solve", B, L)
    lower = L.mT if upper else L
    first = solve_triangular(lower, B, upper=False)
    return solve_triangular(lower.mT, first, upper=True)


def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """Return the inverse of a matrix from its Cholesky factor."""
    return cholesky_solve(eye(L.shape[-1], dtype=L.dtype), L, upper)


def eigh(A: Tensor, UPLO: str = "L") -> Any:
    """Return eigenvalues, ascending, and eigenvectors of symmetric matrices.

    Args:
        A: symmetric matrices.
        UPLO: which triangle is looked at, "L" or "U".

    Returns:
        The pair (eigenvalues, eigenvectors); the vectors are columns.

    Source: torch's page "torch.linalg.eigh".
    """
    x, upper = _symmetric("linalg.eigh", A, UPLO)
    values, vectors = decompose.eigh_values, decompose.eigh_vectors
    return _EIGH(wrap(values(x, upper=upper)), wrap(vectors(x, upper=upper)))


def eig(A: Tensor) -> Any:
    """Return eigenvalues and eigenvectors of square matrices, complex numbers.

    Args:
        A: square matrices.

    Returns:
        The pair (eigenvalues, eigenvectors); the vectors are columns of norm 1.

    Raises:
        LinAlgError: the algorithm did not converge.

    Source: torch's page "torch.linalg.eig".

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.eig(torch.tensor([[0., 1.], [-1., 0.]])).eigenvalues
        tensor([0.+1.j, 0.-1.j])
    """
    x = check_matrices("linalg.eig", A, square=True, takes_complex=True)
    return _EIG(wrap(eigenvalues(x)), wrap(eigenvectors(x)))


def eigvals(A: Tensor) -> Tensor:
    """Return the eigenvalues of square matrices, complex numbers.

    Source: torch's page "torch.linalg.eigvals".

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.eigvals(torch.eye(2))
        tensor([1.+0.j, 1.+0.j])
    """
    return wrap(
        eigenvalues(
            check_matrices("linalg.eigvals", A, square=True, takes_complex=True)
        )
    )


def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """Return the eigenvalues, ascending, of symmetric matrices."""
    x, upper = _symmetric("linalg.eigvalsh", A, UPLO)
    return wrap(decompose.eigh_values(x, upper=upper))


def _symmetric(name: str, A: Tensor, triangle: str) -> tuple[Node, bool]:
    x = check_matrices(name, A, square=True)
    if triangle.upper() not in ("L", "U"):
        raise RuntimeError(
            f"Expected UPLO argument to be 'L' or 'U', but got {triangle}"
        )
    return x, triangle.upper() == "U"


def svd(A: Tensor, full_matrices: bool = True) -> Any:
    """Return the singular value decomposition A = U diag(S) Vh.

    Args:
        A: matrices (..., m, n).
        full_matrices: whether U and Vh are square, or have min(m, n) columns and rows.

    Returns:
        The triple (U, S, Vh).

    Source: torch's page "torch.linalg.svd".
    """
    x = check_matrices("linalg.svd", A)
    left = wrap(decompose.svd_left(x, full=full_matrices))
    return _SVD(
        left,
        wrap(decompose.svdvals(x)),
        wrap(decompose.svd_right(x, full=full_matrices)),
    )


def svdvals(A: Tensor) -> Tensor:
    """Return the singular values, the largest first."""
    return wrap(decompose.svdvals(check_matrices("linalg.svdvals", A)))


def pinv(
    A: Tensor,
    rcond: float | Tensor | None = None,
    hermitian: bool = False,
    *,
    atol: float | Tensor | None = None,
    rtol: float | Tensor | None = None,
) -> Tensor:
    """Return the pseudoinverse of matrices.

    Args:
        A: matrices (..., m, n).
        rcond: an older name of rtol.
        hermitian: that the matrices are symmetric.
        atol: singular values not above it count as 0; one number, or a tensor with one
            for each matrix.
        rtol: likewise, relative to the largest.

    Source: torch's page "torch.linalg.pinv".
    """
    cutoff = rcond if rtol is None else rtol
    if cutoff is None and atol is not None:
        cutoff = 0.0
    x = check_matrices("linalg.pinv", A, square=hermitian)
    x = _symmetrical(A).node if hermitian else x
    least = 0.0 if atol is None else _numbers(atol)
    return wrap(op.pinv(x, cutoff=_numbers(cutoff), atol=least))


def _numbers(value: Any) -> Any:
    """Return a tensor as nested tuples of its numbers, and all else as it is."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return tuple(map(_numbers, value)) if isinstance(value, list) else value


def _symmetrical(A: Tensor) -> Tensor:
    """Return the symmetric matrices of which only the lower triangle is looked at."""
    return diagonals.tril(A) + diagonals.tril(A, -1).mT


def lstsq(
    A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None
) -> Any:
    """Return the X that makes the squares of A X - B least.

    Args:
        A: matrices (..., m, n).
        B: matrices (..., m, k).
        rcond: singular values are 0 below it, relative to the largest.
        driver: which of LAPACK's ways torch would take: "gels", "gelsy", "gelsd" or
            "gelss". The solution is the same; it decides what else there is.

    Returns:
        (solution, residuals, rank, singular_values): residuals where m > n, but for
        "gelsy"; the rank but for "gels"; singular values for "gelsd" and "gelss".

    Source: torch's page "torch.linalg.lstsq".
    """
    solution = matmul(pinv(A, rcond), B)
    rows, columns = A.shape[-2:]
    residuals = values = zeros(0, dtype=A.dtype)
    rank = zeros(0, dtype=dt.int64)
    if rows > columns and driver in ("gels", "gelsd", "gelss"):
        left = matmul(A, solution) - B
        residuals = (left * left).sum(-2)
    if driver != "gels":
        rank = matrix_rank(A)
    if driver in ("gelsd", "gelss"):
        values = svdvals(A).detach()
    return _LSTSQ(solution, residuals, rank, values)


def matrix_rank(
    A: Tensor,
    tol: float | Tensor | None = None,
    hermitian: bool = False,
    *,
    atol: float | Tensor | None = None,
    rtol: float | Tensor | None = None,
) -> Tensor:
    """Return how many singular values are not 0.

    Args:
        A: matrices (..., m, n).
        tol: an older way to give atol, with an rtol of 0.
        hermitian: that the matrices are symmetric.
        atol: singular values not above it count as 0; a number, or one per matrix.
        rtol: likewise, relative to the largest.

    Source: torch's page "torch.linalg.matrix_rank".
    """
    x = check_matrices("linalg.matrix_rank", A, square=hermitian)
    if not min(A.shape[-2:]):
        return zeros(A.shape[:-2], dtype=dt.int64)
    values = svdvals(_symmetrical(A) if hermitian else A)
    least = as_tensor(0.0 if atol is None else atol)
    if rtol is None:
        eps = max(A.shape[-2:]) * float(np.finfo(x.dtype.numpy).eps)
        rtol = where(least > 0, 0.0, eps)
    if tol is not None:
        least, rtol = as_tensor(tol), 0.0
    limit = maximum(values.amax(-1) * rtol, least)
    return (values > shaping.unsqueeze(limit, -1)).sum(-1)


def matrix_power(A: Tensor, n: int) -> Tensor:
    """Return a square matrix multiplied with itself; of its inverse for n < 0.

    Source: torch's page "torch.linalg.matrix_power".
    """
    base = A if n >= 0 else inv(A)
    x = check_matrices("linalg.matrix_power", base, square=True, takes_complex=True)
    if n == 0:
        return eye(A.shape[-1], dtype=A.dtype).expand(A.shape).clone()
    found: Node | None = None
    n = abs(n)
    while n:
        if n & 1:
            found = x if found is None else product(found, x)
        n >>= 1
        x = product(x, x) if n else x
    assert found is not None
    return clone(base) if found is base.node else wrap(found)


def matrix_exp(input: Tensor) -> Tensor:
    """Return the exponential of square matrices, the sum of A^k / k!.

    Source: torch's page "torch.linalg.matrix_exp".
    """
    wide = input.float() if input.dtype.itemsize == 2 else input
    x = check_matrices("linalg.matrix_exp", wide, square=True)
    return wrap(ew.cast(op.matrix_exp(x), input.dtype))


def cond(A: Tensor, p: float | str | None = None) -> Tensor:
    """Return the condition number of matrices in the norm `p`.

    Args:
        A: matrices; square ones where `p` is no singular value's norm.
        p: None or 2, -2, "fro", "nuc", 1, -1, inf, -inf.

    Source: torch's page "torch.linalg.cond".
    """
    if p in (None, 2, -2):
        values = svdvals(A)
        first, last = values.select(-1, 0), values.select(-1, -1)
        return last / first if p == -2 else first / last
    return linalg_norm(A, p, (-2, -1)) * linalg_norm(inv(A), p, (-2, -1))


def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """Return the powers 0 to N - 1 of each element, as rows.

    Args:
        x: (..., n).
        N: how many powers; by default n.

    Raises:
        RuntimeError: fewer than two powers.

    Source: torch's page "torch.linalg.vander".

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.vander(torch.tensor([2, 3]), N=3)
        tensor([[1, 2, 4],
                [1, 3, 9]])
    """
    x = x if x.ndim else x.reshape(1)
    count = x.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError("N must be greater than 1.")
    base = shaping.unsqueeze(x, -1)
    powers = base.expand(*x.shape, max(count - 1, 0))
    first = ones_like(base)
    return cat([first, cumprod(powers, -1)], -1)[..., :count]


def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """Return the inverse for `tensordot` over the first `ind` dimensions.

    Source: torch's page "torch.linalg.tensorinv".
    """
    first, others = A.shape[:ind], A.shape[ind:]
    rows = int(np.prod(first))
    return inv(A.reshape(rows, -1)).reshape(*others, *first)


def tensorsolve(A: Tensor, B: Tensor, dims: tuple[int, ...] | None = None) -> Tensor:
    """Return the X with `tensordot(A, X, X.ndim) = B`.

    Source: torch's page "torch.linalg.tensorsolve".
    """
    if dims is not None:
        kept = [at for at in range(A.ndim) if at not in {d % A.ndim for d in dims}]
        A = A.permute(*kept, *(d % A.ndim for d in dims))
    shape = A.shape[B.ndim :]
    return solve(A.reshape(B.numel(), -1), B.reshape(-1)).reshape(shape)
