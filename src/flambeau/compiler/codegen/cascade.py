"""Convolutions and pools that follow each other, done band by band: a cascade.

    for each band of rows of z:
        x -> rows of y that the band needs -> z          y = relu(a(x)), z = b(y)

What lies between two steps is as large as a band, in memory of the thread's own that
stays in a near cache. Rows that two bands need are computed for each of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...runtime.target import Target
from . import ir
from .builder import KernelBuilder
from .kernel import Kernel
from .links import Link, Rows
from .tile import ceil_div

__all__ = ["cascade_kernel", "choose_band"]

_NEAR = 1_250_000  # bytes between the steps that stay near
_BANDS = 4  # of an image at least: there are threads to work on them
_MANY = 8  # bands, of which one may be smaller
_AGAIN = 0.3  # of the rows between the steps that may be computed twice, at most


def _heights(links: Sequence[Link], band: int) -> list[int]:
    """How many rows of each result a band of the last one takes."""
    heights = [band]
    for link in reversed(links[1:]):
        heights.append(link.needs(heights[-1]))
    return heights[::-1]


def _sizes(links: Sequence[Link], band: int) -> list[int]:
    """How many bytes of each result but the last one a band takes."""
    heights = _heights(links, band)
    return [
        link.line * link.dtype.itemsize * rows
        for link, rows in zip(links[:-1], heights)
    ]


def choose_band(links: Sequence[Link]) -> int | None:
    """Return how many rows of the last result are done together, or None.

    All that lies between must stay near, and little of it may be computed twice.
    """
    rows = links[-1].sizes[0]
    for bands in range(_BANDS, rows + 1):
        band = ceil_div(rows, bands)
        alike = rows % (2 * band) == 0 or bands >= _MANY
        if not alike or sum(_sizes(links, band)) > _NEAR:
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
        links: the steps, each on the result of the one before.
        band: how many rows of the last result are done together.
        kernels: that compute them one by one.
        batch: images.
    """
    target = kernels[0].arguments[1]
    between = sum(
        each.line * each.dtype.itemsize * each.sizes[0] for each in links[:-1]
    )
    return Kernel(
        "cascade_" + "_".join(each.name for each in kernels),
        _emit,
        (tuple(each.of_any_batch for each in links), band, target),
        batch * ceil_div(links[-1].sizes[0], band),
        sum(each.flops for each in kernels),
        sum(each.moved for each in kernels) - 2 * batch * between,
        workspace=sum(map(_padded, _sizes(links, band))),
    )


def _padded(size: int) -> int:
    """Bytes in whole lines of the cache."""
    return ceil_div(size, 64) * 64


class _Part(KernelBuilder):
    """The builder of a cascade as one of its links sees it.

    Args:
        whole: the cascade's.
        slots: the cascade's slots for those of the link.
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
        """Return the pointer in a slot of the link's table."""
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
            reaches.append(link.needed(kernel, reaches[-1]))
        reaches.reverse()
        pointers = _pointers(kernel, links, band, image, reaches)
        for at, link in enumerate(links):
            near = {}
            if at > 0:
                near[link.source] = pointers[at - 1]
            if at < len(links) - 1:
                near[link.result] = pointers[at]
            part = _Part(kernel, link.slots, near)
            link.emit(part, image, reaches[at], set(near))
    return kernel.finish()


def _pointers(
    kernel: KernelBuilder,
    links: Sequence[Link],
    band: int,
    image: ir.Value,
    reaches: Sequence[Rows],
) -> list[ir.Value]:
    """Where what lies between would begin, if all of it were in memory."""
    found, start = [], 0
    for link, size, (first, _) in zip(links, _sizes(links, band), reaches):
        before = kernel.mul(image, link.sizes[0])
        before = kernel.mul(kernel.add(before, first), link.line)
        place = kernel.b.sub(kernel.int(start // link.dtype.itemsize), before)
        found.append(kernel.at(kernel.workspace, place, link.dtype))
        start += _padded(size)
    return found
