"""Activation layers."""

from __future__ import annotations

import warnings
from typing import Any

from ..devices import device as Device
from ..dtypes import dtype as DType
from ..tensor import Tensor
from ..tensor.creation import empty
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "Mish",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]


def _options(**values: Any) -> str:
    """Print options by name; of a flag only that it is set."""
    shown = [f"{name}={value}" for name, value in values.items() if value is not False]
    return ", ".join(shown)


class _Inplace(Module):
    """An activation whose only option is to write into its input."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Return `inplace=True`, if so."""
        return _options(inplace=self.inplace)


# Rectifiers


class ReLU(_Inplace):
    r"""Return :math:`\max(x, 0)` of each element; the slope at 0 is 0.

    Args:
        inplace: write into the input.

    Shape: any.

    Source: torch's page "torch.nn.ReLU".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.ReLU()(torch.tensor([-1., 2.]))
        tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.relu(input, self.inplace)


class Hardtanh(Module):
    r"""Return :math:`\min(\max(x, min), max)` of each element; the slope there is 0.

    Args:
        min_val: the lower bound.
        max_val: the upper bound.
        inplace: write into the input.
        min_value: the old name of `min_val`.
        max_value: the old name of `max_val`.

    Shape: any.

    Raises:
        AssertionError: the lower bound is not below the upper (torch's type).

    Source: torch's page "torch.nn.Hardtanh".
    """

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        self.min_val = _renamed("min_val", min_val, "min_value", min_value)
        self.max_val = _renamed("max_val", max_val, "max_value", max_value)
        self.inplace = inplace
        if self.max_val <= self.min_val:
            raise AssertionError(
                f"{type(self).__name__}: max_val ({self.max_val}) must be greater than "
                f"min_val ({self.min_val})"
            )

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """Return the bounds, and `inplace=True` if so."""
        return _options(
            min_val=self.min_val, max_val=self.max_val, inplace=self.inplace
        )


def _renamed(name: str, value: float, old: str, given: float | None) -> float:
    if given is None:
        return value
    warnings.warn(
        f"keyword argument `{old}` is deprecated and renamed to `{name}`",
        FutureWarning,
        stacklevel=3,
    )
    return given


class ReLU6(Hardtanh):
    r"""Return :math:`\min(\max(x, 0), 6)` of each element.

    Args:
        inplace: write into the input.

    Shape: any.

    Source: torch's page "torch.nn.ReLU6".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.ReLU6()(torch.tensor([-1., 3., 8.]))
        tensor([0., 3., 6.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        """Return `inplace=True`, if so."""
        return _options(inplace=self.inplace)


class LeakyReLU(Module):
    r"""Return x where it is above 0, else :math:`slope \cdot x`.

    Args:
        negative_slope: the slope for x <= 0.
        inplace: write into the input.

    Shape: any.

    Source: torch's page "torch.nn.LeakyReLU".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.LeakyReLU(0.1)(torch.tensor([-1., 2.]))
        tensor([-0.1000,  2.0000])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """Return the slope, and `inplace=True` if so."""
        return _options(negative_slope=self.negative_slope, inplace=self.inplace)


class PReLU(Module):
    r"""Return x where it is above 0, else :math:`w \cdot x` with a learned slope w.

    Args:
        num_parameters: 1 slope for all, or as many as there are channels.
        init: the slopes at the beginning.
        device: where the slopes are: the CPU.
        dtype: their dtype.

    Shape: (N, C, *) or any, if there is one slope.

    Source: torch's page "torch.nn.PReLU"; He et al., arXiv:1502.01852.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.PReLU()(torch.tensor([-1., 2.])).detach()
        tensor([-0.2500,  2.0000])
    """

    weight: Parameter

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the slopes to what they were at the beginning."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """Return the number of slopes."""
        return _options(num_parameters=self.num_parameters)


class RReLU(Module):
    r"""Return x where it is above 0, else :math:`a \cdot x` with a random slope a.

    In training a slope is drawn for each element; in evaluation it is the mean of both
    bounds.

    Args:
        lower: the smallest slope.
        upper: the largest slope.
        inplace: write into the input.

    Shape: any.

    Raises:
        RuntimeError: of the call: the lower bound is above the upper.

    Source: torch's page "torch.nn.RReLU"; Xu et al., arXiv:1505.00853.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.RReLU(0.1, 0.3).eval()(torch.tensor([-1., 2.]))
        tensor([-0.2000,  2.0000])
    """

    def __init__(
        self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False
    ) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """Return the bounds, and `inplace=True` if so."""
        return _options(lower=self.lower, upper=self.upper, inplace=self.inplace)


class Threshold(Module):
    """Return x where it is above a threshold, else a value.

    Args:
        threshold: what x must be above.
        value: what the others become.
        inplace: write into the input.

    Shape: any.

    Source: torch's page "torch.nn.Threshold".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.Threshold(0.5, -1.)(torch.tensor([0.1, 0.5, 2.]))
        tensor([-1., -1.,  2.])
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """Return the options."""
        return _options(
            threshold=self.threshold, value=self.value, inplace=self.inplace
        )


# Exponential units


class ELU(Module):
    r"""Return x where it is above 0, else :math:`\alpha (e^x - 1)`.

    Args:
        alpha: minus the value at minus infinity.
        inplace: write into the input.

    Shape: any.

    Source: torch's page "torch.nn.ELU"; Clevert et al., arXiv:1511.07289.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """Return alpha, and `inplace=True` if so."""
        return _options(alpha=self.alpha, inplace=self.inplace)


class CELU(Module):
    r"""Return x where it is above 0, else :math:`\alpha (e^{x / \alpha} - 1)`.

    Args:
        alpha: minus the value at minus infinity; the slope at 0 is 1 for every alpha.
        inplace: write into the input.

    Shape: any.

    Source: torch's page "torch.nn.CELU"; Barron, arXiv:1704.07483.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """Return alpha, and `inplace=True` if so."""
        return _options(alpha=self.alpha, inplace=self.inplace)


class SELU(_Inplace):
    r"""Return :math:`\lambda x` above 0, else :math:`\lambda \alpha (e^x - 1)`.

    Args:
        inplace: write into the input.

    Shape: any.

    Source: torch's page "torch.nn.SELU"; Klambauer et al., arXiv:1706.02515.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.selu(input, self.inplace)


# Curves


class Sigmoid(Module):
    r"""Return :math:`1 / (1 + e^{-x})` of each element.

    Shape: any.

    Source: torch's page "torch.nn.Sigmoid".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.Sigmoid()(torch.tensor([0., 2.]))
        tensor([0.5000, 0.8808])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.sigmoid(input)


class LogSigmoid(Module):
    r"""Return :math:`-\log(1 + e^{-x})` of each element, without overflow.

    Shape: any.

    Source: torch's page "torch.nn.LogSigmoid".
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.logsigmoid(input)


class Tanh(Module):
    r"""Return :math:`(e^x - e^{-x}) / (e^x + e^{-x})` of each element.

    Shape: any.

    Source: torch's page "torch.nn.Tanh".
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.tanh(input)


class GELU(Module):
    r"""Return :math:`x \Phi(x)`, with the normal distribution's :math:`\Phi`.

    Args:
        approximate: "none", or "tanh" for a cheaper formula; `nn.functional.gelu` has
            both.

    Shape: any.

    Raises:
        RuntimeError: of the call: another word.

    Source: torch's page "torch.nn.GELU"; Hendrycks and Gimpel, arXiv:1606.08415.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.GELU()(torch.tensor([-1., 2.]))
        tensor([-0.1587,  1.9545])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        """Return which formula it is."""
        return f"approximate={self.approximate!r}"


class SiLU(_Inplace):
    r"""Return :math:`x \cdot sigmoid(x)` of each element, also known as swish.

    Args:
        inplace: write into the input.

    Shape: any.

    Source: torch's page "torch.nn.SiLU"; Hendrycks and Gimpel, arXiv:1606.08415.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.silu(input, self.inplace)


class Mish(_Inplace):
    r"""Return :math:`x \tanh(\log(1 + e^x))` of each element.

    Args:
        inplace: write into the input.

    Shape: any.

    Source: torch's page "torch.nn.Mish"; Misra, arXiv:1908.08681.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.mish(input, self.inplace)


class Softplus(Module):
    r"""Return :math:`\log(1 + e^{\beta x}) / \beta`, a smooth ReLU.

    Args:
        beta: how sharp the bend is.
        threshold: the result is x where beta x is above this.

    Shape: any.

    Source: torch's page "torch.nn.Softplus".
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Return beta and the threshold."""
        return _options(beta=self.beta, threshold=self.threshold)


class Softsign(Module):
    r"""Return :math:`x / (1 + |x|)` of each element.

    Shape: any.

    Source: torch's page "torch.nn.Softsign".
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.softsign(input)


class GLU(Module):
    r"""Return :math:`a \cdot sigmoid(b)`, where a and b are the halves of the input.

    Args:
        dim: the dimension that is halved.

    Shape: input (*, 2 N, *); result (*, N, *).

    Raises:
        RuntimeError: of the call: the dimension has an odd size.

    Source: torch's page "torch.nn.GLU"; Dauphin et al., arXiv:1612.08083.
    """

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Return one half, gated by the other."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """Return the dimension."""
        return _options(dim=self.dim)


# Cheap substitutes


class Hardsigmoid(_Inplace):
    r"""Return :math:`\min(\max(x + 3, 0), 6) / 6` of each element.

    Args:
        inplace: write into the input.

    Shape: any.

    Source: torch's page "torch.nn.Hardsigmoid".
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.hardsigmoid(input, self.inplace)

    def extra_repr(self) -> str:
        """Return nothing, as torch does."""
        return ""


class Hardswish(_Inplace):
    r"""Return :math:`x \min(\max(x + 3, 0), 6) / 6` of each element.

    Args:
        inplace: write into the input.

    Shape: any.

    Source: torch's page "torch.nn.Hardswish"; Howard et al., arXiv:1905.02244.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.hardswish(input, self.inplace)

    def extra_repr(self) -> str:
        """Return nothing, as torch does."""
        return ""


# Towards 0


class _Shrink(Module):
    """A function that makes what is near 0 zero."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        """Return the bound."""
        return str(self.lambd)


class Hardshrink(_Shrink):
    r"""Return x where :math:`|x| > \lambda`, else 0.

    Args:
        lambd: the bound.

    Shape: any.

    Source: torch's page "torch.nn.Hardshrink".
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.hardshrink(input, self.lambd)


class Softshrink(_Shrink):
    r"""Return x moved by :math:`\lambda` towards 0, and 0 where that passes it.

    Args:
        lambd: how far, at least 0.

    Shape: any.

    Raises:
        RuntimeError: of the call: a negative distance.

    Source: torch's page "torch.nn.Softshrink".
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.softshrink(input, self.lambd)


class Tanhshrink(Module):
    r"""Return :math:`x - \tanh(x)` of each element.

    Shape: any.

    Source: torch's page "torch.nn.Tanhshrink".
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.tanhshrink(input)
