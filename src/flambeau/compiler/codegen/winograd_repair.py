"""The repair of what Winograd's transforms have spoiled.

A transform adds and subtracts what a single result never sees, so that an infinity or
a NaN reaches results around it, and numbers near the largest one overflow:

    what is right     y0  y1  inf y3
    what comes out    NaN NaN NaN NaN

A finite number that is very large leaves its rounding error around it, which is large,
too. Where results are not finite, or their squares are not, they and those next to them
are therefore computed once more as sums of products. A sum ends when all of it is NaN:
where everything is, this takes no time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ... import dtypes as dt
from . import ir
from .builder import I64, PTR, Index, KernelBuilder, value_type
from .winograd_forms import AT, OUT
from .winograd_plan import Source, Tiling
from .winograd_tiles import Found, Pixel, exist, first_output

__all__ = ["PixelRepair", "TapRepair"]

_TAPS = 3  # along each dimension
_APART = 2  # how far apart the rows of a form's group are

Operands = tuple[ir.Value, ir.Value]


def _spoiled(kernel: KernelBuilder, values: Sequence[ir.Value]) -> ir.Value:
    """The lanes in which the sum of all values' squares is not finite."""
    kind = values[0].type
    total = ir.constant(kind, [1.0] * kind.count)  # tiny squares do not slow it down
    for each in values:
        total = kernel.fma(each, each, total)
    nothing = kernel.b.fsub(total, total)
    return kernel.b.fcmp_unordered("uno", nothing, nothing)


class _Sum:
    """A sum of products, of which some lanes of a vector are wanted."""

    def __init__(self, kernel: KernelBuilder, kind: dt.dtype, lanes: ir.Value) -> None:
        self.kernel, self.kind, self.lanes = kernel, kind, lanes
        self._width = lanes.type.count
        zero = ir.constant(value_type(kind, self._width), None)
        self._total = kernel.variable(zero)

    @property
    def total(self) -> ir.Value:
        """The sum."""
        return self._total.get()

    def add(self, number: ir.Value, inside: ir.Value, factors: ir.Value) -> None:
        """Add a vector times the number at an address; outside there are zeros."""
        kernel = self.kernel
        factor = kernel.variable(kernel.constant(0, self.kind))
        with kernel.when(inside):
            factor.set(kernel.load(number, 0, self.kind))
        wide = kernel.splat(factor.get(), self._width)
        self._total.set(kernel.fma(wide, factors, self.total))

    @contextmanager
    def steps(self, start: Index, stop: Index) -> Iterator[ir.Value]:
        """Count from `start` below `stop`, until all lanes are NaN."""
        kernel = self.kernel
        at, stop = kernel.variable(kernel.int(start)), kernel.int(stop)

        def goes_on() -> ir.Value:
            total = self.total
            numbers = kernel.b.and_(
                self.lanes, kernel.b.fcmp_ordered("ord", total, total)
            )
            left = kernel.b.icmp_signed("<", at.get(), stop)
            return kernel.b.and_(left, kernel.any_lane(numbers))

        with kernel.repeat(goes_on):
            yield at.get()
            at.set(kernel.add(at.get(), 1))


class _Repair:
    """Emits a function that repairs vectors in memory, and the calls of it.

    Args:
        kernel: where the instructions go.
        kind: the element type.
        operands: the addresses of what the sums are made of.
        numbers: how many indices a call has.
    """

    def __init__(
        self, kernel: KernelBuilder, kind: dt.dtype, operands: Operands, numbers: int
    ) -> None:
        self.kernel, self.kind, self.operands = kernel, kind, operands
        self.lanes = kernel.target.lanes(kind.itemsize)
        kinds = [PTR] * 3 + [I64] * numbers
        with kernel.aside("repair", kinds) as (self._function, given):
            self._body((given[0], given[1]), given[2], given[3:])

    def _body(
        self, operands: Operands, memory: ir.Value, numbers: Sequence[ir.Value]
    ) -> None:
        """Emit the function."""
        raise NotImplementedError

    def _call(self, memory: ir.Value, *numbers: Index) -> None:
        """Emit a call."""
        given = [*self.operands, memory, *map(self.kernel.int, numbers)]
        self.kernel.b.call(self._function, given)

    @contextmanager
    def _mended(self, place: ir.Value, lanes: ir.Value) -> Iterator[_Sum]:
        """Let the body compute some lanes of a vector."""
        kernel = self.kernel
        with kernel.when(kernel.any_lane(lanes)):
            found = _Sum(kernel, self.kind, lanes)
            yield found
            value = kernel.load(place, 0, self.kind, self.lanes)
            value = kernel.b.select(lanes, found.total, value)
            kernel.store(value, place, 0, self.kind)


