"""Reading and writing by integer positions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .. import dtypes as dt
from ..graph import Node
from ..recorder import checked
from ..shape import broadcast_shapes
from . import elementwise as ew
from .broadcast import expand, sum_to
from .movement import zeros
from .op import Op

__all__ = [
    "check_not_negative",
    "check_range",
    "gather",
    "index",
    "index_add",
    "index_put",
    "indexed_shape",
    "scatter",
    "scatter_add",
    "scatter_amax",
    "scatter_amin",
    "scatter_prod",
]

Shape = tuple[int, ...]


def check_not_negative(
    index: Node, size: int, what: str, error: type[Exception] = IndexError
) -> None:
    """Raise where a known position is outside [0, size); ops allow negative ones.

    Args:
        index: the positions.
        size: the size of the dimension.
        what: names the op in the message.
        error: what to raise.
    """
    checked(index, partial(check_range, size=size, what=what, lowest=0, error=error))


def check_range(
    index: Node | np.ndarray,
    size: int,
    what: str,
    lowest: int | None = None,
    error: type[Exception] = IndexError,
) -> None:
    """Raise where a position that is already known lies outside its dimension.

    Args:
        index: the positions; a node that is still pending is checked when evaluated.
        size: the size of the dimension.
        what: names the op and the dimension in the message.
        lowest: the smallest position allowed, -size if not given.
        error: what to raise.

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
        raise error(
            f"{what}: index {bad} is out of bounds for a dimension of size {size}; "
            f"it must be in [{floor}, {size - 1}]"
        )


# By one integer array for each of some axes


def indexed_shape(shape: Shape, picked: Shape, axes: Shape) -> Shape:
    """Return the shape after indexing `axes` by arrays of the shape `picked`.

    The picked dimensions stand where the axes stood if those are neighbours, else in
    front, as in NumPy.
    """
    if not axes or axes[-1] - axes[0] == len(axes) - 1:
        first = axes[0] if axes else 0
        return (*shape[:first], *picked, *shape[first + len(axes) :])
    return (*picked, *(size for at, size in enumerate(shape) if at not in axes))


def _key(positions: tuple[np.ndarray, ...], axes: Shape) -> tuple[Any, ...]:
    key: list[Any] = [slice(None)] * (axes[-1] + 1 if axes else 0)
    for axis, each in zip(axes, positions):
        key[axis] = each
    return tuple(key)


def _check_positions(x: Any, positions: tuple[Any, ...], axes: Shape) -> None:
    if any(0 in each.shape for each in positions):
        return  # nothing is picked
    for axis, each in zip(axes, positions):
        check_range(each, x.shape[axis], f"index in dimension {axis}")


def _index_infer(x: Node, *positions: Node, axes: Shape) -> tuple[Shape, dt.dtype]:
    _check_positions(x, positions, axes)
    picked = broadcast_shapes(*(each.shape for each in positions))
    return indexed_shape(x.shape, picked, axes), x.dtype


def _index_numpy(x: np.ndarray, *positions: np.ndarray, axes: Shape) -> np.ndarray:
    _check_positions(x, positions, axes)
    return x[_key(positions, axes)]


def _index_gradient(
    number: int, g: Node, y: Node, x: Node, *positions: Node, axes: Shape
) -> Any:
    if number:
        return None
    return index_add(zeros(x.shape, g.dtype), g, *positions, axes=axes)


_index = Op("index", _index_infer, _index_numpy, _index_gradient)


def index(x: Node, *positions: Node, axes: Shape | None = None) -> Node:
    """Read the elements at integer positions of some axes, whole along the others.

    Args:
        x: the node to read.
        positions: an integer array per axis; they broadcast.
        axes: the indexed axes in rising order; the leading ones if not given.
    """
    return _index(x, *positions, axes=_axes(axes, positions))


def _axes(axes: Shape | None, positions: tuple[Node, ...]) -> Shape:
    return tuple(range(len(positions))) if axes is None else axes


