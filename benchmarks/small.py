"""What surrounds the kernels: first times, recording, memory, threads, importing."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from statistics import median
from unittest.mock import patch

import flambeau
from flambeau.debug.machine import threads
from flambeau.graph import Node, topological

from . import nets
from .alternate import alternate
from .case import Case
from .child import in_new_process
from .contender import Contender
from .infer import measure_row
from .results import Figure, Row
from .settings import Settings
from .tasks import Task, training_tasks

__all__ = ["cases"]

_PROCESSES = 5
_STEPS = 5
_TIMES_TORCH = 3.0


def cases() -> list[Case]:
    """Return the cases; each begins with what it is called."""
    measurements = {
        "import": _import,
        "expression": _expression,
        "recording": _recording,
        "first_step": _first_step,
        "peak_memory": _peak_memory,
        "threads": _threads,
        "simple_cnn_batch1": _simple_cnn,
    }
    return [Case(f"small.{name}", each) for name, each in measurements.items()]


def _repeated(what: str, library: str) -> float:
    return median(in_new_process(what, library) for _ in range(_PROCESSES))


def _import(settings: Settings) -> list[Row | Figure]:
    own, peer = (_repeated("import_time", each) for each in ("flambeau", "torch"))
    note = f"torch {peer:.3g} s"
    return [Figure("small.import", own, "s", limit=0.2, note=note)]


def _expression(settings: Settings) -> list[Row | Figure]:
    own, peer = (_repeated("expression", each) for each in ("flambeau", "torch"))
    note = f"torch {1e3 * peer:.3g} ms"
    return [Figure("small.expression", 1e3 * own, "ms", limit=1, note=note)]


class _Recorder:
    """Stands in for the backend's `evaluate` and tells its part of the time.

    Attributes:
        nodes: how many were recorded since they were computed last.
        seconds: spent on computing.
    """

    def __init__(self) -> None:
        self.nodes, self.seconds, self._evaluate = 0, 0.0, flambeau.config.evaluate

    def __call__(self, roots: Iterable[Node]) -> None:
        start = time.perf_counter()
        roots = list(roots)
        self.nodes += sum(each.value is None for each in topological(roots))
        self._evaluate(roots)
        self.seconds += time.perf_counter() - start


def _recording(settings: Settings) -> list[Row | Figure]:
    """The time of a step outside of `evaluate`, by the nodes that it records."""
    from .peers.flambeau import new_training

    job = new_training(_task("resnet18_cifar"))
    job.run()
    costs = []
    for _ in range(_STEPS):
        with patch.object(flambeau.config, "evaluate", _Recorder()) as recorder:
            start = time.perf_counter()
            job.run()
            outside = time.perf_counter() - start - recorder.seconds
        costs.append(1e6 * outside / recorder.nodes)
    note = f"{recorder.nodes} ops in a step of ResNet-18"
    return [Figure("small.recording", median(costs), "us an op", limit=12, note=note)]


def _first_step(settings: Settings) -> list[Row | Figure]:
    """Each folder is empty for its first process and full for its second."""
    measure = partial(in_new_process, "first_step", "flambeau")
    empty, full = [], []
    for _ in range(_PROCESSES // 2):
        with tempfile.TemporaryDirectory() as folder:
            empty.append(measure(Path(folder)))
            full.append(measure(Path(folder)))
    peer = in_new_process("first_step", "torch")
    note = f"torch eager {peer:.2g} s"
    return [
        Figure("small.first_step, empty cache", median(empty), "s", 6, note=note),
        Figure("small.first_step, full cache", median(full), "s", 0.7, note=note),
    ]


def _peak_memory(settings: Settings) -> list[Row | Figure]:
    own, peer = (in_new_process("peak_memory", each) for each in ("flambeau", "torch"))
    note = "of the process that trains ResNet-50; the bound is torch's"
    return [Figure("small.peak_memory", own / 2**20, "MiB", peer / 2**20, note=note)]


def _threads(settings: Settings) -> list[Row | Figure]:
    from .peers.flambeau import new_training

    job = new_training(_task("resnet18"))

    def with_threads(count: int) -> Contender:
        def run() -> None:
            with threads(count):
                job.run()

        return Contender(job.answer, run)

    counts = (1, settings.threads)
    pair = {f"{count} threads": with_threads(count) for count in counts}
    one, more = map(median, alternate(pair, settings).values())
    name = f"small.threads, {settings.threads} over 1"
    return [Figure(name, one / more, "times", 1.8, True, "training of ResNet-18")]


def _simple_cnn(settings: Settings) -> list[Row | Figure]:
    task = Task("simple_cnn_batch1", nets.simple_cnn, (1, 3, 32, 32), 10)
    return [measure_row(f"small.{task.name}", task, settings, {}, _TIMES_TORCH)]


def _task(name: str) -> Task:
    return next(each for each in training_tasks() if each.name == name)