class PixelRepair(_Repair):
    """Emits the repair of a correlation's output.

    Args:
        kernel: where the instructions go.
        spec: the correlation.
        panel: columns per panel of its packed weights.
        operands: the addresses of its input and of these weights.
        memory: the address of eight vectors of the thread's own.
    """

    def __init__(
        self,
        kernel: KernelBuilder,
        spec: Tiling,
        panel: int,
        operands: Operands,
        memory: ir.Value,
    ) -> None:
        self.spec, self.panel, self.memory = spec, panel, memory
        super().__init__(kernel, spec.dtype, operands, 4)

    def emit(self, first: Pixel, found: Found) -> Found:
        """Return the vectors of a group of a tile's rows as they should be.

        Args:
            first: image, row, column and channel of the tile's first vector.
            found: the vectors, each with its row and column.
        """
        kernel, lanes, kind = self.kernel, self.lanes, self.kind
        vectors = [value for _, _, value in found]
        held = [kernel.variable(value) for value in vectors]
        with kernel.when(kernel.any_lane(_spoiled(kernel, vectors))):
            for at, value in enumerate(vectors):
                kernel.store(value, self.memory, at * lanes, kind)
            image, y, x, channel = first
            self._call(self.memory, image, kernel.add(y, found[0][0]), x, channel)
            for at, each in enumerate(held):
                each.set(kernel.load(self.memory, at * lanes, kind, lanes))
        return [(i, j, each.get()) for (i, j, _), each in zip(found, held)]

    def _body(
        self, operands: Operands, memory: ir.Value, numbers: Sequence[ir.Value]
    ) -> None:
        kernel, depth = self.kernel, self.spec.depth
        image, y, x, channel = numbers
        panel, column = kernel.split(channel, self.panel)
        place = kernel.mul(panel, _TAPS**2 * depth * self.panel)
        weights = kernel.at(operands[1], kernel.add(place, column), self.kind)
        before = self.spec.before
        rows = len(AT.groups_on(kernel.target)[0])
        size = self.lanes
        values = [
            kernel.load(memory, at * size, self.kind, size) for at in range(rows * OUT)
        ]
        lanes = _spoiled(kernel, values)
        with kernel.loop(0, rows * OUT) as number:
            row, pixel = kernel.split(number, OUT)
            line = kernel.sub(kernel.add(y, kernel.mul(row, _APART)), before[0])
            pixel = kernel.sub(kernel.add(x, pixel), before[1])
            here = kernel.at(memory, kernel.mul(number, size), self.kind)
            with self._mended(here, lanes) as total, self._taps() as (i, j, tap):
                source = operands[0], image, kernel.add(line, i), kernel.add(pixel, j)
                step = kernel.mul(tap, depth * self.panel)
                self._add(total, *source, kernel.at(weights, step, self.kind))

    @contextmanager
    def _taps(self) -> Iterator[tuple[ir.Value, ir.Value, ir.Value]]:
        """Loop over rows and columns of the window; yield the tap's number, too."""
        kernel = self.kernel
        with kernel.loop(0, _TAPS) as i, kernel.loop(0, _TAPS) as j:
            yield i, j, kernel.add(kernel.mul(i, _TAPS), j)

    def _add(
        self,
        total: _Sum,
        source: ir.Value,
        image: ir.Value,
        y: ir.Value,
        x: ir.Value,
        weights: ir.Value,
    ) -> None:
        """Add what a tap sees of the input: all channels of a pixel."""
        kernel, spec = self.kernel, self.spec
        inside = exist(kernel, y, x, 1, spec.sizes)
        pixel = kernel.at(source, spec.source.place(kernel, image, y, x), self.kind)
        depth = kernel.int(spec.depth)
        if not spec.padded:
            depth = kernel.b.select(inside, depth, kernel.int(0))
        with total.steps(0, depth) as row:
            factors = kernel.at(weights, kernel.mul(row, self.panel), self.kind)
            factors = kernel.load(factors, 0, self.kind, self.lanes)
            total.add(kernel.at(pixel, row, self.kind), inside, factors)


