"""Matrix products: out[b, m, n] = sum over k of A[b, m, k] * B[b, k, n].

Columns lie across vectors, rows are broadcast. Operands are read where they lie, with
any strides, or from panels that a first kernel packs. A long reduction over a small
output is split in parts, which a last kernel adds.

A chunk does some tiles of rows below each other. Those of a long reduction are done
for some of its steps at a time, in which all of them read the same piece of a panel of
B from the nearest cache; their sums wait in the workspace.

The code does not know the size that lies outermost in memory, where a batch is: the
rows, or the depth of a weight's gradient. One of each class of sizes is planned for.

Where B lies as it is, its last vectors reach past its columns: into the next rows, but
for the last rows, of which a chunk reads copies with zeros there. No loop needs masks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import gcd, prod

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .builder import Index, KernelBuilder
from .dot import Dots, dot_kernel
from .folding import Fold, fold_kernel
from .kernel import Kernel, planned_once
from .loops import ANY, unravel
from .packing import Pack, Steps, pack_kernel
from .program import Epilogue, Position, Program, Stage
from .tile import Tile, TileShape, ceil_div, choose_tile

__all__ = ["MatmulSpec", "matmul"]

_CHUNK_FLOPS = 2_000_000
_TILES = 22  # of rows for which a piece of a panel of B is brought near once
_PIECE = 32_768  # bytes of it
_BLOCK = 1_048_576  # bytes of A that the panels of B meet in the second-level cache
_LINE = 64  # bytes that are asked for together
_MOST_DEPTH = 4096  # so that a panel of B stays in the second-level cache
_LEAST_DEPTH = 256  # below which a part is not worth its sum
_CHUNKS = 32  # enough for the threads that a small output should employ
_FEW = 4  # rows or steps up to which their number is worth code of its own
_TYPICAL = (64, 1024)  # rows or steps that code for any number is planned for
_PRODUCTS = 16  # that code for any batch of more than a few is planned for
_USUAL = 256  # up to which it is the first of these
_OFTEN = 32  # row tiles for which B is packed however it lies
_PLACES = 65_536  # bytes after which lines compete for the same places of a cache
_WAYS = 16  # how many of them have room


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
        starts: where A and B begin in their buffers.
    """

    dtype: dt.dtype
    batch: tuple[int, ...]
    rows: int
    columns: int
    depth: int
    a_strides: tuple[int, ...]
    b_strides: tuple[int, ...]
    starts: tuple[int, int] = (0, 0)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape of the output."""
        return (*self.batch, self.rows, self.columns)

    @property
    def free(self) -> str:
        """Which size the code does not know: "batch", "rows", "depth" or none."""
        if self.batch:
            return "batch"
        (row, step), (line, column) = self.a_strides, self.b_strides
        if self.depth > _FEW and step >= row and line >= column == 1:
            return "depth"
        return "rows" if self.rows > _FEW and row >= step else ""

    @property
    def code(self) -> MatmulSpec:
        """The same for any number of what is free."""
        return self._with(ANY)

    @property
    def typical(self) -> MatmulSpec:
        """The spec by which the code is planned."""
        if self.free == "batch":
            return self._with(_PRODUCTS) if self.batch[0] > _FEW else self
        size = self.depth if self.free == "depth" else self.rows
        return self._with(_TYPICAL[size > _USUAL])

    def _with(self, size: int) -> MatmulSpec:
        """The same with another size of what is free."""
        match self.free:
            case "batch":
                return replace(self, batch=(size, *self.batch[1:]))
            case "rows":
                return replace(self, rows=size)
            case "depth":
                return replace(self, depth=size)
        return self

    @property
    def name(self) -> str:
        """The sizes, for kernels' names."""
        sizes = (*self.code.batch, self.code.rows, self.columns, self.code.depth)
        told = ("n" if size == ANY else str(size) for size in sizes)
        return f"{self.dtype.name}_{'x'.join(told)}"


