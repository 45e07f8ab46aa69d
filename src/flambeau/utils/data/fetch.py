"""Fetchers: from what a sampler gives to a finished batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Fetcher", "Recipe"]

Fetcher = Callable[[Any], Any]
Stopped = Callable[[], bool]


def never() -> bool:
    """Answer that nobody has called loading off."""
    return False


@dataclass(frozen=True)
class Recipe:
    """How one loader makes batches; says nothing of where its samples come from.

    Attributes:
        iterable: whether the data set is a stream.
        batched: whether the sampler gives lists.
        collate: makes the batch of a list of samples, or converts one sample.
        drop_last: whether a stream's last batch is left out if it is short.
    """

    iterable: bool
    batched: bool
    collate: Callable[[Any], Any]
    drop_last: bool

    def fetcher(self, dataset: Any, stopped: Stopped = never) -> Fetcher:
        """Return what fetches one pass; `stopped` is asked before every sample."""
        kind = StreamFetcher if self.iterable else MapFetcher
        return kind(self, dataset, stopped)


def check_stopped(stopped: Stopped) -> None:
    """Leave a batch between two samples once loading is called off."""
    if stopped():
        raise RuntimeError("DataLoader: loading was called off")


class MapFetcher:
    """Fetches samples by position.

    Args:
        recipe: how to make a batch of them.
        dataset: where they come from.
        stopped: whether loading was called off.
    """

    def __init__(self, recipe: Recipe, dataset: Any, stopped: Stopped) -> None:
        self.recipe = recipe
        self.dataset = dataset
        self.stopped = stopped

    def __call__(self, index: Any) -> Any:
        """Return the batch at a list of positions, or the sample at one."""
        samples = self._batch(index) if self.recipe.batched else self._at(index)
        return self.recipe.collate(samples)

    def _batch(self, indices: list[Any]) -> list[Any]:
        together = getattr(self.dataset, "__getitems__", None)
        if together is None:
            return [self._at(index) for index in indices]
        try:
            return together(indices)
        except Exception as error:
            error.add_note(f"DataLoader: while loading samples {indices}")
            raise

    def _at(self, index: Any) -> Any:
        check_stopped(self.stopped)
        try:
            return self.dataset[index]
        except StopIteration as error:  # it would end the loop without a word
            raise RuntimeError(f"dataset[{index!r}] raised StopIteration") from error
        except Exception as error:
            error.add_note(f"DataLoader: while loading sample {index!r}")
            raise


class StreamFetcher:
    """Fetches the next samples of a stream; the last batch may be short.

    Args:
        recipe: how to make a batch of them.
        dataset: where they come from.
        stopped: whether loading was called off.
    """

    def __init__(self, recipe: Recipe, dataset: Any, stopped: Stopped) -> None:
        self.recipe = recipe
        self.samples = noted(iter(dataset), stopped)

    def __call__(self, index: Any) -> Any:
        """Return as many samples as `index` is long, or one; StopIteration ends it."""
        if not self.recipe.batched:
            return self.recipe.collate(next(self.samples))
        batch = [sample for _, sample in zip(index, self.samples)]
        short = len(batch) < len(index)
        if not batch or (short and self.recipe.drop_last):
            raise StopIteration
        return self.recipe.collate(batch)


def noted(samples: Iterator[Any], stopped: Stopped) -> Iterator[Any]:
    """Pass the samples on; an error gets a note of how many came before it."""
    number = 0
    try:
        for sample in samples:
            check_stopped(stopped)
            yield sample
            number += 1
    except Exception as error:
        error.add_note(f"DataLoader: while loading sample {number} of the stream")
        raise
