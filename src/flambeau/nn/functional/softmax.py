"""Softmax and its logarithm: elements along a dimension become probabilities."""

from __future__ import annotations

from ...dtypes import dtype as DType
from ...recorder import warn
from ...tensor import Tensor, reduction
from ...tensor.creation import empty, zeros_like
from .arguments import node_of

__all__ = ["gumbel_softmax", "log_softmax", "softmax", "softmin"]


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


def softmin(
    input: Tensor,
    dim: int | None = None,
    _stacklevel: int = 3,
    dtype: DType | None = None,
) -> Tensor:
    r"""Return :math:`e^{-x} / \sum e^{-x}` along a dimension, without overflow.

    Args:
        input: any shape, floats unless `dtype` is given.
        dim: the dimension whose elements add up to 1. Without it, which is deprecated,
            it is 0 for 0, 1 or 3 dimensions, else 1.
        _stacklevel: whom to warn about a missing `dim`.
        dtype: what to convert to first.

    Raises:
        NotImplementedError: neither the input nor `dtype` is a float type.

    Source: torch's page "torch.nn.functional.softmin".
    """
    dim = _dimension("softmin", input, dim, _stacklevel)
    return reduction.softmax(-input, dim, dtype)


def gumbel_softmax(
    logits: Tensor,
    tau: float = 1,
    hard: bool = False,
    eps: float = 1e-10,
    dim: int = -1,
) -> Tensor:
    r"""Draw from a categorical distribution, so that gradients flow to its logits.

    The softmax of :math:`(x + g) / \tau`, where g follows Gumbel's distribution.

    Args:
        logits: logarithms of probabilities, not normalised; floats.
        tau: the temperature: the lower, the closer the results are to 0 and 1.
        hard: return 1 for the largest and 0 for the others; the gradient stays that of
            the softmax.
        eps: deprecated; it has no effect.
        dim: the dimension of the categories.

    Source: torch's page "torch.nn.functional.gumbel_softmax"; Jang et al.,
    arXiv:1611.01144.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.gumbel_softmax(torch.zeros(3, 5), hard=True).sum(1)
        tensor([1., 1., 1.])
    """
    node_of("gumbel_softmax", "logits", logits)
    if eps != 1e-10:
        warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    noise = -empty(logits.shape, dtype=logits.dtype).exponential_().log()
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    index = soft.detach().argmax(dim, keepdim=True)
    chosen = zeros_like(soft).scatter_(dim, index, 1.0)
    return chosen - soft.detach() + soft


def _dimension(name: str, input: Tensor, dim: int | None, stacklevel: int) -> int:
    ndim = node_of(name, "input", input).ndim
    if dim is not None:
        return dim
    warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call "
        "to include dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if ndim in (0, 1, 3) else 1
