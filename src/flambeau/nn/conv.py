"""Layers of convolution and transposed convolution, for any number of dimensions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any, ClassVar

from ..devices import device as Device
from ..dtypes import dtype as DType
from ..shape import ntuple
from ..tensor import Tensor
from ..tensor.creation import empty
from . import functional as F
from . import init
from .functional.conv import conv_padding, transposed_sizes
from .functional.images import IntOrInts, read_images
from .functional.padding import pad
from .module import Module
from .parameter import Parameter

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
]

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """Options, parameters and printed form of every convolution."""

    transposed: ClassVar[bool] = False
    _dims: ClassVar[int]

    padding: str | tuple[int, ...]
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel_size: IntOrInts,
        stride: IntOrInts,
        padding: str | IntOrInts,
        output_padding: IntOrInts,
        dilation: IntOrInts,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: str | Device | None,
        dtype: DType | None,
    ) -> None:
        super().__init__()
        _check_groups(type(self).__name__, in_channels, out_channels, groups)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = self._spread("kernel_size", kernel_size)
        self.stride = self._spread("stride", stride)
        self.dilation = self._spread("dilation", dilation)
        self.output_padding = self._spread("output_padding", output_padding)
        if isinstance(padding, str):
            _check_padding_name(type(self).__name__, padding)
            self.padding = padding
        else:
            self.padding = self._spread("padding", padding)
        self.groups = groups
        self.padding_mode = padding_mode
        self._make_parameters(bias, {"device": device, "dtype": dtype})

    def _spread(self, option: str, value: IntOrInts) -> tuple[int, ...]:
        return ntuple(value, self._dims, f"{type(self).__name__}: {option}")

    def _make_parameters(self, bias: bool, options: dict[str, Any]) -> None:
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        shape = (first, second // self.groups, *self.kernel_size)
        self.weight = Parameter(empty(shape, **options))
        if bias:
            self.bias = Parameter(empty(self.out_channels, **options))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        r"""Draw the weight and the bias again from :math:`U(-1/\sqrt n, 1/\sqrt n)`.

        n is the number of weights that an output reads (with torch, in a transposed
        convolution: that an input spreads to).
        """
        init.kaiming_uniform_(self.weight, a=sqrt(5))
        fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
        if self.bias is not None and fan_in:
            init.uniform_(self.bias, -1 / sqrt(fan_in), 1 / sqrt(fan_in))

    def extra_repr(self) -> str:
        """Return the channels, the kernel, and the options that are not the default."""
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
        usual = {
            "padding": (0,) * self._dims,
            "dilation": (1,) * self._dims,
            "output_padding": (0,) * self._dims,
            "groups": 1,
        }
        for option, value in usual.items():
            if getattr(self, option) != value:
                text += f", {option}={getattr(self, option)}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


def _check_groups(name: str, in_channels: int, out_channels: int, groups: int) -> None:
    if groups <= 0:
        raise ValueError(f"{name}: groups must be a positive integer, got {groups}")
    for side, channels in (("in", in_channels), ("out", out_channels)):
        if channels % groups:
            raise ValueError(
                f"{name}: {side}_channels must be divisible by groups, got "
                f"{side}_channels={channels} and groups={groups}; choose groups that "
                "divide both numbers of channels"
            )


def _check_padding_name(name: str, padding: str) -> None:
    if padding not in ("same", "valid"):
        raise ValueError(
            f"{name}: Invalid padding string {padding!r}, should be one of 'same', "
            "'valid'"
        )


# Convolution


class _Conv(_ConvNd):
    """Convolution in `_dims` dimensions."""

    _function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntOrInts,
        stride: IntOrInts = 1,
        padding: str | IntOrInts = 0,
        dilation: IntOrInts = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        if padding_mode not in _PADDING_MODES:
            raise ValueError(
                f"{type(self).__name__}: padding_mode must be one of {_PADDING_MODES}, "
                f"but got {padding_mode=}"
            )
        super().__init__(
            in_channels,
            out_channels,
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            output_padding=0,
            dilation=dilation,
            groups=groups,
            bias=bias,
            padding_mode=padding_mode,
            device=device,
            dtype=dtype,
        )

    def forward(self, input: Tensor) -> Tensor:
        """Convolve the images."""
        return self._conv_forward(input, self.weight, self.bias)

    def _conv_forward(
        self, input: Tensor, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        """Convolve with another weight, as subclasses of torch's layers do."""
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = self._padded(input), (0,) * self._dims
        options = (self.stride, padding, self.dilation, self.groups)
        return self._function(input, weight, bias, *options)

    def _padded(self, input: Tensor) -> Tensor:
        name = f"conv{self._dims}d"
        sizes = read_images(name, input, self._dims).shape[2:]
        windows = (self.kernel_size, self.stride, self.dilation)
        pads = conv_padding(name, self.padding, sizes, *windows)
        # F.pad counts from the last dimension
        flat = [amount for pair in reversed(pads) for amount in pair]
        return pad(input, flat, mode=self.padding_mode)


