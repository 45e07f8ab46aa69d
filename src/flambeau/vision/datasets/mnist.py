"""MNIST and Fashion-MNIST, from the published IDX files."""

from __future__ import annotations

import gzip
import os
import struct
from pathlib import Path

import numpy as np

from ...tensor import Tensor
from ...utils.data.values import tensor_over
from .base import GreyImages, Transform
from .files import download_file

__all__ = ["KMNIST", "MNIST", "FashionMNIST", "read_idx"]

# The third byte of an IDX file names its element type; numbers are big-endian.
IDX_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an array from an IDX file, plain or gzipped.

    The format: two zero bytes, the element type, the number of axes; then the axes as
    4-byte integers, then the elements.

    Raises:
        ValueError: the file is no IDX file, or cut short.

    Source: LeCun's page "The MNIST database", section "File formats".
    """
    path = Path(path)
    content = path.read_bytes()
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise ValueError(f"{path} is no complete gzip file: {error}") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in IDX_TYPES:
        raise ValueError(f"{path} is no IDX file: it begins with {content[:4]!r}")
    kind, axes = np.dtype(IDX_TYPES[content[2]]), content[3]
    start = 4 + 4 * axes
    if len(content) < start:
        raise ValueError(f"{path} is cut short in its header")
    shape = struct.unpack(f">{axes}I", content[4:start])
    expected = start + int(np.prod(shape)) * kind.itemsize
    if len(content) != expected:
        raise ValueError(
            f"{path} has {len(content)} bytes, its header {shape} asks for {expected}"
        )
    values = np.frombuffer(content, kind, offset=start).reshape(shape)
    return values.astype(kind.newbyteorder("="))


class MNIST(GreyImages):
    """The MNIST digits: 60,000 images for training and 10,000 for testing, 28x28.

    The IDX files, gzipped or not, may lie in ``root/MNIST/raw`` as torchvision puts
    them, in ``root/raw``, or in `root` itself.

    Args:
        root: the folder.
        train: the training images, or the test images.
        transform: applied to the image, a PIL image of mode L.
        target_transform: applied to the digit, an int.
        download: fetch and check the files that are missing.

    Attributes:
        data: the images, uint8 of shape (N, 28, 28).
        targets: the classes, int64 of shape (N,).
        classes: the names of the classes.

    Raises:
        RuntimeError: the files are not there, or cannot be fetched.

    Source: torchvision's page "MNIST"; the addresses and MD5 sums are published there.
    """

    mirrors = [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ]
    resources = [
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    classes = [
        "0 - zero",
        "1 - one",
        "2 - two",
        "3 - three",
        "4 - four",
        "5 - five",
        "6 - six",
        "7 - seven",
        "8 - eight",
        "9 - nine",
    ]

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
        self.data, self.targets = self._read()

    @property
    def raw_folder(self) -> str:
        """Where torchvision keeps the files, and where they are downloaded to."""
        root = os.path.expanduser(self.root)
        return os.path.join(root, type(self).__name__, "raw")

    @classmethod
    def find(cls, root: str | os.PathLike[str], name: str) -> Path | None:
        """Return the IDX file of a published name, in any usual folder and spelling."""
        root = Path(root).expanduser()
        for folder in (root / cls.__name__ / "raw", root / "raw", root):
            for spelling in (name, name.replace("-idx", ".idx")):
                for path in (folder / spelling, folder / f"{spelling}.gz"):
                    if path.is_file():
                        return path
        return None

    def download(self) -> None:
        """Fetch the files that are not there, and check their MD5 sums."""
        for name, md5 in self.resources:
            if self.find(self.root, name.removesuffix(".gz")) is None:
                urls = [mirror + name for mirror in self.mirrors]
                download_file(urls, Path(self.raw_folder) / name, md5)

    def _read(self) -> tuple[Tensor, Tensor]:
        half = "train" if self.train else "t10k"
        images = self._read_file(f"{half}-images-idx3-ubyte", axes=3)
        labels = self._read_file(f"{half}-labels-idx1-ubyte", axes=1)
        if len(images) != len(labels):
            raise ValueError(
                f"{type(self).__name__}: {len(images)} images but {len(labels)} labels "
                f"in {self.root}"
            )
        return tensor_over(images), tensor_over(labels.astype(np.int64))

    def _read_file(self, name: str, axes: int) -> np.ndarray:
        path = self.find(self.root, name)
        if path is None:
            raise RuntimeError(
                f"Dataset not found: no {name}[.gz] in {self.raw_folder} or "
                f"{self.root}. You can use download=True to download it"
            )
        values = read_idx(path)
        if values.dtype != np.uint8 or values.ndim != axes:
            raise ValueError(
                f"{path} holds {values.dtype} of shape {values.shape}, expected uint8 "
                f"with {axes} axes"
            )
        return values


class FashionMNIST(MNIST):
    """Fashion-MNIST: 60,000 + 10,000 images of clothes, in MNIST's format.

    Arguments and attributes are those of `MNIST`; torchvision's folder is
    ``root/FashionMNIST/raw``.

    Source: Xiao et al. 2017, arXiv:1708.07747; torchvision's page "FashionMNIST".
    """

    mirrors = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ]
    classes = [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ]


class KMNIST(MNIST):
    """Kuzushiji-MNIST: 60,000 + 10,000 cursive Japanese characters, as MNIST has them.

    Arguments and attributes are those of `MNIST`; torchvision's folder is
    ``root/KMNIST/raw``.

    Source: Clanuwat et al. 2018, arXiv:1812.01718; torchvision's page "KMNIST".
    """

    mirrors = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources = [
        ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
        ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
        ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
        ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134"),
    ]
    classes = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]
