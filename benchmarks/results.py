"""What was measured, ready for tables and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, log
from statistics import median, quantiles
from typing import Any

from .contender import OWN

__all__ = ["Figure", "Row", "Timing", "geometric_mean"]


@dataclass(frozen=True)
class Timing:
    """The seconds one contender took, run by run."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.seconds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Between which the middle half lies."""
        if len(self.seconds) < 2:
            return self.seconds[0], self.seconds[0]
        low, _, high = quantiles(self.seconds, n=4, method="inclusive")
        return low, high

    @property
    def spread(self) -> float:
        """How far the quartiles are apart, as a share of the median."""
        low, high = self.quartiles
        return (high - low) / self.median


@dataclass(frozen=True)
class Row:
    """One piece of work, and how long each contender took.

    Attributes:
        name: as it is asked for on the command line.
        flops: floating-point operations of the work as written down, whatever trick
            a contender uses.
        timings: by the contender's name.
        errors: against float64, by the contender's name.
        floor: the ratio to be reached, if there is one.
        peak: the operations per second of multiply-adds in registers, measured in
            turns with the contenders.
        of_peak: the share of it to be reached, if there is one.
        shares: of it, as flambeau's fastest contender and multiply-adds reached them
            run by run.
        notes: what is missing, and why.
    """

    name: str
    flops: int
    timings: dict[str, Timing]
    errors: dict[str, float] = field(default_factory=dict)
    floor: float | None = None
    peak: float | None = None
    of_peak: float | None = None
    shares: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()

    def best(self, own: bool) -> str | None:
        """The fastest contender among flambeau's or the peers."""
        names = [name for name in self.timings if name.startswith(OWN) == own]
        return min(names, key=lambda name: self.timings[name].median, default=None)

    def ratio(self, name: str) -> float | None:
        """How many times as fast as the fastest peer one of flambeau's modes is.

        None for a peer, and where there is nothing to compare.
        """
        peer = self.best(own=False)
        if peer is None or name not in self.timings or not name.startswith(OWN):
            return None
        return self.timings[peer].median / self.timings[name].median

    def rate(self, name: str) -> float:
        """The operations per second of a contender."""
        return self.flops / self.timings[name].median

    @property
    def share(self) -> float | None:
        """The share of the peak that flambeau's fastest contender reaches."""
        if self.shares:
            return median(self.shares)
        best = self.best(own=True)
        return self.rate(best) / self.peak if best and self.peak else None

    def as_json(self) -> dict[str, Any]:
        """All of it in JSON's types."""
        contenders = {
            name: {
                "median": timing.median,
                "quartiles": timing.quartiles,
                "runs": len(timing.seconds),
                "flops_per_second": self.rate(name),
                "error": self.errors.get(name),
                "ratio": self.ratio(name),
            }
            for name, timing in self.timings.items()
        }
        return {
            "name": self.name,
            "flops": self.flops,
            "contenders": contenders,
            "best_peer": self.best(own=False),
            "floor": self.floor,
            "peak": self.peak,
            "of_peak": self.of_peak,
            "share": self.share,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Figure:
    """A single number.

    Attributes:
        name: as it is asked for on the command line, or the case's name and a detail.
        value: in `unit`.
        unit: such as "ms".
        limit: the bound to be kept, if there is one.
        at_least: whether the bound is a lower one.
        note: what a reader should know, such as a peer's value.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def is_kept(self) -> bool | None:
        """Whether the bound is kept; None without one."""
        if self.limit is None:
            return None
        kept = self.value >= self.limit if self.at_least else self.value <= self.limit
        return kept

    def as_json(self) -> dict[str, Any]:
        """All of it in JSON's types."""
        return {**vars(self), "is_kept": self.is_kept}


def geometric_mean(ratios: Sequence[float]) -> float:
    """Return the geometric mean."""
    return exp(sum(map(log, ratios)) / len(ratios))
