"""Take searches apart: a row is halved again and again, for all elements at once.

searchsorted(row, x)   ->   p = p + 4 if row[p + 3] < x else p; then with 2, and 1
"""

from __future__ import annotations

import numpy as np

from .. import dtypes as dt
from ..graph import Node, scalar
from ..ops import elementwise as ew
from ..ops.broadcast import expand
from ..ops.index import gather, index
from ..ops.op import Op, same_as_input

__all__ = ["inside", "searched"]

inside: Op = Op("inside", same_as_input, lambda positions, size: positions)
"""`inside(positions, size=n)`: positions in a dimension of n elements, as is known."""


def searched(edges: Node, values: Node, right: bool) -> Node:
    """Return what computes `searchsorted` with the same arguments."""
    kind = _common(edges.dtype, values.dtype)
    edges, values = ew.cast(edges, kind), ew.cast(values, kind)
    size = edges.shape[-1]
    found = expand(scalar(0, dt.int64), values.shape)
    for power in reversed(range(size.bit_length())):
        further = ew.add(found, scalar(1 << power, dt.int64))
        last = ew.sub(further, scalar(1, dt.int64))
        edge = _read(edges, inside(last, size=size))
        goes_on = ew.logical_and(
            ew.less(last, scalar(size, dt.int64)), _before(edge, values, right)
        )
        found = ew.where(goes_on, further, found)
    return found


def _common(first: dt.dtype, second: dt.dtype) -> dt.dtype:
    """The dtype in which elements are compared, one that kernels know."""
    kind = dt.from_numpy_dtype(np.result_type(first.numpy, second.numpy))
    return dt.float32 if kind.is_floating_point and kind.itemsize < 4 else kind


def _read(edges: Node, positions: Node) -> Node:
    """The elements of one row, or of the row that belongs to each."""
    if edges.ndim == 1:
        return index(edges, positions)
    return gather(edges, positions, axis=edges.ndim - 1)


def _before(edge: Node, value: Node, right: bool) -> Node:
    """Whether a value comes behind an edge."""
    return ew.logical_not(_less(value, edge)) if right else _less(edge, value)


def _less(a: Node, b: Node) -> Node:
    """The order of sorted rows, in which NaN is the largest number."""
    if not a.dtype.is_floating_point:
        return ew.less(a, b)
    only_b = ew.logical_and(ew.isnan(b), ew.logical_not(ew.isnan(a)))
    return ew.logical_or(ew.less(a, b), only_b)
