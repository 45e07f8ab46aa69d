"""flambeau, plain and through its own `compile`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import numpy as np

import flambeau

from ..contender import OWN, Contender, Contenders
from ..step import Training, outputs
from ..tasks import Task

__all__ = ["COMPILED", "PLAIN", "inference", "model_of", "new_training", "training"]

PLAIN = OWN
COMPILED = f"{OWN} compile"

State: TypeAlias = Mapping[str, np.ndarray]


def model_of(task: Task, state: State | None) -> Any:
    """Return a task's network with given weights, or with its own."""
    model = task.net(flambeau.nn)
    if state is not None:
        own = {name: flambeau.from_numpy(each.copy()) for name, each in state.items()}
        model.load_state_dict(own)
    return model


def new_training(task: Task, state: State | None = None) -> Training:
    """Return a task's training from given weights, or from the network's own."""
    images, labels = map(flambeau.from_numpy, (task.images, task.labels))
    return Training(flambeau, model_of(task, state), images, labels)


def training(task: Task, state: State) -> Contenders:
    """Return flambeau's ways to train."""

    def plain() -> Contender:
        job = new_training(task, state)
        return Contender(job.answer, job.run)

    return {PLAIN: plain}


def inference(task: Task, state: State) -> Contenders:
    """Return flambeau's ways to infer."""
    ways = {PLAIN: partial(_inference, task, state, lambda model: model)}
    if wrap := getattr(flambeau, "compile", None):
        ways[COMPILED] = partial(_inference, task, state, wrap)
    return ways


def _inference(task: Task, state: State, wrap: Callable[[Any], Any]) -> Contender:
    images, model = flambeau.from_numpy(task.images), wrap(model_of(task, state).eval())

    def run() -> Any:
        with flambeau.no_grad():
            found = model(images)
        flambeau.evaluate(found)
        return found

    return Contender(lambda: outputs(run().numpy()), run)
