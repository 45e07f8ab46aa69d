"""Windows: weights that fade a stretch of a signal in and out; torch.signal.windows.

A window of M points is symmetric, or with `sym=False` the first M points of a symmetric
one of M + 1, to be repeated.

Source: A. Nuttall, "Some windows with very good sidelobe behavior" (1981), for the
coefficients of sums of cosines.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .. import dtypes as dt
from ..layouts import strided
from ..tensor import Tensor
from ..tensor.creation import arange, made, ones
from ..tensor.statistics import kaiser_window

__all__ = [
    "bartlett",
    "blackman",
    "cosine",
    "exponential",
    "gaussian",
    "general_cosine",
    "general_hamming",
    "hamming",
    "hann",
    "kaiser",
    "nuttall",
]

_BLACKMAN = (0.42, 0.5, 0.08)
_NUTTALL = (0.3635819, 0.4891775, 0.1365995, 0.0106411)


def _window(
    name: str, M: int, options: dict[str, Any], weight: Callable[[Tensor], Tensor]
) -> Tensor:
    """Return the weights of the places 0 … M - 1, in the dtype that is asked for."""
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if options.get("layout", strided) is not strided:
        raise ValueError(
            f"{name} is implemented for strided tensors only, got: {options['layout']}"
        )
    kind = options.get("dtype") or dt.get_default_dtype()
    if kind not in (dt.float32, dt.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {kind}")
    weights = weight(arange(M, dtype=dt.float64)).to(kind)
    return made(
        weights.node, options.get("requires_grad", False), options.get("device")
    )


def _steps(M: int, sym: bool) -> int:
    """Return how many steps the symmetric window has; one point is one in any case."""
    return M - 1 if sym or M == 1 else M


def general_cosine(
    M: int, *, a: Sequence[float], sym: bool = True, **options: Any
) -> Tensor:
    r"""Return a sum of cosines.

    .. math:: \sum_k (-1)^k a_k \cos(2 \pi k n / (M - 1))

    Args:
        M: how many points.
        a: the coefficients, a list or a tuple.
        sym: symmetric; else to be repeated.
        options: `dtype`, `layout`, `device` and `requires_grad`.

    Raises:
        TypeError: the coefficients are no list.
        ValueError: there are none, M is negative, or another dtype than float32 and
            float64.

    Source: torch's page "torch.signal.windows.general_cosine".

    Example:
        >>> import flambeau as torch
        >>> torch.signal.windows.general_cosine(3, a=[0.5, 0.5])
        tensor([0., 1., 0.])
    """
    if not isinstance(a, list | tuple):
        raise TypeError("Coefficients must be a list/tuple")
    if not a:
        raise ValueError("Coefficients cannot be empty")
    return _cosines("general_cosine", M, a, sym, options)


def _cosines(
    name: str, M: int, a: Sequence[float], sym: bool, options: dict[str, Any]
) -> Tensor:
    def weight(n: Tensor) -> Tensor:
        if M == 1:
            return ones(1, dtype=dt.float64)
        angle = n * (2 * math.pi / (_steps(M, sym) or 1))
        parts = [(-1) ** k * each * (angle * k).cos() for k, each in enumerate(a)]
        return sum(parts[1:], start=parts[0])

    return _window(name, M, options, weight)


def general_hamming(
    M: int, *, alpha: float = 0.54, sym: bool = True, **options: Any
) -> Tensor:
    """Return alpha - (1 - alpha) cos; see `general_cosine`.

    Source: torch's page "torch.signal.windows.general_hamming".
    """
    return _cosines("general_hamming", M, (alpha, 1 - alpha), sym, options)


def hamming(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Return Hamming's window, 0.54 - 0.46 cos; see `general_cosine`.

    Source: torch's page "torch.signal.windows.hamming".
    """
    return _cosines("hamming", M, (0.54, 0.46), sym, options)


def hann(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Return Hann's window, half of 1 - cos; see `general_cosine`.

    Source: torch's page "torch.signal.windows.hann".

    Example:
        >>> import flambeau as torch
        >>> torch.signal.windows.hann(4, sym=False)
        tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _cosines("hann", M, (0.5, 0.5), sym, options)


def blackman(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Return Blackman's window, a sum of three cosines; see `general_cosine`.

    Source: torch's page "torch.signal.windows.blackman".
    """
    return _cosines("blackman", M, _BLACKMAN, sym, options)


def nuttall(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Return Nuttall's window, a sum of four cosines; see `general_cosine`.

    Source: torch's page "torch.signal.windows.nuttall".
    """
    return _cosines("nuttall", M, _NUTTALL, sym, options)


def bartlett(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Return Bartlett's window, a triangle that ends at 0.

    Source: torch's page "torch.signal.windows.bartlett".

    Example:
        >>> import flambeau as torch
        >>> torch.signal.windows.bartlett(5)
        tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """

    def weight(n: Tensor) -> Tensor:
        if M == 1:
            return ones(1, dtype=dt.float64)
        return 1 - (n * (2 / (_steps(M, sym) or 1)) - 1).abs()

    return _window("bartlett", M, options, weight)


def cosine(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """Return half a wave of a sine that begins and ends half a step outside.

    Source: torch's page "torch.signal.windows.cosine".
    """
    step = math.pi / (_steps(M, sym) + 1 or 1)
    return _window("cosine", M, options, lambda n: ((n + 0.5) * step).sin())


def exponential(
    M: int,
    *,
    center: float | None = None,
    tau: float = 1.0,
    sym: bool = True,
    **options: Any,
) -> Tensor:
    """Return exp(-|n - center| / tau).

    Args:
        M: how many points.
        center: where it is 1, the middle by default; for windows to be repeated only.
        tau: over how many points it falls to 1 / e.
        sym: symmetric; else to be repeated.
        options: `dtype`, `layout`, `device` and `requires_grad`.

    Raises:
        ValueError: tau is not positive, a symmetric window has a center, M is negative,
            or another dtype than float32 and float64.

    Source: torch's page "torch.signal.windows.exponential".
    """
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    middle = _steps(M, sym) / 2 if center is None else center
    return _window(
        "exponential", M, options, lambda n: (-(n - middle).abs() / tau).exp()
    )


def gaussian(M: int, *, std: float = 1.0, sym: bool = True, **options: Any) -> Tensor:
    """Return Gauss's bell with a standard deviation of some points.

    Raises:
        ValueError: the deviation is not positive, M is negative, or another dtype than
            float32 and float64.

    Source: torch's page "torch.signal.windows.gaussian".
    """
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    middle = _steps(M, sym) / 2
    return _window(
        "gaussian", M, options, lambda n: (-(((n - middle) / std) ** 2) / 2).exp()
    )


def kaiser(M: int, *, beta: float = 12.0, sym: bool = True, **options: Any) -> Tensor:
    r"""Return Kaiser's window.

    .. math:: I_0(\beta \sqrt{1 - (2 n / (M - 1) - 1)^2}) / I_0(\beta)

    Raises:
        ValueError: beta or M is negative, or another dtype than float32 and float64.

    Source: torch's page "torch.signal.windows.kaiser".
    """
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")

    def weight(n: Tensor) -> Tensor:
        return kaiser_window(M, not sym, beta, dtype=n.dtype)

    return _window("kaiser", M, options, weight)
