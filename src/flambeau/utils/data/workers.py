"""Worker threads: they fetch batches while the loop computes.

Threads share the data set's memory and need neither pickling nor start-up time;
decoding an image and NumPy's work run beside the loop because both let go of the
interpreter. Each worker has its own task queue, so batch `i` of a pass is always
fetched by worker `i % n`, and its own random generator, as torch's processes have.
"""

from __future__ import annotations

import copy
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from ...random import Generator, use_generator
from .dataset import Dataset
from .fetch import Fetcher, Recipe

__all__ = ["END", "Failure", "Team", "WorkerInfo", "get_worker_info"]

# How long stopping waits for workers to end; one that is inside a slow sample ends
# after it, and as a daemon it does not keep the process alive.
JOIN_SECONDS = 0.5

END = object()  # the result of a worker whose stream is over


@dataclass(frozen=True)
class WorkerInfo:
    """What a worker knows of itself.

    Attributes:
        id: its number, from 0.
        num_workers: how many there are.
        seed: the seed of its default generator.
        dataset: its shallow copy of the data set.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


class _Local(threading.local):
    info: WorkerInfo | None = None


_local = _Local()


def get_worker_info() -> WorkerInfo | None:
    """Return what the calling worker knows of itself; None outside a worker.

    Source: torch's page "torch.utils.data".

    Example:
        >>> from flambeau.utils.data import get_worker_info
        >>> get_worker_info() is None
        True
    """
    return _local.info


class Failure:
    """An error on its way from a worker to the loop.

    Args:
        error: the error.
        worker: the number of the worker.
    """

    def __init__(self, error: BaseException, worker: int) -> None:
        self.kind = type(error)
        self.message = (
            f"Caught {self.kind.__name__} in DataLoader worker thread {worker}.\n"
            f"Original {''.join(traceback.format_exception(error))}"
        )

    def reraise(self) -> None:
        """Raise an error of the same type whose message has the worker's traceback.

        A type that cannot be made from one message becomes a RuntimeError.
        """
        try:
            error = self.kind(_Lines(self.message))
        except Exception:
            error = RuntimeError(self.message)
        raise error from None


class _Lines(str):
    """A message that stays in lines where KeyError prints its argument's repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Task:
    """One batch to fetch.

    Attributes:
        epoch: the pass it belongs to.
        number: its place in the pass.
        index: what the sampler gave.
    """

    epoch: int
    number: int
    index: Any


@dataclass(frozen=True)
class Result:
    """One batch that was fetched, by a worker for a task.

    Attributes:
        task: the task.
        worker: the number of the worker.
        batch: the batch, a `Failure`, or `END`.
    """

    task: Task
    worker: int
    batch: Any


class Worker:
    """One thread: it takes tasks from its queue until it finds None there.

    Args:
        info: what it knows of itself.
        recipe: how batches are made.
        init: called first, in the thread, with the worker's number.
        results: the queue that its results go to.
        stop: set when the results are no longer wanted.
    """

    def __init__(
        self,
        info: WorkerInfo,
        recipe: Recipe,
        init: Callable[[int], Any] | None,
        results: SimpleQueue[Result],
        stop: threading.Event,
    ) -> None:
        self.info = info
        self.recipe = recipe
        self.init = init
        self.tasks: SimpleQueue[Task | None] = SimpleQueue()
        self.results = results
        self.stop = stop
        self.epoch = -1
        self.ended = False
        self.fetch: Fetcher | None = None
        self.thread = threading.Thread(
            target=self.run, name=f"flambeau-data-{info.id}", daemon=True
        )

    def run(self) -> None:
        """Work until told to end."""
        _local.info = self.info
        use_generator(Generator().manual_seed(self.info.seed))
        problem = self._attempt(self._initialize)
        while (task := self.tasks.get()) is not None:
            if task.epoch != self.epoch:
                self.epoch, self.ended, self.fetch = task.epoch, False, None
            if self.stop.is_set() or self.ended:
                continue
            batch = problem or self._attempt(self._fetch, task.index)
            self.ended = batch is END
            self.results.put(Result(task, self.info.id, batch))
            del task, batch  # nothing of it stays while the worker waits

    def _attempt(self, act: Callable[..., Any], *args: Any) -> Any:
        """What `act` returns, or the error it raises as a result."""
        try:
            return act(*args)
        except StopIteration:
            return END
        except BaseException as error:
            return Failure(error, self.info.id)

    def _initialize(self) -> None:
        if self.init is not None:
            self.init(self.info.id)

    def _fetch(self, index: Any) -> Any:
        if self.fetch is None:
            self.fetch = self.recipe.fetcher(self.info.dataset, self.stop.is_set)
        return self.fetch(index)


class Team:
    """The workers of one loader's iterator.

    Args:
        size: the number of workers.
        dataset: the data set; each worker gets a shallow copy.
        recipe: how batches are made.
        init: called in each worker with its number, before anything else.
        base_seed: worker `i` seeds its generator with ``base_seed + i``.
    """

    def __init__(
        self,
        size: int,
        dataset: Any,
        recipe: Recipe,
        init: Callable[[int], Any] | None,
        base_seed: int,
    ) -> None:
        self.results: SimpleQueue[Result] = SimpleQueue()
        self._stop = threading.Event()
        self.workers = [
            Worker(
                WorkerInfo(each, size, base_seed + each, _own_copy(dataset)),
                recipe,
                init,
                self.results,
                self._stop,
            )
            for each in range(size)
        ]
        for worker in self.workers:
            worker.thread.start()

    @property
    def stopped(self) -> bool:
        """Whether the workers have been told to end."""
        return self._stop.is_set()

    def send(self, worker: int, task: Task) -> None:
        """Give a task to a worker."""
        self.workers[worker].tasks.put(task)

    def receive(self, timeout: float) -> Result:
        """Wait for the next result of any worker.

        Raises:
            RuntimeError: none came within `timeout` seconds; 0 waits for ever.
        """
        try:
            return self.results.get(timeout=timeout or None)
        except Empty:
            raise RuntimeError(
                f"DataLoader timed out after {timeout} seconds"
            ) from None

    def stop(self) -> None:
        """End the workers: at once if they wait, after their sample if they load."""
        self._stop.set()
        for worker in self.workers:
            worker.tasks.put(None)
        deadline = time.monotonic() + JOIN_SECONDS
        for worker in self.workers:
            if worker.thread is not threading.current_thread():
                worker.thread.join(max(0.0, deadline - time.monotonic()))


def _own_copy(dataset: Any) -> Any:
    """A shallow copy, so that a worker can set attributes of its own."""
    return copy.copy(dataset) if isinstance(dataset, Dataset) else dataset
