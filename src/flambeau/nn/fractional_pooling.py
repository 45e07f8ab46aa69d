"""Max pooling with windows at random places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ..tensor import Tensor
from . import functional as F
from .functional.fractional_pooling import Ratios
from .functional.images import IntOrInts
from .module import Module

__all__ = ["FractionalMaxPool2d", "FractionalMaxPool3d"]


class _FractionalMaxPool(Module):
    """The options for any number of dimensions."""

    _dims: ClassVar[int]
    _function: ClassVar[Callable[..., Any]]

    _random_samples: Tensor | None

    def __init__(
        self,
        kernel_size: IntOrInts,
        output_size: IntOrInts | None = None,
        output_ratio: Ratios | None = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = self._spread(kernel_size)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else self._spread(output_size)
        self.output_ratio = None if output_ratio is None else self._spread(output_ratio)
        self._check()

    def _spread(self, value: Any) -> Any:
        single = isinstance(value, int | float)
        return (value,) * self._dims if single else value

    def _check(self) -> None:
        name = type(self).__name__
        if self.output_size is None and self.output_ratio is None:
            raise ValueError(
                f"{name} requires specifying either an output size, or a pooling ratio"
            )
        if self.output_size is not None and self.output_ratio is not None:
            raise ValueError(
                "only one of output_size and output_ratio may be specified"
            )
        ratios: Sequence[float] = self.output_ratio or ()
        if not all(0 < each < 1 for each in ratios):
            given = ratios[0] if len(set(ratios)) == 1 else ratios
            raise ValueError(f"output_ratio must be between 0 and 1 (got {given})")

    def forward(self, input: Tensor) -> Any:
        """Return the maxima and, if asked for, their positions."""
        return self._function(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class FractionalMaxPool2d(_FractionalMaxPool):
    """Return the maxima of windows that begin at random places of an image.

    Args:
        kernel_size: the sizes of a window.
        output_size: how many windows there are along each dimension.
        output_ratio: in its place, how many for each pixel, between 0 and 1.
        return_indices: also return where the maxima are, as `MaxUnpool2d` takes it.
        _random_samples: the numbers that decide where the windows begin, (N, C, 2).

    Shape: input (N, C, H, W) or (C, H, W); result (N, C, Hout, Wout) or
        (C, Hout, Wout).

    Raises:
        ValueError: not one of a size and a ratio, or another ratio.
        RuntimeError: of the call: windows that do not fit into the image.

    Source: torch's page "torch.nn.FractionalMaxPool2d"; Graham, arXiv:1412.6071.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> pool = nn.FractionalMaxPool2d(3, output_ratio=0.7)
        >>> pool(torch.ones(1, 2, 20, 20)).shape
        torch.Size([1, 2, 14, 14])
    """

    _dims = 2
    _function = staticmethod(F.fractional_max_pool2d)


class FractionalMaxPool3d(_FractionalMaxPool):
    """Return the maxima of windows that begin at random places of a volume.

    Args:
        kernel_size, output_size, output_ratio, return_indices: as in
            `FractionalMaxPool2d`.
        _random_samples: the numbers that decide where the windows begin, (N, C, 3).

    Shape: input (N, C, D, H, W) or (C, D, H, W); result (N, C, Dout, Hout, Wout) or
        (C, Dout, Hout, Wout).

    Raises:
        ValueError: not one of a size and a ratio, or another ratio.
        RuntimeError: of the call: windows that do not fit into the volume.

    Source: torch's page "torch.nn.FractionalMaxPool3d".
    """

    _dims = 3
    _function = staticmethod(F.fractional_max_pool3d)
