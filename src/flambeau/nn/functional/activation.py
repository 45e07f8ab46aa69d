"""Activations: elementwise curves, with torch's slopes at their corners."""

from __future__ import annotations

from collections.abc import Callable
from math import pi, sqrt

from ... import dtypes as dt
from ...graph import Node
from ...ops import elementwise as ew
from ...ops.activation import hardtanh as hardtanh_op
from ...ops.activation import leaky_relu as leaky_relu_op
from ...ops.movement import slice_axis
from ...shape import axis_of
from ...tensor import Tensor
from ...tensor.activation import prelu
from ...tensor.handle import wrap
from ...tensor.inplace import inplace as in_place
from ...tensor.operands import as_float, check_float
from ...tensor.randomness import random_slopes
from ...tensor.reduction import in_float32
from .arguments import node_of, result

__all__ = [
    "celu",
    "celu_",
    "elu",
    "elu_",
    "gelu",
    "glu",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "leaky_relu",
    "leaky_relu_",
    "logsigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "rrelu",
    "rrelu_",
    "selu",
    "selu_",
    "silu",
    "softplus",
    "softsign",
]

# Where the mean and the variance of a SELU network settle at 0 and 1.
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def _floats(name: str, kernel: str, input: Tensor) -> Node:
    """Return the node of an input that must be floats."""
    x = node_of(name, "input", input)
    check_float(kernel, x)
    return x


# Rectifiers


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    r"""Return :math:`\max(x, 0)` of each element; the slope at 0 is 0.

    Args:
        input: any shape and any dtype but bool.
        inplace: write into the input.

    Raises:
        RuntimeError: the input is bool.

    Source: torch's page "torch.nn.functional.relu".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.relu(torch.tensor([-1., 0., 2.]))
        tensor([0., 0., 2.])
    """
    x = node_of("relu", "input", input)
    if x.dtype is dt.bool_:
        raise RuntimeError("Boolean inputs not supported for relu: convert them first")
    return result(ew.relu(x), input, inplace)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    r"""Return :math:`\min(\max(x, 0), 6)` of each element.

    Args:
        input: any shape and any dtype but bool.
        inplace: write into the input.

    Source: torch's page "torch.nn.functional.relu6".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.relu6(torch.tensor([-1., 3., 8.]))
        tensor([0., 3., 6.])
    """
    return result(_bounded("relu6", input, 0, 6), input, inplace)


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    r"""Return :math:`\min(\max(x, min), max)` of each element.

    The slope is 0 on the bounds, where that of `torch.clamp` is 1.

    Args:
        input: any shape and any dtype but bool.
        min_val: the lower bound.
        max_val: the upper bound.
        inplace: write into the input.

    Raises:
        ValueError: the lower bound is above the upper.
        RuntimeError: the input is bool.

    Source: torch's page "torch.nn.functional.hardtanh".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.hardtanh(torch.tensor([-3., 0.5, 3.]))
        tensor([-1.0000,  0.5000,  1.0000])
    """
    if min_val > max_val:
        raise ValueError(
            f"hardtanh: min_val cannot be greater than max_val, got {min_val} and "
            f"{max_val}"
        )
    return result(_bounded("hardtanh", input, min_val, max_val), input, inplace)


def _bounded(name: str, input: Tensor, low: float, high: float) -> Node:
    x = node_of(name, "input", input)
    if x.dtype is dt.bool_:
        raise RuntimeError(
            f"{name}: Bool inputs not supported for hardtanh: convert them first"
        )
    return hardtanh_op(x, ew.const_like(low, x), ew.const_like(high, x))


def leaky_relu(
    input: Tensor, negative_slope: float = 0.01, inplace: bool = False
) -> Tensor:
    r"""Return x where it is above 0, else :math:`slope \cdot x`.

    Args:
        input: any shape, floats.
        negative_slope: the slope for x <= 0.
        inplace: write into the input.

    Raises:
        NotImplementedError: the input is not a float tensor.

    Source: torch's page "torch.nn.functional.leaky_relu".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.leaky_relu(torch.tensor([-1., 2.]), 0.1)
        tensor([-0.1000,  2.0000])
    """
    x = _floats("leaky_relu", "leaky_relu_cpu", input)
    y = leaky_relu_op(x, ew.const_like(negative_slope, x))
    return result(y, input, inplace)


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    r"""Return x where it is above 0, else :math:`a \cdot x` with a random slope a.

    Args:
        input: any shape, floats.
        lower: the smallest slope.
        upper: the largest slope.
        training: draw a slope for each element, which evaluates the input; else it is
            the mean of both.
        inplace: write into the input.

    Raises:
        RuntimeError: the lower bound is above the upper.
        NotImplementedError: the input is not a float tensor.

    Source: torch's page "torch.nn.functional.rrelu"; Xu et al., arXiv:1505.00853.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.rrelu(torch.tensor([-1., 2.]), 0.1, 0.3)
        tensor([-0.2000,  2.0000])
    """
    if lower > upper:
        raise RuntimeError(
            "rrelu: Lower bound should be less than or equal to the upper bound, got "
            f"{lower} and {upper}"
        )
    x = _floats("rrelu", "rrelu_with_noise_out_cpu", input)
    slope = ew.const_like((lower + upper) / 2, x)
    if training:
        slope = random_slopes(input, lower, upper).node
    return result(leaky_relu_op(x, slope), input, inplace)


