"""The bytes of a file, read piece by piece, and how much memory they may become.

A source is a file that is read where it is asked for, a file mapped into memory, or
what a stream gave. Every range is checked against the file's size before anything is
read, and everything made from the file is charged to one budget, so that a small file
cannot fill the memory.
"""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np

from ..runtime.memory import pool
from .errors import CheckpointError
from .filling import Filler

__all__ = ["Piece", "Source", "open_source", "whole"]

# A file becomes at most 4 times its size and 64 MiB: these, and its own bytes, which
# may be in memory besides.
_TIMES = 3
_BESIDES = 48 << 20

_LARGE = 64 << 10  # bytes that are not read one after another


class Source:
    """The bytes of a file or a stream that are in memory, or mapped into it.

    Attributes:
        name: the file's name, for messages.
        buffer: the bytes, or none of them if the file is read where it is asked for.
        size: how many bytes there are.
        left: how many bytes of memory may still be made from them.

    Args:
        name: the file's name.
        buffer: the bytes.
    """

    def __init__(self, name: str, buffer: Any) -> None:
        self.name, self.buffer = name, buffer
        self._bytes = np.frombuffer(buffer, np.uint8)
        self.size = self._bytes.size
        self.left = _TIMES * self.size + _BESIDES

    def read(self, offset: int, length: int) -> bytes:
        """Return a range of the bytes.

        Raises:
            CheckpointError: the file ends before.
        """
        self.check(offset, length)
        return self._bytes[offset : offset + length].tobytes()

    def array(self, offset: int, length: int) -> np.ndarray:
        """Return a range as an array of bytes that nobody else writes to.

        Its content is there after `settle`, which `open_source` calls at the end.

        Raises:
            CheckpointError: the file ends before.
        """
        self.check(offset, length)
        return self._bytes[offset : offset + length]

    def settle(self) -> None:
        """Wait until all arrays have their content, which may come later.

        Raises:
            CheckpointError: the file became shorter while it was read.
        """

    def check(self, offset: int, length: int) -> None:
        """Raise unless the file has `length` bytes from `offset` on."""
        if offset < 0 or length < 0 or offset + length > self.size:
            raise self.error(
                min(max(offset, 0), self.size),
                f"{length} bytes are wanted here, but the file has {self.size}; it may "
                "be cut short",
            )

    def charge(self, amount: int, offset: int) -> None:
        """Take memory from what the file may use.

        Raises:
            CheckpointError: that is used up.
        """
        self.left -= amount
        if self.left < 0:
            raise self.error(
                offset,
                f"what the file holds would need more memory than {_TIMES} times its "
                f"size ({self.size} bytes) and {_BESIDES >> 20} MiB",
            )

    def error(self, offset: int, problem: str) -> CheckpointError:
        """Return the error about a place in the file."""
        return CheckpointError(self.name, offset, problem)


class _FileSource(Source):
    """A file that is read where it is asked for; what is large, by several threads."""

    def __init__(self, name: str, file: BinaryIO, size: int) -> None:
        super().__init__(name, b"")
        self._filler = Filler(name, file, size)
        self.size, self.left = size, _TIMES * size + _BESIDES

    def read(self, offset: int, length: int) -> bytes:
        self.check(offset, length)
        found = np.empty(length, np.uint8)
        self._filler.fill(found, offset)
        return found.tobytes()

    def array(self, offset: int, length: int) -> np.ndarray:
        self.check(offset, length)
        if length < _LARGE:
            found = np.empty(length, np.uint8)
            self._filler.fill(found, offset)
        else:
            found, _ = pool.take(length)  # often that of the parameters before
            self._filler.add(found, offset)
        return found

    def settle(self) -> None:
        self._filler.fill_all()


class _MappedSource(_FileSource):
    """A file whose arrays are mapped into memory; all else of it is read."""

    def __init__(self, name: str, file: BinaryIO, size: int) -> None:
        super().__init__(name, file, size)
        self.buffer = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._bytes = np.frombuffer(self.buffer, np.uint8)

    def array(self, offset: int, length: int) -> np.ndarray:
        return Source.array(self, offset, length)


@contextmanager
def open_source(file: Any, mapped: bool = False) -> Iterator[Source]:
    """Open a path or a binary stream for reading.

    Args:
        file: a path, or an object with a `read` method.
        mapped: map the file into memory instead of reading it.

    Raises:
        OSError: the path cannot be opened.
        TypeError: `file` is neither a path nor a binary stream.
        ValueError: a stream is to be mapped, or the path is no regular file.
    """
    if hasattr(file, "read"):
        yield _stream_source(file, mapped)
        return
    name = os.fspath(file)
    name = os.fsdecode(name) if isinstance(name, bytes) else name
    with open(name, "rb", buffering=0) as opened:
        status = os.fstat(opened.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{name} is not a regular file")
        kind = _MappedSource if mapped and status.st_size else _FileSource
        source = kind(name, opened, status.st_size)
        yield source
        source.settle()


def _stream_source(stream: Any, mapped: bool) -> Source:
    name = getattr(stream, "name", None)
    name = name if isinstance(name, str) else f"<{type(stream).__name__}>"
    if mapped:
        raise ValueError(f"{name}: mmap=True needs the path of a file, not a stream")
    content = stream.read()
    if not isinstance(content, bytes):
        raise TypeError(
            f"{name}: a stream must give bytes, this one gives "
            f"{type(content).__name__}; open it in binary mode"
        )
    return Source(name, content)


def whole(source: Source) -> Source:
    """Return the source with all its bytes in memory, for formats without a table."""
    if len(source.buffer) == source.size:
        return source
    return Source(source.name, source.read(0, source.size))


class Piece:
    """Bytes of a source that are interpreted one after another.

    Attributes:
        source: where they come from.
        data: the bytes, as bytes or as a file mapped into memory.

    Args:
        source: where they come from.
        data: the bytes.
        base: where in the source they begin.
        packed: they were compressed there, so that all lie at `base`.
    """

    def __init__(
        self, source: Source, data: Any, base: int = 0, packed: bool = False
    ) -> None:
        self.source, self.data = source, data
        self._base, self._packed = base, packed

    def place(self, at: int) -> int:
        """Return where in the source a position of the piece lies."""
        return self._base if self._packed else self._base + at

    def error(self, at: int, problem: str) -> CheckpointError:
        """Return the error about a position of the piece."""
        return self.source.error(self.place(at), problem)
