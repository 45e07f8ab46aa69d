"""Matrix products: out[b, m, n] = sum over k of A[b, m, k] * B[b, k, n].

Columns lie across vectors, rows are broadcast. Operands are read where they lie, with
any strides, or from panels that a first kernel packs. A long reduction over a small
output is split in parts, which a last kernel adds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from llvmlite import ir

from ... import dtypes as dt
from ...runtime.target import Target
from .builder import I64, KernelBuilder
from .dot import Dots, dot_kernel
from .folding import Fold, fold_kernel
from .kernel import Kernel, planned_once
from .loops import unravel
from .packing import Pack, Steps, pack_kernel
from .program import Epilogue, Position, Program, Stage
from .tile import Tile, TileShape, ceil_div, choose_tile

__all__ = ["MatmulSpec", "matmul"]

_CHUNK_FLOPS = 2_000_000
_MOST_DEPTH = 4096  # so that a panel of B stays in the second-level cache
_LEAST_DEPTH = 256  # below which a part is not worth its sum
_ALIAS = 2048  # what lies so many bytes apart competes for places in a cache
_THIN = 4  # rows up to which B is not worth packing
_TYPICAL = 64  # rows or steps, for which code with a free size is planned
_CHUNKS = 32  # enough for the threads that a small output should employ


@dataclass(frozen=True)
class MatmulSpec:
    """A batch of matrix products; the output is dense.

    Attributes:
        dtype: float32 or float64.
        batch: the batch dimensions, () for one product.
        rows: M.
        columns: N.
        depth: K.
        a_strides: of A, in elements: of each batch dimension, of rows, of depth.
        b_strides: of B: of each batch dimension, of depth, of columns.
        free: "rows" or "depth" if the code shall not depend on that size, which is
            read from a buffer; there are no batch dimensions then.
    """

    dtype: dt.dtype
    batch: tuple[int, ...]
    rows: int
    columns: int
    depth: int
    a_strides: tuple[int, ...]
    b_strides: tuple[int, ...]
    free: str = ""

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape of the output."""
        return (*self.batch, self.rows, self.columns)

    @property
    def name(self) -> str:
        """The sizes, for kernels' names."""
        rows = "m" if self.free == "rows" else self.rows
        depth = "k" if self.free == "depth" else self.depth
        sizes = (*self.batch, rows, self.columns, depth)
        return f"{self.dtype.name}_{'x'.join(map(str, sizes))}"

    @property
    def typical(self) -> MatmulSpec:
        """The spec by which the code is planned: the free size is some number."""
        rows = _TYPICAL if self.free == "rows" else self.rows
        depth = _TYPICAL if self.free == "depth" else self.depth
        return replace(self, rows=rows, depth=depth)


@dataclass(frozen=True)
class _Grid:
    """How the work is cut: the tile, parts of the depth, row tiles per chunk."""

    tile: TileShape
    parts: int
    part: int
    together: int

    def row_tiles(self, spec: MatmulSpec) -> int:
        return ceil_div(spec.rows, self.tile.rows)

    @property
    def together_rows(self) -> int:
        """How many rows a chunk has."""
        return self.together * self.tile.rows

    def panels(self, spec: MatmulSpec) -> int:
        return ceil_div(spec.columns, self.tile.columns)


