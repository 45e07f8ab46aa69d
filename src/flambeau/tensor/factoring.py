"""Matrices as products: LU, and QR as the reflections that LAPACK keeps it in."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from .. import dtypes as dt
from ..ops import ldl
from ..ops import lu as op
from ..shape import broadcast_shapes
from .creation import eye, zeros
from .diagonals import diag_embed, diagonal, tril, triu
from .handle import wrap
from .joining import cat
from .parts import narrow
from .pointwise import where
from .return_types import named_result
from .selecting import gather
from .shaping import unsqueeze
from .solving import check_matrices, cholesky, solve, solve_triangular

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "cholesky_ex",
    "geqrf",
    "householder_product",
    "ldl_factor",
    "ldl_factor_ex",
    "ldl_solve",
    "lu",
    "lu_factor",
    "lu_factor_ex",
    "lu_solve",
    "lu_unpack",
    "ormqr",
    "plain_lu",
    "plain_lu_solve",
    "solve_ex",
    "triangular_solve",
]

_LU = named_result("linalg_lu", ("P", "L", "U"))
_LU_FACTOR = named_result("linalg_lu_factor", ("LU", "pivots"))
_LU_FACTOR_EX = named_result("linalg_lu_factor_ex", ("LU", "pivots", "info"))
_LU_UNPACK = named_result("lu_unpack", ("P", "L", "U"))
_LDL = named_result("linalg_ldl_factor", ("LD", "pivots"))
_LDL_EX = named_result("linalg_ldl_factor_ex", ("LD", "pivots", "info"))
_SOLVE_EX = named_result("linalg_solve_ex", ("result", "info"))
_CHOLESKY_EX = named_result("linalg_cholesky_ex", ("L", "info"))
_GEQRF = named_result("geqrf", ("a", "tau"))
_TRIANGULAR = named_result("triangular_solve", ("solution", "cloned_coefficient"))


def solve_ex(
    A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False
) -> Any:
    """Return `solve`, and 0 for each matrix: errors are always checked."""
    return _SOLVE_EX(solve(A, B, left=left), zeros(A.shape[:-2], dtype=dt.int32))


def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False) -> Any:
    """Return `cholesky`, and 0 for each matrix: errors are always checked."""
    info = zeros(A.shape[:-2], dtype=dt.int32)
    return _CHOLESKY_EX(cholesky(A, upper=upper), info)


# LU


def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """Return `lu_factor`, and for each matrix where U has its first 0, counted from 1.

    Returns:
        The triple (LU, pivots, info); info is 0 where there is none.

    Raises:
        RuntimeError: there is such a 0, and `check_errors` is set.

    Source: torch's page "torch.linalg.lu_factor_ex".
    """
    name = "linalg.lu_factor_ex"
    found, turned = _factored(name, A, pivot, name if check_errors else "")
    return _LU_FACTOR_EX(found, turned, _first(diagonal(found, 0, -2, -1) == 0))


def _first(marks: Tensor) -> Tensor:
    """Return where a row has its first mark, counted from 1, and 0 for none."""
    if not marks.shape[-1]:
        return zeros(marks.shape[:-1], dtype=dt.int32)
    place = marks.int().argmax(-1) + 1
    return where(marks.any(-1), place, 0 * place).to(dt.int32)


def lu_factor(A: Tensor, *, pivot: bool = True) -> Any:
    """Return L and U with P L U = A in one matrix, and the pivots that stand for P.

    L is below the diagonal, without its ones; row i changes places with the row that
    pivot i counts, from 1.

    Args:
        A: matrices.
        pivot: True: without pivots nothing is computed on a CPU.

    Returns:
        The pair (LU, pivots).

    Raises:
        RuntimeError: no matrices of floats, or `pivot` is False; U has a 0 on its
            diagonal, as `lu` and `lu_factor_ex` allow.

    Source: torch's page "torch.linalg.lu_factor".

    Example:
        >>> import flambeau as torch
        >>> torch.linalg.lu_factor(torch.tensor([[1., 2.], [4., 4.]])).LU
        tensor([[4.0000, 4.0000],
                [0.2500, 1.0000]])
    """
    name = "linalg.lu_factor"
    return _LU_FACTOR(*_factored(name, A, pivot, name))


def _factored(
    name: str, A: Tensor, pivot: bool, strict: str = ""
) -> tuple[Tensor, Tensor]:
    """Factor matrices; `strict` is what the error about singular ones names, if any."""
    x = check_matrices(name, A)
    if not pivot:
        raise RuntimeError(f"{name}: LU without pivoting is not implemented on the CPU")
    turned = wrap(op.pivots(x))
    rows, columns = A.shape[-2:]
    inner = min(rows, columns)
    ordered = _in_order(A, turned)
    square = narrow(narrow(ordered, -2, 0, inner), -1, 0, inner)
    found = wrap(op.eliminate(square.node, strict=strict))
    if columns > inner:
        rest = narrow(ordered, -1, inner, columns - inner)
        right = solve_triangular(found, rest, upper=False, unitriangular=True)
        found = cat([found, right], -1)
    elif rows > inner:
        rest = narrow(ordered, -2, inner, rows - inner)
        empty = diagonal(found, 0, -2, -1) == 0  # below them, there are zeros only
        upper = found + diag_embed(empty.to(found.dtype))
        found = cat([found, solve_triangular(upper, rest, upper=True, left=False)], -2)
    return found, turned


def _in_order(x: Tensor, pivots: Tensor, back: bool = False) -> Tensor:
    """Return the rows as the pivots turn them; with `back`, undo that."""
    places = wrap(op.order(pivots.node, rows=x.shape[-2]))
    places = places.argsort(-1) if back else places
    batch = _batch_of(x, pivots)
    wide = unsqueeze(places, -1).expand(*batch, *x.shape[-2:])
    return gather(x.expand(*batch, *x.shape[-2:]), -2, wide)


def _batch_of(x: Tensor, pivots: Tensor) -> tuple[int, ...]:
    return broadcast_shapes(tuple(x.shape[:-2]), tuple(pivots.shape[:-1]))


def lu(A: Tensor, *, pivot: bool = True) -> Any:
    """Return a permutation P, a lower L with ones and an upper U with P L U = A.

    Args:
        A: matrices.
        pivot: True: without pivots nothing is computed on a CPU.

    Returns:
        The triple (P, L, U).

    Source: torch's page "torch.linalg.lu".

    Example:
        >>> import flambeau as torch
        >>> P, L, U = torch.linalg.lu(torch.tensor([[0., 2.], [4., 4.]]))
        >>> P @ L @ U
        tensor([[0., 2.],
                [4., 4.]])
    """
    return _LU(*_unpacked(*_factored("linalg.lu", A, pivot)))


def _unpacked(found: Tensor, pivots: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    rows, columns = found.shape[-2:]
    inner = min(rows, columns)
    ones = eye(rows, inner, dtype=found.dtype)
    lower = tril(narrow(found, -1, 0, inner), -1) + ones
    upper = triu(narrow(found, -2, 0, inner))
    return _permutation(found, pivots), lower, upper


def _permutation(found: Tensor, pivots: Tensor) -> Tensor:
    rows = found.shape[-2]
    whole = eye(rows, dtype=found.dtype).expand(*pivots.shape[:-1], rows, rows)
    return _in_order(whole, pivots, back=True)


def lu_unpack(
    LU_data: Tensor,
    LU_pivots: Tensor,
    unpack_data: bool = True,
    unpack_pivots: bool = True,
) -> Any:
    """Return the P, L and U of what `lu_factor` found; empty tensors for what is not.

    Raises:
        RuntimeError: the pivots are not int32.

    Source: torch's page "torch.lu_unpack".
    """
    if LU_pivots.dtype is not dt.int32:
        raise RuntimeError(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of "
            "torch.int32 dtype. Note: this function is intended to be used with the "
            "output produced by torch.linalg.lu_factor"
        )
    none = zeros(0, dtype=LU_data.dtype)
    if unpack_data:
        permutation, lower, upper = _unpacked(LU_data, LU_pivots)
        return _LU_UNPACK(permutation if unpack_pivots else none, lower, upper)
    permutation = _permutation(LU_data, LU_pivots) if unpack_pivots else none
    return _LU_UNPACK(permutation, none, none)


def lu_solve(
    LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False
) -> Tensor:
    """Return the X with A X = B, from what `lu_factor` made of A.

    Args:
        LU: its first result, of square matrices.
        pivots: its second result.
        B: matrices.
        left: False for X A = B.
        adjoint: solve with the transposed A.

    Raises:
        RuntimeError: no square matrices, other sizes, or other dtypes.

    Source: torch's page "torch.linalg.lu_solve".

    Example:
        >>> import flambeau as torch
        >>> LU, pivots = torch.linalg.lu_factor(torch.tensor([[0., 2.], [4., 0.]]))
        >>> torch.linalg.lu_solve(LU, pivots, torch.tensor([[2.], [4.]]))
        tensor([[1.],
                [1.]])
    """
    check_matrices("linalg.lu_solve", LU, square=True)
    if LU.dtype is not B.dtype:
        raise RuntimeError(
            "linalg.lu_solve: Expected LU and B to have the same dtype, but found LU "
            f"of type {dt.scalar_name(LU.dtype)} and B of type "
            f"{dt.scalar_name(B.dtype)} instead"
        )
    if pivots.dtype is not dt.int32:
        raise RuntimeError(
            "linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32"
        )
    if not left:
        return lu_solve(LU, pivots, B.mT, adjoint=not adjoint).mT
    if LU.shape[-1] != B.shape[-2]:
        raise RuntimeError(
            "linalg.lu_solve: Incompatible shapes of A and B for the equation AX = B "
            f"({LU.shape[-2]}x{LU.shape[-1]} and {B.shape[-2]}x{B.shape[-1]})"
        )
    if adjoint:
        first = solve_triangular(triu(LU).mT, B, upper=False)
        found = solve_triangular(LU.mT, first, upper=True, unitriangular=True)
        return _in_order(found, pivots, back=True)
    ordered = _in_order(B, pivots)
    first = solve_triangular(LU, ordered, upper=False, unitriangular=True)
    return solve_triangular(LU, first, upper=True)


def plain_lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """Return the X with A X = b; `linalg.lu_solve` in torch's older form."""
    return lu_solve(LU_data, LU_pivots, b)


