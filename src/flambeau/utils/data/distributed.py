"""The part of a data set that one of several processes visits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from ...random import Generator, randperm
from .sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """Every `num_replicas`-th position, from `rank` on, of one order for all.

    Args:
        dataset: has a length.
        num_replicas: how many processes share the data set.
        rank: which of them this one is, from 0 on.
        shuffle: draw a new order for each epoch, see `set_epoch`.
        seed: of the orders; the same in all processes.
        drop_last: leave out what does not go round, instead of visiting some twice.

    Raises:
        RuntimeError: `num_replicas` or `rank` is not given: nobody else knows them.
        ValueError: there is no such rank.

    Source: torch's page "torch.utils.data.distributed.DistributedSampler".

    Example:
        >>> from flambeau.utils.data import DistributedSampler
        >>> list(DistributedSampler("abcde", 2, 1, shuffle=False))
        [1, 3, 0]
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None or rank is None:
            raise RuntimeError(
                "Requires distributed package to be available: there is one process, "
                "pass num_replicas and rank"
            )
        if not 0 <= rank < num_replicas:
            raise ValueError(
                f"Invalid rank {rank}, rank should be in the interval "
                f"[0, {num_replicas - 1}]"
            )
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        self.shuffle = shuffle
        self.seed = seed
        count = len(dataset)
        left = count % num_replicas if drop_last else 0
        self.num_samples = math.ceil((count - left) / num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        count = len(self.dataset)
        order = list(range(count))
        if self.shuffle:
            generator = Generator().manual_seed(self.seed + self.epoch)
            order = randperm(generator, count).tolist()
        again = math.ceil(self.total_size / count) if count else 1
        order = (order * again)[: self.total_size]
        return iter(order[self.rank :: self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next, so that it has an order of its own."""
        self.epoch = epoch
