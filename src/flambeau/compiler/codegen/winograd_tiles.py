"""The transforms of Winograd's convolution: from pixels to points and back.

The output is cut into tiles of 4x4 pixels, each of which sees 6x6 pixels of the input.
A transformed tile has a vector of channels for each of its 36 points; points lie a
plane apart, so that the tiles of a plane are a matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import prod

from . import ir
from .builder import I1, KernelBuilder
from .program import Epilogue, Position
from .winograd_forms import AT, OUT, POINTS, transform
from .winograd_plan import Source, Tiling, apart

__all__ = ["Found", "Pixel", "Restore", "Spread", "exist", "first_output"]

Pixel = tuple[ir.Value, ir.Value, ir.Value, ir.Value]
Found = list[tuple[int, int, ir.Value]]
Rows = dict[int, list[tuple[ir.Value, Position]]]
Mend = Callable[[Pixel, Found], Found]
StoreRows = Callable[[Pixel, Rows], None]


def first_output(
    kernel: KernelBuilder, tiles: tuple[int, int], number: ir.Value
) -> tuple[ir.Value, ir.Value, ir.Value]:
    """Return the image of a tile, and the row and column of its first output."""
    image, inside = kernel.split(number, prod(tiles))
    y, x = kernel.split(inside, tiles[1])
    return image, kernel.mul(y, OUT), kernel.mul(x, OUT)


def _inside(kernel: KernelBuilder, first: ir.Value, count: int, size: int) -> ir.Value:
    """Whether `count` indices from `first` on are below `size` and not negative."""
    if count > size:
        return ir.constant(I1, 0)
    return kernel.b.icmp_unsigned("<=", first, kernel.int(size - count))


def exist(
    kernel: KernelBuilder,
    y: ir.Value,
    x: ir.Value,
    count: int,
    sizes: tuple[int, int],
) -> ir.Value:
    """Return whether `count` rows and columns from (y, x) on are inside."""
    return kernel.b.and_(
        _inside(kernel, y, count, sizes[0]), _inside(kernel, x, count, sizes[1])
    )


class Spread:
    """Emits the transform of tiles of an operand.

    Args:
        kernel: where the instructions go.
        source: the operand.
        plane: how far apart the points of a transformed tile are.
        patch: the address of memory for pixels near the border.
        channels: the first one, and how many at the most; all if None.
    """

    def __init__(
        self,
        kernel: KernelBuilder,
        source: Source,
        plane: int,
        patch: ir.Value,
        channels: tuple[ir.Value, int] | None = None,
    ) -> None:
        self.kernel, self.source, self.plane = kernel, source, plane
        self.lanes = kernel.target.lanes(source.dtype.itemsize)
        self.patch, self.row = patch, apart(source.channels, self.lanes)
        self.first, count = channels or (kernel.int(0), source.channels)
        self.count = kernel.minimum(kernel.sub(source.channels, self.first), count)

    def emit(self, number: ir.Value, target: ir.Value) -> None:
        """Transform a tile; `target` is the address of its first point."""
        kernel, source = self.kernel, self.source
        image, y, x = first_output(kernel, source.tiles, number)
        y, x = kernel.sub(y, source.before[0]), kernel.sub(x, source.before[1])
        first = kernel.add(source.place(kernel, image, y, x), self.first)
        here = kernel.at(kernel.buffer(source.slot), first, source.dtype)
        size, step = source.form.size, source.channels
        inside = exist(kernel, y, x, size, source.sizes)
        with kernel.b.if_else(inside) as (then, otherwise):
            with then:
                self._transform(here, (source.sizes[1] * step, step), target, True)
            with otherwise:
                self._cut(here, y, x)
                self._transform(self.patch, (size * self.row, self.row), target, False)

    def _transform(
        self, origin: ir.Value, steps: tuple[int, int], target: ir.Value, bounded: bool
    ) -> None:
        """Transform a tile; `bounded` says that no further channels may be read."""
        kernel, source = self.kernel, self.source
        with self._channels(bounded) as (channel, mask):
            here = kernel.at(origin, channel, source.dtype)
            there = kernel.at(target, channel, source.dtype)

            def load(row: int, column: int) -> ir.Value:
                place = row * steps[0] + column * steps[1]
                return kernel.load(here, place, source.dtype, self.lanes, mask)

            def store(found: Found) -> None:
                for row, column, value in found:
                    place = (row * POINTS + column) * self.plane
                    kernel.store(value, there, place, source.dtype)

            transform(kernel, source.form, source.dtype, load, store)

    @contextmanager
    def _channels(self, bounded: bool) -> Iterator[tuple[ir.Value, ir.Value | None]]:
        """Loop over vectors of channels, counted from the first one."""
        kernel, mask = self.kernel, None
        with kernel.loop(0, self.count, self.lanes) as channel:
            if bounded and self.source.channels % self.lanes:
                passed = kernel.add(self.first, channel)
                left = kernel.b.sub(kernel.int(self.source.channels), passed)
                mask = kernel.first_lanes(left, self.lanes)
            yield channel, mask

    def _cut(self, origin: ir.Value, y: ir.Value, x: ir.Value) -> None:
        """Copy a tile's pixels, with zeros where the image has none."""
        kernel, source, kind = self.kernel, self.source, self.source.dtype
        zero, size = kernel.constant(0, kind, self.lanes), source.form.size
        with kernel.loop(0, size) as i, kernel.loop(0, size) as j:
            at = kernel.add(y, i), kernel.add(x, j)
            exists = exist(kernel, *at, 1, source.sizes)
            pixel = kernel.add(kernel.mul(i, source.sizes[1]), j)
            here = kernel.at(origin, kernel.mul(pixel, source.channels), kind)
            number = kernel.add(kernel.mul(i, size), j)
            there = kernel.at(self.patch, kernel.mul(number, self.row), kind)
            with kernel.b.if_else(exists) as (then, otherwise):
                with then, self._channels(True) as (channel, mask):
                    value = kernel.load(here, channel, kind, self.lanes, mask)
                    kernel.store(value, there, channel, kind)
                with otherwise, self._channels(False) as (channel, _):
                    kernel.store(zero, there, channel, kind)


