"""Functions that torch keeps under older names, and their older results."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from ..devices import check_device
from ..ops.broadcast import sum_to
from ..shape import Size, broadcasts_to
from .arguments import ints_of
from .creation import empty, tensor, zeros
from .handle import Handle, wrap
from .matrices import qr as linalg_qr
from .reduction import accumulating
from .return_types import named_result
from .solving import svd as linalg_svd
from .splitting import chunk, split, split_with_sizes

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "apply_",
    "map2_",
    "map_",
    "ndimension",
    "new",
    "qr",
    "resize",
    "resize_as",
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


def map2_(
    input: Tensor, x: Tensor, y: Tensor, callable: Callable[[Any, Any, Any], Any]
) -> Tensor:
    """Replace each element by what a function returns for it and those of two others.

    Raises:
        RuntimeError: the tensor requires a gradient.

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([1.0, 2.0])
        >>> x.map2_(x, x, lambda a, b, c: a + b + c)
        tensor([3., 6.])
    """
    if input.requires_grad:
        raise RuntimeError(
            "Can't call map2_() on Variable that requires grad. Use "
            "var.detach().map2_() instead."
        )
    read = [each.expand(input.shape).reshape(-1).tolist() for each in (input, x, y)]
    return _written(input, [callable(*each) for each in zip(*read, strict=True)])


def new(input: Tensor, *data: Any, device: Any = None) -> Tensor:
    """Return a tensor of the same dtype: of sizes given as ints, or with the data.

    Raises:
        TypeError: the data is no sequence.

    Example:
        >>> import flambeau as torch
        >>> torch.ones(2).new([1, 2]), torch.ones(2).new(3, 4).shape
        (tensor([1., 2.]), torch.Size([3, 4]))
    """
    check_device(device)
    if isinstance(data[0] if data else 0, int | Size):
        return empty(*(data or (0,)), dtype=input.dtype)
    if not isinstance(data[0], Sequence | Handle) or isinstance(data[0], str):
        raise TypeError(
            f"new(): data must be a sequence (got {type(data[0]).__name__})"
        )
    return tensor(data[0], dtype=input.dtype)


def resize(input: Tensor, *size: Any) -> Tensor:
    """Return the elements in row-major order under another shape. Deprecated.

    Raises:
        RuntimeError: that shape has not as many elements.
    """
    warnings.warn("non-inplace resize is deprecated", stacklevel=2)
    return _resized(input, ints_of(size))


def resize_as(input: Tensor, tensor: Tensor) -> Tensor:
    """Return the elements under the shape of another tensor. Deprecated.

    Raises:
        RuntimeError: that has not as many elements.
    """
    warnings.warn("non-inplace resize_as is deprecated", stacklevel=2)
    return _resized(input, tuple(tensor.shape))


def _resized(input: Tensor, size: tuple[int, ...]) -> Tensor:
    if prod(size) == input.numel():
        return input.reshape(size)
    wanted, own = ("x".join(map(str, each)) for each in (size, input.shape))
    raise RuntimeError(
        f"requested resize to {wanted} ({prod(size)} elements in total), but the given "
        f"tensor has a size of {own} ({input.numel()} elements). autograd's resize can "
        "only change the shape of a given tensor, while preserving the number of "
        "elements."
    )


def _written(target: Tensor, values: Sequence[Any]) -> Tensor:
    return target.copy_(tensor(values, dtype=target.dtype).reshape(target.shape))
