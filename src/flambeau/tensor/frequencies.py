"""The frequencies of Fourier's transform, and their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..dtypes import get_default_dtype
from .creation import arange
from .joining import cat
from .rearranging import roll

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["fftfreq", "fftshift", "ifftshift", "rfftfreq"]

Dims = int | Sequence[int] | None


def fftfreq(n: int, d: float = 1.0, **options: Any) -> Tensor:
    """Return the frequencies of a transform of `n` samples: 0, 1, … −2, −1, over n d.

    Args:
        n: the number of samples.
        d: the time between two of them.
        options: `dtype`, `device` and `requires_grad`.

    Source: torch's page "torch.fft.fftfreq".

    Example:
        >>> import flambeau as torch
        >>> torch.fft.fftfreq(4)
        tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    requires_grad = options.pop("requires_grad", False)
    options.setdefault("dtype", get_default_dtype())
    ahead = arange(0, (n + 1) // 2, **options)
    behind = arange(-(n // 2), 0, **options)
    return (cat([ahead, behind]) / (n * d)).requires_grad_(requires_grad)


def rfftfreq(n: int, d: float = 1.0, **options: Any) -> Tensor:
    """Return the frequencies of a transform of `n` real samples: 0, 1, … n/2, over n d.

    The arguments are those of `fftfreq`.

    Source: torch's page "torch.fft.rfftfreq".

    Example:
        >>> import flambeau as torch
        >>> torch.fft.rfftfreq(4)
        tensor([0.0000, 0.2500, 0.5000])
    """
    requires_grad = options.pop("requires_grad", False)
    options.setdefault("dtype", get_default_dtype())
    return (arange(0, n // 2 + 1, **options) / (n * d)).requires_grad_(requires_grad)


def fftshift(input: Tensor, dim: Dims = None) -> Tensor:
    """Move what belongs to frequency 0 to the middle.

    Args:
        input: values in the order of `fftfreq`.
        dim: the dimensions; all by default.

    Source: torch's page "torch.fft.fftshift".

    Example:
        >>> import flambeau as torch
        >>> torch.fft.fftshift(torch.fft.fftfreq(4))
        tensor([-0.5000, -0.2500,  0.0000,  0.2500])
    """
    dims = _listed(input, dim)
    return roll(input, [input.shape[axis] // 2 for axis in dims], dims)


def ifftshift(input: Tensor, dim: Dims = None) -> Tensor:
    """Undo `fftshift`.

    Source: torch's page "torch.fft.ifftshift".

    Example:
        >>> import flambeau as torch
        >>> torch.fft.ifftshift(torch.tensor([-1, 0, 1]))
        tensor([ 0,  1, -1])
    """
    dims = _listed(input, dim)
    return roll(input, [(input.shape[axis] + 1) // 2 for axis in dims], dims)


def _listed(input: Tensor, dim: Dims) -> list[int]:
    if dim is None:
        return list(range(input.ndim))
    return [dim] if isinstance(dim, int) else list(dim)
