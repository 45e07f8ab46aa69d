"""Memory for kernels: aligned, and used again when nothing refers to it any more.

A training step gives every parameter new values. Asking the system for that memory at
each step would cost a page fault per 4 KiB, more than the update itself.

All but little memory lies on huge pages. A kernel that turns a weight or updates it
walks over many rows at once, and would need more small pages than a CPU remembers.
"""

from __future__ import annotations

import ctypes
import mmap
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from sys import getrefcount
from typing import Any, TypeVar

import numpy as np

from .forking import Lock

__all__ = [
    "ALIGNMENT",
    "HUGE_PAGE",
    "Arenas",
    "Pool",
    "Results",
    "address_of",
    "aligned",
    "are_alone",
    "pool",
    "references",
    "side_by_side",
]

ALIGNMENT = 64
_MOST_KEPT = 512 << 20  # bytes that are kept for later at the most
HUGE_PAGE = 2 << 20  # bytes
_SHARED = 2 * HUGE_PAGE  # bytes on which blocks lie one after the other
_LITTLE = 16_384  # bytes of a block that need not lie there: a few small pages

Key = TypeVar("Key")

_addressof, _from_buffer = ctypes.addressof, ctypes.c_char.from_buffer


def aligned(size: int) -> np.ndarray:
    """Return `size` zeroed bytes that start at a multiple of `ALIGNMENT`."""
    if size >= HUGE_PAGE and hasattr(mmap, "MADV_HUGEPAGE"):
        return _on_huge_pages(size)
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size]


def side_by_side(sizes: Mapping[Key, int]) -> dict[Key, np.ndarray]:
    """Return zeroed memory of some sizes, all in one block, by the same keys."""
    left, found = aligned(sum(map(_room, sizes.values()))), {}
    for key, size in sizes.items():
        found[key], left = left[:size], left[_room(size) :]
    return found


def _room(size: int) -> int:
    """Return how many bytes of a block lie before the next one's."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def address_of(array: np.ndarray) -> int:
    """Return where an array's elements begin."""
    try:
        return _addressof(_from_buffer(array))  # type: ignore[arg-type]
    except (TypeError, ValueError):  # read-only, not contiguous, or empty
        return array.__array_interface__["data"][0]


