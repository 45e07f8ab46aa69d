"""What a training run was asked to do, and what its images are like."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Images", "TrainConfig"]


@dataclass(frozen=True)
class Images:
    """What a model must know of the images it is trained on.

    Attributes:
        channels: 1 for grey, 3 for colour.
        height: in pixels.
        width: in pixels.
        classes: the names of the classes, in the order of their numbers.
        mean: of each channel, with pixels in [0, 1].
        std: of each channel.
    """

    channels: int
    height: int
    width: int
    classes: list[str]
    mean: list[float]
    std: list[float]


@dataclass(frozen=True)
class TrainConfig:
    """The options of one run; `config.json` in the run's folder.

    Attributes:
        data: a data set's name, or a folder.
        model: a model's name.
        epochs: passes over the training images.
        batch_size: images per step.
        lr: the highest learning rate; it falls to 0 as half a cosine.
        momentum: of SGD.
        weight_decay: of SGD.
        seed: of the weights and the order of the images.
        workers: threads that load images ahead of training.
        shift: pixels by which training images are moved at random, so that a model
            learns what does not depend on the place.
        image_size: height and width that images are brought to; None for their own.
    """

    data: str = "digits"
    model: str = "simple_cnn"
    epochs: int = 12
    batch_size: int = 64
    lr: float = 0.02
    momentum: float = 0.9
    weight_decay: float = 5e-4
    seed: int = 0
    workers: int = 0
    shift: int = 1
    image_size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name, lowest in (
            ("epochs", 1),
            ("batch_size", 1),
            ("workers", 0),
            ("shift", 0),
        ):
            if getattr(self, name) < lowest:
                raise ValueError(
                    f"{name} must be at least {lowest}, got {getattr(self, name)}"
                )

    def write(self, path: str | os.PathLike[str], images: Images) -> None:
        """Write the options and what was found out of the images as JSON."""
        content = {**dataclasses.asdict(self), "images": dataclasses.asdict(images)}
        Path(path).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    @staticmethod
    def read(path: str | os.PathLike[str]) -> tuple[TrainConfig, Images]:
        """Read what `write` wrote.

        Raises:
            ValueError: the file is damaged, or of another version.
        """
        try:
            content: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
            images = Images(**content.pop("images"))
            size = content.get("image_size")
            content["image_size"] = None if size is None else (size[0], size[1])
            return TrainConfig(**content), images
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(
                f"{os.fspath(path)} is not a run's configuration: {error}"
            ) from None
