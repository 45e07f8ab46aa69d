"""Thresholds: what is small, or not large, is replaced."""

from __future__ import annotations

from ... import dtypes as dt
from ...graph import Node
from ...ops import elementwise as ew
from ...tensor import Tensor
from ...tensor.activation import hardshrink, is_within
from ...tensor.handle import wrap
from ...tensor.inplace import inplace as in_place
from ...tensor.operands import as_float, check_float
from ...tensor.reduction import in_float32
from .arguments import node_of, result

__all__ = ["hardshrink", "softshrink", "tanhshrink", "threshold", "threshold_"]


def threshold(
    input: Tensor, threshold: float, value: float, inplace: bool = False
) -> Tensor:
    """Return x where it is above a threshold, else a value.

    Args:
        input: any shape and any dtype but bool.
        threshold: what x must be above.
        value: what the others become.
        inplace: write into the input.

    Raises:
        NotImplementedError: the input is bool.

    Source: torch's page "torch.nn.functional.threshold".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.threshold(torch.tensor([0.1, 0.5, 2.]), 0.5, -1.)
        tensor([-1., -1.,  2.])
    """
    x = node_of("threshold", "input", input)
    if x.dtype is dt.bool_:
        raise NotImplementedError(
            "\"threshold_cpu\" not implemented for 'Bool': convert the tensor first"
        )
    replaced = ew.less_equal(x, ew.const_like(threshold, x))
    return result(ew.where(replaced, ew.const_like(value, x), x), input, inplace)


threshold_ = in_place(threshold)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    r"""Return x moved by :math:`\lambda` towards 0, and 0 where that passes it.

    Args:
        input: any shape, floats.
        lambd: how far, at least 0.

    Raises:
        RuntimeError: a negative distance.
        NotImplementedError: the input is not a float tensor.

    Source: torch's page "torch.nn.functional.softshrink".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.softshrink(torch.tensor([-1., 0.3, 0.75]))
        tensor([-0.5000,  0.0000,  0.2500])
    """
    x = node_of("softshrink", "input", input)
    if lambd < 0:
        raise RuntimeError(
            f"softshrink: lambda must be greater or equal to 0, but found to be {lambd}"
        )
    check_float("softshrink_cpu", x)
    step = ew.where(ew.less(x, ew.const_like(0, x)), *_both(lambd, x))
    return wrap(ew.where(is_within(x, lambd), ew.const_like(0, x), ew.add(x, step)))


def _both(distance: float, like: Node) -> tuple[Node, Node]:
    return ew.const_like(distance, like), ew.const_like(-distance, like)


def tanhshrink(input: Tensor) -> Tensor:
    r"""Return :math:`x - \tanh(x)` of each element.

    Args:
        input: any shape; integers become floats.

    Source: torch's page "torch.nn.functional.tanhshrink".
    """
    x = as_float(node_of("tanhshrink", "input", input))
    return wrap(in_float32(x, lambda x: ew.sub(x, ew.tanh(x))))
