"""What the image data sets share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ...tensor import Tensor
from ...tensor.convert import value_of
from ...utils.data import Dataset

__all__ = ["GreyImages", "StandardTransform", "VisionDataset"]

Transform = Callable[[Any], Any]


class StandardTransform:
    """A transform of the image and one of the target, as one of both.

    Args:
        transform: applied to the image, if given.
        target_transform: applied to the target, if given.

    Example:
        >>> from flambeau.vision.datasets import StandardTransform
        >>> StandardTransform(abs, str)(-1, 7)
        (1, '7')
    """

    def __init__(
        self,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        self.transform = transform
        self.target_transform = target_transform

    def __call__(self, image: Any, target: Any) -> tuple[Any, Any]:
        """Return the transformed image and target."""
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __repr__(self) -> str:
        lines = [type(self).__name__]
        if self.transform is not None:
            lines += _indented("Transform: ", self.transform)
        if self.target_transform is not None:
            lines += _indented("Target transform: ", self.target_transform)
        return "\n".join(lines)


def _indented(head: str, value: Any) -> list[str]:
    """The lines of ``repr(value)``, the first after `head`, the rest below it."""
    lines = repr(value).splitlines()
    margin = " " * len(head)
    return [head + lines[0], *(margin + line for line in lines[1:])]


class VisionDataset(Dataset):
    """Images with targets, and the transforms that are applied to them.

    Args:
        root: the folder the data are in.
        transforms: applied to the image and the target together.
        transform: applied to the image.
        target_transform: applied to the target.

    Raises:
        ValueError: `transforms` beside one of the other two.
    """

    root: Any

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        transforms: Callable[[Any, Any], tuple[Any, Any]] | None = None,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        if isinstance(root, str):
            root = os.path.expanduser(root)
        separate = transform is not None or target_transform is not None
        if transforms is not None and separate:
            raise ValueError(
                "Only transforms or transform/target_transform can be passed as "
                f"argument, got transforms={transforms!r} beside them"
            )
        self.root = root
        self.transform = transform
        self.target_transform = target_transform
        if separate:
            transforms = StandardTransform(transform, target_transform)
        self.transforms = transforms

    def transformed(self, image: Any, target: Any) -> tuple[Any, Any]:
        """Return the sample as the user's transforms make it."""
        return StandardTransform(self.transform, self.target_transform)(image, target)

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} does not define its length")

    def extra_repr(self) -> str:
        """Return further lines for the printed form."""
        return ""

    def __repr__(self) -> str:
        lines = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            lines.append(f"Root location: {self.root}")
        lines += self.extra_repr().splitlines()
        if self.transforms is not None:
            lines += repr(self.transforms).splitlines()
        return "\n    ".join([f"Dataset {type(self).__name__}", *lines])


def split_repr(train: bool) -> str:
    """Return the line that names the half of a data set."""
    return f"Split: {'Train' if train else 'Test'}"


class GreyImages(VisionDataset):
    """Grey images of one size, in memory; subclasses set the attributes.

    Attributes:
        train: whether these are the training images.
        data: the images, uint8 of shape (N, H, W).
        targets: the classes, int64 of shape (N,).
        classes: the names of the classes.
    """

    train: bool
    data: Tensor
    targets: Tensor
    classes: list[str]

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The number of each class."""
        return {name: position for position, name in enumerate(self.classes)}

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Return the image and the class at a position, transformed."""
        from PIL import Image

        image = Image.fromarray(value_of(self.data)[index])
        return self.transformed(image, int(value_of(self.targets)[index]))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.data)

    def extra_repr(self) -> str:
        """Return the line that names the split."""
        return split_repr(self.train)
