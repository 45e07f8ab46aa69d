"""Published weights by their address: `torch.hub`'s folder, names and checks.

Weights are data and are read as such. `torch.hub.load` would run code from the network
and is not here.
"""

from __future__ import annotations

import hashlib
import os
import re
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from .serialization import atomic_write
from .serialization import load as load_file

__all__ = [
    "HASH_REGEX",
    "download_url_to_file",
    "get_dir",
    "load_state_dict_from_url",
    "set_dir",
]

HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
_folder: str | None = None


def _get_torch_home() -> str:
    cache = os.getenv("XDG_CACHE_HOME", "~/.cache")
    return os.path.expanduser(os.getenv("TORCH_HOME", os.path.join(cache, "torch")))


def get_dir() -> str:
    """Return the folder for what is fetched: torch's own, so that both share it."""
    return _folder or os.path.join(_get_torch_home(), "hub")


def set_dir(d: str | os.PathLike[str]) -> None:
    """Set the folder for what is fetched."""
    global _folder
    _folder = os.path.expanduser(d)


def load_state_dict_from_url(
    url: str,
    model_dir: str | os.PathLike[str] | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
) -> dict[str, Any]:
    """Return the state dict behind an address, fetched once and kept in a folder.

    Args:
        url: its address.
        model_dir: the folder; by default `checkpoints` in `get_dir()`.
        map_location: accepted for torch's sake; everything is on the CPU.
        progress: accepted for torch's sake.
        check_hash: compare with the digest in the name, as in `resnet18-f37072fd.pth`.
        file_name: the name of the file; by default that of the address.
        weights_only: accepted for torch's sake; nothing else is ever read.

    Raises:
        URLError: the address cannot be reached.
        RuntimeError: the digest is another one.
    """
    folder = Path(model_dir or os.path.join(get_dir(), "checkpoints"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (file_name or os.path.basename(urlparse(url).path))
    if not path.exists():
        found = HASH_REGEX.search(path.name) if check_hash else None
        download_url_to_file(url, path, found.group(1) if found else None, progress)
    return load_file(path, map_location=map_location)


def download_url_to_file(
    url: str,
    dst: str | os.PathLike[str],
    hash_prefix: str | None = None,
    progress: bool = True,
) -> None:
    """Fetch a file; it is complete or not there.

    Args:
        url: its address.
        dst: where the file is to be.
        hash_prefix: how its SHA-256 digest must begin.
        progress: accepted for torch's sake.

    Raises:
        RuntimeError: the digest is another one.
    """
    digest = hashlib.sha256()
    with urllib.request.urlopen(url) as response, atomic_write(dst) as file:
        while block := response.read(1 << 20):
            digest.update(block)
            file.write(block)
        if hash_prefix and not digest.hexdigest().startswith(hash_prefix):
            raise RuntimeError(
                f'invalid hash value (expected "{hash_prefix}", got '
                f'"{digest.hexdigest()}")'
            )
