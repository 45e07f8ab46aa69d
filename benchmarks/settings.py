"""What a run of the benchmarks can be told."""

from __future__ import annotations

from dataclasses import dataclass

import flambeau

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """How long and with what to measure.

    Attributes:
        threads: how many each library may use.
        rounds: how often each contender has its turn.
        seconds: how long a turn is measured, at least one run.
        only: parts of the names of the contenders to measure; all if empty.
    """

    threads: int = flambeau.get_num_threads()
    rounds: int = 7
    seconds: float = 0.25
    only: tuple[str, ...] = ()

    def wants(self, name: str) -> bool:
        """Whether a contender is to be measured."""
        return not self.only or any(part in name for part in self.only)
