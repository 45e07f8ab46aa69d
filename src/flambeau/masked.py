"""Reductions over those elements that a mask marks; torch's ``torch.masked``.

A `mask` is broadcast to the input and may have any dtype; without one, all elements
count. What it leaves out is replaced by what changes nothing: 0 in a sum, the lowest
number where the largest is looked for. Masked tensors, which carry a mask of their own,
are out of scope.

Source: torch's page "torch.masked".

Example:
    >>> import flambeau as torch
    >>> x, mask = torch.tensor([1., 2., 4.]), torch.tensor([True, False, True])
    >>> torch.masked.mean(x, mask=mask), torch.masked.amax(x, mask=~mask)
    (tensor(2.5000), tensor(2.))
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, nan

from . import dtypes as dt
from .limits import iinfo
from .shape import axes_of, axis_of
from .tensor import Tensor
from .tensor.creation import ones
from .tensor.norms import vector_norm
from .tensor.operands import check_real
from .tensor.pointwise import maximum, where
from .tensor.pointwise_rare import logaddexp as _logaddexp
from .tensor.reduction import log_softmax as _log_softmax
from .tensor.reduction import logsumexp as _logsumexp
from .tensor.reduction import softmax as _softmax
from .tensor.shaping import broadcast_to
from .tensor.sorting import nanmedian

__all__ = [
    "amax",
    "amin",
    "argmax",
    "argmin",
    "cumprod",
    "cumsum",
    "is_masked_tensor",
    "log_softmax",
    "logaddexp",
    "logsumexp",
    "mean",
    "median",
    "norm",
    "normalize",
    "prod",
    "softmax",
    "softmin",
    "std",
    "sum",
    "var",
]

Dims = int | Sequence[int] | None
Kind = dt.dtype | None
Mask = Tensor | None


def is_masked_tensor(obj: object) -> bool:
    """Return False: there are no tensors with a mask of their own."""
    return False


def _whole(x: Tensor, mask: Tensor) -> Tensor:
    """A mask as bools of the shape of a tensor."""
    if mask.ndim > x.ndim:
        raise IndexError(
            "_input_mask expected broadcastable mask (got mask dimensionality higher "
            "than of the input)"
        )
    return broadcast_to(mask, x.shape).to(dt.bool_)


def _filled(x: Tensor, mask: Mask, value: float) -> Tensor:
    return x if mask is None else where(_whole(x, mask), x, x.new_full((), value))


def _axes(x: Tensor, dim: Dims) -> tuple[int, ...]:
    """The dimensions to reduce; none named are all."""
    return axes_of(None if dim == () else dim, x.ndim)


def _lowest(x: Tensor) -> float:
    check_real("masked", x)
    return -inf if x.is_floating_point() else iinfo(x.dtype).min


def _highest(x: Tensor) -> float:
    check_real("masked", x)
    return inf if x.is_floating_point() else iinfo(x.dtype).max


def _exact(x: Tensor, dtype: Kind) -> dt.dtype:
    """The dtype of a sum or product: integers are added up in int64."""
    if dtype is not None:
        return dtype
    return x.dtype if x.dtype.is_inexact else dt.int64


# Reductions


def sum(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool | None = False,
    dtype: Kind = None,
    mask: Mask = None,
) -> Tensor:
    """Return the sum of the elements that the mask marks, 0 for none."""
    x, axes = _filled(input, mask, 0), _axes(input, dim)
    return x.sum(axes, bool(keepdim), dtype=_exact(input, dtype))


def prod(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool | None = False,
    dtype: Kind = None,
    mask: Mask = None,
) -> Tensor:
    """Return the product of the elements that the mask marks, 1 for none."""
    x = _filled(input, mask, 1).to(_exact(input, dtype))
    for axis in sorted(_axes(input, dim), reverse=True):
        x = x.prod(axis, bool(keepdim))
    return x


def amax(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool | None = False,
    dtype: Kind = None,
    mask: Mask = None,
) -> Tensor:
    """Return the largest element that the mask marks, the lowest number for none."""
    x = _filled(input, mask, _lowest(input))
    return x.amax(_axes(input, dim), bool(keepdim)).to(dtype or input.dtype)


def amin(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool | None = False,
    dtype: Kind = None,
    mask: Mask = None,
) -> Tensor:
    """Return the smallest element that the mask marks, the highest number for none."""
    x = _filled(input, mask, _highest(input))
    return x.amin(_axes(input, dim), bool(keepdim)).to(dtype or input.dtype)


def argmax(
    input: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool | None = False,
    dtype: Kind = None,
    mask: Mask = None,
) -> Tensor:
    """Return where the largest of the marked elements is, in the input's dtype."""
    x = _filled(input, mask, _lowest(input))
    return x.argmax(dim, bool(keepdim)).to(dtype or input.dtype)


