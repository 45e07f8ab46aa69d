"""The gradient of a 3x3 convolution's weight by Winograd's algorithm F(3x3, 4x4).

    V = BT x B      of each tile of 6x6 pixels of the input
    D = A grad AT   of each tile of 4x4 pixels of the gradient
    dw = GT (sum over tiles V * D) G

A first kernel transforms all tiles, block by block. A chunk of the second one has a
band of input channels, a group of output channels, and a part of the blocks: for each
of the 36 points it multiplies matrices, whose sums stay in the nearest cache.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from ...runtime.target import Target
from . import ir
from .builder import I64, KernelBuilder, value_type
from .convolution import ConvolutionSpec
from .folding import Parts, shares
from .kernel import Kernel, planned_once
from .program import Epilogue, Program, Stage
from .tile import Tile, TileShape, ceil_div, choose_tile
from .transposing import Band, Unpack, turned_size, unpack_band, unpack_kernel
from .winograd_forms import BT, GT, OUT, POINTS, A, transform
from .winograd_plan import Blocks, Matrix, Source
from .winograd_repair import TapRepair
from .winograd_tiles import Found, Spread

__all__ = ["winograd_weight_gradient"]

_TILES = 32  # of a block, whose channels of one point stay in the nearest cache
_CHANNELS = 64  # of a band and of a group
_CHUNKS = 16  # enough for the threads that one gradient should employ
_FEW = 8  # tiles that a chunk of the first kernel transforms
_TAPS = 3  # along each dimension


@dataclass(frozen=True)
class _TileParts(Parts):
    """As many parts as there are blocks of tiles, up to a number."""

    blocks: Blocks

    def number(self, batch: int) -> int:
        """Return the number of parts for some images."""
        return max(1, min(self.most, self.blocks.number(batch)))

    def emit(self, kernel: KernelBuilder, batch: ir.Value) -> ir.Value:
        """Compute the same number where the batch is known."""
        _, _, number = self.blocks.cut(kernel, batch)
        return kernel.maximum(kernel.minimum(number, self.most), 1)


@dataclass(frozen=True)
class _Plan:
    """How the work is cut.

    Attributes:
        spec: the convolution.
        tile: the register tile: input channels along its rows.
        blocks: of tiles.
        band: input channels of a chunk.
        together: panels of output channels of a chunk.
        parts: of the blocks.
    """

    spec: ConvolutionSpec
    tile: TileShape
    blocks: Blocks
    band: int
    together: int
    parts: _TileParts

    @property
    def bands(self) -> int:
        """How many bands there are."""
        return ceil_div(self.spec.inputs, self.band)

    @property
    def panels(self) -> int:
        """How many panels there are."""
        return ceil_div(self.spec.outputs, self.tile.columns)

    @property
    def groups(self) -> int:
        """How many groups of panels there are."""
        return ceil_div(self.panels, self.together)

    @property
    def across(self) -> int:
        """Output channels of a group."""
        return self.together * self.tile.columns

    @property
    def inputs(self) -> Matrix:
        """Where a band of a block of the input's tiles lies."""
        lanes = self.tile.lanes
        row = ceil_div(self.band, lanes) * lanes
        return Matrix(self.blocks.most, row, lanes)

    @property
    def grads(self) -> Matrix:
        """Where a group of a block of the gradient's tiles lies."""
        return Matrix(self.blocks.most, self.across, self.tile.lanes)

    @property
    def sums(self) -> Matrix:
        """Where the sums of a chunk lie."""
        return Matrix(self.band, self.across, self.tile.lanes)

    @property
    def sources(self) -> tuple[Source, Source]:
        """The input and the gradient."""
        spec = self.spec
        (high, wide), (rows, columns) = spec.sizes, spec.out_sizes
        tiles = ceil_div(rows, OUT), ceil_div(columns, OUT)
        before = (spec.padding[0][0], spec.padding[1][0])
        kind = spec.dtype
        return (
            Source(0, kind, BT, (high, wide), spec.inputs, tiles, before),
            Source(1, kind, A, (rows, columns), spec.outputs, tiles),
        )

    @property
    def unpack(self) -> Unpack:
        """How the gradient is laid out."""
        spec, panel = self.spec, self.tile.columns
        taps, parts = _TAPS**2, self.parts
        return Unpack(spec.dtype, 1, spec.inputs, spec.outputs, taps, panel, parts)

    @property
    def whole(self) -> bool:
        """Whether a chunk has all tiles."""
        return self.parts.most == 1

    @property
    def laid(self) -> int:
        """Where the sums begin in the workspace, after what lies there for a moment."""
        taps = _TAPS**2 * self.band * self.tile.columns
        return turned_size(self.tile.lanes) + (taps if self.whole else 0)