class Conv1d(_Conv):
    """Convolution of sequences with filters that are learned.

    Args:
        in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
        padding_mode, device, dtype: as in `Conv2d`.

    Shape: input (N, C, L) or (C, L); result (N, K, Lout) or (K, Lout), where
    Lout = floor((L + 2 padding - dilation (kL - 1) - 1) / stride) + 1.

    Source: torch's page "torch.nn.Conv1d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.Conv1d(2, 8, kernel_size=5)(torch.ones(1, 2, 100)).shape
        torch.Size([1, 8, 96])
    """

    _dims = 1
    _function = staticmethod(F.conv1d)


class Conv2d(_Conv):
    r"""Convolution of images with filters that are learned.

    .. math:: y[n, k, o] = b[k] + \sum_{c, t} w[k, c, t] \, x[n, c, o s + t d - p]

    with c over the channels of k's group and t over the taps of the kernel.

    Args:
        in_channels: the input's channels C.
        out_channels: how many filters K there are, the output's channels.
        kernel_size: the filters' sizes.
        stride: the step between windows.
        padding: what is added on both sides of each dimension; "valid" is nothing,
            "same" gives ceil(size / stride) windows, with the odd pixel at the end.
            (In torch "same" needs stride 1.)
        dilation: the step between the taps of a filter.
        groups: channels are cut into as many groups that do not see each other.
        bias: add a learned number to each output channel.
        padding_mode: what the padding holds: "zeros", "reflect" (mirrored, the edge
            once), "replicate" (the edge), or "circular" (the other side).
        device: only the CPU.
        dtype: of the parameters; by default the default float dtype.

    Shape: input (N, C, H, W) or (C, H, W); result (N, K, Hout, Wout) or
    (K, Hout, Wout), where
    Hout = floor((H + 2 padding - dilation (kH - 1) - 1) / stride) + 1.

    Attributes:
        weight: the filters, (K, C / groups, kH, kW).
        bias: (K,), or None.

    Raises:
        ValueError: channels that groups do not divide, an unknown padding or
            padding_mode.
        RuntimeError: of the call: an input that does not fit, or is smaller with its
            padding than the kernel.

    Source: torch's page "torch.nn.Conv2d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> conv = nn.Conv2d(3, 32, kernel_size=3, stride=2, padding=1)
        >>> conv(torch.ones(1, 3, 32, 32)).shape
        torch.Size([1, 32, 16, 16])
    """

    _dims = 2
    _function = staticmethod(F.conv2d)


class Conv3d(_Conv):
    """Convolution of volumes or videos with filters that are learned.

    Args:
        in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
        padding_mode, device, dtype: as in `Conv2d`.

    Shape: input (N, C, D, H, W) or (C, D, H, W); result (N, K, Dout, Hout, Wout) or
    (K, Dout, Hout, Wout), the sizes as in `Conv2d`.

    Source: torch's page "torch.nn.Conv3d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.Conv3d(1, 4, kernel_size=3)(torch.ones(1, 1, 8, 16, 16)).shape
        torch.Size([1, 4, 6, 14, 14])
    """

    _dims = 3
    _function = staticmethod(F.conv3d)


# Transposed convolution


