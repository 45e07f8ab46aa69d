"""Depthwise and separable convolution; torch has no layers of these names."""

from __future__ import annotations

from typing import Any, ClassVar

from ..devices import device as Device
from ..dtypes import dtype as DType
from ..tensor import Tensor
from .conv import Conv1d, Conv2d, Conv3d
from .functional.images import IntOrInts
from .module import Module

__all__ = [
    "DepthwiseConv1d",
    "DepthwiseConv2d",
    "DepthwiseConv3d",
    "SeparableConv1d",
    "SeparableConv2d",
    "SeparableConv3d",
]


class _Depthwise:
    """What turns the convolution that follows it among the bases into a depthwise."""

    def __init__(
        self,
        channels: int,
        kernel_size: IntOrInts,
        stride: IntOrInts = 1,
        padding: str | IntOrInts = 0,
        dilation: IntOrInts = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        multiplier: int = 1,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        if multiplier < 1:
            raise ValueError(
                f"{type(self).__name__}: multiplier must be positive, got {multiplier}"
            )
        super().__init__(  # type: ignore[call-arg]
            in_channels=channels,
            out_channels=channels * multiplier,
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=channels,
            bias=bias,
            padding_mode=padding_mode,
            device=device,
            dtype=dtype,
        )


class DepthwiseConv1d(_Depthwise, Conv1d):
    """A filter of its own for each channel of sequences.

    Args:
        channels, kernel_size, stride, padding, dilation, bias, padding_mode,
        multiplier, device, dtype: as in `DepthwiseConv2d`.

    Shape: input (N, C, L) or (C, L); result (N, C multiplier, Lout) or without N.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.DepthwiseConv1d(8, 3, padding="same")(torch.ones(1, 8, 100)).shape
        torch.Size([1, 8, 100])
    """


class DepthwiseConv2d(_Depthwise, Conv2d):
    """A filter of its own, or several, for each channel of images.

    It is `Conv2d(channels, channels * multiplier, ..., groups=channels)`, with the same
    parameters.

    Args:
        channels: the input's channels C.
        kernel_size: the filters' sizes.
        stride: the step between windows.
        padding: as in `Conv2d`.
        dilation: the step between the taps of a filter.
        bias: add a learned number to each output channel.
        padding_mode: as in `Conv2d`.
        multiplier: how many filters each channel has.
        device: only the CPU.
        dtype: of the parameters; by default the default float dtype.

    Shape: input (N, C, H, W) or (C, H, W); result (N, C multiplier, Hout, Wout) or
    without N, the sizes as in `Conv2d`.

    Raises:
        ValueError: a multiplier or a number of channels that is not positive; as
            `Conv2d`.

    Source: Sifre, "Rigid-motion scattering for image classification", 2014.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> conv = nn.DepthwiseConv2d(32, 3, padding=1, multiplier=2)
        >>> conv(torch.ones(1, 32, 8, 8)).shape, conv.weight.shape
        (torch.Size([1, 64, 8, 8]), torch.Size([64, 1, 3, 3]))
    """


class DepthwiseConv3d(_Depthwise, Conv3d):
    """A filter of its own for each channel of volumes.

    Args:
        channels, kernel_size, stride, padding, dilation, bias, padding_mode,
        multiplier, device, dtype: as in `DepthwiseConv2d`.

    Shape: input (N, C, D, H, W) or (C, D, H, W); result (N, C multiplier, Dout, Hout,
    Wout) or without N.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.DepthwiseConv3d(2, 3)(torch.ones(1, 2, 4, 5, 6)).shape
        torch.Size([1, 2, 2, 3, 4])
    """


class _Separable(Module):
    """A depthwise and a pointwise convolution, of the classes that are named."""

    _depthwise: ClassVar[type[Module]]
    _pointwise: ClassVar[type[Module]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntOrInts,
        stride: IntOrInts = 1,
        padding: str | IntOrInts = 0,
        dilation: IntOrInts = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        multiplier: int = 1,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        options: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        self.depthwise = self._depthwise(
            in_channels,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            padding_mode=padding_mode,
            multiplier=multiplier,
            **options,
        )
        self.pointwise = self._pointwise(
            in_channels * multiplier, out_channels, 1, **options
        )

    def forward(self, input: Tensor) -> Tensor:
        """Convolve every channel on its own, then mix the channels."""
        return self.pointwise(self.depthwise(input))


class SeparableConv1d(_Separable):
    """A depthwise convolution of sequences, then one that mixes their channels.

    Args:
        in_channels, out_channels, kernel_size, stride, padding, dilation, bias,
        padding_mode, multiplier, device, dtype: as in `SeparableConv2d`.

    Shape: input (N, C, L) or (C, L); result (N, K, Lout) or (K, Lout).

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.SeparableConv1d(8, 16, 3, padding=1)(torch.ones(1, 8, 100)).shape
        torch.Size([1, 16, 100])
    """

    _depthwise = DepthwiseConv1d
    _pointwise = Conv1d


class SeparableConv2d(_Separable):
    """A depthwise convolution of images, then a 1x1 one that mixes their channels.

    It has nearly the reach of `Conv2d` with far fewer weights: C k k + C K instead of
    C K k k.

    Args:
        in_channels: the input's channels C.
        out_channels: the output's channels K.
        kernel_size: the sizes of the depthwise filters.
        stride: the step between windows.
        padding: as in `Conv2d`.
        dilation: the step between the taps of a filter.
        bias: let both convolutions add a learned number to each of their channels.
        padding_mode: as in `Conv2d`.
        multiplier: how many depthwise filters each channel has.
        device: only the CPU.
        dtype: of the parameters; by default the default float dtype.

    Shape: input (N, C, H, W) or (C, H, W); result (N, K, Hout, Wout) or
    (K, Hout, Wout), the sizes as in `Conv2d`.

    Attributes:
        depthwise: the `DepthwiseConv2d`.
        pointwise: the `Conv2d` with a kernel of 1.

    Raises:
        ValueError: as `DepthwiseConv2d`.

    Source: Chollet, arXiv:1610.02357.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> conv = nn.SeparableConv2d(32, 128, kernel_size=3, padding=1)
        >>> conv(torch.ones(1, 32, 8, 8)).shape
        torch.Size([1, 128, 8, 8])
        >>> sum(each.numel() for each in conv.parameters())
        4544
    """

    _depthwise = DepthwiseConv2d
    _pointwise = Conv2d


class SeparableConv3d(_Separable):
    """A depthwise convolution of volumes, then one that mixes their channels.

    Args:
        in_channels, out_channels, kernel_size, stride, padding, dilation, bias,
        padding_mode, multiplier, device, dtype: as in `SeparableConv2d`.

    Shape: input (N, C, D, H, W) or (C, D, H, W); result (N, K, Dout, Hout, Wout) or
    (K, Dout, Hout, Wout).

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.SeparableConv3d(2, 4, 3)(torch.ones(1, 2, 4, 5, 6)).shape
        torch.Size([1, 4, 2, 3, 4])
    """

    _depthwise = DepthwiseConv3d
    _pointwise = Conv3d
