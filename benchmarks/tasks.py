"""The pieces of work: a network, its input, and weights that all contenders share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from . import nets

__all__ = ["Task", "inference_tasks", "training_tasks"]

_SEED = 0


@dataclass(frozen=True)
class Task:
    """A network and a batch.

    Attributes:
        name: of the row.
        net: builds the network from `torch.nn` or `flambeau.nn`.
        shape: of the input, the batch first.
        classes: how many there are.
        positions: the shape of the labels behind the batch, if not one an image.
        flops: of a forward pass, where torch does not count them.
    """

    name: str
    net: Callable[[Any], Any]
    shape: tuple[int, ...]
    classes: int
    positions: tuple[int, ...] = ()
    flops: int = 0

    @cached_property
    def images(self) -> np.ndarray:
        """The input, random numbers."""
        return np.random.default_rng(_SEED).random(self.shape, np.float32)

    @cached_property
    def labels(self) -> np.ndarray:
        """The classes, random numbers."""
        shape = (self.shape[0], *self.positions)
        return np.random.default_rng(_SEED).integers(0, self.classes, shape)


def training_tasks() -> list[Task]:
    """Return the networks whose training steps are measured."""
    return [
        Task("simple_cnn", nets.simple_cnn, (64, 3, 32, 32), 10),
        Task("resnet18_cifar", nets.resnet18_cifar, (32, 3, 32, 32), 10),
        Task("resnet18", nets.resnet18, (8, 3, 224, 224), 1000),
        Task("resnet50", nets.resnet50, (4, 3, 224, 224), 1000),
        Task("mobilenet_v2", nets.mobilenet_v2, (8, 3, 224, 224), 1000),
        Task("unet", nets.unet, (4, 3, 128, 128), 2, (128, 128)),
        Task("conv3d", nets.conv3d_net, (4, 1, 32, 32, 32), 10),
        Task("conv1d", nets.conv1d_net, (32, 1, 16000), 10),
    ]


def inference_tasks() -> list[Task]:
    """Return the networks whose inference is measured, at two sizes of a batch."""
    kinds = (nets.resnet18, nets.resnet50, nets.mobilenet_v2)
    return [
        Task(f"{net.__name__}_batch{batch}", net, (batch, 3, 224, 224), 1000)
        for net in kinds
        for batch in (1, 16)
    ]