def _on_huge_pages(size: int) -> np.ndarray:
    """Return bytes whose first use costs a page fault per 2 MiB, not per 4 KiB.

    An end that would fill less than half of a huge page lies on small ones.
    """
    kind = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    memory = mmap.mmap(-1, size + 2 * HUGE_PAGE, kind)
    values = np.frombuffer(memory, np.uint8)
    start = -values.ctypes.data % HUGE_PAGE
    length = (size + HUGE_PAGE // 2) // HUGE_PAGE * HUGE_PAGE
    with suppress(OSError):  # a system without them
        memory.madvise(mmap.MADV_HUGEPAGE, start, length)
    return values[start : start + size]


class _SharedPages:
    """Huge pages on which blocks lie one after the other: they go with the last one."""

    def __init__(self) -> None:
        self._left = np.empty(0, np.uint8)
        self._lock = Lock()

    def take(self, size: int) -> np.ndarray:
        """Return `size` zeroed bytes that are aligned."""
        room = _room(size)
        with self._lock:
            if self._left.nbytes < room:
                self._left = aligned(_SHARED)
            found, self._left = self._left[:size], self._left[room:]
        return found


_shared = _SharedPages()


class _Block:
    """The owner of an array's memory, which goes back to the pool with the array.

    NumPy keeps the owner alive for every array that is derived from the first one.
    """

    __slots__ = ("__array_interface__", "_memory", "_pool")

    def __init__(self, memory: _Memory, pool: Pool) -> None:
        self.__array_interface__ = memory.interface
        self._memory, self._pool = memory, pool

    def __del__(self) -> None:
        self._pool.give_back(self._memory)


class _Memory:
    """Aligned bytes, with what NumPy and kernels ask of them."""

    __slots__ = ("address", "array", "interface")

    def __init__(self, size: int) -> None:
        shares = _LITTLE <= size < HUGE_PAGE
        self.array = _shared.take(size) if shares else aligned(size)
        self.interface: dict[str, Any] = self.array.__array_interface__
        self.address: int = self.interface["data"][0]


class Pool:
    """Blocks of memory that nothing refers to any more, by size.

    Attributes:
        kept: the bytes in it.
    """

    def __init__(self) -> None:
        self.kept = 0
        self._most = _MOST_KEPT  # at exit blocks come back when the module is gone
        self._free: defaultdict[int, list[_Memory]] = defaultdict(list)

    def take(self, size: int) -> tuple[np.ndarray, int]:
        """Return `size` aligned bytes with any content, used before or new.

        Returns:
            The bytes and their address.
        """
        try:
            memory = self._free[size].pop()
            self.kept -= size
        except IndexError:
            memory = _Memory(size)
        return np.asarray(_Block(memory, self)), memory.address

    def copy(self, values: np.ndarray) -> np.ndarray:
        """Return a row-major copy of an array, which is a block."""
        block, _ = self.take(values.nbytes)
        found = block.view(values.dtype).reshape(values.shape)
        found[...] = values
        return found

    def give_back(self, memory: _Memory) -> None:
        """Keep a block for later, unless very much is kept already."""
        size = memory.array.nbytes
        if self.kept + size <= self._most:
            self.kept += size
            self._free[size].append(memory)


def references(objects: Sequence[Any]) -> list[int]:
    """Return how many references each object has besides the one of the sequence."""
    return [count - _LOOKED_AT for count in map(getrefcount, objects)]


_LOOKED_AT = next(map(getrefcount, [object()]))


def are_alone(arrays: Sequence[np.ndarray], holders: int) -> list[bool]:
    """Return which arrays are a whole block of the pool that nothing else shows.

    Args:
        arrays: the arrays.
        holders: how many references to each are known, that of the sequence aside.
    """
    blocks = [each.base for each in arrays]
    return [
        isinstance(block, np.ndarray)
        and isinstance(block.base, _Block)
        and block.nbytes == array.nbytes
        and (held, shown) == (holders, 1)
        for array, block, held, shown in zip(
            arrays, blocks, references(arrays), references(blocks), strict=True
        )
    ]


pool = Pool()
"""Memory for what outlives a run, such as new values of parameters."""


class Arenas:
    """Memory for what lives no longer than a run: all plans use the same.

    There are as many arenas as runs at the same time, each as large as the largest run
    so far.
    """

    def __init__(self) -> None:
        self._free: list[np.ndarray] = []

    def take(self, size: int) -> np.ndarray:
        """Return at least `size` aligned bytes with any content."""
        try:
            arena = self._free.pop()
        except IndexError:
            arena = aligned(size)
        return arena if arena.nbytes >= size else aligned(size)

    def give_back(self, arena: np.ndarray) -> None:
        """Let another run use an arena."""
        self._free.append(arena)


class Results:
    """Small arrays of one kind, which are used again when nobody has them any more.

    Asking the pool for so few bytes would take as long as a kernel does.

    Args:
        shape: their sizes.
        kind: of their elements.
    """

    def __init__(self, shape: tuple[int, ...], kind: np.dtype) -> None:
        self._shape, self._kind = shape, kind
        self._known: list[tuple[np.ndarray, int]] = []

    def take(self) -> tuple[np.ndarray, int]:
        """Return an array with any content, and its address.

        It is a new object: whoever knows an array by its identity knows its numbers.
        """
        known = self._known
        for array, address in known:
            if getrefcount(array) == _HELD_HERE:
                return array.view(), address
        array = np.empty(self._shape, self._kind)
        known.append((array, address_of(array)))
        if len(known) > _MOST_RESULTS:  # one may be kept for long
            del known[0]
        return array.view(), known[-1][1]


def _held_here() -> int:
    """How many references an array has in the loop of `Results` that only it has."""
    for array, _ in [(np.empty(0), 0)]:
        return getrefcount(array)
    return 0


_HELD_HERE = _held_here()
_MOST_RESULTS = 3  # one that a program still has while it computes the next, and spare
