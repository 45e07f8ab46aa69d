"""Reductions over dimensions: sums, moments, logic, and the softmax family."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from math import prod as product
from typing import TYPE_CHECKING

from .. import dtypes as dt
from ..graph import Node
from ..ops import elementwise as ew
from ..ops import reduce
from ..ops.broadcast import reshape, sum_
from ..ops.complex_numbers import imag, real
from ..ops.norm import root
from ..ops.op import Op
from ..shape import axes_of, axis_of
from .arguments import numpy_names
from .handle import wrap
from .operands import as_float, check_float

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "all",
    "any",
    "count_nonzero",
    "log_softmax",
    "logsumexp",
    "mean",
    "nanmean",
    "nansum",
    "prod",
    "softmax",
    "std",
    "std_mean",
    "sum",
    "var",
    "var_mean",
]

Dims = int | Sequence[int] | None
Pair = tuple["Tensor", "Tensor"]


def axes_to_reduce(dim: Dims, ndim: int) -> tuple[int, ...]:
    """Return the axes that `dim` names; None and no dimension at all mean every one."""
    return axes_of(None if dim == () or dim == [] else dim, ndim)


def in_float32(x: Node, function: Callable[[Node], Node]) -> Node:
    """Apply a function, for the 16-bit floats in float32 as torch accumulates."""
    if x.dtype.itemsize > 2 or not x.dtype.is_floating_point:
        return function(x)
    return ew.cast(function(ew.cast(x, dt.float32)), x.dtype)


def along(x: Node, dim: int, function: Callable[[Node, int], Node]) -> Node:
    """Apply a function of one axis; a 0-d node counts as one with a single element."""
    axis = axis_of(dim, x.ndim)
    if x.ndim:
        return function(x, axis)
    return reshape(function(reshape(x, (1,)), axis), ())


# Sums and products


def accumulating(input: Tensor, dtype: dt.dtype | None) -> Node:
    """Return the node in the dtype that sums of it have: integers add up in int64."""
    x = input.node
    return ew.cast(x, dtype or (x.dtype if x.dtype.is_inexact else dt.int64))


@numpy_names
def sum(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: dt.dtype | None = None,
) -> Tensor:
    """Return the sum over dimensions.

    Args:
        input: any shape; bools and integers add up in int64.
        dim: the dimension or dimensions to sum over; None for all.
        keepdim: keep them with size 1.
        dtype: what to convert to before adding.

    Source: torch's page "torch.sum".

    Example:
        >>> import flambeau as torch
        >>> torch.sum(torch.tensor([[1., 2.], [3., 4.]]), dim=0)
        tensor([4., 6.])
    """
    x = accumulating(input, dtype)
    return wrap(sum_(x, axes=axes_to_reduce(dim, x.ndim), keepdims=keepdim))


@numpy_names
def nansum(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: dt.dtype | None = None,
) -> Tensor:
    """Return the sum over dimensions, NaN counting as 0.

    Args:
        input: any shape; bools and integers add up in int64.
        dim: the dimension or dimensions to sum over; None for all.
        keepdim: keep them with size 1.
        dtype: what to convert to before adding.

    Source: torch's page "torch.nansum".
    """
    x = accumulating(input, dtype)
    if x.dtype.is_floating_point:
        x = ew.where(ew.isnan(x), ew.const_like(0, x), x)
    return wrap(sum_(x, axes=axes_to_reduce(dim, x.ndim), keepdims=keepdim))


@numpy_names
def prod(
    input: Tensor,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    dtype: dt.dtype | None = None,
) -> Tensor:
    """Return the product over one dimension, or of all elements.

    Args:
        input: any shape; bools and integers multiply in int64.
        dim: the dimension; None for all.
        keepdim: keep it with size 1.
        dtype: what to convert to before multiplying.

    Source: torch's page "torch.prod".

    Example:
        >>> import flambeau as torch
        >>> torch.prod(torch.tensor([2, 3, 4]))
        tensor(24)
    """
    x = accumulating(input, dtype)
    if dim is None:
        return wrap(reduce.prod(reshape(x, (x.size,)), axis=0, keepdims=False))
    return wrap(along(x, dim, lambda x, at: reduce.prod(x, axis=at, keepdims=keepdim)))


@numpy_names
def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """Return how many elements are not 0, over dimensions or in all, as int64.

    Example:
        >>> import flambeau as torch
        >>> torch.count_nonzero(torch.tensor([[0, 1], [2, 3]]), dim=1)
        tensor([1, 2])
    """
    x = input.node
    hits = ew.cast(ew.not_equal(x, ew.const_like(0, x)), dt.int64)
    return wrap(sum_(hits, axes=axes_to_reduce(dim, x.ndim), keepdims=False))


# Moments


def _averaging(input: Tensor, dtype: dt.dtype | None) -> Node:
    """Return the node in the dtype of its mean, which must be a float."""
    kind = dtype or input.dtype
    if not kind.is_inexact:
        which = "Input" if dtype is None else "Optional"
        raise RuntimeError(
            f"mean(): could not infer output dtype. {which} dtype must be either a "
            f"floating point or complex dtype. Got: {dt.scalar_name(kind)}. Convert "
            "with .float(), or pass a float dtype="
        )
    return ew.cast(input.node, kind)


@numpy_names
def mean(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: dt.dtype | None = None,
) -> Tensor:
    """Return the mean over dimensions.

    Args:
        input: any shape, floats unless `dtype` is given.
        dim: the dimension or dimensions to average over; None for all.
        keepdim: keep them with size 1.
        dtype: what to convert to before adding.

    Raises:
        RuntimeError: neither the input nor `dtype` is a float type.

    Source: torch's page "torch.mean".

    Example:
        >>> import flambeau as torch
        >>> torch.mean(torch.tensor([[1., 2.], [3., 4.]]), dim=1)
        tensor([1.5000, 3.5000])
    """
    x = _averaging(input, dtype)
    axes = axes_to_reduce(dim, x.ndim)
    return wrap(in_float32(x, lambda x: reduce.mean(x, axes, keepdim)))


@numpy_names
def nanmean(
    input: Tensor,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: dt.dtype | None = None,
) -> Tensor:
    """Return the mean over dimensions of the elements that are not NaN.

    Args:
        input: any shape, floats.
        dim: the dimension or dimensions to average over; None for all.
        keepdim: keep them with size 1.
        dtype: what to convert to before adding.

    Raises:
        RuntimeError: the input is not a float tensor.

    Source: torch's page "torch.nanmean".
    """
    if not input.is_floating_point():
        raise RuntimeError(
            "nanmean(): expected input to have floating point or complex dtype but got "
            f"{dt.scalar_name(input.dtype)}"
        )
    number = ew.logical_not(ew.isnan(input.node))
    axes = axes_to_reduce(dim, number.ndim)
    total = nansum(input, dim, keepdim, dtype=dtype).node
    counts = sum_(ew.cast(number, total.dtype), axes=axes, keepdims=keepdim)
    return wrap(ew.div(total, counts))


def _spread(
    name: str,
    input: Tensor,
    dim: Dims | bool,
    unbiased: bool | None,
    keepdim: bool,
    correction: float | None,
) -> tuple[Node, Node]:
    """Return variance and mean; 16-bit floats give them in float32.

    torch also takes `unbiased` alone, at the place of `dim`.
    """
    x = input.node
    if not x.dtype.is_inexact:
        raise RuntimeError(
            f"{name}(): std and var only support floating point and complex dtypes, "
            f"got {x.dtype!r}; convert with .float()"
        )
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 0 if unbiased is False else 1
    axes = axes_to_reduce(dim, x.ndim)
    _warn_if_undefined(name, x, axes, correction)
    wide = ew.cast(x, dt.float32) if x.dtype.itemsize == 2 else x
    variance = reduce.variance(real(wide), axes, correction, keepdim)
    if x.dtype.is_complex:
        across = reduce.variance(imag(wide), axes, correction, keepdim)
        variance = ew.add(variance, across)
    return variance, reduce.mean(wide, axes, keepdim)


def _warn_if_undefined(
    name: str, x: Node, axes: tuple[int, ...], correction: float
) -> None:
    count = product(x.shape[axis] for axis in axes)
    if correction >= count:
        warnings.warn(
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less "
            "than the reduction factor (input numel divided by output numel), got "
            f"{correction} and {count}.",
            stacklevel=5,
        )


@numpy_names
def var(
    input: Tensor,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    r"""Return the variance over dimensions.

    .. math:: \frac{1}{\max(0, n - c)} \sum (x - \bar x)^2

    Args:
        input: any shape, floats.
        dim: the dimension or dimensions to reduce; None for all.
        unbiased: False for correction 0, True for 1.
        keepdim: keep the dimensions with size 1.
        correction: c, 1 unless given.

    Raises:
        RuntimeError: the input is not a float tensor.

    Source: torch's page "torch.var".

    Example:
        >>> import flambeau as torch
        >>> torch.var(torch.tensor([1., 2., 3.]))
        tensor(1.)
    """
    variance, _ = _spread("var", input, dim, unbiased, keepdim, correction)
    return wrap(ew.cast(variance, dt.real_of(input.dtype)))


@numpy_names
def std(
    input: Tensor,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """Return the standard deviation, the square root of `var`, over dimensions.

    Args:
        input: any shape, floats.
        dim: the dimension or dimensions to reduce; None for all.
        unbiased: False for correction 0, True for 1.
        keepdim: keep the dimensions with size 1.
        correction: what is taken from the number of elements, 1 unless given.

    Raises:
        RuntimeError: the input is not a float tensor.

    Source: torch's page "torch.std".
    """
    variance, _ = _spread("std", input, dim, unbiased, keepdim, correction)
    return wrap(ew.cast(root(variance), dt.real_of(input.dtype)))


@numpy_names
def var_mean(
    input: Tensor,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Pair:
    """Return the variance and the mean over dimensions; it takes what var takes.

    Source: torch's page "torch.var_mean".
    """
    variance, mean = _spread("var_mean", input, dim, unbiased, keepdim, correction)
    return wrap(ew.cast(variance, dt.real_of(input.dtype))), wrap(
        ew.cast(mean, input.dtype)
    )


@numpy_names
def std_mean(
    input: Tensor,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Pair:
    """Return the deviation and the mean over dimensions; it takes what std takes.

    Source: torch's page "torch.std_mean".
    """
    variance, mean = _spread("std_mean", input, dim, unbiased, keepdim, correction)
    return wrap(ew.cast(root(variance), dt.real_of(input.dtype))), wrap(
        ew.cast(mean, input.dtype)
    )


# Logic


def _logical(op: Op, input: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    """Reduce with `and` or `or`; unlike elsewhere, no dimension means no reduction."""
    x = input.node
    found = op(x, axes=axes_of(dim, x.ndim), keepdims=keepdim)
    return wrap(ew.cast(found, dt.uint8) if x.dtype is dt.uint8 else found)


@numpy_names
def all(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return whether every element is true, over dimensions; uint8 gives 0 or 1.

    Args:
        input: any shape and dtype; what is not 0 is true.
        dim: the dimension or dimensions to reduce; None for all.
        keepdim: keep them with size 1.

    Source: torch's page "torch.all".

    Example:
        >>> import flambeau as torch
        >>> torch.all(torch.tensor([[True, False], [True, True]]), dim=0)
        tensor([ True, False])
    """
    return _logical(reduce.all_, input, dim, keepdim)


