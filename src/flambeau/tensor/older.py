"""Functions that torch keeps under older names, and their older results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..ops.broadcast import sum_to
from ..shape import broadcasts_to
from .arguments import ints_of
from .creation import tensor, zeros
from .handle import wrap
from .matrices import qr as linalg_qr
from .reduction import accumulating
from .return_types import named_result
from .solving import svd as linalg_svd
from .splitting import chunk, split, split_with_sizes

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "apply_",
    "map_",
    "ndimension",
    "qr",
    "sum_to_size",
    "svd",
    "unsafe_chunk",
    "unsafe_split",
    "unsafe_split_with_sizes",
]

_QR = named_result("qr", ("Q", "R"))
_SVD = named_result("svd", ("U", "S", "V"))

# torch's outputs may then be written in place without notice of autograd; here all may.
unsafe_chunk = chunk
unsafe_split = split
unsafe_split_with_sizes = split_with_sizes


def qr(input: Tensor, some: bool = True) -> Any:
    """Return what `linalg.qr` does, with a whole orthogonal Q if not `some`.

    Source: torch's page "torch.qr".

    Example:
        >>> import flambeau as torch
        >>> torch.qr(torch.ones(3, 2), some=False).Q.shape
        torch.Size([3, 3])
    """
    return _QR(*linalg_qr(input, "reduced" if some else "complete"))


def svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> Any:
    """Return the singular value decomposition U diag(S) Vᵀ: V, where `linalg` has Vᵀ.

    Args:
        input: matrices (..., m, n).
        some: whether U and V have min(m, n) columns, or are square.
        compute_uv: whether they are computed, or are zeros.

    Source: torch's page "torch.svd".

    Example:
        >>> import flambeau as torch
        >>> torch.svd(torch.ones(3, 2)).V.shape
        torch.Size([2, 2])
    """
    left, values, right = linalg_svd(input, full_matrices=not some)
    if compute_uv:
        return _SVD(left, values, right.mT)
    *batch, rows, columns = input.shape
    empty = [zeros(*batch, size, size, dtype=input.dtype) for size in (rows, columns)]
    return _SVD(empty[0], values, empty[1])


def ndimension(input: Tensor) -> int:
    """Return the number of dimensions."""
    return input.ndim


def sum_to_size(input: Tensor, *size: Any) -> Tensor:
    """Return the sum over what was broadcast, so that the result has a smaller shape.

    Raises:
        RuntimeError: that shape cannot be broadcast to the input's.

    Source: torch's page "torch.Tensor.sum_to_size".

    Example:
        >>> import flambeau as torch
        >>> torch.ones(2, 3).sum_to_size(1, 3)
        tensor([[2., 2., 2.]])
    """
    wanted = ints_of(size)
    if not broadcasts_to(wanted, input.shape):
        raise RuntimeError(
            f"size {{{list(wanted)}}} is not expandable to size "
            f"{{{list(input.shape)}}}."
        )
    same = wanted and wanted == tuple(input.shape)
    return wrap(sum_to(input.node if same else accumulating(input, None), wanted))


def apply_(input: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replace each element by what a function of Python returns for it.

    Source: torch's page "torch.Tensor.apply_".

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([1.0, 2.0]).apply_(lambda x: x * 10)
        tensor([10., 20.])
    """
    return _written(input, [callable(each) for each in input.reshape(-1).tolist()])


def map_(input: Tensor, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Replace each element by what a function returns for it and that of another.

    Source: torch's page "torch.Tensor.map_".

    Example:
        >>> import flambeau as torch
        >>> torch.tensor([1.0, 2.0]).map_(torch.tensor([3.0, 4.0]), lambda x, y: x * y)
        tensor([3., 8.])
    """
    others = tensor.expand(input.shape).reshape(-1).tolist()
    pairs = zip(input.reshape(-1).tolist(), others)
    return _written(input, [callable(own, other) for own, other in pairs])


def _written(target: Tensor, values: Sequence[Any]) -> Tensor:
    return target.copy_(tensor(values, dtype=target.dtype).reshape(target.shape))
