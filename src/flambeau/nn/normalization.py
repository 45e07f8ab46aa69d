"""Layers that normalise within a sample: layer norm, group norm, RMS norm."""

from __future__ import annotations

from collections.abc import Sequence

from ..devices import device as Device
from ..dtypes import dtype as DType
from ..tensor import Tensor
from ..tensor.creation import arange
from ..tensor.pointwise import where
from . import functional as F
from .affine import Affine, parameter_names
from .module import Module

__all__ = ["CrossMapLRN2d", "GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"]


def _sizes(normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(normalized_shape, int):
        return (normalized_shape,)
    return tuple(normalized_shape)


class LayerNorm(Affine):
    r"""Normalise over the last dimensions.

    .. math:: y = (x - mean) / \sqrt{var + eps} \cdot weight + bias

    Args:
        normalized_shape: the sizes of the dimensions to normalise over; one int is the
            last dimension's.
        eps: what is added to the variance.
        elementwise_affine: learn a weight and a bias for each element of them.
        bias: False: learn a weight alone.
        device: where the parameters are: the CPU.
        dtype: their dtype.

    Shape: (*, *normalized_shape).

    Raises:
        RuntimeError: of the call: an input with other sizes.

    Source: torch's page "torch.nn.LayerNorm"; Ba et al., arXiv:1607.06450.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.LayerNorm(2)(torch.tensor([[1., 3.], [0., 8.]])).detach()
        tensor([[-1.0000,  1.0000],
                [-1.0000,  1.0000]])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-05,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _sizes(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        names = parameter_names(elementwise_affine, bias)
        self._make_parameters(self.normalized_shape, names, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input."""
        return F.layer_norm(
            input, self.normalized_shape, self.weight, self.bias, self.eps
        )

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class GroupNorm(Affine):
    r"""Normalise groups of channels of each sample over all their places.

    .. math:: y = (x - mean) / \sqrt{var + eps} \cdot weight + bias

    Args:
        num_groups: how many groups the channels are cut into.
        num_channels: the number of channels C.
        eps: what is added to the variance.
        affine: learn a weight and a bias for each channel.
        device: where the parameters are: the CPU.
        dtype: their dtype.
        bias: False: learn a weight alone.

    Shape: (N, C, *).

    Raises:
        ValueError: the channels do not divide by the groups.
        RuntimeError: of the call: another number of channels.

    Source: torch's page "torch.nn.GroupNorm"; Wu and He, arXiv:1803.08494.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.GroupNorm(2, 4)(torch.tensor([[1., 3., 0., 8.]])).detach()
        tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-05,
        affine: bool = True,
        device: str | Device | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups <= 0 or num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: num_channels ({num_channels}) must be divisible by "
                f"num_groups ({num_groups})"
            )
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        names = parameter_names(affine, bias)
        self._make_parameters((num_channels,), names, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, "
            f"affine={self.affine}, bias={self.bias is not None}"
        )


class RMSNorm(Affine):
    r"""Divide by the root of the mean square over the last dimensions.

    .. math:: y = x / \sqrt{\overline{x^2} + eps} \cdot weight

    Args:
        normalized_shape: the sizes of the dimensions to normalise over; one int is the
            last dimension's.
        eps: what is added to the mean square; by default the dtype's epsilon.
        elementwise_affine: learn a weight for each element of them.
        device: where the weight is: the CPU.
        dtype: its dtype.

    Shape: (*, *normalized_shape).

    Raises:
        RuntimeError: of the call: an input with other sizes.

    Source: torch's page "torch.nn.RMSNorm"; Zhang and Sennrich, arXiv:1910.07467.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.RMSNorm(2)(torch.tensor([[3., 3.]])).detach()
        tensor([[1., 1.]])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _sizes(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        names = parameter_names(elementwise_affine, bias=False)
        self._make_parameters(self.normalized_shape, names, device, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised input."""
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}"
        )


class LocalResponseNorm(Module):
    r"""Divide by a power of the mean square of the channels around each.

    .. math:: y_c = x_c / (k + \frac{\alpha}{n} \sum_{|i - c| \le n / 2} x_i^2)^\beta

    Args:
        size: n, how many channels count; those beyond the ends count as 0.
        alpha: the factor of the mean.
        beta: the power.
        k: what is added to the mean.

    Shape: (N, C, *) with at least one more dimension.

    Raises:
        ValueError: of the call: fewer dimensions.

    Source: torch's page "torch.nn.LocalResponseNorm"; Krizhevsky et al., "ImageNet
    Classification with Deep Convolutional Neural Networks" (2012).
    """

    def __init__(
        self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
    ) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised input."""
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """Return the options."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class CrossMapLRN2d(Module):
    r"""Divide by a power of the mean square of the channels around, as Torch 7 did.

    .. math:: y_c = x_c / (k + \frac{\alpha}{n} \sum_i x_i^2)^\beta

    The sum is over the :math:`\lfloor (n - 1) / 2 \rfloor` channels on both sides and,
    as torch has it, over the first channel wherever it lies before them.

    Args:
        size: n.
        alpha: the factor of the mean.
        beta: the power.
        k: what is added to the mean.

    Shape: (N, C, H, W).

    Raises:
        ValueError: of the call: other dimensions.

    Source: torch's class "torch.nn.CrossMapLRN2d".
    """

    def __init__(
        self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1
    ) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised images."""
        if input.ndim != 4:
            raise ValueError(
                f"CrossMapLRN2d: Expected input to be 4D, got {input.ndim}D instead."
            )
        channels, reach = input.shape[1], (self.size - 1) // 2
        squares = input * input
        padded = F.pad(squares, (0, 0, 0, 0, reach, reach))
        total = padded[:, :channels]
        for step in range(1, 2 * reach + 1):
            total = total + padded[:, step : step + channels]
        behind = arange(channels).reshape(-1, 1, 1) > reach
        total = total + where(behind, squares[:, :1], 0.0)
        return input * (total * (self.alpha / self.size) + self.k) ** -self.beta

    def extra_repr(self) -> str:
        """Return the options."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
