"""Blocks of a matrix turned in registers, and the weight gradient that needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .builder import I64, KernelBuilder
from .folding import Parts
from .kernel import Kernel
from .program import Epilogue, Position
from .tile import ceil_div

__all__ = ["Band", "Unpack", "transpose", "turned_size", "unpack_band", "unpack_kernel"]

_CHUNK = 65_536  # sums that a chunk adds
_MANY = 16  # parts, beyond which chunks become no smaller
_BLOCK = 512  # weights of each channel that are turned before they are stored


def transpose(kernel: KernelBuilder, vectors: Sequence[ir.Value]) -> list[ir.Value]:
    """Turn as many vectors as they have lanes: lane i of vector j becomes j of i.

    Each round exchanges the off-diagonal halves of blocks half as large as before.
    """
    found, lanes = list(vectors), len(vectors)
    half = lanes // 2
    while half:
        above = [j if not j & half else lanes + j - half for j in range(lanes)]
        below = [j + half if not j & half else lanes + j for j in range(lanes)]
        for i in (i for i in range(lanes) if not i & half):
            a, b = found[i], found[i + half]
            found[i] = kernel.shuffle(a, b, above)
            found[i + half] = kernel.shuffle(a, b, below)
        half //= 2
    return found


@dataclass(frozen=True)
class Unpack:
    """How panels of a weight gradient become (K, C / groups, *taps).

    Attributes:
        dtype: of the elements.
        groups: that have panels of their own.
        rows: input channels per group.
        columns: output channels per group.
        taps: of the whole window.
        panel: columns per panel.
        parts: how many such panels are added.
    """

    dtype: dt.dtype
    groups: int
    rows: int
    columns: int
    taps: int
    panel: int
    parts: Parts

    @property
    def panels(self) -> int:
        """How many panels cover a group's columns."""
        return ceil_div(self.columns, self.panel)

    @property
    def inner(self) -> int:
        """How many weights an output channel has."""
        return self.rows * self.taps

    @property
    def size(self) -> int:
        """How many elements all panels have."""
        return self.groups * self.panels * self.inner * self.panel


@dataclass(frozen=True)
class Band:
    """Sums of a panel for neighbouring input channels, which lie in the workspace.

    Attributes:
        panel: its number, over all groups.
        low: the first input channel.
        high: the one after the last.
        height: for how many channels there is room.
        place: where the sums of the panel begin; line tap * height + channel - low.
        chunk: the number of the chunk at work.
        slot: of the output in the table; the epilogue's buffers begin after it.
    """

    panel: ir.Value
    low: ir.Value
    high: ir.Value
    height: int
    place: ir.Value
    chunk: ir.Value
    slot: int


def unpack_band(
    kernel: KernelBuilder, unpack: Unpack, epilogue: Epilogue, band: Band
) -> None:
    """Lay some sums out; the epilogue sees them as (K, C / groups * taps).

    The weights of a vector of channels are turned a block at a time, so that each
    channel is then stored in one long stretch: an optimizer's update reads and writes
    several such streams.
    """
    lanes, kind = kernel.target.lanes(unpack.dtype.itemsize), unpack.dtype
    group, panel = kernel.split(band.panel, unpack.panels)
    first, stop = (kernel.mul(each, unpack.taps) for each in (band.low, band.high))
    with (
        kernel.loop(0, unpack.panel, lanes) as lane,
        kernel.loop(first, stop, _BLOCK) as start,
    ):
        end = kernel.minimum(kernel.add(start, _BLOCK), stop)
        column = kernel.add(kernel.mul(panel, unpack.panel), lane)
        own = kernel.add(kernel.mul(group, unpack.columns), column)

        def position(channel: ir.Value, at: ir.Value) -> Position:
            return Position(
                (channel, at),
                kernel.add(kernel.mul(channel, unpack.inner), at),
                kernel.sub(end, at) if _ragged(unpack, band, lanes) else None,
                band.chunk,
                band.slot,
                band.slot + 1,
                kind,
            )

        with kernel.loop(start, end, lanes) as at:
            epilogue.prepare(kernel, [[position(own, at)]])
            _turn(kernel, unpack, band, lane, at, start, end)
        left = kernel.minimum(kernel.sub(unpack.columns, column), lanes)
        with kernel.loop(0, left) as each, kernel.loop(start, end, lanes) as at:
            channel = kernel.add(own, each)
            epilogue.prepare(kernel, [[position(kernel.add(channel, 1), at)]])
            place = kernel.add(kernel.mul(each, _BLOCK), kernel.sub(at, start))
            value = kernel.load(kernel.workspace, place, kind, lanes)
            epilogue.store(kernel, value, position(channel, at))


