"""torch: eager, channels-last and compiled, and the truth in float64."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from ..contender import Answer, Contender, Contenders
from ..step import Training, outputs
from ..tasks import Task

__all__ = [
    "count_flops",
    "initial_state",
    "inference",
    "inference_truth",
    "model_of",
    "training",
    "training_flops",
    "training_truth",
]

PLAIN = "torch eager"
CHANNELS_LAST = "torch channels-last"
COMPILED = "torch compile"

# By the dimensions of the input; there is none for sound.
_LAYOUTS = {4: torch.channels_last, 5: torch.channels_last_3d}


@lru_cache(maxsize=1)
def initial_state(task: Task) -> dict[str, np.ndarray]:
    """Return the weights all contenders begin with, and statistics of the batch.

    Without such statistics the activations of an untrained network in evaluation mode
    vanish, and numbers close to 0 take another time than usual ones.
    """
    torch.manual_seed(0)
    model = task.net(torch.nn)
    norms = [each for each in model.modules() if hasattr(each, "momentum")]
    for each in norms:
        each.momentum = 1.0
    with torch.no_grad():
        model(torch.from_numpy(task.images))
    return {name: each.numpy().copy() for name, each in model.state_dict().items()}


def model_of(task: Task) -> Any:
    """Return a task's network with its weights."""
    model = task.net(torch.nn)
    state = {k: torch.from_numpy(v.copy()) for k, v in initial_state(task).items()}
    model.load_state_dict(state)
    return model


def _training(task: Task, mode: str) -> Contender:
    model, images = _prepared(task, mode)
    wrap = torch.compile if mode == COMPILED else lambda loss: loss
    job = Training(torch, model, images, torch.from_numpy(task.labels), wrap)
    return Contender(job.answer, job.run)


def _prepared(task: Task, mode: str) -> tuple[Any, torch.Tensor]:
    """The network and its input in the layout of a mode."""
    model, images = model_of(task), torch.from_numpy(task.images)
    layout = _LAYOUTS.get(images.ndim)
    if mode != PLAIN and layout is not None:
        model, images = (each.to(memory_format=layout) for each in (model, images))
    return model, images


def training(task: Task) -> Contenders:
    """Return torch's ways to train."""
    return {mode: partial(_training, task, mode) for mode in _modes(task)}


def _modes(task: Task) -> list[str]:
    """Return the ways that make a difference for a task's input."""
    modes = [PLAIN, CHANNELS_LAST, COMPILED]
    if len(task.shape) not in _LAYOUTS:
        modes.remove(CHANNELS_LAST)
    return modes


def training_truth(task: Task) -> Answer:
    """Return the answer of a task's training, computed in float64."""
    model = model_of(task).double()
    images = torch.from_numpy(task.images).double()
    return Training(torch, model, images, torch.from_numpy(task.labels)).answer()


def _inference(task: Task, mode: str) -> Contender:
    model, images = _prepared(task, mode)
    model.eval()
    if mode == COMPILED:  # weights become part of the code, as in other runtimes
        model = torch.compile(model, options={"freezing": True})

    def run() -> torch.Tensor:
        with torch.inference_mode():
            return model(images)

    return Contender(lambda: outputs(lambda: run().numpy()), run)


def inference(task: Task) -> Contenders:
    """Return torch's ways to infer."""
    return {mode: partial(_inference, task, mode) for mode in _modes(task)}


def inference_truth(task: Task) -> Answer:
    """Return a network's outputs, computed in float64."""
    model = model_of(task).double().eval()
    with torch.no_grad():
        truth = model(torch.from_numpy(task.images).double())
    return {"outputs": truth.numpy()}


def training_flops(task: Task) -> int:
    """Return the operations of a training step: three passes, the first layer's two.

    torch's own count of the gradients takes no notice of groups.
    """
    if task.flops:
        return 3 * task.flops
    model, images = model_of(task), torch.from_numpy(task.images)
    first = count_flops(lambda: model[0](images))
    return 3 * count_flops(lambda: model(images)) - first


def count_flops(work: Callable[[], object]) -> int:
    """Return the operations in the matrix products and convolutions of some work."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()
