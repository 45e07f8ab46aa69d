"""What is seen while a model trains."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from ..train import Step, Trainer

__all__ = ["TrainingDisplay"]


class TrainingDisplay:
    """A progress bar per run, and a line per epoch above it.

    Args:
        console: where to print.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._task: TaskID | None = None
        self._epochs = 0
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("loss {task.fields[loss]:.4f}"),
            TextColumn("accuracy {task.fields[accuracy]:.2%}"),
            TextColumn("{task.fields[speed]:,.0f} images/s"),
            TextColumn("{task.fields[left]} left"),
            console=console,
            transient=True,
        )

    def __enter__(self) -> TrainingDisplay:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def begin(self, trainer: Trainer) -> None:
        """Say what is trained on what, and show the bar."""
        config = trainer.config
        batches = len(trainer.train_batches)
        self._epochs = config.epochs
        parameters = sum(each.numel() for each in trainer.model.parameters())
        self._console.print(
            f"Training {config.model} ({parameters:,} parameters) on "
            f"{trainer.train_images:,} images of {config.data}; "
            f"run folder {trainer.run.path}",
            highlight=False,
        )
        done = trainer.position.epoch * batches + trainer.position.batch
        self._task = self._progress.add_task(
            "training",
            total=config.epochs * batches,
            completed=done,
            epoch=f"{min(trainer.position.epoch + 1, self._epochs)}/{self._epochs}",
            loss=float("nan"),
            accuracy=0.0,
            speed=0.0,
            left="-:--",
        )

    def on_step(self, step: Step) -> None:
        """Move the bar."""
        assert self._task is not None
        self._progress.update(
            self._task,
            completed=step.epoch * step.batches + step.batch,
            epoch=f"{step.epoch + 1}/{self._epochs}",
            loss=step.averages.loss,
            accuracy=step.averages.accuracy,
            speed=step.images_per_second,
            left=_clock(step.seconds_left),
        )

    def on_epoch(self, metrics: dict[str, Any]) -> None:
        """Print what the epoch brought."""
        self._progress.console.print(
            f"epoch {metrics['epoch'] + 1}/{self._epochs}: "
            f"loss {metrics['train_loss']:.4f}, "
            f"accuracy {metrics['train_accuracy']:.2%}; "
            f"held out: loss {metrics['test_loss']:.4f}, "
            f"accuracy [bold]{metrics['test_accuracy']:.2%}[/bold]",
            highlight=False,
        )


def _clock(seconds: float) -> str:
    """Return minutes and seconds, or hours before them."""
    whole = int(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
