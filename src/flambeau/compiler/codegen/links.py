"""Steps of a cascade: what each needs of the result before it, and its code.

A cascade does one band of rows of its last result after the other; a link makes the
rows that a band needs of one of the results.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from math import prod
from typing import ClassVar, Self

from ... import dtypes as dt
from . import ir
from .axis import Axis
from .builder import KernelBuilder
from .correlation import Correlation, Work, grid_of
from .pool import PoolSpec, Windows
from .program import Epilogue

__all__ = ["ConvolutionLink", "Link", "PoolLink", "Rows"]

Rows = tuple[ir.Value, ir.Value]  # the first one, and the one after the last


@dataclass(frozen=True)
class Link(ABC):
    """One step of a cascade.

    Attributes:
        source: the slot of what it reads, in its own table.
        result: the slot of what it makes.
        epilogue: what happens to the result.
        slots: for each slot of its own table, the one of the cascade's; None for what
            lies between two steps.
    """

    epilogue: Epilogue
    slots: tuple[int | None, ...]

    source: ClassVar[int] = 0
    result: ClassVar[int]

    @property
    @abstractmethod
    def sizes(self) -> tuple[int, ...]:
        """The spatial sizes of the result."""

    @property
    @abstractmethod
    def channels(self) -> int:
        """The channels of the result."""

    @property
    @abstractmethod
    def dtype(self) -> dt.dtype:
        """The element type of the result."""

    @property
    @abstractmethod
    def axis(self) -> Axis | None:
        """How windows slide over the rows; None if all pixels of an image are one."""

    @property
    @abstractmethod
    def of_any_batch(self) -> Self:
        """The same for any number of images."""

    @abstractmethod
    def emit(
        self, kernel: KernelBuilder, image: ir.Value, rows: Rows, near: set[int]
    ) -> None:
        """Emit some rows of the result.

        Args:
            kernel: where the instructions go, which knows the pointers of the slots.
            image: its number.
            rows: which.
            near: the slots of what stays in a near cache.
        """

    @property
    def line(self) -> int:
        """How many elements a row of the result has, of all inner dimensions."""
        return prod(self.sizes[1:]) * self.channels

    @property
    def overlaps(self) -> bool:
        """Whether neighbouring rows need some rows both."""
        axis = self.axis
        if axis is None:
            return False
        return (axis.taps - 1) * axis.dilation >= axis.stride

    def needs(self, rows: int) -> int:
        """Return how many rows are read for some rows of the result, at most."""
        axis = self.axis
        if axis is None:
            return rows
        reach = (rows - 1) * axis.stride + (axis.taps - 1) * axis.dilation + 1
        return min(reach, axis.size)

    def needed(self, kernel: KernelBuilder, rows: Rows) -> Rows:
        """Return which rows are read for some rows of the result."""
        axis, (first, stop) = self.axis, rows
        if axis is None:
            return rows
        low = kernel.sub(kernel.mul(first, axis.stride), axis.before)
        high = kernel.sub(kernel.mul(kernel.sub(stop, 1), axis.stride), axis.before)
        high = kernel.add(high, (axis.taps - 1) * axis.dilation + 1)
        return kernel.maximum(low, 0), kernel.minimum(high, axis.size)


@dataclass(frozen=True)
class ConvolutionLink(Link):
    """A convolution.

    Attributes:
        correlation: how it is computed.
    """

    correlation: Correlation

    result: ClassVar[int] = 3

    @property
    def sizes(self) -> tuple[int, ...]:
        """The spatial sizes of the result."""
        return self.correlation.spatial

    @property
    def channels(self) -> int:
        """The channels of the result."""
        return self.correlation.groups * self.correlation.columns

    @property
    def dtype(self) -> dt.dtype:
        """The element type."""
        return self.correlation.dtype

    @property
    def axis(self) -> Axis | None:
        """How windows slide over the rows."""
        axes = self.correlation.axes
        return axes[0] if len(axes) == len(self.sizes) else None

    @property
    def weights(self) -> int:
        """The bytes of the weights."""
        spec = self.correlation
        return spec.taps * spec.depth * self.channels * spec.dtype.itemsize

    @property
    def of_any_batch(self) -> Self:
        """The same for any number of images."""
        return replace(self, correlation=replace(self.correlation, batch=0))

    def emit(
        self, kernel: KernelBuilder, image: ir.Value, rows: Rows, near: set[int]
    ) -> None:
        """Emit some rows of the result."""
        spec, (first, stop) = self.correlation, rows
        grid = grid_of(spec, kernel.target)
        work = Work(
            kernel,
            spec,
            replace(grid, across=grid.tiles),
            self.epilogue,
            kernel.int(0),
            image,
            reads_near=self.source in near,
            writes_near=self.result in near,
        )
        panels = (0, grid.panels * spec.groups)
        inner = prod(self.sizes[1:] if self.axis is None else self.sizes[1:-1])
        places = (kernel.mul(first, inner), kernel.mul(stop, inner))
        if self.axis is None:
            work.emit_pixels(panels, places)
        else:
            work.emit_rows(panels, places, kernel.int(0))


@dataclass(frozen=True)
class PoolLink(Link):
    """A pool of channels-last images.

    Attributes:
        pool: which.
    """

    pool: PoolSpec

    result: ClassVar[int] = 1

    @property
    def sizes(self) -> tuple[int, ...]:
        """The spatial sizes of the result."""
        return self.pool.windows[1:-1]

    @property
    def channels(self) -> int:
        """The channels of the result."""
        return self.pool.windows[-1]

    @property
    def dtype(self) -> dt.dtype:
        """The element type of what is read."""
        return self.pool.dtype

    @property
    def axis(self) -> Axis:
        """How windows slide over the rows."""
        slide = self.pool.slides[1]
        size, windows, place = slide.size, slide.windows, (0, 1)
        taps, stride, dilation = slide.kernel, slide.stride, slide.dilation
        return Axis(size, windows, taps, stride, dilation, slide.low, place, windows)

    @property
    def of_any_batch(self) -> Self:
        """The same: the outermost slide is of any size."""
        return replace(self, pool=self.pool.code)

    def emit(
        self, kernel: KernelBuilder, image: ir.Value, rows: Rows, near: set[int]
    ) -> None:
        """Emit some rows of the result."""
        windows = Windows(kernel, self.pool, self.epilogue)

        def walk(outer: list[ir.Value]) -> None:
            depth = len(outer) - 1
            if depth == len(self.sizes):
                windows.emit_row(outer)
                return
            first, stop = (0, self.sizes[depth]) if depth else rows
            with kernel.loop(first, stop) as index:
                walk([*outer, index])

        walk([image])
