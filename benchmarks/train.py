"""Whole training steps: forward, cross-entropy, backward, SGD with momentum."""

from __future__ import annotations

from functools import partial

from .case import Case, compare
from .results import Figure, Row
from .settings import Settings
from .tasks import Task, training_tasks

__all__ = ["cases", "measure"]

_FLOOR = 1.0


def cases() -> list[Case]:
    """Return a case for each network."""
    return [
        Case(f"train.{task.name}", partial(measure, task)) for task in training_tasks()
    ]


def measure(task: Task, settings: Settings) -> list[Row | Figure]:
    """Measure the training step of one network."""
    from .peers import flambeau, torch

    state = torch.initial_state(task)
    peers = torch.training(task)
    contenders = {**flambeau.training(task, state), **peers}
    peer = peers[torch.PLAIN]().answer()
    flops = torch.training_flops(task)
    truth = torch.training_truth(task)
    name = f"train.{task.name}"
    return [compare(name, flops, contenders, truth, peer, settings, _FLOOR)]