# Exponential units


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    r"""Return x where it is above 0, else :math:`\alpha (e^x - 1)`.

    Args:
        input: any shape, floats.
        alpha: minus the value at minus infinity.
        inplace: write into the input.

    Raises:
        NotImplementedError: the input is not a float tensor.

    Source: torch's page "torch.nn.functional.elu"; Clevert et al., arXiv:1511.07289.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.elu(torch.tensor([-1., 2.]))
        tensor([-0.6321,  2.0000])
    """
    x = _floats("elu", "elu_cpu", input)
    return result(in_float32(x, lambda x: _elu(x, alpha)), input, inplace)


def _elu(x: Node, alpha: float, steepness: float = 1) -> Node:
    zero = ew.const_like(0, x)
    above = ew.greater(x, zero)
    below = ew.where(above, zero, x)  # without what would overflow
    below = ew.expm1(ew.mul(below, ew.const_like(steepness, x)))
    return ew.where(above, x, ew.mul(below, ew.const_like(alpha, x)))


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    r"""Return x where it is above 0, else :math:`\alpha (e^{x / \alpha} - 1)`.

    Args:
        input: any shape, floats.
        alpha: minus the value at minus infinity; the slope at 0 is 1 for every alpha.
        inplace: write into the input.

    Raises:
        RuntimeError: alpha is 0.
        NotImplementedError: the input is not a float tensor.

    Source: torch's page "torch.nn.functional.celu"; Barron, arXiv:1704.07483.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.celu(torch.tensor([-2., 2.]), alpha=2.)
        tensor([-1.2642,  2.0000])
    """
    if not alpha:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    x = _floats("celu", "elu_cpu", input)
    y = in_float32(x, lambda x: _elu(x, alpha, 1 / alpha))
    return result(y, input, inplace)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    r"""Return :math:`\lambda x` above 0, else :math:`\lambda \alpha (e^x - 1)`.

    The constants 1.0507 and 1.6733 keep mean 0 and variance 1 from layer to layer.

    Args:
        input: any shape, floats.
        inplace: write into the input.

    Raises:
        NotImplementedError: the input is not a float tensor.

    Source: torch's page "torch.nn.functional.selu"; Klambauer et al.,
    arXiv:1706.02515.
    """
    x = _floats("selu", "elu_cpu", input)

    def scaled(x: Node) -> Node:
        return ew.mul(_elu(x, SELU_ALPHA), ew.const_like(SELU_SCALE, x))

    return result(in_float32(x, scaled), input, inplace)


# Curves made of the logistic function


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    r"""Return :math:`x \cdot sigmoid(x)` of each element, also known as swish.

    Args:
        input: any shape, floats.
        inplace: write into the input.

    Raises:
        NotImplementedError: the input is not a float tensor.

    Source: torch's page "torch.nn.functional.silu"; Hendrycks and Gimpel,
    arXiv:1606.08415.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.silu(torch.tensor([-1., 2.]))
        tensor([-0.2689,  1.7616])
    """
    x = _floats("silu", "silu_cpu", input)
    y = in_float32(x, lambda x: ew.mul(x, ew.sigmoid(x)))
    return result(y, input, inplace)


def logsigmoid(input: Tensor) -> Tensor:
    r"""Return :math:`-\log(1 + e^{-x})` of each element, without overflow.

    Args:
        input: any shape, floats.

    Raises:
        NotImplementedError: the input is not a float tensor.

    Source: torch's page "torch.nn.functional.logsigmoid".
    """
    return wrap(ew.logsigmoid(_floats("logsigmoid", "log_sigmoid_cpu", input)))


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    r"""Return :math:`\log(1 + e^{\beta x}) / \beta`, a smooth ReLU.

    Args:
        input: any shape, floats.
        beta: how sharp the bend is.
        threshold: the result is x where beta x is above this.

    Raises:
        NotImplementedError: the input is not a float tensor.

    Source: torch's page "torch.nn.functional.softplus".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.softplus(torch.tensor([-1., 30.]))
        tensor([ 0.3133, 30.0000])
    """

    def curve(x: Node) -> Node:
        turned = ew.mul(x, ew.const_like(-beta, x))
        bend = ew.div(ew.logsigmoid(turned), ew.const_like(-beta, x))
        return ew.where(ew.less(turned, ew.const_like(-threshold, x)), x, bend)

    return wrap(in_float32(_floats("softplus", "softplus_cpu", input), curve))


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    r"""Return :math:`x \tanh(\log(1 + e^x))` of each element.

    Args:
        input: any shape, floats.
        inplace: write into the input.

    Raises:
        NotImplementedError: the input is not a float tensor.

    Source: torch's page "torch.nn.functional.mish"; Misra, arXiv:1908.08681.
    """

    def curve(x: Node) -> Node:
        return ew.mul(x, ew.tanh(ew.neg(ew.logsigmoid(ew.neg(x)))))

    return result(in_float32(_floats("mish", "mish_cpu", input), curve), input, inplace)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    r"""Return :math:`a \cdot sigmoid(b)`, where a and b are the halves of the input.

    Args:
        input: at least one dimension, floats.
        dim: the dimension that is halved.

    Raises:
        RuntimeError: the dimension has an odd size.

    Source: torch's page "torch.nn.functional.glu"; Dauphin et al., arXiv:1612.08083.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.glu(torch.tensor([3., 0.]))
        tensor([1.5000])
    """
    x = node_of("glu", "input", input)
    if not x.ndim:
        raise RuntimeError(
            "glu does not support scalars because halving size must be even"
        )
    axis = axis_of(dim, x.ndim)
    half, odd = divmod(x.shape[axis], 2)
    if odd:
        raise RuntimeError(
            f"glu: Halving dimension must be even, but dimension {axis} is size "
            f"{x.shape[axis]} in an input of shape {x.shape}"
        )
    check_float("glu_cpu", x)

    def gated(x: Node) -> Node:
        kept = slice_axis(x, axis, 0, half)
        return ew.mul(kept, ew.sigmoid(slice_axis(x, axis, half, half)))

    return wrap(in_float32(x, gated))