def _write_infer(
    x: Node, new: Node, *positions: Node, axes: Shape
) -> tuple[Shape, dt.dtype]:
    shape, _ = _index_infer(x, *positions, axes=axes)
    sizes = zip(new.shape[::-1], shape[::-1])
    if new.ndim > len(shape) or any(size not in (1, to) for size, to in sizes):
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(new.shape)} cannot be "
            f"broadcast to indexing result of shape {list(shape)}"
        )
    return x.shape, x.dtype


def _put_numpy(
    x: np.ndarray, new: np.ndarray, *positions: np.ndarray, axes: Shape
) -> np.ndarray:
    _check_positions(x, positions, axes)
    result = np.array(x)
    result[_key(positions, axes)] = new
    return result


def _add_numpy(
    x: np.ndarray, new: np.ndarray, *positions: np.ndarray, axes: Shape
) -> np.ndarray:
    _check_positions(x, positions, axes)
    result = np.array(x)
    np.add.at(result, _key(positions, axes), new)
    return result


def _picked_g(g: Node, new: Node, positions: tuple[Node, ...], axes: Shape) -> Node:
    return sum_to(index(g, *positions, axes=axes), new.shape)


def _put_gradient(
    number: int, g: Node, y: Node, x: Node, new: Node, *positions: Node, axes: Shape
) -> Any:
    if number == 0:
        return index_put(g, zeros((), g.dtype), *positions, axes=axes)
    return _picked_g(g, new, positions, axes) if number == 1 else None


def _add_gradient(
    number: int, g: Node, y: Node, x: Node, new: Node, *positions: Node, axes: Shape
) -> Any:
    if number == 0:
        return g
    return _picked_g(g, new, positions, axes) if number == 1 else None


_index_put = Op("index_put", _write_infer, _put_numpy, _put_gradient)
_index_add = Op("index_add", _write_infer, _add_numpy, _add_gradient, "IndexPut")


def index_put(x: Node, new: Node, *positions: Node, axes: Shape | None = None) -> Node:
    """Replace what `index` reads by `new`, broadcast."""
    return _index_put(x, new, *positions, axes=_axes(axes, positions))


def index_add(x: Node, new: Node, *positions: Node, axes: Shape | None = None) -> Node:
    """Add `new`, broadcast, to what `index` reads, as often as it is read."""
    return _index_add(x, new, *positions, axes=_axes(axes, positions))


# By an integer array along one axis


def _grid(positions: np.ndarray, axis: int) -> tuple[np.ndarray, ...]:
    """Return the index of every element, its position along `axis` replaced."""
    grid = list(np.ogrid[tuple(slice(size) for size in positions.shape)])
    grid[axis] = positions
    return tuple(grid)


def _check_along(name: str, x: Any, positions: Any, axis: int) -> None:
    check_range(
        positions, x.shape[axis], f"{name} in dimension {axis}", 0, RuntimeError
    )


def _along_infer(name: str, x: Node, positions: Node, axis: int) -> None:
    fits = x.ndim == positions.ndim and all(
        at == axis or size <= x.shape[at] for at, size in enumerate(positions.shape)
    )
    if not fits:
        raise RuntimeError(
            f"{name}: index of shape {positions.shape} must have as many dimensions "
            f"as the tensor of shape {x.shape}, and be no larger apart from dimension "
            f"{axis}"
        )
    _check_along(name, x, positions, axis)


def _gather_infer(x: Node, positions: Node, *, axis: int) -> tuple[Shape, dt.dtype]:
    _along_infer("gather", x, positions, axis)
    return positions.shape, x.dtype


def _gather_numpy(x: np.ndarray, positions: np.ndarray, *, axis: int) -> np.ndarray:
    _check_along("gather", x, positions, axis)
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