class _ConvTranspose(_ConvNd):
    """Transposed convolution in `_dims` dimensions."""

    transposed = True
    padding: tuple[int, ...]
    _function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: IntOrInts,
        stride: IntOrInts = 1,
        padding: IntOrInts = 0,
        output_padding: IntOrInts = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: IntOrInts = 1,
        padding_mode: str = "zeros",
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        name = type(self).__name__
        if padding_mode != "zeros":
            raise ValueError(
                f'Only "zeros" padding mode is supported for {name}, got '
                f"{padding_mode=}"
            )
        if isinstance(padding, str):
            raise TypeError(f"{name}: padding must be an int or ints, got {padding!r}")
        super().__init__(
            in_channels,
            out_channels,
            kernel_size=kernel_size,
            stride=stride,
            padding=padding,
            output_padding=output_padding,
            dilation=dilation,
            groups=groups,
            bias=bias,
            padding_mode=padding_mode,
            device=device,
            dtype=dtype,
        )

    def forward(
        self, input: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        """Spread the images.

        Args:
            input: the images.
            output_size: the spatial sizes, or the shape, that the result is to have,
                instead of what `output_padding` says.

        Raises:
            ValueError: no output_padding gives such a size.
        """
        extra = self.output_padding
        if output_size is not None:
            extra = self._output_padding(input, output_size)
        options = (self.stride, self.padding, extra, self.groups, self.dilation)
        return self._function(input, self.weight, self.bias, *options)

    def _output_padding(
        self, input: Tensor, output_size: Sequence[int]
    ) -> tuple[int, ...]:
        """Return how much larger than the smallest result `output_size` is."""
        name, dims = type(self).__name__, self._dims
        x = read_images(name, input, dims)
        if len(output_size) not in (dims, input.ndim):
            raise ValueError(
                f"{name}: for {input.ndim}D input, output_size must have {dims} or "
                f"{input.ndim} elements (got {len(output_size)})"
            )
        wanted = ntuple(output_size[-dims:], dims, f"{name}: output_size")
        windows = (self.kernel_size, self.stride, self.padding, self.dilation)
        least = transposed_sizes(x.shape[2:], *windows)
        most = tuple(low + s - 1 for low, s in zip(least, self.stride))
        extra = tuple(size - low for size, low in zip(wanted, least))
        if not all(low <= size <= high for low, size, high in zip(least, wanted, most)):
            raise ValueError(
                f"{name}: requested an output size of {wanted}, but valid sizes range "
                f"from {least} to {most} (for an input of {tuple(input.shape)})"
            )
        return extra


class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution of sequences: learned upsampling.

    Args:
        in_channels, out_channels, kernel_size, stride, padding, output_padding, groups,
        bias, dilation, padding_mode, device, dtype: as in `ConvTranspose2d`.

    Shape: input (N, C, L) or (C, L); result (N, K, Lout) or (K, Lout), where
    Lout = (L - 1) stride - 2 padding + dilation (kL - 1) + output_padding + 1.

    Source: torch's page "torch.nn.ConvTranspose1d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> up = nn.ConvTranspose1d(8, 2, kernel_size=4, stride=4)
        >>> up(torch.ones(1, 8, 25)).shape
        torch.Size([1, 2, 100])
    """

    _dims = 1
    _function = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    r"""Transposed convolution of images: every pixel spreads a filter that is learned.

    .. math:: y[n, k, o s + t d - p] \mathrel{+}= \sum_c w[c, k, t] \, x[n, c, o]

    It is the gradient of a convolution in its input, not its inverse.

    Args:
        in_channels: the input's channels C.
        out_channels: the output's channels K.
        kernel_size: the filters' sizes.
        stride: the step between the places where pixels are spread.
        padding: how much of the result is cut off on both sides.
        output_padding: how much the result is larger at the end; less than the stride
            or the dilation.
        groups: channels are cut into as many groups that do not see each other.
        bias: add a learned number to each output channel.
        dilation: the step between the taps of a filter.
        padding_mode: only "zeros".
        device: only the CPU.
        dtype: of the parameters; by default the default float dtype.

    Shape: input (N, C, H, W) or (C, H, W); result (N, K, Hout, Wout) or
    (K, Hout, Wout), where
    Hout = (H - 1) stride - 2 padding + dilation (kH - 1) + output_padding + 1.

    Attributes:
        weight: the filters, (C, K / groups, kH, kW).
        bias: (K,), or None.

    Raises:
        ValueError: channels that groups do not divide, another padding_mode; of the
            call: an `output_size` that is not possible.
        RuntimeError: of the call: an input or options that do not fit.

    Source: torch's page "torch.nn.ConvTranspose2d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> up = nn.ConvTranspose2d(64, 32, kernel_size=3, stride=2, padding=1)
        >>> up(torch.ones(1, 64, 16, 16)).shape
        torch.Size([1, 32, 31, 31])
        >>> up(torch.ones(1, 64, 16, 16), output_size=(32, 32)).shape
        torch.Size([1, 32, 32, 32])
    """

    _dims = 2
    _function = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTranspose):
    """Transposed convolution of volumes: learned upsampling.

    Args:
        in_channels, out_channels, kernel_size, stride, padding, output_padding, groups,
        bias, dilation, padding_mode, device, dtype: as in `ConvTranspose2d`.

    Shape: input (N, C, D, H, W) or (C, D, H, W); result (N, K, Dout, Hout, Wout) or
    (K, Dout, Hout, Wout), the sizes as in `ConvTranspose2d`.

    Source: torch's page "torch.nn.ConvTranspose3d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> up = nn.ConvTranspose3d(4, 1, kernel_size=2, stride=2)
        >>> up(torch.ones(1, 4, 3, 5, 7)).shape
        torch.Size([1, 1, 6, 10, 14])
    """

    _dims = 3
    _function = staticmethod(F.conv_transpose3d)
