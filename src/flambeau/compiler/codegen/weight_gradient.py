"""The gradient of a convolution with respect to its weight.

    dw[k, c, t] = sum over images n, positions o of
                  grad[n, o, k] * x[n, o * stride - before + t * dilation, c]

Output channels lie across the vectors of a register tile, input channels along its
rows, and the reduction runs over pixels. A chunk goes through its pixels in blocks: it
copies what the gradient has of a block and a panel of output channels, so that it lies
densely in the nearest cache while all taps and input channels meet it. Sums of a part
of the pixels are added and laid out as the weight by a second kernel; where a chunk has
all pixels it does that itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod

from ...runtime.target import Target
from . import ir
from .axis import Axis
from .builder import I1, I64, Index, KernelBuilder
from .convolution import ConvolutionSpec
from .folding import shares
from .kernel import Kernel, planned_once
from .loops import unravel
from .program import Epilogue, Program, Stage
from .tile import Tile, TileShape, ceil_div
from .transposing import Band, Unpack, unpack_band, unpack_kernel
from .weight_cut import Cut, cut

__all__ = ["weight_gradient"]

_FEW_TAPS = 3  # of a line of the window, for which code is repeated


@planned_once
def weight_gradient(
    spec: ConvolutionSpec, target: Target, epilogue: Epilogue | None = None
) -> Program:
    """Return the kernels of a convolution's gradient with respect to its weight.

    Buffers: x, grad (dense, channels-last), batch (one int64, the number of images),
    out (K, C / groups, *kernel); scratch: parts. The epilogue sees the indices
    (k, position inside the weights of k), and offsets as in the weight.
    """
    plan, epilogue = cut(spec, target), epilogue or Epilogue()
    unpack = Unpack(
        spec.dtype,
        plan.groups,
        plan.depth,
        plan.columns,
        spec.taps,
        plan.tile.columns,
        plan.parts,
    )
    sums = _sums(plan, unpack, target, epilogue)
    inputs = ("x", "grad", "batch")
    if plan.whole:
        return Program((Stage(sums, (*inputs, "out"), fused=True),))
    name = f"unpack_{spec.name}"
    kernel = unpack_kernel(name, unpack, spec.batch, target, epilogue)
    size = plan.parts.number(spec.batch) * unpack.size * spec.dtype.itemsize
    stages = (
        Stage(sums, (*inputs, "parts")),
        Stage(kernel, ("parts", "batch", "out"), fused=True),
    )
    return Program(stages, (("parts", size),))


def _sums(plan: Cut, unpack: Unpack, target: Target, epilogue: Epilogue) -> Kernel:
    """Return the kernel of the sums: table (x, grad, batch, parts or out)."""
    spec, size = plan.spec, plan.spec.dtype.itemsize
    outputs = spec.batch * prod(spec.out_sizes) * spec.outputs
    inputs = spec.batch * prod(spec.sizes) * spec.inputs
    number = plan.parts.number(spec.batch)
    return Kernel(
        f"weight_gradient_{spec.name}",
        _emit,
        (replace(plan, spec=replace(spec, batch=0)), unpack, target, epilogue),
        number * plan.stacks * plan.bands,
        flops=2 * outputs * plan.depth * spec.taps,
        moved=(outputs + inputs + number * unpack.size) * size,
        workspace=(plan.sum_place + plan.sum_size) * size,
    )


def _emit(
    name: str, plan: Cut, unpack: Unpack, target: Target, epilogue: Epilogue
) -> str:
    kernel = KernelBuilder(name, target)
    batch = kernel.b.load(kernel.buffer(2), I64, align=8)
    units = kernel.mul(batch, plan.lines * plan.segments)
    parts = plan.parts.emit(kernel, batch)
    with shares(kernel, (plan.stacks, plan.bands), parts, units) as share:
        work = _Chunk(kernel, plan, share.part, *share.results)
        work.emit(share.start, share.stop)
        if plan.whole:
            work.unpack(unpack, epilogue, share.chunk)
    return kernel.finish()


class _Chunk:
    """Some panels and a band of input channels, for a part of the pixels."""

    def __init__(
        self,
        kernel: KernelBuilder,
        plan: Cut,
        part: ir.Value,
        stack: ir.Value,
        band: ir.Value,
    ) -> None:
        self.kernel, self.plan = kernel, plan
        self.low = kernel.mul(stack, plan.together)
        high = kernel.add(self.low, plan.together)
        self.high = kernel.minimum(high, plan.panels)
        self.channel = kernel.mul(band, plan.band)
        end = kernel.add(self.channel, plan.band)
        self.end = kernel.minimum(end, plan.depth)
        self.last_band = kernel.b.icmp_unsigned("==", band, kernel.int(plan.bands - 1))
        self.before = kernel.mul(part, plan.panels)

    def emit(self, start: ir.Value, stop: ir.Value) -> None:
        """Emit the sums over the units from `start` to `stop`, which may be none."""
        kernel, plan = self.kernel, self.plan
        units = kernel.sub(stop, start)
        blocks, _ = kernel.split(kernel.add(units, plan.units - 1), plan.units)
        blocks = kernel.maximum(blocks, 1)
        each = kernel.b.udiv(kernel.add(units, kernel.sub(blocks, 1)), blocks)
        with kernel.loop(0, blocks) as number:
            first = kernel.add(start, kernel.mul(number, each))
            last = kernel.minimum(kernel.add(first, each), stop)
            old = kernel.b.icmp_unsigned("!=", number, kernel.int(0))
            with kernel.loop(self.low, self.high) as panel:
                _Block(self, panel, first, last, old).emit()

    def sums(self, panel: ir.Value) -> ir.Value:
        """The address of a panel's sums; line tap * apart + channel of the band."""
        kernel, plan, columns = self.kernel, self.plan, self.plan.tile.columns
        if plan.whole:
            place = kernel.mul(kernel.sub(panel, self.low), plan.panel_size)
            place = kernel.add(place, plan.sum_place)
            return kernel.at(kernel.workspace, place, plan.spec.dtype)
        line = kernel.mul(kernel.add(self.before, panel), plan.spec.taps * plan.depth)
        line = kernel.add(line, self.channel)
        place = kernel.mul(line, columns)
        return kernel.at(kernel.buffer(3), place, plan.spec.dtype)

    @property
    def apart(self) -> int:
        """How many lines of sums lie between two taps."""
        return self.plan.band if self.plan.whole else self.plan.depth

    def unpack(self, unpack: Unpack, epilogue: Epilogue, chunk: ir.Value) -> None:
        """Lay the sums out as the weight is."""
        kernel, plan = self.kernel, self.plan
        with kernel.loop(self.low, self.high) as panel:
            place = kernel.mul(kernel.sub(panel, self.low), plan.panel_size)
            place = kernel.add(place, plan.sum_place)
            band = Band(panel, self.channel, self.end, plan.band, place, chunk, 3)
            unpack_band(kernel, unpack, epilogue, band)