class Restore:
    """Emits the transform of products back to pixels.

    Args:
        kernel: where the instructions go.
        spec: the correlation.
        plane: how far apart the points of a tile's products are.
        epilogue: takes the pixels.
        part: the number of the part of the output at work.
        mend: returns the pixels of some of a tile's rows as they should be.
    """

    def __init__(
        self,
        kernel: KernelBuilder,
        spec: Tiling,
        plane: int,
        epilogue: Epilogue,
        part: ir.Value,
        mend: Mend,
    ) -> None:
        self.kernel, self.spec, self.plane = kernel, spec, plane
        self.lanes = kernel.target.lanes(spec.dtype.itemsize)
        self.epilogue, self.part, self.mend = epilogue, part, mend

    def begin(self, first: ir.Value, count: ir.Value) -> None:
        """Emit what comes before the first tile of some channels."""
        kernel, zero = self.kernel, self.kernel.int(0)
        if self.epilogue.gathers:
            with kernel.loop(0, count, self.lanes) as at:
                channel = kernel.add(first, at)
                here = (zero, zero, zero, channel)
                self.epilogue.begin(kernel, self._position(here, channel))

    def emit(
        self, number: ir.Value, source: ir.Value, first: ir.Value, count: ir.Value
    ) -> None:
        """Transform a tile back.

        Args:
            number: of the tile.
            source: the address of its first point.
            first: the first of the output's channels.
            count: how many channels.
        """
        kernel, spec = self.kernel, self.spec
        place = first_output(kernel, spec.tiles, number)
        whole = exist(kernel, place[1], place[2], OUT, spec.out)
        with kernel.loop(0, count, self.lanes) as at:
            here = kernel.at(source, at, spec.dtype)
            channel = kernel.add(first, at)
            if all(each % OUT == 0 for each in spec.out):
                self._pixels(here, (*place, channel), self._whole)
            else:
                with kernel.b.if_else(whole) as (then, otherwise):
                    with then:
                        self._pixels(here, (*place, channel), self._whole)
                    with otherwise:
                        self._pixels(here, (*place, channel), self._partial)

    def _pixels(self, source: ir.Value, first: Pixel, store: StoreRows) -> None:
        """Transform a vector of channels."""
        kernel, spec = self.kernel, self.spec
        pixel = kernel.add(kernel.mul(first[0], spec.out[0]), first[1])
        pixel = kernel.add(kernel.mul(pixel, spec.out[1]), first[2])
        origin = kernel.add(kernel.mul(pixel, spec.columns), first[3])

        def load(row: int, column: int) -> ir.Value:
            at = (row * POINTS + column) * self.plane
            return kernel.load(source, at, spec.dtype, self.lanes)

        def locate(found: Found) -> None:
            rows: Rows = {}
            for i, j, value in self.mend(first, found):
                y, x = kernel.add(first[1], i), kernel.add(first[2], j)
                at = kernel.add(origin, (i * spec.out[1] + j) * spec.columns)
                position = self._position((first[0], y, x, first[3]), at)
                rows.setdefault(i, []).append((value, position))
            store(first, rows)

        transform(kernel, AT, spec.dtype, load, locate)

    def _whole(self, first: Pixel, rows: Rows) -> None:
        """Store rows of a tile all of whose pixels exist."""
        self.epilogue.store_tile(
            self.kernel, [[each for row in rows.values() for each in row]]
        )

    def _partial(self, first: Pixel, rows: Rows) -> None:
        """Store the pixels that exist of the rows that exist."""
        kernel, spec = self.kernel, self.spec
        last = spec.out[1] % OUT
        for i, row in rows.items():
            with kernel.when(_inside(kernel, kernel.add(first[1], i), 1, spec.out[0])):
                if last == 0:
                    self.epilogue.store_tile(kernel, [row])
                    continue
                whole = _inside(kernel, first[2], OUT, spec.out[1])
                with kernel.b.if_else(whole) as (then, otherwise):
                    with then:
                        self.epilogue.store_tile(kernel, [row])
                    with otherwise:
                        self.epilogue.store_tile(kernel, [row[:last]])

    def _position(self, here: Pixel, place: ir.Value) -> Position:
        kernel, spec, valid = self.kernel, self.spec, None
        if spec.columns % self.lanes:
            valid = kernel.b.sub(kernel.int(spec.columns), here[3])
        return Position(here, place, valid, self.part, 4, 5, spec.dtype)
