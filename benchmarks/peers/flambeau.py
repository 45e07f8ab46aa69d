"""flambeau, plain and through its own `compile`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, TypeAlias

import numpy as np

import flambeau

from ..contender import OWN, Contender, Contenders
from ..step import Training, Wrap, outputs
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


def new_training(
    task: Task, state: State | None = None, wrap: Wrap = lambda step: step
) -> Training:
    """Return a task's training from given weights, or from the network's own."""
    images, labels = map(flambeau.from_numpy, (task.images, task.labels))
    model = model_of(task, state)
    return Training(flambeau, model, images, labels, wrap_step=wrap)


def training(task: Task, state: State) -> Contenders:
    """Return flambeau's ways to train; what it compiles is the whole step."""
    return {
        PLAIN: partial(_training, task, state, lambda step: step),
        COMPILED: partial(_training, task, state, flambeau.compile),
    }


def _training(task: Task, state: State, wrap: Wrap) -> Contender:
    job = new_training(task, state, wrap)
    return Contender(job.answer, job.run)


def inference(task: Task, state: State) -> Contenders:
    """Return flambeau's ways to infer."""
    return {
        PLAIN: partial(_inference, task, state, lambda model: model),
        COMPILED: partial(_inference, task, state, flambeau.compile),
    }


def _inference(task: Task, state: State, wrap: Wrap) -> Contender:
    images, model = flambeau.from_numpy(task.images), wrap(model_of(task, state).eval())

    def run() -> Any:
        with flambeau.no_grad():
            found = model(images)
        flambeau.evaluate(found)
        return found

    return Contender(lambda: outputs(lambda: run().numpy()), run)
