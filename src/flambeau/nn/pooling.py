"""Pooling layers, each written once for any number of dimensions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ..shape import ntuple
from ..tensor import Tensor
from . import functional as F
from .functional.images import IntOrInts
from .module import Module

__all__ = [
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]


# Maxima


class _MaxPool(Module):
    """Options and printed form of max pooling."""

    _function: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        kernel_size: IntOrInts,
        stride: IntOrInts | None = None,
        padding: IntOrInts = 0,
        dilation: IntOrInts = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        """Return the maxima and, if asked for, their positions."""
        windows = (self.kernel_size, self.stride, self.padding, self.dilation)
        return self._function(input, *windows, self.ceil_mode, self.return_indices)

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}, dilation={self.dilation}, "
            f"ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The maximum of every window of a sequence.

    Args:
        kernel_size, stride, padding, dilation, return_indices, ceil_mode: as in
        `MaxPool2d`.

    Shape: input (N, C, L) or (C, L); result (N, C, Lout) or (C, Lout).

    Source: torch's page "torch.nn.MaxPool1d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.MaxPool1d(2)(torch.tensor([[1., 3., 2., 0.]]))
        tensor([[3., 2.]])
    """

    _function = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPool):
    """The maximum of every window of an image.

    Args:
        kernel_size: the sizes of a window.
        stride: the step between windows; by default the kernel's sizes.
        padding: what is added on both sides of each dimension, below every value.
        dilation: the step between the elements of a window.
        return_indices: also return where the maxima are, as `MaxUnpool2d` takes it.
        ceil_mode: also take windows that hang over the end.

    Shape: input (N, C, H, W) or (C, H, W); result (N, C, Hout, Wout) or
    (C, Hout, Wout), where
    Hout = floor((H + 2 padding - dilation (kH - 1) - 1) / stride) + 1, or rounded up.

    Raises:
        RuntimeError: of the call: an input or options that do not fit, or a window
            larger than the padded image.

    Source: torch's page "torch.nn.MaxPool2d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.MaxPool2d(kernel_size=2, stride=2)(torch.ones(1, 32, 32, 32)).shape
        torch.Size([1, 32, 16, 16])
    """

    _function = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPool):
    """The maximum of every window of a volume.

    Args:
        kernel_size, stride, padding, dilation, return_indices, ceil_mode: as in
        `MaxPool2d`.

    Shape: input (N, C, D, H, W) or (C, D, H, W); result (N, C, Dout, Hout, Wout) or
    (C, Dout, Hout, Wout).

    Source: torch's page "torch.nn.MaxPool3d".
    """

    _function = staticmethod(F.max_pool3d)


class _MaxUnpool(Module):
    """Options and printed form of putting maxima back."""

    _dims: ClassVar[int]
    _function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        kernel_size: IntOrInts,
        stride: IntOrInts | None = None,
        padding: IntOrInts = 0,
    ) -> None:
        super().__init__()
        self.kernel_size = self._spread("kernel_size", kernel_size)
        self.stride = self.kernel_size
        if stride is not None:
            self.stride = self._spread("stride", stride)
        self.padding = self._spread("padding", padding)

    def _spread(self, option: str, value: IntOrInts) -> tuple[int, ...]:
        return ntuple(value, self._dims, f"{type(self).__name__}: {option}")

    def forward(
        self,
        input: Tensor,
        indices: Tensor,
        output_size: Sequence[int] | None = None,
    ) -> Tensor:
        """Put the maxima back.

        Args:
            input: the maxima.
            indices: their positions, as the pool returns them.
            output_size: the shape, or the spatial sizes, of the result, if the pool's
                input was larger than its windows tell.

        Raises:
            RuntimeError: shapes that differ; an index outside the result.
            ValueError: an `output_size` that no input of such a pool has.
        """
        windows = (self.kernel_size, self.stride, self.padding)
        return self._function(input, indices, *windows, output_size)

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}"
        )


class MaxUnpool1d(_MaxUnpool):
    """Put the maxima of `MaxPool1d` back where they were, zeros elsewhere.

    Args:
        kernel_size, stride, padding: as in `MaxUnpool2d`.

    Shape: input and indices (N, C, L) or (C, L); result (N, C, Lout) or (C, Lout).

    Source: torch's page "torch.nn.MaxUnpool1d".
    """

    _dims = 1
    _function = staticmethod(F.max_unpool1d)


class MaxUnpool2d(_MaxUnpool):
    """Put the maxima of `MaxPool2d` back where they were, zeros elsewhere.

    Args:
        kernel_size: the sizes of the pool's windows.
        stride: the step between its windows; by default the kernel's sizes.
        padding: its padding.

    Shape: input and indices (N, C, H, W) or (C, H, W); result (N, C, Hout, Wout) or
    (C, Hout, Wout), where Hout = (H - 1) stride - 2 padding + kH without an
    output_size.

    Source: torch's page "torch.nn.MaxUnpool2d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> best, where = nn.MaxPool2d(2, return_indices=True)(torch.ones(1, 5, 6, 6))
        >>> nn.MaxUnpool2d(2)(best, where).shape
        torch.Size([1, 5, 6, 6])
    """

    _dims = 2
    _function = staticmethod(F.max_unpool2d)