class _Block:
    """The sums of one panel over a block of pixels."""

    def __init__(
        self,
        chunk: _Chunk,
        panel: ir.Value,
        first: ir.Value,
        last: ir.Value,
        old: ir.Value,
    ) -> None:
        self.kernel = kernel = chunk.kernel
        self.plan = plan = chunk.plan
        self.chunk, self.sums = chunk, chunk.sums(panel)
        self.first, self.last, self.old = first, last, old
        group, panel = kernel.split(panel, plan.panels // plan.groups)
        column = kernel.mul(panel, plan.tile.columns)
        channel = kernel.add(kernel.mul(group, plan.depth), chunk.channel)
        channel = column if plan.spec.depthwise else channel
        self.x = kernel.mul(channel, plan.strides[-1])
        self.grad = kernel.add(kernel.mul(group, plan.columns), column)
        self.begin, self.column = self._pixel(first), column
        self.step = plan.tile.columns if plan.copied else plan.spec.outputs
        self.masks = None if plan.copied else self._masks()

    def _masks(self) -> list[ir.Value | None]:
        """Which lanes of each vector of the gradient exist."""
        kernel, plan, lanes = self.kernel, self.plan, self.plan.tile.lanes
        if plan.columns % plan.tile.columns == 0:
            return [None] * plan.tile.vectors
        left = kernel.sub(plan.columns, self.column)
        return [
            kernel.first_lanes(kernel.sub(left, v * lanes), lanes)
            for v in range(plan.tile.vectors)
        ]

    def _pixel(self, unit: ir.Value) -> ir.Value:
        """The first pixel of a unit, counted over all images."""
        kernel, plan = self.kernel, self.plan
        row, segment = kernel.split(unit, plan.segments)
        row = kernel.mul(row, plan.axes[-1].out)
        return kernel.add(row, kernel.mul(segment, plan.across))

    def emit(self) -> None:
        """Emit all taps and channels."""
        if self.plan.copied:
            self._copy()
        with self._outer_taps(0, [], self.kernel.int(0)) as (taps, line):
            if self.plan.narrow:
                self._lines(taps, line)
            else:
                self._channels(taps, line)

    def _copy(self) -> None:
        """Copy what the gradient has of this block, with zeros past its columns."""
        kernel, plan, kind = self.kernel, self.plan, self.plan.spec.dtype
        count, masks = kernel.sub(self._pixel(self.last), self.begin), self._masks()
        with kernel.loop(0, count) as pixel:
            line = kernel.mul(kernel.add(self.begin, pixel), plan.spec.outputs)
            source = kernel.add(line, self.grad)
            place = kernel.mul(pixel, plan.tile.columns)
            for v, mask in enumerate(masks):
                lane, lanes = v * plan.tile.lanes, plan.tile.lanes
                at = kernel.add(source, lane)
                value = kernel.load(kernel.buffer(1), at, kind, lanes, mask)
                kernel.store(value, kernel.workspace, kernel.add(place, lane), kind)

    @contextmanager
    def _outer_taps(
        self, dimension: int, taps: list[ir.Value], line: ir.Value
    ) -> Iterator[tuple[list[ir.Value], ir.Value]]:
        """Loop over the taps of all dimensions but the last."""
        kernel, axes = self.kernel, self.plan.axes
        if dimension == len(axes) - 1:
            yield taps, line
            return
        with kernel.loop(0, axes[dimension].taps) as tap:
            further = kernel.add(kernel.mul(line, axes[dimension].taps), tap)
            with self._outer_taps(dimension + 1, [*taps, tap], further) as found:
                yield found

    def _lines(self, taps: list[ir.Value], line: ir.Value) -> None:
        """Emit tiles whose rows are the taps and channels of a line of the window."""
        kernel, plan, axis = self.kernel, self.plan, self.plan.axes[-1]
        for start in range(0, plan.rows, plan.tile.rows):
            rows = min(plan.tile.rows, plan.rows - start)
            first = kernel.add(kernel.mul(line, plan.rows), start)
            pieces = _pieces(axis, plan.depth, start, rows)
            place = start * plan.row_step
            self._tile(taps, first, rows, kernel.int(place), pieces)

    def _channels(self, taps: list[ir.Value], line: ir.Value) -> None:
        """Emit tiles whose rows are input channels, for each tap of a line.

        Where the taps are few each has code of its own, which knows how many pixels of
        a row meet the input.
        """
        kernel, axis = self.kernel, self.plan.axes[-1]
        if axis.taps <= _FEW_TAPS:
            for number in range(axis.taps):
                self._tap(taps, line, number, *_span(axis, number))
            return
        with kernel.loop(0, axis.taps) as tap:
            self._tap(taps, line, tap, *self._met(axis, tap))

    def _tap(
        self,
        taps: list[ir.Value],
        line: ir.Value,
        tap: Index,
        left: Index,
        right: Index,
    ) -> None:
        """Emit the tiles of one tap, which meets the input from `left` to `right`."""
        kernel, plan, axis = self.kernel, self.plan, self.plan.axes[-1]
        count = kernel.sub(self.chunk.end, self.chunk.channel)
        whole, _ = kernel.split(count, plan.tile.rows)
        number = kernel.add(kernel.mul(line, axis.taps), tap)
        first = kernel.mul(number, self.chunk.apart)
        place = kernel.mul(kernel.mul(tap, axis.dilation), plan.strides[-2])

        tiles = ceil_div(plan.band, plan.tile.rows)

        def tile(block: ir.Value, rows: int) -> None:
            if plan.is_far:
                at = kernel.add(kernel.mul(number, tiles), block)
                self._prefetch_share(at, plan.spec.taps * tiles)
            start = kernel.mul(block, plan.tile.rows)
            at = kernel.add(place, kernel.mul(start, plan.strides[-1]))
            pieces = [_Piece(left, right, range(rows))]
            self._tile(taps, kernel.add(first, start), rows, at, pieces)

        with kernel.loop(0, whole) as block:
            tile(block, plan.tile.rows)
        if rest := plan.depth % plan.tile.rows:
            with kernel.when(self.chunk.last_band):
                tile(whole, rest)

    def _prefetch_share(self, number: ir.Value, tiles: int) -> None:
        """Bring near some pixels of the next block while one of `tiles` is done.

        The CPU does not foresee them, as a tile reads a few of their channels.
        """
        kernel, plan, axis = self.kernel, self.plan, self.plan.axes[-1]
        pixels = plan.units * plan.across
        each = ceil_div(pixels, tiles)
        first = kernel.mul(number, each)
        stop = kernel.minimum(kernel.add(first, each), pixels)
        next_block = self._pixel(self.last)
        with kernel.loop(first, stop) as pixel:
            pixel = kernel.add(next_block, pixel)
            upper, along = kernel.split(pixel, axis.out)
            image, row = kernel.split(upper, plan.lines)
            outer = unravel(kernel, row, tuple(axis.out for axis in plan.axes[:-1]))
            x = self._line(image, outer, [kernel.int(a.taps - 1) for a in plan.axes])
            x = kernel.add(x, self._along(along))
            kernel.prefetch_row(0, x, plan.band, plan.spec.dtype)
            grad = kernel.add(kernel.mul(pixel, plan.spec.outputs), self.grad)
            kernel.prefetch_row(1, grad, plan.tile.columns, plan.spec.dtype)

    def _tile(
        self,
        taps: list[ir.Value],
        first: ir.Value,
        rows: int,
        place: ir.Value,
        pieces: Sequence[_Piece],
    ) -> None:
        """Add the block's pixels to the sums of `rows` rows from `first`."""
        kernel, plan, kind = self.kernel, self.plan, self.plan.spec.dtype
        shape = TileShape(rows, plan.tile.vectors, plan.tile.lanes)
        tile = Tile(kernel, shape, kind, lanewise=plan.spec.depthwise)
        columns = plan.tile.columns
        sums = kernel.at(self.sums, kernel.mul(first, columns), kind)
        with kernel.when(self.old):
            tile.load(sums, columns)
        if plan.flat:
            x = kernel.add(kernel.add(self.x, place), self._along(self.begin))
            x = kernel.at(kernel.buffer(0), x, kind)
            count = kernel.sub(self.last, self.first)
            grad = self._gradient(self.begin)
            self._accumulate(tile, range(rows), x, grad, count)
        else:
            self._units(tile, taps, place, pieces)
        tile.store(sums, columns)

    def _units(
        self,
        tile: Tile,
        taps: list[ir.Value],
        place: ir.Value,
        pieces: Sequence[_Piece],
    ) -> None:
        """Emit the reduction row by row."""
        with self._rows(taps, place) as (x, grad):
            for piece in pieces:
                self._piece(tile, piece, x, grad)

    @contextmanager
    def _rows(
        self, taps: list[ir.Value], place: ir.Value
    ) -> Iterator[tuple[ir.Value, ir.Value]]:
        """Loop over the block's rows that meet the input at the taps.

        As rows may be short little is computed for each: those of a plane begin with
        the first that meets the input, and the addresses move along.

        Args:
            taps: of all dimensions but the last.
            place: where the input's rows are read first, from their beginning.

        Yields:
            The addresses of a row of the input, and of the gradient's.
        """
        kernel, plan, kind = self.kernel, self.plan, self.plan.spec.dtype
        axes = plan.axes[:-1]
        rows, stride = (axes[-1].out, axes[-1].stride) if axes else (1, 1)
        first, _ = kernel.split(self.first, plan.segments)
        last = kernel.add(first, kernel.b.sub(self.last, self.first))
        planes, _ = kernel.split(kernel.add(last, rows - 1), rows)
        with kernel.loop(kernel.split(first, rows)[0], planes) as plane:
            above = kernel.mul(plane, rows)
            low: Index = kernel.maximum(kernel.b.sub(first, above), 0)
            high: Index = kernel.minimum(kernel.b.sub(last, above), rows)
            if axes:
                top, bottom = self._met(axes[-1], taps[-1])
                low, high = kernel.maximum(low, top), kernel.minimum(high, bottom)
            image, upper = kernel.split(plane, prod(a.out for a in axes[:-1]))
            outer = unravel(kernel, upper, tuple(axis.out for axis in axes[:-1]))
            line = self._line(image, [*outer, kernel.int(0)] if axes else [], taps)
            x = kernel.at(kernel.buffer(0), kernel.add(line, place), kind)
            grad = self._gradient(kernel.mul(above, plan.axes[-1].out))
            paths = (
                (x, stride * plan.strides[-3]),
                (grad, plan.axes[-1].out * self.step),
            )
            with (
                kernel.when(self._inside(outer, taps)),
                kernel.walk(low, high, 1, kind, paths) as (_, (x, grad)),
            ):
                yield x, grad

    def _gradient(self, pixel: ir.Value) -> ir.Value:
        """The address of what the gradient has of a pixel, counted over all images."""
        kernel, kind = self.kernel, self.plan.spec.dtype
        if self.plan.copied:
            place = kernel.mul(kernel.b.sub(pixel, self.begin), self.step)
            return kernel.at(kernel.workspace, place, kind)
        place = kernel.add(kernel.mul(pixel, self.step), self.grad)
        return kernel.at(kernel.buffer(1), place, kind)

    def _met(self, axis: Axis, tap: Index) -> tuple[ir.Value, ir.Value]:
        """The first position at which a tap meets the input, and where that ends."""
        kernel = self.kernel
        shift = kernel.mul(tap, axis.dilation)
        low = kernel.b.sub(kernel.int(axis.before + axis.stride - 1), shift)
        left = kernel.maximum(kernel.div(low, axis.stride), 0)
        high = kernel.add(low, axis.size)
        return left, kernel.minimum(kernel.div(high, axis.stride), axis.out)

    def _inside(self, outer: list[ir.Value], taps: list[ir.Value]) -> ir.Value:
        """Whether the input is met where only outer positions are known."""
        kernel, met = self.kernel, ir.constant(I1, 1)
        for axis, index, tap in zip(self.plan.axes, outer, taps):
            if not axis.inside:
                at, size = self._position(axis, index, tap), kernel.int(axis.size)
                met = kernel.b.and_(met, kernel.b.icmp_unsigned("<", at, size))
        return met

    def _line(
        self, image: ir.Value, outer: list[ir.Value], taps: list[ir.Value]
    ) -> ir.Value:
        """Where a row of the input begins that is met at the taps."""
        kernel, plan = self.kernel, self.plan
        place = kernel.add(self.x, kernel.mul(image, plan.strides[0]))
        for axis, stride, index, tap in zip(plan.axes, plan.strides[1:], outer, taps):
            at = self._position(axis, index, tap)
            place = kernel.add(place, kernel.mul(at, stride))
        return place

    def _position(self, axis: Axis, index: ir.Value, tap: ir.Value) -> ir.Value:
        """Where along an axis a tap reads."""
        kernel = self.kernel
        at = kernel.sub(kernel.mul(index, axis.stride), axis.before)
        return kernel.add(at, kernel.mul(tap, axis.dilation))

    def _piece(self, tile: Tile, piece: _Piece, x: ir.Value, grad: ir.Value) -> None:
        """Emit the reduction over a stretch of a row, given where rows begin."""
        kernel, plan, kind = self.kernel, self.plan, self.plan.spec.dtype
        left, right = piece.left, piece.right
        count: int | ir.Value
        if plan.segments > 1:  # a block has one of them, or none
            _, segment = kernel.split(self.first, plan.segments)
            start = kernel.mul(segment, plan.across)
            left = kernel.maximum(left, start)
            right = kernel.minimum(right, kernel.add(start, plan.across))
        if isinstance(left, int) and isinstance(right, int):
            count = right - left
        else:
            count = kernel.b.sub(kernel.int(right), kernel.int(left))
        x = kernel.at(x, self._along(left), kind)
        grad = kernel.at(grad, kernel.mul(left, self.step), kind)
        self._accumulate(tile, piece.rows, x, grad, count)

    def _along(self, pixel: int | ir.Value) -> ir.Value:
        """How far a row's pixel of the output lies from the input's first one."""
        kernel, axis = self.kernel, self.plan.axes[-1]
        along = kernel.sub(kernel.mul(pixel, axis.stride), axis.before)
        return kernel.mul(along, self.plan.strides[-2])

    def _accumulate(
        self,
        tile: Tile,
        rows: range,
        x: ir.Value,
        grad: ir.Value,
        count: int | ir.Value,
    ) -> None:
        """Add `count` pixels, given the addresses of the first."""
        plan = self.plan
        tile.accumulate(
            x,
            [(each, each * plan.row_step) for each in rows],
            plan.axes[-1].stride * plan.strides[-2],
            grad,
            self.step,
            count,
            self.masks,
        )


@dataclass(frozen=True)
class _Piece:
    """Pixels `left` … `right - 1` of a row, which meet the input in some tile rows."""

    left: int | ir.Value
    right: int | ir.Value
    rows: range


def _span(axis: Axis, tap: int) -> tuple[int, int]:
    """The first pixel of a row at which a tap meets the input, and where that ends."""
    short = axis.before - tap * axis.dilation
    left = max(0, ceil_div(short, axis.stride))
    return left, min(axis.out, ceil_div(axis.size + short, axis.stride))


def _pieces(axis: Axis, depth: int, start: int, rows: int) -> list[_Piece]:
    """Cut a row where the taps that meet the input change.

    Tile row r is channel (start + r) % depth of tap (start + r) // depth.
    """
    spans = [_span(axis, row // depth) for row in range(start, start + rows)]
    cuts = sorted({min(cut, axis.out) for span in spans for cut in span})
    found = []
    for left, right in pairwise(cuts):
        met = [at for at, (a, b) in enumerate(spans) if a <= left and right <= b]
        if met:
            found.append(_Piece(left, right, range(met[0], met[-1] + 1)))
    return found
