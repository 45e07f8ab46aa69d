"""Memory for kernels: aligned, and used again when nothing refers to it any more.

A training step gives every parameter new values. Asking the system for that memory at
each step would cost a page fault per 4 KiB, more than the update itself.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

__all__ = ["ALIGNMENT", "Pool", "aligned"]

ALIGNMENT = 64
_MOST_KEPT = 512 << 20  # bytes that are kept for later at the most


def aligned(size: int, alignment: int = ALIGNMENT) -> np.ndarray:
    """Return `size` zeroed bytes that start at a multiple of `alignment`."""
    memory = np.zeros(size + alignment, np.uint8)
    start = -memory.ctypes.data % alignment
    return memory[start : start + size]


class _Block:
    """The owner of an array's memory, which goes back to the pool with the array.

    NumPy keeps the owner alive for every array that is derived from the first one.
    """

    __slots__ = ("_memory", "_pool")

    def __init__(self, memory: np.ndarray, pool: Pool) -> None:
        self._memory, self._pool = memory, pool

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return self._memory.__array_interface__

    def __del__(self) -> None:
        self._pool.give_back(self._memory)


class Pool:
    """Blocks of memory that nothing refers to any more, by size.

    Attributes:
        kept: the bytes in it.
    """

    def __init__(self) -> None:
        self.kept = 0
        self._free: defaultdict[int, list[np.ndarray]] = defaultdict(list)

    def take(self, size: int) -> np.ndarray:
        """Return `size` aligned bytes with any content, used before or new."""
        free = self._free[size]
        try:
            memory = free.pop()
            self.kept -= size
        except IndexError:
            memory = aligned(size)
        return np.asarray(_Block(memory, self))

    def give_back(self, memory: np.ndarray) -> None:
        """Keep a block for later, unless very much is kept already."""
        if self.kept + memory.nbytes <= _MOST_KEPT:
            self.kept += memory.nbytes
            self._free[memory.nbytes].append(memory)
