"""The direct correlation that convolutions and their input gradients are made of.

    out[n, o, k] = sum over taps t, channels c of
                   x[n, o * stride - before + t * dilation, c] * w[t, c, k]

The last spatial dimension lies along the rows of a register tile, output channels
across its vectors. Nothing is padded: outer dimensions count only the taps that meet
the input, and along the last one the tiles near a border leave rows out of a tap, which
is known when the code is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from math import prod

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .axis import Axis, Reach, Run, runs_of
from .builder import I64, LINE_BYTES, Index, KernelBuilder
from .kernel import Kernel
from .loops import unravel
from .program import Epilogue, Position
from .tile import Tile, TileShape, ceil_div, choose_lanewise_tile, choose_tile

__all__ = [
    "Correlation",
    "Grid",
    "Work",
    "correlate",
    "correlated",
    "grid_of",
    "parts_of",
]

_LEAST_FLOPS = 500_000  # of a chunk
_MOST_FLOPS = 4_000_000  # each chunk has sums of its own, which are added up later
_CHUNKS = 16  # of an image, where they are not too small
_DEPTHWISE_FLOPS = 100_000  # of a chunk whose time goes into moving memory
_FAR_BYTES = 262_144  # of an image; one of fewer stays near while it is used
_FEW_PANELS = 2  # which do not take long enough to have the next tile's input come
_WEIGHT_BYTES = 524_288  # of the weights that one chunk reads, to stay in a near cache


@dataclass(frozen=True)
class Correlation:
    """A correlation; the output is dense and channels-last.

    Attributes:
        name: tells op and shape.
        dtype: float32 or float64.
        batch: images; the code does not depend on it.
        groups: independent correlations of neighbouring channels.
        depth: input channels per group.
        columns: output channels per group.
        axes: the spatial dimensions.
        strides: of the input: of images, spatial dimensions, channels.
        start: where its weights begin among the packed ones.
        earlier: how many parts of each image earlier correlations have computed.
        spatial: the output's spatial sizes, which `axes` may have merged.
        depthwise: whether output channel k reads input channel k only; `depth` and
            `groups` are 1 then, and the input's channels are neighbours.
    """

    name: str
    dtype: dt.dtype
    batch: int
    groups: int
    depth: int
    columns: int
    axes: tuple[Axis, ...]
    strides: tuple[int, ...]
    start: int
    spatial: tuple[int, ...]
    depthwise: bool = False
    earlier: int = 0

    @property
    def taps(self) -> int:
        """How many taps the window has."""
        return prod(axis.taps for axis in self.axes)

    @property
    def is_far(self) -> bool:
        """Whether what lies below in an image comes from a far cache.

        Where channels do not mix, each tile asks for its own.
        """
        pixels = prod(axis.size for axis in self.axes)
        size = pixels * self.groups * self.depth * self.dtype.itemsize
        return size >= _FAR_BYTES and not self.depthwise

    def tile(self, target: Target) -> TileShape:
        """Return the register tile."""
        row, size = self.axes[-1].out, self.dtype.itemsize
        if self.depthwise:
            taps, stride = self.axes[-1].taps, self.axes[-1].stride
            return choose_lanewise_tile(target, size, row, self.columns, taps, stride)
        taps = max(1, self.taps)
        return choose_tile(target, size, row, self.columns, taps, self.depth * taps)


@dataclass(frozen=True)
class Grid:
    """How the work is cut into chunks.

    A chunk does `together` panels of output channels, for one image, for `lines`
    rows, or for `across` tiles of one row.
    """

    tile: TileShape
    panels: int
    together: int
    lines: int
    rows: int
    across: int
    tiles: int

    @property
    def blocks(self) -> int:
        """How many chunks an image has for each panel group."""
        return ceil_div(self.rows, self.lines) * ceil_div(self.tiles, self.across)

    def groups(self, spec: Correlation) -> int:
        """How many groups of panels there are."""
        return ceil_div(self.panels * spec.groups, self.together)


def grid_of(spec: Correlation, target: Target) -> Grid:
    """Return how the work of a correlation is cut."""
    tile = spec.tile(target)
    panels = ceil_div(spec.columns, tile.columns)
    each = max(1, spec.depth * spec.taps * tile.columns * spec.dtype.itemsize)
    together = _even(spec.groups * panels, max(1, _WEIGHT_BYTES // each))
    rows = prod(axis.out for axis in spec.axes[:-1])
    tiles = ceil_div(spec.axes[-1].out, tile.rows)
    flops = 2 * tile.rows * tile.columns * together * max(1, spec.depth * spec.taps)
    target_flops = _DEPTHWISE_FLOPS if spec.depthwise else _chunk_flops(spec)
    lines = min(max(1, target_flops // (flops * tiles)), max(rows, 1))
    across = tiles
    if rows < 4 and lines == 1:
        across = min(max(1, target_flops // flops), tiles)
    return Grid(tile, panels, together, lines, rows, across, tiles)


def _chunk_flops(spec: Correlation) -> int:
    """Return how many operations a chunk has, about."""
    outputs = prod(axis.out for axis in spec.axes) * spec.groups * spec.columns
    image = 2 * outputs * spec.depth * spec.taps
    return min(max(_LEAST_FLOPS, image // _CHUNKS), _MOST_FLOPS)


def _even(count: int, most: int) -> int:
    """Return how many of `count` panels go together, so that all chunks are alike."""
    most = min(count, most)
    sizes = range(ceil_div(most, 4), most + 1)
    return min(sizes, key=lambda size: (-count % size, -size))


def correlate(
    name: str, phases: Sequence[Correlation], target: Target, epilogue: Epilogue
) -> Kernel:
    """Return the kernel of correlations: table (x, packed weights, batch, out).

    Several fill one output together, such as the rows and columns of each parity; a
    chunk does all of them near each other, so that what lies between the places of one
    is still near when another comes to it.

    `batch` holds the number of images. The epilogue sees the indices
    (image, *spatial, channel).
    """
    first, grids = phases[0], _grids(phases, target)
    channels = first.groups * first.columns
    work = [each.taps * prod(axis.out for axis in each.axes) for each in phases]
    outputs = sum(prod(axis.out for axis in each.axes) for each in phases)
    source = first.columns if first.depthwise else first.groups * first.depth
    weights = sum(each.taps for each in phases) * first.depth * channels
    pixels = prod(axis.size for axis in first.axes)
    elements = first.batch * (pixels * source + outputs * channels) + weights
    recipe = (tuple(replace(each, batch=0) for each in phases), target, epilogue)
    return Kernel(
        name,
        _emit,
        recipe,
        grids[0].groups(first) * first.batch * max(each.blocks for each in grids),
        2 * first.batch * channels * first.depth * sum(work),
        elements * first.dtype.itemsize,
    )


def correlated(kernel: Kernel) -> tuple[Correlation, Epilogue] | None:
    """Return what a kernel computes, if it is one correlation and its epilogue."""
    if kernel.emit is not _emit:
        return None
    phases, _, epilogue = kernel.arguments
    return (phases[0], epilogue) if len(phases) == 1 else None


def parts_of(phases: Sequence[Correlation], target: Target) -> int:
    """Return into how many parts a kernel of some correlations cuts each image."""
    return max(each.blocks for each in _grids(phases, target))


def _grids(phases: Sequence[Correlation], target: Target) -> list[Grid]:
    """The grids of correlations of one kernel: their chunks have the same rows."""
    grids = [grid_of(each, target) for each in phases]
    if len(grids) == 1:
        return grids
    lines = max(1, min(each.lines for each in grids) // len(grids))
    together = min(each.together for each in grids)
    return [
        replace(each, lines=lines, together=together, across=each.tiles)
        for each in grids
    ]


def _emit(
    name: str, phases: tuple[Correlation, ...], target: Target, epilogue: Epilogue
) -> str:
    kernel = KernelBuilder(name, target)
    first, grids = phases[0], _grids(phases, target)
    groups, blocks = grids[0].groups(first), max(each.blocks for each in grids)
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        image, block = kernel.split(chunk, blocks)
        batch, group = kernel.b.load(kernel.buffer(2), I64, align=8), kernel.int(0)
        if groups > 1:
            group, image = kernel.split(image, batch)
        part = kernel.add(kernel.mul(image, blocks), block)
        part = kernel.add(part, kernel.mul(batch, first.earlier))
        for spec, grid in zip(phases, grids, strict=True):
            work = Work(kernel, spec, grid, epilogue, part, image)
            if spec is first and epilogue.gathers:
                work.begin(group)
            work.emit(group, block)
    return kernel.finish()


class Work:
    """One chunk of one image.

    Args:
        kernel: where the instructions go.
        spec: the correlation.
        grid: how it is cut.
        epilogue: what happens to the result.
        part: the number of the part of the output that the chunk does.
        image: its number.
        reads_near: whether the input is in a near cache.
        writes_near: whether the output is.
    """

    def __init__(
        self,
        kernel: KernelBuilder,
        spec: Correlation,
        grid: Grid,
        epilogue: Epilogue,
        part: ir.Value,
        image: ir.Value,
        reads_near: bool = False,
        writes_near: bool = False,
    ) -> None:
        self.kernel, self.spec, self.grid = kernel, spec, grid
        self.epilogue, self.part, self.image = epilogue, part, image
        self.reads_near, self.writes_near = reads_near, writes_near

    def emit(self, group: ir.Value, block: ir.Value) -> None:
        """Emit the chunk: some panels of output channels for the rows of a block.

        Panels are outside, as their weights are worth keeping near; not so those of
        a depthwise correlation, which rather reads whole pixels.
        """
        kernel, grid = self.kernel, self.grid
        upper, part = kernel.split(block, ceil_div(grid.tiles, grid.across))
        first = kernel.mul(upper, grid.lines)
        stop = kernel.minimum(kernel.add(first, grid.lines), grid.rows)
        self.emit_rows(self._panels(group), (first, stop), part)

    def emit_rows(
        self,
        panels: tuple[Index, Index],
        rows: tuple[Index, Index],
        part: ir.Value,
    ) -> None:
        """Emit some panels for some rows, or for a part of each row."""
        depthwise = self.spec.depthwise
        outside, inside = (rows, panels) if depthwise else (panels, rows)
        with self.kernel.loop(*outside) as a, self.kernel.loop(*inside) as b:
            row, panel = (a, b) if depthwise else (b, a)
            self.first = self.kernel.b.icmp_signed(
                "==", panel, self.kernel.int(panels[0])
            )
            self._panel(panel)
            self._row(row, part)

    def emit_pixels(
        self, panels: tuple[Index, Index], pixels: tuple[ir.Value, ir.Value]
    ) -> None:
        """Emit some panels for some pixels of merged axes, a tile's rows at least.

        The last tile may do some pixels of the one before it again.
        """
        kernel, rows = self.kernel, self.grid.tile.rows
        whole = Run(0, 1, 0, rows, (Reach(0, 1, 0, rows),))
        self.outer: list[ir.Value] = []
        first, stop = pixels
        with kernel.loop(*panels) as panel:
            self._panel(panel)
            with kernel.loop(first, stop, rows) as start:
                last = kernel.sub(stop, rows)
                self._tile(whole, kernel.minimum(start, last))

    def begin(self, group: ir.Value) -> None:
        """Emit what comes before the first vectors of a chunk."""
        with self.kernel.loop(*self._panels(group)) as panel:
            self._begin(panel)

    def _panels(self, group: ir.Value) -> tuple[ir.Value, ir.Value]:
        """The first panel of a chunk, and the one after its last."""
        kernel, grid = self.kernel, self.grid
        low = kernel.mul(group, grid.together)
        high = kernel.add(low, grid.together)
        return low, kernel.minimum(high, grid.panels * self.spec.groups)

    def _begin(self, panel: ir.Value) -> None:
        """Emit what comes before the first vectors of a panel."""
        kernel, spec = self.kernel, self.spec
        self._panel(panel)
        for v in range(self.grid.tile.vectors):
            lane = v * self.grid.tile.lanes
            channel = kernel.add(self.channel, lane)
            place = (kernel.int(0),) * (1 + len(spec.spatial))
            position = Position(
                (*place, channel),
                channel,
                self._valid(lane),
                self.part,
                3,
                4,
                spec.dtype,
            )
            self.epilogue.begin(kernel, position)

    def _panel(self, number: ir.Value) -> None:
        """Find where a panel's weights and its input begin."""
        kernel, spec, grid = self.kernel, self.spec, self.grid
        group, panel = kernel.split(number, grid.panels)
        self.column = kernel.mul(panel, grid.tile.columns)
        self.channel = kernel.add(kernel.mul(group, spec.columns), self.column)
        size = spec.taps * spec.depth * grid.tile.columns
        self.weights = kernel.add(kernel.mul(number, size), spec.start)
        x = kernel.mul(self.image, spec.strides[0])
        first = self.column if spec.depthwise else kernel.mul(group, spec.depth)
        self.x = kernel.add(x, kernel.mul(first, spec.strides[-1]))
        self.masks = self._masks() if spec.depthwise else None

    def _row(self, row: ir.Value, part: ir.Value) -> None:
        """Emit the tiles of one row that belong to this part of it."""
        kernel, grid, axes = self.kernel, self.grid, self.spec.axes
        self.outer = unravel(kernel, row, tuple(axis.out for axis in axes[:-1]))
        for run in runs_of(axes[-1], grid.tile.rows):
            if grid.across == grid.tiles and run.count == 1:
                self._tile(run, kernel.int(run.start))
                continue
            low, high = run.index, run.index + run.count
            left = kernel.mul(part, grid.across)
            right = kernel.minimum(kernel.add(left, grid.across), high)
            with kernel.loop(kernel.maximum(left, low), right) as tile:
                self._tile(run, kernel.mul(tile, grid.tile.rows))

    def _tile(self, run: Run, start: ir.Value) -> None:
        """Emit one tile, whose first position is `start`."""
        kernel, spec = self.kernel, self.spec
        shape = TileShape(run.rows, self.grid.tile.vectors, self.grid.tile.lanes)
        tile = Tile(kernel, shape, spec.dtype, lanewise=spec.depthwise)
        axis, stride = spec.axes[-1], spec.strides[-2]
        along = kernel.sub(kernel.mul(start, axis.stride), axis.before)
        place = kernel.add(self.x, kernel.mul(along, stride))
        places = self._places(shape, start)
        if not self.writes_near:
            self.epilogue.prepare(kernel, places)
        far = not self.reads_near and spec.strides[-1] == 1
        if far and spec.depthwise and len(spec.axes) > 1:
            self._prefetch(shape, place)
        far = far and spec.is_far
        below = self._below(place) if far and self._window_lines > 1 else None
        alone = self._window_lines == 1 and self.grid.panels <= _FEW_PANELS
        ahead = self._next(place, run.rows) if far and alone else None
        if spec.taps:
            with self._outer_taps(0, place, kernel.int(0)) as (here, line):
                if below is not None:
                    self._prefetch_share(run.rows, below, line)
                for reach in run.reaches:
                    self._reach(tile, reach, here, line, ahead)
        self.epilogue.store_tile(kernel, tile.columns(places))

    @property
    def _window_lines(self) -> int:
        """How many lines the window has."""
        return prod(axis.taps for axis in self.spec.axes[:-1])

    def _below(self, place: ir.Value) -> ir.Value:
        """Where the tile below this one will be the first to read.

        Args:
            place: where this tile reads first, in the input's first row.
        """
        axis = self.spec.axes[-2]
        past = (axis.taps - 1) * axis.dilation + 1
        return self._down(place, past)

    def _next(self, place: ir.Value, rows: int) -> ir.Value:
        """Where the next tile reads first: to the right along the only axis, or below.

        Args:
            place: where this tile reads first, in the input's first row.
            rows: of the tile.
        """
        spec, axes = self.spec, self.spec.axes
        if len(axes) > 1:
            return self._down(place, axes[-2].stride)
        return self.kernel.add(place, rows * axes[-1].stride * spec.strides[-2])

    def _down(self, place: ir.Value, lines: int) -> ir.Value:
        """Return the place that is some rows below the first one of a tile's windows.

        Args:
            place: in the input's first row.
            lines: how many rows.
        """
        kernel, spec = self.kernel, self.spec
        for axis, stride, index in zip(spec.axes, spec.strides[1:], self.outer):
            line = kernel.sub(kernel.mul(index, axis.stride), axis.before)
            place = kernel.add(place, kernel.mul(line, stride))
        return kernel.add(place, lines * spec.strides[-3])

    def _prefetch(self, shape: TileShape, place: ir.Value) -> None:
        """Bring near what the tile below this one will be the first to read.

        A tile reads a few of each pixel's channels, which the CPU does not foresee.

        Args:
            shape: of the tile.
            place: where it reads first, in the input's first row.
        """
        kernel, spec, axes = self.kernel, self.spec, self.spec.axes
        place = self._below(place)
        for line in range(axes[-2].stride):
            for pixel in range(shape.rows * axes[-1].stride):
                for v in range(shape.vectors):
                    by = line * spec.strides[-3] + pixel * spec.strides[-2]
                    at = kernel.add(place, by + v * shape.lanes)
                    kernel.prefetch(kernel.buffer(0), at, spec.dtype, soon=False)

    def _prefetch_share(self, rows: int, below: ir.Value, line: ir.Value) -> None:
        """Bring near what the tile below is the first to read, while a line is done.

        Each line of the window asks for some pixels, as few can be on their way. The
        first panel does so for all that a chunk has.

        Args:
            rows: of the tile.
            below: where the tile below reads first.
            line: the number of the window's line.
        """
        kernel, spec, axes = self.kernel, self.spec, self.spec.axes
        each = ceil_div(rows * axes[-1].stride, self._window_lines)
        first = kernel.mul(line, each)
        stop = kernel.b.select(self.first, kernel.add(first, each), first)
        with kernel.loop(first, stop) as pixel:
            place = kernel.add(below, kernel.mul(pixel, spec.strides[-2]))
            for lower in range(axes[-2].stride):
                there = kernel.add(place, lower * spec.strides[-3])
                kernel.prefetch_row(0, there, spec.depth, spec.dtype)

    def _ask(self, place: ir.Value, rows: int, step: ir.Value) -> None:
        """Bring near a line of the cache of one pixel while a step is done.

        It holds several channels; the steps on these ask for it at each pixel by turns.
        So few lines are on their way at once, and no time goes into waiting.

        Args:
            place: of the first pixel.
            rows: how many there are, as far apart as the tile's.
            step: the number of the step, which is a channel.
        """
        kernel, spec = self.kernel, self.spec
        line = LINE_BYTES // spec.dtype.itemsize
        turn = kernel.b.and_(step, kernel.int(line - 1))
        channel = kernel.b.and_(step, kernel.int(-line))
        apart = spec.axes[-1].stride * spec.strides[-2]
        for first in range(0, rows, line):
            pixel = kernel.mul(kernel.add(turn, first), apart)
            there = kernel.add(kernel.add(place, channel), pixel)
            kernel.prefetch(kernel.buffer(0), there, spec.dtype, soon=False)

    @contextmanager
    def _outer_taps(
        self, dimension: int, place: ir.Value, line: ir.Value
    ) -> Iterator[tuple[ir.Value, ir.Value]]:
        """Loop over the taps of all dimensions but the last.

        Yields where the input is read, and the number of the window's line.
        """
        kernel, spec = self.kernel, self.spec
        if dimension == len(spec.axes) - 1:
            yield place, line
            return
        axis, stride = spec.axes[dimension], spec.strides[1 + dimension]
        position = self.outer[dimension]
        first, stop = axis.met(kernel, position)
        base = kernel.sub(kernel.mul(position, axis.stride), axis.before)
        place = kernel.add(place, kernel.mul(base, stride))
        line = kernel.mul(line, axis.taps)
        with kernel.loop(first, stop) as tap:
            onward = kernel.add(place, kernel.mul(tap, axis.dilation * stride))
            further = kernel.add(line, tap)
            with self._outer_taps(dimension + 1, onward, further) as found:
                yield found

    def _reach(
        self,
        tile: Tile,
        reach: Reach,
        place: ir.Value,
        line: ir.Value,
        ahead: ir.Value | None,
    ) -> None:
        """Emit neighbouring taps for the rows in which they meet the input.

        Where the channels of neighbouring taps are neighbours they are one reduction.

        Args:
            tile: has the sums.
            reach: the taps.
            place: where the tile reads first, in this line of the window.
            line: the number of the line.
            ahead: where the next tile reads first, if each step is to ask for it.
        """
        kernel, spec, axis = self.kernel, self.spec, self.spec.axes[-1]
        step = axis.dilation * spec.strides[-2]
        onward = step if spec.depthwise else spec.strides[-1]
        jump = axis.stride * spec.strides[-2]
        rows = [(row, row * jump) for row in range(reach.top, reach.bottom)]
        columns = self.grid.tile.columns
        line = kernel.mul(line, axis.taps * spec.depth * columns)
        weights = kernel.add(self.weights, line)
        joined = step == spec.depth * onward
        each = reach.stop - reach.first if joined else 1
        with kernel.loop(reach.first, reach.stop, each) as tap:
            onto, meanwhile = kernel.mul(tap, step), None
            a = kernel.add(place, onto)
            if ahead is not None:
                meanwhile = partial(self._ask, kernel.add(ahead, onto), tile.shape.rows)
            b = kernel.add(weights, kernel.mul(tap, spec.depth * columns))
            tile.accumulate(
                kernel.at(kernel.buffer(0), a, spec.dtype),
                rows,
                onward,
                kernel.at(kernel.buffer(1), b, spec.dtype),
                columns,
                each * spec.depth,
                self.masks,
                meanwhile,
            )

    def _places(self, shape: TileShape, start: ir.Value) -> list[list[Position]]:
        """Where a tile's vectors belong, column by column."""
        kernel, spec = self.kernel, self.spec
        outer = [axis.at(kernel, each) for axis, each in zip(spec.axes, self.outer)]
        line = self.image
        for axis, index in zip(spec.axes, outer):
            line = kernel.add(kernel.mul(line, axis.full), index)
        axis, all_channels = spec.axes[-1], spec.groups * spec.columns
        lanes = [v * shape.lanes for v in range(shape.vectors)]
        channels = [kernel.add(self.channel, lane) for lane in lanes]
        valid = [self._valid(lane) for lane in lanes]
        columns: list[list[Position]] = [[] for _ in lanes]
        for row in range(shape.rows):
            along = axis.at(kernel, kernel.add(start, row))
            pixel = kernel.add(kernel.mul(line, axis.full), along)
            place = kernel.mul(pixel, all_channels)
            before = (self.image, *self._spatial([*outer, along]))
            for v in range(shape.vectors):
                position = Position(
                    (*before, channels[v]),
                    kernel.add(place, channels[v]),
                    valid[v],
                    self.part,
                    3,
                    4,
                    spec.dtype,
                )
                columns[v].append(position)
        return columns

    def _spatial(self, indices: list[ir.Value]) -> list[ir.Value]:
        """The spatial indices, taken apart where the axes were merged."""
        if len(indices) == len(self.spec.spatial):
            return indices
        return unravel(self.kernel, indices[0], self.spec.spatial)

    def _masks(self) -> list[ir.Value | None]:
        """The channels of the input that may be read."""
        lanes = self.grid.tile.lanes
        valid = [self._valid(v * lanes) for v in range(self.grid.tile.vectors)]
        return [each and self.kernel.first_lanes(each, lanes) for each in valid]

    def _valid(self, lane: int) -> ir.Value | None:
        """How many channels of a vector exist, if they may not all do."""
        if self.spec.columns % self.grid.tile.columns == 0:
            return None
        return self.kernel.sub(self.kernel.sub(self.spec.columns, self.column), lane)
