"""The gradient of a convolution with respect to its weight.

    dw[k, c, t] = sum over images n, positions o of
                  grad[n, o, k] * x[n, o * stride - before + t * dilation, c]

Output channels lie across the vectors of a register tile, input channels along its
rows, and the reduction runs over the pixels of a row. Pixels are done in blocks that
stay in a near cache; each part of the images has its own sums, which a second kernel
adds and a third lays out as the weight is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod

from llvmlite import ir

from ...runtime.target import Target
from .builder import I1, I64, KernelBuilder, value_type
from .convolution import ConvolutionSpec, merged_axes
from .correlation import Axis
from .folding import Fold, Parts, fold_kernel
from .kernel import Kernel, planned_once
from .loops import unravel
from .program import Epilogue, Program, Stage
from .tile import Tile, TileShape, ceil_div, choose_lanewise_tile, choose_tile
from .transposing import Unpack, unpack_kernel

__all__ = ["weight_gradient"]

_CHUNKS = 32  # enough for the threads that one gradient should employ
_BLOCK_BYTES = 196_608  # of the input and the gradient that a block reads
_NARROW = 8  # input channels, below which the taps of a line share a tile


@dataclass(frozen=True)
class _Plan:
    """How the reduction is cut.

    The tile's rows are `rows` input channels of one tap, or, if `narrow`, all channels
    of all taps of a line of the window, which are neighbours in memory. A unit is
    `across` pixels of a row; `units` of them are a block.
    """

    spec: ConvolutionSpec
    axes: tuple[Axis, ...]
    strides: tuple[int, ...]
    tile: TileShape
    narrow: bool
    rows: int
    across: int
    units: int
    parts: Parts

    @property
    def depth(self) -> int:
        """Input channels per group."""
        return self.spec.inputs // self.spec.groups

    @property
    def groups(self) -> int:
        """Groups that have panels of their own."""
        return 1 if self.spec.depthwise else self.spec.groups

    @property
    def columns(self) -> int:
        """Output channels per such group."""
        return self.spec.outputs // self.groups

    @property
    def row_step(self) -> int:
        """How far apart the tile's rows lie in the input."""
        if self.spec.depthwise:
            return self.axes[-1].dilation * self.strides[-2]
        return self.strides[-1]

    @property
    def panels(self) -> int:
        """How many panels all groups have."""
        return self.groups * ceil_div(self.columns, self.tile.columns)

    @property
    def panel_size(self) -> int:
        """How many sums a panel has."""
        return self.spec.taps * self.depth * self.tile.columns

    @property
    def segments(self) -> int:
        """How many units a row has."""
        return ceil_div(self.axes[-1].out, self.across)

    @property
    def lines(self) -> int:
        """How many rows an image has."""
        return prod(axis.out for axis in self.axes[:-1])


