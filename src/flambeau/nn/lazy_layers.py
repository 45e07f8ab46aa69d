"""The lazy layers: they take their input's features or channels from the first one."""

from __future__ import annotations

from typing import Any, ClassVar

from ..devices import device as Device
from ..dtypes import dtype as DType
from ..tensor import Tensor
from ..tensor.creation import tensor
from .batchnorm import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
)
from .conv import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)
from .functional.images import IntOrInts
from .lazy import LazyModuleMixin
from .linear import Linear
from .parameter import UninitializedBuffer, UninitializedParameter, is_lazy

__all__ = [
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
    "LazyLinear",
]

Place = str | Device | None


class LazyLinear(LazyModuleMixin, Linear):
    """A `Linear` whose `in_features` are those of the first input.

    Args:
        out_features: the size of the result's last dimension.
        bias: add a learned bias.
        device: where the parameters are: the CPU.
        dtype: their dtype.

    Shape: input (*, in_features); result (*, out_features).

    Source: torch's page "torch.nn.LazyLinear".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> layer = nn.LazyLinear(3)
        >>> layer(torch.ones(2, 5)).shape
        torch.Size([2, 3])
        >>> layer
        Linear(in_features=5, out_features=3, bias=True)
    """

    cls_to_become = Linear
    weight: Any
    bias: Any

    def __init__(
        self,
        out_features: int,
        bias: bool = True,
        device: Place = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(0, 0, False)
        self.out_features = out_features
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw the weight and the bias again, if they have a shape."""
        if not self.has_uninitialized_params() and self.in_features:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Take the features of an input."""
        self.in_features = input.shape[-1]
        if self.has_uninitialized_params():
            self.weight.materialize((self.out_features, self.in_features))
            if self.bias is not None:
                self.bias.materialize((self.out_features,))
            self.reset_parameters()


# Convolution


class _LazyConv(LazyModuleMixin):
    """What the lazy convolutions share."""

    _dims: ClassVar[int]
    transposed: ClassVar[bool]

    def _forget(self, out_channels: int, bias: bool, options: dict[str, Any]) -> None:
        """Replace the parameters, made for no channels, by uninitialised ones."""
        self.out_channels = out_channels
        self.weight: Any = UninitializedParameter(**options)
        if bias:
            self.bias: Any = UninitializedParameter(**options)

    def reset_parameters(self) -> None:
        """Draw the weight and the bias again, if they have a shape."""
        if not self.has_uninitialized_params() and self.in_channels:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        """Take the channels of an input."""
        self.in_channels = self._channels_of(input)
        if not self.has_uninitialized_params():
            return
        if self.in_channels % self.groups:
            raise ValueError(
                "in_channels must be divisible by groups, got an input with "
                f"{self.in_channels} channels and groups={self.groups}"
            )
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        self.weight.materialize((first, second // self.groups, *self.kernel_size))
        if self.bias is not None:
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()

    def _channels_of(self, input: Tensor) -> int:
        least = self._dims + 1
        if input.ndim not in (least, least + 1):
            raise RuntimeError(
                f"Expected {least}D (unbatched) or {least + 1}D (batched) input to "
                f"{type(self).__name__}, but got input of size: {input.shape}"
            )
        return input.shape[-least]


class LazyConv1d(_LazyConv, Conv1d):
    """A `Conv1d` whose `in_channels` are those of the first input.

    Args:
        out_channels, kernel_size, stride, padding, dilation, groups, bias,
        padding_mode, device, dtype: as in `Conv1d`.

    Shape: as in `Conv1d`.

    Source: torch's page "torch.nn.LazyConv1d".
    """

    cls_to_become = Conv1d

    def __init__(
        self,
        out_channels: int,
        kernel_size: IntOrInts,
        stride: IntOrInts = 1,
        padding: str | IntOrInts = 0,
        dilation: IntOrInts = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Place = None,
        dtype: DType | None = None,
    ) -> None:
        windows = (kernel_size, stride, padding, dilation, groups)
        super().__init__(0, 0, *windows, False, padding_mode)
        self._forget(out_channels, bias, {"device": device, "dtype": dtype})


class LazyConv2d(_LazyConv, Conv2d):
    """A `Conv2d` whose `in_channels` are those of the first input.

    Args:
        out_channels, kernel_size, stride, padding, dilation, groups, bias,
        padding_mode, device, dtype: as in `Conv2d`.

    Shape: as in `Conv2d`.

    Source: torch's page "torch.nn.LazyConv2d".
    """

    cls_to_become = Conv2d

    def __init__(
        self,
        out_channels: int,
        kernel_size: IntOrInts,
        stride: IntOrInts = 1,
        padding: str | IntOrInts = 0,
        dilation: IntOrInts = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Place = None,
        dtype: DType | None = None,
    ) -> None:
        windows = (kernel_size, stride, padding, dilation, groups)
        super().__init__(0, 0, *windows, False, padding_mode)
        self._forget(out_channels, bias, {"device": device, "dtype": dtype})


class LazyConv3d(_LazyConv, Conv3d):
    """A `Conv3d` whose `in_channels` are those of the first input.

    Args:
        out_channels, kernel_size, stride, padding, dilation, groups, bias,
        padding_mode, device, dtype: as in `Conv3d`.

    Shape: as in `Conv3d`.

    Source: torch's page "torch.nn.LazyConv3d".
    """

    cls_to_become = Conv3d

    def __init__(
        self,
        out_channels: int,
        kernel_size: IntOrInts,
        stride: IntOrInts = 1,
        padding: str | IntOrInts = 0,
        dilation: IntOrInts = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Place = None,
        dtype: DType | None = None,
    ) -> None:
        windows = (kernel_size, stride, padding, dilation, groups)
        super().__init__(0, 0, *windows, False, padding_mode)
        self._forget(out_channels, bias, {"device": device, "dtype": dtype})


class LazyConvTranspose1d(_LazyConv, ConvTranspose1d):
    """A `ConvTranspose1d` whose `in_channels` are those of the first input.

    Args:
        out_channels, kernel_size, stride, padding, output_padding, groups, bias,
        dilation, padding_mode, device, dtype: as in `ConvTranspose1d`.

    Shape: as in `ConvTranspose1d`.

    Source: torch's page "torch.nn.LazyConvTranspose1d".
    """

    cls_to_become = ConvTranspose1d

    def __init__(
        self,
        out_channels: int,
        kernel_size: IntOrInts,
        stride: IntOrInts = 1,
        padding: IntOrInts = 0,
        output_padding: IntOrInts = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: IntOrInts = 1,
        padding_mode: str = "zeros",
        device: Place = None,
        dtype: DType | None = None,
    ) -> None:
        windows = (kernel_size, stride, padding, output_padding, groups)
        super().__init__(0, 0, *windows, False, dilation, padding_mode)
        self._forget(out_channels, bias, {"device": device, "dtype": dtype})


class LazyConvTranspose2d(_LazyConv, ConvTranspose2d):
    """A `ConvTranspose2d` whose `in_channels` are those of the first input.

    Args:
        out_channels, kernel_size, stride, padding, output_padding, groups, bias,
        dilation, padding_mode, device, dtype: as in `ConvTranspose2d`.

    Shape: as in `ConvTranspose2d`.

    Source: torch's page "torch.nn.LazyConvTranspose2d".
    """

    cls_to_become = ConvTranspose2d

    def __init__(
        self,
        out_channels: int,
        kernel_size: IntOrInts,
        stride: IntOrInts = 1,
        padding: IntOrInts = 0,
        output_padding: IntOrInts = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: IntOrInts = 1,
        padding_mode: str = "zeros",
        device: Place = None,
        dtype: DType | None = None,
    ) -> None:
        windows = (kernel_size, stride, padding, output_padding, groups)
        super().__init__(0, 0, *windows, False, dilation, padding_mode)
        self._forget(out_channels, bias, {"device": device, "dtype": dtype})


class LazyConvTranspose3d(_LazyConv, ConvTranspose3d):
    """A `ConvTranspose3d` whose `in_channels` are those of the first input.

    Args:
        out_channels, kernel_size, stride, padding, output_padding, groups, bias,
        dilation, padding_mode, device, dtype: as in `ConvTranspose3d`.

    Shape: as in `ConvTranspose3d`.

    Source: torch's page "torch.nn.LazyConvTranspose3d".
    """

    cls_to_become = ConvTranspose3d

    def __init__(
        self,
        out_channels: int,
        kernel_size: IntOrInts,
        stride: IntOrInts = 1,
        padding: IntOrInts = 0,
        output_padding: IntOrInts = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: IntOrInts = 1,
        padding_mode: str = "zeros",
        device: Place = None,
        dtype: DType | None = None,
    ) -> None:
        windows = (kernel_size, stride, padding, output_padding, groups)
        super().__init__(0, 0, *windows, False, dilation, padding_mode)
        self._forget(out_channels, bias, {"device": device, "dtype": dtype})


# Normalisation


class _LazyNorm(LazyModuleMixin):
    """What the lazy norms of channels share."""

    def __init__(
        self,
        eps: float = 1e-05,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Place = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(0, eps, momentum, False, False, bias=False)
        self.affine = affine
        self.track_running_stats = track_running_stats
        options: dict[str, Any] = {"device": device, "dtype": dtype}
        if affine:
            self.weight: Any = UninitializedParameter(**options)
            if bias:
                self.bias: Any = UninitializedParameter(**options)
        if track_running_stats:
            self.running_mean: Any = UninitializedBuffer(**options)
            self.running_var: Any = UninitializedBuffer(**options)
            self.num_batches_tracked: Tensor | None = tensor(0)

    def reset_parameters(self) -> None:
        """Set the parameters and statistics back, if they have a shape."""
        if not self.has_uninitialized_params() and self.num_features:
            super().reset_parameters()  # type: ignore[misc]

    def initialize_parameters(self, input: Tensor) -> None:
        """Take the channels of an input."""
        self.num_features = input.shape[1]
        if not self.has_uninitialized_params():
            return
        for member in (self.weight, self.bias, self.running_mean, self.running_var):
            if is_lazy(member):
                member.materialize((self.num_features,))
        self.reset_parameters()


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """A `BatchNorm1d` whose `num_features` are the channels of the first input.

    Args:
        eps, momentum, affine, track_running_stats, device, dtype, bias: as in
        `BatchNorm1d`.

    Shape: as in `BatchNorm1d`.

    Source: torch's page "torch.nn.LazyBatchNorm1d".
    """

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """A `BatchNorm2d` whose `num_features` are the channels of the first input.

    Args:
        eps, momentum, affine, track_running_stats, device, dtype, bias: as in
        `BatchNorm2d`.

    Shape: as in `BatchNorm2d`.

    Source: torch's page "torch.nn.LazyBatchNorm2d".
    """

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """A `BatchNorm3d` whose `num_features` are the channels of the first input.

    Args:
        eps, momentum, affine, track_running_stats, device, dtype, bias: as in
        `BatchNorm3d`.

    Shape: as in `BatchNorm3d`.

    Source: torch's page "torch.nn.LazyBatchNorm3d".
    """

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(_LazyNorm, InstanceNorm1d):
    """A `InstanceNorm1d` whose `num_features` are the channels of the first input.

    Args:
        eps, momentum, affine, track_running_stats, device, dtype, bias: as in
        `InstanceNorm1d`.

    Shape: as in `InstanceNorm1d`.

    Source: torch's page "torch.nn.LazyInstanceNorm1d".
    """

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyNorm, InstanceNorm2d):
    """A `InstanceNorm2d` whose `num_features` are the channels of the first input.

    Args:
        eps, momentum, affine, track_running_stats, device, dtype, bias: as in
        `InstanceNorm2d`.

    Shape: as in `InstanceNorm2d`.

    Source: torch's page "torch.nn.LazyInstanceNorm2d".
    """

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyNorm, InstanceNorm3d):
    """A `InstanceNorm3d` whose `num_features` are the channels of the first input.

    Args:
        eps, momentum, affine, track_running_stats, device, dtype, bias: as in
        `InstanceNorm3d`.

    Shape: as in `InstanceNorm3d`.

    Source: torch's page "torch.nn.LazyInstanceNorm3d".
    """

    cls_to_become = InstanceNorm3d
