"""Rearranging operands for contractions, and adding partial results.

Contractions read the operand that lies across their vectors in panels:

    packed[group][panel][tap][row][lane]    lane = a column of the panel

so that every step of a reduction reads neighbouring vectors. Columns that do not
exist are zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from llvmlite import ir

from ... import dtypes as dt
from ...runtime.target import Target
from .builder import I64, KernelBuilder, value_type
from .kernel import Kernel
from .loops import unravel
from .program import Epilogue, Position
from .tile import ceil_div

__all__ = [
    "Fold",
    "Pack",
    "Parts",
    "Steps",
    "Unpack",
    "fold_kernel",
    "pack_kernel",
    "unpack_kernel",
]

_CHUNK = 16_384  # elements per chunk
_PART_PIXELS = 256  # below which a part is not worth its sum


@dataclass(frozen=True)
class Steps:
    """A run of places: `count` of them, `step` apart, the first at `start`."""

    start: int
    step: int
    count: int


@dataclass(frozen=True)
class Pack:
    """How panels are gathered from a strided operand.

    Attributes:
        dtype: of the elements.
        groups: independent operands one after the other: sizes and strides.
        taps: the places of the taps along each dimension of the window.
        rows: size and stride of the dimension that is reduced.
        columns: size and stride of the dimension that lies across vectors.
        panel: columns per panel.
        start: where the panels begin in their buffer.
    """

    dtype: dt.dtype
    groups: tuple[tuple[int, int], ...]
    taps: tuple[Steps, ...]
    rows: tuple[int, int]
    columns: tuple[int, int]
    panel: int
    start: int = 0

    @property
    def size(self) -> int:
        """How many elements the panels take."""
        groups = prod(size for size, _ in self.groups)
        taps = prod(each.count for each in self.taps)
        return groups * self.panels * taps * self.rows[0] * self.panel

    @property
    def panels(self) -> int:
        """How many panels cover the columns."""
        return ceil_div(self.columns[0], self.panel)

    @property
    def taps_start(self) -> int:
        """Where the first tap lies."""
        return sum(each.start for each in self.taps)


def pack_kernel(name: str, pack: Pack, target: Target) -> Kernel:
    """Return the kernel that gathers panels: table (operand, panels).

    A chunk is a number of panel rows, each with all its taps.
    """
    kernel = KernelBuilder(name, target)
    taps, rows = prod(each.count for each in pack.taps), pack.rows[0]
    lines = pack.size // max(1, taps * pack.panel)
    each = max(1, _CHUNK // max(1, taps * pack.panel))
    stop = kernel.minimum(kernel.mul(kernel.end, each), lines)
    with kernel.loop(kernel.mul(kernel.begin, each), stop) as line:
        upper, row = kernel.split(line, rows)
        group, panel = kernel.split(upper, pack.panels)
        base = kernel.add(_group_offset(kernel, pack, group), pack.taps_start)
        base = kernel.add(base, kernel.mul(row, pack.rows[1]))
        place = kernel.add(kernel.mul(upper, taps * rows), row)
        place = kernel.add(kernel.mul(place, pack.panel), pack.start)
        _pack_taps(kernel, pack, 0, base, panel, place)
    moved = 2 * pack.size * pack.dtype.itemsize
    return kernel.finish(ceil_div(lines, each) if taps else 0, moved=moved)


def _group_offset(kernel: KernelBuilder, pack: Pack, group: ir.Value) -> ir.Value:
    """Where the operand of a group begins; the groups may have several dimensions."""
    offset = kernel.int(0)
    for size, stride in reversed(pack.groups):
        group, index = kernel.split(group, size)
        offset = kernel.add(offset, kernel.mul(index, stride))
    return offset


def _pack_taps(
    kernel: KernelBuilder,
    pack: Pack,
    dimension: int,
    source: ir.Value,
    panel: ir.Value,
    place: ir.Value,
) -> None:
    """Loop over the taps of the window from `dimension` on."""
    if dimension == len(pack.taps):
        _pack_line(kernel, pack, source, panel, place)
        return
    inner = prod(each.count for each in pack.taps[dimension + 1 :])
    steps = pack.taps[dimension]
    with kernel.loop(0, steps.count) as tap:
        onward = kernel.add(source, kernel.mul(tap, steps.step))
        jump = inner * pack.rows[0] * pack.panel
        further = kernel.add(place, kernel.mul(tap, jump))
        _pack_taps(kernel, pack, dimension + 1, onward, panel, further)


def _pack_line(
    kernel: KernelBuilder,
    pack: Pack,
    source: ir.Value,
    panel: ir.Value,
    place: ir.Value,
) -> None:
    """Write one row of a panel, a vector at a time."""
    most = kernel.target.lanes(pack.dtype.itemsize)
    first = kernel.mul(panel, pack.panel)
    for at in range(0, pack.panel, most):
        lanes = min(most, pack.panel - at)
        column = kernel.add(first, at)
        read = _neighbours if pack.columns[1] == 1 else _gathered
        value = read(kernel, pack, source, column, lanes)
        kernel.store(value, kernel.buffer(1), kernel.add(place, at), pack.dtype)


def _neighbours(
    kernel: KernelBuilder, pack: Pack, source: ir.Value, column: ir.Value, lanes: int
) -> ir.Value:
    """Load columns that are neighbours in memory."""
    mask = None
    if pack.columns[0] % pack.panel:
        mask = kernel.first_lanes(kernel.sub(pack.columns[0], column), lanes)
    place = kernel.add(source, column)
    return kernel.load(kernel.buffer(0), place, pack.dtype, lanes, mask)


def _gathered(
    kernel: KernelBuilder, pack: Pack, source: ir.Value, column: ir.Value, lanes: int
) -> ir.Value:
    """Load columns one by one; past the end, the last one again."""
    columns, stride = pack.columns
    numbers = []
    for lane in range(lanes):
        index = kernel.add(column, lane)
        if columns % pack.panel:
            index = kernel.minimum(index, columns - 1)
        place = kernel.add(source, kernel.mul(index, stride))
        numbers.append(kernel.load(kernel.buffer(0), place, pack.dtype))
    return _vector(kernel, numbers)


def _vector(kernel: KernelBuilder, numbers: list[ir.Value]) -> ir.Value:
    """Join numbers to a vector."""
    if len(numbers) == 1:
        return numbers[0]
    vector = ir.Constant(ir.VectorType(numbers[0].type, len(numbers)), ir.Undefined)
    for lane, number in enumerate(numbers):
        vector = kernel.b.insert_element(vector, number, ir.IntType(32)(lane))
    return vector


@dataclass(frozen=True)
class Unpack:
    """How packed panels of a weight gradient become (K, C / groups, *taps).

    Attributes:
        dtype: of the elements.
        groups: of the convolution.
        rows: input channels per group.
        columns: output channels per group.
        taps: of the whole window.
        panel: columns per panel.
    """

    dtype: dt.dtype
    groups: int
    rows: int
    columns: int
    taps: int
    panel: int

    @property
    def panels(self) -> int:
        """How many panels cover a group's columns."""
        return ceil_div(self.columns, self.panel)

    @property
    def size(self) -> int:
        """How many elements the panels take."""
        return self.groups * self.panels * self.taps * self.rows * self.panel


