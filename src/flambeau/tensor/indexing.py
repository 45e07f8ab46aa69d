"""Reading and writing with square brackets.

An index is read from left to right into a view (ints, slices, None, Ellipsis) and,
for some of the view's dimensions, positions (integer tensors, boolean masks). Ints are
always part of the view, so that only tensors decide where picked dimensions go: in
place of neighbouring dimensions, else in front, as in torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes as dt
from ..graph import Node, constant, scalar
from ..ops import elementwise as ew
from ..ops import index as ix
from ..ops.broadcast import expand, reshape, reshape_view
from ..ops.movement import alias, slice_view
from .convert import value_of
from .creation import tensor as make_tensor
from .handle import Handle, Steps, layout_of, show_steps, wrap
from .operands import check_fits, is_number
from .parts import select_at, unbind

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["getitem", "index_put", "iterate", "mask_positions", "setitem"]

Shape = tuple[int, ...]


def getitem(input: Tensor, index: Any) -> Tensor:
    """Return what `input[index]` reads: a view, or a copy where a tensor indexes.

    Args:
        input: any shape.
        index: ints, slices, None, Ellipsis, bools, integer or boolean tensors, lists or
            arrays, alone or in a tuple.

    Raises:
        IndexError: out of bounds, too many indices, or an index of another kind.
        ValueError: a slice with a step below 1.

    Source: torch's page "Tensor Indexing API"; numpy's page "Indexing on ndarrays".

    Example:
        >>> import flambeau as torch
        >>> x = torch.arange(6).view(2, 3)
        >>> x[1, ::2]
        tensor([3, 5])
        >>> x[x > 3]
        tensor([4, 5])
    """
    if type(index) is int:
        shape = input._node.shape
        if shape and -shape[0] <= index < shape[0]:
            return select_at(input, 0, index % shape[0])
    view, picks = _read(input, index)
    if not picks:
        return view
    axes, positions = _positions(view, picks)
    return wrap(ix.index(view.node, *positions, axes=axes))


def setitem(input: Tensor, index: Any, value: Any) -> None:
    """Write what `input[index] = value` says, through every alias of the memory.

    Args:
        input: any shape.
        index: as for reading.
        value: a number, or a tensor that broadcasts to what the index reads.

    Raises:
        IndexError: as for reading.
        RuntimeError: the value's shape does not broadcast; or its dtype differs, where
            a tensor indexes.
        TypeError: the value is neither a tensor nor a number.

    Example:
        >>> import flambeau as torch
        >>> x = torch.zeros(2, 3)
        >>> x[:, 1] = torch.tensor([1., 2.])
        >>> x
        tensor([[0., 1., 0.],
                [0., 2., 0.]])
    """
    if isinstance(value, Handle):
        new = value.node
    elif is_number(value):
        check_fits(value, input.dtype, halves=False)
        new = scalar(value, input.dtype)
    else:
        kind = type(value).__name__
        raise TypeError(f"can't assign a {kind} to a {input.type()}")
    view, picks = _read(input, index)
    if not picks:
        view.write(_fitted(new, view._node.shape))
    elif not new.shape and _is_leading_mask(picks):
        _check_mask(picks[0][1], view._node.shape, 0)
        view.write(_filled(view.node, picks[0][1].node, new))
    else:
        _check_same_dtype(view, new)
        axes, positions = _positions(view, picks)
        view.write(_put_at(view.node, new, positions, axes))


def iterate(input: Tensor) -> Iterator[Tensor]:
    """Return an iterator over the slices of the first dimension.

    Raises:
        TypeError: the tensor is 0-d.
    """
    if not input.ndim:
        raise TypeError("iteration over a 0-d tensor")
    return iter(unbind(input))


# Reading an index: the view, and what picks from it

Picks = list[tuple[int, Any]]  # (dimension of the view, integer or boolean tensor)


class _Reader:
    """Goes through an index and collects how it reads each dimension.

    Attributes:
        ranges: (start, count, step) for each dimension of the tensor.
        shape: the view's sizes so far, with `strides` and `offset`.
        picks: the tensors that index dimensions of the view.
    """

    def __init__(self, input: Tensor) -> None:
        self.old = input._node.shape
        self.old_strides, self.offset = layout_of(input)
        self.ranges: list[tuple[int, int, int]] = []
        self.shape: list[int] = []
        self.strides: list[int] = []
        self.picks: Picks = []

    def whole(self, count: int) -> None:
        """Keep the next dimensions as they are."""
        axis = len(self.ranges)
        sizes = self.old[axis : axis + count]
        self.ranges += [(0, size, 1) for size in sizes]
        self.shape += sizes
        self.strides += self.old_strides[axis : axis + count]

    def new_axis(self) -> None:
        """Insert a dimension of size 1."""
        axis = len(self.ranges)
        inside = axis < len(self.old)
        self.strides.append(self.old[axis] * self.old_strides[axis] if inside else 1)
        self.shape.append(1)

    def at(self, index: int) -> None:
        """Read the next dimension at one position."""
        axis = len(self.ranges)
        size = self.old[axis]
        if not -size <= index < size:
            raise IndexError(
                f"index {index} is out of bounds for dimension {axis} with size {size}"
            )
        self.ranges.append((index % size, 1, 1))
        self.offset += index % size * self.old_strides[axis]

    def part(self, item: slice) -> None:
        """Read a slice of the next dimension."""
        axis = len(self.ranges)
        if item.step is not None and item.step <= 0:
            raise ValueError(
                f"slice: step must be greater than zero, got {item.step}; use flip"
            )
        start, stop, step = item.indices(self.old[axis])
        count = max(0, -(-(stop - start) // step))
        self.ranges.append((start, count, step))
        self.shape.append(count)
        self.strides.append(self.old_strides[axis] * step)
        self.offset += start * self.old_strides[axis]

    def pick(self, item: Any) -> None:
        """Index the next dimension, or those of a mask, or a new one, by a tensor."""
        if not item.ndim:
            self.picks.append((len(self.shape), item.reshape(1)))
            self.new_axis()
            return
        self.picks.append((len(self.shape), item))
        self.whole(_consumed(item))

    def steps(self) -> Steps:
        """Return the view ops that read what was collected."""
        steps: Steps = ()
        ranges, shape = tuple(self.ranges), tuple(self.shape)
        if ranges != tuple([(0, size, 1) for size in self.old]):
            steps += ((slice_view, {"ranges": ranges}),)
        if shape != tuple([count for _, count, _ in ranges]):
            steps += ((reshape_view, {"shape": shape}),)
        return steps or ((alias, {}),)


def _read(input: Tensor, index: Any) -> tuple[Tensor, Picks]:
    items = [_understood(each) for each in _listed(index)]
    used = sum(_consumed(each) for each in items)
    reader, ndim = _Reader(input), input.ndim
    if used > ndim:
        raise IndexError(f"too many indices for tensor of dimension {ndim}")
    for item in items:
        if item is Ellipsis:
            reader.whole(ndim - used)
            used = ndim
        elif item is None:
            reader.new_axis()
        elif isinstance(item, int):
            reader.at(item)
        elif isinstance(item, slice):
            reader.part(item)
        else:
            reader.pick(item)
    reader.whole(ndim - len(reader.ranges))
    steps = reader.steps()
    if reader.picks and steps[0][0] is alias:
        return input, reader.picks
    layout = tuple(reader.strides), reader.offset
    return show_steps(input, steps, layout), reader.picks


def _listed(index: Any) -> tuple[Any, ...]:
    if isinstance(index, tuple):
        return index
    if isinstance(index, list) and not all(map(_is_plain, index)):
        return tuple(index)  # torch's rule
    return (index,)


def _is_plain(item: Any) -> bool:
    nested = isinstance(item, (slice, list, tuple, np.ndarray, Handle))
    return not nested and item is not None and item is not Ellipsis


def _understood(item: Any) -> Any:
    """Turn what stands in an index into an int, slice, None, Ellipsis or tensor."""
    if item is None or item is Ellipsis or isinstance(item, slice):
        return item
    if isinstance(item, (bool, np.bool_)):
        return wrap(constant(np.array(item, bool)))
    if isinstance(item, (list, range, tuple)):
        item = np.array(item) if len(item) else np.zeros(0, np.int64)
    if isinstance(item, np.ndarray):
        item = make_tensor(item)
    if not isinstance(item, Handle):
        if hasattr(item, "__index__"):
            return item.__index__()
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte "
            f"Variables are valid indices (got {type(item).__name__})"
        )
    return _understood_tensor(item)  # type: ignore[arg-type]


def _understood_tensor(item: Tensor) -> Any:
    if item.is_floating_point() or item.dtype in dt.LONE:
        raise IndexError(
            "tensors used as indices must be long, int, byte or bool tensors, got "
            f"{item.dtype!r}"
        )
    if item.dtype in (dt.bool_, dt.uint8):
        return item if item.dtype is dt.bool_ else item != 0
    return item if item.ndim else int(item)


def _consumed(item: Any) -> int:
    """How many dimensions of the tensor an item reads."""
    if item is None or item is Ellipsis:
        return 0
    if not isinstance(item, Handle):
        return 1
    return item._node.ndim if item._node.dtype is dt.bool_ else min(item._node.ndim, 1)


# What tensors pick


def _positions(view: Tensor, picks: Picks) -> tuple[Shape, list[Node]]:
    """Return the indexed axes and an integer array for each."""
    axes: list[int] = []
    found: list[Node] = []
    for axis, item in picks:
        if item.dtype is dt.bool_:
            arrays = mask_positions(item, view._node.shape, axis)
        else:
            arrays = [item.node]
        axes += range(axis, axis + len(arrays))
        found += arrays
    _check_joint([each.shape for each in found])
    return tuple(axes), found


def mask_positions(mask: Tensor, shape: Shape, axis: int) -> list[Node]:
    """Return where a mask of the dimensions from `axis` on holds, evaluating it.

    Raises:
        IndexError: the mask's sizes differ from those dimensions'.
    """
    _check_mask(mask, shape, axis)
    return [constant(each) for each in np.nonzero(value_of(mask))]


def _check_mask(mask: Tensor, shape: Shape, axis: int) -> None:
    for at, (mine, size) in enumerate(zip(mask.shape, shape[axis:])):
        if mine != size:
            raise IndexError(
                f"The shape of the mask {list(mask.shape)} at index {at} does not "
                f"match the shape of the indexed tensor {list(shape)} at index "
                f"{axis + at}"
            )


def _check_joint(shapes: list[Shape]) -> None:
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        listed = ", ".join(str(list(each)) for each in shapes)
        raise IndexError(
            "shape mismatch: indexing tensors could not be broadcast together with "
            f"shapes {listed}"
        ) from None


# Writing


def _fitted(new: Node, shape: Shape) -> Node:
    """Broadcast a value to what is written, without its leading dimensions of 1."""
    new = _stripped(new, len(shape))
    if new.shape == shape:
        return new
    sizes = list(zip(new.shape[::-1], shape[::-1]))
    if new.ndim > len(shape) or any(mine not in (1, size) for mine, size in sizes):
        raise RuntimeError(
            f"setitem: a value of shape {list(new.shape)} does not broadcast to the "
            f"shape {list(shape)} that the index reads"
        )
    return expand(new, shape)


def _stripped(new: Node, ndim: int) -> Node:
    extra = new.ndim - ndim
    if extra > 0 and prod(new.shape[:extra]) == 1:
        return reshape(new, new.shape[extra:])
    return new


def _is_leading_mask(picks: Picks) -> bool:
    return len(picks) == 1 and picks[0][0] == 0 and picks[0][1].dtype is dt.bool_


def _filled(x: Node, mask: Node, new: Node) -> Node:
    """Write one number where a mask holds, without asking where that is."""
    mask = reshape(mask, mask.shape + (1,) * (x.ndim - mask.ndim))
    return ew.where(mask, ew.cast(new, x.dtype), x)


def _check_same_dtype(target: Tensor, new: Node) -> None:
    if target.dtype is not new.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{target.dtype!r} for the destination and {new.dtype!r} for the source; "
            f"convert it with .to({target.dtype!r})"
        )


def _put_at(
    x: Node, new: Node, positions: list[Node], axes: Shape, accumulate: bool = False
) -> Node:
    """Return `x` with a value at positions, put there or added."""
    picked = np.broadcast_shapes(*(each.shape for each in positions))
    new = _stripped(new, len(ix.indexed_shape(x.shape, picked, axes)))
    write = ix.index_add if accumulate else ix.index_put
    return write(x, new, *positions, axes=axes)


def index_put(
    input: Tensor,
    indices: tuple[Tensor, ...],
    values: Tensor,
    accumulate: bool = False,
) -> Tensor:
    """Return the tensor with `values` at the positions of its leading dimensions.

    Args:
        input: any shape.
        indices: integer or boolean tensors, as in `input[indices]`.
        values: a tensor of the same dtype that broadcasts to what is indexed.
        accumulate: add instead, as often as a position is named.

    Raises:
        RuntimeError: dtypes differ, or the values do not broadcast.

    Source: torch's page "torch.Tensor.index_put_".

    Example:
        >>> import flambeau as torch
        >>> at = (torch.tensor([0, 0]),)
        >>> torch.zeros(2).index_put(at, torch.tensor(1.), accumulate=True)
        tensor([2., 0.])
    """
    picks, axis = [], 0
    for number, each in enumerate(indices):
        if not isinstance(each, Handle):
            raise TypeError(
                f"index_put: expected Tensor as element {number} of indices, but got "
                f"{type(each).__name__}"
            )
        picks.append((axis, each))
        axis += each.ndim if each.dtype is dt.bool_ else 1
    if axis > input.ndim:
        raise IndexError(f"too many indices for tensor of dimension {input.ndim}")
    _check_same_dtype(input, values.node)
    axes, positions = _positions(input, picks)
    return wrap(_put_at(input.node, values.node, positions, axes, accumulate))