class MaxUnpool3d(_MaxUnpool):
    """Put the maxima of `MaxPool3d` back where they were, zeros elsewhere.

    Args:
        kernel_size, stride, padding: as in `MaxUnpool2d`.

    Shape: input and indices (N, C, D, H, W) or (C, D, H, W); result
    (N, C, Dout, Hout, Wout) or (C, Dout, Hout, Wout).

    Source: torch's page "torch.nn.MaxUnpool3d".
    """

    _dims = 3
    _function = staticmethod(F.max_unpool3d)


# Averages


class _AvgPool(Module):
    """Options and printed form of average pooling."""

    _function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        kernel_size: IntOrInts,
        stride: IntOrInts | None = None,
        padding: IntOrInts = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """Return the means."""
        windows = (self.kernel_size, self.stride, self.padding, self.ceil_mode)
        return self._function(
            input, *windows, self.count_include_pad, self.divisor_override
        )

    def extra_repr(self) -> str:
        """Return the windows."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, "
            f"padding={self.padding}"
        )


class AvgPool1d(_AvgPool):
    """The mean of every window of a sequence.

    Args:
        kernel_size: the size of a window.
        stride: the step between windows; by default the kernel's size.
        padding: zeros on both sides.
        ceil_mode: also take windows that hang over the end.
        count_include_pad: count the padding as elements of a window.

    Shape: input (N, C, L) or (C, L); result (N, C, Lout) or (C, Lout).

    Source: torch's page "torch.nn.AvgPool1d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.AvgPool1d(2)(torch.tensor([[1., 3., 2., 0.]]))
        tensor([[2., 1.]])
    """

    _function = staticmethod(F.avg_pool1d)

    def __init__(
        self,
        kernel_size: IntOrInts,
        stride: IntOrInts | None = None,
        padding: IntOrInts = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        # here torch keeps tuples, and prints them
        super().__init__(
            ntuple(kernel_size, 1, "AvgPool1d: kernel_size"),
            None if stride is None else ntuple(stride, 1, "AvgPool1d: stride"),
            ntuple(padding, 1, "AvgPool1d: padding"),
            ceil_mode,
            count_include_pad,
            divisor_override,
        )


class AvgPool2d(_AvgPool):
    """The mean of every window of an image.

    Args:
        kernel_size: the sizes of a window.
        stride: the step between windows; by default the kernel's sizes.
        padding: zeros on both sides of each dimension.
        ceil_mode: also take windows that hang over the end; what lies beyond the
            padding is never counted.
        count_include_pad: count the padding as elements of a window.
        divisor_override: divide by this number instead of how many elements there are.

    Shape: input (N, C, H, W) or (C, H, W); result (N, C, Hout, Wout) or
    (C, Hout, Wout), where Hout = floor((H + 2 padding - kH) / stride) + 1, or rounded
    up.

    Raises:
        RuntimeError: of the call: an input or options that do not fit, a window larger
            than the padded image, a divisor of 0.

    Source: torch's page "torch.nn.AvgPool2d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.AvgPool2d(2)(torch.tensor([[[1., 5.], [3., 3.]]]))
        tensor([[[3.]]])
    """

    _function = staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPool):
    """The mean of every window of a volume.

    Args:
        kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override: as
        in `AvgPool2d`.

    Shape: input (N, C, D, H, W) or (C, D, H, W); result (N, C, Dout, Hout, Wout) or
    (C, Dout, Hout, Wout).

    Source: torch's page "torch.nn.AvgPool3d".
    """

    _function = staticmethod(F.avg_pool3d)


# Norms


class _LPPool(Module):
    """Options and printed form of norm pooling."""

    _function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self,
        norm_type: float,
        kernel_size: IntOrInts,
        stride: IntOrInts | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        """Return the norms."""
        windows = (self.kernel_size, self.stride, self.ceil_mode)
        return self._function(input, float(self.norm_type), *windows)

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    """The p-norm of every window of a sequence.

    Args:
        norm_type, kernel_size, stride, ceil_mode: as in `LPPool2d`.

    Shape: input (N, C, L) or (C, L); result (N, C, Lout) or (C, Lout).

    Source: torch's page "torch.nn.LPPool1d".
    """

    _function = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPool):
    r"""The p-norm of every window of an image.

    .. math:: y = \left( \sum_i x_i^p \right)^{1/p}

    Args:
        norm_type: the exponent p; infinity takes the largest absolute value.
        kernel_size: the sizes of a window.
        stride: the step between windows; by default the kernel's sizes.
        ceil_mode: also take windows that hang over the end, scaled to a whole window.

    Shape: input (N, C, H, W) or (C, H, W); result (N, C, Hout, Wout) or
    (C, Hout, Wout), as `AvgPool2d`.

    Raises:
        RuntimeError: of the call: an input or options that do not fit.

    Source: torch's page "torch.nn.LPPool2d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.LPPool2d(2, kernel_size=2)(torch.tensor([[[3., 0.], [0., 4.]]]))
        tensor([[[5.]]])
    """

    _function = staticmethod(F.lp_pool2d)


class LPPool3d(_LPPool):
    """The p-norm of every window of a volume.

    Args:
        norm_type, kernel_size, stride, ceil_mode: as in `LPPool2d`.

    Shape: input (N, C, D, H, W) or (C, D, H, W); result (N, C, Dout, Hout, Wout) or
    (C, Dout, Hout, Wout).

    Source: torch's page "torch.nn.LPPool3d".
    """

    _function = staticmethod(F.lp_pool3d)
