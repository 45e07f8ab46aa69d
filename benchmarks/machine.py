"""What the machine can do, as figures: multiply-adds, bytes from memory and caches."""

from __future__ import annotations

from collections.abc import Iterator

from flambeau.debug.loaded import Loaded
from flambeau.debug.machine import STREAMS, ones, peak_flops, seconds, threads

from .results import Figure

__all__ = ["measure_machine"]

_SIZES = {"1 MiB": 1 << 20, "32 MiB": 32 << 20, "1 GiB": 1 << 30}
_LEAST_BYTES = 256 << 20  # that a run walks over, however often it begins again
_REPEATS = 3


def measure_machine(most_threads: int) -> list[Figure]:
    """Return the machine's limits on one thread and on all."""
    found = []
    for count in sorted({1, most_threads}):
        rate = peak_flops(count) / 1e9
        found.append(Figure(f"fma peak, {_threads(count)}", rate, "GFLOP/s"))
    return [*found, *_bandwidths(most_threads)]


def _bandwidths(most_threads: int) -> Iterator[Figure]:
    for size, nbytes in _SIZES.items():
        source, sink = (ones(nbytes) for _ in range(2))
        for stream in STREAMS:
            passes = max(1, _LEAST_BYTES // nbytes)
            run = Loaded((stream.kernel(nbytes, passes), (source, sink)))
            for count in sorted({1, most_threads}):
                with threads(count):
                    rate = run.moved / min(seconds(run, _REPEATS)) / 1e9
                name = f"{stream.name} {size}, {_threads(count)}"
                yield Figure(name, rate, "GB/s")


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"
