"""Adding partial results: how a reduction is shared among threads.

Each part of a reduction has a result of its own. They are added in the order of the
parts, whose number never depends on the threads.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from llvmlite import ir

from ... import dtypes as dt
from ...runtime.target import Target
from .builder import I64, KernelBuilder, value_type
from .kernel import Kernel
from .loops import unravel
from .program import Epilogue, Position
from .tile import ceil_div

__all__ = ["Fold", "Parts", "fold_kernel"]

_CHUNK = 16_384  # elements per chunk
_PART_PIXELS = 256  # below which a part is not worth its sum


@dataclass(frozen=True)
class Parts:
    """Into how many parts a reduction over images is split.

    Attributes:
        most: no more than these.
        pixels: of one image; a part has no fewer than 256.
    """

    most: int
    pixels: int

    def number(self, batch: int) -> int:
        """Return the number of parts for some images."""
        return max(1, min(self.most, batch * self.pixels // _PART_PIXELS))

    def emit(self, kernel: KernelBuilder, batch: ir.Value) -> ir.Value:
        """Compute the same number where the batch is known."""
        parts, _ = kernel.split(kernel.mul(batch, self.pixels), _PART_PIXELS)
        return kernel.maximum(kernel.minimum(parts, self.most), 1)


@dataclass(frozen=True)
class Fold:
    """The sum of dense partial results, one after the other in a buffer.

    Attributes:
        dtype: of the elements.
        parts: how many there are, or how that follows from the batch; they are added
            in order.
        sizes: the shape of each.
        batch: the images, where the number of parts follows from them.
    """

    dtype: dt.dtype
    parts: int | Parts
    sizes: tuple[int, ...]
    batch: int = 0

    @property
    def number(self) -> int:
        """How many parts there are."""
        return (
            self.parts if isinstance(self.parts, int) else self.parts.number(self.batch)
        )


def fold_kernel(name: str, fold: Fold, target: Target, epilogue: Epilogue) -> Kernel:
    """Return the kernel that adds partial results: table (parts, sum).

    Where the number of parts follows from the batch, that comes third in the table. A
    chunk is a stretch of a row or a number of rows.
    """
    rows, inner = prod(fold.sizes[:-1]), fold.sizes[-1]
    stretch, each = _cut(fold)
    flops = fold.number * rows * inner
    moved = (fold.number + 1) * rows * inner * fold.dtype.itemsize
    recipe = (replace(fold, batch=0), target, epilogue)
    chunks = ceil_div(rows, each) * ceil_div(inner, stretch)
    return Kernel(name, _emit, recipe, chunks, flops, moved)


def _cut(fold: Fold) -> tuple[int, int]:
    """How long a stretch of a row is, and how many rows are a chunk."""
    stretch = min(fold.sizes[-1], _CHUNK)
    return stretch, max(1, _CHUNK // stretch)


def _emit(name: str, fold: Fold, target: Target, epilogue: Epilogue) -> str:
    kernel = KernelBuilder(name, target)
    lanes = target.lanes(fold.dtype.itemsize)
    rows, inner = prod(fold.sizes[:-1]), fold.sizes[-1]
    stretch, each = _cut(fold)
    across = ceil_div(inner, stretch)
    parts, free = _count(kernel, fold)
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        epilogue.start(kernel, chunk, free)
        block, part = kernel.split(chunk, across)
        first, left = kernel.mul(block, each), kernel.mul(part, stretch)
        right = kernel.minimum(kernel.add(left, stretch), inner)
        stop = kernel.minimum(kernel.add(first, each), rows)
        with kernel.loop(first, stop) as row, kernel.loop(left, right, lanes) as at:
            valid = kernel.sub(inner, at) if inner % lanes else None
            offset = kernel.add(kernel.mul(row, inner), at)
            indices = (*unravel(kernel, row, fold.sizes[:-1]), at)
            position = Position(indices, offset, valid, chunk, 1, free, fold.dtype)
            value = _folded(kernel, fold, parts, position, lanes)
            epilogue.store(kernel, value, position)
    return kernel.finish()


def _count(kernel: KernelBuilder, fold: Fold) -> tuple[ir.Value, int]:
    """The number of parts, and the first slot after those in use."""
    if isinstance(fold.parts, int):
        return kernel.int(fold.parts), 2
    batch = kernel.b.load(kernel.buffer(2), typ=I64, align=8)
    return fold.parts.emit(kernel, batch), 3


def _folded(
    kernel: KernelBuilder, fold: Fold, parts: ir.Value, position: Position, lanes: int
) -> ir.Value:
    mask = position.mask(kernel, lanes)
    total = kernel.variable(ir.Constant(value_type(fold.dtype, lanes), None))
    with kernel.loop(0, parts) as part:
        place = kernel.add(position.offset, kernel.mul(part, prod(fold.sizes)))
        value = kernel.load(kernel.buffer(0), place, fold.dtype, lanes, mask)
        total.set(kernel.b.fadd(total.get(), value))
    return total.get()
