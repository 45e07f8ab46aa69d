"""Shapes: broadcasting, axes, int-or-tuple arguments, the window size formula."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import prod
from operator import index
from typing import Any

__all__ = [
    "Size",
    "axes_of",
    "axis_of",
    "broadcast_shapes",
    "broadcasts_to",
    "contiguous_strides",
    "ntuple",
    "resolve_size",
    "same_padding",
    "window_output",
]


class Size(tuple[int, ...]):
    """A shape: a tuple of ints that prints as torch.Size and knows its `numel`.

    Example:
        >>> import flambeau
        >>> flambeau.Size([2, 3]).numel()
        6
    """

    __slots__ = ()

    def numel(self) -> int:
        """Return the number of elements, the product of the sizes."""
        return prod(self)

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        found = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other):  # type: ignore[no-untyped-def]
        return Size(tuple(self) + tuple(other))


def axis_of(dim: int, ndim: int) -> int:
    """Turn a possibly negative dimension into 0 … ndim-1.

    Raises:
        IndexError: `dim` is outside [-ndim, ndim-1].
        TypeError: `dim` is not an integer.
    """
    dim, limit = index(dim), max(ndim, 1)
    if not -limit <= dim < limit:
        raise IndexError(
            "Dimension out of range (expected to be in range of "
            f"[{-limit}, {limit - 1}], but got {dim})"
        )
    return dim % limit


def axes_of(dims: int | Iterable[int] | None, ndim: int) -> tuple[int, ...]:
    """Turn an int, a sequence or None (= all) into distinct axes in rising order.

    Raises:
        RuntimeError: a dimension is named twice.
    """
    if dims is None:
        return tuple(range(ndim))
    listed: Iterable[Any] = (dims,) if hasattr(dims, "__index__") else dims
    axes = [axis_of(each, ndim) for each in listed]
    for axis in axes:
        if axes.count(axis) > 1:
            raise RuntimeError(f"dim {axis} appears multiple times in the list of dims")
    return tuple(sorted(axes)) if ndim else ()


def broadcast_shapes(*shapes: Sequence[int]) -> tuple[int, ...]:
    """Return the shape that all `shapes` broadcast to.

    Raises:
        RuntimeError: two sizes at one dimension differ and neither is 1.
    """
    first = tuple(shapes[0])
    if all(tuple(each) == first for each in shapes[1:]):
        return first
    ndim = max(map(len, shapes))
    result = [1] * ndim
    for shape in shapes:
        offset = ndim - len(shape)
        for position, size in enumerate(shape, offset):
            if size != 1 and size != result[position]:
                if result[position] != 1:
                    raise RuntimeError(_broadcast_message(shapes, position - ndim))
                result[position] = size
    return tuple(result)


def broadcasts_to(shape: Sequence[int], target: Sequence[int]) -> bool:
    """Whether a tensor of `shape` may stand where one of shape `target` is wanted."""
    pairs = zip(reversed(shape), reversed(target))
    return len(shape) <= len(target) and all(size in (1, to) for size, to in pairs)


def _broadcast_message(shapes: Sequence[Sequence[int]], dim: int) -> str:
    listed = " and ".join(str(tuple(each)) for each in shapes)
    sizes = [str(each[dim]) for each in shapes if len(each) >= -dim]
    return (
        f"shapes {listed} do not broadcast: at dimension {dim} the sizes are "
        f"{' and '.join(sizes)}; they must be equal or 1"
    )


@lru_cache(maxsize=4096)  # every view asks for the strides of its base
def contiguous_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return row-major strides in elements, as torch counts them."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def resolve_size(sizes: Sequence[int], numel: int) -> tuple[int, ...]:
    """Replace the one -1 in a view or reshape size by what `numel` leaves for it.

    Raises:
        RuntimeError: the sizes do not hold `numel` elements.
    """
    wanted = tuple(int(each) for each in sizes)
    known = prod(each for each in wanted if each != -1)
    if wanted.count(-1) > 1:
        raise RuntimeError("only one dimension can be inferred")
    if any(each < -1 for each in wanted):
        bad = next(each for each in wanted if each < -1)
        raise RuntimeError(f"invalid shape dimension {bad}")
    if -1 in wanted:
        if known == 0 and numel == 0:
            raise RuntimeError(
                f"cannot reshape tensor of 0 elements into shape {list(wanted)} "
                "because the unspecified dimension size -1 can be any value and "
                "is ambiguous"
            )
        if known and numel % known == 0:
            return tuple(numel // known if each == -1 else each for each in wanted)
    if -1 in wanted or known != numel:
        raise RuntimeError(
            f"shape '{list(wanted)}' is invalid for input of size {numel}"
        )
    return wanted


def ntuple(
    value: int | Sequence[int], count: int, name: str = "size"
) -> tuple[int, ...]:
    """Spread an int over `count` dimensions, or check that a sequence has as many.

    Args:
        value: one int, or a sequence of 1 or `count` ints.
        count: how many dimensions there are.
        name: the op and its argument, for the message.

    Raises:
        RuntimeError: the sequence has another length.
        TypeError: a value is not an int.
    """
    items: Iterable[Any] = (value,) if hasattr(value, "__index__") else value
    try:
        found = tuple(map(index, items))
    except TypeError:
        raise TypeError(f"{name} must be an int or ints, got {value!r}") from None
    if len(found) == 1:
        return found * count
    if len(found) != count:
        raise RuntimeError(
            f"{name} must be an int or {count} ints, one per spatial dimension, got "
            f"{found}"
        )
    return found


def window_output(
    size: int,
    kernel: int,
    stride: int = 1,
    pad_lo: int = 0,
    pad_hi: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> int:
    r"""Return how many windows fit along one dimension, the formula of every window op.

    .. math:: \lfloor (n + p_{lo} + p_{hi} - d (k - 1) - 1) / s \rfloor + 1

    With `ceil_mode` the division rounds up, but a window that would start in the
    padding at the end is dropped. The result is below 1 when the kernel does not fit.

    Source: torch's pages "Conv2d" and "MaxPool2d".

    Example:
        >>> window_output(32, 3, stride=2, pad_lo=1, pad_hi=1)
        16
    """
    room = size + pad_lo + pad_hi - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return room // stride + 1
    count = -(-room // stride) + 1
    return count - 1 if (count - 1) * stride >= size + pad_lo else count


def same_padding(
    size: int, kernel: int, stride: int = 1, dilation: int = 1
) -> tuple[int, int]:
    """Return the (low, high) padding that gives ceil(size / stride) windows.

    The odd pixel goes to the end, as in torch for stride 1 and as in TensorFlow's
    SAME and ONNX's SAME_UPPER for any stride.

    Example:
        >>> same_padding(5, 3, stride=2), same_padding(6, 3, stride=2)
        ((1, 1), (0, 1))
    """
    outputs = -(-size // stride)
    total = max(0, (outputs - 1) * stride + dilation * (kernel - 1) + 1 - size)
    return total // 2, total - total // 2