# GELU


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    r"""Return :math:`x \Phi(x)`, with the normal distribution's :math:`\Phi`.

    .. math:: \Phi(x) = (1 + erf(x / \sqrt 2)) / 2
              \approx (1 + \tanh(\sqrt{2 / \pi} (x + 0.044715 x^3))) / 2

    Args:
        input: any shape, floats.
        approximate: "none", or "tanh" for the second formula.

    Raises:
        RuntimeError: another word.
        NotImplementedError: the input is not a float tensor.

    Source: torch's page "torch.nn.functional.gelu"; Hendrycks and Gimpel,
    arXiv:1606.08415.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.gelu(torch.tensor([-1., 2.]))
        tensor([-0.1587,  1.9545])
    """
    if approximate not in _NORMAL:
        raise RuntimeError(
            "gelu: approximate argument must be either none or tanh. Got "
            f"{approximate!r}"
        )
    x = _floats("gelu", "GeluKernelImpl", input)
    return wrap(in_float32(x, lambda x: _halved_sum(x, _NORMAL[approximate](x))))


def _halved_sum(x: Node, curve: Node) -> Node:
    """Return x (1 + curve) / 2."""
    half = ew.mul(x, ew.const_like(0.5, x))
    return ew.mul(half, ew.add(curve, ew.const_like(1, x)))


def _erf(x: Node) -> Node:
    return ew.erf(ew.mul(x, ew.const_like(sqrt(0.5), x)))


def _tanh_of_cubic(x: Node) -> Node:
    first = sqrt(2 / pi)
    slope = ew.mul(ew.mul(x, x), ew.const_like(first * 0.044715, x))
    return ew.tanh(ew.mul(x, ew.add(slope, ew.const_like(first, x))))


_NORMAL: dict[str, Callable[[Node], Node]] = {"none": _erf, "tanh": _tanh_of_cubic}


# Cheap substitutes


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    r"""Return :math:`\min(\max(x + 3, 0), 6) / 6` of each element.

    Args:
        input: any shape, floats.
        inplace: write into the input.

    Raises:
        NotImplementedError: the input is not a float tensor.

    Source: torch's page "torch.nn.functional.hardsigmoid".
    """
    x = _floats("hardsigmoid", "hardsigmoid_cpu", input)
    return result(in_float32(x, _hardsigmoid), input, inplace)


def _hardsigmoid(x: Node) -> Node:
    six = ew.const_like(6, x)
    moved = ew.add(x, ew.const_like(3, x))
    return ew.div(hardtanh_op(moved, ew.const_like(0, x), six), six)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    r"""Return :math:`x \min(\max(x + 3, 0), 6) / 6` of each element.

    Args:
        input: any shape, floats.
        inplace: write into the input.

    Raises:
        NotImplementedError: the input is not a float tensor.

    Source: torch's page "torch.nn.functional.hardswish"; Howard et al.,
    arXiv:1905.02244.
    """
    x = _floats("hardswish", "hardswish_cpu", input)
    y = in_float32(x, lambda x: ew.mul(x, _hardsigmoid(x)))
    return result(y, input, inplace)


def softsign(input: Tensor) -> Tensor:
    r"""Return :math:`x / (1 + |x|)` of each element.

    Args:
        input: any shape; integers become floats.

    Source: torch's page "torch.nn.functional.softsign".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.softsign(torch.tensor([-1., 3.]))
        tensor([-0.5000,  0.7500])
    """

    def curve(x: Node) -> Node:
        return ew.div(x, ew.add(ew.absolute(x), ew.const_like(1, x)))

    return wrap(in_float32(as_float(node_of("softsign", "input", input)), curve))


celu_ = in_place(celu)
elu_ = in_place(elu)
hardtanh_ = in_place(hardtanh)
leaky_relu_ = in_place(leaky_relu)
relu_ = in_place(relu)
rrelu_ = in_place(rrelu)
selu_ = in_place(selu)
