"""DataLoader: batches of a data set, in order, fetched ahead by worker threads."""

from __future__ import annotations

import itertools
import math
import warnings
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, cast

from ...random import Generator
from ...tensor import evaluate_pending
from .collate import default_collate, default_convert
from .dataset import Dataset, IterableDataset
from .draws import draw_seed
from .fetch import Recipe
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler
from .workers import END, Failure, Task, Team

__all__ = ["DataLoader"]

PREFETCH_FACTOR = 2


class Endless(Sampler[None]):
    """The sampler of a stream: it has no positions, and no end of its own."""

    def __iter__(self) -> Iterator[None]:
        """Iterate without end."""
        return itertools.repeat(None)


class DataLoader:
    """Batches of a data set.

    ``for images, labels in DataLoader(dataset, batch_size=64, shuffle=True): …``

    Every next batch is an evaluation point: what the loop has recorded so far is
    computed. With `num_workers` above 0 threads fetch `prefetch_factor` batches each
    ahead of the loop. They share the data set's memory; each has a shallow copy of the
    data set object and a default generator of its own. An error in a worker is raised
    in the loop with its type, the worker's traceback and the sample's position.
    Leaving the loop ends the threads, unless they are persistent.

    After the same `manual_seed` the order is torch's, and with the same number of
    workers so are the draws in each worker.

    Args:
        dataset: samples by position, or an `IterableDataset`.
        batch_size: samples in a batch; None gives single samples.
        shuffle: visit the samples in random order.
        sampler: the order of positions, in place of `shuffle`.
        batch_sampler: lists of positions, in place of `batch_size`, `shuffle`,
            `sampler` and `drop_last`.
        num_workers: threads that fetch batches; 0 fetches in the loop itself.
        collate_fn: makes a batch of a list of samples; None is `default_collate`, or
            `default_convert` for single samples.
        pin_memory: accepted for torch's sake; there is no other memory here.
        drop_last: leave out the last batch if it is shorter.
        timeout: seconds to wait for a worker's batch; 0 waits for ever.
        worker_init_fn: called in each worker with its number, before it loads.
        multiprocessing_context: accepted for torch's sake; workers are threads.
        generator: where the order and the workers' seeds come from; None for the
            default generator.
        prefetch_factor: batches that each worker fetches ahead; None for 2.
        persistent_workers: keep the threads from one pass to the next.
        pin_memory_device: accepted for torch's sake.
        in_order: give the batches in the sampler's order, not as they come.

    Raises:
        ValueError: arguments that contradict each other.

    Source: torch's page "torch.utils.data".

    Example:
        >>> from flambeau.utils.data import DataLoader
        >>> [batch.tolist() for batch in DataLoader(range(5), batch_size=2)]
        [[0, 1], [2, 3], [4]]
    """

    _initialized = False
    _FIXED = (
        "batch_size",
        "batch_sampler",
        "sampler",
        "drop_last",
        "dataset",
        "persistent_workers",
    )

    def __init__(
        self,
        dataset: Dataset[Any] | Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler[Any] | Iterable[Any] | None = None,
        batch_sampler: Sampler[list[Any]] | Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        self.dataset = dataset
        self.num_workers = num_workers
        self.pin_memory = pin_memory
        self.drop_last = drop_last
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.prefetch_factor = prefetch_factor
        self.persistent_workers = persistent_workers
        self.pin_memory_device = pin_memory_device
        self.in_order = in_order
        self._check_workers()
        if num_workers > 0 and prefetch_factor is None:
            self.prefetch_factor = PREFETCH_FACTOR
        if isinstance(dataset, IterableDataset):
            _check_stream(shuffle, sampler, batch_sampler)
        _check_batches(batch_size, shuffle, sampler, batch_sampler, drop_last)
        if sampler is None:
            sampler = _default_sampler(dataset, bool(shuffle), generator)
        if batch_sampler is not None:
            batch_size = None
        elif batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        convert = default_convert if batch_sampler is None else default_collate
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.collate_fn = convert if collate_fn is None else collate_fn
        self._reported_length: int | None = None
        self._iterator: ThreadedIterator | None = None
        self._initialized = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._initialized and name in self._FIXED:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is "
                "initialized; make another DataLoader"
            )
        super().__setattr__(name, value)

    def __iter__(self) -> Iterator[Any]:
        """Begin a pass over the data set."""
        if self.num_workers == 0:
            return SerialIterator(self)
        if not self.persistent_workers:
            return ThreadedIterator(self)
        if self._iterator is None or self._iterator.closed:
            self._iterator = ThreadedIterator(self)
        else:
            self._iterator.restart(self)
        return self._iterator

    def __len__(self) -> int:
        """Return the number of batches; for a stream, by the length it reports."""
        if not isinstance(self.dataset, IterableDataset):
            return len(cast(Sized, self.index_sampler))
        length = len(cast(Sized, self.dataset))
        self._reported_length = length
        if self.batch_size is None:
            return length
        if self.drop_last:
            return length // self.batch_size
        return math.ceil(length / self.batch_size)

    def _check_workers(self) -> None:
        workers, ahead = self.num_workers, self.prefetch_factor
        if workers < 0:
            raise ValueError(
                f"num_workers option should be non-negative, got {workers}; "
                "use num_workers=0 to load in the loop itself"
            )
        if self.timeout < 0:
            raise ValueError(
                f"timeout option should be non-negative, got {self.timeout}"
            )
        if ahead is not None and ahead <= 0:
            raise ValueError(f"prefetch_factor option should be positive, got {ahead}")
        needing = ("prefetch_factor", "persistent_workers", "multiprocessing_context")
        for name in ("timeout", *needing):
            if workers == 0 and getattr(self, name):
                raise ValueError(
                    f"{name} option needs num_workers > 0, got num_workers=0"
                )

    @property
    def index_sampler(self) -> Iterable[Any]:
        """What gives the fetcher its index: lists of positions, or positions."""
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    @property
    def recipe(self) -> Recipe:
        """How this loader makes batches."""
        return Recipe(
            iterable=isinstance(self.dataset, IterableDataset),
            batched=self.batch_sampler is not None,
            collate=self.collate_fn,
            drop_last=self.drop_last,
        )


