"""Matrix products of groups of rows, each with a matrix of its own."""

from __future__ import annotations

from itertools import pairwise

from ... import dtypes as dt
from ...tensor import Tensor
from ...tensor.creation import zeros
from ...tensor.joining import cat, stack
from ...tensor.linalg import matmul
from .arguments import node_of

__all__ = ["grouped_mm"]

_KINDS = (dt.float32, dt.bfloat16, dt.float16)


def grouped_mm(
    mat_a: Tensor,
    mat_b: Tensor,
    *,
    offs: Tensor | None = None,
    bias: Tensor | None = None,
    out_dtype: dt.dtype | None = None,
) -> Tensor:
    r"""Return the products :math:`A_g B_g` of some groups g.

    A 3-D tensor has a matrix for each group. A 2-D one is cut into groups, which end at
    `offs`: A along its rows, B along its columns, or both along what is summed over.

    Args:
        mat_a: the left matrices; float32 or 16-bit floats.
        mat_b: the right matrices.
        offs: where each group ends, int32; None if both are 3-D. What comes behind the
            last end is not computed, and 0.
        bias: None: torch does not take any, either.
        out_dtype: the dtype of `mat_a`.

    Shape: (M, K) and (G, K, N) give (M, N), (G, M, K) and (K, N) give (M, N),
        (M, K) and (K, N) give (G, M, N), and (G, M, K) and (G, K, N) give (G, M, N).

    Raises:
        RuntimeError: other dtypes or shapes; `offs` missing, or given for 3-D tensors.

    Source: torch's page "torch.nn.functional.grouped_mm".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> ends = torch.tensor([1, 3], dtype=torch.int32)
        >>> x, w = torch.ones(3, 2), torch.tensor([[[1.], [1.]], [[3.], [3.]]])
        >>> F.grouped_mm(x, w, offs=ends)
        tensor([[2.],
                [6.],
                [6.]])
    """
    _check(mat_a, mat_b, bias, out_dtype)
    if (offs is None) != (mat_a.ndim == mat_b.ndim == 3):
        raise RuntimeError(
            "Have to provide offsets if there is a 2d matrix, or no offset if both "
            "matrices are 3d"
        )
    if offs is None:
        if mat_a.shape[0] != mat_b.shape[0]:
            raise RuntimeError("batched dimension has to match")
        return matmul(mat_a, mat_b)
    return _cut(mat_a, mat_b, offs)


def _cut(a: Tensor, b: Tensor, offs: Tensor) -> Tensor:
    """The products where at least one tensor is cut into groups."""
    if offs.dtype is not dt.int32:
        raise RuntimeError("Offsets have to be int32")
    for each in (a, b):
        if each.ndim == 3 and each.shape[0] != offs.numel():
            raise RuntimeError("matrix batch sizes have to match")
    ends = [0, *offs.tolist()]
    groups = [*enumerate(pairwise(ends))]
    if a.ndim == b.ndim == 2:
        parts = [matmul(a[:, low:high], b[low:high]) for _, (low, high) in groups]
        return stack(parts)
    if a.ndim == 2:
        parts = [matmul(a[low:high], b[g]) for g, (low, high) in groups]
        rest = zeros(max(a.shape[0] - ends[-1], 0), b.shape[-1], dtype=a.dtype)
        return cat([*parts, rest], 0)
    parts = [matmul(a[g], b[:, low:high]) for g, (low, high) in groups]
    rest = zeros(a.shape[-2], max(b.shape[-1] - ends[-1], 0), dtype=a.dtype)
    return cat([*parts, rest], 1)


def _check(a: Tensor, b: Tensor, bias: object, out_dtype: dt.dtype | None) -> None:
    for name, each in (("mat_a", a), ("mat_b", b)):
        if node_of("grouped_mm", name, each).dtype not in _KINDS:
            raise RuntimeError(
                f"Expected {name} to be Float32, BFloat16 or Float16 matrix, got "
                f"{dt.scalar_name(each.dtype)}"
            )
        if each.ndim not in (2, 3):
            raise RuntimeError(f"{name} has to be 2 or 3d")
    if a.shape[-1] != b.shape[-2]:
        raise RuntimeError("contraction dimension of mat_a and mat_b must match")
    if bias is not None:
        raise RuntimeError("Bias not supported yet")
    if out_dtype not in (None, a.dtype):
        raise RuntimeError("Grouped gemm output dtype must match `mat_a` dtype")
