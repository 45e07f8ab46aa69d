"""Data sets: what has samples, by position or as a stream."""

from __future__ import annotations

import itertools
import math
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar, cast

from ...random import Generator, current_generator, randperm
from ...tensor import Tensor
from ...tensor.convert import value_of
from .values import tensor_over

__all__ = [
    "ChainDataset",
    "ConcatDataset",
    "Dataset",
    "IterableDataset",
    "StackDataset",
    "Subset",
    "TensorDataset",
    "random_split",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """Samples by position: subclasses define ``__getitem__`` and ``__len__``.

    A subclass may also define ``__getitems__``, which takes a list of positions and
    returns the list of their samples; the loader then calls it once for each batch.

    Source: torch's page "torch.utils.data".

    Example:
        >>> from flambeau.utils.data import Dataset
        >>> class Squares(Dataset):
        ...     def __len__(self):
        ...         return 3
        ...     def __getitem__(self, index):
        ...         return index**2
        >>> Squares()[2]
        4
    """

    def __getitem__(self, index: Any) -> T_co:
        raise TypeError(
            f"{type(self).__name__} does not define __getitem__, "
            "which returns the sample at a position"
        )

    def __add__(self, other: Dataset[Any]) -> Dataset[Any]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co], Iterable[T_co]):
    """Samples as a stream: subclasses define ``__iter__``.

    With several workers each iterates over a shallow copy of its own, so the stream
    must be divided: by `get_worker_info` in ``__iter__``, or by a `worker_init_fn`
    that changes the copy's attributes.

    Source: torch's page "torch.utils.data".

    Example:
        >>> from flambeau.utils.data import DataLoader, IterableDataset
        >>> class Count(IterableDataset):
        ...     def __iter__(self):
        ...         return iter(range(5))
        >>> list(DataLoader(Count(), batch_size=3))
        [tensor([0, 1, 2]), tensor([3, 4])]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise TypeError(
            f"{type(self).__name__} does not define __iter__, "
            "which returns an iterator over the samples"
        )

    def __add__(self, other: Dataset[Any]) -> Dataset[Any]:
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Samples that are the rows of tensors.

    Args:
        tensors: tensors of the same length.

    Raises:
        AssertionError: the lengths differ.

    Example:
        >>> import flambeau
        >>> from flambeau.utils.data import TensorDataset
        >>> TensorDataset(flambeau.tensor([[1, 2], [3, 4]]), flambeau.tensor([5, 6]))[1]
        (tensor([3, 4]), tensor(6))
    """

    def __init__(self, *tensors: Tensor) -> None:
        lengths = [each.size(0) for each in tensors]
        if len(set(lengths)) > 1:
            raise AssertionError(
                f"Size mismatch between tensors: their lengths are {lengths}"
            )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        """Return the row of each tensor at a position."""
        return tuple(tensor[index] for tensor in self.tensors)

    def __getitems__(self, indices: list[int]) -> list[tuple[Tensor, ...]]:
        """Return the rows at several positions, read without an op for each."""
        if any(tensor.requires_grad for tensor in self.tensors):
            return [self[index] for index in indices]
        arrays = [value_of(tensor) for tensor in self.tensors]
        return [
            tuple(tensor_over(array[index, ...]) for array in arrays)
            for index in indices
        ]

    def __len__(self) -> int:
        return self.tensors[0].size(0)


class StackDataset(Dataset[Any]):
    """Data sets side by side: a sample is a tuple, or a dict, of their samples.

    Args:
        args: data sets of the same length, whose samples form tuples, or
        kwargs: data sets of the same length, whose samples form dicts.

    Raises:
        ValueError: none is given, both kinds are, or the lengths differ.

    Example:
        >>> from flambeau.utils.data import StackDataset
        >>> StackDataset(word=["a", "b"], number=[1, 2])[1]
        {'word': 'b', 'number': 2}
    """

    datasets: tuple[Any, ...] | dict[str, Any]

    def __init__(self, *args: Dataset[Any], **kwargs: Dataset[Any]) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError(
                "StackDataset takes data sets as arguments, for samples that are "
                "tuples, or as keyword arguments, for dicts; it got "
                + ("both" if args else "none")
            )
        self.datasets = args or kwargs
        lengths = [len(cast(Sized, each)) for each in args or kwargs.values()]
        if len(set(lengths)) > 1:
            raise ValueError(
                f"Size mismatch between datasets: their lengths are {lengths}"
            )
        self._length = lengths[0]

    def _combine(self, parts: Iterable[Any]) -> Any:
        """One sample from the data sets' samples."""
        if isinstance(self.datasets, dict):
            return dict(zip(self.datasets, parts))
        return tuple(parts)

    def _members(self) -> Iterable[Any]:
        if isinstance(self.datasets, dict):
            return self.datasets.values()
        return self.datasets

    def __getitem__(self, index: Any) -> Any:
        """Return the samples at a position."""
        return self._combine(each[index] for each in self._members())

    def __getitems__(self, indices: list[Any]) -> list[Any]:
        """Return the samples at several positions."""
        columns = [samples_at(each, indices) for each in self._members()]
        return [self._combine(parts) for parts in zip(*columns)]

    def __len__(self) -> int:
        return self._length


