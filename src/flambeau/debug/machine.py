"""What the machine can do: multiply-adds in registers, bytes from memory and caches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..compiler.codegen.builder import KernelBuilder
from ..compiler.codegen.kernel import Kernel
from ..dtypes import float32
from ..runtime.engine import engine
from ..runtime.memory import aligned
from ..runtime.target import Target
from ..runtime.team import get_num_threads, set_num_threads
from .loaded import Loaded

__all__ = [
    "STREAMS",
    "Stream",
    "fma_kernel",
    "fma_loop",
    "ones",
    "peak_bandwidth",
    "peak_flops",
    "seconds",
    "threads",
]

_CHUNKS = 4  # a multiple of the threads that are measured
_SHARES = 64  # of the multiply-adds: unlike CPUs, too, end at nearly the same time
_TURNS = 31_250  # of the loop of each: some 10 ms for all of them
_BEYOND_CACHES = 256 << 20  # bytes
_AT_ONCE = 8  # vectors that are under way in the loops on memory
_REPEATS = 3


class threads:
    """A number of threads for the time of a block."""

    def __init__(self, count: int) -> None:
        self._count, self._before = count, get_num_threads()

    def __enter__(self) -> None:
        set_num_threads(self._count)

    def __exit__(self, *_: object) -> None:
        set_num_threads(self._before)


def fma_kernel(turns: int = _TURNS) -> Kernel:
    """Return a kernel that multiplies and adds in registers and does nothing else."""
    target = engine().target
    flops = 2 * target.lanes(4) * _chains(target) * turns * _SHARES
    return Kernel("fma", _emit_fma, (turns, target), _SHARES, flops)


def _chains(target: Target) -> int:
    """How many sums there are: enough to hide what one addition takes."""
    return 3 * target.vector_registers // 4


def _emit_fma(name: str, turns: int, target: Target) -> str:
    kernel, lanes, chains = (
        KernelBuilder(name, target),
        target.lanes(4),
        _chains(target),
    )
    pointer = kernel.buffer(0)
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        # the numbers come from memory, so that LLVM cannot compute ahead
        x, y = (kernel.load(pointer, at * lanes, float32, lanes) for at in (0, 1))
        first = [kernel.constant(at, float32, lanes) for at in range(chains)]
        sums = [kernel.variable(each) for each in first]
        with kernel.loop(0, turns):
            for each in sums:
                each.set(kernel.fma(x, y, each.get()))
        for at, each in enumerate(sums):
            place = kernel.add(kernel.mul(chunk, chains * lanes), (2 + at) * lanes)
            kernel.store(each.get(), pointer, place, float32)
    return kernel.finish()


def fma_loop() -> Loaded:
    """Return the kernel of multiply-adds, ready to run."""
    target = engine().target
    floats = (2 + _SHARES * target.vector_registers) * target.lanes(4)
    return Loaded((fma_kernel(), (ones(4 * floats),)))


@lru_cache
def peak_flops(count: int) -> float:
    """Return the multiply-adds this many threads reach, as operations per second.

    The best of a few short runs: under a longer load most CPUs slow down.
    """
    run = fma_loop()
    with threads(count):
        return run.flops / min(seconds(run, 3 * _REPEATS))


def ones(nbytes: int) -> np.ndarray:
    """Return so many bytes of ones in float32, which begin with a cache line."""
    found = aligned(nbytes).view(np.float32)
    found[:] = 1
    return found


def seconds(run: Callable[[], None], repeats: int) -> Iterator[float]:
    """Say how long each of some runs takes, after a first one."""
    run()
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        yield time.perf_counter() - start


@dataclass(frozen=True)
class Stream:
    """What a loop over memory does with each vector."""

    name: str
    reads: bool
    writes: bool

    def kernel(self, nbytes: int, passes: int) -> Kernel:
        """The loop over so many bytes of each buffer it uses, again and again."""
        moved = (self.reads + self.writes) * nbytes * passes
        arguments = (self, nbytes, passes, engine().target)
        return Kernel(self.name, _emit_stream, arguments, _CHUNKS, moved=moved)

    def emit(self, kernel: KernelBuilder, nbytes: int, passes: int) -> str:
        """Return the code."""
        lanes = kernel.target.lanes(4)
        each_chunk = nbytes // 4 // _CHUNKS
        with kernel.loop(kernel.begin, kernel.end) as chunk:
            start = kernel.mul(chunk, each_chunk)
            # read, so that LLVM sees neither a memset nor a memcpy
            first = kernel.load(kernel.buffer(1), start, float32, lanes)
            sums = [kernel.variable(first) for _ in range(_AT_ONCE)]
            with (
                kernel.loop(0, passes),
                kernel.loop(0, each_chunk, _AT_ONCE * lanes) as at,
            ):
                for number, total in enumerate(sums):
                    place = kernel.add(kernel.add(start, at), number * lanes)
                    self._move(kernel, total, place, lanes)
            for number, total in enumerate(sums):  # what is read must be used
                place = kernel.add(start, number * lanes)
                kernel.store(total.get(), kernel.buffer(1), place, float32)
        return kernel.finish()

    def _move(self, kernel: KernelBuilder, total: Any, place: Any, lanes: int) -> None:
        value = total.get()
        if self.reads:
            read = kernel.load(kernel.buffer(0), place, float32, lanes)
            value = kernel.b.fadd(value, read)
        if self.writes:
            kernel.store(value, kernel.buffer(1), place, float32)
        else:
            total.set(value)


def _emit_stream(
    name: str, stream: Stream, nbytes: int, passes: int, target: Target
) -> str:
    return stream.emit(KernelBuilder(name, target), nbytes, passes)


STREAMS = (
    Stream("read", True, False),
    Stream("write", False, True),
    Stream("copy", True, True),
)


@lru_cache
def peak_bandwidth(count: int) -> float:
    """Return the bytes per second that this many threads copy in memory, both ways."""
    source, sink = (ones(_BEYOND_CACHES) for _ in range(2))
    copy = next(each for each in STREAMS if each.name == "copy")
    run = Loaded((copy.kernel(_BEYOND_CACHES, 1), (source, sink)))
    with threads(count):
        return run.moved / min(seconds(run, _REPEATS))
