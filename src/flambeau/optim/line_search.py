"""A search along a line for a step that fulfils the strong Wolfe conditions.

Such a step lowers the loss by enough for its length, and leaves so little slope that
a longer one would not do much better. First steps are lengthened until there is one
between the last two; then that interval is narrowed.

Source: Nocedal and Wright, "Numerical Optimization", 2006, algorithms 3.5 and 3.6.
The constants are those of torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..tensor import Tensor

_LEAST_DESCENT = 1e-4
_MOST_SLOPE = 0.9
_SMALLEST_INTERVAL = 1e-9


class Point(NamedTuple):
    """A place on the line: how far it is, and the loss and its derivatives there."""

    step: float
    loss: float
    gradient: Tensor
    slope: float


class Search:
    """One search.

    Args:
        evaluate: returns the point at the end of a step.
        start: where the line begins.
        limit: how many points may be evaluated after the first one.

    Attributes:
        evaluations: how many points were evaluated.
    """

    def __init__(
        self, evaluate: Callable[[float], Point], start: Point, limit: int
    ) -> None:
        self._evaluate, self._start, self._limit = evaluate, start, limit
        self.evaluations = 0

    def run(self, step: float, reach: float) -> Point:
        """Return the point that was found, or the lowest one that was seen.

        Args:
            step: the length to start with.
            reach: by how much a step of 1 changes any coordinate at most.
        """
        low, high = self._bracket(step)
        return low if high is None else self._narrow(low, high, reach)

    def _at(self, step: float) -> Point:
        self.evaluations += 1
        return self._evaluate(step)

    def _may_go_on(self) -> bool:
        return self.evaluations <= self._limit

    def _is_too_high(self, point: Point) -> bool:
        descent = _LEAST_DESCENT * point.step * self._start.slope
        return point.loss > self._start.loss + descent

    def _is_flat(self, point: Point) -> bool:
        return abs(point.slope) <= -_MOST_SLOPE * self._start.slope

    def _bracket(self, step: float) -> tuple[Point, Point | None]:
        """Return the ends of an interval, the lower one first, or what was searched."""
        before, now = self._start, self._at(step)
        while self._may_go_on():
            rises = self.evaluations > 2 and now.loss >= before.loss
            if self._is_too_high(now) or rises:
                return _by_loss(before, now)
            if self._is_flat(now):
                return now, None
            if now.slope >= 0:
                return _by_loss(before, now)
            bounds = now.step + 0.01 * (now.step - before.step), now.step * 10
            before, now = now, self._at(_lowest_between(before, now, bounds))
        return _by_loss(self._start, now)

    def _narrow(self, low: Point, high: Point, reach: float) -> Point:
        slow = False
        while self._may_go_on():
            ends = sorted((low.step, high.step))
            width = ends[1] - ends[0]
            if width * reach < _SMALLEST_INTERVAL:
                break
            step = _lowest_between(low, high, (ends[0], ends[1]))
            step, slow = _away_from_ends(step, ends, slow)
            new = self._at(step)
            if self._is_too_high(new) or new.loss >= low.loss:
                low, high = _by_loss(low, new)
                continue
            if self._is_flat(new):
                return new
            if new.slope * (high.step - low.step) >= 0:
                high = low
            low = new
        return low


def _by_loss(one: Point, other: Point) -> tuple[Point, Point]:
    return (one, other) if one.loss <= other.loss else (other, one)


def _lowest_between(one: Point, other: Point, bounds: tuple[float, float]) -> float:
    """Return where the cubic through two points and slopes is lowest, within bounds."""
    if one.step > other.step:
        one, other = other, one
    least, most = bounds
    length = other.step - one.step
    d1 = one.slope + other.slope - 3 * (other.loss - one.loss) / length
    square = d1**2 - one.slope * other.slope
    if not square >= 0:
        return (least + most) / 2
    root: float = square**0.5
    curve = other.slope - one.slope + 2 * root
    if curve == 0:
        return (least + most) / 2
    step = other.step - length * (other.slope + root - d1) / curve
    return min(max(step, least), most)


def _away_from_ends(step: float, ends: list[float], slow: bool) -> tuple[float, bool]:
    """Keep off the ends of an interval, if that was near them twice or is at one.

    Returns:
        the step, and whether it is near an end for the first time.
    """
    margin = 0.1 * (ends[1] - ends[0])
    if min(ends[1] - step, step - ends[0]) >= margin:
        return step, False
    if not slow and ends[0] < step < ends[1]:
        return step, True
    nearer_to_end = abs(step - ends[1]) < abs(step - ends[0])
    return (ends[1] - margin if nearer_to_end else ends[0] + margin), False
