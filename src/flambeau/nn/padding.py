"""Padding layers: a constant, or what is reflected, repeated or wrapped around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


class _Pad(Module):
    """Padding of `_dims` dimensions in one of the modes of `nn.functional.pad`."""

    _dims: ClassVar[int]
    _mode: ClassVar[str]
    padding: tuple[int, ...]

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__()
        count = 2 * self._dims
        self.padding = (
            (padding,) * count if isinstance(padding, int) else tuple(padding)
        )

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded input."""
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        """Return what is added before and after."""
        return f"{self.padding}"


# Constants


class _ConstantPad(_Pad):
    """Padding with a constant."""

    _mode = "constant"

    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded input."""
        return F.pad(input, self.padding, self._mode, self.value)

    def extra_repr(self) -> str:
        """Return what is added before and after, and the constant."""
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """Add a constant before and after sequences.

    Args:
        padding: how much: before and after; or one number for all.
        value: the constant.

    Shape: (*, L); each dimension grows by its padding.

    Source: torch's page "torch.nn.ConstantPad1d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.ConstantPad1d((2, 0), 7)(torch.tensor([[1, 2]]))
        tensor([[7, 7, 1, 2]])
    """

    _dims = 1


class ConstantPad2d(_ConstantPad):
    """Add a constant before and after images.

    Args:
        padding: how much: left, right, top, bottom; or one number for all.
        value: the constant.

    Shape: (*, H, W); each dimension grows by its padding.

    Source: torch's page "torch.nn.ConstantPad2d".
    """

    _dims = 2


class ConstantPad3d(_ConstantPad):
    """Add a constant before and after volumes.

    Args:
        padding: how much: left, right, top, bottom, front, back; or one number for all.
        value: the constant.

    Shape: (*, D, H, W); each dimension grows by its padding.

    Source: torch's page "torch.nn.ConstantPad3d".
    """

    _dims = 3


# Zeros


class _Zeros:
    """What zero padding has of its own: it takes no value, and prints none."""

    padding: tuple[int, ...]

    def __init__(self, padding: int | Sequence[int]) -> None:
        super().__init__(padding, 0.0)  # type: ignore[call-arg]

    def extra_repr(self) -> str:
        """Return what is added before and after."""
        return f"{self.padding}"


class ZeroPad1d(_Zeros, ConstantPad1d):
    """Add zeros before and after sequences.

    Args:
        padding: how much: before and after; or one number for all.

    Shape: (*, L); each dimension grows by its padding.

    Source: torch's page "torch.nn.ZeroPad1d".
    """


class ZeroPad2d(_Zeros, ConstantPad2d):
    """Add zeros before and after images.

    Args:
        padding: how much: left, right, top, bottom; or one number for all.

    Shape: (*, H, W); each dimension grows by its padding.

    Source: torch's page "torch.nn.ZeroPad2d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.ZeroPad2d((1, 0, 0, 1))(torch.ones(1, 1, 2))
        tensor([[[0., 1., 1.],
                 [0., 0., 0.]]])
    """


class ZeroPad3d(_Zeros, ConstantPad3d):
    """Add zeros before and after volumes.

    Args:
        padding: how much: left, right, top, bottom, front, back; or one number for all.

    Shape: (*, D, H, W); each dimension grows by its padding.

    Source: torch's page "torch.nn.ZeroPad3d".
    """


# Mirrors


class _ReflectionPad(_Pad):
    """Padding with what lies on the other side of the outermost element."""

    _mode = "reflect"


class ReflectionPad1d(_ReflectionPad):
    """Extend sequences by their reflection about the outermost element.

    Args:
        padding: how much: before and after; or one number for all.

    Shape: (N, C, L) or (C, L); each dimension grows by its padding.

    Raises:
        RuntimeError: of the call: as much padding as there are elements, or more.

    Source: torch's page "torch.nn.ReflectionPad1d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.ReflectionPad1d(2)(torch.tensor([[1, 2, 3]]))
        tensor([[3, 2, 1, 2, 3, 2, 1]])
    """

    _dims = 1


class ReflectionPad2d(_ReflectionPad):
    """Extend images by their reflection about the outermost element.

    Args:
        padding: how much: left, right, top, bottom; or one number for all.

    Shape: (N, C, H, W) or (C, H, W); each dimension grows by its padding.

    Raises:
        RuntimeError: of the call: as much padding as there are elements, or more.

    Source: torch's page "torch.nn.ReflectionPad2d".
    """

    _dims = 2


class ReflectionPad3d(_ReflectionPad):
    """Extend volumes by their reflection about the outermost element.

    Args:
        padding: how much: left, right, top, bottom, front, back; or one number for all.

    Shape: (N, C, D, H, W) or (C, D, H, W); each dimension grows by its padding.

    Raises:
        RuntimeError: of the call: as much padding as there are elements, or more.

    Source: torch's page "torch.nn.ReflectionPad3d".
    """

    _dims = 3


# The outermost element


class _ReplicationPad(_Pad):
    """Padding with the outermost element."""

    _mode = "replicate"


class ReplicationPad1d(_ReplicationPad):
    """Extend sequences by copies of their outermost element.

    Args:
        padding: how much: before and after; or one number for all.

    Shape: (N, C, L) or (C, L); each dimension grows by its padding.

    Source: torch's page "torch.nn.ReplicationPad1d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.ReplicationPad1d(2)(torch.tensor([[1, 2, 3]]))
        tensor([[1, 1, 1, 2, 3, 3, 3]])
    """

    _dims = 1


class ReplicationPad2d(_ReplicationPad):
    """Extend images by copies of their outermost element.

    Args:
        padding: how much: left, right, top, bottom; or one number for all.

    Shape: (N, C, H, W) or (C, H, W); each dimension grows by its padding.

    Source: torch's page "torch.nn.ReplicationPad2d".
    """

    _dims = 2


class ReplicationPad3d(_ReplicationPad):
    """Extend volumes by copies of their outermost element.

    Args:
        padding: how much: left, right, top, bottom, front, back; or one number for all.

    Shape: (N, C, D, H, W) or (C, D, H, W); each dimension grows by its padding.

    Source: torch's page "torch.nn.ReplicationPad3d".
    """

    _dims = 3


# Circles


class _CircularPad(_Pad):
    """Padding with what lies at the other end."""

    _mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded input."""
        least = self._dims + 1
        if input.ndim not in (least, least + 1):
            raise ValueError(
                f"expected {least}D or {least + 1}D input (got {input.ndim}D input): "
                f"{type(self).__name__} pads the last {self._dims} of (N, C, *)"
            )
        return super().forward(input)