def _ragged(unpack: Unpack, band: Band, lanes: int) -> bool:
    """Whether the weights of a band may be no whole number of vectors."""
    return bool(unpack.inner % lanes or band.height * unpack.taps % lanes)


def _turn(
    kernel: KernelBuilder,
    unpack: Unpack,
    band: Band,
    lane: ir.Value,
    at: ir.Value,
    start: ir.Value,
    end: ir.Value,
) -> None:
    """Turn as many weights from `at` as a vector has lanes, of as many channels.

    Past the end the last one is taken again.
    """
    vectors, lanes = [], kernel.target.lanes(unpack.dtype.itemsize)
    base = kernel.add(band.place, lane)
    for each in range(lanes):
        index = kernel.add(at, each)
        if _ragged(unpack, band, lanes):
            index = kernel.minimum(index, kernel.sub(end, 1))
        row, tap = kernel.split(index, unpack.taps)
        line = kernel.add(kernel.mul(tap, band.height), kernel.sub(row, band.low))
        place = kernel.add(base, kernel.mul(line, unpack.panel))
        vectors.append(kernel.load(kernel.workspace, place, unpack.dtype, lanes))
    for each, value in enumerate(transpose(kernel, vectors)):
        place = kernel.add(kernel.sub(at, start), each * _BLOCK)
        kernel.store(value, kernel.workspace, place, unpack.dtype)


def unpack_kernel(
    name: str, unpack: Unpack, batch: int, target: Target, epilogue: Epilogue
) -> Kernel:
    """Return the kernel that lays a weight gradient out: table (parts, batch, out).

    A chunk adds the parts of a panel for some input channels in its workspace.
    """
    size, parts = unpack.dtype.itemsize, unpack.parts.number(batch)
    lanes = target.lanes(size)
    height = _height(unpack, lanes)
    return Kernel(
        name,
        _emit,
        (unpack, target, epilogue),
        unpack.groups * unpack.panels * ceil_div(unpack.rows, height),
        flops=parts * unpack.size,
        moved=(parts + 1) * unpack.size * size,
        workspace=(turned_size(lanes) + height * unpack.taps * unpack.panel) * size,
    )


def turned_size(lanes: int) -> int:
    """How many elements at the beginning of the workspace hold what was turned."""
    return lanes * _BLOCK


def _height(unpack: Unpack, lanes: int) -> int:
    """How many input channels a chunk adds up."""
    each = unpack.taps * unpack.panel * min(unpack.parts.most, _MANY)
    return min(ceil_div(ceil_div(_CHUNK, each), lanes) * lanes, unpack.rows)


def _emit(name: str, unpack: Unpack, target: Target, epilogue: Epilogue) -> str:
    kernel = KernelBuilder(name, target)
    lanes = target.lanes(unpack.dtype.itemsize)
    height, place = _height(unpack, lanes), kernel.int(turned_size(lanes))
    images = kernel.b.load(kernel.buffer(1), I64, align=8)
    parts = unpack.parts.emit(kernel, images)
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        panel, number = kernel.split(chunk, ceil_div(unpack.rows, height))
        low = kernel.mul(number, height)
        high = kernel.minimum(kernel.add(low, height), unpack.rows)
        band = Band(panel, low, high, height, place, chunk, 2)
        with kernel.loop(0, unpack.taps) as tap:
            _add_parts(kernel, unpack, parts, band, tap)
        unpack_band(kernel, unpack, epilogue, band)
    return kernel.finish()


def _add_parts(
    kernel: KernelBuilder, unpack: Unpack, parts: ir.Value, band: Band, tap: ir.Value
) -> None:
    """Add the parts of a band's lines at a tap, in order."""
    kind, lanes = unpack.dtype, kernel.target.lanes(unpack.dtype.itemsize)
    line = kernel.add(kernel.mul(band.panel, unpack.taps), tap)
    line = kernel.add(kernel.mul(line, unpack.rows), band.low)
    source = kernel.mul(line, unpack.panel)
    place = kernel.add(band.place, kernel.mul(tap, band.height * unpack.panel))
    count = kernel.mul(kernel.sub(band.high, band.low), unpack.panel)
    with kernel.loop(0, parts) as part:
        start = kernel.add(source, kernel.mul(part, unpack.size))
        old = kernel.b.icmp_unsigned("!=", part, kernel.int(0))
        mask = kernel.splat(old, lanes)
        with kernel.loop(0, count, lanes) as at:
            value = kernel.load(kernel.buffer(0), kernel.add(start, at), kind, lanes)
            here = kernel.add(place, at)
            total = kernel.load(kernel.workspace, here, kind, lanes, mask)
            total = kernel.b.fadd(total, value)
            kernel.store(total, kernel.workspace, here, kind)
