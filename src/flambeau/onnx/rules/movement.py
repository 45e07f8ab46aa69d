"""Ops that move elements, in ONNX: reshapes, slices, joining, reading by positions."""

from __future__ import annotations

import math

import numpy as np

from ...graph import Node
from ...ops.movement import Range
from ..exporter import Batch, Exporter, Rule

__all__ = ["MOVEMENT"]


def _first(to: Exporter, node: Node) -> str:
    return to.value(node.inputs[0])


def _view(to: Exporter, node: Node) -> str:
    sizes = to.sizes(node, lambda each: each.shape)
    return to.writer.add("Reshape", _first(to, node), to.shape_of(sizes))


def _expand(to: Exporter, node: Node) -> str:
    """Expand; a size that stays is written as 1, which is true of any batch."""
    (x,) = node.inputs
    had = (1,) * (node.ndim - x.ndim) + x.shape
    sizes = to.sizes(node, lambda each: each.shape)
    kept = [1 if old == new else size for old, new, size in zip(had, node.shape, sizes)]
    return to.writer.add("Expand", to.value(x), to.vector(kept))


def _permute(to: Exporter, node: Node) -> str:
    return to.writer.add("Transpose", _first(to, node), perm=list(node.params["dims"]))


def _cut(node: Node) -> list[int]:
    """The axes of which a slice leaves something out."""
    sizes, ranges = node.inputs[0].shape, node.params["ranges"]
    return [at for at, size in enumerate(sizes) if ranges[at] != (0, size, 1)]


def _slice(to: Exporter, node: Node) -> str:
    axes = _cut(node)
    starts = to.sizes(
        node, lambda each: tuple(each.params["ranges"][a][0] for a in axes)
    )
    stops = to.sizes(
        node, lambda each: tuple(_stop(each.params["ranges"][a]) for a in axes)
    )
    steps = [node.params["ranges"][axis][2] for axis in axes]
    return to.writer.add(
        "Slice",
        _first(to, node),
        to.vector(starts),
        to.vector(stops),
        to.writer.integers(*axes),
        to.writer.integers(*steps),
    )


def _stop(cut: Range) -> int:
    start, count, step = cut
    return start + (count - 1) * step + 1 if count else start


def _slice_update(to: Exporter, node: Node) -> str:
    """Write into a slice: padding where all around is one number, else a selection."""
    x, new = node.inputs
    ranges = node.params["ranges"]
    number = to.number(x)
    inner = tuple(count for _, count, _ in ranges)
    if number is not None and new.shape == inner and all(r[2] == 1 for r in ranges):
        return _pad(to, node, to.value(new), number)
    return _select(to, node)


def _pad(to: Exporter, node: Node, value: str, number: float) -> str:
    axes = [at for at, r in enumerate(node.params["ranges"]) if r[1] != node.shape[at]]
    if not axes:
        return value
    low = to.sizes(node, lambda each: tuple(each.params["ranges"][a][0] for a in axes))
    high = to.sizes(node, lambda each: tuple(_behind(each, a) for a in axes))
    return to.writer.add(
        "Pad",
        value,
        to.vector([*low, *high]),
        to.writer.constant(np.array(number, node.dtype.numpy)),
        to.writer.integers(*axes),
    )


def _behind(node: Node, axis: int) -> int:
    start, count, _ = node.params["ranges"][axis]
    return node.shape[axis] - start - count


def _select(to: Exporter, node: Node) -> str:
    """Choose between the old elements and the new ones, moved to their places."""
    x, new = node.inputs
    ranges = node.params["ranges"]
    axes = _cut(node)
    if any(isinstance(size, Batch) for size in _sizes_at(to, node, axes)):
        raise NotImplementedError(
            "onnx.export: writing into a slice along the batch needs a fixed batch; "
            "export with dynamic_batch=False"
        )
    written, places = np.zeros([], bool), np.zeros([], np.int64)
    value = to.value(new)
    for axis in axes:
        start, count, step = ranges[axis]
        chosen = np.zeros(node.shape[axis], bool)
        chosen[start : _stop(ranges[axis]) : step] = True
        places = np.where(chosen, np.cumsum(chosen) - 1, 0)
        along = new.ndim - (node.ndim - axis)
        if along >= 0 and new.shape[along] == count and count > 1:
            value = to.writer.add(
                "Gather", value, to.writer.constant(places), axis=along
            )
        mask = chosen.reshape(-1, *(1,) * (node.ndim - axis - 1))
        written = mask if written.ndim == 0 else written & mask
    return to.writer.add("Where", to.writer.constant(written), value, to.value(x))


def _sizes_at(to: Exporter, node: Node, axes: list[int]) -> list[int | Batch]:
    return to.sizes(node, lambda each: tuple(each.shape[axis] for axis in axes))


