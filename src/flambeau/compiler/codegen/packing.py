"""Rearranging operands for contractions.

Contractions read the operand that lies across their vectors in panels:

    packed[group][panel][tap][row][lane]    lane = a column of the panel

so that every step of a reduction reads neighbouring vectors. Columns that do not
exist are zero.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .builder import Index, KernelBuilder
from .kernel import Kernel
from .loops import ANY, unravel
from .tile import ceil_div
from .transposing import transpose

__all__ = ["Pack", "Steps", "pack_kernel"]

_CHUNK = 16_384  # elements per chunk
_ROWS = 16  # that are packed for one panel before the next one: they stay near


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
        free: the size that the code does not know: "groups", which is the outermost
            one of theirs, "rows", or none.
    """

    dtype: dt.dtype
    groups: tuple[tuple[int, int], ...]
    taps: tuple[Steps, ...]
    rows: tuple[int, int]
    columns: tuple[int, int]
    panel: int
    start: int = 0
    free: str = ""

    @property
    def code(self) -> Pack:
        """The same for any number of what is free."""
        if self.free == "rows":
            return replace(self, rows=(ANY, self.rows[1]))
        if self.free == "groups":
            (_, step), *others = self.groups
            return replace(self, groups=((ANY, step), *others))
        return self

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
    def inner(self) -> int:
        """How many elements a column has."""
        return self.rows[0] * prod(each.count for each in self.taps)

    @property
    def turned(self) -> bool:
        """Whether a column's elements are neighbours, rows outside, taps inside."""
        counts = [each.count for each in self.taps]
        order = all(
            each.count == 1 or each.step == prod(counts[at + 1 :])
            for at, each in enumerate(self.taps)
        )
        return order and self.rows[1] == prod(counts)

    @property
    def taps_start(self) -> int:
        """Where the first tap lies."""
        return sum(each.start for each in self.taps)


def pack_kernel(name: str, pack: Pack, target: Target) -> Kernel:
    """Return the kernel that gathers panels: table (operand, panels).

    Its bounds are the number of blocks and of rows, if something is free.
    """
    lanes = target.lanes(pack.dtype.itemsize)
    if _in_blocks(pack, lanes):
        groups = prod(size for size, _ in pack.groups)
        chunks = groups * pack.panels * ceil_div(pack.panel, lanes)
    else:
        chunks = ceil_div(_blocks(pack), _blocks_at_once(pack))
    moved = 2 * pack.size * pack.dtype.itemsize
    bounds = (_blocks(pack), pack.rows[0]) if pack.free else ()
    recipe = (pack.code, target)
    return Kernel(name, _emit, recipe, chunks, moved=moved, bounds=bounds)


def _in_blocks(pack: Pack, lanes: int) -> bool:
    """Whether whole blocks are turned in registers."""
    return pack.free != "rows" and pack.turned and pack.inner >= lanes


def _blocks(pack: Pack) -> int:
    """How many blocks of panel rows there are."""
    groups = prod(size for size, _ in pack.groups)
    return groups * ceil_div(pack.rows[0], _ROWS) * pack.panels


