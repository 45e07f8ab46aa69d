"""Whole training steps: forward, cross-entropy, backward, SGD with momentum."""

from __future__ import annotations

from functools import partial

from .case import Case, compare
from .results import Figure, Row
from .settings import Settings
from .tasks import Task, training_tasks

__all__ = ["cases", "measure", "measure_step"]

_FLOOR = 1.0


def cases() -> list[Case]:
    """Return a case for each network."""
    return [
        Case(f"train.{task.name}", partial(measure, task)) for task in training_tasks()
    ]


def measure(task: Task, settings: Settings) -> list[Row | Figure]:
    """Measure the training step of one network."""
    return [measure_step(f"train.{task.name}", task, settings, _FLOOR)]


def measure_step(name: str, task: Task, settings: Settings, floor: float) -> Row:
    """Measure the training step of one network beside torch."""
    from .peers import flambeau, torch

    state = torch.initial_state(task)
    peers = torch.training(task)
    contenders = {**flambeau.training(task, state), **peers}
    peer = peers[torch.PLAIN]().answer()
    flops = torch.training_flops(task)
    truth = torch.training_truth(task)
    return compare(name, flops, contenders, truth, peer, settings, floor)