def _scatter_op(
    name: str,
    combine: np.ufunc | None,
    to_old: Callable[..., Node],
    to_new: Callable[..., Node],
) -> Op:
    """Return the op that combines new elements with those at their positions.

    Args:
        name: the op's name.
        combine: how an old and a new element are combined; None replaces.
        to_old: the gradient rule of the old elements.
        to_new: the gradient rule of the new ones.
    """

    def infer(
        x: Node, positions: Node, new: Node, *, axis: int
    ) -> tuple[Shape, dt.dtype]:
        _along_infer(name, x, positions, axis)
        if new.shape != positions.shape:
            raise RuntimeError(
                f"{name}: src of shape {new.shape} and index of shape "
                f"{positions.shape} must have the same shape"
            )
        return x.shape, x.dtype

    def meaning(
        x: np.ndarray, positions: np.ndarray, new: np.ndarray, *, axis: int
    ) -> np.ndarray:
        _check_along(name, x, positions, axis)
        grid = _grid(positions, axis)
        result = np.array(x)
        if combine is None:
            result[grid] = new
        else:
            combine.at(result, grid, new)
        return result

    return Op(name, infer, meaning, (to_old, None, to_new))


def _gather_g(g: Node, y: Node, x: Node, positions: Node, new: Node, axis: int) -> Node:
    return gather(g, positions, axis=axis)


scatter: Op = _scatter_op(
    "scatter",
    None,
    lambda g, y, x, positions, new, axis: scatter(
        g, positions, zeros(new.shape, g.dtype), axis=axis
    ),
    _gather_g,
)
scatter_add: Op = _scatter_op(
    "scatter_add", np.add, lambda g, y, x, positions, new, axis: g, _gather_g
)


def _prod_to_old(
    g: Node, y: Node, x: Node, positions: Node, new: Node, axis: int
) -> Node:
    ones = expand(ew.const_like(1, x), x.shape)
    return ew.mul(g, scatter_prod(ones, positions, new, axis=axis))


def _prod_to_new(
    g: Node, y: Node, x: Node, positions: Node, new: Node, axis: int
) -> Node:
    """The product of all the others; a zero among them leaves nothing."""
    one, zero = ew.const_like(1, new), ew.const_like(0, new)
    is_zero = ew.equal(new, zero)
    without = ew.where(is_zero, one, new)
    count = ew.cast(is_zero, new.dtype)
    zeros_at = scatter_add(zeros(x.shape, x.dtype), positions, count, axis=axis)
    others_zero = ew.not_equal(gather(zeros_at, positions, axis=axis), count)
    product = gather(
        scatter_prod(x, positions, without, axis=axis), positions, axis=axis
    )
    share = ew.mul(gather(g, positions, axis=axis), ew.div(product, without))
    return ew.where(others_zero, zero, share)


scatter_prod: Op = _scatter_op("scatter_prod", np.multiply, _prod_to_old, _prod_to_new)


def _winners(
    y: Node, x: Node, positions: Node, new: Node, axis: int
) -> tuple[Node, Node, Node]:
    """Which old and new elements equal the result, and how many share it."""
    old = ew.cast(ew.equal(x, y), x.dtype)
    best = gather(y, positions, axis=axis)
    mine = ew.cast(ew.equal(new, best), x.dtype)
    return old, mine, scatter_add(old, positions, mine, axis=axis)


def _extreme_to_old(
    g: Node, y: Node, x: Node, positions: Node, new: Node, axis: int
) -> Node:
    old, _, count = _winners(y, x, positions, new, axis)
    return ew.mul(old, ew.div(g, count))


def _extreme_to_new(
    g: Node, y: Node, x: Node, positions: Node, new: Node, axis: int
) -> Node:
    _, mine, count = _winners(y, x, positions, new, axis)
    return ew.mul(mine, gather(ew.div(g, count), positions, axis=axis))


scatter_amax = _scatter_op("scatter_amax", np.maximum, _extreme_to_old, _extreme_to_new)
scatter_amin = _scatter_op("scatter_amin", np.minimum, _extreme_to_old, _extreme_to_new)