def _cat(to: Exporter, node: Node) -> str:
    values = map(to.value, node.inputs)
    return to.writer.add("Concat", *values, axis=node.params["axis"])


def _flip(to: Exporter, node: Node) -> str:
    axes, lowest = node.params["axes"], -(2**62)
    vectors = (to.writer.integers(*(number,) * len(axes)) for number in (-1, lowest))
    starts, stops = vectors
    steps = to.writer.integers(*(-1,) * len(axes))
    places = to.writer.integers(*axes)
    return to.writer.add("Slice", _first(to, node), starts, stops, places, steps)


def _sliding(to: Exporter, node: Node) -> str:
    axis, size, step = (node.params[each] for each in ("axis", "size", "step"))
    places = step * np.arange(node.shape[axis])[:, None] + np.arange(size)
    taken = to.writer.add(
        "Gather", _first(to, node), to.writer.constant(places), axis=axis
    )
    order = [at for at in range(node.ndim) if at != axis + 1]
    return to.writer.add("Transpose", taken, perm=[*order, axis + 1])


def _by_flat_positions(to: Exporter, node: Node) -> str:
    """Read a strided view's elements at their positions in the flat parent."""
    (x,) = node.inputs
    places = node.op.numpy(  # type: ignore[union-attr]
        np.arange(math.prod(x.shape)).reshape(x.shape), **node.params
    )
    to.sizes(node, lambda each: each.shape)
    flat = to.writer.add("Reshape", to.value(x), to.writer.integers(-1))
    return to.writer.add("Gather", flat, to.writer.constant(places), axis=0)


def _gather(to: Exporter, node: Node) -> str:
    values = map(to.value, node.inputs)
    return to.writer.add("GatherElements", *values, axis=node.params["axis"])


def _index(to: Exporter, node: Node) -> str:
    x, *positions = node.inputs
    axes = node.params["axes"]
    if len(axes) == 1:
        place = to.value(positions[0])
        return to.writer.add("Gather", to.value(x), place, axis=axes[0])
    if axes != tuple(range(len(axes))):
        raise NotImplementedError(
            f"onnx.export: indexing dimensions {axes} by tensors has no form in ONNX "
            "here; index the leading dimensions, or one"
        )
    return to.writer.add("GatherND", to.value(x), _tuples(to, positions))


def _tuples(to: Exporter, positions: list[Node]) -> str:
    """Positions per axis as one array with a tuple of them for each element."""
    shape = np.broadcast_shapes(*(each.shape for each in positions))
    sizes = to.writer.integers(*shape)
    last = to.writer.integers(-1)
    columns = [
        to.writer.add("Unsqueeze", to.writer.add("Expand", to.value(each), sizes), last)
        for each in positions
    ]
    return to.writer.add("Concat", *columns, axis=-1)


def _index_write(reduction: str) -> Rule:
    def rule(to: Exporter, node: Node) -> str:
        x, new, *positions = node.inputs
        axes = node.params["axes"]
        if axes != tuple(range(len(axes))):
            raise NotImplementedError(
                f"onnx.export: writing at positions of dimensions {axes} has no form "
                "in ONNX here; write along the leading dimensions"
            )
        picked = np.broadcast_shapes(*(each.shape for each in positions))
        whole = to.writer.integers(*picked, *x.shape[len(axes) :])
        values = to.writer.add("Expand", to.value(new), whole)
        places = _tuples(to, positions)
        return to.writer.add(
            "ScatterND", to.value(x), places, values, reduction=reduction
        )

    return rule


def _scatter(reduction: str) -> Rule:
    def rule(to: Exporter, node: Node) -> str:
        values = map(to.value, node.inputs)
        axis = node.params["axis"]
        return to.writer.add("ScatterElements", *values, axis=axis, reduction=reduction)

    return rule


def _rebind(to: Exporter, node: Node) -> str:
    return to.value(node.inputs[1])


MOVEMENT: dict[str, Rule] = {
    "alias": _first,
    "detach": _first,
    "rebind": _rebind,
    "check_index": _first,
    "scale_gradient": _first,
    "view": _view,
    "expand": _expand,
    "permute": _permute,
    "slice": _slice,
    "slice_update": _slice_update,
    "cat": _cat,
    "flip": _flip,
    "unfold": _sliding,
    "as_strided": _by_flat_positions,
    "diagonal": _by_flat_positions,
    "gather": _gather,
    "index": _index,
    "index_put": _index_write("none"),
    "index_add": _index_write("add"),
    "scatter": _scatter("none"),
    "scatter_add": _scatter("add"),
    "scatter_prod": _scatter("mul"),
    "scatter_amax": _scatter("max"),
    "scatter_amin": _scatter("min"),
}
