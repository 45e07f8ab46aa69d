"""torch's files until 1.5: pickles one after another, then the storages.

    pickle            a magic number
    pickle            the version of this format
    pickle            sizes of types on the machine that wrote it
    pickle            the object; a storage in it is an id with a key
    pickle            the keys, in the order of what follows
    for each key      the number of elements, in 64 bits, and the elements

Source: torch's page "Serialization semantics", and files that torch has written.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .. import dtypes as dt
from .names import BUILDS, NAMES
from .pickles import Machine, Record, Vocabulary
from .source import Piece, Source, whole
from .storages import Storage, StorageKind, StoragePart, Untyped

__all__ = ["load_legacy"]

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_COUNT = 8  # bytes


def load_legacy(source: Source, recording: bool = False, advice: str = "") -> Any:
    """Return what was saved; for the arguments see `Vocabulary`.

    Raises:
        CheckpointError: the file is damaged.
        RefusedError: it names something else than tensors and plain values.
    """
    return _LegacyFile(whole(source)).load(recording, advice)


class _LegacyFile:
    """One file, read from its beginning to its end."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._piece = Piece(source, source.buffer)
        self._at = 0
        self._storages: dict[str, Storage] = {}
        self._untyped: dict[str, Untyped] = {}

    def load(self, recording: bool, advice: str) -> Any:
        plain = Vocabulary({})
        for wanted in (_MAGIC, _VERSION):
            start = self._at
            found = self._run(plain)
            if type(found) is not int or found != wanted:
                raise self._source.error(
                    start, f"a pickle, but not one of torch's, which has {wanted} here"
                )
        self._run(plain)
        vocabulary = Vocabulary(NAMES, BUILDS, self._storage, recording, advice)
        found = self._run(vocabulary)
        self._fill(self._run(plain))
        return found

    def _run(self, vocabulary: Vocabulary) -> Any:
        machine = Machine(self._piece, vocabulary, self._at)
        found = machine.run()
        self._at = machine.at
        return found

    def _storage(self, machine: Machine, told: Any) -> Any:
        """Return what an id tells of: a storage, whose elements are read later."""
        if told[0] == "module" and type(told[1]) is Record:
            return told[1]
        word, kind, key, _, count, *part = told
        if word != "storage" or type(kind) is not StorageKind or type(key) is not str:
            raise TypeError("an id tells of something else than a storage")
        found = self._storages.get(key)
        if found is None:
            found = self._new(machine, kind.dtype or dt.uint8, count)
            self._storages[key] = found
        if kind.dtype is None:
            return self._untyped.setdefault(key, Untyped(cache(found.seen_as)))
        if part and part[0] is not None:
            _, start, length = part[0]
            return StoragePart(found, start, length)
        return found

    def _new(self, machine: Machine, kind: dt.dtype, count: Any) -> Storage:
        if type(count) is not int or not 0 <= count <= self._source.size:
            raise ValueError("the size of a storage is no number, or beyond the file's")
        machine.charge(count * kind.itemsize)
        return Storage(np.zeros(count, kind.numpy), kind)

    def _fill(self, keys: Any) -> None:
        """Read the elements of all storages."""
        if type(keys) is not list or set(map(type, keys)) - {str}:
            raise self._source.error(self._at, "the list of storages is damaged")
        if sorted(keys) != sorted(self._storages):
            raise self._source.error(
                self._at, "the list of storages is not that of the storages in use"
            )
        for key in keys:
            storage, start = self._storages[key], self._at
            count = int.from_bytes(self._source.read(start, _COUNT), "little")
            if count != storage.values.size:
                raise self._source.error(
                    start,
                    f"storage {key!r} has {count} elements, not {storage.values.size}",
                )
            raw = self._source.array(start + _COUNT, storage.values.nbytes)
            storage.values.view(np.uint8)[:] = raw
            if storage.kind is dt.bool_:
                storage.values[:] = raw != 0
            self._at = start + _COUNT + raw.size
