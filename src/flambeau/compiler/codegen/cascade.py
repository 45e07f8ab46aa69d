"""Convolutions that follow each other, done band by band: a cascade.

    for each band of rows of z:
        x -> rows of y that the band needs -> z          y = relu(a(x)), z = b(y)

What lies between two convolutions is as large as a band, in memory of the thread's own
that stays in a near cache. Rows that two bands need are computed for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from llvmlite import ir

from ... import dtypes as dt
from ...runtime.target import Target
from .builder import KernelBuilder
from .correlation import Correlation, Work, grid_of
from .kernel import Kernel
from .program import Epilogue
from .tile import ceil_div

__all__ = ["Link", "cascade_kernel", "choose_band"]

_NEAR = 1_250_000  # bytes between the convolutions that stay near
_BANDS = 4  # of an image at least: there are threads to work on them
_MANY = 8  # bands, of which one may be smaller
_AGAIN = 0.3  # of the rows between convolutions that may be computed twice, at most


@dataclass(frozen=True)
class Link:
    """One convolution of a cascade.

    Attributes:
        correlation: how it is computed.
        epilogue: what happens to the result.
        slots: for each slot of the convolution's own table, the one of the cascade's;
            None for what lies between two convolutions.
    """

    correlation: Correlation
    epilogue: Epilogue
    slots: tuple[int | None, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The spatial sizes of the output."""
        return self.correlation.spatial

    @property
    def line(self) -> int:
        """How many elements a row of the output has, of all inner dimensions."""
        spec = self.correlation
        return prod(self.sizes[1:]) * spec.groups * spec.columns

    @property
    def is_merged(self) -> bool:
        """Whether all pixels of an image are one row."""
        return len(self.correlation.axes) < len(self.sizes)

    def needs(self, rows: int) -> int:
        """Return how many rows of the input some rows of the output need, at most."""
        if self.is_merged:
            return rows
        axis = self.correlation.axes[0]
        reach = (rows - 1) * axis.stride + (axis.taps - 1) * axis.dilation + 1
        return min(reach, axis.size)

    def needed(
        self, kernel: KernelBuilder, first: ir.Value, stop: ir.Value
    ) -> tuple[ir.Value, ir.Value]:
        """Return the first row of the input that is needed, and the one after."""
        if self.is_merged:
            return first, stop
        axis = self.correlation.axes[0]
        low = kernel.sub(kernel.mul(first, axis.stride), axis.before)
        high = kernel.sub(kernel.mul(kernel.sub(stop, 1), axis.stride), axis.before)
        high = kernel.add(high, (axis.taps - 1) * axis.dilation + 1)
        return kernel.maximum(low, 0), kernel.minimum(high, axis.size)


def _heights(links: Sequence[Link], band: int) -> list[int]:
    """How many rows of each output a band of the last one takes."""
    heights = [band]
    for link in reversed(links[1:]):
        heights.append(link.needs(heights[-1]))
    return heights[::-1]


def _sizes(links: Sequence[Link], band: int) -> list[int]:
    """How many elements of each output but the last one a band takes."""
    heights = _heights(links, band)
    return [link.line * rows for link, rows in zip(links[:-1], heights)]


def choose_band(links: Sequence[Link]) -> int | None:
    """Return how many rows of the last output are done together, or None.

    All that lies between must stay near, and little of it may be computed twice.
    """
    rows, size = links[-1].sizes[0], links[0].correlation.dtype.itemsize
    for bands in range(_BANDS, rows + 1):
        band = ceil_div(rows, bands)
        alike = rows % (2 * band) == 0 or bands >= _MANY
        if not alike or sum(_sizes(links, band)) * size > _NEAR:
            continue
        done = ceil_div(rows, band) * _heights(links, band)[0]
        again = done / links[0].sizes[0] - 1
        return band if again <= _AGAIN else None
    return None


