"""Reading and writing by integer positions; sorting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes as dt
from ..graph import Node
from ..shape import broadcast_shapes
from .broadcast import sum_to
from .movement import inverse, permute, zeros
from .op import Op

__all__ = [
    "argsort",
    "check_range",
    "gather",
    "index",
    "index_add",
    "index_put",
    "scatter",
    "scatter_add",
    "take_axis",
]

Shape = tuple[int, ...]


def check_range(
    index: Node | np.ndarray, size: int, what: str, lowest: int | None = None
) -> None:
    """Raise where a position that is already known lies outside its dimension.

    Args:
        index: the positions; a node that is still pending is checked when evaluated.
        size: the size of the dimension.
        what: names the op and the dimension in the message.
        lowest: the smallest position allowed, -size if not given.

    Raises:
        IndexError: a position is below `lowest` or not below `size`.
    """
    values = index.value if isinstance(index, Node) else index
    if values is None or not values.size:
        return
    low, high = int(values.min()), int(values.max())
    floor = -size if lowest is None else lowest
    if low < floor or high >= size:
        bad = low if low < floor else high
        raise IndexError(
            f"{what}: index {bad} is out of bounds for a dimension of size {size}; "
            f"it must be in [{floor}, {size - 1}]"
        )


# By one integer array for each leading dimension


def _index_infer(x: Node, *positions: Node) -> tuple[Shape, dt.dtype]:
    for axis, each in enumerate(positions):
        check_range(each, x.shape[axis], f"index in dimension {axis}")
    picked = broadcast_shapes(*(each.shape for each in positions))
    return (*picked, *x.shape[len(positions) :]), x.dtype


def _index_numpy(x: np.ndarray, *positions: np.ndarray) -> np.ndarray:
    for axis, each in enumerate(positions):
        check_range(each, x.shape[axis], f"index in dimension {axis}")
    return x[positions]


def _index_gradient(number: int, g: Node, y: Node, x: Node, *positions: Node) -> Any:
    return index_add(zeros(x.shape, g.dtype), g, *positions) if number == 0 else None


index = Op("index", _index_infer, _index_numpy, _index_gradient)


def _write_infer(x: Node, new: Node, *positions: Node) -> tuple[Shape, dt.dtype]:
    shape, _ = _index_infer(x, *positions)
    if broadcast_shapes(shape, new.shape) != shape:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {new.shape} cannot be broadcast "
            f"to indexing result of shape {shape}"
        )
    return x.shape, x.dtype


def _put_numpy(x: np.ndarray, new: np.ndarray, *positions: np.ndarray) -> np.ndarray:
    result = np.array(x)
    result[positions] = new
    return result


def _add_numpy(x: np.ndarray, new: np.ndarray, *positions: np.ndarray) -> np.ndarray:
    result = np.array(x)
    np.add.at(result, positions, new)
    return result


def _put_gradient(
    number: int, g: Node, y: Node, x: Node, new: Node, *positions: Node
) -> Any:
    if number == 0:
        return index_put(g, zeros((), g.dtype), *positions)
    return sum_to(index(g, *positions), new.shape) if number == 1 else None


def _add_gradient(
    number: int, g: Node, y: Node, x: Node, new: Node, *positions: Node
) -> Any:
    if number == 0:
        return g
    return sum_to(index(g, *positions), new.shape) if number == 1 else None


index_put = Op("index_put", _write_infer, _put_numpy, _put_gradient)
index_add = Op("index_add", _write_infer, _add_numpy, _add_gradient, "IndexPut")


def take_axis(x: Node, positions: Node, axis: int) -> Node:
    """Read whole slices of one axis by a 1-d array of positions."""
    order = (axis, *(at for at in range(x.ndim) if at != axis))
    picked = index(permute(x, order), positions)
    return permute(picked, inverse(order))


# By an integer array along one axis


def _grid(positions: np.ndarray, axis: int) -> tuple[np.ndarray, ...]:
    """Return the index of every element, its position along `axis` replaced."""
    grid = list(np.ogrid[tuple(slice(size) for size in positions.shape)])
    grid[axis] = positions
    return tuple(grid)


def _check_along(name: str, x: Node, positions: Node, axis: int) -> None:
    fits = x.ndim == positions.ndim and all(
        at == axis or size <= x.shape[at] for at, size in enumerate(positions.shape)
    )
    if not fits:
        raise RuntimeError(
            f"{name}: index of shape {positions.shape} must have as many dimensions "
            f"as the tensor of shape {x.shape}, and be no larger apart from dimension "
            f"{axis}"
        )
    check_range(positions, x.shape[axis], f"{name} in dimension {axis}", lowest=0)


def _gather_infer(x: Node, positions: Node, *, axis: int) -> tuple[Shape, dt.dtype]:
    _check_along("gather", x, positions, axis)
    return positions.shape, x.dtype


def _gather_numpy(x: np.ndarray, positions: np.ndarray, *, axis: int) -> np.ndarray:
    check_range(positions, x.shape[axis], f"gather in dimension {axis}", lowest=0)
    return x[_grid(positions, axis)]


gather = Op(
    "gather",
    _gather_infer,
    _gather_numpy,
    (
        lambda g, y, x, positions, axis: scatter_add(
            zeros(x.shape, g.dtype), positions, g, axis=axis
        ),
        None,
    ),
)


def _scatter_infer(name: str) -> Callable[..., tuple[Shape, dt.dtype]]:
    def infer(
        x: Node, positions: Node, new: Node, *, axis: int
    ) -> tuple[Shape, dt.dtype]:
        _check_along(name, x, positions, axis)
        if new.shape != positions.shape:
            raise RuntimeError(
                f"{name}: src of shape {new.shape} and index of shape "
                f"{positions.shape} must have the same shape"
            )
        return x.shape, x.dtype

    return infer


def _scatter_numpy(
    x: np.ndarray, positions: np.ndarray, new: np.ndarray, *, axis: int
) -> np.ndarray:
    check_range(positions, x.shape[axis], f"scatter in dimension {axis}", lowest=0)
    result = np.array(x)
    result[_grid(positions, axis)] = new
    return result


def _scatter_add_numpy(
    x: np.ndarray, positions: np.ndarray, new: np.ndarray, *, axis: int
) -> np.ndarray:
    check_range(positions, x.shape[axis], f"scatter_add in dimension {axis}", lowest=0)
    result = np.array(x)
    np.add.at(result, _grid(positions, axis), new)
    return result


scatter: Op = Op(
    "scatter",
    _scatter_infer("scatter"),
    _scatter_numpy,
    (
        lambda g, y, x, positions, new, axis: scatter(
            g, positions, zeros(new.shape, g.dtype), axis=axis
        ),
        None,
        lambda g, y, x, positions, new, axis: gather(g, positions, axis=axis),
    ),
)
scatter_add: Op = Op(
    "scatter_add",
    _scatter_infer("scatter_add"),
    _scatter_add_numpy,
    (
        lambda g, y, x, positions, new, axis: g,
        None,
        lambda g, y, x, positions, new, axis: gather(g, positions, axis=axis),
    ),
)


# Sorting


def _argsort_numpy(x: np.ndarray, *, axis: int, descending: bool) -> np.ndarray:
    if not descending:
        return np.argsort(x, axis, kind="stable")
    # the reverse of the reversed order keeps equal elements in their order
    order = np.argsort(np.flip(x, axis), axis, kind="stable")
    return np.flip(x.shape[axis] - 1 - order, axis)


argsort = Op("argsort", lambda x, axis, descending: (x.shape, dt.int64), _argsort_numpy)
