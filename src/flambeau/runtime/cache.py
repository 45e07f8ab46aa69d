"""Object code on disk, so that a kernel is compiled once per machine.

A cache that cannot be read or written costs a compilation and never an error.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

__all__ = ["ObjectCache", "default_folder"]

_DIGEST = hashlib.sha256
_DIGEST_BYTES = _DIGEST().digest_size


def default_folder() -> Path | None:
    """Return the folder for object code in the platform's cache folder, if any."""
    try:
        return _cache_folder() / "flambeau" / "kernels"
    except RuntimeError:  # a user without a home
        return None


def _cache_folder() -> Path:
    if sys.platform == "win32":
        given = os.environ.get("LOCALAPPDATA")
        return Path(given) if given else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    given = os.environ.get("XDG_CACHE_HOME")
    return Path(given) if given else Path.home() / ".cache"


class ObjectCache:
    """Files of object code, named by the key of what they were compiled from.

    Each file is the code's SHA-256 and the code. It is written beside its place and
    renamed, so that readers and other processes see whole files only.

    Args:
        folder: where the files are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def key(*parts: str) -> str:
        """Return the key of code that depends on `parts`."""
        digest = _DIGEST()
        for part in parts:
            digest.update(f"{len(part)}:".encode())
            digest.update(part.encode())
        return digest.hexdigest()

    def load(self, key: str) -> bytes | None:
        """Return the code of a key, or None if it is not there whole."""
        try:
            content = self._path(key).read_bytes()
        except OSError:
            return None
        code = content[_DIGEST_BYTES:]
        return code if _DIGEST(code).digest() == content[:_DIGEST_BYTES] else None

    def store(self, key: str, code: bytes) -> None:
        """Keep the code of a key, if the folder can be written to."""
        path = self._path(key)
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_DIGEST(code).digest() + code)
                os.replace(name, path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key[2:]}.o"
