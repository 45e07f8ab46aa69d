"""Softmax and its logarithm: elements along a dimension become probabilities."""

from __future__ import annotations

import warnings

from ...dtypes import dtype as DType
from ...tensor import Tensor, reduction
from .arguments import node_of

__all__ = ["log_softmax", "softmax"]


def softmax(
    input: Tensor,
    dim: int | None = None,
    _stacklevel: int = 3,
    dtype: DType | None = None,
) -> Tensor:
    r"""Return :math:`e^x / \sum e^x` along a dimension, without overflow.

    Args:
        input: any shape, floats unless `dtype` is given.
        dim: the dimension whose elements add up to 1. Without it, which is deprecated,
            it is 0 for 0, 1 or 3 dimensions, else 1.
        _stacklevel: whom to warn about a missing `dim`.
        dtype: what to convert to first.

    Raises:
        NotImplementedError: neither the input nor `dtype` is a float type.

    Source: torch's page "torch.nn.functional.softmax".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.softmax(torch.tensor([0., 0.]), dim=0)
        tensor([0.5000, 0.5000])
    """
    dim = _dimension("softmax", input, dim, _stacklevel)
    return reduction.softmax(input, dim, dtype)


def log_softmax(
    input: Tensor,
    dim: int | None = None,
    _stacklevel: int = 3,
    dtype: DType | None = None,
) -> Tensor:
    r"""Return :math:`x - \log \sum e^x` along a dimension, without overflow.

    Args:
        input: any shape, floats unless `dtype` is given.
        dim: the dimension whose exponentials add up to 1. Without it, which is
            deprecated, it is 0 for 0, 1 or 3 dimensions, else 1.
        _stacklevel: whom to warn about a missing `dim`.
        dtype: what to convert to first.

    Raises:
        NotImplementedError: neither the input nor `dtype` is a float type.

    Source: torch's page "torch.nn.functional.log_softmax".
    """
    dim = _dimension("log_softmax", input, dim, _stacklevel)
    return reduction.log_softmax(input, dim, dtype)


def _dimension(name: str, input: Tensor, dim: int | None, stacklevel: int) -> int:
    ndim = node_of(name, "input", input).ndim
    if dim is not None:
        return dim
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call "
        "to include dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if ndim in (0, 1, 3) else 1