def argmin(
    input: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool | None = False,
    dtype: Kind = None,
    mask: Mask = None,
) -> Tensor:
    """Return where the smallest of the marked elements is, in the input's dtype."""
    x = _filled(input, mask, _highest(input))
    return x.argmin(dim, bool(keepdim)).to(dtype or input.dtype)


def _count(x: Tensor, dim: Dims, keepdim: bool, mask: Mask) -> Tensor:
    marks = ones(x.shape, dtype=dt.int64) if mask is None else _whole(x, mask)
    return marks.sum(_axes(x, dim), keepdim)


def mean(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool | None = False,
    dtype: Kind = None,
    mask: Mask = None,
) -> Tensor:
    """Return the mean of the elements that the mask marks, NaN for none.

    Raises:
        ValueError: the dtype is not one of floats.
    """
    kind = dtype or input.dtype
    if not kind.is_inexact:
        raise ValueError(
            f"mean(): Could not infer output dtype. {'Optional' if dtype else 'Input'} "
            f"dtype must be either a floating point or complex dtype. Got: {kind}"
        )
    total = sum(input, dim, keepdim=keepdim, dtype=kind, mask=mask)
    return total / _count(input, dim, bool(keepdim), mask)


def median(
    input: Tensor,
    dim: int = -1,
    *,
    keepdim: bool = False,
    dtype: Kind = None,
    mask: Mask = None,
) -> Tensor:
    """Return the lower median of the elements that the mask marks, NaN for none.

    Raises:
        ValueError: of integers, there is none.
    """
    is_float = input.is_floating_point()
    x = _filled(input if is_float else input.float(), mask, nan)
    found: Tensor = nanmedian(x, axis_of(dim, input.ndim), keepdim).values
    if is_float:
        return found
    if bool(found.isnan().any()):
        raise ValueError(
            "masked median expects no fully masked out rows if dtype is not floating "
            "point"
        )
    return found.to(dtype or input.dtype)


def logsumexp(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: Kind = None,
    mask: Mask = None,
) -> Tensor:
    """Return the logarithm of the sum of the exponentials that the mask marks."""
    x = _filled(input, mask, _lowest(input))
    return _logsumexp(x, _axes(input, dim), keepdim).to(dtype or input.dtype)


def logaddexp(
    input: Tensor,
    other: Tensor,
    *,
    dtype: Kind = None,
    input_mask: Mask = None,
    other_mask: Mask = None,
) -> Tensor:
    """Return log(exp(x) + exp(y)) of the elements that their masks mark.

    Raises:
        NotImplementedError: bools, and a mask: no bool is e to the power of nothing.
    """
    given = ((input, input_mask), (other, other_mask))
    x, y = (
        each if mask is None else _filled(each, mask, _least(each))
        for each, mask in given
    )
    return _logaddexp(x, y).to(dtype or input.dtype)


def _least(x: Tensor) -> float:
    """What adds nothing, as an exponent."""
    if x.dtype is dt.bool_:
        raise NotImplementedError("identity of logaddexp on torch.bool input")
    return _lowest(x)