def samples_at(dataset: Any, indices: list[Any]) -> list[Any]:
    """Return the samples at several positions, in one call where the set offers it."""
    together = getattr(dataset, "__getitems__", None)
    if not callable(together):
        return [dataset[index] for index in indices]
    samples = together(indices)
    if len(samples) != len(indices):
        raise ValueError(
            "Nested dataset's output size mismatch. "
            f"Expected {len(indices)}, got {len(samples)}"
        )
    return samples


class ConcatDataset(Dataset[T_co]):
    """Data sets one after another.

    Args:
        datasets: the data sets, with lengths.

    Raises:
        AssertionError: none is given, or one is an `IterableDataset`.

    Example:
        >>> from flambeau.utils.data import ConcatDataset
        >>> ConcatDataset(["ab", "cde"])[3]
        'd'
    """

    def __init__(self, datasets: Iterable[Dataset[T_co]]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(each, IterableDataset) for each in self.datasets):
            raise AssertionError(
                "ConcatDataset does not support IterableDataset; use ChainDataset"
            )
        self.cumulative_sizes = self.cumsum(self.datasets)

    @staticmethod
    def cumsum(sequence: Sequence[Any]) -> list[int]:
        """Return the length of every beginning of the sequence."""
        return list(itertools.accumulate(len(each) for each in sequence))

    def __getitem__(self, idx: int) -> T_co:
        """Return the sample at a position; a negative one counts from the end."""
        position = idx + len(self) if idx < 0 else idx
        if position < 0:
            raise ValueError(
                "absolute value of index should not exceed dataset length, got "
                f"{idx} for length {len(self)}"
            )
        which = bisect_right(self.cumulative_sizes, position)
        if which == len(self.datasets):
            raise IndexError(f"index {idx} is out of range for length {len(self)}")
        before = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][position - before]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


class ChainDataset(IterableDataset[T_co]):
    """Streams one after another.

    Args:
        datasets: the streams, each an `IterableDataset`.

    Raises:
        AssertionError: one is no `IterableDataset`; raised when it is reached.
    """

    def __init__(self, datasets: Iterable[Dataset[T_co]]) -> None:
        self.datasets = datasets

    def _streams(self) -> Iterator[IterableDataset[T_co]]:
        for each in self.datasets:
            if not isinstance(each, IterableDataset):
                raise AssertionError(
                    f"ChainDataset only supports IterableDataset, got {type(each)}"
                )
            yield each

    def __iter__(self) -> Iterator[T_co]:
        """Iterate over every stream."""
        for each in self._streams():
            yield from each

    def __len__(self) -> int:
        return sum(len(cast(Sized, each)) for each in self._streams())


class Subset(Dataset[T_co]):
    """Some samples of a data set.

    Args:
        dataset: the whole data set.
        indices: the positions of the samples, in the order they get.

    Example:
        >>> from flambeau.utils.data import Subset
        >>> list(Subset("abcde", [3, 1]))
        ['d', 'b']
    """

    def __init__(self, dataset: Dataset[T_co], indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, idx: Any) -> T_co:
        """Return the sample at a position; a list of them asks the set for a list."""
        if isinstance(idx, list):
            return self.dataset[[self.indices[each] for each in idx]]
        return self.dataset[self.indices[idx]]

    def __getitems__(self, indices: list[int]) -> list[T_co]:
        """Return the samples at several positions."""
        if type(self).__getitem__ is not Subset.__getitem__:
            return [self[each] for each in indices]
        return samples_at(self.dataset, [self.indices[each] for each in indices])

    def __len__(self) -> int:
        return len(self.indices)


def random_split(
    dataset: Dataset[T],
    lengths: Sequence[int | float],
    generator: Generator | None = None,
) -> list[Subset[T]]:
    """Divide a data set at random.

    Args:
        dataset: the data set to divide.
        lengths: the length of each part; or fractions that sum to 1, whose remainders
            go one each to the first parts.
        generator: where the permutation comes from; None for the default generator.

    Raises:
        ValueError: the lengths do not sum to the data set's, or a fraction is not
            between 0 and 1.

    Source: torch's page "torch.utils.data", with its permutation.

    Example:
        >>> from flambeau.utils.data import random_split
        >>> [len(part) for part in random_split(range(10), [0.75, 0.25])]
        [8, 2]
    """
    size = len(cast(Sized, dataset))
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        counts = _lengths_of_fractions(lengths, size)
    else:
        counts = cast(list[int], list(lengths))
    if sum(counts) != size:
        raise ValueError(
            "Sum of input lengths does not equal the length of the input dataset! "
            f"Got {list(lengths)} for {size} samples"
        )
    order = randperm(generator or current_generator(), size).tolist()
    ends = itertools.accumulate(counts)
    return [
        Subset(dataset, order[end - count : end]) for end, count in zip(ends, counts)
    ]


def _lengths_of_fractions(fractions: Sequence[float], size: int) -> list[int]:
    """The whole numbers nearest below, and the rest dealt out from the first on."""
    for position, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ValueError(
                f"Fraction at index {position} is not between 0 and 1: {fraction}"
            )
    counts = [math.floor(size * fraction) for fraction in fractions]
    for extra in range(size - sum(counts)):
        counts[extra % len(counts)] += 1
    for position, count in enumerate(counts):
        if count == 0:
            warnings.warn(
                f"Length of split at index {position} is 0. "
                "This might result in an empty dataset.",
                stacklevel=3,
            )
    return counts