def _blocks_at_once(pack: Pack) -> int:
    """How many blocks with all their taps are a chunk."""
    taps = prod(each.count for each in pack.taps)
    return max(1, _CHUNK // max(1, taps * pack.panel * _ROWS))


def _emit(name: str, pack: Pack, target: Target) -> str:
    kernel = KernelBuilder(name, target)
    lanes = target.lanes(pack.dtype.itemsize)
    if _in_blocks(pack, lanes):
        _pack_blocks(kernel, pack, lanes)
    else:
        _pack_lines(kernel, pack)
    return kernel.finish()


def _pack_blocks(kernel: KernelBuilder, pack: Pack, lanes: int) -> None:
    """Turn blocks in registers. A chunk is as many columns as a vector has lanes.

    The last block of a column may do some of the one before it again.
    """
    across = ceil_div(pack.panel, lanes)
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        upper, block = kernel.split(chunk, across)
        group, panel = kernel.split(upper, pack.panels)
        source = kernel.add(_group_offset(kernel, pack, group), pack.taps_start)
        column = kernel.mul(block, lanes)
        place = kernel.mul(upper, pack.inner * pack.panel)
        place = kernel.add(kernel.add(place, pack.start), column)
        first = kernel.add(kernel.mul(panel, pack.panel), column)
        with kernel.loop(0, pack.inner, lanes) as step:
            at = kernel.minimum(step, pack.inner - lanes)
            vectors = []
            for lane in range(lanes):
                index = kernel.minimum(kernel.add(first, lane), pack.columns[0] - 1)
                line = kernel.add(source, kernel.mul(index, pack.columns[1]))
                line = kernel.add(line, at)
                vectors.append(kernel.load(kernel.buffer(0), line, pack.dtype, lanes))
            _store_lines(kernel, pack, transpose(kernel, vectors), place, at, column)


def _store_lines(
    kernel: KernelBuilder,
    pack: Pack,
    vectors: list[ir.Value],
    place: ir.Value,
    at: ir.Value,
    column: ir.Value,
) -> None:
    """Write vectors of columns, one for each consecutive place of the operand."""
    mask, lanes = None, len(vectors)
    if pack.panel % lanes:
        mask = kernel.first_lanes(kernel.sub(pack.panel, column), lanes)
    taps = pack.inner // pack.rows[0]
    for each, value in enumerate(vectors):
        row, tap = kernel.split(kernel.add(at, each), taps)
        line = kernel.add(kernel.mul(tap, pack.rows[0]), row)
        onward = kernel.add(place, kernel.mul(line, pack.panel))
        kernel.store(value, kernel.buffer(1), onward, pack.dtype, mask)


def _pack_lines(kernel: KernelBuilder, pack: Pack) -> None:
    """Gather line by line. A chunk is a number of blocks with all their taps.

    Neighbouring panels share lines of the operand, so a few rows are packed for all of
    them before the next rows.
    """
    taps, each = prod(each.count for each in pack.taps), _blocks_at_once(pack)
    blocks = kernel.number(2, 0) if pack.free else _blocks(pack)
    rows = kernel.number(2, 1) if pack.free == "rows" else pack.rows[0]
    below, _ = kernel.split(kernel.add(rows, _ROWS - 1), _ROWS)
    stop = kernel.minimum(kernel.mul(kernel.end, each), blocks)
    with kernel.loop(kernel.mul(kernel.begin, each), stop) as number:
        upper, panel = kernel.split(number, pack.panels)
        group, block = kernel.split(upper, below)
        base = kernel.add(_group_offset(kernel, pack, group), pack.taps_start)
        line = kernel.add(kernel.mul(group, pack.panels), panel)
        line = kernel.mul(kernel.mul(line, taps), rows)
        first = kernel.mul(block, _ROWS)
        last = kernel.minimum(kernel.add(first, _ROWS), rows)
        with kernel.loop(first, last) as row:
            source = kernel.add(base, kernel.mul(row, pack.rows[1]))
            place = kernel.mul(kernel.add(line, row), pack.panel)
            place = kernel.add(place, pack.start)
            _pack_taps(kernel, pack, 0, source, panel, place, rows)


def _group_offset(kernel: KernelBuilder, pack: Pack, group: ir.Value) -> ir.Value:
    """Where the operand of a group begins; the groups may have several dimensions."""
    offset = kernel.int(0)
    indices = unravel(kernel, group, tuple(size for size, _ in pack.groups))
    for index, (_, stride) in zip(indices, pack.groups, strict=True):
        offset = kernel.add(offset, kernel.mul(index, stride))
    return offset


def _pack_taps(
    kernel: KernelBuilder,
    pack: Pack,
    dimension: int,
    source: ir.Value,
    panel: ir.Value,
    place: ir.Value,
    rows: Index,
) -> None:
    """Loop over the taps of the window from `dimension` on."""
    if dimension == len(pack.taps):
        _pack_line(kernel, pack, source, panel, place)
        return
    inner = prod(each.count for each in pack.taps[dimension + 1 :])
    steps = pack.taps[dimension]
    with kernel.loop(0, steps.count) as tap:
        onward = kernel.add(source, kernel.mul(tap, steps.step))
        jump = kernel.mul(kernel.mul(tap, inner * pack.panel), rows)
        further = kernel.add(place, jump)
        _pack_taps(kernel, pack, dimension + 1, onward, panel, further, rows)


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
    return kernel.vector(numbers)
