"""Shapes, slices, joining, padding, reading and writing by positions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import flambeau as fl

from ...nn import functional as F
from ...tensor import Tensor
from .call import Call, operator
from .types import dtype_of

__all__: list[str] = []


@operator("Shape")
def shape(call: Call) -> np.ndarray:
    """Return the sizes, from `start` to `end`."""
    sizes = tuple(call[0].shape)[call.get("start", 0) : call.get("end")]
    return np.array(sizes, np.int64)


@operator("Size")
def size(call: Call) -> np.ndarray:
    """Return the number of elements."""
    return np.array(call[0].numel(), np.int64)


@operator("Reshape")
def reshape(call: Call) -> Tensor:
    """Change the shape; 0 keeps a size unless `allowzero`, -1 is what is left."""
    x, sizes = call[0], call.listed(1, "shape") or []
    if not call.get("allowzero", 0):
        sizes = [x.shape[at] if each == 0 else each for at, each in enumerate(sizes)]
    return x.reshape(sizes)


@operator("Flatten")
def flatten(call: Call) -> Tensor:
    """Make a matrix of the dimensions before the axis and of those from it on."""
    x, axis = call[0], call.get("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


@operator("Squeeze")
def squeeze(call: Call) -> Tensor:
    """Remove dimensions of size 1."""
    axes = call.listed(1, "axes")
    return call[0].squeeze() if axes is None else call[0].squeeze(tuple(axes))


@operator("Unsqueeze")
def unsqueeze(call: Call) -> Tensor:
    """Insert dimensions of size 1 where they are in the result."""
    x, axes = call[0], call.listed(1, "axes") or []
    rank = x.ndim + len(axes)
    for axis in sorted(each % rank for each in axes):
        x = x.unsqueeze(axis)
    return x


@operator("Transpose")
def transpose(call: Call) -> Tensor:
    """Reorder the dimensions; reverse them if no order is given."""
    x = call[0]
    return x.permute(call.get("perm", list(range(x.ndim))[::-1]))


@operator("Expand")
def expand(call: Call) -> Tensor:
    """Broadcast in both directions."""
    x = call[0]
    return x.expand(np.broadcast_shapes(tuple(x.shape), tuple(call.numbers(1))))


@operator("Tile")
def tile(call: Call) -> Tensor:
    """Repeat along each dimension."""
    return fl.tile(call[0], tuple(call.numbers(1)))


@operator("Concat")
def concat(call: Call) -> Tensor:
    """Join along an axis."""
    return fl.cat(call.tensors(), call.get("axis"))


@operator("Split")
def split(call: Call) -> tuple[Tensor, ...]:
    """Split along an axis, into given sizes or into equal parts."""
    x, axis = call[0], call.get("axis", 0)
    sizes = call.listed(1, "split")
    if sizes is None:
        part = -(-x.shape[axis] // call.get("num_outputs", call.outputs))
        return tuple(x.split(part, axis))
    return tuple(x.split(sizes, axis))


@operator("Slice")
def slice_(call: Call) -> Tensor:
    """Cut out ranges with steps, which may be negative."""
    x = call[0]
    starts, ends = call.listed(1, "starts") or [], call.listed(2, "ends") or []
    axes = call.listed(3, "axes") or list(range(len(starts)))
    steps = call.listed(4, "steps") or [1] * len(starts)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        places = range(x.shape[axis])[_clamped(start, end, step, x.shape[axis])]
        x = _take(x, axis, places)
    return x


def _clamped(start: int, end: int, step: int, size: int) -> slice:
    """A slice whose end may be far below 0, which Python would wrap around."""
    if step < 0 and end < -size:
        return slice(start, None, step)
    return slice(start, end, step)


def _take(x: Tensor, axis: int, places: range) -> Tensor:
    if places.step < 0 and len(places):
        return _take(x, axis, places[::-1]).flip(axis)
    index = [slice(None)] * x.ndim
    index[axis] = slice(places.start, places.stop, places.step)
    return x[tuple(index)]


@operator("Pad")
def pad(call: Call) -> Tensor:
    """Add elements around, or cut them off where the padding is negative."""
    x = call[0]
    pads = call.listed(1, "pads") or []
    value = call.numbers(2)[0] if call.has(2) else call.get("value", 0.0)
    axes = [a % x.ndim for a in (call.numbers(3) if call.has(3) else range(x.ndim))]
    pairs = dict(zip(axes, zip(pads[: len(axes)], pads[len(axes) :], strict=True)))
    mode = call.get("mode", "constant")
    if mode == "constant":
        flat = [
            each for at in reversed(range(x.ndim)) for each in pairs.get(at, (0, 0))
        ]
        return F.pad(x, flat, value=value)
    for axis, (low, high) in pairs.items():
        x = _pad_along(x, axis, low, high, mode)
    return x


def _pad_along(x: Tensor, axis: int, low: int, high: int, mode: str) -> Tensor:
    """Read from positions that are reflected, held at the edge, or wrapped."""
    size = x.shape[axis]
    places = np.arange(-low, size + high)
    if mode == "edge":
        places = places.clip(0, size - 1)
    elif mode == "wrap":
        places = places % size
    else:
        turn = max(2 * size - 2, 1)
        places = places % turn
        places = np.where(places >= size, turn - places, places)
    return fl.index_select(x, axis, fl.from_numpy(places))


@operator("CenterCropPad")
def center_crop_pad(call: Call) -> Tensor:
    """Crop or pad with zeros around the middle to the sizes asked for."""
    x, sizes = call[0], call.numbers(1)
    axes = call.get("axes", list(range(x.ndim)))
    for axis, wanted in zip(axes, sizes, strict=True):
        had = x.shape[axis]
        if wanted <= had:
            x = x.narrow(axis, (had - wanted) // 2, wanted)
        else:
            low = (wanted - had) // 2
            pairs = [0, 0] * (x.ndim - 1 - axis % x.ndim) + [low, wanted - had - low]
            x = F.pad(x, pairs)
    return x


@operator("DepthToSpace")
def depth_to_space(call: Call) -> Tensor:
    """Spread channels over blocks of places; DCR or CRD says which come first."""
    x, b = call[0], call.get("blocksize")
    n, c, h, w = x.shape
    if call.get("mode", "DCR") == "DCR":
        parts = x.reshape(n, b, b, c // b**2, h, w).permute(0, 3, 4, 1, 5, 2)
    else:
        parts = x.reshape(n, c // b**2, b, b, h, w).permute(0, 1, 4, 2, 5, 3)
    return parts.reshape(n, c // b**2, h * b, w * b)


@operator("SpaceToDepth")
def space_to_depth(call: Call) -> Tensor:
    """Gather blocks of places into channels; DCR or CRD says which come first."""
    x, b = call[0], call.get("blocksize")
    n, c, h, w = x.shape
    depth_first = call.get("mode", "DCR") == "DCR"
    order = (0, 3, 5, 1, 2, 4) if depth_first else (0, 1, 3, 5, 2, 4)
    parts = x.reshape(n, c, h // b, b, w // b, b).permute(order)
    return parts.reshape(n, c * b * b, h // b, w // b)


# Made from nothing


@operator("Constant")
def constant(call: Call) -> Any:
    """Return the value in the attributes."""
    for name, value in call.attributes.items():
        if name == "value":
            return value
        kind = np.int64 if "int" in name else np.float32
        return np.array(value, kind)
    raise ValueError("onnx: Constant has no value")


@operator("ConstantOfShape")
def constant_of_shape(call: Call) -> Tensor:
    """Return a tensor full of one value."""
    value = call.get("value", np.zeros(1, np.float32))
    sizes = tuple(int(each) for each in call.numbers(0))
    return fl.from_numpy(np.full(sizes, value.reshape(-1)[0], value.dtype))


@operator("Range")
def range_(call: Call) -> Tensor:
    """Return numbers from a start to a limit by a step."""
    start, limit, delta = (call.numbers(at)[0] for at in range(3))
    return fl.arange(start, limit, delta, dtype=call[0].dtype)


@operator("EyeLike")
def eye_like(call: Call) -> Tensor:
    """Return ones on a diagonal."""
    x, by = call[0], call.get("k", 0)
    kind = dtype_of(call.get("dtype")) if "dtype" in call.attributes else x.dtype
    rows, columns = x.shape
    return fl.from_numpy(np.eye(rows, columns, by)).to(kind)


@operator("OneHot")
def one_hot(call: Call) -> Tensor:
    """Return one value at the positions given and another one elsewhere."""
    places, depth = call[0].long(), int(call.numbers(1)[0])
    values, axis = call[2], call.get("axis", -1)
    found = F.one_hot(fl.remainder(places, depth), depth).bool()
    # a position outside is nowhere
    inside = (places >= -depth) & (places < depth)
    chosen = fl.where(found & inside.unsqueeze(-1), values[1], values[0])
    return chosen.movedim(-1, axis)


@operator("Trilu")
def trilu(call: Call) -> Tensor:
    """Return the upper or lower triangle."""
    diagonal = int(call.numbers(1)[0]) if call.has(1) else 0
    return (fl.triu if call.get("upper", 1) else fl.tril)(call[0], diagonal)


@operator("NonZero")
def non_zero(call: Call) -> Tensor:
    """Return the positions of all elements that are not 0, a row per dimension."""
    return fl.nonzero(call[0]).T


@operator("Compress")
def compress(call: Call) -> Tensor:
    """Keep the slices, or elements, that a condition chooses."""
    x, axis = call[0], call.get("axis")
    places = np.flatnonzero(np.array(call.numbers(1), bool))
    if axis is None:
        x, axis = x.flatten(), 0
    return fl.index_select(x, axis, fl.from_numpy(places))


# By positions


def _positive(places: Tensor, size: int) -> Tensor:
    return fl.where(places < 0, places + size, places)


@operator("Gather")
def gather(call: Call) -> Tensor:
    """Read slices at positions along an axis."""
    x, places, axis = call[0], call[1].long(), call.get("axis", 0) % call[0].ndim
    flat = _positive(places.flatten(), x.shape[axis])
    found = fl.index_select(x, axis, flat)
    return found.reshape(*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])


@operator("GatherElements")
def gather_elements(call: Call) -> Tensor:
    """Read single elements at positions along an axis."""
    x, axis = call[0], call.get("axis", 0)
    return fl.gather(x, axis, _positive(call[1].long(), x.shape[axis]))


@operator("GatherND")
def gather_nd(call: Call) -> Tensor:
    """Read at tuples of positions, which lie along the last dimension."""
    x, places, batch = call[0], call[1].long(), call.get("batch_dims", 0)
    lead = tuple(
        fl.arange(size).reshape(-1, *(1,) * (places.ndim - 2 - at))
        for at, size in enumerate(x.shape[:batch])
    )
    return x[(*lead, *places.unbind(-1))]


_REDUCTIONS = {"none": None, "add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


@operator("ScatterElements", "Scatter")
def scatter_elements(call: Call) -> Tensor:
    """Write single elements at positions along an axis."""
    x, axis, new = call[0], call.get("axis", 0), call[2]
    places = _positive(call[1].long(), x.shape[axis])
    how = _REDUCTIONS[call.get("reduction", "none")]
    if how is None:
        return fl.scatter(x, axis, places, new)
    return fl.scatter_reduce(x, axis, places, new, how)


@operator("ScatterND")
def scatter_nd(call: Call) -> Tensor:
    """Write slices at tuples of positions, which lie along the last dimension."""
    x, places, new = call[0], call[1].long(), call[2]
    count = places.shape[-1]
    sizes = x.shape[:count]
    flat = fl.zeros(places.shape[:-1], dtype=fl.int64)
    for each, size in zip(places.unbind(-1), sizes, strict=True):
        flat = flat * size + _positive(each, size)
    rows, rest = x.reshape(math.prod(sizes), -1), math.prod(x.shape[count:])
    index = flat.reshape(-1, 1).expand(-1, rest)
    values = new.reshape(-1, rest)
    how = _REDUCTIONS[call.get("reduction", "none")]
    if how is None:
        return fl.scatter(rows, 0, index, values).reshape(x.shape)
    return fl.scatter_reduce(rows, 0, index, values, how).reshape(x.shape)


@operator("ReverseSequence")
def reverse_sequence(call: Call) -> Tensor:
    """Reverse the first elements of each sequence, as many as its length."""
    x, lengths = call[0], call[1].long()
    time, batch = call.get("time_axis", 0), call.get("batch_axis", 1)
    steps = fl.arange(x.shape[time])
    wide = [1] * x.ndim
    wide[batch] = -1
    length = lengths.reshape(wide)
    wide[batch], wide[time] = 1, -1
    step = steps.reshape(wide)
    places = fl.where(step < length, length - 1 - step, step)
    return fl.gather(x, time, places.expand(x.shape))
