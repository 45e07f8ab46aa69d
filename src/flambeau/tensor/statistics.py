"""Quantiles, covariances, gradients along a grid, and windows of signals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .. import dtypes as dt
from ..shape import axis_of
from .creation import arange, empty, tensor
from .handle import Handle
from .joining import cat
from .norms import vector_norm
from .pointwise import isnan, lerp, where
from .special import i0

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "bartlett_window",
    "blackman_window",
    "corrcoef",
    "cov",
    "hamming_window",
    "hann_window",
    "kaiser_window",
    "nanquantile",
    "narrow_copy",
    "quantile",
    "renorm",
    "vander",
]

_METHODS = ("linear", "lower", "higher", "nearest", "midpoint")


def quantile(
    input: Tensor,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """Return the values below which a part q of the elements lies; NaN where one is.

    Args:
        input: floats.
        q: a number in [0, 1], or a vector of them: they become the first dimension.
        dim: along which; None for all elements.
        keepdim: keep the dimension with size 1.
        interpolation: between two elements: "linear", "lower", "higher", "nearest" or
            "midpoint".

    Raises:
        RuntimeError: q is outside [0, 1], an unknown interpolation, or other dtypes
            than float32 or float64 for both.

    Source: torch's page "torch.quantile".

    Example:
        >>> import flambeau as torch
        >>> torch.quantile(torch.tensor([0., 1., 2., 4.]), 0.5)
        tensor(1.5000)
    """
    found = _quantile("quantile", input, q, dim, keepdim, interpolation)
    has_nan = isnan(input).any() if dim is None else isnan(input).any(dim, keepdim)
    return where(has_nan, math.nan, found)


def nanquantile(
    input: Tensor,
    q: float | Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
) -> Tensor:
    """Do `quantile` as if the elements that are NaN were not there."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation)


def _quantile(
    name: str,
    input: Tensor,
    q: float | Tensor,
    dim: int | None,
    keepdim: bool,
    method: str,
) -> Tensor:
    if method not in _METHODS:
        raise RuntimeError(
            f"{name}() interpolation must be one of {', '.join(_METHODS)}, but got "
            f"{method}"
        )
    if input.dtype not in (dt.float32, dt.float64):
        raise RuntimeError(
            f"{name}() input tensor must be either float or double dtype"
        )
    parts = q if isinstance(q, Handle) else tensor(q, dtype=input.dtype)
    if parts.dtype is not input.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    if not isinstance(q, Handle) and not 0 <= q <= 1:
        raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
    dim = None if dim is None else axis_of(dim, input.ndim)
    if dim is None or not input.ndim:
        whole = input.reshape(-1)
    else:
        whole = input.movedim(dim, -1)
    ordered = whole.sort(-1).values  # NaNs are last
    last = (~isnan(whole)).sum(-1, keepdim=True).to(input.dtype) - 1
    rank = parts.reshape(-1) * last.clamp(min=0)
    low = rank.floor()
    if method in ("lower", "higher", "nearest"):
        whole_rank = {"lower": low, "higher": rank.ceil(), "nearest": rank.round()}
        found = ordered.gather(-1, whole_rank[method].long())
    else:
        weight = 0.5 * (rank.ceil() - low) if method == "midpoint" else rank - low
        below = ordered.gather(-1, low.long())
        found = lerp(below, ordered.gather(-1, rank.ceil().long()), weight)
    found = found.movedim(-1, 0)
    if keepdim:
        found = _kept(found, input.ndim, dim)
    return found if parts.ndim else found[0]


def _kept(found: Tensor, ndim: int, dim: int | None) -> Tensor:
    if dim is None or not ndim:
        return found.reshape(len(found), *(1,) * ndim)
    return found.unsqueeze(1 + dim)


def cov(
    input: Tensor,
    *,
    correction: int = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
) -> Tensor:
    """Return the covariances of variables, the rows, over observations, the columns.

    Args:
        input: (variables, observations), or one variable.
        correction: the observations are divided by their number less this.
        fweights: how often each observation counts, ints.
        aweights: how much each counts.

    Source: torch's page "torch.cov".

    Example:
        >>> import flambeau as torch
        >>> torch.cov(torch.tensor([[0., 1., 2.], [2., 1., 0.]]))
        tensor([[ 1., -1.],
                [-1.,  1.]])
    """
    if input.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions, got {input.ndim}"
        )
    x = input if input.ndim == 2 else input.reshape(1, -1)
    x = x if x.dtype.is_inexact else x.to(dt.get_default_dtype())
    given = _weights(x.shape[1], fweights, aweights)
    if not given:
        centred = x - x.mean(1, keepdim=True)
        found = centred @ centred.mH / max(x.shape[1] - correction, 0)
    else:
        w = given[0] * given[1] if len(given) > 1 else given[0]
        total = w.sum()
        centred = x - (x * w).sum(1, keepdim=True) / total
        lost: Any = correction
        if correction and aweights is not None:
            lost = correction * (w * aweights).sum() / total
        weighted = centred * w
        products = centred.to(weighted.dtype) @ weighted.mH
        found = products / (total - lost).clamp(min=0)
    return found.squeeze()