class TapRepair(_Repair):
    """Emits the repair of a weight gradient.

    Args:
        kernel: where the instructions go.
        sources: the input and the output's gradient.
        apart: how far apart two taps lie.
    """

    def __init__(
        self, kernel: KernelBuilder, sources: tuple[Source, Source], apart: int
    ) -> None:
        self.sources, self.apart = sources, apart
        x, grad = (kernel.buffer(each.slot) for each in sources)
        super().__init__(kernel, sources[0].dtype, (x, grad), 5)

    def emit(
        self, found: Found, target: ir.Value, tiles: Operands, channels: Operands
    ) -> None:
        """Repair the vectors of a group of rows of taps, which have been stored.

        Args:
            found: the vectors, each with its row and column.
            target: the address of the vector of the first tap.
            tiles: the first one of those that are added up, and the one after the last.
            channels: the one of the input, and the first one of the gradient.
        """
        kernel = self.kernel
        bad = _spoiled(kernel, [value for _, _, value in found])
        with kernel.when(kernel.any_lane(bad)):
            self._call(target, found[0][0], *tiles, *channels)

    def _body(
        self, operands: Operands, memory: ir.Value, numbers: Sequence[ir.Value]
    ) -> None:
        kernel, grad = self.kernel, self.sources[1]
        first, start, stop, row, column = numbers
        pixels = kernel.at(operands[0], row, self.kind)
        grads = kernel.at(operands[1], column, self.kind)
        mask = kernel.first_lanes(kernel.sub(grad.channels, column), self.lanes)
        with kernel.loop(first, _TAPS, _APART) as i, kernel.loop(0, _TAPS) as j:
            tap = kernel.mul(kernel.add(kernel.mul(i, _TAPS), j), self.apart)
            here = kernel.at(memory, tap, self.kind)
            value = kernel.load(here, 0, self.kind, self.lanes)
            lanes = kernel.b.and_(_spoiled(kernel, [value]), mask)
            with self._mended(here, lanes) as total, total.steps(start, stop) as tile:
                self._add(total, (pixels, grads), tile, (i, j), mask)

    def _add(
        self,
        total: _Sum,
        operands: Operands,
        tile: ir.Value,
        tap: tuple[ir.Value, ir.Value],
        mask: ir.Value,
    ) -> None:
        """Add what the gradient has of a tile, times what a tap sees of the input."""
        kernel, (x, grad) = self.kernel, self.sources
        image, top, left = first_output(kernel, grad.tiles, tile)
        with kernel.loop(0, OUT) as i, kernel.loop(0, OUT) as j:
            here = kernel.add(top, i), kernel.add(left, j)
            with kernel.when(exist(kernel, *here, 1, grad.sizes)):
                place = grad.place(kernel, image, *here)
                factors = kernel.load(operands[1], place, self.kind, self.lanes, mask)
                line, pixel = map(kernel.add, here, tap)
                line = kernel.sub(line, x.before[0])
                pixel = kernel.sub(pixel, x.before[1])
                place = x.place(kernel, image, line, pixel)
                inside = exist(kernel, line, pixel, 1, x.sizes)
                total.add(kernel.at(operands[0], place, self.kind), inside, factors)
