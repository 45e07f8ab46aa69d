"""Reshape, expand and sum: broadcasting and its adjoint, used by every other rule."""

from __future__ import annotations

from math import prod

import numpy as np

from ..dtypes import dtype
from ..graph import Node
from ..shape import contiguous_strides, resolve_size
from .op import Op, View

__all__ = [
    "expand",
    "expand_view",
    "keep_axes",
    "reshape",
    "reshape_view",
    "sum_",
    "sum_to",
]

Shape = tuple[int, ...]


# Reshape


def view_strides(old: Shape, strides: Shape, new: Shape) -> Shape | None:
    """Return the strides that show `old` memory as `new`, or None if it must be copied.

    Runs of old dimensions that lie densely one in the other are merged; the new
    dimensions must split those runs.
    """
    if 0 in old:
        return strides if old == new else contiguous_strides(new)
    result = [0] * len(new)
    position = len(new) - 1
    for size, step in _dense_runs(old, strides):
        filled = 1
        while position >= 0 and (filled < size or new[position] == 1):
            result[position] = step * filled
            filled *= new[position]
            position -= 1
        if filled != size:
            return None
    return tuple(result)


def _dense_runs(shape: Shape, strides: Shape) -> list[tuple[int, int]]:
    """Merge neighbouring dimensions without gaps into (size, stride), the last first.

    A size of 1 leaves no gap, whatever its stride.
    """
    runs = []
    size, step = 1, strides[-1] if strides else 1
    for each, stride in zip(shape[::-1], strides[::-1]):
        if each != 1 and stride != size * step:
            runs.append((size, step))
            size, step = 1, stride
        size *= each
    return [*runs, (size, step)]


def _reshape_infer(x: Node, *, shape: Shape) -> tuple[Shape, dtype]:
    return shape, x.dtype


def _reshape_layout(
    old: Shape, strides: Shape, offset: int, *, shape: Shape
) -> tuple[Shape, int] | None:
    if strides == contiguous_strides(old):
        return contiguous_strides(shape), offset
    found = view_strides(old, strides, shape)
    return None if found is None else (found, offset)


reshape_view = View(
    "view",
    _reshape_infer,
    lambda x, shape: x.reshape(shape),
    (lambda g, y, x, shape: reshape(g, x.shape),),
    put=lambda parent, new, shape: reshape(new, parent.shape),
    layout=_reshape_layout,
)


def reshape(x: Node, shape: Shape) -> Node:
    """Give the same elements in row-major order another shape; one size may be -1."""
    if -1 in shape:
        shape = resolve_size(shape, x.size)
    return x if x.shape == shape else reshape_view(x, shape=shape)


# Expand


def _expand_infer(x: Node, *, shape: Shape) -> tuple[Shape, dtype]:
    return shape, x.dtype


def _expand_layout(
    old: Shape, strides: Shape, offset: int, *, shape: Shape
) -> tuple[Shape, int]:
    result: list[int] = []
    for at in range(len(shape) - 1, -1, -1):
        mine = at - len(shape) + len(old)
        below = shape[at + 1] * result[-1] if result else 1
        step = strides[mine] if mine >= 0 else below
        had = old[mine] if mine >= 0 else 1
        result.append(step if had == shape[at] else 0)
    return tuple(reversed(result)), offset


expand_view = View(
    "expand",
    _expand_infer,
    lambda x, shape: np.broadcast_to(x, shape),
    (lambda g, y, x, shape: sum_to(g, x.shape),),
    put=None,
    layout=_expand_layout,
)


def expand(x: Node, shape: Shape) -> Node:
    """Repeat size-1 dimensions, and new leading ones, without copying."""
    return x if x.shape == shape else expand_view(x, shape=shape)


# Sum


def _sum_infer(x: Node, *, axes: Shape, keepdims: bool) -> tuple[Shape, dtype]:
    return reduced(x.shape, axes, keepdims), x.dtype


# NumPy adds rows one after the other, where it sums the last axis in pairs; so many
# rows of float32 would lose digits.
_MANY_ROWS = 4096


def _sum_numpy(x: np.ndarray, *, axes: Shape, keepdims: bool) -> np.ndarray:
    by_rows = x.ndim - 1 not in axes and x.dtype == np.float32
    wide = by_rows and prod(x.shape[axis] for axis in axes) > _MANY_ROWS
    kind = np.float64 if wide else x.dtype
    return np.sum(x, axis=axes, keepdims=keepdims, dtype=kind).astype(x.dtype)


def _sum_gradient(g: Node, y: Node, x: Node, axes: Shape, keepdims: bool) -> Node:
    return expand(keep_axes(g, axes, x.shape), x.shape)


sum_ = Op("sum", _sum_infer, _sum_numpy, (_sum_gradient,))


def reduced(shape: Shape, axes: Shape, keepdims: bool) -> Shape:
    """Return `shape` with `axes` removed, or made 1 with `keepdims`."""
    if keepdims:
        return tuple(1 if at in axes else size for at, size in enumerate(shape))
    return tuple(size for at, size in enumerate(shape) if at not in axes)


def keep_axes(g: Node, axes: Shape, shape: Shape) -> Node:
    """Put size-1 dimensions back where `axes` were reduced away from `shape`."""
    return reshape(g, reduced(shape, axes, keepdims=True))


def sum_to(g: Node, shape: Shape) -> Node:
    """Sum a broadcast gradient back to `shape`."""
    if g.shape == shape:
        return g
    extra = g.ndim - len(shape)
    axes = tuple(
        at
        for at, size in enumerate(g.shape)
        if at < extra or (shape[at - extra] == 1 and size != 1)
    )
    return (
        reshape(sum_(g, axes=axes, keepdims=False), shape)
        if axes
        else (reshape(g, shape))
    )
