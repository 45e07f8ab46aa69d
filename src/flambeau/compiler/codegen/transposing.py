"""Blocks of a matrix turned in registers, and the weight gradient that needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llvmlite import ir

from ... import dtypes as dt
from ...runtime.target import Target
from .builder import KernelBuilder
from .kernel import Kernel
from .program import Epilogue, Position
from .tile import ceil_div

__all__ = ["Unpack", "transpose", "unpack_kernel"]


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
            found[i] = _shuffle(kernel, a, b, above)
            found[i + half] = _shuffle(kernel, a, b, below)
        half //= 2
    return found


def _shuffle(
    kernel: KernelBuilder, a: ir.Value, b: ir.Value, lanes: list[int]
) -> ir.Value:
    """Collect lanes of two vectors, those of the second counted after the first."""
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), lanes)
    return kernel.b.shuffle_vector(a, b, mask)


@dataclass(frozen=True)
class Unpack:
    """How packed panels of a weight gradient become (K, C / groups, *taps).

    Attributes:
        dtype: of the elements.
        groups: that have panels of their own.
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
    def inner(self) -> int:
        """How many weights an output channel has."""
        return self.rows * self.taps


_BLOCK = 512  # weights of each channel that are turned before they are stored


def unpack_kernel(
    name: str, unpack: Unpack, target: Target, epilogue: Epilogue
) -> Kernel:
    """Return the kernel that lays a weight gradient out: table (panels, gradient).

    The epilogue sees the gradient as (K, C / groups * taps). A chunk is as many output
    channels as a vector has lanes. Their weights are turned into the workspace, a block
    at a time, so that each channel is then stored in one long stretch: an optimizer's
    update reads and writes several such streams.
    """
    size, lanes = unpack.dtype.itemsize, target.lanes(unpack.dtype.itemsize)
    return Kernel(
        name,
        _emit,
        (unpack, target, epilogue),
        unpack.groups * ceil_div(unpack.columns, lanes),
        moved=2 * unpack.groups * unpack.columns * unpack.inner * size,
        workspace=lanes * _BLOCK * size,
    )


def _emit(name: str, unpack: Unpack, target: Target, epilogue: Epilogue) -> str:
    kernel = KernelBuilder(name, target)
    lanes = target.lanes(unpack.dtype.itemsize)
    blocks = ceil_div(unpack.columns, lanes)
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        epilogue.start(kernel, chunk, 2)
        group, block = kernel.split(chunk, blocks)
        column = kernel.mul(block, lanes)
        with kernel.loop(0, unpack.inner, _BLOCK) as start:
            stop = kernel.minimum(kernel.add(start, _BLOCK), unpack.inner)
            _turn(kernel, unpack, group, column, start, stop, lanes)
            left = kernel.minimum(kernel.sub(unpack.columns, column), lanes)
            with kernel.loop(0, left) as lane, kernel.loop(start, stop, lanes) as at:
                own = kernel.add(kernel.mul(group, unpack.columns), column)
                channel = kernel.add(own, lane)
                place = kernel.mul(lane, _BLOCK)
                place = kernel.add(place, kernel.sub(at, start))
                value = kernel.load(kernel.workspace, place, unpack.dtype, lanes)
                valid = kernel.sub(unpack.inner, at) if unpack.inner % lanes else None
                offset = kernel.add(kernel.mul(channel, unpack.inner), at)
                position = Position(
                    (channel, at), offset, valid, chunk, 1, 2, unpack.dtype
                )
                epilogue.store(kernel, value, position)
    return kernel.finish()


def _turn(
    kernel: KernelBuilder,
    unpack: Unpack,
    group: ir.Value,
    column: ir.Value,
    start: ir.Value,
    stop: ir.Value,
    lanes: int,
) -> None:
    """Turn the weights `start` … `stop - 1` of a vector of channels."""
    with kernel.loop(start, stop, lanes) as at:
        vectors = _lines(kernel, unpack, group, column, at, lanes)
        for lane, value in enumerate(transpose(kernel, vectors)):
            place = kernel.add(kernel.sub(at, start), lane * _BLOCK)
            kernel.store(value, kernel.workspace, place, unpack.dtype)


def _lines(
    kernel: KernelBuilder,
    unpack: Unpack,
    group: ir.Value,
    column: ir.Value,
    at: ir.Value,
    lanes: int,
) -> list[ir.Value]:
    """Load the vectors of consecutive weights; past the end, the last one again."""
    panel, lane = kernel.split(column, unpack.panel)
    panel = kernel.add(kernel.mul(group, unpack.panels), panel)
    base = kernel.add(kernel.mul(panel, unpack.inner * unpack.panel), lane)
    found = []
    for each in range(lanes):
        index = kernel.add(at, each)
        if unpack.inner % lanes:
            index = kernel.minimum(index, unpack.inner - 1)
        row, tap = kernel.split(index, unpack.taps)
        line = kernel.add(kernel.mul(tap, unpack.rows), row)
        place = kernel.add(base, kernel.mul(line, unpack.panel))
        found.append(kernel.load(kernel.buffer(0), place, unpack.dtype, lanes))
    return found
