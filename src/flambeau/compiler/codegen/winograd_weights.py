"""The weights of Winograd's convolution, transformed: U = G w GT.

packed[panel][tap][row][lane]  ->  turned[group][point][panel of group][row][lane]
"""

from __future__ import annotations

from dataclasses import dataclass

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .builder import KernelBuilder
from .kernel import Kernel
from .tile import ceil_div
from .winograd_forms import POINTS, G, transform

__all__ = ["Weights", "emit_weights", "weights_kernel"]

_TAPS = 3  # along each dimension
_ROWS = 16  # of a chunk


@dataclass(frozen=True)
class Weights:
    """Transformed weights.

    Attributes:
        dtype: of the elements.
        rows: the channels that are added up.
        panel: columns per panel.
        panels: that cover the columns.
        together: panels per group.
    """

    dtype: dt.dtype
    rows: int
    panel: int
    panels: int
    together: int

    @property
    def plane(self) -> int:
        """How many elements a point of a group takes; no power of two."""
        return self.together * self.rows * self.panel + 16

    @property
    def size(self) -> int:
        """How many elements all groups take."""
        return ceil_div(self.panels, self.together) * POINTS**2 * self.plane

    def place(
        self,
        kernel: KernelBuilder,
        group: ir.Value,
        point: ir.Value | int,
        panel: ir.Value,
    ) -> ir.Value:
        """Return where a panel of a group begins, for a point of the tiles."""
        plane = kernel.add(kernel.mul(group, POINTS**2), point)
        inside = kernel.mul(panel, self.rows * self.panel)
        return kernel.add(kernel.mul(plane, self.plane), inside)


def weights_kernel(name: str, weights: Weights, target: Target) -> Kernel:
    """Return the kernel that transforms packed weights: table (packed, turned).

    A chunk is some rows of a panel.
    """
    moved = weights.size * (POINTS**2 + _TAPS**2) // POINTS**2 * weights.dtype.itemsize
    chunks = weights.panels * ceil_div(weights.rows, _ROWS)
    return Kernel(name, _emit, (weights, target), chunks, moved=moved)


def _emit(name: str, weights: Weights, target: Target) -> str:
    kernel = KernelBuilder(name, target)
    kind, line = weights.dtype, weights.rows * weights.panel
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        number, part = kernel.split(chunk, ceil_div(weights.rows, _ROWS))
        group, panel = kernel.split(number, weights.together)
        row = kernel.mul(part, _ROWS)
        rows = kernel.minimum(kernel.sub(weights.rows, row), _ROWS)
        first = kernel.mul(row, weights.panel)
        source = kernel.add(kernel.mul(number, _TAPS**2 * line), first)
        place = kernel.add(weights.place(kernel, group, 0, panel), first)
        here = kernel.at(kernel.buffer(0), source, kind)
        there = kernel.at(kernel.buffer(1), place, kind)
        count = kernel.mul(rows, weights.panel)
        emit_weights(kernel, weights, here, line, there, count)
    return kernel.finish()


def emit_weights(
    kernel: KernelBuilder,
    weights: Weights,
    source: ir.Value,
    line: int,
    target: ir.Value,
    count: ir.Value,
) -> None:
    """Transform `count` neighbouring weights.

    Args:
        kernel: where the instructions go.
        weights: how far apart the points are.
        source: the address of their first tap.
        line: how far apart the taps are.
        target: the address of their first point.
        count: how many.
    """
    kind, lanes = weights.dtype, kernel.target.lanes(weights.dtype.itemsize)
    with kernel.loop(0, count, lanes) as at:
        here, there = kernel.at(source, at, kind), kernel.at(target, at, kind)

        def load(row: int, column: int) -> ir.Value:
            return kernel.load(here, (row * _TAPS + column) * line, kind, lanes)

        def store(found: list[tuple[int, int, ir.Value]]) -> None:
            for row, column, value in found:
                place = (row * POINTS + column) * weights.plane
                kernel.store(value, there, place, kind)

        transform(kernel, G, kind, load, store)
