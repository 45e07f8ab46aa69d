"""The products of Winograd's convolution: one matrix product for each point of a tile.

Where a near cache holds the transformed weights beside a block of tiles, a chunk is
such a block: it transforms the tiles, multiplies, and transforms the products back.

Otherwise a chunk is a group of output channels for a block of tiles. It transforms
their weights itself, some input channels at a time, and multiplies them with tiles
that an earlier kernel has transformed for all groups.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...runtime.target import Target
from . import ir
from .builder import I64, KernelBuilder
from .kernel import Kernel
from .program import Epilogue
from .tile import Tile, TileShape, ceil_div
from .winograd_forms import POINTS
from .winograd_plan import Plan
from .winograd_repair import PixelRepair
from .winograd_tiles import Restore, Spread
from .winograd_weights import emit_weights

__all__ = ["far_kernel", "near_kernel", "spread_kernel"]

_FEW = 8  # tiles that a chunk transforms where it does nothing else


def _kernel(
    name: str, emit: Any, plan: Plan, chunks: int, space: int, *others: Any
) -> Kernel:
    """Describe a kernel whose thread needs `space` elements of its own."""
    spec = plan.spec
    recipe = (replace(plan, spec=replace(spec, batch=0)), *others)
    flops = 0 if emit is _emit_spread else spec.flops
    size = space * spec.dtype.itemsize
    return Kernel(name, emit, recipe, chunks, flops, spec.moved, workspace=size)


def near_kernel(plan: Plan, target: Target, epilogue: Epilogue) -> Kernel:
    """Return the kernel of all channels: table (x, packed, turned, batch, out)."""
    space = plan.tiles.size + plan.products.size
    space += plan.spec.source.patch(plan.tile.lanes)
    chunks = plan.blocks.number(plan.spec.batch)
    return _kernel(plan.spec.name, _emit_near, plan, chunks, space, target, epilogue)


def _emit_near(name: str, plan: Plan, target: Target, epilogue: Epilogue) -> str:
    kernel = KernelBuilder(name, target)
    total, each = _cut(kernel, plan, 3)
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        first = kernel.mul(chunk, each)
        count = kernel.minimum(kernel.sub(total, first), each)
        spare = plan.tiles.size + plan.products.size
        work = _Near(kernel, plan, epilogue, chunk, first, count, spare)
        work.spread()
        with kernel.loop(0, plan.groups) as group:
            work.multiply(group)
            work.restore(group, plan.tiles.size)
    return kernel.finish()


def spread_kernel(plan: Plan, target: Target) -> Kernel:
    """Return the kernel that transforms all tiles: table (x, tiles, batch)."""
    spec = plan.spec
    chunks, space = (
        ceil_div(spec.batch * spec.each, _FEW),
        spec.source.patch(plan.tile.lanes),
    )
    name = f"spread_{spec.name}"
    return _kernel(name, _emit_spread, plan, chunks, space, target)


def _emit_spread(name: str, plan: Plan, target: Target) -> str:
    kernel, spec = KernelBuilder(name, target), plan.spec
    total, each = _cut(kernel, plan, 2)
    stop = kernel.minimum(kernel.mul(kernel.end, _FEW), total)
    with (
        kernel.loop(kernel.mul(kernel.begin, _FEW), stop) as number,
        kernel.loop(0, ceil_div(spec.depth, plan.deep)) as part,
    ):
        block, at = kernel.split(number, each)
        place = kernel.mul(block, plan.block)
        place = kernel.add(place, kernel.mul(part, plan.tiles.size))
        place = kernel.add(place, kernel.mul(at, plan.tiles.row))
        channels = kernel.mul(part, plan.deep), plan.deep
        plane, patch = plan.tiles.plane, kernel.workspace
        spread = Spread(kernel, spec.source, plane, patch, channels)
        spread.emit(number, kernel.at(kernel.buffer(1), place, spec.dtype))
    return kernel.finish()


def far_kernel(plan: Plan, target: Target, epilogue: Epilogue) -> Kernel:
    """Return the kernel on transformed tiles: table (x, packed, tiles, batch, out)."""
    space = plan.products.size + POINTS**2 * plan.weights.plane
    chunks = plan.blocks.number(plan.spec.batch) * plan.groups
    return _kernel(plan.spec.name, _emit_far, plan, chunks, space, target, epilogue)


def _emit_far(name: str, plan: Plan, target: Target, epilogue: Epilogue) -> str:
    kernel = KernelBuilder(name, target)
    total, each = _cut(kernel, plan, 3)
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        block, group = kernel.split(chunk, plan.groups)
        first = kernel.mul(block, each)
        count = kernel.minimum(kernel.sub(total, first), each)
        spare = plan.products.size
        work = _Far(kernel, plan, epilogue, block, first, count, spare)
        with kernel.loop(0, plan.spec.depth, plan.deep) as start:
            depth = work.weights(group, start)
            work.multiply(block, group, start, depth)
        work.restore(group, 0)
    return kernel.finish()


def _cut(kernel: KernelBuilder, plan: Plan, slot: int) -> tuple[ir.Value, ir.Value]:
    """The number of tiles, and of those in a block; `slot` has that of the images."""
    batch = kernel.b.load(kernel.buffer(slot), I64, align=8)
    total, each, _ = plan.blocks.cut(kernel, batch)
    return total, each


class _Work:
    """A block of tiles: the first one's number, and how many.

    `spare` is memory of the thread's own that a finished product leaves free.
    """

    def __init__(
        self,
        kernel: KernelBuilder,
        plan: Plan,
        epilogue: Epilogue,
        part: ir.Value,
        first: ir.Value,
        count: ir.Value,
        spare: int,
    ) -> None:
        self.kernel, self.plan, self.spec = kernel, plan, plan.spec
        self.first, self.count = first, count
        self.spare = self.own(spare)
        given = kernel.buffer(0), kernel.buffer(1)
        repair = PixelRepair(kernel, self.spec, plan.tile.columns, given, self.spare)
        plane = plan.products.plane
        self.output = Restore(kernel, self.spec, plane, epilogue, part, repair.emit)

    def own(self, at: ir.Value | int) -> ir.Value:
        """An address in the thread's own memory."""
        return self.kernel.at(self.kernel.workspace, at, self.spec.dtype)

    def panels(self, group: ir.Value) -> tuple[ir.Value, ir.Value]:
        """The first panel of a group, and how many."""
        first = self.kernel.mul(group, self.plan.together)
        left = self.kernel.sub(self.plan.panels, first)
        return first, self.kernel.minimum(left, self.plan.together)

    def product(self, base: int, point: ir.Value, panel: ir.Value) -> ir.Value:
        """Where the products of a point and a panel begin."""
        kernel, plan = self.kernel, self.plan
        place = kernel.add(kernel.mul(point, plan.products.plane), base)
        return self.own(kernel.add(place, kernel.mul(panel, plan.tile.columns)))

    def matrix(
        self,
        tiles: ir.Value,
        weights: ir.Value,
        out: ir.Value,
        depth: int | ir.Value,
        added: ir.Value | None = None,
    ) -> None:
        """Multiply one point of the tiles with a panel of its weights.

        What is left of the tiles by register tiles is done by half as high ones.

        Args:
            tiles: the address of the first tile.
            weights: the address of the panel.
            out: the address of the first product.
            depth: how many channels.
            added: whether the products are added to those that are there.
        """
        kernel, plan, kind = self.kernel, self.plan, self.spec.dtype
        shape, step, across = plan.tile, plan.tiles.row, plan.products.row
        whole, _ = kernel.split(self.count, shape.rows)
        done, half = kernel.mul(whole, shape.rows), ceil_div(shape.rows, 2)
        for start, stop, each in (0, done, shape.rows), (done, self.count, half):
            with kernel.loop(start, stop, each) as row:
                a = kernel.at(tiles, kernel.mul(row, step), kind)
                to = kernel.at(out, kernel.mul(row, across), kind)
                tile = Tile(kernel, TileShape(each, shape.vectors, shape.lanes), kind)
                if added is not None:
                    with kernel.when(added):
                        tile.load(to, across)
                rows = [(at, at * step) for at in range(each)]
                tile.accumulate(a, rows, 1, weights, shape.columns, depth)
                tile.store(to, across)

    def restore(self, group: ir.Value, base: int) -> None:
        """Transform the products of a group back."""
        kernel, across = self.kernel, self.plan.products.row
        column = kernel.mul(group, across)
        count = kernel.minimum(kernel.sub(self.spec.columns, column), across)
        self.output.begin(column, count)
        with kernel.loop(0, self.count) as at:
            place = self.own(kernel.add(kernel.mul(at, across), base))
            self.output.emit(kernel.add(self.first, at), place, column, count)


