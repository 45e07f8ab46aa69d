"""Matrix products: out[b, m, n] = sum over k of A[b, m, k] * B[b, k, n].

Columns lie across vectors, rows are broadcast. Operands are read where they lie, with
any strides, or from panels that a first kernel packs. A long reduction over a small
output is split in parts, which a last kernel adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from llvmlite import ir

from ... import dtypes as dt
from ...runtime.target import Target
from .builder import KernelBuilder
from .dot import Dots, dot_kernel
from .folding import Fold, fold_kernel
from .kernel import Kernel
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
    """

    dtype: dt.dtype
    batch: tuple[int, ...]
    rows: int
    columns: int
    depth: int
    a_strides: tuple[int, ...]
    b_strides: tuple[int, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape of the output."""
        return (*self.batch, self.rows, self.columns)

    @property
    def name(self) -> str:
        """The sizes, for kernels' names."""
        batch = "".join(f"{size}x" for size in self.batch)
        return f"{self.dtype.name}_{batch}{self.rows}x{self.columns}x{self.depth}"


@dataclass(frozen=True)
class _Grid:
    """How the work is cut: the tile, parts of the depth, row tiles per chunk."""

    tile: TileShape
    parts: int
    part: int
    together: int

    def row_tiles(self, spec: MatmulSpec) -> int:
        return ceil_div(spec.rows, self.tile.rows)

    def row_chunks(self, spec: MatmulSpec) -> int:
        return ceil_div(self.row_tiles(spec), self.together)

    def panels(self, spec: MatmulSpec) -> int:
        return ceil_div(spec.columns, self.tile.columns)


def matmul(
    spec: MatmulSpec, target: Target, epilogue: Epilogue | None = None
) -> Program:
    """Return the kernels of a matrix product.

    Buffers: a, b, out; scratch: a_panels, b_panels (packed operands), parts (of a split
    reduction). The epilogue sees the indices (*batch, row, column).
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
    grid = _grid(spec, target)
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
    stages.append(Stage(product, (*operands, out), fused=whole))
    if not whole:
        fold = Fold(spec.dtype, grid.parts, spec.sizes)
        kernel = fold_kernel(f"fold_{spec.name}", fold, target, epilogue)
        stages.append(Stage(kernel, ("parts", "out"), fused=True))
        size = grid.parts * prod(spec.sizes) * spec.dtype.itemsize
        scratch.append(("parts", size))
    return Program(tuple(stages), tuple(scratch))


def _thin(spec: MatmulSpec) -> bool:
    """Whether B is used too little to pack it, and both lie along the reduction."""
    along = spec.a_strides[-1] == 1 and spec.b_strides[-2] == 1
    return along and spec.rows <= _THIN and spec.depth >= _LEAST_DEPTH


def _grid(spec: MatmulSpec, target: Target) -> _Grid:
    tile = choose_tile(target, spec.dtype.itemsize, spec.rows, spec.columns)
    tiles = ceil_div(spec.rows, tile.rows) * ceil_div(spec.columns, tile.columns)
    tiles *= prod(spec.batch)
    parts = min(ceil_div(_CHUNKS, max(tiles, 1)), spec.depth // _LEAST_DEPTH)
    parts = max(parts, ceil_div(spec.depth, _MOST_DEPTH), 1)
    part = max(ceil_div(spec.depth, parts), 1)
    flops = 2 * tile.rows * tile.columns * part
    together = max(1, _CHUNK_FLOPS // max(flops, 1))
    return _Grid(tile, max(ceil_div(spec.depth, part), 1), part, together)


def _packing_a(spec: MatmulSpec, grid: _Grid) -> Pack | None:
    """How A is packed, if what a tile reads would push itself out of the cache."""
    row, depth = spec.a_strides[-2:]
    alias = max(row, depth) * spec.dtype.itemsize % _ALIAS == 0
    if not alias or grid.row_tiles(spec) < 4 or grid.panels(spec) < 4:
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
    often = grid.row_tiles(spec) >= 4 and spec.columns > grid.tile.columns
    if columns == 1 and not often:
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
    kernel = KernelBuilder(f"matmul_{spec.name}", target)
    panels, blocks = grid.panels(spec), grid.row_chunks(spec)
    batch = prod(spec.batch)
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        if grid.parts == 1:
            epilogue.start(kernel, chunk, 3)
        upper, block = kernel.split(chunk, blocks)
        upper, panel = kernel.split(upper, panels)
        part, product = kernel.split(upper, batch)
        place = _Place(chunk, part, product, panel)
        work = _Work(kernel, spec, grid, a, b, epilogue, place)
        first = kernel.mul(block, grid.together)
        whole = spec.rows // grid.tile.rows
        stop = kernel.minimum(kernel.add(first, grid.together), whole)
        with kernel.loop(first, stop) as at:
            work.tile(at, grid.tile.rows)
        rest = spec.rows % grid.tile.rows
        if rest:
            last = kernel.b.icmp_signed("==", block, kernel.int(blocks - 1))
            with kernel.when(last):
                work.tile(kernel.int(whole), rest)
    flops = 2 * prod(spec.sizes) * spec.depth
    area = spec.rows * spec.depth + spec.depth * spec.columns + spec.rows * spec.columns
    moved = batch * area * spec.dtype.itemsize
    chunks = grid.parts * batch * panels * blocks
    return kernel.finish(chunks if spec.rows else 0, flops, moved)


@dataclass(frozen=True)
class _Place:
    """The numbers of a chunk, and of its part, product and panel."""

    chunk: ir.Value
    part: ir.Value
    product: ir.Value
    panel: ir.Value


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
        line = kernel.add(kernel.mul(line, self.spec.depth), self.depth)
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

    def tile(self, number: ir.Value, rows: int) -> None:
        """Emit a tile of `rows` rows."""
        kernel, spec, kind = self.kernel, self.spec, self.spec.dtype
        shape = TileShape(rows, self.grid.tile.vectors, self.grid.tile.lanes)
        tile = Tile(kernel, shape, kind)
        row = kernel.mul(number, self.grid.tile.rows)
        row_step, step = spec.a_strides[-2:]
        place = kernel.add(self.a, kernel.mul(row, row_step))
        if self.packed_a is not None:
            row_step, step = 1, self.packed_a.panel
            place = self._in_panel(self.packed_a, number)
        a = kernel.at(kernel.buffer(0), place, kind)
        b = kernel.at(kernel.buffer(1), self.b, kind)
        offsets = [(each, each * row_step) for each in range(rows)]
        tile.accumulate(a, offsets, step, b, self.b_step, self._count(), self.masks)
        self._store(tile, row)

    def _count(self) -> int | ir.Value:
        """How many steps this part has; the last may have fewer."""
        if self.grid.parts * self.grid.part == self.spec.depth:
            return self.grid.part
        left = self.kernel.sub(self.spec.depth, self.depth)
        return self.kernel.minimum(left, self.grid.part)

    def _store(self, tile: Tile, row: ir.Value) -> None:
        kernel, spec = self.kernel, self.spec
        whole = self.grid.parts == 1
        epilogue = self.epilogue if whole else Epilogue()
        first = kernel.mul(self.place.product, spec.rows)
        if not whole:
            batch = kernel.mul(self.place.part, prod(spec.batch) * spec.rows)
            first = kernel.add(first, batch)
        vectors = range(tile.shape.vectors)
        columns = [kernel.add(self.column, v * tile.shape.lanes) for v in vectors]
        valid = [self._valid(v) for v in vectors]
        for at, sums in enumerate(tile.sums):
            here = kernel.add(row, at)
            line = kernel.mul(kernel.add(first, here), spec.columns)
            for total, column, exist in zip(sums, columns, valid):
                indices, place = (*self.indices, here, column), kernel.add(line, column)
                position = Position(
                    indices, place, exist, self.place.chunk, 2, 3, spec.dtype
                )
                epilogue.store(kernel, total.get(), position)
