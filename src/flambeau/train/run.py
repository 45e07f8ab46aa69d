"""A run's folder: its configuration, its metrics, its checkpoints."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from .. import nn
from ..serialization import atomic_write, load, save
from ..vision.models import get_image_classifier
from .config import Images, TrainConfig

__all__ = ["RunFolder", "build_model", "new_run_path"]


class RunFolder:
    """The files of one run.

    Attributes:
        path: the folder, with ``config.json``, ``metrics.jsonl``,
            ``best.safetensors`` (a state dict) and ``last.pt`` (everything
            that going on needs).

    Args:
        path: the folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    @property
    def config_path(self) -> Path:
        """The configuration."""
        return self.path / "config.json"

    @property
    def metrics_path(self) -> Path:
        """A line of JSON for each epoch."""
        return self.path / "metrics.jsonl"

    @property
    def best_path(self) -> Path:
        """The weights of the epoch with the best accuracy."""
        return self.path / "best.safetensors"

    @property
    def last_path(self) -> Path:
        """The newest checkpoint."""
        return self.path / "last.pt"

    @staticmethod
    def create(
        path: str | os.PathLike[str], config: TrainConfig, images: Images
    ) -> RunFolder:
        """Make the folder of a new run.

        Raises:
            FileExistsError: another run is there already.
        """
        run = RunFolder(path)
        if run.config_path.exists():
            raise FileExistsError(
                f"{run.path} holds a run already; go on with it by "
                f"`flambeau train --resume {run.path}`, or name another folder"
            )
        run.path.mkdir(parents=True, exist_ok=True)
        config.write(run.config_path, images)
        return run

    @staticmethod
    def open(path: str | os.PathLike[str]) -> RunFolder:
        """Open the folder of a run.

        Raises:
            FileNotFoundError: there is no run.
        """
        run = RunFolder(path)
        if not run.config_path.is_file():
            raise FileNotFoundError(
                f"{run.path} is not the folder of a run: it has no config.json"
            )
        return run

    def read_config(self) -> tuple[TrainConfig, Images]:
        """Return the run's options and what its images are like."""
        return TrainConfig.read(self.config_path)

    def metrics(self) -> list[dict[str, Any]]:
        """Return what was measured, an entry per finished epoch."""
        if not self.metrics_path.exists():
            return []
        lines = self.metrics_path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def write_metrics(self, entries: list[dict[str, Any]]) -> None:
        """Replace the metrics, whole."""
        text = "".join(json.dumps(each) + "\n" for each in entries)
        with atomic_write(self.metrics_path) as file:
            file.write(text.encode())

    def save_last(self, state: dict[str, Any]) -> None:
        """Replace the newest checkpoint, whole."""
        save(state, self.last_path)

    def load_last(self) -> dict[str, Any]:
        """Return the newest checkpoint.

        Raises:
            FileNotFoundError: the run was stopped before its first checkpoint.
        """
        if not self.last_path.is_file():
            raise FileNotFoundError(
                f"{self.path} has no checkpoint to go on from; start the run again"
            )
        return load(self.last_path)

    def load_model(self) -> tuple[nn.Module, TrainConfig, Images]:
        """Return the best model so far, ready for evaluation, and its run's options.

        Raises:
            FileNotFoundError: the run has not finished an epoch yet.
        """
        config, images = self.read_config()
        if not self.best_path.is_file():
            raise FileNotFoundError(
                f"{self.path} has no trained weights yet: no epoch is finished; go on "
                f"with `flambeau train --resume {self.path}`"
            )
        model = build_model(config.model, images)
        model.load_state_dict(load(self.best_path))
        return model.eval(), config, images


def build_model(name: str, images: Images) -> nn.Module:
    """Build a model for images of one kind."""
    return get_image_classifier(
        name,
        num_classes=len(images.classes),
        in_channels=images.channels,
        image_size=(images.height, images.width),
    )


def new_run_path(config: TrainConfig, folder: str = "runs") -> Path:
    """Return an unused path that tells data, model and time."""
    data = Path(config.data).name or "images"
    stem = f"{data}-{config.model}-{time.strftime('%Y%m%d-%H%M%S')}"
    path, number = Path(folder) / stem, 2
    while path.exists():
        path, number = Path(folder) / f"{stem}-{number}", number + 1
    return path