def plain_lu(A: Tensor, pivot: bool = True, get_infos: bool = False) -> Any:
    """Return `linalg.lu_factor`, or with `get_infos` `lu_factor_ex`. Deprecated."""
    warnings.warn(
        "torch.lu is deprecated in favor of torch.linalg.lu_factor / "
        "torch.linalg.lu_factor_ex and will be removed in a future PyTorch release.",
        stacklevel=2,
    )
    found = lu_factor_ex(A, pivot=pivot)
    return tuple(found) if get_infos else tuple(found)[:2]


def triangular_solve(
    b: Tensor,
    A: Tensor,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
) -> Any:
    """Return the X with A X = b, and A; use `linalg.solve_triangular`. Deprecated.

    Source: torch's page "torch.triangular_solve".
    """
    warnings.warn(
        "torch.triangular_solve is deprecated in favor of "
        "torch.linalg.solve_triangular and will be removed in a future release.",
        stacklevel=2,
    )
    matrix = A.mT if transpose else A
    found = solve_triangular(
        matrix, b, upper=upper is not transpose, unitriangular=unitriangular
    )
    return _TRIANGULAR(found, A.clone())


# L D L^T


def ldl_factor_ex(
    A: Tensor, *, hermitian: bool = False, check_errors: bool = False
) -> Any:
    """Return `ldl_factor`, and for each matrix where D has its first 0, counted from 1.

    Returns:
        The triple (LD, pivots, info); info is 0 where there is none.

    Source: torch's page "torch.linalg.ldl_factor_ex".
    """
    found, turned = ldl_factor(A, hermitian=hermitian)
    empty = (diagonal(found, 0, -2, -1) == 0) & (turned > 0)
    return _LDL_EX(found, turned, _first(empty))