@dataclass(frozen=True)
class _Grid:
    """How the work is cut.

    Attributes:
        tile: in registers.
        parts: of the depth.
        part: steps of each but the last.
        together: row tiles of a chunk.
        most: how many these can be for any number of what is free.
        piece: steps of the reduction that they do together, if not all.
        split: whether parts have results of their own.
    """

    tile: TileShape
    parts: int
    part: int
    together: int
    most: int
    piece: int
    split: bool

    def code(self, spec: MatmulSpec) -> _Grid:
        """What the code knows of it."""
        if spec.free == "depth":
            return replace(self, parts=ANY, part=ANY)
        return replace(self, together=ANY) if spec.free == "rows" else self

    @property
    def waiting(self) -> int:
        """How many sums wait in the workspace, in which copied rows follow them."""
        tiles = self.most if self.piece else 0
        return tiles * self.tile.rows * self.tile.columns

    def panels(self, spec: MatmulSpec) -> int:
        return ceil_div(spec.columns, self.tile.columns)

    def past(self, spec: MatmulSpec) -> int:
        """How many columns the panels have that do not exist."""
        return self.panels(spec) * self.tile.columns - spec.columns

    def last(self, spec: MatmulSpec) -> int:
        """How many last rows of B have no memory behind them for these columns."""
        rows, step = ceil_div(self.past(spec), max(spec.b_strides[-2], 1)), spec.depth
        return rows if step == ANY else min(rows, step)


@planned_once
def matmul(
    spec: MatmulSpec, target: Target, epilogue: Epilogue | None = None
) -> Program:
    """Return the kernels of a matrix product.

    Buffers: a, b, out; scratch: a_panels, b_panels (packed operands), parts (of a
    split reduction). The epilogue sees the indices (*batch, row, column).
    """
    epilogue = epilogue or Epilogue()
    if _thin(spec):
        kernel = dot_kernel(_dots(spec), target, epilogue)
        return Program((Stage(kernel, ("a", "b", "out"), fused=True),))
    grid = _grid(spec, target, epilogue)
    stages, scratch = [], []
    packs = {"a": _packing_a(spec, grid), "b": _packing_b(spec, grid)}
    operands = []
    for operand, pack in packs.items():
        operands.append(operand if pack is None else f"{operand}_panels")
        if pack is not None:
            kernel = pack_kernel(f"pack_{operand}_{spec.name}", pack, target)
            stages.append(Stage(kernel, (operand, operands[-1]), packs=True))
            scratch.append((operands[-1], pack.size * spec.dtype.itemsize))
    out = "parts" if grid.split else "out"
    product = _product(spec, grid, packs["a"], packs["b"], target, epilogue)
    stages.append(Stage(product, (*operands, "sizes", out), fused=not grid.split))
    if grid.split:
        fold = Fold(spec.dtype, grid.parts, spec.sizes)
        kernel = fold_kernel(f"fold_{spec.name}", fold, target, epilogue)
        stages.append(Stage(kernel, ("parts", "sizes", "out"), fused=True))
        elements = grid.parts * prod(spec.sizes)
        scratch.append(("parts", elements * spec.dtype.itemsize))
    sizes = (spec.sizes[0], grid.parts, spec.depth, grid.part, grid.together)
    return Program(tuple(stages), tuple(scratch), numbers=(("sizes", sizes),))


def _thin(spec: MatmulSpec) -> bool:
    """Whether B is used too little to pack it, and both lie along the reduction."""
    along = spec.a_strides[-1] == 1 and spec.b_strides[-2] == 1
    few = spec.rows <= _FEW and spec.depth >= _LEAST_DEPTH
    return along and few and not any(spec.starts)


def _dots(spec: MatmulSpec) -> Dots:
    return Dots(
        f"dot_{spec.name}",
        spec.dtype,
        spec.batch,
        spec.rows,
        spec.columns,
        spec.depth,
        spec.a_strides[:-1],
        (*spec.b_strides[:-2], spec.b_strides[-1]),
    )


def _grid(spec: MatmulSpec, target: Target, epilogue: Epilogue) -> _Grid:
    """How the work is cut; numbers that the code knows are those of a typical spec.

    Where the steps are few, what follows them belongs to the inner loop.
    """
    typical, size = spec.typical, spec.dtype.itemsize
    after = 0
    if 0 <= spec.code.depth <= _FEW:
        after = epilogue.registers(target, target.lanes(size))
    tile = choose_tile(target, size, typical.rows, spec.columns, after=after)
    parts = _parts(typical, tile)
    split = parts > 1
    if spec.free == "depth":
        parts = _parts(spec, tile)
        split = split or parts > 1
    part = max(ceil_div(spec.depth, parts), 1)
    steps = typical.depth if spec.free == "depth" else part
    most = _most_tiles(typical, tile, steps)
    return _Grid(
        tile,
        max(ceil_div(spec.depth, part), 1),
        part,
        _together(spec, tile, most),
        most,
        _piece(typical, tile, steps),
        split,
    )


