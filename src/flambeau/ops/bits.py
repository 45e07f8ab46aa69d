"""Memory read as elements of another dtype, which may be wider or narrower."""

from __future__ import annotations

import numpy as np

from ..dtypes import dtype
from ..graph import Node
from .broadcast import reshape
from .op import View

__all__ = ["as_memory", "bits", "bits_view"]

Shape = tuple[int, ...]
Layout = tuple[Shape, int]


def _infer(x: Node, *, to: dtype, own: dtype) -> tuple[Shape, dtype]:
    if to.itemsize == own.itemsize:
        return x.shape, to
    return (*x.shape[:-1], x.shape[-1] * own.itemsize // to.itemsize), to


def _numpy(x: np.ndarray, *, to: dtype, own: dtype) -> np.ndarray:
    x = x.astype(own.numpy, copy=False)  # 16-bit floats come in float32
    try:
        return x.view(to.numpy)
    except ValueError:  # the last dimension is not the innermost one in memory
        return np.ascontiguousarray(x).view(to.numpy)


def _put(parent: Node, new: Node, *, to: dtype, own: dtype) -> Node:
    return bits(new, parent.dtype)


def _layout(
    shape: Shape, strides: Shape, offset: int, *, to: dtype, own: dtype
) -> Layout:
    if to.itemsize == own.itemsize:
        return strides, offset
    outer = (step * own.itemsize // to.itemsize for step in strides[:-1])
    return (*outer, 1), offset * own.itemsize // to.itemsize


bits_view = View("bits", _infer, _numpy, None, put=_put, layout=_layout)
"""Its params are the dtype to read elements as, and their own."""


def bits(x: Node, to: dtype) -> Node:
    """Read elements as another dtype; the last dimension grows or shrinks."""
    return x if x.dtype is to else bits_view(x, to=to, own=x.dtype)


def as_memory(x: Node, to: dtype) -> Node:
    """Return all of a dense tensor in one dimension, read as another dtype."""
    return bits(reshape(x, (x.size,)), to)
