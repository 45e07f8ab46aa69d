"""Reading zip files, as far as checkpoints are zip files.

Entries are found by the table at the end of the file. They must not overlap, and none
is looked for outside the file: nothing is ever unpacked to a path.

Source: PKWARE's APPNOTE.TXT, sections 4.3 and 4.5.3.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from .source import Piece, Source

__all__ = ["Archive"]

_END, _END64, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_CENTRAL, _LOCAL = b"PK\x01\x02", b"PK\x03\x04"
_END_FORM = struct.Struct("<4s4H2LH")
_END64_FORM = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_FORM = struct.Struct("<4sLQL")
_CENTRAL_FORM = struct.Struct("<4s6H3L5H2L")
_LOCAL_FORM = struct.Struct("<4s5H3L2H")
_LONGEST_COMMENT = 0xFFFF
_WIDE, _WIDE_ID = 0xFFFFFFFF, 1  # a field that the extra field 1 holds in 64 bits
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 1
_ENTRY_COST = 600  # bytes of memory


@dataclass(slots=True)
class _Entry:
    """A line of the table.

    Attributes:
        name: the entry's.
        at: where its header is.
        method: how it is compressed.
        check: the CRC-32 of its content, 0 if nobody computed it.
        packed: its size in the file.
        size: its size.
        limit: where the next entry, or the table, begins.
    """

    name: str
    at: int
    method: int
    check: int
    packed: int
    size: int
    limit: int = 0


class Archive:
    """The entries of a zip file.

    Attributes:
        source: the file.

    Args:
        source: the file.

    Raises:
        CheckpointError: the table is missing or damaged.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        count, length, start = self._find_table()
        self._entries = self._read_table(count, length, start)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    @property
    def names(self) -> list[str]:
        """The names of all entries, in the table's order."""
        return list(self._entries)

    def piece(self, name: str) -> Piece:
        """Return the content of an entry, checked by its CRC-32 where there is one.

        Raises:
            CheckpointError: there is no such entry, or it is damaged.
        """
        entry, start = self._open(name)
        if entry.method == _STORED:
            data = self.source.read(start, entry.size)
        else:
            data = self._inflate(entry, start)
        if entry.check and zlib.crc32(data) != entry.check:
            raise self.source.error(start, f"the checksum of entry {name!r} is wrong")
        return Piece(self.source, data, start, entry.method != _STORED)

    def array(self, name: str) -> tuple[np.ndarray, int]:
        """Return the content of an entry as an array of bytes, and where it begins.

        As in torch, no checksum is computed of what may be large.

        Raises:
            CheckpointError: there is no such entry, or it is damaged.
        """
        entry, start = self._open(name)
        if entry.method == _STORED:
            self.source.charge(entry.size, start)
            return self.source.array(start, entry.size), start
        return np.frombuffer(self._inflate(entry, start), np.uint8), start

    def _find_table(self) -> tuple[int, int, int]:
        """Return how many entries the table has, its length and where it begins."""
        source, least = self.source, _END_FORM.size
        start = max(0, source.size - least - _LONGEST_COMMENT)
        tail = source.read(start, source.size - start)
        at = tail.rfind(_END, 0, max(0, len(tail) - least) + len(_END))
        if at < 0:
            raise source.error(
                source.size, "the zip file's table is missing: the file is cut short"
            )
        end = start + at
        fields = _END_FORM.unpack_from(tail, at)
        disks, (count, length, offset) = fields[1:4], fields[4:7]
        where = end - _LOCATOR_FORM.size
        if where >= 0:
            found, _, wide, _ = _LOCATOR_FORM.unpack(
                source.read(where, _LOCATOR_FORM.size)
            )
            if found == _LOCATOR:
                count, length, offset = self._wide_table(wide)
                end, disks = wide, (0, 0, count)
        if disks != (0, 0, count):
            raise source.error(end, "the zip file is one part of several")
        if offset + length > end:
            raise source.error(
                end,
                f"the zip file's table, {length} bytes at {offset}, leaves the file",
            )
        return count, length, offset

    def _wide_table(self, at: int) -> tuple[int, int, int]:
        fields = _END64_FORM.unpack(self.source.read(at, _END64_FORM.size))
        if fields[0] != _END64:
            raise self.source.error(at, "the zip file's 64-bit table is missing")
        return fields[7:10]

    def _read_table(self, count: int, length: int, start: int) -> dict[str, _Entry]:
        source, entries = self.source, dict[str, _Entry]()
        source.charge(length, start)
        table, at = source.read(start, length), 0
        while at < length:
            source.charge(_ENTRY_COST, start + at)
            entry, size = self._read_line(table, at, start + at)
            if entry.name in entries:
                raise source.error(start + at, f"entry {entry.name!r} is there twice")
            entries[entry.name] = entry
            at += size
        if len(entries) != count:
            raise source.error(
                start, f"the table has {len(entries)} entries instead of {count}"
            )
        following = start
        for entry in sorted(entries.values(), key=lambda each: each.at, reverse=True):
            entry.limit, following = following, entry.at
        return entries

    def _read_line(self, table: bytes, at: int, place: int) -> tuple[_Entry, int]:
        """Return an entry of the table, and the length of its line."""
        problem = self.source.error(place, "the zip file's table is damaged")
        if at + _CENTRAL_FORM.size > len(table):
            raise problem
        fields = _CENTRAL_FORM.unpack_from(table, at)
        flags, method, check = fields[3], fields[4], fields[7]
        lengths = fields[10:13]  # of name, extra fields and comment
        first = at + _CENTRAL_FORM.size
        last = first + sum(lengths)
        if fields[0] != _CENTRAL or last > len(table):
            raise problem
        middle = first + lengths[0]
        name = self._name(table[first:middle], place)
        if flags & _ENCRYPTED or method not in (_STORED, _DEFLATED):
            raise self.source.error(
                place, f"entry {name!r} is encrypted or compressed by method {method}"
            )
        sizes = _widened(
            (fields[9], fields[8], fields[16]), table[middle : middle + lengths[1]]
        )
        if sizes is None:
            raise problem
        size, packed, offset = sizes
        if method == _STORED and size != packed:
            raise problem
        return _Entry(name, offset, method, check, packed, size), last - at

    def _name(self, raw: bytes, place: int) -> str:
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            raise self.source.error(place, f"the name {raw!r} is not UTF-8") from None
        if "\\" in name or name.startswith("/") or ".." in name.split("/"):
            raise self.source.error(place, f"the name {name!r} leads elsewhere")
        return name

    def _open(self, name: str) -> tuple[_Entry, int]:
        """Return an entry and where its content begins."""
        entry, source = self._entries.get(name), self.source
        if entry is None:
            raise source.error(source.size, f"the zip file has no entry {name!r}")
        header = source.read(entry.at, _LOCAL_FORM.size)
        fields = _LOCAL_FORM.unpack(header)
        if fields[0] != _LOCAL:
            raise source.error(entry.at, f"the header of entry {name!r} is missing")
        after = entry.at + _LOCAL_FORM.size
        if source.read(after, fields[9]) != name.encode():
            raise source.error(after, f"the header is not that of entry {name!r}")
        start = after + fields[9] + fields[10]
        if start + entry.packed > entry.limit:
            raise source.error(
                start,
                f"entry {name!r} reaches byte {start + entry.packed}, into what begins "
                f"at {entry.limit}",
            )
        return entry, start

    def _inflate(self, entry: _Entry, start: int) -> bytes:
        self.source.charge(entry.size, start)
        data = self.source.read(start, entry.packed)
        try:
            # Not a byte more than the table promises, whatever is in the file.
            content = zlib.decompressobj(-15).decompress(data, entry.size + 1)
        except zlib.error as error:
            raise self.source.error(start, f"entry {entry.name!r}: {error}") from None
        if len(content) != entry.size:
            raise self.source.error(
                start, f"entry {entry.name!r} does not have the size {entry.size}"
            )
        return content


def _widened(values: tuple[int, ...], extra: bytes) -> list[int] | None:
    """Replace sizes that needed more than 32 bits; None if the extra field is bad."""
    wide, at = b"", 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == _WIDE_ID:
            wide = extra[at + 4 : at + 4 + length]
        at += 4 + length
    found = []
    for value in values:
        if value == _WIDE:
            if len(wide) < 8:
                return None
            value, wide = int.from_bytes(wide[:8], "little"), wide[8:]
        found.append(value)
    return found
