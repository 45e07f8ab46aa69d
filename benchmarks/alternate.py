"""Turns: A B A B …, so that whatever disturbs the machine disturbs all alike.

Threads that wait for work spin for a while. Before each turn everything must be quiet,
or the threads of the one before take half the machine from this one. And Python's
collector walks only over what the turn itself makes, not over all that every library
in the process has made before.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping, Sequence

from .contender import Contender
from .settings import Settings

__all__ = ["alternate", "alternate_runs", "wait_until_quiet"]

_SLICE = 0.02
_LONGEST_WAIT = 2.0
_QUIET = 0.1  # of a slice in CPU time, which this loop itself stays far below
_WARM_UP = 3  # runs before the first turn, in which libraries still compile or tune
_AWAKE = 0.1  # seconds at the begin of a turn that do not count
_MOST_RUNS = 200  # in one turn


def wait_until_quiet() -> None:
    """Sleep until no thread of this process uses the CPU any more."""
    end = time.perf_counter() + _LONGEST_WAIT
    busy = _SLICE
    while busy > _QUIET * _SLICE and time.perf_counter() < end:
        before = time.process_time()
        time.sleep(_SLICE)
        busy = time.process_time() - before


def alternate(
    contenders: Mapping[str, Contender], settings: Settings
) -> dict[str, list[float]]:
    """Measure contenders in turns; return the seconds of every run by name."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for each in contenders.values():
        for _ in range(_WARM_UP):
            each.run()
    gc.collect()
    gc.freeze()
    for _ in range(settings.rounds):
        for name, each in contenders.items():
            wait_until_quiet()
            times[name] += [run for (run,) in _turn([each], settings.seconds)]
    gc.unfreeze()
    return times


def alternate_runs(
    contenders: Sequence[Contender], settings: Settings
) -> list[tuple[float, ...]]:
    """Measure contenders run by run, when they have been warm; return the seconds.

    How fast a CPU is, and what its neighbours leave of it, changes within a second.
    """
    times = []
    for _ in range(settings.rounds):
        wait_until_quiet()
        times += _turn(contenders, settings.seconds)
    return times


def _turn(contenders: Sequence[Contender], seconds: float) -> list[tuple[float, ...]]:
    """Run until threads are awake and caches warm, then measure for some seconds."""
    end = time.perf_counter() + min(_AWAKE, seconds)
    _run_all(contenders)
    while time.perf_counter() < end:
        _run_all(contenders)
    found: list[tuple[float, ...]] = []
    end = time.perf_counter() + seconds
    while not found or (time.perf_counter() < end and len(found) < _MOST_RUNS):
        found.append(_run_all(contenders))
    return found


def _run_all(contenders: Sequence[Contender]) -> tuple[float, ...]:
    """Run each of some contenders once; return the seconds."""
    found = []
    for each in contenders:
        start = time.perf_counter()
        each.run()
        found.append(time.perf_counter() - start)
    return tuple(found)