def _check_stream(shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
    for name, value in (
        ("shuffle", shuffle or None),
        ("sampler", sampler),
        ("batch_sampler", batch_sampler),
    ):
        if value is not None:
            raise ValueError(
                "DataLoader with IterableDataset: expected unspecified "
                f"{name} option, but got {name}={value}"
            )


def _check_batches(
    batch_size: Any, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: bool
) -> None:
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None and (
        batch_size != 1 or shuffle or sampler is not None or drop_last
    ):
        raise ValueError(
            "batch_sampler option is mutually exclusive with batch_size, shuffle, "
            "sampler, and drop_last"
        )
    if batch_sampler is None and batch_size is None and drop_last:
        raise ValueError(
            "batch_size=None option disables auto-batching and is mutually exclusive "
            "with drop_last"
        )


def _default_sampler(
    dataset: Any, shuffle: bool, generator: Generator | None
) -> Sampler[Any]:
    if isinstance(dataset, IterableDataset):
        return Endless()
    if shuffle:
        return RandomSampler(dataset, generator=generator)
    return SequentialSampler(dataset)


class LoaderIterator(ABC):
    """One pass over a data set; the subclasses fetch its batches.

    Args:
        loader: the loader it is a pass of.
    """

    def __init__(self, loader: DataLoader) -> None:
        self._begin(loader)
        # torch draws this for its workers even if there are none.
        self._base_seed = draw_seed(loader.generator)

    def _begin(self, loader: DataLoader) -> None:
        self._dataset_name = type(loader.dataset).__name__
        self._reported_length = loader._reported_length
        self._indices = iter(loader.index_sampler)
        self._given = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        evaluate_pending()
        batch = self._next_batch()
        self._given += 1
        if self._reported_length is not None and self._given > self._reported_length:
            warnings.warn(
                f"Length of IterableDataset {self._dataset_name} was reported to be "
                f"{self._reported_length} (when accessing len(dataloader)), but "
                f"{self._given} samples have been fetched. With workers, each must "
                "iterate over its own share; see get_worker_info.",
                stacklevel=2,
            )
        return batch

    @abstractmethod
    def _next_batch(self) -> Any:
        """The next batch; StopIteration after the last."""


class SerialIterator(LoaderIterator):
    """A pass that fetches in the loop itself.

    Args:
        loader: the loader it is a pass of.
    """

    def __init__(self, loader: DataLoader) -> None:
        super().__init__(loader)
        self._fetch = loader.recipe.fetcher(loader.dataset)

    def _next_batch(self) -> Any:
        return self._fetch(next(self._indices))


class ThreadedIterator(LoaderIterator):
    """A pass, or with persistent workers all passes, that threads fetch for.

    Args:
        loader: the loader it is a pass of.
    """

    def __init__(self, loader: DataLoader) -> None:
        super().__init__(loader)
        self._persistent = loader.persistent_workers
        self._timeout = loader.timeout
        self._in_order = loader.in_order
        self._ahead = cast(int, loader.prefetch_factor) * loader.num_workers
        self._epoch = -1
        self._team = Team(
            loader.num_workers,
            loader.dataset,
            loader.recipe,
            loader.worker_init_fn,
            self._base_seed,
        )
        # Runs when the loop lets go of the iterator, and at the end of the process.
        self.close = weakref.finalize(self, self._team.stop)
        self._prefetch()

    @property
    def closed(self) -> bool:
        """Whether the workers have ended."""
        return self._team.stopped

    def restart(self, loader: DataLoader) -> None:
        """Begin another pass with the same workers."""
        self._begin(loader)
        self._prefetch()

    def _prefetch(self) -> None:
        """Give every worker its first tasks; what was under way is forgotten."""
        self._epoch += 1
        self._sent = 0
        self._under_way: dict[int, int] = {}  # number of the task -> worker
        self._waiting: dict[int, Any] = {}  # number of the task -> batch
        self._active = set(range(len(self._team.workers)))
        self._turns = itertools.cycle(range(len(self._team.workers)))
        for _ in range(self._ahead):
            self._send_next()

    def _send_next(self) -> None:
        """Give the next index to a worker, if there is one of each."""
        if not self._active:
            return
        for index in itertools.islice(self._indices, 1):
            worker = self._choose()
            self._team.send(worker, Task(self._epoch, self._sent, index))
            self._under_way[self._sent] = worker
            self._sent += 1

    def _choose(self) -> int:
        """The next worker in turn; if order does not matter, the least busy one."""
        if self._in_order:
            return next(turn for turn in self._turns if turn in self._active)
        busy = list(self._under_way.values())
        return min(self._active, key=busy.count)

    def _next_batch(self) -> Any:
        try:
            return self._next_result()
        except Exception:
            raise
        except BaseException:  # Ctrl-C
            self.close()
            raise

    def _next_result(self) -> Any:
        """The batch that is due, as soon as a worker has it."""
        while self._under_way:
            due = next(iter(self._under_way))
            if due in self._waiting:
                return self._give(due, self._waiting.pop(due))
            if self._under_way[due] not in self._active:
                del self._under_way[due]  # its worker's stream is over
                continue
            result = self._team.receive(self._timeout)
            if result.task.epoch != self._epoch:
                continue
            if result.batch is END:
                self._active.discard(result.worker)
                self._send_next()
            elif self._in_order:
                self._waiting[result.task.number] = result.batch
            else:
                return self._give(result.task.number, result.batch)
        if not self._persistent:
            self.close()
        raise StopIteration

    def _give(self, number: int, batch: Any) -> Any:
        """Hand a batch to the loop and send a worker for another."""
        del self._under_way[number]
        self._send_next()
        if isinstance(batch, Failure):
            batch.reraise()
        return batch