def _most_tiles(spec: MatmulSpec, tile: TileShape, steps: int) -> int:
    """How many row tiles a chunk may have."""
    flops = 2 * tile.rows * tile.columns * max(steps, 1)
    line = tile.rows * max(steps, 1) * spec.dtype.itemsize
    return max(1, min(max(_TILES, _CHUNK_FLOPS // flops), _BLOCK // line))


def _together(spec: MatmulSpec, tile: TileShape, most: int) -> int:
    """How many row tiles a chunk has: about as many as the others."""
    tiles = max(1, ceil_div(spec.rows, tile.rows))
    beside = ceil_div(spec.columns, tile.columns)
    beside *= prod((spec.typical if spec.free == "batch" else spec).batch)
    return ceil_div(tiles, max(ceil_div(tiles, most), _CHUNKS // max(beside, 1), 1))


def _piece(spec: MatmulSpec, tile: TileShape, steps: int) -> int:
    """How many steps tiles do together, 0 for all: few are not worth the waiting."""
    near = _PIECE // (tile.columns * spec.dtype.itemsize)
    if ceil_div(spec.rows, tile.rows) <= 2 or steps <= 2 * near:
        return 0
    return near if spec.free == "depth" else ceil_div(steps, ceil_div(steps, near))


def _parts(spec: MatmulSpec, tile: TileShape) -> int:
    """Into how many parts the depth is cut, more or less."""
    tiles = ceil_div(spec.rows, tile.rows) * ceil_div(spec.columns, tile.columns)
    tiles *= prod(spec.batch)
    parts = min(ceil_div(_CHUNKS, max(tiles, 1)), spec.depth // _LEAST_DEPTH)
    return max(parts, ceil_div(spec.depth, _MOST_DEPTH), 1)


def _crowded(spec: MatmulSpec, stride: int, steps: int) -> bool:
    """Whether the lines of some steps push each other out of the cache."""
    depth = min(steps, _MOST_DEPTH)
    return stride > 0 and depth * gcd(stride * spec.dtype.itemsize, _PLACES) > (
        _WAYS * _PLACES
    )


def _packing_a(spec: MatmulSpec, grid: _Grid) -> Pack | None:
    """How A is packed, if it is read often and the cache cannot hold it as it lies."""
    row, depth = spec.a_strides[-2:]
    few = spec.rows <= _FEW or grid.panels(spec) < 4
    if few or spec.free == "rows" or not _crowded(spec, depth, spec.typical.depth):
        return None
    return _pack(spec, 0, depth, (spec.rows, row), grid.tile.rows)


def _packing_b(spec: MatmulSpec, grid: _Grid) -> Pack | None:
    """How B is packed, if its columns are not neighbours or it is read so often."""
    depth, columns = spec.b_strides[-2:]
    tiles = ceil_div(spec.typical.rows, grid.tile.rows)
    often = tiles >= _OFTEN and spec.columns > grid.tile.columns
    steps = grid.piece or spec.typical.depth
    badly = spec.rows > _FEW and _crowded(spec, depth, steps)
    backwards = depth <= 0 < grid.past(spec)
    if columns == 1 and not often and not badly and not backwards:
        return None
    across = (spec.columns, columns)
    return _pack(spec, 1, depth, across, grid.tile.columns)


def _pack(
    spec: MatmulSpec,
    which: int,
    depth: int,
    columns: tuple[int, int],
    panel: int,
) -> Pack:
    free = {"batch": "groups", "depth": "rows"}
    groups = tuple(zip(spec.batch, (spec.a_strides, spec.b_strides)[which]))
    taps, rows = (Steps(spec.starts[which], 0, 1),), (spec.depth, depth)
    known = free.get(spec.free, "")
    return Pack(spec.dtype, groups, taps, rows, columns, panel, free=known)


def _product(
    spec: MatmulSpec,
    grid: _Grid,
    a: Pack | None,
    b: Pack | None,
    target: Target,
    epilogue: Epilogue,
) -> Kernel:
    """Return the kernel that multiplies: table (A, B, sizes, out or parts).

    A chunk is some row tiles of one panel of one product of one part.
    """
    batch, together = prod(spec.batch), grid.together * grid.tile.rows
    flops = 2 * prod(spec.sizes) * spec.depth
    area = spec.rows * spec.depth + spec.depth * spec.columns + spec.rows * spec.columns
    moved = batch * area * spec.dtype.itemsize
    chunks = grid.parts * batch * grid.panels(spec) * ceil_div(spec.rows, together)
    own = grid.waiting
    if b is None:
        own += grid.last(spec) * grid.tile.columns
    packs = (a and a.code, b and b.code)
    end = Epilogue() if grid.split else epilogue
    recipe = (spec.code, grid.code(spec), *packs, target, end)
    return Kernel(
        f"matmul_{spec.name}",
        _emit,
        recipe,
        chunks,
        flops,
        moved,
        workspace=own * spec.dtype.itemsize,
    )


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
    sizes = _Sizes(kernel, spec, grid)
    panels, height, rows = grid.panels(spec), grid.tile.rows, sizes.rows
    whole, _ = kernel.split(kernel.int(rows), height)
    tiles = kernel.b.udiv(kernel.add(rows, height - 1), kernel.int(height))
    above = kernel.sub(kernel.add(tiles, sizes.together), 1)
    blocks, _ = kernel.split(above, sizes.together)
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        upper, panel = kernel.split(chunk, panels)
        upper, block = kernel.split(upper, blocks)
        part, product = kernel.split(upper, sizes.products)
        place = _Place(chunk, part, product, panel)
        work = _Work(kernel, spec, grid, sizes, a, b, epilogue, place)
        first = kernel.mul(block, sizes.together)
        stop = kernel.minimum(kernel.add(first, sizes.together), whole)
        last = kernel.b.icmp_signed("==", block, kernel.sub(blocks, 1))
        for piece in work.pieces():
            with kernel.loop(first, stop) as at:
                work.ahead(piece, kernel.sub(at, first))
                work.tile(piece, first, at, kernel.mul(at, height), height)
            with kernel.when(last):
                work.rest(piece, first, whole)
    return kernel.finish()


class _Sizes:
    """The sizes, each a number that the code knows or one that it reads.

    Attributes:
        outermost: of the output.
        parts: of the depth.
        depth: of the reduction.
        part: steps of each but the last.
        together: row tiles of a chunk.
        rows: of a product.
        products: how many there are.
    """

    def __init__(self, kernel: KernelBuilder, spec: MatmulSpec, grid: _Grid) -> None:
        known = (spec.sizes[0], grid.parts, spec.depth, grid.part, grid.together)
        self.outermost, self.parts, self.depth, self.part, self.together = (
            kernel.number(2, at) if size == ANY else size
            for at, size in enumerate(known)
        )
        self.rows: Index = spec.rows if spec.batch else self.outermost
        self.products: Index = 1
        if spec.batch:
            self.products = kernel.mul(self.outermost, prod(spec.batch[1:]))


@dataclass(frozen=True)
class _Piece:
    """Steps of the reduction: the first one, how many, and whether others follow."""

    start: Index
    count: Index
    is_last: bool


@dataclass(frozen=True)
class _Place:
    """The numbers of a chunk, its part, product and panel."""

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
        sizes: _Sizes,
        a: Pack | None,
        b: Pack | None,
        epilogue: Epilogue,
        place: _Place,
    ) -> None:
        self.kernel, self.spec, self.grid, self.epilogue = kernel, spec, grid, epilogue
        self.sizes, self.packed_a, self.place = sizes, a, place
        self.indices = unravel(kernel, place.product, spec.batch)
        self.column = kernel.mul(place.panel, grid.tile.columns)
        self.depth = kernel.mul(place.part, sizes.part)
        self.a = self._offset(spec.a_strides, spec.a_strides[-1], spec.starts[0])
        self.b_step = spec.b_strides[-2] if b is None else b.panel
        self.packed_b = b is not None
        self.last = 0 if b is not None else grid.last(spec)
        if b is None:
            begin = self._offset(spec.b_strides, self.b_step, spec.starts[1])
            self.b = kernel.add(begin, self.column)
        else:
            self.b = self._in_panel(b, place.panel)
        if self.last:
            self._copy_last()

    def _in_panel(self, pack: Pack, panel: ir.Value) -> ir.Value:
        """Where a panel of this product begins, at this part."""
        kernel = self.kernel
        line = kernel.add(kernel.mul(self.place.product, pack.panels), panel)
        line = kernel.add(kernel.mul(line, self.sizes.depth), self.depth)
        return kernel.mul(line, pack.panel)

    def _offset(self, strides: tuple[int, ...], depth: int, start: int) -> ir.Value:
        """Where an operand begins, at this product and part."""
        kernel = self.kernel
        place = kernel.add(kernel.mul(self.depth, depth), start)
        for index, stride in zip(self.indices, strides):
            place = kernel.add(place, kernel.mul(index, stride))
        return place

    def _valid(self, vector: int) -> ir.Value | None:
        """How many lanes of a vector exist, if they may not all do."""
        if self.spec.columns % self.grid.tile.columns == 0:
            return None
        left = self.kernel.sub(self.spec.columns, self.column)
        return self.kernel.sub(left, vector * self.grid.tile.lanes)

    def _copy_last(self) -> None:
        """Copy the last rows of a panel of B, with zeros past the columns."""
        kernel, kind, lanes = self.kernel, self.spec.dtype, self.grid.tile.lanes
        first = kernel.maximum(kernel.sub(self.sizes.depth, self.last), 0)
        self.copied = kernel.sub(first, self.depth)
        stop = kernel.sub(self.sizes.depth, self.depth)
        with kernel.loop(self.copied, stop) as row:
            here = kernel.add(self.b, kernel.mul(row, self.b_step))
            here = kernel.at(kernel.buffer(1), here, kind)
            there = self._copy_of(row)
            for v in range(self.grid.tile.vectors):
                valid = self._valid(v)
                mask = valid and kernel.first_lanes(valid, lanes)
                value = kernel.load(here, v * lanes, kind, lanes, mask)
                kernel.store(value, there, v * lanes, kind)

    def _copy_of(self, row: Index) -> ir.Value:
        """Where the copy of one of the last rows lies, counted in this part."""
        kernel = self.kernel
        place = kernel.mul(kernel.sub(row, self.copied), self.grid.tile.columns)
        place = kernel.add(place, self.grid.waiting)
        return kernel.at(kernel.workspace, place, self.spec.dtype)

    def pieces(self) -> Iterator[_Piece]:
        """Emit what the caller does for each piece of the reduction, one by one."""
        kernel, steps, count = self.kernel, self.grid.piece, self._count()
        if not steps:
            yield _Piece(0, count, True)
            return
        more, _ = kernel.split(kernel.sub(kernel.maximum(count, 1), 1), steps)
        before: Index = kernel.mul(more, steps)
        left: Index
        if isinstance(count, int):
            before = (count - 1) // steps * steps
            left = count - before
        with kernel.loop(0, before, steps) as start:
            yield _Piece(start, steps, False)
        if not isinstance(count, int):
            left = kernel.sub(count, before)
        yield _Piece(before, left, True)

    def ahead(self, piece: _Piece, number: ir.Value) -> None:
        """Ask for the next piece of the panel, a share in each tile of a chunk."""
        kernel, kind = self.kernel, self.spec.dtype
        if not self.grid.piece or not self.packed_b:
            return
        each = _LINE // kind.itemsize
        lines = ceil_div(self.grid.piece * self.grid.tile.columns, each)
        share = ceil_div(lines, self.grid.most)
        following = kernel.mul(kernel.add(piece.start, self.grid.piece), self.b_step)
        first = kernel.add(following, kernel.mul(number, share * each))
        pointer = kernel.at(kernel.buffer(1), kernel.add(self.b, first), kind)
        for line in range(share):
            kernel.prefetch(pointer, line * each, kind, soon=False)

    def rest(self, piece: _Piece, first: ir.Value, whole: ir.Value) -> None:
        """Emit the rows after the whole tiles.

        Where their number is not known they are done by its binary digits.
        """
        kernel, height = self.kernel, self.grid.tile.rows
        begin = kernel.mul(whole, height)
        rows = self.sizes.rows
        if isinstance(rows, int):
            if rows % height:
                self.tile(piece, first, whole, begin, rows % height)
            return
        left = kernel.sub(rows, begin)
        for digit in reversed(range((height - 1).bit_length())):
            size = 1 << digit
            has = kernel.b.and_(left, kernel.int(size))
            done = kernel.b.and_(left, kernel.int(-2 * size))
            with kernel.when(kernel.b.icmp_signed("!=", has, kernel.int(0))):
                self.tile(piece, first, whole, kernel.add(begin, done), size)

    def tile(
        self,
        piece: _Piece,
        first: ir.Value,
        number: ir.Value,
        row: ir.Value,
        rows: int,
    ) -> None:
        """Emit a piece of a tile of `rows` rows from `row`; the chunk's is `first`."""
        kernel, kind = self.kernel, self.spec.dtype
        shape = TileShape(rows, self.grid.tile.vectors, self.grid.tile.lanes)
        tile = Tile(kernel, shape, kind)
        above = kernel.sub(row, kernel.mul(first, self.grid.tile.rows))
        waiting = kernel.at(kernel.workspace, kernel.mul(above, shape.columns), kind)
        if self.grid.piece:
            later = kernel.b.icmp_signed("<", kernel.int(0), kernel.int(piece.start))
            with kernel.when(later):
                tile.load(waiting, shape.columns)
        places = self._places(shape, row)
        if piece.is_last:
            self.epilogue.prepare(kernel, places)
        self._accumulate(tile, piece, number, row)
        if piece.is_last:
            self.epilogue.store_tile(kernel, tile.columns(places))
        else:
            tile.store(waiting, shape.columns)

    def _accumulate(
        self, tile: Tile, piece: _Piece, number: ir.Value, row: ir.Value
    ) -> None:
        """Add the steps of a piece to a tile."""
        kernel, kind = self.kernel, self.spec.dtype
        row_step, step = self.spec.a_strides[-2:]
        place = kernel.add(self.a, kernel.mul(row, row_step))
        if self.packed_a is not None:
            row_step, step = 1, self.packed_a.panel
            place = self._in_panel(self.packed_a, number)
        place = kernel.add(place, kernel.mul(piece.start, step))
        a = kernel.at(kernel.buffer(0), place, kind)
        place = kernel.add(self.b, kernel.mul(piece.start, self.b_step))
        b = kernel.at(kernel.buffer(1), place, kind)
        offsets = [(each, each * row_step) for each in range(tile.shape.rows)]
        whole, rest = self._share(piece)
        tile.accumulate(a, offsets, step, b, self.b_step, whole)
        b = self._copy_of(kernel.add(piece.start, whole)) if self.last else b
        a, columns = kernel.at(a, kernel.mul(whole, step), kind), tile.shape.columns
        if isinstance(rest, int):
            tile.accumulate(a, offsets, step, b, columns, rest)
            return
        with kernel.loop(0, rest) as at:
            near = kernel.at(a, kernel.mul(at, step), kind)
            far = kernel.at(b, kernel.mul(at, columns), kind)
            tile.accumulate(near, offsets, step, far, columns, 1)

    def _share(self, piece: _Piece) -> tuple[Index, Index]:
        """How many steps of a piece come before the rows that are copied, and after."""
        kernel, count, depth = self.kernel, piece.count, self.sizes.depth
        if not self.last:
            return count, 0
        if isinstance(depth, int) and count == depth:
            return depth - self.last, self.last
        before = kernel.sub(self.copied, piece.start)
        whole = kernel.maximum(kernel.minimum(before, count), 0)
        return whole, kernel.sub(count, whole)

    def _count(self) -> int | ir.Value:
        """How many steps this part has; the last may have fewer."""
        sizes = self.sizes
        if not self.grid.split:
            return sizes.depth
        if self.grid.parts * self.grid.part == self.spec.depth:
            return self.grid.part
        left = self.kernel.sub(sizes.depth, self.depth)
        return self.kernel.minimum(left, sizes.part)

    def _places(self, shape: TileShape, row: ir.Value) -> list[list[Position]]:
        """Where a tile's vectors belong, column by column."""
        kernel, spec = self.kernel, self.spec
        sizes = self.sizes
        number = kernel.mul(self.place.part, sizes.products)
        first = kernel.mul(kernel.add(number, self.place.product), sizes.rows)
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
                    indices, offset, valid[v], self.place.chunk, 3, 4, spec.dtype
                )
                columns[v].append(position)
        return columns
