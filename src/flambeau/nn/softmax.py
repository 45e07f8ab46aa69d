"""Softmax layers: elements along a dimension become probabilities."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = ["LogSoftmax", "Softmax", "Softmax2d", "Softmin"]


class _AlongDim(Module):
    """A function along a dimension that may, with a warning, be left out."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        """Return the dimension."""
        return f"dim={self.dim}"


class Softmax(_AlongDim):
    r"""Return :math:`e^x / \sum e^x` along a dimension, without overflow.

    Args:
        dim: the dimension whose elements add up to 1; leaving it out is deprecated.

    Shape: any.

    Source: torch's page "torch.nn.Softmax".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.Softmax(dim=1)(torch.zeros(1, 4))
        tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the probabilities."""
        return F.softmax(input, self.dim, _stacklevel=5)


class Softmin(_AlongDim):
    r"""Return :math:`e^{-x} / \sum e^{-x}` along a dimension, without overflow.

    Args:
        dim: the dimension whose elements add up to 1; leaving it out is deprecated.

    Shape: any.

    Source: torch's page "torch.nn.Softmin".
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the probabilities."""
        return F.softmin(input, self.dim, _stacklevel=5)


class LogSoftmax(_AlongDim):
    r"""Return :math:`x - \log \sum e^x` along a dimension, without overflow.

    Args:
        dim: the dimension whose exponentials add up to 1; leaving it out is deprecated.

    Shape: any.

    Source: torch's page "torch.nn.LogSoftmax".
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the logarithms of the probabilities."""
        return F.log_softmax(input, self.dim, _stacklevel=5)


class Softmax2d(Module):
    """Return the softmax over the channels, at every place of an image.

    Shape: (N, C, H, W) or (C, H, W).

    Raises:
        ValueError: of the call: other dimensions.

    Source: torch's page "torch.nn.Softmax2d".
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the probabilities of the channels."""
        if input.ndim not in (3, 4):
            raise ValueError(
                f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead"
            )
        return F.softmax(input, -3, _stacklevel=5)
