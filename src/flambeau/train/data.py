"""From a data set's name to loaders of normalised batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..utils.data import DataLoader
from ..vision import datasets, transforms
from .config import Images, TrainConfig

__all__ = ["loader", "measure", "open_data", "preparation"]

_MEASURED = 1000  # images that mean and standard deviation are taken from


def open_data(config: TrainConfig, train: bool, images: Images) -> Any:
    """Return one half of the run's data set, prepared for the model."""
    prepare = preparation(images, config.shift if train else 0)
    return datasets.load(config.data, train, transform=prepare)


def preparation(images: Images, shift: int = 0) -> transforms.Compose:
    """Return the transform from a picture to the model's normalised input.

    Args:
        images: what the model takes.
        shift: pixels by which a picture is moved at random.
    """
    size = (images.height, images.width)
    steps: list[Any] = [
        transforms.Grayscale() if images.channels == 1 else _as_rgb,
        transforms.Resize(size),
    ]
    if shift:
        steps.append(transforms.RandomCrop(size, padding=shift))
    steps += [
        transforms.ToTensor(),
        transforms.Normalize(images.mean, images.std),
    ]
    return transforms.Compose(steps)


def _as_rgb(picture: Any) -> Any:
    return picture.convert("RGB")


def measure(config: TrainConfig) -> Images:
    """Look at the training images: their kind, size, mean and deviation.

    Raises:
        ValueError: there are no training images.
    """
    data: Any = datasets.load(config.data, True)
    if not len(data):
        raise ValueError(f"{config.data} has no training images")
    step = max(1, len(data) // _MEASURED)
    first = data[0][0]
    channels = 1 if first.mode in ("L", "1", "I", "F") else 3
    height, width = config.image_size or (first.height, first.width)
    pixels = [
        _pixels(data[at][0], channels, (width, height))
        for at in range(0, len(data), step)
    ]
    stacked = np.stack(pixels).reshape(-1, channels) / 255
    return Images(
        channels,
        height,
        width,
        [str(name) for name in data.classes],
        [round(float(each), 6) for each in stacked.mean(0)],
        [round(max(float(each), 1e-6), 6) for each in stacked.std(0)],
    )


def _pixels(picture: Any, channels: int, size: tuple[int, int]) -> np.ndarray:
    """Return the pixels of one image of the wanted kind and size."""
    picture = picture.convert("L" if channels == 1 else "RGB")
    return np.asarray(picture if picture.size == size else picture.resize(size))


def loader(config: TrainConfig, data: Any, train: bool) -> DataLoader:
    """Return batches: shuffled for training, in order for evaluation."""
    return DataLoader(
        data,
        batch_size=config.batch_size if train else 4 * config.batch_size,
        shuffle=train,
        num_workers=config.workers,
    )
