"""Derivatives of functions that are known at some points: `torch.gradient`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..dtypes import bool_, get_default_dtype, uint8
from ..shape import axis_of
from .creation import full
from .handle import Handle
from .joining import cat
from .operands import is_number
from .parts import narrow

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["gradient"]


def gradient(
    input: Tensor,
    *,
    spacing: Any = 1,
    dim: int | Sequence[int] | None = None,
    edge_order: int = 1,
) -> tuple[Tensor, ...]:
    """Return the derivatives along dimensions by differences, exact for parabolas.

    Args:
        input: the values of a function on a grid.
        spacing: the distance between points; or for each dimension a distance, or a
            row of coordinates.
        dim: the dimensions, all of them by default.
        edge_order: 1 or 2: how many points further the derivatives at the edges see.

    Returns:
        A tensor for each dimension.

    Raises:
        RuntimeError: another edge order, too few points, a dimension named twice,
            another number of spacings than dimensions, or uint8 or bools.

    Source: torch's page "torch.gradient".

    Example:
        >>> import flambeau as torch
        >>> torch.gradient(torch.tensor([0., 1., 4., 9.]), edge_order=2)
        (tensor([0., 2., 4., 6.]),)
    """
    if edge_order not in (1, 2):
        raise RuntimeError(
            "torch.gradient only supports edge_order=1 and edge_order=2."
        )
    _check("input", input)
    dims = _dims(input, dim)
    spaces = _spaces(spacing, len(dims), single=isinstance(dim, int))
    return tuple(
        _along(input, axis, space, edge_order) for axis, space in zip(dims, spaces)
    )


def _dims(input: Tensor, dim: int | Sequence[int] | None) -> list[int]:
    chosen = (
        range(input.ndim) if dim is None else [dim] if isinstance(dim, int) else dim
    )
    axes = [axis_of(each, input.ndim) for each in chosen]
    for axis in axes:
        if axes.count(axis) > 1:
            raise RuntimeError(f"dim {axis} appears multiple times in the list of dims")
    return axes


def _spaces(spacing: Any, count: int, single: bool) -> list[Any]:
    """Return a distance or a row of coordinates for each dimension."""
    spacing = 1 if spacing is None else spacing
    if is_number(spacing) or (single and isinstance(spacing, Handle)):
        return [spacing] * count
    if len(spacing) != count:
        raise RuntimeError(
            "torch.gradient expected spacing to be unspecified, a scalar or a list of "
            f"length equal to 'dim' ({count}), but got a list of length {len(spacing)}."
        )
    return list(spacing)


def _along(input: Tensor, axis: int, space: Any, edge_order: int) -> Tensor:
    count = input.shape[axis]
    if count <= edge_order:
        raise RuntimeError(
            "torch.gradient expected each dimension size to be at least edge_order+1, "
            f"but dimension {axis} has size {count}"
        )
    shape = [-1 if at == axis else 1 for at in range(input.ndim)]
    if is_number(space):
        input = input if input.dtype.is_inexact else input.to(get_default_dtype())
        widths = full((count - 1,), space, dtype=input.dtype).reshape(shape)
    else:
        _check("coordinates", space)
        widths = space.diff().reshape(shape)

    def values(start: int, length: int = 1) -> Tensor:
        return narrow(input, axis, start % count, length)

    def width(start: int, length: int = 1) -> Tensor:
        return narrow(widths, axis, start % (count - 1), length)

    if edge_order == 1:
        first = (values(1) - values(0)) / width(0)
        last = (values(-1) - values(-2)) / width(-1)
    else:
        first = _edge(width(0), width(1), values(0), values(1), values(2))
        last = -_edge(width(-1), width(-2), values(-1), values(-2), values(-3))
    inner = count - 2
    if not inner:
        return cat([first, last], axis)
    middle = _middle(
        width(0, inner),
        width(1, inner),
        values(0, inner),
        values(1, inner),
        values(2, inner),
    )
    return cat([first, middle, last], axis)


def _check(what: str, x: Tensor) -> None:
    if x.dtype in (uint8, bool_):
        raise RuntimeError(f"torch.gradient does not support {x.dtype.name} {what}.")


def _middle(a: Tensor, b: Tensor, left: Tensor, here: Tensor, right: Tensor) -> Tensor:
    """Return the slope of the parabola through three points at the middle one."""
    return (
        right * (a / (b * (a + b)))
        + here * ((b - a) / (a * b))
        - left * (b / (a * (a + b)))
    )


def _edge(a: Tensor, b: Tensor, here: Tensor, near: Tensor, far: Tensor) -> Tensor:
    """Return the slope of the parabola through three points at the first one."""
    return (
        near * ((a + b) / (a * b))
        - here * ((2 * a + b) / (a * (a + b)))
        - far * (a / (b * (a + b)))
    )
