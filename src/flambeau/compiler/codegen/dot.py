"""Products of a few rows with a matrix whose columns lie along the reduction.

    out[m, n] = sum over k of A[m, k] * B[n, k]

Every element of B is used for a few rows only, so it is not worth packing: vectors lie
along k, and the sums of as many columns as a vector has lanes are turned and added.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .builder import KernelBuilder
from .kernel import Kernel
from .loops import ANY, unravel
from .program import Epilogue, Position
from .tile import Tile, TileShape, ceil_div
from .transposing import transpose

__all__ = ["Dots", "dot_kernel"]

_CHUNK = 65_536  # elements of B per chunk


@dataclass(frozen=True)
class Dots:
    """A batch of such products; A and B are contiguous along k.

    Attributes:
        name: tells op and shape.
        dtype: float32 or float64.
        batch: the batch dimensions.
        rows: M.
        columns: N.
        depth: K.
        a_strides: of A: of each batch dimension, of rows.
        b_strides: of B: of each batch dimension, of columns.
    """

    name: str
    dtype: dt.dtype
    batch: tuple[int, ...]
    rows: int
    columns: int
    depth: int
    a_strides: tuple[int, ...]
    b_strides: tuple[int, ...]

    @property
    def code(self) -> Dots:
        """The same for any outermost size of the batch."""
        return replace(self, batch=(ANY, *self.batch[1:])) if self.batch else self


def dot_kernel(dots: Dots, target: Target, epilogue: Epilogue) -> Kernel:
    """Return the kernel: table (a, b, out).

    A chunk is some blocks of columns of one product. The epilogue sees the indices
    (*batch, row, column).
    """
    products, (_, parts) = prod(dots.batch), _cut(dots, target)
    area = dots.rows * (dots.depth + dots.columns) + dots.depth * dots.columns
    flops = 2 * products * dots.rows * dots.columns * dots.depth
    moved = products * area * dots.dtype.itemsize
    recipe = (dots.code, target, epilogue)
    return Kernel(dots.name, _emit, recipe, products * parts, flops, moved)


def _cut(dots: Dots, target: Target) -> tuple[int, int]:
    """How many blocks of columns are a chunk, and how many chunks a product has."""
    lanes = target.lanes(dots.dtype.itemsize)
    together = max(1, _CHUNK // max(1, lanes * dots.depth))
    return together, ceil_div(ceil_div(dots.columns, lanes), together)


def _emit(name: str, dots: Dots, target: Target, epilogue: Epilogue) -> str:
    kernel = KernelBuilder(name, target)
    lanes = target.lanes(dots.dtype.itemsize)
    whole, rest = divmod(dots.columns, lanes)
    together, parts = _cut(dots, target)
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        product, part = kernel.split(chunk, parts)
        work = _Work(kernel, dots, lanes, epilogue, chunk, product)
        first = kernel.mul(part, together)
        stop = kernel.minimum(kernel.add(first, together), whole)
        with kernel.loop(0, dots.rows) as row:
            with kernel.loop(first, stop) as block:
                work.block(row, kernel.mul(block, lanes), lanes)
            if rest:
                last = kernel.b.icmp_signed("==", part, kernel.int(parts - 1))
                with kernel.when(last):
                    work.block(row, kernel.int(whole * lanes), rest)
    return kernel.finish()


class _Work:
    """One chunk of one product."""

    def __init__(
        self,
        kernel: KernelBuilder,
        dots: Dots,
        lanes: int,
        epilogue: Epilogue,
        chunk: ir.Value,
        product: ir.Value,
    ) -> None:
        self.kernel, self.dots, self.lanes = kernel, dots, lanes
        self.epilogue, self.chunk, self.product = epilogue, chunk, product
        self.indices = unravel(kernel, product, dots.batch)

    def block(self, row: ir.Value, column: ir.Value, columns: int) -> None:
        """Emit the products of a row with `columns` columns."""
        kernel, dots, lanes = self.kernel, self.dots, self.lanes
        tile = Tile(kernel, TileShape(columns, 1, lanes), dots.dtype, lanewise=True)
        a, b = self._at(0, dots.a_strides, row), self._at(1, dots.b_strides, column)
        lines = [(each, each * dots.b_strides[-1]) for each in range(columns)]
        whole, rest = divmod(dots.depth, lanes)
        tile.accumulate(b, lines, lanes, a, lanes, whole)
        if rest:
            mask = kernel.first_lanes(kernel.int(rest), lanes)
            a = kernel.at(a, whole * lanes, dots.dtype)
            b = kernel.at(b, whole * lanes, dots.dtype)
            tile.accumulate(b, lines, lanes, a, lanes, 1, [mask])
        valid = None if columns == lanes else kernel.int(columns)
        line = kernel.add(kernel.mul(self.product, dots.rows), row)
        place = kernel.add(kernel.mul(line, dots.columns), column)
        indices = (*self.indices, row, column)
        position = Position(indices, place, valid, self.chunk, 2, 3, dots.dtype)
        self.epilogue.store(kernel, self._sums(tile), position)

    def _at(self, slot: int, strides: tuple[int, ...], index: ir.Value) -> ir.Value:
        """The address of a row of A or a column of B in this product."""
        kernel, place = self.kernel, self.kernel.mul(index, strides[-1])
        for each, stride in zip(self.indices, strides):
            place = kernel.add(place, kernel.mul(each, stride))
        return kernel.at(kernel.buffer(slot), place, self.dots.dtype)

    def _sums(self, tile: Tile) -> ir.Value:
        """Add the lanes of each sum, and put the results side by side."""
        kernel = self.kernel
        vectors = [sums[0] for sums in tile.totals()]
        zero = ir.constant(vectors[0].type, None)
        vectors = transpose(kernel, vectors + [zero] * (self.lanes - len(vectors)))
        while len(vectors) > 1:
            pairs = zip(vectors[::2], vectors[1::2])
            vectors = [kernel.b.fadd(one, other) for one, other in pairs]
        return vectors[0]
