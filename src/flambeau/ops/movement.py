"""Ops that move elements: permute, slice, strided views, joining, flipping."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ..dtypes import dtype
from ..graph import Node, constant
from . import elementwise as ew
from .broadcast import expand, reshape, sum_to
from .op import Infer, Op, View

__all__ = [
    "Range",
    "alias",
    "as_strided",
    "cat",
    "detach",
    "diagonal",
    "flip",
    "inverse",
    "pad_constant",
    "permute",
    "permute_view",
    "put_strided",
    "slice_",
    "slice_axis",
    "slice_update",
    "slice_view",
    "sliding",
    "stack",
    "swap",
    "zeros",
]

Shape = tuple[int, ...]
Range = tuple[int, int, int]  # (start, how many, step), step above 0


def zeros(shape: Shape, kind: dtype) -> Node:
    """Return a constant of zeros that stores one element."""
    return constant(np.broadcast_to(np.zeros((), kind.numpy), shape), kind)


# Aliases: the same elements, with or without the history


def _same_layout(shape: Shape, strides: Shape, offset: int) -> tuple[Shape, int]:
    return strides, offset


alias = View(
    "alias",
    lambda x: (x.shape, x.dtype),
    lambda x: x,
    (lambda g, y, x: g,),
    put=lambda parent, new: new,
    layout=_same_layout,
)
# New values in an old place on the tape: what writing to `x.data` leaves behind.
rebind = Op(
    "rebind",
    lambda old, new: (new.shape, new.dtype),
    lambda old, new: new,
    (lambda g, y, old, new: g, None),
)


def _is_interior(x: Node) -> bool:
    return x.tape is not None and x.tape.leaf is None


detach = View(
    "detach",
    lambda x: (x.shape, x.dtype),
    lambda x: x,
    None,
    put=lambda parent, new: rebind(parent, new) if _is_interior(parent) else new,
    layout=_same_layout,
)


# Permute


def _permute_infer(x: Node, *, dims: Shape) -> tuple[Shape, dtype]:
    return tuple(x.shape[dim] for dim in dims), x.dtype


def _permute_layout(
    shape: Shape, strides: Shape, offset: int, *, dims: Shape
) -> tuple[Shape, int]:
    return tuple(strides[dim] for dim in dims), offset


def inverse(dims: Shape) -> Shape:
    """Return the order that undoes the order `dims`."""
    return tuple(sorted(range(len(dims)), key=dims.__getitem__))


permute_view = View(
    "permute",
    _permute_infer,
    lambda x, dims: x.transpose(dims),
    (lambda g, y, x, dims: permute(g, inverse(dims)),),
    put=lambda parent, new, dims: permute(new, inverse(dims)),
    layout=_permute_layout,
)


def permute(x: Node, dims: Shape) -> Node:
    """Reorder the dimensions; `dims` are distinct and not negative."""
    return x if dims == tuple(range(x.ndim)) else permute_view(x, dims=dims)


def swap(x: Node, first: int, second: int) -> Node:
    """Exchange two dimensions."""
    dims = list(range(x.ndim))
    dims[first], dims[second] = dims[second], dims[first]
    return permute(x, tuple(dims))


# Slice


def _as_slices(ranges: tuple[Range, ...]) -> tuple[slice, ...]:
    return tuple(
        slice(start, start + (count - 1) * step + 1 if count else start, step)
        for start, count, step in ranges
    )


def _slice_infer(x: Node, *, ranges: tuple[Range, ...]) -> tuple[Shape, dtype]:
    return tuple(count for _, count, _ in ranges), x.dtype


def _slice_layout(
    shape: Shape, strides: Shape, offset: int, *, ranges: tuple[Range, ...]
) -> tuple[Shape, int]:
    pairs = list(zip(ranges, strides, strict=True))
    moved = offset + sum(start * step for (start, _, _), step in pairs)
    return tuple(by * step for (_, _, by), step in pairs), moved


slice_view = View(
    "slice",
    _slice_infer,
    lambda x, ranges: x[_as_slices(ranges)],
    (lambda g, y, x, ranges: slice_update(zeros(x.shape, g.dtype), g, ranges=ranges),),
    put=lambda parent, new, ranges: slice_update(parent, new, ranges=ranges),
    layout=_slice_layout,
)


def slice_(x: Node, ranges: tuple[Range, ...]) -> Node:
    """Read `count` elements from `start` by `step` in every dimension."""
    whole = tuple((0, size, 1) for size in x.shape)
    return x if ranges == whole else slice_view(x, ranges=ranges)


def slice_axis(x: Node, axis: int, start: int, count: int, step: int = 1) -> Node:
    """Slice one dimension, keep the others whole."""
    ranges = [(0, size, 1) for size in x.shape]
    ranges[axis] = (start, count, step)
    return slice_(x, tuple(ranges))


def _slice_update_numpy(
    x: np.ndarray, new: np.ndarray, *, ranges: tuple[Range, ...]
) -> np.ndarray:
    result = np.array(x)
    result[_as_slices(ranges)] = new
    return result


slice_update: Op = Op(
    "slice_update",
    lambda x, new, ranges: (x.shape, x.dtype),
    _slice_update_numpy,
    (
        lambda g, y, x, new, ranges: slice_update(
            g, zeros(new.shape, g.dtype), ranges=ranges
        ),
        lambda g, y, x, new, ranges: sum_to(slice_(g, ranges), new.shape),
    ),
    "CopySlices",
)


def pad_constant(x: Node, pads: tuple[tuple[int, int], ...], value: float) -> Node:
    """Add (low, high) elements of `value` around each dimension; negative crops."""
    kept = []
    for size, (low, high) in zip(x.shape, pads, strict=True):
        start, stop = max(0, -low), size - max(0, -high)
        kept.append((start, stop - start, 1))
    x = slice_(x, tuple(kept))
    added = [(max(low, 0), max(high, 0)) for low, high in pads]
    sizes = zip(x.shape, added, strict=True)
    shape = tuple(size + low + high for size, (low, high) in sizes)
    if shape == x.shape:
        return x
    filled = expand(ew.const_like(value, x), shape)
    places = zip(x.shape, added, strict=True)
    ranges = tuple((low, size, 1) for size, (low, _) in places)
    return slice_update(filled, x, ranges=ranges)


# Strided views: diagonals, sliding windows, torch.as_strided. Where each element of
# the view lies in its parent follows from the NumPy meaning on an array of positions.


def _positions(shape: Shape, view: View, params: dict[str, Any]) -> np.ndarray:
    whole = np.arange(prod(shape)).reshape(shape)
    return np.asarray(view.numpy(whole, **params))


def _view_put_numpy(
    x: np.ndarray, new: np.ndarray, *, view: View, **params: Any
) -> np.ndarray:
    result = np.array(x, order="C")
    result.reshape(-1)[_positions(x.shape, view, params)] = new
    return result


def _view_add_numpy(
    x: np.ndarray, new: np.ndarray, *, view: View, **params: Any
) -> np.ndarray:
    result = np.array(x, order="C")
    places = _positions(x.shape, view, params)
    # far faster on flat arrays
    np.add.at(result.reshape(-1), places.reshape(-1), new.reshape(-1))
    return result


_view_put: Op = Op(
    "view_put",
    lambda x, new, **params: (x.shape, x.dtype),
    _view_put_numpy,
    (
        lambda g, y, x, new, **params: _view_put(
            g, zeros(new.shape, g.dtype), **params
        ),
        lambda g, y, x, new, view, **params: view(g, **params),
    ),
)
_view_add: Op = Op(
    "view_add",
    lambda x, new, **params: (x.shape, x.dtype),
    _view_add_numpy,
    (
        lambda g, y, x, new, **params: g,
        lambda g, y, x, new, view, **params: view(g, **params),
    ),
)


def _strided_view(
    name: str,
    infer: Infer,
    numpy: Callable[..., np.ndarray],
    layout: Callable[..., tuple[Shape, int]],
    overlaps: bool = False,
) -> View:
    """Return a view whose gradient and write rule follow from its meaning."""

    def gradient(g: Node, y: Node, x: Node, **params: Any) -> Node:
        return _view_add(zeros(x.shape, g.dtype), g, view=view, **params)

    def put(parent: Node, new: Node, **params: Any) -> Node:
        return _view_put(parent, new, view=view, **params)

    write = None if overlaps else put
    view = View(name, infer, numpy, (gradient,), put=write, layout=layout)
    return view


def _as_strided_infer(
    x: Node, *, size: Shape, stride: Shape, offset: int
) -> tuple[Shape, dtype]:
    reach = sum((count - 1) * step for count, step in zip(size, stride, strict=True))
    if 0 not in size and (offset < 0 or offset + reach >= x.size):
        raise RuntimeError(
            f"as_strided: size {size}, stride {stride} and storage offset {offset} "
            f"reach element {offset + reach}, but the storage has {x.size} elements"
        )
    return size, x.dtype


def _as_strided_numpy(
    x: np.ndarray, *, size: Shape, stride: Shape, offset: int
) -> np.ndarray:
    flat = np.ascontiguousarray(x).reshape(-1)[offset:]
    steps = tuple(step * x.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(flat, size, steps, writeable=False)


# Its parent must be contiguous: the tensor layer applies it to base tensors only.
as_strided = _strided_view(
    "as_strided",
    _as_strided_infer,
    _as_strided_numpy,
    lambda shape, strides, at, size, stride, offset: (stride, offset),
    overlaps=True,
)


def put_strided(
    parent: Node, new: Node, size: Shape, stride: Shape, offset: int
) -> Node:
    """Return `parent` after a write through the view that `as_strided` would show."""
    return _view_put(
        parent, new, view=as_strided, size=size, stride=stride, offset=offset
    )


def _without(values: Shape, *axes: int) -> Shape:
    return tuple(each for at, each in enumerate(values) if at not in axes)


def _diagonal_size(shape: Shape, offset: int, first: int, second: int) -> int:
    rows, columns = shape[first], shape[second]
    count = min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns)
    return max(count, 0)


def _diagonal_infer(
    x: Node, *, offset: int, first: int, second: int
) -> tuple[Shape, dtype]:
    count = _diagonal_size(x.shape, offset, first, second)
    return (*_without(x.shape, first, second), count), x.dtype


def _diagonal_layout(
    shape: Shape, strides: Shape, at: int, *, offset: int, first: int, second: int
) -> tuple[Shape, int]:
    kept = (*_without(strides, first, second), strides[first] + strides[second])
    if not _diagonal_size(shape, offset, first, second):
        return kept, at  # an empty diagonal begins nowhere
    start = offset * strides[second] if offset >= 0 else -offset * strides[first]
    return kept, at + start


diagonal = _strided_view(
    "diagonal",
    _diagonal_infer,
    lambda x, offset, first, second: np.diagonal(x, offset, first, second),
    _diagonal_layout,
)


def _sliding_infer(x: Node, *, axis: int, size: int, step: int) -> tuple[Shape, dtype]:
    if size > x.shape[axis]:
        raise RuntimeError(
            f"unfold: size {size} is larger than dimension {axis} of shape {x.shape}"
        )
    count = (x.shape[axis] - size) // step + 1
    return (*x.shape[:axis], count, *x.shape[axis + 1 :], size), x.dtype


def _sliding_numpy(x: np.ndarray, *, axis: int, size: int, step: int) -> np.ndarray:
    every = np.lib.stride_tricks.sliding_window_view(x, size, axis)
    return every[(slice(None),) * axis + (slice(None, None, step),)]


def _sliding_layout(
    shape: Shape, strides: Shape, at: int, *, axis: int, size: int, step: int
) -> tuple[Shape, int]:
    moved = (*strides[:axis], strides[axis] * step, *strides[axis + 1 :])
    return (*moved, strides[axis]), at


sliding = _strided_view(
    "unfold", _sliding_infer, _sliding_numpy, _sliding_layout, overlaps=True
)


# Joining and flipping


def _cat_infer(*inputs: Node, axis: int) -> tuple[Shape, dtype]:
    first = inputs[0].shape
    for number, each in enumerate(inputs):
        fits = len(each.shape) == len(first) and all(
            at == axis or size == first[at] for at, size in enumerate(each.shape)
        )
        if not fits:
            raise RuntimeError(
                f"cat: sizes of tensors must match except in dimension {axis}: "
                f"tensor 0 has shape {first}, tensor {number} has {each.shape}"
            )
    total = sum(each.shape[axis] for each in inputs)
    return (*first[:axis], total, *first[axis + 1 :]), inputs[0].dtype


def _cat_gradient(index: int, g: Node, y: Node, *inputs: Node, axis: int) -> Node:
    start = sum(each.shape[axis] for each in inputs[:index])
    return slice_axis(g, axis, start, inputs[index].shape[axis])


cat = Op(
    "cat",
    _cat_infer,
    lambda *arrays, axis: np.concatenate(arrays, axis=axis),
    _cat_gradient,
)
_flip = Op(
    "flip",
    lambda x, axes: (x.shape, x.dtype),
    lambda x, axes: np.flip(x, axes),
    (lambda g, y, x, axes: flip(g, axes),),
)


def flip(x: Node, axes: Shape) -> Node:
    """Reverse the order of the elements along `axes`."""
    return _flip(x, axes=axes) if axes else x


def stack(inputs: list[Node], axis: int) -> Node:
    """Join nodes of one shape along a new dimension."""
    shape = inputs[0].shape
    one = (*shape[:axis], 1, *shape[axis:])
    return cat(*(reshape(each, one) for each in inputs), axis=axis)