@numpy_names
def any(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return whether some element is true, over dimensions; uint8 gives 0 or 1.

    Args:
        input: any shape and dtype; what is not 0 is true.
        dim: the dimension or dimensions to reduce; None for all.
        keepdim: keep them with size 1.

    Source: torch's page "torch.any".
    """
    return _logical(reduce.any_, input, dim, keepdim)


# Exponentials


@numpy_names
def logsumexp(input: Tensor, dim: Dims, keepdim: bool = False) -> Tensor:
    r"""Return :math:`\log \sum e^x` over dimensions, without overflow.

    Args:
        input: any shape; integers become floats.
        dim: the dimension or dimensions to reduce.
        keepdim: keep them with size 1.

    Source: torch's page "torch.logsumexp".

    Example:
        >>> import flambeau as torch
        >>> torch.logsumexp(torch.tensor([1000., 1000.]), dim=0)
        tensor(1000.6932)
    """
    x = as_float(input.node)
    axes = axes_to_reduce(dim, x.ndim)
    return wrap(in_float32(x, lambda x: reduce.logsumexp(x, axes, keepdim)))


def _softmax(
    kernel: str, op: Op, input: Tensor, dim: int, dtype: dt.dtype | None
) -> Tensor:
    x = input.node if dtype is None else ew.cast(input.node, dtype)
    result = along(x, dim, lambda x, axis: op(x, axis=axis))
    check_float(kernel, x)
    return wrap(result)


@numpy_names
def softmax(input: Tensor, dim: int, dtype: dt.dtype | None = None) -> Tensor:
    r"""Return :math:`e^x / \sum e^x` along a dimension, without overflow.

    Args:
        input: any shape, floats unless `dtype` is given.
        dim: the dimension whose elements add up to 1.
        dtype: what to convert to first.

    Raises:
        NotImplementedError: neither the input nor `dtype` is a float type.

    Source: torch's page "torch.softmax".

    Example:
        >>> import flambeau as torch
        >>> torch.softmax(torch.tensor([0., 0.]), dim=0)
        tensor([0.5000, 0.5000])
    """
    return _softmax("softmax_kernel_impl", reduce.softmax, input, dim, dtype)


@numpy_names
def log_softmax(input: Tensor, dim: int, dtype: dt.dtype | None = None) -> Tensor:
    r"""Return :math:`x - \log \sum e^x` along a dimension, without overflow.

    Args:
        input: any shape, floats unless `dtype` is given.
        dim: the dimension whose exponentials add up to 1.
        dtype: what to convert to first.

    Raises:
        NotImplementedError: neither the input nor `dtype` is a float type.

    Source: torch's page "torch.log_softmax".
    """
    return _softmax("log_softmax_kernel_impl", reduce.log_softmax, input, dim, dtype)