def _plan(spec: ConvolutionSpec, target: Target) -> _Plan:
    axes, strides = merged_axes(spec.axes(), spec.x_strides)
    groups = 1 if spec.depthwise else spec.groups
    depth, columns = spec.inputs // spec.groups, spec.outputs // groups
    axis, size = axes[-1], spec.dtype.itemsize
    joined = axis.dilation * strides[-2] == depth * strides[-1]
    narrow = spec.depthwise or (joined and depth < _NARROW and axis.taps > 1)
    rows = depth * axis.taps if narrow else depth
    if spec.depthwise:
        tile = choose_lanewise_tile(target, size, rows, columns)
    else:
        tile = choose_tile(target, size, rows, columns, spec.taps)
    each = (depth * axis.stride + tile.columns) * size
    most = max(16, _BLOCK_BYTES // each)
    segments = 1 if narrow else ceil_div(axis.out, most)
    across = ceil_div(axis.out, segments)
    panels = groups * ceil_div(columns, tile.columns)
    parts = Parts(ceil_div(_CHUNKS, panels), prod(spec.out_sizes))
    units = max(1, most // across)
    return _Plan(spec, axes, strides, tile, narrow, rows, across, units, parts)


@planned_once
def weight_gradient(
    spec: ConvolutionSpec, target: Target, epilogue: Epilogue | None = None
) -> Program:
    """Return the kernels of a convolution's gradient with respect to its weight.

    Buffers: x, grad (dense, channels-last), batch (one int64, the number of images),
    out (K, C / groups, *kernel); scratch: parts, sums. The epilogue sees the indices
    (k, position inside the weights of k), and offsets as in the weight.
    """
    plan = _plan(spec, target)
    size, count = spec.dtype.itemsize, plan.panels * plan.panel_size
    stages = [Stage(_partial(plan, target), ("x", "grad", "batch", "parts"))]
    scratch = [("parts", plan.parts.number(spec.batch) * count * size)]
    if plan.parts.number(spec.batch) > 1:
        fold = Fold(spec.dtype, plan.parts, (count,), spec.batch)
        kernel = fold_kernel(f"fold_{spec.name}", fold, target, Epilogue())
        stages.append(Stage(kernel, ("parts", "sums", "batch")))
        scratch.append(("sums", count * size))
    columns, depth, panel = plan.columns, plan.depth, plan.tile.columns
    unpack = Unpack(spec.dtype, plan.groups, depth, columns, spec.taps, panel)
    kernel = unpack_kernel(
        f"unpack_{spec.name}", unpack, target, epilogue or Epilogue()
    )
    stages.append(Stage(kernel, (scratch[-1][0], "out"), fused=True))
    return Program(tuple(stages), tuple(scratch))


def _partial(plan: _Plan, target: Target) -> Kernel:
    """Return the kernel of the parts' sums: table (x, grad, batch, parts).

    A chunk is a panel of output channels for one part of the images.
    """
    spec = plan.spec
    outputs = spec.batch * prod(spec.out_sizes) * spec.outputs
    inputs = spec.batch * prod(spec.sizes) * spec.inputs
    moved = (outputs + inputs + plan.panels * plan.panel_size) * spec.dtype.itemsize
    chunks = plan.parts.number(spec.batch) * plan.panels
    flops = 2 * outputs * plan.depth * spec.taps
    recipe = (replace(plan, spec=replace(spec, batch=0)), target)
    name = f"weight_gradient_{spec.name}"
    return Kernel(name, _emit, recipe, chunks, flops, moved)


def _emit(name: str, plan: _Plan, target: Target) -> str:
    kernel = KernelBuilder(name, target)
    batch = kernel.b.load(kernel.buffer(2), typ=I64, align=8)
    units = kernel.mul(batch, plan.lines * plan.segments)
    parts = plan.parts.emit(kernel, batch)
    each = kernel.b.udiv(kernel.sub(kernel.add(units, parts), 1), parts)
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        part, panel = kernel.split(chunk, plan.panels)
        sums = kernel.mul(chunk, plan.panel_size)
        _clear(kernel, plan, sums)
        start = kernel.mul(part, each)
        stop = kernel.minimum(kernel.add(start, each), units)
        with kernel.loop(start, stop, plan.units) as first:
            last = kernel.minimum(kernel.add(first, plan.units), stop)
            _Block(kernel, plan, panel, sums, first, last).emit()
    return kernel.finish()


def _clear(kernel: KernelBuilder, plan: _Plan, sums: ir.Value) -> None:
    kind, lanes = plan.spec.dtype, plan.tile.lanes
    zero = ir.Constant(value_type(kind, lanes), None)
    with kernel.loop(0, plan.panel_size, lanes) as at:
        kernel.store(zero, kernel.buffer(3), kernel.add(sums, at), kind)


class _Block:
    """Some units of pixels, for all sums of a panel."""

    def __init__(
        self,
        kernel: KernelBuilder,
        plan: _Plan,
        panel: ir.Value,
        sums: ir.Value,
        first: ir.Value,
        last: ir.Value,
    ) -> None:
        self.kernel, self.plan, self.sums = kernel, plan, sums
        self.first, self.last = first, last
        group, panel = kernel.split(panel, plan.panels // plan.groups)
        column = kernel.mul(panel, plan.tile.columns)
        first = column if plan.spec.depthwise else kernel.mul(group, plan.depth)
        self.x = kernel.mul(first, plan.strides[-1])
        self.grad = kernel.add(kernel.mul(group, plan.columns), column)
        self.masks: list[ir.Value | None] = [None] * plan.tile.vectors
        if plan.columns % plan.tile.columns:
            lanes = plan.tile.lanes
            left = kernel.sub(plan.columns, column)
            self.masks = [
                kernel.first_lanes(kernel.sub(left, v * lanes), lanes)
                for v in range(plan.tile.vectors)
            ]

    def emit(self) -> None:
        """Emit all taps and channels."""
        with self._outer_taps(0, [], self.kernel.int(0)) as (taps, line):
            if self.plan.narrow:
                self._lines(taps, line)
            else:
                self._channels(taps, line)

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
        """Emit tiles whose rows are input channels, for each tap of a line."""
        kernel, plan, axis = self.kernel, self.plan, self.plan.axes[-1]
        whole, rest = divmod(plan.rows, plan.tile.rows)
        with kernel.loop(0, axis.taps) as tap:
            shift = kernel.mul(tap, axis.dilation)
            low = kernel.b.sub(kernel.int(axis.before + axis.stride - 1), shift)
            left = kernel.maximum(kernel.div(low, axis.stride), 0)
            high = kernel.add(low, axis.size)
            right = kernel.minimum(kernel.div(high, axis.stride), axis.out)
            number = kernel.add(kernel.mul(line, axis.taps), tap)
            first = kernel.mul(number, plan.depth)
            place = kernel.mul(shift, plan.strides[-2])

            def tile(start: ir.Value, rows: int) -> None:
                at = kernel.add(place, kernel.mul(start, plan.strides[-1]))
                pieces = [_Piece(left, right, range(rows))]
                self._tile(taps, kernel.add(first, start), rows, at, pieces)

            with kernel.loop(0, whole) as block:
                tile(kernel.mul(block, plan.tile.rows), plan.tile.rows)
            if rest:
                tile(kernel.int(whole * plan.tile.rows), rest)

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
        at = kernel.add(self.sums, kernel.mul(first, plan.tile.columns))
        sums = kernel.at(kernel.buffer(3), at, kind)
        tile.load(sums, plan.tile.columns)
        with kernel.loop(self.first, self.last) as unit:
            upper, segment = kernel.split(unit, plan.segments)
            image, row = kernel.split(upper, plan.lines)
            x, met = self._line(image, row, taps)
            x = kernel.add(x, place)
            grad = kernel.mul(upper, plan.axes[-1].out)
            with kernel.when(met):
                for piece in pieces:
                    self._piece(tile, piece, segment, x, grad)
        tile.store(sums, plan.tile.columns)

    def _line(
        self, image: ir.Value, row: ir.Value, taps: list[ir.Value]
    ) -> tuple[ir.Value, ir.Value]:
        """Where a row of the input begins at the taps, and whether there is one."""
        kernel, plan = self.kernel, self.plan
        place = kernel.add(self.x, kernel.mul(image, plan.strides[0]))
        met = ir.Constant(I1, 1)
        outer = unravel(kernel, row, tuple(axis.out for axis in plan.axes[:-1]))
        for axis, stride, index, tap in zip(plan.axes, plan.strides[1:], outer, taps):
            at = kernel.add(
                kernel.sub(kernel.mul(index, axis.stride), axis.before),
                kernel.mul(tap, axis.dilation),
            )
            place = kernel.add(place, kernel.mul(at, stride))
            if not axis.inside:
                inside = kernel.b.icmp_unsigned("<", at, kernel.int(axis.size))
                met = kernel.b.and_(met, inside)
        return place, met

    def _piece(
        self,
        tile: Tile,
        piece: _Piece,
        segment: ir.Value,
        x: ir.Value,
        row: ir.Value,
    ) -> None:
        """Emit the reduction over a stretch of a row."""
        kernel, plan, kind = self.kernel, self.plan, self.plan.spec.dtype
        axis, stride = plan.axes[-1], plan.strides[-2]
        left, right = piece.left, piece.right
        count: int | ir.Value
        if plan.segments > 1:
            start = kernel.mul(segment, plan.across)
            left = kernel.maximum(left, start)
            right = kernel.minimum(right, kernel.add(start, plan.across))
        if isinstance(left, int) and isinstance(right, int):
            count = right - left
        else:
            count = kernel.b.sub(kernel.int(right), kernel.int(left))
        along = kernel.sub(kernel.mul(left, axis.stride), axis.before)
        a = kernel.add(x, kernel.mul(along, stride))
        channels = plan.spec.outputs
        b = kernel.add(kernel.mul(kernel.add(row, left), channels), self.grad)
        tile.accumulate(
            kernel.at(kernel.buffer(0), a, kind),
            [(each, each * plan.row_step) for each in piece.rows],
            axis.stride * stride,
            kernel.at(kernel.buffer(1), b, kind),
            channels,
            count,
            self.masks,
        )


@dataclass(frozen=True)
class _Piece:
    """Pixels `left` … `right - 1` of a row, which meet the input in some tile rows."""

    left: int | ir.Value
    right: int | ir.Value
    rows: range


def _pieces(axis: Axis, depth: int, start: int, rows: int) -> list[_Piece]:
    """Cut a row where the taps that meet the input change.

    Tile row r is channel (start + r) % depth of tap (start + r) // depth.
    """
    spans = []
    for row in range(start, start + rows):
        short = axis.before - row // depth * axis.dilation
        left = max(0, ceil_div(short, axis.stride))
        spans.append((left, min(axis.out, ceil_div(axis.size + short, axis.stride))))
    cuts = sorted({min(cut, axis.out) for span in spans for cut in span})
    found = []
    for left, right in pairwise(cuts):
        met = [at for at, (a, b) in enumerate(spans) if a <= left and right <= b]
        if met:
            found.append(_Piece(left, right, range(met[0], met[-1] + 1)))
    return found
