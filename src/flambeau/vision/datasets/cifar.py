"""CIFAR-10 and CIFAR-100, from the published "python version" archives.

The archives hold pickles. They are read by an unpickler that knows the three names an
array is made of and refuses every other, so no file can run code.
"""

from __future__ import annotations

import os
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from .base import Transform, VisionDataset, split_repr
from .files import check_integrity, download_file

__all__ = ["CIFAR10", "CIFAR100"]

_reconstruct = np.empty(0).__reduce__()[0]

# All that a pickled array calls, under the names of old and new NumPy.
CONSTRUCTORS = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
}


class ArrayUnpickler(pickle.Unpickler):
    """Reads lists, dicts, strings, numbers and arrays, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the constructors of an array."""
        if (module, name) not in CONSTRUCTORS:
            raise pickle.UnpicklingError(f"refused to load {module}.{name}")
        return CONSTRUCTORS[module, name]


def read_pickle(path: Path) -> dict[str, Any]:
    """The dictionary of one file of the archive."""
    with path.open("rb") as file:
        # The files were written by Python 2, whose strings were bytes.
        try:
            entry = ArrayUnpickler(file, encoding="latin1").load()
        except (pickle.UnpicklingError, EOFError, ValueError) as error:
            raise RuntimeError(f"{path} is no file of CIFAR: {error}") from error
    if not isinstance(entry, dict):
        raise RuntimeError(f"{path} is no file of CIFAR: it holds a {type(entry)}")
    return entry


class CIFAR10(VisionDataset):
    """CIFAR-10: 50,000 + 10,000 colour images of 10 classes, 32x32.

    Args:
        root: the folder with ``cifar-10-batches-py``, or that folder.
        train: the training images, or the test images.
        transform: applied to the image, a PIL image in RGB.
        target_transform: applied to the class's number.
        download: fetch, check and unpack the archive if the files are missing.

    Attributes:
        data: the images, a NumPy array of uint8 and shape (N, 32, 32, 3).
        targets: the classes, a list of ints.
        classes: the names of the classes.
        class_to_idx: the number of each class.

    Raises:
        RuntimeError: the files are not there, damaged, or cannot be fetched.

    Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images";
    torchvision's page "CIFAR10" for the MD5 sums.
    """

    base_folder = "cifar-10-batches-py"
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    filename = "cifar-10-python.tar.gz"
    tgz_md5 = "c58f30108f718f92721af3b95e74349a"
    train_list = [
        ["data_batch_1", "c99cafc152244af753f735de768cd75f"],
        ["data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"],
        ["data_batch_3", "54ebc095f3ab1f0389bbae665268c751"],
        ["data_batch_4", "634d18415352ddfa80567beed471001a"],
        ["data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"],
    ]
    test_list = [["test_batch", "40351d587109b95175f43aff81a1287e"]]
    meta = {
        "filename": "batches.meta",
        "key": "label_names",
        "md5": "5ff9c542aee3614f3951f8cda6e48888",
    }

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, None, transform, target_transform)
        self.train = train
        if download:
            self.download()
        parts = self.train_list if train else self.test_list
        entries = [self._entry(name, md5) for name, md5 in parts]
        names = self._entry(self.meta["filename"], self.meta["md5"])
        self.data = _images([entry["data"] for entry in entries])
        self.targets: list[int] = [
            label for entry in entries for label in _labels(entry)
        ]
        self.classes: list[str] = names[self.meta["key"]]
        self.class_to_idx = {name: index for index, name in enumerate(self.classes)}

    def _folder(self) -> Path:
        root = Path(self.root).expanduser()
        return root if root.name == self.base_folder else root / self.base_folder

    def _entry(self, name: str, md5: str) -> dict[str, Any]:
        path = self._folder() / name
        if not check_integrity(path, md5):
            problem = "damaged" if path.exists() else "not there"
            raise RuntimeError(
                f"Dataset not found or corrupted: {path} is {problem}. "
                "You can use download=True to download it"
            )
        return read_pickle(path)

    def _is_complete(self) -> bool:
        files = [*self.train_list, *self.test_list]
        files.append([self.meta["filename"], self.meta["md5"]])
        return all(check_integrity(self._folder() / name, md5) for name, md5 in files)

    def download(self) -> None:
        """Fetch the archive, check its MD5 sum and unpack it."""
        if self._is_complete():
            return
        parent = self._folder().parent
        archive = parent / self.filename
        download_file([self.url], archive, self.tgz_md5)
        with tarfile.open(archive) as tar:
            tar.extractall(parent, filter="data")

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Return the image and the class at a position, transformed."""
        from PIL import Image

        return self.transformed(Image.fromarray(self.data[index]), self.targets[index])

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.data)

    def extra_repr(self) -> str:
        """Return the line that names the split."""
        return split_repr(self.train)


class CIFAR100(CIFAR10):
    """CIFAR-100: 50,000 + 10,000 colour images of 100 classes, 32x32.

    Arguments and attributes are those of `CIFAR10`; the folder is
    ``cifar-100-python``, the classes are the fine ones.
    """

    base_folder = "cifar-100-python"
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    filename = "cifar-100-python.tar.gz"
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list = [["train", "16019d7e3df5f24257cddd939b257f8d"]]
    test_list = [["test", "f0ef6b0ae62326f3e7ffdfab6717acfc"]]
    meta = {
        "filename": "meta",
        "key": "fine_label_names",
        "md5": "7973b15100ade9c7d40fb424638fde48",
    }


def _images(parts: list[np.ndarray]) -> np.ndarray:
    """Rows of 3,072 bytes, a plane per colour, as images (N, 32, 32, 3)."""
    planes = np.concatenate(parts).reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def _labels(entry: dict[str, Any]) -> list[int]:
    """The labels of one file: CIFAR-10's, or CIFAR-100's fine ones."""
    return list(entry["labels"] if "labels" in entry else entry["fine_labels"])