def ldl_factor(A: Tensor, *, hermitian: bool = False) -> Any:
    """Return L and D with L D L^T = A in one matrix, and pivots that turn the rows.

    Args:
        A: symmetric matrices, whose lower triangles are read.
        hermitian: without effect on real numbers.

    Returns:
        The pair (LD, pivots), for `ldl_solve`. It has no derivative.

    Raises:
        RuntimeError: no square matrices of floats.

    Source: torch's page "torch.linalg.ldl_factor".

    Example:
        >>> import flambeau as torch
        >>> A = torch.tensor([[4.0, 2.0], [2.0, 3.0]])
        >>> LD, pivots = torch.linalg.ldl_factor(A)
        >>> torch.linalg.ldl_solve(LD, pivots, A @ torch.tensor([[1.0], [2.0]]))
        tensor([[1.],
                [2.]])
    """
    x = check_matrices("torch.linalg.ldl_factor_ex", A, square=True)
    return _LDL(wrap(ldl.factor(x)), wrap(ldl.pivots(x)))


def ldl_solve(
    LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False
) -> Tensor:
    """Return the X with A X = B, from what `ldl_factor` made of A.

    Raises:
        RuntimeError: no square matrices, other sizes, or other dtypes.

    Source: torch's page "torch.linalg.ldl_solve".
    """
    name = "torch.linalg.ldl_solve"
    x = check_matrices(name, LD, square=True)
    if B.ndim < 2 or B.shape[-2] != LD.shape[-1]:
        raise RuntimeError(
            f"{name}: Incompatible shapes of LD {list(LD.shape)} and B {list(B.shape)}"
        )
    if pivots.shape != LD.shape[:-1] or pivots.dtype.is_floating_point:
        raise RuntimeError(
            f"{name}: Expected pivots to be integers of shape {list(LD.shape[:-1])}, "
            f"got {pivots.dtype!r} of shape {list(pivots.shape)}"
        )
    if LD.dtype is not B.dtype:
        raise RuntimeError(
            f"{name}: LD dtype {LD.dtype!r} does not match b dtype {B.dtype!r}"
        )
    return wrap(ldl.solve(x, pivots.node, B.node))


