"""Index maps: where in a source each point of a loop's domain is read.

    domain (N, C, H, W)   x.permute(0, 2, 3, 1)[:, ::2]   ->   x at (n, w, c, 2h)

Every dimension of the source is read at `start + sum(step * index)` over the domain's
indices. Views compose their maps; loads multiply them with the buffer's strides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..graph import Node

__all__ = [
    "LOOKUPS",
    "UNCHANGED",
    "VIEWS",
    "Axis",
    "IndexMap",
    "broadcast",
    "identity",
    "through_view",
]

UNCHANGED = frozenset({"alias", "detach", "check_index", "inside"})
"""The views that show their source as it is."""
VIEWS = frozenset(
    {*UNCHANGED, "permute", "expand", "slice", "flip", "diagonal", "unfold"}
)
"""The views that read their source through an index map."""
LOOKUPS = frozenset({"index", "gather"})
"""The ops that read their first input at positions that are values themselves."""


@dataclass(frozen=True)
class Axis:
    """Where one dimension of a source is read."""

    start: int
    steps: tuple[int, ...]


IndexMap = tuple[Axis, ...]


def identity(ndim: int) -> IndexMap:
    """Return the map of a source that has the domain's shape."""
    return tuple(
        Axis(0, tuple(int(at == dim) for at in range(ndim))) for dim in range(ndim)
    )


def _nowhere(ndim: int) -> Axis:
    return Axis(0, (0,) * ndim)


def broadcast(
    index: IndexMap, result: Sequence[int], source: Sequence[int]
) -> IndexMap:
    """Return the map of an operand of shape `source`, given that of the result."""
    domain = len(index[0].steps) if index else 0
    extra = len(result) - len(source)
    return tuple(
        _nowhere(domain) if size == 1 and result[extra + at] != 1 else index[extra + at]
        for at, size in enumerate(source)
    )


def through_view(node: Node, index: IndexMap) -> IndexMap:
    """Return the map of a view's source, given that of the view."""
    (source,) = node.inputs
    name, params = node.name, node.params
    if name in UNCHANGED:
        return index
    if name == "permute":
        found: list[Any] = [None] * len(index)
        for at, dim in enumerate(params["dims"]):
            found[dim] = index[at]
        return tuple(found)
    if name == "expand":
        return broadcast(index, node.shape, source.shape)
    if name == "slice":
        pairs = zip(index, params["ranges"], strict=True)
        return tuple(_scaled(axis, step, start) for axis, (start, _, step) in pairs)
    if name == "flip":
        return tuple(
            _scaled(axis, -1, source.shape[at] - 1) if at in params["axes"] else axis
            for at, axis in enumerate(index)
        )
    if name == "diagonal":
        return _through_diagonal(index, **params)
    if name == "unfold":
        axis, step = params["axis"], params["step"]
        windows = _total(_scaled(index[axis], step, 0), index[-1])
        return (*index[:axis], windows, *index[axis + 1 : -1])
    raise AssertionError(f"{name} is not an affine view")


def _through_diagonal(
    index: IndexMap, offset: int, first: int, second: int
) -> IndexMap:
    """The map of a matrix, given that of its diagonal, which comes last."""
    *others, along = index
    found = {
        first: Axis(along.start + max(-offset, 0), along.steps),
        second: Axis(along.start + max(offset, 0), along.steps),
    }
    rest = iter(others)
    return tuple(
        found[dim] if dim in found else next(rest) for dim in range(len(index) + 1)
    )


def _total(a: Axis, b: Axis) -> Axis:
    steps = zip(a.steps, b.steps, strict=True)
    return Axis(a.start + b.start, tuple(one + other for one, other in steps))


def _scaled(axis: Axis, by: int, start: int) -> Axis:
    return Axis(start + by * axis.start, tuple(by * step for step in axis.steps))
