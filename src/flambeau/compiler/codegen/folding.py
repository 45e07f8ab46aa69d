"""Adding partial results: how a reduction is shared among threads.

Each part of a reduction has a result of its own. They are added in the order of the
parts, whose number never depends on the threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import prod

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .builder import KernelBuilder, value_type
from .kernel import Kernel
from .loops import ANY, unravel
from .program import Epilogue, Position
from .tile import ceil_div

__all__ = ["Fold", "Parts", "Share", "fold_kernel", "shares"]

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
class Share:
    """What a chunk of a reduction has to do.

    Attributes:
        chunk: its number.
        part: its part of the reduction.
        results: which of the results it computes, along two dimensions.
        start: the first step of its part.
        stop: the one after the last; there may be none.
    """

    chunk: ir.Value
    part: ir.Value
    results: tuple[ir.Value, ir.Value]
    start: ir.Value
    stop: ir.Value


@contextmanager
def shares(
    kernel: KernelBuilder, results: tuple[int, int], parts: ir.Value, steps: ir.Value
) -> Iterator[Share]:
    """Loop over the chunks of a reduction: parts outside, results inside.

    Args:
        kernel: where the instructions go.
        results: into how many pieces the results are cut, along two dimensions.
        parts: into how many nearly equal parts the reduction is cut.
        steps: of the whole reduction.
    """
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        upper, inner = kernel.split(chunk, results[1])
        part, outer = kernel.split(upper, results[0])
        start = kernel.b.udiv(kernel.mul(part, steps), parts)
        stop = kernel.b.udiv(kernel.mul(kernel.add(part, 1), steps), parts)
        yield Share(chunk, part, (outer, inner), start, stop)


@dataclass(frozen=True)
class Fold:
    """The sum of dense partial results, one after the other in a buffer.

    Attributes:
        dtype: of the elements.
        parts: how many there are; they are added in order.
        sizes: the shape of each.
    """

    dtype: dt.dtype
    parts: int
    sizes: tuple[int, ...]

    @property
    def code(self) -> Fold:
        """The same for any number of parts and any outermost size."""
        return replace(self, parts=ANY, sizes=(ANY, *self.sizes[1:]))


def fold_kernel(name: str, fold: Fold, target: Target, epilogue: Epilogue) -> Kernel:
    """Return the kernel that adds partial results: table (parts, sizes, sum).

    The sizes begin with the outermost one and the number of parts. A chunk is a stretch
    of a row or a number of rows.
    """
    rows, inner = prod(fold.sizes[:-1]), fold.sizes[-1]
    stretch, each = _cut(fold)
    flops = fold.parts * rows * inner
    moved = (fold.parts + 1) * rows * inner * fold.dtype.itemsize
    recipe = (fold.code, target, epilogue)
    chunks = ceil_div(rows, each) * ceil_div(inner, stretch)
    return Kernel(name, _emit, recipe, chunks, flops, moved)


def _cut(fold: Fold) -> tuple[int, int]:
    """How long a stretch of a row is, and how many rows are a chunk."""
    stretch = min(fold.sizes[-1], _CHUNK)
    return stretch, max(1, _CHUNK // stretch)


def _emit(name: str, fold: Fold, target: Target, epilogue: Epilogue) -> str:
    kernel = KernelBuilder(name, target)
    lanes = target.lanes(fold.dtype.itemsize)
    inner = fold.sizes[-1]
    rows = kernel.mul(kernel.number(1, 0), prod(fold.sizes[1:-1]))
    stretch, each = _cut(fold)
    across = ceil_div(inner, stretch)
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        block, part = kernel.split(chunk, across)
        first, left = kernel.mul(block, each), kernel.mul(part, stretch)
        right = kernel.minimum(kernel.add(left, stretch), inner)
        stop = kernel.minimum(kernel.add(first, each), rows)
        with kernel.loop(first, stop) as row, kernel.loop(left, right, lanes) as at:
            valid = kernel.sub(inner, at) if inner % lanes else None
            offset = kernel.add(kernel.mul(row, inner), at)
            indices = (*unravel(kernel, row, fold.sizes[:-1]), at)
            position = Position(indices, offset, valid, chunk, 2, 3, fold.dtype)
            value = _folded(kernel, kernel.mul(rows, inner), position, lanes)
            epilogue.store(kernel, value, position)
    return kernel.finish()


def _folded(
    kernel: KernelBuilder, size: ir.Value, position: Position, lanes: int
) -> ir.Value:
    """Add a vector of all parts, each of which has so many elements."""
    mask, kind = position.mask(kernel, lanes), position.dtype
    total = kernel.variable(ir.constant(value_type(kind, lanes), None))
    with kernel.loop(0, kernel.number(1, 1)) as part:
        place = kernel.add(position.offset, kernel.mul(part, size))
        value = kernel.load(kernel.buffer(0), place, kind, lanes, mask)
        total.set(kernel.b.fadd(total.get(), value))
    return total.get()