@planned_once
def matmul(
    spec: MatmulSpec, target: Target, epilogue: Epilogue | None = None
) -> Program:
    """Return the kernels of a matrix product.

    Buffers: a, b, out, and size (one int64) where a size is free; scratch: a_panels,
    b_panels (packed operands), parts (of a split reduction). The epilogue sees the
    indices (*batch, row, column).
    """
    epilogue = epilogue or Epilogue()
    if _thin(spec):
        dots = Dots(
            f"dot_{spec.name}",
            spec.dtype,
            spec.batch,
            spec.rows,
            spec.columns,
            spec.depth,
            spec.a_strides[:-1],
            (*spec.b_strides[:-2], spec.b_strides[-1]),
        )
        kernel = dot_kernel(dots, target, epilogue)
        return Program((Stage(kernel, ("a", "b", "out"), fused=True),))
    grid = _grid(spec.typical, target)
    stages, scratch = [], []
    packs = {"a": _packing_a(spec, grid), "b": _packing_b(spec, grid)}
    operands = []
    for operand, pack in packs.items():
        operands.append(operand if pack is None else f"{operand}_panels")
        if pack is not None:
            kernel = pack_kernel(f"pack_{operand}_{spec.name}", pack, target)
            stages.append(Stage(kernel, (operand, operands[-1])))
            scratch.append((operands[-1], pack.size * spec.dtype.itemsize))
    whole = grid.parts == 1
    product = _product(spec, grid, packs["a"], packs["b"], target, epilogue)
    out = "out" if whole else "parts"
    size = ("size",) if spec.free else ()
    stages.append(Stage(product, (*operands, out, *size), fused=whole))
    if not whole:
        fold = Fold(spec.dtype, grid.parts, spec.sizes)
        kernel = fold_kernel(f"fold_{spec.name}", fold, target, epilogue)
        stages.append(Stage(kernel, ("parts", "out"), fused=True))
        elements = grid.parts * prod(spec.sizes)
        scratch.append(("parts", elements * spec.dtype.itemsize))
    return Program(tuple(stages), tuple(scratch))


def _thin(spec: MatmulSpec) -> bool:
    """Whether B is used too little to pack it, and both lie along the reduction."""
    along = spec.a_strides[-1] == 1 and spec.b_strides[-2] == 1
    few = spec.rows <= _THIN and spec.depth >= _LEAST_DEPTH
    return along and few and not spec.free


