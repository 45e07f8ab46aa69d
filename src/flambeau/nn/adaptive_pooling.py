"""Pooling layers that are told the size of their output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from ..tensor import Tensor
from . import functional as F
from .functional.adaptive_pooling import OutputSize
from .module import Module

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
]


class _AdaptivePool(Module):
    """The output's size, which is all that the printed form shows."""

    _function: ClassVar[Callable[..., Any]]

    def __init__(self, output_size: OutputSize) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        """Return the output's size."""
        return f"output_size={self.output_size}"


# Averages


class _AdaptiveAvgPool(_AdaptivePool):
    """Adaptive average pooling in any number of dimensions."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the means."""
        return self._function(input, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """The means of as many windows of a sequence as the output is to have.

    Args:
        output_size: the size of the result.

    Shape: input (N, C, L) or (C, L); result (N, C, output_size) or (C, output_size).

    Source: torch's page "torch.nn.AdaptiveAvgPool1d".
    """

    _function = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """The means of as many windows of an image as the output is to have.

    Args:
        output_size: the sizes of the result, or one for both; None keeps a size.

    Shape: input (N, C, H, W) or (C, H, W); result (N, C, *output_size) or
    (C, *output_size).

    Raises:
        RuntimeError: of the call: dimensions that do not fit; a negative size.

    Source: torch's page "torch.nn.AdaptiveAvgPool2d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.AdaptiveAvgPool2d((5, None))(torch.ones(1, 64, 8, 9)).shape
        torch.Size([1, 64, 5, 9])
    """

    _function = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """The means of as many windows of a volume as the output is to have.

    Args:
        output_size: the sizes of the result, or one for all; None keeps a size.

    Shape: input (N, C, D, H, W) or (C, D, H, W); result (N, C, *output_size) or
    (C, *output_size).

    Source: torch's page "torch.nn.AdaptiveAvgPool3d".
    """

    _function = staticmethod(F.adaptive_avg_pool3d)


# Maxima


class _AdaptiveMaxPool(_AdaptivePool):
    """Adaptive max pooling in any number of dimensions."""

    def __init__(self, output_size: OutputSize, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        """Return the maxima and, if asked for, their positions."""
        return self._function(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The maxima of as many windows of a sequence as the output is to have.

    Args:
        output_size: the size of the result.
        return_indices: also return where the maxima are.

    Shape: input (N, C, L) or (C, L); result (N, C, output_size) or (C, output_size).

    Source: torch's page "torch.nn.AdaptiveMaxPool1d".
    """

    _function = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The maxima of as many windows of an image as the output is to have.

    Args:
        output_size: the sizes of the result, or one for both; None keeps a size.
        return_indices: also return where the maxima are in the flattened image.

    Shape: input (N, C, H, W) or (C, H, W); result (N, C, *output_size) or
    (C, *output_size).

    Raises:
        RuntimeError: of the call: dimensions that do not fit; a negative size.

    Source: torch's page "torch.nn.AdaptiveMaxPool2d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.AdaptiveMaxPool2d((5, None))(torch.ones(1, 64, 8, 9)).shape
        torch.Size([1, 64, 5, 9])
    """

    _function = staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The maxima of as many windows of a volume as the output is to have.

    Args:
        output_size: the sizes of the result, or one for all; None keeps a size.
        return_indices: also return where the maxima are in the flattened volume.

    Shape: input (N, C, D, H, W) or (C, D, H, W); result (N, C, *output_size) or
    (C, *output_size).

    Source: torch's page "torch.nn.AdaptiveMaxPool3d".
    """

    _function = staticmethod(F.adaptive_max_pool3d)