class _Near(_Work):
    """A block of tiles for all channels. Its own memory: tiles, products, pixels."""

    def spread(self) -> None:
        """Transform the tiles."""
        kernel, plan = self.kernel, self.plan
        spread = Spread(kernel, self.spec.source, plan.tiles.plane, self.spare)
        with kernel.loop(0, self.count) as at:
            place = self.own(kernel.mul(at, plan.tiles.row))
            spread.emit(kernel.add(self.first, at), place)

    def multiply(self, group: ir.Value) -> None:
        """Multiply with the weights of a group."""
        kernel, plan = self.kernel, self.plan
        _, panels = self.panels(group)
        with kernel.loop(0, POINTS**2) as point, kernel.loop(0, panels) as panel:
            place = plan.weights.place(kernel, group, point, panel)
            weights = kernel.at(kernel.buffer(2), place, self.spec.dtype)
            tiles = self.own(kernel.mul(point, plan.tiles.plane))
            out = self.product(plan.tiles.size, point, panel)
            self.matrix(tiles, weights, out, self.spec.depth)


class _Far(_Work):
    """A block of tiles for a group. Its own memory: products, weights."""

    def turned(self, point: ir.Value | int, panel: ir.Value) -> ir.Value:
        """Where the weights of a panel begin, for a point of the tiles."""
        kernel, plan = self.kernel, self.plan
        place = plan.weights.place(kernel, kernel.int(0), point, panel)
        return kernel.at(self.spare, place, self.spec.dtype)

    def weights(self, group: ir.Value, start: ir.Value) -> int | ir.Value:
        """Transform the weights of some channels; return how many there are."""
        kernel, plan, spec = self.kernel, self.plan, self.spec
        columns, depth = plan.tile.columns, plan.deep
        count: int | ir.Value = depth
        if spec.depth % depth:
            count = kernel.minimum(kernel.sub(spec.depth, start), depth)
        first, panels = self.panels(group)
        with kernel.loop(0, panels) as panel:
            place = kernel.mul(kernel.add(first, panel), 9 * spec.depth)
            place = kernel.mul(kernel.add(place, start), columns)
            source = kernel.at(kernel.buffer(1), place, spec.dtype)
            target = self.turned(0, panel)
            number = kernel.mul(count, columns)
            emit_weights(
                kernel, plan.weights, source, spec.depth * columns, target, number
            )
        return count

    def multiply(
        self,
        block: ir.Value,
        group: ir.Value,
        start: ir.Value,
        depth: int | ir.Value,
    ) -> None:
        """Multiply some channels and add the products to those of earlier ones."""
        kernel, plan = self.kernel, self.plan
        _, panels = self.panels(group)
        part = kernel.mul(kernel.div(start, plan.deep), plan.tiles.size)
        part = kernel.add(kernel.mul(block, plan.block), part)
        later = kernel.b.icmp_signed(">", start, kernel.int(0))
        with kernel.loop(0, POINTS**2) as point, kernel.loop(0, panels) as panel:
            place = kernel.add(part, kernel.mul(point, plan.tiles.plane))
            tiles = kernel.at(kernel.buffer(2), place, self.spec.dtype)
            out = self.product(0, point, panel)
            self.matrix(tiles, self.turned(point, panel), out, depth, later)
