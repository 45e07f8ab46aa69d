"""Writing zip files of uncompressed entries whose contents are aligned.

Source: PKWARE's APPNOTE.TXT, sections 4.3 and 4.5.3.
"""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

__all__ = ["ArchiveWriter"]

_ALIGNMENT = 64
_VERSION, _WIDE_VERSION = 20, 45
_UTF8 = 0x800
_FIRST_OF_1980 = 0x21  # the same bytes whenever they are written
_PADDING, _WIDE = 0x4246, 1  # kinds of extra fields
_LIMIT = 0xFFFFFFFF  # from here on, numbers stand in 64 bits elsewhere
_MANY = 0xFFFF


class ArchiveWriter:
    """Writes entries one after another, and then the table of them.

    Nothing that was written is read or changed: `file` may be any stream.

    Args:
        file: where to write.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._at = file, 0
        self._table = bytearray()
        self._count = 0

    def add(self, name: str, content: bytes | memoryview) -> None:
        """Write an entry whose content begins at a multiple of 64 bytes."""
        raw, size = name.encode(), len(content)
        check, start = zlib.crc32(content), self._at
        extra = struct.pack("<2H2Q", _WIDE, 16, size, size) if size >= _LIMIT else b""
        room = -(start + 30 + len(raw) + len(extra) + 4) % _ALIGNMENT
        extra += struct.pack("<2H", _PADDING, room) + bytes(room)
        common = self._common(check, size, raw, extra)
        self._put(struct.pack("<4sH", b"PK\x03\x04", _needed(size)) + common)
        self._put(raw + extra)
        self._put(content)
        wide = [each for each in (size, size, start) if each >= _LIMIT]
        extra = struct.pack(f"<2H{len(wide)}Q", _WIDE, 8 * len(wide), *wide)
        extra = extra if wide else b""
        needed = _needed(max(size, start))
        self._table += struct.pack("<4s2H", b"PK\x01\x02", needed, needed)
        self._table += self._common(check, size, raw, extra)
        self._table += struct.pack("<3H2L", 0, 0, 0, 0, min(start, _LIMIT))
        self._table += raw + extra
        self._count += 1

    def close(self) -> None:
        """Write the table."""
        start, size, count = self._at, len(self._table), self._count
        self._put(self._table)
        if count >= _MANY or start + size >= _LIMIT:
            self._put(
                struct.pack(
                    "<4sQ2H2L4Q4sLQL",
                    *(b"PK\x06\x06", 44, _WIDE_VERSION, _WIDE_VERSION, 0, 0),
                    *(count, count, size, start),
                    *(b"PK\x06\x07", 0, start + size, 1),
                )
            )
            count, size, start = min(count, _MANY), min(size, _LIMIT), _LIMIT
        self._put(
            struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, size, start, 0)
        )

    def _common(self, check: int, size: int, name: bytes, extra: bytes) -> bytes:
        """Return what the table repeats of an entry's header."""
        size = min(size, _LIMIT)
        return struct.pack(
            "<4H3L2H",
            *(_UTF8, 0, 0, _FIRST_OF_1980),
            *(check, size, size, len(name), len(extra)),
        )

    def _put(self, content: bytes | bytearray | memoryview) -> None:
        self._file.write(content)
        self._at += len(content)


def _needed(number: int) -> int:
    return _WIDE_VERSION if number >= _LIMIT else _VERSION
