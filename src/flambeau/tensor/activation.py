"""The activations that are methods of tensors, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import dtypes as dt
from ..graph import Node
from ..ops import elementwise as ew
from ..ops.activation import leaky_relu
from ..ops.broadcast import reshape
from .handle import wrap
from .operands import check_float, node_of

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["hardshrink", "is_within", "prelu"]


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    r"""Return x where :math:`|x| > \lambda`, else 0.

    Args:
        input: any shape, floats.
        lambd: the bound.

    Raises:
        NotImplementedError: the input is not a float tensor.

    Source: torch's page "torch.nn.functional.hardshrink".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.hardshrink(torch.tensor([-1., 0.3, 0.7]))
        tensor([-1.0000,  0.0000,  0.7000])
    """
    x = node_of("hardshrink", "input", input)
    check_float("hardshrink_cpu", x)
    return wrap(ew.where(is_within(x, lambd), ew.const_like(0, x), x))


def is_within(x: Node, bound: float) -> Node:
    """Whether elements are at most so far from 0."""
    return ew.less_equal(ew.absolute(x), ew.const_like(bound, x))


def prelu(input: Tensor, weight: Tensor) -> Tensor:
    r"""Return x where it is above 0, else :math:`w \cdot x` with a learned slope w.

    Args:
        input: floats.
        weight: one slope, or one for each channel.

    Shape: input (N, C, *) with any number of dimensions, weight () or (1,) or (C,);
    result as the input.

    Raises:
        RuntimeError: the weight has other sizes or another dtype.

    Source: torch's page "torch.nn.functional.prelu"; He et al., arXiv:1502.01852.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.prelu(torch.tensor([[-1., -1.]]), torch.tensor([0.5, 0.25]))
        tensor([[-0.5000, -0.2500]])
    """
    x, w = node_of("prelu", "input", input), node_of("prelu", "weight", weight)
    _check_prelu(x, w)
    if w.size != 1:
        w = reshape(w, (w.size, *(1,) * (x.ndim - 2)))
    elif x.ndim == 0:
        w = reshape(w, ())
    return wrap(leaky_relu(x, w))


def _check_prelu(x: Node, w: Node) -> None:
    if w.ndim > 1:
        raise RuntimeError(
            "prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = "
            f"{w.ndim}, shape {w.shape}"
        )
    if w.dtype is not x.dtype:
        raise RuntimeError(
            f"prelu: Type promoting not supported. Got {dt.scalar_name(x.dtype)} and "
            f"{dt.scalar_name(w.dtype)}; convert one with .to()"
        )
    if w.size == 1:
        return
    channels = x.shape[1] if x.ndim > 1 else 1
    if not x.ndim or w.size != channels:
        raise RuntimeError(
            "prelu: Mismatch of parameter numbers and input channel size. Found "
            f"parameter numbers = {w.size} and channel size = {channels} in an input "
            f"of shape {x.shape}; the channels are dimension 1"
        )