class CircularPad1d(_CircularPad):
    """Extend sequences as if their ends were joined.

    Args:
        padding: how much: before and after; or one number for all.

    Shape: (N, C, L) or (C, L); each dimension grows by its padding.

    Raises:
        ValueError: of the call: other dimensions.

    Source: torch's page "torch.nn.CircularPad1d".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.CircularPad1d((2, 0))(torch.tensor([[1, 2, 3]]))
        tensor([[2, 3, 1, 2, 3]])
    """

    _dims = 1


class CircularPad2d(_CircularPad):
    """Extend images as if their ends were joined.

    Args:
        padding: how much: left, right, top, bottom; or one number for all.

    Shape: (N, C, H, W) or (C, H, W); each dimension grows by its padding.

    Raises:
        ValueError: of the call: other dimensions.

    Source: torch's page "torch.nn.CircularPad2d".
    """

    _dims = 2


class CircularPad3d(_CircularPad):
    """Extend volumes as if their ends were joined.

    Args:
        padding: how much: left, right, top, bottom, front, back; or one number for all.

    Shape: (N, C, D, H, W) or (C, D, H, W); each dimension grows by its padding.

    Raises:
        ValueError: of the call: other dimensions.

    Source: torch's page "torch.nn.CircularPad3d".
    """

    _dims = 3