def unpack_kernel(
    name: str, unpack: Unpack, target: Target, epilogue: Epilogue
) -> Kernel:
    """Return the kernel that lays a weight gradient out: table (panels, gradient).

    The epilogue sees the gradient as (K, C / groups * taps). A chunk is a number of
    output channels.
    """
    kernel = KernelBuilder(name, target)
    lanes = target.lanes(unpack.dtype.itemsize)
    inner, channels = unpack.rows * unpack.taps, unpack.groups * unpack.columns
    each = max(1, _CHUNK // inner)
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        epilogue.start(kernel, chunk, 2)
        start = kernel.mul(chunk, each)
        stop = kernel.minimum(kernel.add(start, each), channels)
        with (
            kernel.loop(start, stop) as channel,
            kernel.loop(0, inner, lanes) as at,
        ):
            value = _unpacked(kernel, unpack, channel, at, lanes)
            valid = kernel.sub(inner, at) if inner % lanes else None
            offset = kernel.add(kernel.mul(channel, inner), at)
            position = Position((channel, at), offset, valid, chunk, 1, 2, unpack.dtype)
            epilogue.store(kernel, value, position)
    moved = 2 * channels * inner * unpack.dtype.itemsize
    return kernel.finish(ceil_div(channels, each), moved=moved)


def _unpacked(
    kernel: KernelBuilder, unpack: Unpack, channel: ir.Value, at: ir.Value, lanes: int
) -> ir.Value:
    """Collect neighbours of the gradient; past the end, the last one again."""
    group, column = kernel.split(channel, unpack.columns)
    panel, lane = kernel.split(column, unpack.panel)
    panel = kernel.add(kernel.mul(group, unpack.panels), panel)
    base = kernel.mul(panel, unpack.taps * unpack.rows * unpack.panel)
    base = kernel.add(base, lane)
    inner, numbers = unpack.rows * unpack.taps, []
    for each in range(lanes):
        index = kernel.add(at, each)
        if inner % lanes:
            index = kernel.minimum(index, inner - 1)
        row, tap = kernel.split(index, unpack.taps)
        line = kernel.add(kernel.mul(tap, unpack.rows), row)
        place = kernel.add(base, kernel.mul(line, unpack.panel))
        numbers.append(kernel.load(kernel.buffer(0), place, unpack.dtype))
    return _vector(kernel, numbers)


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
    kernel = KernelBuilder(name, target)
    lanes = target.lanes(fold.dtype.itemsize)
    rows, inner = prod(fold.sizes[:-1]), fold.sizes[-1]
    stretch = min(inner, _CHUNK)
    across, each = ceil_div(inner, stretch), max(1, _CHUNK // stretch)
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
    flops = fold.number * rows * inner
    moved = (fold.number + 1) * rows * inner * fold.dtype.itemsize
    return kernel.finish(ceil_div(rows, each) * across, flops, moved)


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
