"""Data sets by name or folder, as the command line takes them."""

from __future__ import annotations

import os
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from .base import Transform, VisionDataset
from .cifar import CIFAR10, CIFAR100
from .digits import Digits, held_out
from .files import cache_dir
from .folder import ImageFolder
from .mnist import MNIST, FashionMNIST

__all__ = ["list_datasets", "load"]

_BUILDERS: dict[str, Callable[..., VisionDataset]] = {
    "digits": Digits,
    "mnist": MNIST,
    "fashion-mnist": FashionMNIST,
    "cifar10": CIFAR10,
    "cifar100": CIFAR100,
}

# Where Debian's packages put a data set.
SYSTEM_FOLDERS = Path("/usr/share/datasets")

TRAIN_FOLDERS = ("train", "training")
TEST_FOLDERS = ("test", "val", "valid", "validation")


def list_datasets() -> list[str]:
    """Return the names that `load` knows.

    Example:
        >>> from flambeau.vision.datasets import list_datasets
        >>> list_datasets()
        ['digits', 'mnist', 'fashion-mnist', 'cifar10', 'cifar100']
    """
    return list(_BUILDERS)


def load(
    data: str | os.PathLike[str],
    train: bool = True,
    transform: Transform | None = None,
    target_transform: Transform | None = None,
    *,
    root: str | os.PathLike[str] | None = None,
    download: bool = True,
) -> VisionDataset:
    """Open the data set that a name or a folder stands for.

    A folder may hold the files of MNIST, Fashion-MNIST or CIFAR; or images in class
    folders, below ``train`` and ``test`` (or ``val``), or without these, when every
    fifth image of each class is held out.

    Args:
        data: one of `list_datasets()`, in any case, or a folder.
        train: the images to train on, or the held-out ones.
        transform: applied to the image.
        target_transform: applied to the class's number.
        root: where a named data set is kept; None for the platform's cache folder.
        download: fetch a named data set that is not there.

    Raises:
        ValueError: `data` is neither; the message lists the names.
        RuntimeError: a named data set is not there and cannot be fetched.
    """
    name = str(data).lower().replace("_", "-")
    if name in _BUILDERS:
        kept = _place(name, root)
        return _BUILDERS[name](kept, train, transform, target_transform, download)
    folder = Path(data).expanduser()
    if not folder.is_dir():
        close = get_close_matches(name, _BUILDERS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"{str(data)!r} is neither a folder nor a data set.{hint} "
            f"The data sets are: {', '.join(_BUILDERS)}"
        )
    return _open_folder(folder, train, transform, target_transform)


def _place(name: str, root: str | os.PathLike[str] | None) -> str | os.PathLike[str]:
    """The folder of a named data set: the caller's, the system's or the cache."""
    if root is not None:
        return root
    system = SYSTEM_FOLDERS / name
    return system if system.is_dir() else cache_dir()


def _open_folder(
    folder: Path,
    train: bool,
    transform: Transform | None,
    target_transform: Transform | None,
) -> VisionDataset:
    """The data set in a folder, by the files it finds there."""
    transforms = transform, target_transform
    for published in (CIFAR10, CIFAR100):
        if published.base_folder in (folder.name, *os.listdir(folder)):
            return published(folder, train, *transforms)
    looks_fashionable = "fashion" in folder.name.lower()
    for kind in (FashionMNIST, MNIST) if looks_fashionable else (MNIST, FashionMNIST):
        if kind.find(folder, "t10k-images-idx3-ubyte"):
            return kind(folder, train, *transforms)
    half = _half(folder, train)
    if half is not None:
        return ImageFolder(half, *transforms)
    return _split(ImageFolder(folder, *transforms), train)


def _half(folder: Path, train: bool) -> Path | None:
    """The subfolder of one half, if both halves have one."""

    def first(names: tuple[str, ...]) -> Path | None:
        return next((folder / name for name in names if (folder / name).is_dir()), None)

    training, testing = first(TRAIN_FOLDERS), first(TEST_FOLDERS)
    if training is None or testing is None:
        return None
    return training if train else testing


def _split(images: ImageFolder, train: bool) -> ImageFolder:
    """One half of a folder without halves."""
    chosen = held_out(np.asarray(images.targets)) != train
    images.samples = [images.samples[position] for position in np.flatnonzero(chosen)]
    images.targets = [target for _, target in images.samples]
    return images
