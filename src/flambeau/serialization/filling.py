"""Filling many arrays from one file, by all threads.

Where the system promises that nobody changes the file meanwhile, and it is in memory,
it is mapped and copied by a kernel. Otherwise several threads read it: a file that
becomes shorter then gives an error, where a mapped one would end the process.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain, pairwise
from typing import BinaryIO

import numpy as np

from ..runtime.copying import can_copy, copy_memory
from ..runtime.team import get_num_threads
from .errors import CheckpointError

__all__ = ["Filler"]

_MOST_THREADS = 4
_PIECE = 1 << 20  # bytes that a thread reads at once
_PORTION = 64 << 20  # bytes that are copied before others are asked for again
_POPULATE_READ = 22  # madvise: bring it into memory, or tell why not


class Filler:
    """Arrays that wait for their bytes.

    Args:
        name: the file's name, for messages.
        file: the file.
        size: its size.
    """

    def __init__(self, name: str, file: BinaryIO, size: int) -> None:
        self._name, self._file, self._size = name, file, size
        self._waiting: list[tuple[np.ndarray, int]] = []

    def add(self, found: np.ndarray, offset: int) -> None:
        """Let an aligned array of bytes wait for those from `offset` on."""
        for start in range(0, found.size, _PIECE):
            self._waiting.append((found[start : start + _PIECE], offset + start))

    def fill_all(self) -> None:
        """Read everything that is waited for.

        Raises:
            CheckpointError: the file became shorter while it was read.
        """
        waiting, self._waiting = self._waiting, []
        waiting.sort(key=lambda each: each[1])
        unread = [each for each in _portions(waiting) if not self._copy(each)]
        self._read(list(chain.from_iterable(unread)))

    def fill(self, found: np.ndarray, offset: int) -> None:
        """Read one array.

        Raises:
            CheckpointError: the file became shorter while it was read.
        """
        view, done = found.data, 0
        while done < found.size:
            count = self._read_some(view[done:], offset + done)
            if not count:
                raise CheckpointError(
                    self._name, offset + done, "the file became shorter while read"
                )
            done += count

    def _read_some(self, view: memoryview, offset: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self._file.fileno(), [view], offset)
        self._file.seek(offset)
        return self._file.readinto(view)  # type: ignore[attr-defined]

    def _read(self, portion: list[tuple[np.ndarray, int]]) -> None:
        threads = min(get_num_threads(), _MOST_THREADS, len(portion))
        if threads <= 1 or not hasattr(os, "preadv"):
            self._fill_each(portion)
            return
        from concurrent.futures import ThreadPoolExecutor

        # A share each, not a piece after the other: these would have to be handed over
        # by a lock that Python's threads give away only now and then.
        with ThreadPoolExecutor(threads) as readers:
            for _ in readers.map(self._fill_each, _shares(portion, threads)):
                pass

    def _fill_each(self, portion: list[tuple[np.ndarray, int]]) -> None:
        for each in portion:
            self.fill(*each)

    def _copy(self, portion: list[tuple[np.ndarray, int]]) -> bool:
        """Copy from the mapped file; return False if that may not be done."""
        if not can_copy():
            return False
        with _promised(self._file) as promised:
            if not promised or os.fstat(self._file.fileno()).st_size != self._size:
                return False
            memory = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
            first = min(offset for _, offset in portion) & -mmap.PAGESIZE
            last = max(offset + found.size for found, offset in portion)
            try:
                memory.madvise(_POPULATE_READ, first, last - first)
            except OSError:
                return False
            start = np.frombuffer(memory, np.uint8).ctypes.data
            copy_memory(
                (found.ctypes.data, start + offset, found.size)
                for found, offset in portion
            )
        return True


def _portions(
    waiting: list[tuple[np.ndarray, int]],
) -> Iterator[list[tuple[np.ndarray, int]]]:
    """Cut what is waited for, by its place in the file, into lists."""
    portion: list[tuple[np.ndarray, int]] = []
    first = 0
    for found, offset in waiting:
        if portion and offset + found.size - first > _PORTION:
            yield portion
            portion = []
        if not portion:
            first = offset
        portion.append((found, offset))
    if portion:
        yield portion


def _shares(
    portion: list[tuple[np.ndarray, int]], count: int
) -> list[list[tuple[np.ndarray, int]]]:
    """Cut a portion into so many lists of about as many bytes."""
    ends = np.cumsum([found.size for found, _ in portion])
    cuts = np.searchsorted(ends, ends[-1] * np.arange(1, count) / count)
    edges = [0, *cuts.tolist(), len(portion)]
    return [portion[start:end] for start, end in pairwise(edges)]


@contextmanager
def _promised(file: BinaryIO) -> Iterator[bool]:
    """Ask the system that whoever wants to write the file or cut it waits for us.

    Linux calls it a lease. It is given to the file's owner, and not while anybody has
    the file open to write it; others wait no longer than a portion takes.
    """
    if not sys.platform.startswith("linux"):
        yield False
        return
    import fcntl

    try:
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)  # which nobody minds
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError:
        yield False
        return
    try:
        fcntl.fcntl(file, fcntl.F_SETOWN, 0)  # no signal at all when another waits
        yield fcntl.fcntl(file, fcntl.F_GETLEASE) == fcntl.F_RDLCK
    finally:
        with suppress(OSError):
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
