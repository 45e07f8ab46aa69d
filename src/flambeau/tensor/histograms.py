"""Histograms: how many elements fall into each bin. They are computed at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes as dt
from ..graph import constant
from .convert import value_of
from .creation import linspace
from .handle import wrap
from .operands import Number, is_number
from .return_types import named_result

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["histc", "histogram", "histogramdd"]

_HISTOGRAM = named_result("histogram", ("hist", "bin_edges"))
_HISTOGRAMDD = named_result("histogramdd", ("hist", "bin_edges"))


def histc(input: Tensor, bins: int = 100, min: Number = 0, max: Number = 0) -> Tensor:
    """Return how many elements fall into each of equal bins.

    Args:
        input: floats of any shape.
        bins: how many bins.
        min: where the first begins.
        max: where the last ends, itself included; elements outside are not counted.
            If both are equal, the extremes of the data.

    Raises:
        NotImplementedError: `input` is no float tensor.
        RuntimeError: no bins, or a range that is empty or not finite.

    Example:
        >>> import flambeau as torch
        >>> torch.histc(torch.tensor([1., 2., 1.]), bins=4, min=0, max=3)
        tensor([0., 2., 1., 0.])
    """
    if not input.is_floating_point():
        raise NotImplementedError(
            f'"histogram_cpu" not implemented for {input.dtype!r}; convert to float32'
        )
    if bins <= 0:
        raise RuntimeError(f"torch.histc(): bins must be > 0, but got {bins}")
    values = _floats(input).reshape(-1)
    low, high = values.dtype.type(min), values.dtype.type(max)
    if low == high and values.size:
        low, high = values.min(), values.max()
    if low == high:
        low, high = low - 1, high + 1
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"torch.histc: range of [{low}, {high}] is not finite")
    if high < low:
        raise RuntimeError(
            f"torch.histc: max must be larger than min, got [{low}, {high}]"
        )
    inside = values[(values >= low) & (values <= high)]
    places = ((inside - low) * bins / (high - low)).astype(np.int64)
    counts = np.bincount(np.minimum(places, bins - 1), minlength=bins)
    return wrap(constant(counts.astype(input.dtype.numpy), input.dtype))


def _floats(input: Tensor) -> np.ndarray:
    values = value_of(input)
    return values.astype(np.float32) if values.dtype.kind == "V" else values


def histogram(
    input: Tensor,
    bins: int | Tensor,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """Return how many elements fall into each bin, and the bins' edges.

    Args:
        input: floats of any shape.
        bins: how many equal bins, or their edges in rising order. A bin begins with
            its left edge; the last one ends with its right edge.
        range: where the first bin begins and the last one ends; by default the
            extremes of the data.
        weight: what each element counts for, of the same shape.
        density: divide by the sum of all and by the widths of the bins.

    Returns:
        The pair (hist, bin_edges).

    Raises:
        RuntimeError: no bins, a range that is not finite or ends before it begins,
            edges that are no row, or weights of another shape.
        NotImplementedError: other dtypes than float32 and float64.

    Source: torch's page "torch.histogram".

    Example:
        >>> import flambeau as torch
        >>> torch.histogram(torch.tensor([1., 2., 1.]), 2, range=(0., 4.)).hist
        tensor([2., 1.])
    """
    _check("histogram", input, weight, input.shape)
    points = value_of(input).reshape(-1, 1)
    edges = _edges("histogram", points, [bins], range)
    found = _counted(points, edges, weight, density)
    return _HISTOGRAM(found, edges[0])


def histogramdd(
    input: Tensor,
    bins: int | Sequence[Any],
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """Return how many points fall into each bin of a grid, and the edges.

    Args:
        input: points, floats; the last dimension has their coordinates.
        bins: for each coordinate how many equal bins, or their edges; or one number
            for all.
        range: for each coordinate where its bins begin and end, in one row.
        weight: what each point counts for.
        density: divide by the sum of all and by the sizes of the bins.

    Returns:
        The pair (hist, bin_edges), with a dimension and edges for each coordinate.

    Raises:
        RuntimeError: as `histogram`, or another number of bins than coordinates.

    Source: torch's page "torch.histogramdd".
    """
    count = input.shape[-1]
    _check("histogramdd", input, weight, input.shape[:-1])
    each = [bins] * count if isinstance(bins, int) else list(bins)
    if len(each) != count:
        raise RuntimeError(
            "histogramdd: The size of bins must be equal to the innermost dimension of "
            f"the input. Got {len(each)} and {count}"
        )
    points = value_of(input).reshape(-1, count)
    edges = _edges("histogramdd", points, each, range)
    return _HISTOGRAMDD(_counted(points, edges, weight, density), edges)


def _check(
    name: str, input: Tensor, weight: Tensor | None, shape: Sequence[int]
) -> None:
    if input.dtype not in (dt.float32, dt.float64):
        raise NotImplementedError(
            f"\"{name}_cpu\" not implemented for '{dt.scalar_name(input.dtype)}': it "
            "takes float32 and float64"
        )
    if weight is not None and tuple(weight.shape) != tuple(shape):
        raise RuntimeError(
            f"torch.{name}(): if weight tensor is provided it should have the same "
            f"shape as the input tensor: {list(shape)}, got {list(weight.shape)}"
        )


def _edges(
    name: str,
    points: np.ndarray,
    bins: Sequence[Any],
    limits: Sequence[float] | None,
) -> list[Tensor]:
    """Return the edges of the bins of each coordinate."""
    kind = dt.from_numpy_dtype(points.dtype)
    made: list[Tensor] = []
    for at, each in enumerate(bins):
        if not is_number(each):
            if each.ndim != 1:
                raise RuntimeError(
                    f"torch.{name}(): bins tensor should have one dimension"
                )
            if each.dtype is not kind:
                raise RuntimeError(
                    f"torch.{name}: input tensor and bins tensors should have the same "
                    f"dtype, but got {kind!r} and {each.dtype!r} for dimension {at}"
                )
            made.append(each)
            continue
        if each <= 0:
            raise RuntimeError(f"torch.{name}(): bins must be > 0, but got {each}")
        given = None if limits is None else limits[2 * at : 2 * at + 2]
        low, high = _limits(name, points[:, at], given)
        made.append(linspace(low, high, each + 1, dtype=kind))
    return made


def _limits(
    name: str, values: np.ndarray, given: Sequence[float] | None
) -> tuple[float, float]:
    low, high = 0.0, 1.0
    if given is not None:
        low, high = given
    elif values.size:
        low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise RuntimeError(f"torch.{name}(): range [{low}, {high}] is not finite")
    if high < low:
        raise RuntimeError(
            f"torch.{name}(): min should not exceed max, got [{low}, {high}]"
        )
    return (low - 0.5, high + 0.5) if low == high else (low, high)


def _counted(
    points: np.ndarray, edges: list[Tensor], weight: Tensor | None, density: bool
) -> Tensor:
    """Return what the points in each bin count for."""
    borders = [value_of(each) for each in edges]
    shape = tuple(len(each) - 1 for each in borders)
    places, inside = [], np.ones(len(points), bool)
    for at, border in enumerate(borders):
        values = points[:, at]
        place = np.searchsorted(border, values, "right") - 1
        place = np.where(values == border[-1], len(border) - 2, place)
        inside &= (values >= border[0]) & (values <= border[-1])
        places.append(place)
    weights = np.ones(len(points)) if weight is None else value_of(weight).reshape(-1)
    flat = np.ravel_multi_index([each[inside] for each in places], shape)
    size = int(np.prod(shape))
    total = np.bincount(flat, weights[inside], minlength=size).reshape(shape)
    if density:
        total = total / total.sum()
        for at, border in enumerate(borders):
            along = [-1 if axis == at else 1 for axis in np.arange(len(shape))]
            total = total / np.diff(border).reshape(along)
    return wrap(constant(total.astype(points.dtype)))
