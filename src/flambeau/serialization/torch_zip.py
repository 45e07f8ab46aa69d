"""torch's files since 1.6: a zip file with a pickle, and an entry for each storage.

    NAME/data.pkl     the pickle; a storage in it is an id with the name of its entry
    NAME/byteorder    "little" or "big"
    NAME/data/0 …     the storages

TorchScript's archives are such files, with the code of the classes besides.

Source: torch's page "Serialization semantics".
"""

from __future__ import annotations

import sys
from typing import Any

from .. import dtypes as dt
from .archive import Archive
from .names import BUILDS, NAMES
from .pickles import Machine, Vocabulary
from .source import Source
from .storages import Storage, StorageKind, Untyped, typed

__all__ = ["TorchArchive"]


class TorchArchive:
    """One of torch's zip files.

    Attributes:
        archive: the zip file.
        prefix: what all names in it begin with.

    Args:
        source: the file.

    Raises:
        CheckpointError: it is no zip file, or not one of torch's.
    """

    def __init__(self, source: Source) -> None:
        self.archive = Archive(source)
        self.prefix = self._find_prefix()
        self._swapped = self._order() != sys.byteorder
        self._storages: dict[tuple[str, str], Storage] = {}
        self._untyped: dict[str, Untyped] = {}

    @property
    def is_script(self) -> bool:
        """Whether this is a TorchScript archive."""
        return f"{self.prefix}constants.pkl" in self.archive

    def load(self, recording: bool = False, advice: str = "") -> Any:
        """Return what was saved; for the arguments see `Vocabulary`.

        Raises:
            CheckpointError: the file is damaged.
            RefusedError: it names something else than tensors and plain values.
        """
        piece = self.archive.piece(f"{self.prefix}data.pkl")
        vocabulary = Vocabulary(NAMES, BUILDS, self._storage, recording, advice)
        return Machine(piece, vocabulary).run()

    def _find_prefix(self) -> str:
        found = [
            name.removesuffix("data.pkl")
            for name in self.archive.names
            if name.endswith("/data.pkl") and name.count("/") == 1
        ]
        if len(found) != 1:
            raise self.archive.source.error(
                0,
                "the zip file is not one of torch's: it should have one entry "
                f"NAME/data.pkl, and has {len(found)}",
            )
        return found[0]

    def _order(self) -> str:
        name = f"{self.prefix}byteorder"
        if name not in self.archive:
            return "little"
        piece = self.archive.piece(name)
        found = {b"little": "little", b"big": "big"}.get(piece.data)
        if found is None:
            raise piece.error(0, "the order of bytes is neither little nor big")
        return found

    def _storage(self, machine: Machine, told: Any) -> Storage | Untyped:
        """Return the storage that an id tells of, the same for the same id."""
        word, kind, key, _, count = told
        if word != "storage" or type(kind) is not StorageKind or type(key) is not str:
            raise TypeError("an id tells of something else than a storage")
        if type(count) is not int or count < 0:
            raise TypeError("the size of a storage is no number")
        if kind.dtype is not None:
            return self._known(kind.dtype, key, count)
        return self._untyped.setdefault(
            key, Untyped(lambda each: self._known(each, key, count // each.itemsize))
        )

    def _known(self, kind: dt.dtype, key: str, count: int) -> Storage:
        known = self._storages.get((key, kind.name))
        if known is None:
            known = self._storages[key, kind.name] = self._read(kind, key, count)
        return known

    def _read(self, kind: dt.dtype, key: str, count: int) -> Storage:
        raw, start = self.archive.array(f"{self.prefix}data/{key}")
        length = count * kind.itemsize
        if length > raw.size:
            raise self.archive.source.error(
                start,
                f"storage {key!r} has {raw.size} bytes; {count} elements of "
                f"{kind.name} are {length}",
            )
        source = self.archive.source
        values = typed(source, raw[:length], kind, self._swapped)
        return Storage(values, kind)