def norm(
    input: Tensor,
    ord: float | None = 2.0,
    dim: Dims = None,
    *,
    keepdim: bool | None = False,
    dtype: Kind = None,
    mask: Mask = None,
) -> Tensor:
    """Return the norm of the elements that the mask marks."""
    order = 2.0 if ord is None else ord
    x = _filled(input, mask, inf if order == -inf else 0)
    axes, kind = _axes(input, dim), dtype or input.dtype
    return vector_norm(x, order, axes, bool(keepdim), dtype=kind)


def var(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool | None = False,
    dtype: Kind = None,
    mask: Mask = None,
) -> Tensor:
    """Return the variance of the elements that the mask marks, NaN for none.

    Args:
        input: any shape.
        dim: the dimensions to reduce; all if none are named.
        unbiased: whether to divide by the count less 1, or by the count.
        correction: what is taken from the count, in place of `unbiased`.
        keepdim: keep these dimensions as 1.
        dtype: that of the result.
        mask: which elements count.

    Raises:
        AssertionError: both `unbiased` and `correction` are given.
    """
    if unbiased is not None and correction is not None:
        raise AssertionError("Only one of unbiased and correction may be given")
    less = (unbiased is not False) * 1.0 if correction is None else correction
    kind = dtype or (input.dtype if input.is_floating_point() else dt.float32)
    working = kind if kind.is_floating_point else dt.float32
    check_real("masked.var", input)
    center = sum(input, dim, keepdim=True, dtype=kind, mask=mask) / _count(
        input, dim, True, mask
    )
    apart = input - center
    total = sum(apart * apart, dim, keepdim=keepdim, dtype=working, mask=mask)
    count = _count(input, dim, bool(keepdim), mask)
    if less:
        count = (count.to(working) - less).clamp(min=0)
    return (total / count).to(kind)


def std(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    *,
    correction: int | None = None,
    keepdim: bool | None = False,
    dtype: Kind = None,
    mask: Mask = None,
) -> Tensor:
    """Return the standard deviation: the square root of `var`, with its arguments."""
    return var(
        input,
        dim,
        unbiased,
        correction=correction,
        keepdim=keepdim,
        dtype=dtype,
        mask=mask,
    ).sqrt()


# Along a dimension, which stays


def cumsum(input: Tensor, dim: int, *, dtype: Kind = None, mask: Mask = None) -> Tensor:
    """Return the sums of the marked elements up to each place."""
    kind = dtype or input.dtype
    return _filled(input, mask, 0).cumsum(dim, dtype=kind).to(kind)


def cumprod(
    input: Tensor, dim: int, *, dtype: Kind = None, mask: Mask = None
) -> Tensor:
    """Return the products of the marked elements up to each place."""
    kind = dtype or input.dtype
    return _filled(input, mask, 1).cumprod(dim, dtype=kind).to(kind)


def softmax(
    input: Tensor, dim: int, *, dtype: Kind = None, mask: Mask = None
) -> Tensor:
    """Return the softmax of the marked elements, 0 elsewhere, NaN for none."""
    return _softmax(_filled(input, mask, _lowest(input)), dim, dtype or input.dtype)


def log_softmax(
    input: Tensor, dim: int, *, dtype: Kind = None, mask: Mask = None
) -> Tensor:
    """Return the logarithm of the softmax of the marked elements."""
    x = _filled(input, mask, _lowest(input))
    return _log_softmax(x, dim, dtype or input.dtype)


def softmin(
    input: Tensor, dim: int, *, dtype: Kind = None, mask: Mask = None
) -> Tensor:
    """Return the softmax of the negative marked elements, 0 elsewhere."""
    return _softmax(-_filled(input, mask, _highest(input)), dim, dtype or input.dtype)


def normalize(
    input: Tensor,
    ord: float,
    dim: int,
    *,
    eps: float = 1e-12,
    dtype: Kind = None,
    mask: Mask = None,
) -> Tensor:
    """Return the marked elements over their norm, or over `eps` if that is larger."""
    size = norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask)
    return _filled(input, mask, 0) / maximum(size, size.new_full((), eps))
