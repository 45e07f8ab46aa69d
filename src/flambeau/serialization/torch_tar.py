"""torch's first files, until 0.1.9: a tar archive of pickles with raw numbers between.

    storages    how many there are; of each a pickle with key, device and class, the
                number of elements in 64 bits, and the elements; then a pickle that
                lists which storages are ranges of others
    tensors     how many there are; of each a pickle with key, key of its storage and
                class, then the number of dimensions, sizes, strides and offset
    pickle      the object; an id in it is the key of a tensor or of a storage

Nothing is unpacked to a path: the members are read where they lie.

Source: POSIX's page "pax", section "ustar Interchange Format"; the reader of such files
in torch 2.13.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from .. import dtypes as dt
from .names import BUILDS, NAMES
from .pickles import Machine, Record, Vocabulary
from .source import Piece, Source
from .storages import Storage, StorageKind, StoragePart, typed

__all__ = ["is_tar", "load_tar"]

_BLOCK = 512
_MAGIC = slice(257, 262)
_NAME, _SIZE, _CHECK, _KIND = slice(100), slice(124, 136), slice(148, 156), 156
_FILES = b"0\0"  # of the kinds of members; others only tell of the next one
_MEMBER_COST, _KEY_COST = 600, 200  # bytes of memory
_MOST_DIMENSIONS = 64

_CLASSES = {
    f"{module}.{dt.scalar_name(kind)}Tensor": StorageKind(kind)
    for kind in dt.ALL
    if kind not in dt.LONE
    for module in ("torch", "torch.cuda")
}


def is_tar(source: Source) -> bool:
    """Whether a file begins as a tar archive does."""
    return source.size >= _BLOCK and source.read(0, _BLOCK)[_MAGIC] == b"ustar"


def load_tar(source: Source, recording: bool = False, advice: str = "") -> Any:
    """Return what was saved; for the arguments see `Vocabulary`.

    Raises:
        CheckpointError: the file is damaged, or not one of torch's.
        RefusedError: it names something else than tensors and plain values.
    """
    return _TarFile(source).load(recording, advice)


class _TarFile:
    """One archive: where its members lie, and what was read of them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._members = dict(self._read_headers())
        self._known: dict[int, Any] = {}

    def load(self, recording: bool, advice: str) -> Any:
        self._read_storages()
        self._read_tensors()
        vocabulary = Vocabulary(NAMES, BUILDS, self._known_by_id, recording, advice)
        return Machine(self._piece("pickle"), vocabulary).run()

    def _read_headers(self) -> Iterator[tuple[str, tuple[int, int]]]:
        at, source = 0, self._source
        while at + _BLOCK <= source.size:
            header = source.read(at, _BLOCK)
            if not any(header):
                return
            source.charge(_MEMBER_COST, at)
            size = _octal(header[_SIZE])
            spaces = sum(header) - sum(header[_CHECK]) + 8 * ord(" ")
            if size is None or _octal(header[_CHECK]) != spaces:
                raise source.error(at, "the header of a tar archive's member is wrong")
            at += _BLOCK
            source.check(at, size)
            if header[_KIND] in _FILES:
                name = header[_NAME].rstrip(b"\0").decode("latin-1")
                yield name, (at, size)
            at += -(-size // _BLOCK) * _BLOCK
        raise source.error(source.size, "the tar archive's end is missing: it is cut")

    def _piece(self, name: str) -> Piece:
        if name not in self._members:
            raise self._source.error(
                0, f"the tar archive is not one of torch's: it has no member {name!r}"
            )
        at, size = self._members[name]
        self._source.charge(size, at)
        return Piece(self._source, self._source.read(at, size), at)

    def _read_storages(self) -> None:
        piece = self._piece("storages")
        reader = _Reader(piece)
        for _ in range(reader.count()):
            key, _, kind = reader.three()
            count = reader.numbers("<q")[0]
            self._keep(reader, key, self._storage(reader, kind, count))
        for key, root, start, count in reader.fours():
            found = self._known.get(root)
            if type(found) is not Storage:
                raise piece.error(reader.at, "a storage is a part of no storage")
            self._keep(reader, key, StoragePart(found, start, count))

    def _storage(self, reader: _Reader, kind: Any, count: int) -> Storage:
        if type(kind) is not StorageKind or kind.dtype is None:
            raise reader.piece.error(reader.at, "a storage has no known class")
        length = count * kind.dtype.itemsize
        start = reader.piece.place(reader.at)
        reader.skip(length)
        self._source.charge(length, start)
        values = typed(self._source, self._source.array(start, length), kind.dtype)
        return Storage(values, kind.dtype)

    def _read_tensors(self) -> None:
        reader = _Reader(self._piece("tensors"))
        for _ in range(reader.count()):
            key, storage, _ = reader.three()
            ndim = reader.numbers("<i4x")[0]
            if not 0 <= ndim <= _MOST_DIMENSIONS:
                raise reader.piece.error(reader.at, f"a tensor has {ndim} dimensions")
            *told, offset = reader.numbers(f"<{2 * ndim + 1}q")
            size, stride = tuple(told[:ndim]), tuple(told[ndim:])
            found = self._known.get(storage) if type(storage) is int else None
            if type(found) not in (Storage, StoragePart):
                raise reader.piece.error(reader.at, "a tensor reads no storage")
            self._keep(reader, key, reader.made(found, offset, size, stride))

    def _keep(self, reader: _Reader, key: Any, value: Any) -> None:
        if type(key) is not int:
            raise reader.piece.error(reader.at, "a key is no number")
        self._source.charge(_KEY_COST, reader.at)
        self._known[key] = value

    def _known_by_id(self, machine: Machine, told: Any) -> Any:
        """Return what an id tells of; with a class come its name and its text."""
        if type(told) is tuple and told and type(told[0]) is Record:
            return told[0]
        return self._known[int(told) if type(told) is str else told]


class _Reader:
    """Reads a member: pickles, and numbers between them.

    Attributes:
        piece: the member's bytes.
        at: the position that is read next.
    """

    def __init__(self, piece: Piece) -> None:
        self.piece, self.at = piece, 0
        self._vocabulary = Vocabulary({**NAMES, **_CLASSES})

    def value(self) -> Any:
        """Return the value of a pickle."""
        machine = Machine(self.piece, self._vocabulary, self.at)
        found = machine.run()
        self.at = machine.at
        return found

    def count(self) -> int:
        """Return a number of things that follow."""
        found = self.value()
        if type(found) is not int or not 0 <= found <= len(self.piece.data):
            raise self.piece.error(self.at, "the number of what follows is wrong")
        return found

    def three(self) -> tuple[Any, Any, Any]:
        """Return a pickled tuple of three."""
        found = self.value()
        if type(found) is not tuple or len(found) != 3:
            raise self.piece.error(self.at, "what tells of a tensor is damaged")
        return found

    def fours(self) -> list[tuple[int, int, int, int]]:
        """Return a pickled list of four integers each."""
        found = self.value()
        if type(found) is not list or not all(
            type(each) is tuple and [*map(type, each)] == [int] * 4 for each in found
        ):
            raise self.piece.error(self.at, "the list of parts of storages is damaged")
        return found

    def numbers(self, form: str) -> tuple[int, ...]:
        """Return unpickled numbers."""
        start, length = self.at, struct.calcsize(form)
        self.skip(length)
        return struct.unpack(form, self.piece.data[start : self.at])

    def skip(self, length: int) -> None:
        """Go on by so many bytes."""
        if not 0 <= length <= len(self.piece.data) - self.at:
            raise self.piece.error(
                self.at, f"{length} bytes are wanted here, but the member ends before"
            )
        self.at += length

    def made(self, storage: Any, offset: int, size: Any, stride: Any) -> Any:
        """Return the tensor that reads a storage."""
        try:
            return storage.tensor(offset, size, stride)
        except (TypeError, ValueError) as error:
            raise self.piece.error(self.at, str(error)) from None


def _octal(raw: bytes) -> int | None:
    """The number in a header's field, or None."""
    try:
        return int(raw.strip(b"\0 ") or b"0", 8)
    except ValueError:
        return None