def _weights(count: int, fweights: Any, aweights: Any) -> list[Tensor]:
    """Return the weights that are given.

    Raises:
        RuntimeError: they do not fit the observations, or have the other's dtype.
    """
    given = []
    for name, weights in (("fweights", fweights), ("aweights", aweights)):
        if weights is None:
            continue
        floats, word = name == "aweights", "floating point"
        if weights.ndim > 1:
            raise RuntimeError(
                f"cov(): expected {name} to have one or fewer dimensions but got "
                f"{name} with {weights.ndim} dimensions"
            )
        if weights.is_floating_point() != floats or weights.dtype is dt.bool_:
            raise RuntimeError(
                f"cov(): expected {name} to have {word if floats else 'integral'} "
                f"dtype but got {name} with {dt.scalar_name(weights.dtype)} dtype"
            )
        if weights.numel() != count:
            raise RuntimeError(
                f"cov(): expected {name} to have the same numel as there are "
                f"observations in the input but got {weights.numel()} != {count}"
            )
        if (weights < 0).any():
            raise RuntimeError(f"cov(): {name} cannot be negative")
        given.append(weights)
    return given


def corrcoef(input: Tensor) -> Tensor:
    """Return Pearson's correlations of variables, the rows, over the columns.

    Source: torch's page "torch.corrcoef".
    """
    found = cov(input)
    if not found.ndim:
        return found / found
    size = found.diagonal().sqrt()
    return (found / size.unsqueeze(1) / size).clamp(-1, 1)


def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Scale each slice along a dimension down to a norm of at most `maxnorm`.

    Source: torch's page "torch.renorm".
    """
    if input.ndim < 2:
        raise RuntimeError(
            f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions"
        )
    kept = axis_of(dim, input.ndim)
    others = tuple(axis for axis in range(input.ndim) if axis != kept)
    norms = vector_norm(input, p, others, keepdim=True)
    return input * where(norms > maxnorm, maxnorm / (norms + 1e-7), 1.0).to(input.dtype)


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Return the powers of each element as a row, the highest first.

    Source: torch's page "torch.vander".

    Example:
        >>> import flambeau as torch
        >>> torch.vander(torch.tensor([2, 3]), 3)
        tensor([[4, 2, 1],
                [9, 3, 1]])
    """
    count = len(x) if N is None else N
    columns = [x**power for power in range(count)]
    columns = columns if increasing else columns[::-1]
    if not columns:
        return empty(len(x), 0, dtype=x.dtype)
    return cat([each.unsqueeze(1) for each in columns], 1)


def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Return a copy of a part of one dimension."""
    return input.narrow(dim, start, length).clone()


# Windows: even ones are the first part of an odd one that closes its period


def _window(
    length: int, periodic: bool, parts: Sequence[float], options: dict[str, Any]
) -> Tensor:
    """A sum of cosines: parts[0] - parts[1] cos(t) + parts[2] cos(2 t)."""
    kind = options.pop("dtype", None) or dt.get_default_dtype()
    if length <= 1:
        return (arange(length, dtype=kind) + 1).requires_grad_(
            options.get("requires_grad", False)
        )
    steps = length if periodic else length - 1
    angle = arange(length, dtype=dt.float64) * (2 * math.pi / steps)
    found = sum((-1) ** k * a * (angle * k).cos() for k, a in enumerate(parts))
    made = found.to(kind)
    return made.requires_grad_(options.get("requires_grad", False))


def hann_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """Return Hann's window, half of 1 - cos.

    Args:
        window_length: the number of elements.
        periodic: leave out the last one, which would be the first again.
        options: dtype and requires_grad.

    Source: torch's page "torch.hann_window".

    Example:
        >>> import flambeau as torch
        >>> torch.hann_window(4)
        tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _window(window_length, periodic, (0.5, 0.5), options)


def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    **options: Any,
) -> Tensor:
    """Return Hamming's window, alpha - beta cos."""
    return _window(window_length, periodic, (alpha, beta), options)


def blackman_window(
    window_length: int, periodic: bool = True, **options: Any
) -> Tensor:
    """Return Blackman's window, 0.42 - 0.5 cos(t) + 0.08 cos(2 t)."""
    return _window(window_length, periodic, (0.42, 0.5, 0.08), options)


def bartlett_window(
    window_length: int, periodic: bool = True, **options: Any
) -> Tensor:
    """Return Bartlett's window, a triangle."""
    kind = options.pop("dtype", None) or dt.get_default_dtype()
    steps = max(window_length if periodic else window_length - 1, 1)
    place = arange(window_length, dtype=dt.float64) * (2 / steps)
    made = (1 - (place - 1).abs()).to(kind)
    if window_length == 1:
        made = made + 1
    return made.requires_grad_(options.get("requires_grad", False))


def kaiser_window(
    window_length: int, periodic: bool = True, beta: float = 12.0, **options: Any
) -> Tensor:
    r"""Return Kaiser's window.

    .. math:: I_0(\beta \sqrt{1 - (2 n / N - 1)^2}) / I_0(\beta)

    Args:
        window_length: the number of elements.
        periodic: leave out the last one, which would be the first again.
        beta: how narrow it is.
        options: dtype and requires_grad.

    Source: torch's page "torch.kaiser_window".

    Example:
        >>> import flambeau as torch
        >>> torch.kaiser_window(4, periodic=False, beta=8.0)
        tensor([0.0023, 0.6525, 0.6525, 0.0023])
    """
    kind = options.pop("dtype", None) or dt.get_default_dtype()
    steps = max(window_length if periodic else window_length - 1, 1)
    place = arange(window_length, dtype=dt.float64) * (2 / steps) - 1
    if window_length == 1:
        place = place + 1
    found = i0(beta * (1 - place * place).clamp(min=0).sqrt()) / i0(0 * place + beta)
    return found.to(kind).requires_grad_(options.get("requires_grad", False))
