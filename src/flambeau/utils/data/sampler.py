"""Samplers: the order in which samples are visited."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar, cast

from ...dtypes import float64
from ...random import Generator, current_generator, multinomial, randint, randperm
from ...tensor import Tensor
from ...tensor.convert import value_of
from ...tensor.creation import as_tensor
from .draws import draw_seed

__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]

T_co = TypeVar("T_co", covariant=True)

# RandomSampler with replacement draws this many positions at once, as torch's does.
DRAWN_AT_ONCE = 32


def _check_positive(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(
            f"{name} should be a positive integer value, but got {name}={value}"
        )


class Sampler(Generic[T_co]):
    """An order of positions: subclasses define ``__iter__`` and may ``__len__``.

    Source: torch's page "torch.utils.data".

    Example:
        >>> from flambeau.utils.data import DataLoader, Sampler
        >>> class Backwards(Sampler):
        ...     def __init__(self, data):
        ...         self.data = data
        ...     def __iter__(self):
        ...         return iter(range(len(self.data) - 1, -1, -1))
        >>> list(DataLoader("abc", batch_size=2, sampler=Backwards("abc")))
        [['c', 'b'], ['a']]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise TypeError(
            f"{type(self).__name__} does not define __iter__, "
            "which returns an iterator over positions"
        )


class SequentialSampler(Sampler[int]):
    """Every position once, in order.

    Args:
        data_source: the data set, or anything with a length.
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        """Iterate over the positions."""
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """Every position once, in random order; or positions drawn with replacement.

    Without a generator of its own, each pass draws a seed from the default generator,
    so one `manual_seed` fixes the order of all passes. The orders are torch's.

    Args:
        data_source: the data set, or anything with a length.
        replacement: draw each position independently of the others.
        num_samples: how many to draw; None for the length. More than that without
            replacement begins another permutation.
        generator: where the order comes from.

    Raises:
        TypeError: `replacement` is no bool.
        ValueError: there is nothing to draw.

    Example:
        >>> import flambeau
        >>> from flambeau.utils.data import RandomSampler
        >>> generator = flambeau.Generator().manual_seed(0)
        >>> list(RandomSampler(range(5), generator=generator))
        [4, 0, 1, 3, 2]
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(
                "replacement should be a boolean value, "
                f"but got replacement={replacement}"
            )
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        _check_positive("num_samples", self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many positions one pass has; the data set's length may change."""
        if self._num_samples is None:
            return len(self.data_source)
        return self._num_samples

    def __iter__(self) -> Iterator[int]:
        """Iterate over one pass of positions."""
        generator = self.generator
        if generator is None:
            generator = Generator()
            generator.manual_seed(draw_seed())
        size, left = len(self.data_source), self.num_samples
        if self.replacement:
            for count in _portions(left, DRAWN_AT_ONCE):
                yield from randint(generator, 0, size, (count,)).tolist()
            return
        for count in _portions(left, size):
            yield from randperm(generator, size).tolist()[:count]

    def __len__(self) -> int:
        return self.num_samples


def _portions(total: int, most: int) -> Iterator[int]:
    """`total` in portions of `most`, and the rest even if it is 0, as torch draws."""
    yield from itertools.repeat(most, total // most)
    yield total % most


class SubsetRandomSampler(Sampler[int]):
    """The given positions once, in random order.

    Args:
        indices: the positions.
        generator: where the order comes from; None for the default generator.
    """

    def __init__(
        self, indices: Sequence[int], generator: Generator | None = None
    ) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        """Iterate over the positions."""
        generator = self.generator or current_generator()
        for place in randperm(generator, len(self.indices)).tolist():
            yield self.indices[place]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Positions drawn with given weights.

    Args:
        weights: the weight of each position; they need not sum to 1.
        num_samples: how many to draw.
        replacement: whether a position may be drawn again.
        generator: where the draws come from; None for the default generator.

    Raises:
        ValueError: `num_samples` is not positive, `replacement` is no bool, or the
            weights are not a sequence of numbers.

    Example:
        >>> from flambeau.utils.data import WeightedRandomSampler
        >>> list(WeightedRandomSampler([0.0, 1.0, 0.0], num_samples=3))
        [1, 1, 1]
    """

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        _check_positive("num_samples", num_samples)
        if not isinstance(replacement, bool):
            raise ValueError(
                "replacement should be a boolean value, "
                f"but got replacement={replacement}"
            )
        self.weights: Tensor = as_tensor(weights, dtype=float64)
        if self.weights.ndim != 1:
            raise ValueError(
                "weights should be a 1d sequence but given weights have shape "
                f"{tuple(self.weights.shape)}"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        """Iterate over one pass of positions."""
        generator = self.generator or current_generator()
        weights = value_of(self.weights)
        drawn = multinomial(generator, weights, self.num_samples, self.replacement)
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """The positions of another sampler, in lists.

    Args:
        sampler: the other sampler, or any iterable.
        batch_size: the length of a list.
        drop_last: leave out the last list if it is shorter.

    Raises:
        ValueError: `batch_size` is not positive, or `drop_last` is no bool.

    Example:
        >>> from flambeau.utils.data import BatchSampler
        >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
        [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self, sampler: Sampler[int] | Iterable[int], batch_size: int, drop_last: bool
    ) -> None:
        _check_positive("batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise ValueError(
                f"drop_last should be a boolean value, but got drop_last={drop_last}"
            )
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        """Iterate over the lists."""
        positions = iter(self.sampler)
        while batch := list(itertools.islice(positions, self.batch_size)):
            if self.drop_last and len(batch) < self.batch_size:
                return
            yield batch

    def __len__(self) -> int:
        whole, rest = divmod(len(cast(Sized, self.sampler)), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)