# Reflections


def geqrf(input: Tensor) -> Any:
    """Return R and the reflections of Q in one matrix, and the sizes of those.

    Returns:
        The pair (a, tau): R is the upper triangle of a, the vectors of the reflections
        are below, without their first ones.

    Source: torch's page "torch.geqrf".
    """
    x = check_matrices("geqrf", input)
    return _GEQRF(wrap(op.reflectors(x)), wrap(op.reflector_sizes(x)))


def householder_product(A: Tensor, tau: Tensor) -> Tensor:
    """Return the first columns of a product of reflections I - tau v v^T.

    Args:
        A: matrices, not wider than high; the vectors v are their columns below the
            diagonal, with a 1 on it.
        tau: the size of each reflection.

    Shape:
        A: (*, m, n).
        tau: (*, k), k <= n.
        output: (*, m, n).

    Raises:
        RuntimeError: matrices that are wider, more sizes than columns, or other dtypes.

    Source: torch's page "torch.linalg.householder_product".

    Example:
        >>> import flambeau as torch
        >>> A = torch.tensor([[3.0, 1.0], [4.0, 2.0]])
        >>> Q = torch.linalg.householder_product(*torch.geqrf(A))
        >>> (Q.T @ A).tril(-1).abs().max() < 1e-6
        tensor(True)
    """
    name = "torch.linalg.householder_product"
    _check_reflections(name, A, tau)
    if A.shape[-1] > A.shape[-2]:
        raise RuntimeError(
            f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]"
        )
    rows, columns = A.shape[-2:]
    start = eye(rows, columns, dtype=A.dtype).expand(*A.shape[:-2], rows, columns)
    return _reflected(A, tau, start, transpose=False)


def ormqr(
    input: Tensor,
    tau: Tensor,
    other: Tensor,
    left: bool = True,
    transpose: bool = False,
) -> Tensor:
    """Return the product of a matrix with all of Q, which stays reflections.

    Args:
        input: what `geqrf` found, as `householder_product` takes it.
        tau: the size of each reflection.
        other: the matrix.
        left: Q times the matrix; else the matrix times Q.
        transpose: take the transposed Q.

    Raises:
        RuntimeError: sizes that do not fit, or other dtypes.

    Source: torch's page "torch.ormqr".
    """
    _check_reflections("torch.ormqr", input, tau)
    if other.shape[-2 if left else -1] != input.shape[-2]:
        raise RuntimeError(
            f"torch.ormqr: other.shape[{-2 if left else -1}] must be equal to "
            f"input.shape[-2], got {list(other.shape)} and {list(input.shape)}"
        )
    if not left:
        return _reflected(input, tau, other.mT, not transpose).mT
    return _reflected(input, tau, other, transpose)


def _check_reflections(name: str, A: Tensor, tau: Tensor) -> None:
    check_matrices(name, A)
    if tau.shape[-1] > A.shape[-1]:
        raise RuntimeError(
            f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]"
        )
    if tau.ndim != A.ndim - 1 or tau.shape[:-1] != A.shape[:-2]:
        raise RuntimeError(
            f"{name}: Expected batch dimensions of tau to be equal to "
            f"input.shape[:-2] {list(A.shape[:-2])}, but got {list(tau.shape)}"
        )
    if tau.dtype is not A.dtype:
        raise RuntimeError(
            f"{name}: tau dtype {tau.dtype!r} does not match input dtype {A.dtype!r}"
        )


def _reflected(A: Tensor, tau: Tensor, x: Tensor, transpose: bool) -> Tensor:
    """Apply the reflections to x, the first one last."""
    vectors = tril(A, -1) + eye(*A.shape[-2:], dtype=A.dtype)
    count = tau.shape[-1]
    for k in range(count) if transpose else reversed(range(count)):
        v = narrow(vectors, -1, k, 1)
        size = unsqueeze(narrow(tau, -1, k, 1), -1)
        x = x - size * v @ (v.mT @ x)
    return x
