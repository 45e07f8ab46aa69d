"""Inference: whole networks in float32, beside torch and two runtimes."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from importlib.util import find_spec

from .case import Case, compare
from .contender import Contenders
from .results import Figure, Row
from .settings import Settings
from .tasks import Task, inference_tasks

__all__ = ["cases", "measure", "measure_row"]

_FLOOR = 0.9
_RUNTIMES = ("onnxruntime", "openvino")


def cases() -> list[Case]:
    """Return a case for each network and size of the batch."""
    return [
        Case(f"infer.{task.name}", partial(measure, task)) for task in inference_tasks()
    ]


def measure(task: Task, settings: Settings) -> list[Row | Figure]:
    """Measure the inference of one network beside all peers."""
    runtimes = _runtimes(task, settings)
    absent = tuple(f"without {each}" for each in _RUNTIMES if not _is_present(each))
    return [measure_row(f"infer.{task.name}", task, settings, runtimes, _FLOOR, absent)]


def measure_row(
    name: str,
    task: Task,
    settings: Settings,
    runtimes: Contenders,
    floor: float,
    notes: tuple[str, ...] = (),
) -> Row:
    """Measure the inference of one network beside torch and some runtimes."""
    from .peers import flambeau, torch

    peers = {**torch.inference(task), **runtimes}
    contenders = {**flambeau.inference(task, torch.initial_state(task)), **peers}
    reference = peers[torch.PLAIN]()
    peer = reference.answer()
    flops = task.flops or torch.count_flops(reference.run)
    truth = torch.inference_truth(task)
    return compare(
        name, flops, contenders, truth, peer, settings, floor=floor, notes=notes
    )


def _runtimes(task: Task, settings: Settings) -> Contenders:
    modules = [
        import_module(f"{__package__}.peers.{name}")
        for name in filter(_is_present, _RUNTIMES)
    ]
    return {each.NAME: partial(each.inference, task, settings) for each in modules}


def _is_present(package: str) -> bool:
    return all(find_spec(each) is not None for each in (package, "onnx"))