def _plan(spec: ConvolutionSpec, target: Target) -> _Plan:
    band = min(spec.inputs, _CHANNELS)
    tile = choose_tile(target, spec.dtype.itemsize, band, spec.outputs)
    panels = ceil_div(spec.outputs, tile.columns)
    together = min(panels, max(1, _CHANNELS // tile.columns))
    each = prod(ceil_div(size, OUT) for size in spec.out_sizes)
    blocks = Blocks(each, _TILES, _TILES // 2)
    chunks = ceil_div(spec.inputs, band) * ceil_div(panels, together)
    parts = _TileParts(ceil_div(_CHUNKS, chunks), each, blocks)
    return _Plan(spec, tile, blocks, band, together, parts)


@planned_once
def winograd_weight_gradient(
    spec: ConvolutionSpec, target: Target, epilogue: Epilogue | None = None
) -> Program:
    """Return the kernels of a weight gradient, with the buffers of `weight_gradient`.

    The window is 3x3, its stride and dilation 1; there is one group, and the input is
    dense. Scratch: tiles, grads and, unless a chunk has all tiles, parts.
    """
    plan, epilogue = _plan(spec, target), epilogue or Epilogue()
    blocks, unpack = plan.blocks.number(spec.batch), plan.unpack
    sizes = {
        "tiles": blocks * plan.bands * plan.inputs.size,
        "grads": blocks * plan.groups * plan.grads.size,
    }
    spread = Stage(_spread(plan, target), ("x", "grad", "batch", "tiles", "grads"))
    products = _products(plan, target, epilogue)
    inputs = ("x", "grad", "batch", "tiles", "grads")
    if plan.whole:
        stages = [spread, Stage(products, (*inputs, "out"), fused=True)]
    else:
        sizes["parts"] = plan.parts.number(spec.batch) * unpack.size
        name = f"unpack_winograd_{spec.name}"
        laying = unpack_kernel(name, unpack, spec.batch, target, epilogue)
        ending = Stage(laying, ("parts", "batch", "out"), fused=True)
        stages = [spread, Stage(products, (*inputs, "parts")), ending]
    scratch = [(name, size * spec.dtype.itemsize) for name, size in sizes.items()]
    return Program(tuple(stages), tuple(scratch))


def _anonymous(plan: _Plan) -> _Plan:
    """The plan without the batch, which code does not depend on."""
    return replace(plan, spec=replace(plan.spec, batch=0))


def _spread(plan: _Plan, target: Target) -> Kernel:
    """Return the kernel that transforms: table (x, grad, batch, tiles, grads).

    A chunk is a few tiles.
    """
    spec, lanes = plan.spec, plan.tile.lanes
    total = spec.batch * plan.blocks.each
    channels = spec.inputs + spec.outputs
    return Kernel(
        f"spread_winograd_weight_gradient_{spec.name}",
        _emit_spread,
        (_anonymous(plan), target),
        ceil_div(total, _FEW),
        moved=(OUT**2 + POINTS**2) * total * channels * spec.dtype.itemsize,
        workspace=max(each.patch(lanes) for each in plan.sources) * spec.dtype.itemsize,
    )


def _emit_spread(name: str, plan: _Plan, target: Target) -> str:
    kernel, kind = KernelBuilder(name, target), plan.spec.dtype
    batch = kernel.b.load(kernel.buffer(2), I64, align=8)
    total, each, _ = plan.blocks.cut(kernel, batch)
    stop = kernel.minimum(kernel.mul(kernel.end, _FEW), total)
    matrices = (
        (plan.inputs, plan.bands, plan.band),
        (
            plan.grads,
            plan.groups,
            plan.across,
        ),
    )
    with kernel.loop(kernel.mul(kernel.begin, _FEW), stop) as number:
        block, at = kernel.split(number, each)
        for slot, source, (matrix, count, width) in zip((3, 4), plan.sources, matrices):
            with kernel.loop(0, count) as part:
                place = kernel.add(kernel.mul(block, count), part)
                place = kernel.mul(place, matrix.size)
                place = kernel.add(place, kernel.mul(at, matrix.row))
                channels = kernel.mul(part, width), width
                patch = kernel.workspace
                spread = Spread(kernel, source, matrix.plane, patch, channels)
                spread.emit(number, kernel.at(kernel.buffer(slot), place, kind))
    return kernel.finish()


def _products(plan: _Plan, target: Target, epilogue: Epilogue) -> Kernel:
    """Return the kernel of the sums: table (x, grad, batch, tiles, grads, out).

    The last one is that of the parts, if there are several.
    """
    spec, size = plan.spec, plan.spec.dtype.itemsize
    number = plan.parts.number(spec.batch)
    outputs = spec.batch * prod(spec.out_sizes) * spec.outputs
    tiles = spec.batch * plan.blocks.each * (spec.inputs + spec.outputs)
    return Kernel(
        f"winograd_weight_gradient_{spec.name}",
        _emit_products,
        (_anonymous(plan), target, epilogue),
        number * plan.bands * plan.groups,
        flops=2 * outputs * spec.inputs * _TAPS**2,
        moved=(POINTS**2 * tiles + number * plan.unpack.size) * size,
        workspace=(plan.laid + plan.sums.size) * size,
    )


def _emit_products(name: str, plan: _Plan, target: Target, epilogue: Epilogue) -> str:
    kernel = KernelBuilder(name, target)
    batch = kernel.b.load(kernel.buffer(2), I64, align=8)
    cut = plan.blocks.cut(kernel, batch)
    parts = plan.parts.emit(kernel, batch)
    with shares(kernel, (plan.bands, plan.groups), parts, cut[2]) as share:
        work = _Chunk(kernel, plan, share.part, *share.results)
        start, stop = share.start, share.stop
        first, last = (kernel.mul(each, cut[1]) for each in (start, stop))
        tiles = first, kernel.minimum(last, cut[0])
        with kernel.when(kernel.b.icmp_signed(">=", start, stop)):
            work.clear()
        with (
            kernel.loop(0, POINTS**2) as point,
            kernel.loop(start, stop) as block,
        ):
            left = kernel.sub(cut[0], kernel.mul(block, cut[1]))
            count = kernel.minimum(left, cut[1])
            added = kernel.b.icmp_signed(">", block, start)
            work.multiply(point, block, count, added)
        with kernel.loop(work.first, work.last) as panel:
            work.restore(panel, tiles)
            if plan.whole:
                work.unpack(panel, epilogue, share.chunk)
    return kernel.finish()


class _Chunk:
    """A band of input channels and a group of output channels, for a part."""

    def __init__(
        self,
        kernel: KernelBuilder,
        plan: _Plan,
        part: ir.Value,
        band: ir.Value,
        group: ir.Value,
    ) -> None:
        self.kernel, self.plan, self.kind = kernel, plan, plan.spec.dtype
        self.part, self.band, self.group = part, band, group
        self.low = kernel.mul(band, plan.band)
        self.high = kernel.minimum(kernel.add(self.low, plan.band), plan.spec.inputs)
        self.first = kernel.mul(group, plan.together)
        last = kernel.add(self.first, plan.together)
        self.last = kernel.minimum(last, plan.panels)

    def _own(self, place: ir.Value | int) -> ir.Value:
        return self.kernel.at(self.kernel.workspace, place, self.kind)

    def clear(self) -> None:
        """Set the sums to zero."""
        kernel, plan, lanes = self.kernel, self.plan, self.plan.tile.lanes
        zero = ir.constant(value_type(self.kind, lanes), None)
        with kernel.loop(0, plan.sums.size, lanes) as at:
            kernel.store(zero, self._own(plan.laid), at, self.kind)

    def multiply(
        self, point: ir.Value, block: ir.Value, count: ir.Value, added: ir.Value
    ) -> None:
        """Add the products of `count` tiles to the sums of a point, or set them."""
        kernel, plan = self.kernel, self.plan
        tiles, grads = self._operands(point, block)
        sums = kernel.add(kernel.mul(point, plan.sums.plane), plan.laid)
        whole, rest = divmod(plan.band, plan.tile.rows)
        with kernel.loop(0, kernel.sub(self.last, self.first)) as panel:
            column = kernel.mul(panel, plan.tile.columns)
            b, to = kernel.at(grads, column, self.kind), kernel.add(sums, column)

            def emit(row: ir.Value, rows: int) -> None:
                shape = TileShape(rows, plan.tile.vectors, plan.tile.lanes)
                tile = Tile(kernel, shape, self.kind)
                there = self._own(kernel.add(to, kernel.mul(row, plan.sums.row)))
                with kernel.when(added):
                    tile.load(there, plan.sums.row)
                a, lines = kernel.at(tiles, row, self.kind), range(rows)
                step = plan.inputs.row, plan.grads.row
                tile.accumulate(
                    a, [(at, at) for at in lines], step[0], b, step[1], count
                )
                tile.store(there, plan.sums.row)

            with kernel.loop(0, whole) as number:
                emit(kernel.mul(number, plan.tile.rows), plan.tile.rows)
            if rest:
                emit(kernel.int(whole * plan.tile.rows), rest)

    def _operands(self, point: ir.Value, block: ir.Value) -> list[ir.Value]:
        """Where the tiles of the input and of the gradient begin."""
        kernel, plan, found = self.kernel, self.plan, []
        matrices = (
            (plan.inputs, plan.bands, self.band),
            (plan.grads, plan.groups, self.group),
        )
        for slot, (matrix, count, number) in enumerate(matrices, 3):
            place = kernel.add(kernel.mul(block, count), number)
            place = kernel.mul(place, matrix.size)
            place = kernel.add(place, kernel.mul(point, matrix.plane))
            found.append(kernel.at(kernel.buffer(slot), place, self.kind))
        return found

    def restore(self, panel: ir.Value, tiles: tuple[ir.Value, ir.Value]) -> None:
        """Transform the sums of a panel over some tiles to taps."""
        kernel, plan, kind = self.kernel, self.plan, self.kind
        columns, lanes = plan.tile.columns, plan.tile.lanes
        source = kernel.mul(kernel.sub(panel, self.first), columns)
        source = self._own(kernel.add(source, plan.laid))
        if plan.whole:
            taps = plan.band * columns
            target = self._own(turned_size(lanes))
        else:
            taps = plan.spec.inputs * columns
            place = kernel.mul(self.part, plan.unpack.size)
            place = kernel.add(place, kernel.mul(panel, _TAPS**2 * taps))
            place = kernel.add(place, kernel.mul(self.low, columns))
            target = kernel.at(kernel.buffer(5), place, kind)
        rows = kernel.sub(self.high, self.low)
        repair = TapRepair(kernel, plan.sources, taps)
        # at once they need more registers than there are
        for group in GT.groups_on(kernel.target):
            with kernel.loop(0, rows) as row, kernel.loop(0, columns, lanes) as lane:
                place = kernel.add(kernel.mul(row, plan.sums.row), lane)
                here = kernel.at(source, place, kind)
                place = kernel.add(kernel.mul(row, columns), lane)
                there = kernel.at(target, place, kind)
                found = self._taps(here, there, taps, group)
                column = kernel.add(kernel.mul(panel, columns), lane)
                channels = kernel.add(self.low, row), column
                repair.emit(found, there, tiles, channels)

    def _taps(
        self, source: ir.Value, target: ir.Value, taps: int, group: tuple[int, ...]
    ) -> Found:
        """Transform a vector of sums to some rows of taps, `taps` apart."""
        kernel, plan, kind = self.kernel, self.plan, self.kind
        done: Found = []

        def load(i: int, j: int) -> ir.Value:
            at = (i * POINTS + j) * plan.sums.plane
            return kernel.load(source, at, kind, plan.tile.lanes)

        def store(found: Found) -> None:
            done.extend(found)
            for i, j, value in found:
                kernel.store(value, target, (i * _TAPS + j) * taps, kind)

        transform(kernel, GT, kind, load, store, (group,))
        return done

    def unpack(self, panel: ir.Value, epilogue: Epilogue, chunk: ir.Value) -> None:
        """Lay the taps of a panel out."""
        kernel, plan = self.kernel, self.plan
        place = kernel.int(turned_size(plan.tile.lanes))
        band = Band(panel, self.low, self.high, plan.band, place, chunk, 5)
        unpack_band(kernel, plan.unpack, epilogue, band)