def cascade_kernel(
    links: Sequence[Link], band: int, kernels: Sequence[Kernel], batch: int
) -> Kernel:
    """Return the kernel of a cascade, whose table has the links' slots.

    A chunk is a band of an image.

    Args:
        links: the convolutions, each on the result of the one before.
        band: how many rows of the last output are done together.
        kernels: that compute them one by one.
        batch: images.
    """
    specs = [replace(each, correlation=_of_any(each.correlation)) for each in links]
    target = kernels[0].arguments[1]
    size = links[0].correlation.dtype.itemsize
    between = 2 * batch * size
    return Kernel(
        "cascade_" + "_".join(each.name for each in kernels),
        _emit,
        (tuple(specs), band, target),
        batch * ceil_div(links[-1].sizes[0], band),
        sum(each.flops for each in kernels),
        sum(each.moved for each in kernels)
        - between * sum(each.line * each.sizes[0] for each in links[:-1]),
        workspace=sum(map(_padded, _sizes(links, band))) * size,
    )


def _of_any(spec: Correlation) -> Correlation:
    return replace(spec, batch=0)


def _padded(size: int) -> int:
    """Elements in whole lines of the cache."""
    return ceil_div(size, 16) * 16


class _Part(KernelBuilder):
    """The builder of a cascade as one of its convolutions sees it.

    Args:
        whole: the cascade's.
        slots: the cascade's slots for those of the convolution.
        near: the pointers of the others.
    """

    def __init__(
        self,
        whole: KernelBuilder,
        slots: tuple[int | None, ...],
        near: dict[int, ir.Value],
    ) -> None:
        self.__dict__.update(vars(whole))
        self._numbers = {}
        self._whole, self._slots, self._near = whole, slots, near

    def buffer(self, slot: int) -> ir.Value:
        """Return the pointer in a slot of the convolution's table."""
        if slot in self._near:
            return self._near[slot]
        place = self._slots[slot]
        assert place is not None
        return self._whole.buffer(place)


def _emit(name: str, links: tuple[Link, ...], band: int, target: Target) -> str:
    kernel = KernelBuilder(name, target)
    rows = links[-1].sizes[0]
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        image, number = kernel.split(chunk, ceil_div(rows, band))
        first = kernel.mul(number, band)
        stop = kernel.minimum(kernel.add(first, band), rows)
        reaches = [(first, stop)]
        for link in reversed(links[1:]):
            reaches.append(link.needed(kernel, *reaches[-1]))
        reaches.reverse()
        pointers = _pointers(kernel, links, band, image, reaches)
        for at, link in enumerate(links):
            near = {}
            if at > 0:
                near[_X] = pointers[at - 1]
            if at < len(links) - 1:
                near[_OUT] = pointers[at]
            part = _Part(kernel, link.slots, near)
            _emit_link(part, link, target, image, reaches[at], near)
    return kernel.finish()


_X, _OUT = 0, 3  # slots of a correlation's table


def _pointers(
    kernel: KernelBuilder,
    links: Sequence[Link],
    band: int,
    image: ir.Value,
    reaches: Sequence[tuple[ir.Value, ir.Value]],
) -> list[ir.Value]:
    """Where what lies between would begin, if all of it were in memory."""
    found, start = [], 0
    for link, size, (first, _) in zip(links, _sizes(links, band), reaches):
        before = kernel.mul(image, link.sizes[0])
        before = kernel.mul(kernel.add(before, first), link.line)
        place = kernel.b.sub(kernel.int(start), before)
        found.append(kernel.at(kernel.workspace, place, _kind(links)))
        start += _padded(size)
    return found


def _kind(links: Sequence[Link]) -> dt.dtype:
    return links[0].correlation.dtype


def _emit_link(
    kernel: KernelBuilder,
    link: Link,
    target: Target,
    image: ir.Value,
    reach: tuple[ir.Value, ir.Value],
    near: dict[int, ir.Value],
) -> None:
    """Emit the rows of one convolution that a band takes."""
    spec, (first, stop) = link.correlation, reach
    grid = grid_of(spec, target)
    work = Work(
        kernel,
        spec,
        replace(grid, across=grid.tiles),
        link.epilogue,
        kernel.int(0),
        image,
        reads_near=_X in near,
        writes_near=_OUT in near,
    )
    panels = (0, grid.panels * spec.groups)
    inner = prod(link.sizes[1:])
    if link.is_merged:
        pixels = (kernel.mul(first, inner), kernel.mul(stop, inner))
        work.emit_pixels(panels, pixels)
    else:
        inner = prod(link.sizes[1:-1])
        rows = (kernel.mul(first, inner), kernel.mul(stop, inner))
        work.emit_rows(panels, rows, kernel.int(0))
