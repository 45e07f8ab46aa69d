"""Storages: the memory that tensors of a checkpoint share, and how tensors read it."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from .. import dtypes as dt
from ..graph import constant
from ..shape import contiguous_strides
from ..tensor import Tensor, wrap
from ..tensor.parts import as_strided
from .source import Source

__all__ = ["Storage", "StorageKind", "StoragePart", "Untyped", "check_shape", "typed"]

_MOST_DIMENSIONS = 64  # NumPy's bound
_MOST_BYTES = 1 << 63


class StorageKind:
    """What a storage's class says in a file: the dtype of the elements, if anything."""

    __slots__ = ("dtype",)

    def __init__(self, dtype: dt.dtype | None) -> None:
        self.dtype = dtype


class Untyped:
    """A storage of bytes; each tensor says as what it reads them.

    Attributes:
        of: returns the storage of a dtype's elements, the same for the same dtype.
    """

    __slots__ = ("of",)

    def __init__(self, of: Callable[[dt.dtype], Storage]) -> None:
        self.of = of


class Storage:
    """Elements of one dtype that one tensor or several read.

    The first tensor that shows all elements in their order is the base of the others,
    so that tensors which shared memory when they were saved do so again.

    Args:
        values: the elements, in one dimension.
        kind: their dtype.
    """

    def __init__(self, values: np.ndarray, kind: dt.dtype) -> None:
        self.values, self.kind = values, kind
        self._base: Tensor | None = None

    def tensor(
        self, offset: int, size: tuple[int, ...], stride: tuple[int, ...]
    ) -> Tensor:
        """Return a tensor that reads the elements.

        Args:
            offset: the first element.
            size: its shape.
            stride: the steps between elements, by dimension.

        Raises:
            ValueError: it would read what is not there.
        """
        _check(self.values.size, self.kind, offset, size, stride)
        size = tuple(size)
        if 0 in size:
            return wrap(constant(np.empty(size, self.kind.numpy), self.kind))
        whole = self._is_whole(offset, size, stride)
        if self._base is None:
            values = self.values.reshape(size) if whole else self.values
            self._base = wrap(constant(values, self.kind))
            if whole:
                return self._base
        return as_strided(self._base, size, stride, offset)

    def seen_as(self, kind: dt.dtype) -> Storage:
        """Return a storage of another dtype on the same memory."""
        raw = self.values.view(np.uint8)
        whole = raw.size // kind.itemsize * kind.itemsize
        return Storage(raw[:whole].view(kind.numpy), kind)

    def _is_whole(
        self, offset: int, size: tuple[int, ...], stride: tuple[int, ...]
    ) -> bool:
        steps = zip(size, stride, contiguous_strides(size))
        return (
            offset == 0
            and prod(size) == self.values.size
            and all(count == 1 or step == usual for count, step, usual in steps)
        )


class StoragePart:
    """A range of a storage's elements, which old files also call a storage."""

    def __init__(self, storage: Storage, start: int, count: int) -> None:
        if not 0 <= start <= start + count <= storage.values.size:
            raise ValueError(
                f"elements {start} to {start + count} of a storage of "
                f"{storage.values.size}"
            )
        self._storage, self._start, self._count = storage, start, count

    def tensor(
        self, offset: int, size: tuple[int, ...], stride: tuple[int, ...]
    ) -> Tensor:
        """Return a tensor that reads the range; see `Storage.tensor`."""
        _check(self._count, self._storage.kind, offset, size, stride)
        return self._storage.tensor(self._start + offset, size, stride)


def _check(count: int, kind: dt.dtype, offset: Any, size: Any, stride: Any) -> None:
    """Raise unless what a file says is a view of `count` elements."""
    check_shape(size, kind)
    if len(stride) != len(size) or type(stride) is not tuple:
        raise ValueError(f"{len(stride)} strides for {len(size)} dimensions")
    if any(type(each) is not int for each in (offset, *stride)):
        raise TypeError("a stride or an offset is no integer")
    if offset < 0 or min(stride, default=0) < 0:
        raise ValueError(f"stride {stride} and offset {offset}; none may be negative")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride))
    if 0 not in size and last >= count:
        raise ValueError(
            f"size {size}, stride {stride} and offset {offset} reach element {last} of "
            f"a storage of {count}"
        )


def check_shape(size: Any, kind: dt.dtype) -> None:
    """Check a shape that was read from a file.

    Raises:
        TypeError: it is no sequence of integers.
        ValueError: a size is negative, or there are too many elements or dimensions.
    """
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"a shape is a {type(size).__name__}")
    if len(size) > _MOST_DIMENSIONS:
        raise ValueError(f"{len(size)} dimensions; there can be {_MOST_DIMENSIONS}")
    for each in size:
        if type(each) is not int:
            raise TypeError(f"a size is a {type(each).__name__}, not an integer")
        if not 0 <= each < _MOST_BYTES:
            raise ValueError(f"a size is {each}"[:60])
    if prod(max(each, 1) for each in size) * kind.itemsize >= _MOST_BYTES:
        raise ValueError(f"shape {tuple(size)} has too many elements")


def typed(
    source: Source, raw: np.ndarray, kind: dt.dtype, swapped: bool = False
) -> np.ndarray:
    """Return bytes as elements: aligned, in this machine's order of bytes.

    Args:
        source: where the bytes come from.
        raw: the bytes; they are copied, or looked at, only where that is needed.
        kind: the dtype.
        swapped: the bytes of an element are in the other order.
    """
    if raw.ctypes.data % kind.itemsize or swapped:
        source.settle()
        raw = raw.copy()
    values = raw.view(kind.numpy)
    if swapped:
        values = values.byteswap()
    if kind is dt.bool_:
        source.settle()
        return raw != 0  # True is 1 everywhere else
    return values