def _grid(spec: MatmulSpec, target: Target) -> _Grid:
    tile = choose_tile(target, spec.dtype.itemsize, spec.rows, spec.columns)
    tiles = ceil_div(spec.rows, tile.rows) * ceil_div(spec.columns, tile.columns)
    tiles *= prod(spec.batch)
    parts = min(ceil_div(_CHUNKS, max(tiles, 1)), spec.depth // _LEAST_DEPTH)
    parts = 1 if spec.free else max(parts, ceil_div(spec.depth, _MOST_DEPTH), 1)
    part = max(ceil_div(spec.depth, parts), 1)
    flops = 2 * tile.rows * tile.columns * part
    together = max(1, _CHUNK_FLOPS // max(flops, 1))
    return _Grid(tile, max(ceil_div(spec.depth, part), 1), part, together)


def _packing_a(spec: MatmulSpec, grid: _Grid) -> Pack | None:
    """How A is packed, if the steps of a reduction push each other out of the cache."""
    row, depth = spec.a_strides[-2:]
    alias = depth * spec.dtype.itemsize % _ALIAS == 0
    if not alias or grid.row_tiles(spec) < 4 or grid.panels(spec) < 4 or spec.free:
        return None
    return Pack(
        dtype=spec.dtype,
        groups=tuple(zip(spec.batch, spec.a_strides)),
        taps=(Steps(0, 0, 1),),
        rows=(spec.depth, depth),
        columns=(spec.rows, row),
        panel=grid.tile.rows,
    )


def _packing_b(spec: MatmulSpec, grid: _Grid) -> Pack | None:
    """How B is packed, if its columns are not neighbours or it is read often."""
    depth, columns = spec.b_strides[-2:]
    often = grid.row_tiles(spec.typical) >= 4 and spec.columns > grid.tile.columns
    if columns == 1 and (spec.free == "depth" or not often):
        return None
    return Pack(
        dtype=spec.dtype,
        groups=tuple(zip(spec.batch, spec.b_strides)),
        taps=(Steps(0, 0, 1),),
        rows=(spec.depth, depth),
        columns=(spec.columns, columns),
        panel=grid.tile.columns,
    )


def _product(
    spec: MatmulSpec,
    grid: _Grid,
    a: Pack | None,
    b: Pack | None,
    target: Target,
    epilogue: Epilogue,
) -> Kernel:
    """Return the kernel that multiplies: table (A, B, out or parts).

    A chunk is some row tiles of one panel of one product of one part.
    """
    panels, batch = grid.panels(spec), prod(spec.batch)
    flops = 2 * prod(spec.sizes) * spec.depth
    area = spec.rows * spec.depth + spec.depth * spec.columns + spec.rows * spec.columns
    moved = batch * area * spec.dtype.itemsize
    chunks = grid.parts * batch * panels * ceil_div(spec.rows, grid.together_rows)
    recipe = (spec.typical, grid, a, b, target, epilogue)
    return Kernel(f"matmul_{spec.name}", _emit, recipe, chunks, flops, moved)


def _emit(
    name: str,
    spec: MatmulSpec,
    grid: _Grid,
    a: Pack | None,
    b: Pack | None,
    target: Target,
    epilogue: Epilogue,
) -> str:
    kernel = KernelBuilder(name, target)
    panels, batch, height = grid.panels(spec), prod(spec.batch), grid.tile.rows
    rows, depth = _size(kernel, spec, "rows"), _size(kernel, spec, "depth")
    whole, _ = kernel.split(kernel.int(rows), height)
    more = kernel.add(rows, grid.together_rows - 1)
    blocks, _ = kernel.split(more, grid.together_rows)
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        upper, block = kernel.split(chunk, blocks)
        upper, panel = kernel.split(upper, panels)
        part, product = kernel.split(upper, batch)
        place = _Place(chunk, part, product, panel, rows, depth)
        work = _Work(kernel, spec, grid, a, b, epilogue, place)
        first = kernel.mul(block, grid.together)
        stop = kernel.minimum(kernel.add(first, grid.together), whole)
        with kernel.loop(first, stop) as at:
            work.tile(at, kernel.mul(at, height), height)
        last = kernel.b.icmp_signed("==", block, kernel.sub(blocks, 1))
        with kernel.when(last):
            work.rest(whole)
    return kernel.finish()


def _size(kernel: KernelBuilder, spec: MatmulSpec, which: str) -> int | ir.Value:
    """The rows or the depth: a constant, or read from the buffer of the free size."""
    if spec.free == which:
        return kernel.b.load(kernel.buffer(3), typ=I64, align=8)
    return spec.rows if which == "rows" else spec.depth


@dataclass(frozen=True)
class _Place:
    """The numbers of a chunk, its part, product and panel, and the sizes."""

    chunk: ir.Value
    part: ir.Value
    product: ir.Value
    panel: ir.Value
    rows: int | ir.Value
    depth: int | ir.Value


class _Work:
    """One chunk: where its operands begin, and its tiles."""

    def __init__(
        self,
        kernel: KernelBuilder,
        spec: MatmulSpec,
        grid: _Grid,
        a: Pack | None,
        b: Pack | None,
        epilogue: Epilogue,
        place: _Place,
    ) -> None:
        self.kernel, self.spec, self.grid, self.epilogue = kernel, spec, grid, epilogue
        self.packed_a, self.place = a, place
        self.indices = unravel(kernel, place.product, spec.batch)
        self.column = kernel.mul(place.panel, grid.tile.columns)
        self.depth = kernel.mul(place.part, grid.part)
        self.a = self._offset(spec.a_strides, spec.a_strides[-1])
        self.b_step = spec.b_strides[-2] if b is None else b.panel
        self.masks = self._masks() if b is None else None
        if b is None:
            self.b = kernel.add(self._offset(spec.b_strides, self.b_step), self.column)
        else:
            self.b = self._in_panel(b, place.panel)

    def _in_panel(self, pack: Pack, panel: ir.Value) -> ir.Value:
        """Where a panel of this product begins, at this part."""
        kernel = self.kernel
        line = kernel.add(kernel.mul(self.place.product, pack.panels), panel)
        line = kernel.add(kernel.mul(line, self.place.depth), self.depth)
        return kernel.mul(line, pack.panel)

    def _offset(self, strides: tuple[int, ...], depth: int) -> ir.Value:
        """Where an operand begins, at this product and part."""
        kernel = self.kernel
        place = kernel.mul(self.depth, depth)
        for index, stride in zip(self.indices, strides):
            place = kernel.add(place, kernel.mul(index, stride))
        return place

    def _valid(self, vector: int) -> ir.Value | None:
        """How many lanes of a vector exist, if they may not all do."""
        if self.spec.columns % self.grid.tile.columns == 0:
            return None
        left = self.kernel.sub(self.spec.columns, self.column)
        return self.kernel.sub(left, vector * self.grid.tile.lanes)

    def _masks(self) -> list[ir.Value | None]:
        """The lanes of B that may be read."""
        lanes = self.grid.tile.lanes
        valid = [self._valid(v) for v in range(self.grid.tile.vectors)]
        return [v and self.kernel.first_lanes(v, lanes) for v in valid]

    def rest(self, whole: ir.Value) -> None:
        """Emit the rows after the whole tiles.

        Where their number is not known they are done by its binary digits.
        """
        kernel, height = self.kernel, self.grid.tile.rows
        first = kernel.mul(whole, height)
        if isinstance(self.place.rows, int):
            if self.place.rows % height:
                self.tile(whole, first, self.place.rows % height)
            return
        left = kernel.sub(self.place.rows, first)
        for digit in reversed(range((height - 1).bit_length())):
            size = 1 << digit
            has = kernel.b.and_(left, kernel.int(size))
            done = kernel.b.and_(left, kernel.int(-2 * size))
            with kernel.when(kernel.b.icmp_signed("!=", has, kernel.int(0))):
                self.tile(whole, kernel.add(first, done), size)

    def tile(self, number: ir.Value, row: ir.Value, rows: int) -> None:
        """Emit a tile of `rows` rows from `row`."""
        kernel, spec, kind = self.kernel, self.spec, self.spec.dtype
        shape = TileShape(rows, self.grid.tile.vectors, self.grid.tile.lanes)
        tile = Tile(kernel, shape, kind)
        row_step, step = spec.a_strides[-2:]
        place = kernel.add(self.a, kernel.mul(row, row_step))
        if self.packed_a is not None:
            row_step, step = 1, self.packed_a.panel
            place = self._in_panel(self.packed_a, number)
        a = kernel.at(kernel.buffer(0), place, kind)
        b = kernel.at(kernel.buffer(1), self.b, kind)
        offsets = [(each, each * row_step) for each in range(rows)]
        epilogue = self.epilogue if self.grid.parts == 1 else Epilogue()
        places = self._places(shape, row)
        epilogue.prepare(kernel, places)
        tile.accumulate(a, offsets, step, b, self.b_step, self._count(), self.masks)
        epilogue.store_tile(kernel, tile.columns(places))

    def _count(self) -> int | ir.Value:
        """How many steps this part has; the last may have fewer."""
        if self.grid.parts == 1:
            return self.place.depth
        if self.grid.parts * self.grid.part == self.spec.depth:
            return self.grid.part
        left = self.kernel.sub(self.spec.depth, self.depth)
        return self.kernel.minimum(left, self.grid.part)

    def _places(self, shape: TileShape, row: ir.Value) -> list[list[Position]]:
        """Where a tile's vectors belong, column by column."""
        kernel, spec = self.kernel, self.spec
        first = kernel.mul(self.place.product, self.place.rows)
        free = 4 if spec.free else 3
        if self.grid.parts > 1:
            batch = kernel.mul(self.place.part, prod(spec.batch) * spec.rows)
            first = kernel.add(first, batch)
        vectors = range(shape.vectors)
        places = [kernel.add(self.column, v * shape.lanes) for v in vectors]
        valid = [self._valid(v) for v in vectors]
        columns: list[list[Position]] = [[] for _ in vectors]
        for at in range(shape.rows):
            here = kernel.add(row, at)
            line = kernel.mul(kernel.add(first, here), spec.columns)
            for v in vectors:
                indices = (*self.indices, here, places[v])
                offset = kernel.add(line, places[v])
                position = Position(
                    indices, offset, valid[v], self.place.chunk, 2, free, spec.dtype
                )
                columns[v].append(position)
        return columns
