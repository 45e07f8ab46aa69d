"""Data sets that are folders: one folder of files for each class."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .base import Transform, VisionDataset

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "IMG_EXTENSIONS",
    "DatasetFolder",
    "ImageFolder",
    "default_loader",
    "find_classes",
    "has_file_allowed_extension",
    "is_image_file",
    "make_dataset",
]

IMG_EXTENSIONS = (
    ".jpg",
    ".jpeg",
    ".png",
    ".ppm",
    ".bmp",
    ".pgm",
    ".tif",
    ".tiff",
    ".webp",
)

FileTest = Callable[[str], bool]


def has_file_allowed_extension(filename: str, extensions: str | Sequence[str]) -> bool:
    """Return whether a file name ends in one of the extensions, in any case."""
    known = extensions if isinstance(extensions, str) else tuple(extensions)
    return filename.lower().endswith(known)


def is_image_file(filename: str) -> bool:
    """Return whether a file name ends in one of `IMG_EXTENSIONS`.

    Example:
        >>> from flambeau.vision.datasets import is_image_file
        >>> is_image_file("cat.JPG"), is_image_file("cat.txt")
        (True, False)
    """
    return has_file_allowed_extension(filename, IMG_EXTENSIONS)


def find_classes(
    directory: str | os.PathLike[str],
) -> tuple[list[str], dict[str, int]]:
    """Return the names of the folders in a folder, sorted, and their positions.

    Raises:
        FileNotFoundError: the folder does not exist or has no folder in it.
    """
    with os.scandir(directory) as entries:
        classes = sorted(entry.name for entry in entries if entry.is_dir())
    if not classes:
        raise FileNotFoundError(f"Couldn't find any class folder in {directory}.")
    return classes, {name: position for position, name in enumerate(classes)}


def _file_test(
    extensions: str | Sequence[str] | None, is_valid_file: FileTest | None
) -> FileTest:
    """The one test of a file that the two arguments give."""
    if extensions is not None and is_valid_file is None:
        return lambda path: has_file_allowed_extension(path, extensions)
    if is_valid_file is not None and extensions is None:
        return is_valid_file
    raise ValueError(
        "Both extensions and is_valid_file cannot be None or not None at the same "
        f"time, got extensions={extensions!r}, is_valid_file={is_valid_file!r}"
    )


def _files_below(directory: str) -> Iterator[str]:
    """Every file below a folder, links followed, in a fixed order."""
    for folder, _, names in sorted(os.walk(directory, followlinks=True)):
        for name in sorted(names):
            yield os.path.join(folder, name)


def make_dataset(
    directory: str | os.PathLike[str],
    class_to_idx: dict[str, int] | None = None,
    extensions: str | Sequence[str] | None = None,
    is_valid_file: FileTest | None = None,
    allow_empty: bool = False,
) -> list[tuple[str, int]]:
    """Return the path and the class of every file in the class folders.

    Args:
        directory: the folder with the class folders.
        class_to_idx: the class folders and their numbers; None takes all there are.
        extensions: the extensions of the files to take, or
        is_valid_file: a test of the path of the files to take.
        allow_empty: whether a class may have no file.

    Raises:
        FileNotFoundError: a class has no file.
        ValueError: no class, or both or none of `extensions` and `is_valid_file`.
    """
    directory = os.path.expanduser(directory)
    if class_to_idx is None:
        class_to_idx = find_classes(directory)[1]
    elif not class_to_idx:
        raise ValueError(
            "'class_to_idx' must have at least one entry to collect any samples."
        )
    accepts = _file_test(extensions, is_valid_file)
    samples = [
        (path, class_to_idx[name])
        for name in sorted(class_to_idx)
        for path in _files_below(os.path.join(directory, name))
        if accepts(path)
    ]
    found = {target for _, target in samples}
    empty = [name for name in sorted(class_to_idx) if class_to_idx[name] not in found]
    if empty and not allow_empty:
        raise FileNotFoundError(_empty_message(empty, extensions))
    return samples


def _empty_message(empty: list[str], extensions: str | Sequence[str] | None) -> str:
    message = f"Found no valid file for the classes {', '.join(empty)}. "
    if extensions is not None:
        known = extensions if isinstance(extensions, str) else ", ".join(extensions)
        message += f"Supported extensions are: {known}"
    return message


def default_loader(path: str | os.PathLike[str]) -> Image:
    """Read an image file as RGB."""
    from PIL import Image

    with open(path, "rb") as file:
        return Image.open(file).convert("RGB")


class DatasetFolder(VisionDataset):
    """Files in class folders, ``root/class/…/file``, read by a loader.

    Args:
        root: the folder with the class folders.
        loader: reads a file, given its path.
        extensions: the extensions of the files to take, or
        transform: applied to what the loader returns.
        target_transform: applied to the class's number.
        is_valid_file: a test of the path of the files to take.
        allow_empty: whether a class may have no file.

    Attributes:
        classes: the names of the classes, sorted.
        class_to_idx: the number of each class.
        samples: the path and the class of every file.
        targets: the class of every file.

    Raises:
        FileNotFoundError: no class folder, or a class without a file.
        ValueError: both or none of `extensions` and `is_valid_file`.

    Source: torchvision's page "DatasetFolder".
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        loader: Callable[[str], Any],
        extensions: Sequence[str] | None = None,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        is_valid_file: FileTest | None = None,
        allow_empty: bool = False,
    ) -> None:
        super().__init__(root, None, transform, target_transform)
        self.loader = loader
        self.extensions = extensions
        self.classes, self.class_to_idx = self.find_classes(os.path.expanduser(root))
        self.samples = self.make_dataset(
            os.path.expanduser(root),
            self.class_to_idx,
            extensions,
            is_valid_file,
            allow_empty,
        )
        self.targets = [target for _, target in self.samples]

    def find_classes(
        self, directory: str | os.PathLike[str]
    ) -> tuple[list[str], dict[str, int]]:
        """Return the classes and their numbers; override for other layouts."""
        return find_classes(directory)

    @staticmethod
    def make_dataset(
        directory: str | os.PathLike[str],
        class_to_idx: dict[str, int],
        extensions: Sequence[str] | None = None,
        is_valid_file: FileTest | None = None,
        allow_empty: bool = False,
    ) -> list[tuple[str, int]]:
        """Return the samples; override for other layouts."""
        return make_dataset(
            directory, class_to_idx, extensions, is_valid_file, allow_empty
        )

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Return the sample and the class at a position, transformed."""
        path, target = self.samples[index]
        return self.transformed(self.loader(path), target)

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self.samples)


class ImageFolder(DatasetFolder):
    """Images in class folders: ``root/dog/1.png``, ``root/cat/x/2.jpg``.

    Args:
        root: the folder with the class folders.
        transform: applied to the image, a PIL image in RGB.
        target_transform: applied to the class's number.
        loader: reads an image, given its path.
        is_valid_file: a test of the path of the files to take; None takes those with
            an extension in `IMG_EXTENSIONS`.
        allow_empty: whether a class may have no image.

    Attributes:
        classes: the names of the classes, sorted.
        class_to_idx: the number of each class.
        samples: the path and the class of every image, also called `imgs`.
        targets: the class of every image.

    Raises:
        FileNotFoundError: no class folder, or a class without an image.

    Source: torchvision's page "ImageFolder".
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        loader: Callable[[str], Any] = default_loader,
        is_valid_file: FileTest | None = None,
        allow_empty: bool = False,
    ) -> None:
        super().__init__(
            root,
            loader,
            IMG_EXTENSIONS if is_valid_file is None else None,
            transform,
            target_transform,
            is_valid_file,
            allow_empty,
        )

    @property
    def imgs(self) -> list[tuple[str, int]]:
        """The path and the class of every image."""
        return self.samples
