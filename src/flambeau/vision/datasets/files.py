"""Fetching, checking and keeping the files of data sets."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["cache_dir", "check_integrity", "download_file"]

BLOCK = 1 << 20
SECONDS = 30.0


def cache_dir() -> Path:
    """Return the folder where the platform keeps this user's flambeau caches.

    Example:
        >>> from flambeau.vision.datasets import cache_dir
        >>> cache_dir().name
        'flambeau'
    """
    home = Path.home()
    if sys.platform == "darwin":
        base = home / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    return base / "flambeau"


def check_integrity(path: str | os.PathLike[str], md5: str | None = None) -> bool:
    """Return whether a file exists and, if `md5` is given, has that MD5 sum."""
    path = Path(path)
    if not path.is_file():
        return False
    if md5 is None:
        return True
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest() == md5


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A temporary file that takes the name `path` once it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def download_file(urls: Sequence[str], path: Path, md5: str) -> None:
    """Fetch a file from the first address that has it, unless it is there already.

    Args:
        urls: the addresses to try, in order.
        path: where the file goes; it appears there only when complete and checked.
        md5: the MD5 sum it must have.

    Raises:
        RuntimeError: no address gave the file; the message says what each answered.
    """
    if check_integrity(path, md5):
        return
    failures = []
    for url in urls:
        try:
            _fetch(url, path, md5)
            return
        except OSError as error:
            failures.append(f"{url}: {error}")
    raise RuntimeError(
        f"Error downloading {path.name}:\n"
        + "\n".join(failures)
        + f"\nWithout a network, put the file into {path.parent} by hand."
    )


def _fetch(url: str, path: Path, md5: str) -> None:
    """Fetch one address; a wrong sum is an OSError like any broken transfer."""
    import urllib.request

    digest = hashlib.md5()
    with (
        urllib.request.urlopen(url, timeout=SECONDS) as answer,
        replacing(path) as file,
    ):
        while block := answer.read(BLOCK):
            digest.update(block)
            file.write(block)
        if digest.hexdigest() != md5:
            raise OSError(f"MD5 sum is {digest.hexdigest()}, expected {md5}")
