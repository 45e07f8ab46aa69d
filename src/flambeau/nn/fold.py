"""Layers that take windows out of images as columns, and add columns back."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .functional.images import IntOrInts
from .module import Module

__all__ = ["Fold", "Unfold"]


class Unfold(Module):
    """Take every window of an image out as a column.

    Sequences and volumes are images with one and with three dimensions, where torch
    knows two only: an option with as many ints says so.

    Args:
        kernel_size: the sizes of a window; (k,) for sequences, (k, k, k) for volumes.
        dilation: the step between the elements of a window.
        padding: zeros on both sides of each dimension.
        stride: the step between windows.

    Shape: input (N, C, *sizes) or (C, *sizes); result (N, C prod(kernel_size), L) or
    (C prod(kernel_size), L), where L is the number of windows.

    Raises:
        RuntimeError: of the call: an input or options that do not fit.

    Source: torch's page "torch.nn.Unfold".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.Unfold(kernel_size=2)(torch.ones(1, 3, 4, 5)).shape
        torch.Size([1, 12, 12])
    """

    def __init__(
        self,
        kernel_size: IntOrInts,
        dilation: IntOrInts = 1,
        padding: IntOrInts = 0,
        stride: IntOrInts = 1,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        """Take the windows out."""
        options = (self.kernel_size, self.dilation, self.padding, self.stride)
        return F.unfold(input, *options)

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )


class Fold(Module):
    """Add columns, as `Unfold` takes them out, back into an image.

    Where windows overlap their values are added up: `Fold` is the gradient of `Unfold`,
    and its inverse only if no windows overlap.

    Args:
        output_size: the spatial sizes of the image; (n,) for sequences.
        kernel_size: the sizes of a window.
        dilation: the step between the elements of a window.
        padding: how many zeros `Unfold` read on both sides of each dimension.
        stride: the step between windows.

    Shape: input (N, C prod(kernel_size), L) or (C prod(kernel_size), L); result
    (N, C, *output_size) or (C, *output_size).

    Raises:
        RuntimeError: of the call: columns that are not those of such an image.

    Source: torch's page "torch.nn.Fold".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.Fold(output_size=(4, 5), kernel_size=2)(torch.ones(1, 12, 12)).shape
        torch.Size([1, 3, 4, 5])
    """

    def __init__(
        self,
        output_size: IntOrInts,
        kernel_size: IntOrInts,
        dilation: IntOrInts = 1,
        padding: IntOrInts = 0,
        stride: IntOrInts = 1,
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        """Add the columns up."""
        options = (self.kernel_size, self.dilation, self.padding, self.stride)
        return F.fold(input, self.output_size, *options)

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, "
            f"dilation={self.dilation}, padding={self.padding}, stride={self.stride}"
        )
