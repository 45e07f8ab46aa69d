"""How the windows along one spatial dimension meet the input."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from . import ir
from .builder import KernelBuilder
from .tile import ceil_div

__all__ = ["Axis", "Reach", "Run", "reach_of", "runs_of"]


@dataclass(frozen=True)
class Axis:
    """One spatial dimension.

    Attributes:
        size: of the input.
        out: how many positions are computed.
        taps: of the window.
        stride: how far the window moves in the input per position.
        dilation: how far apart its taps are.
        before: how far the first window begins before the input; may be negative.
        place: the output index of position 0, and how far apart positions are there.
        full: the size of the output.
    """

    size: int
    out: int
    taps: int
    stride: int
    dilation: int
    before: int
    place: tuple[int, int]
    full: int

    @property
    def inside(self) -> bool:
        """Whether every tap of every window meets the input."""
        last = (self.out - 1) * self.stride - self.before
        return self.before <= 0 and last + (self.taps - 1) * self.dilation < self.size

    def at(self, kernel: KernelBuilder, position: ir.Value) -> ir.Value:
        """Return the output index of a position."""
        return kernel.add(kernel.mul(position, self.place[1]), self.place[0])

    def met(
        self, kernel: KernelBuilder, position: ir.Value
    ) -> tuple[ir.Value | int, ir.Value | int]:
        """Return the first tap that meets the input, and the one after the last."""
        if self.inside:
            return 0, self.taps
        base = kernel.sub(kernel.mul(position, self.stride), self.before)
        short = kernel.b.sub(kernel.int(self.dilation - 1), base)
        first = kernel.maximum(kernel.div(short, self.dilation), 0)
        room = kernel.b.sub(kernel.int(self.size + self.dilation - 1), base)
        return first, kernel.minimum(kernel.div(room, self.dilation), self.taps)


@dataclass(frozen=True)
class Reach:
    """Taps `first` … `stop - 1` meet the input in rows `top` … `bottom - 1`."""

    first: int
    stop: int
    top: int
    bottom: int


@dataclass(frozen=True)
class Run:
    """Neighbouring tiles of a row that meet the input in the same way."""

    index: int
    count: int
    start: int
    rows: int
    reaches: tuple[Reach, ...]


def reach_of(axis: Axis, start: int, rows: int) -> tuple[Reach, ...]:
    """Return which taps meet the input in which of `rows` positions from `start`."""

    def within(tap: int) -> tuple[int, int]:
        short = axis.before - tap * axis.dilation
        first = ceil_div(short, axis.stride) - start
        stop = ceil_div(axis.size + short, axis.stride) - start
        return max(0, min(first, rows)), max(0, min(stop, rows))

    found, tap = [], 0
    for (top, bottom), same in groupby(map(within, range(axis.taps))):
        count = len(list(same))
        if top < bottom:
            found.append(Reach(tap, tap + count, top, bottom))
        tap += count
    return tuple(found)


def runs_of(axis: Axis, rows: int) -> tuple[Run, ...]:
    """Cut a row of positions into tiles, and gather neighbours that are alike."""
    tiles = []
    for start in range(0, axis.out, rows):
        most = min(rows, axis.out - start)
        tiles.append((most, reach_of(axis, start, most)))
    found, index = [], 0
    for (most, reaches), same in groupby(tiles):
        count = len(list(same))
        found.append(Run(index, count, index * rows, most, reaches))
        index += count
    return tuple(found)
