"""Linear layers."""

from __future__ import annotations

from math import sqrt
from typing import Any

from ..devices import device as Device
from ..dtypes import dtype as DType
from ..tensor import Tensor
from ..tensor.creation import empty
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["Bilinear", "Identity", "Linear"]


class Identity(Module):
    """Return the input; for a place in a model where nothing is to be done.

    Args:
        args, kwargs: anything; they have no effect.

    Shape: any.

    Source: torch's page "torch.nn.Identity".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.Identity()(torch.ones(2))
        tensor([1., 1.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        """Return the input."""
        return input


class Linear(Module):
    r"""Return :math:`x W^T + b` of the last dimension.

    Weight and bias are drawn from :math:`U(-1/\sqrt I, 1/\sqrt I)`, I the input
    features.

    Args:
        in_features: the size of the input's last dimension.
        out_features: the size of the result's.
        bias: add a learned b.
        device: where the parameters are: the CPU.
        dtype: their dtype.

    Shape: input (*, in_features); result (*, out_features).

    Raises:
        RuntimeError: of the call: another number of features, or another dtype.

    Source: torch's page "torch.nn.Linear".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.Linear(32 * 16 * 16, 10)(torch.ones(4, 8192)).shape
        torch.Size([4, 10])
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(
            empty(out_features, in_features, device=device, dtype=dtype)
        )
        if bias:
            self.bias = Parameter(empty(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weight and the bias again."""
        init.kaiming_uniform_(self.weight, a=sqrt(5))
        if self.bias is not None:
            bound = 1 / sqrt(self.in_features) if self.in_features else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        """Return the output features."""
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return the numbers of features, and whether there is a bias."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class NonDynamicallyQuantizableLinear(Linear):
    """The `Linear` inside attention, by the name that torch prints."""


class Bilinear(Module):
    r"""Return :math:`x_1^T W_o x_2 + b_o` for each output feature o.

    Weight and bias are drawn from :math:`U(-1/\sqrt I, 1/\sqrt I)`, I the features of
    the first input.

    Args:
        in1_features: the size of the first input's last dimension.
        in2_features: the size of the second input's.
        out_features: the size of the result's.
        bias: add a learned b.
        device: where the parameters are: the CPU.
        dtype: their dtype.

    Shape: inputs (*, in1_features) and (*, in2_features); result (*, out_features).

    Raises:
        ValueError: the first input has no features.
        RuntimeError: of the call: another number of features.

    Source: torch's page "torch.nn.Bilinear".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.Bilinear(2, 3, 4)(torch.ones(5, 2), torch.ones(5, 3)).shape
        torch.Size([5, 4])
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        if in1_features <= 0:
            raise ValueError(
                f"in1_features must be > 0, but got (in1_features={in1_features})"
            )
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        sizes = (out_features, in1_features, in2_features)
        self.weight = Parameter(empty(sizes, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weight and the bias again."""
        bound = 1 / sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """Return the output features."""
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return the numbers of features, and whether there is a bias."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
