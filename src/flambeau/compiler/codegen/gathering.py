"""Sums over all places of each channel, gathered while a result is stored.

Each part of the output has sums of its own; a second kernel adds those of all parts, in
their order. Sums of squares are taken about a number near the mean, the first element
of the part, so that no digits are lost where the mean is large.
Source: Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .builder import I64, KernelBuilder, value_type
from .kernel import Kernel
from .program import Position

__all__ = ["Gather", "join_kernel"]


@dataclass(frozen=True)
class Gather:
    """What is gathered of one expression, in a buffer of its own.

    The buffer holds, for each part, lines of one number per channel: the sum; or, with
    `spread`, the count, a pivot, and the sums of the deviations from the pivot and of
    their squares.

    Attributes:
        expression: its position.
        slot: of the buffer.
        channels: how many there are.
        dtype: float32 or float64.
        spread: whether the squared deviations from the mean are wanted too.
    """

    expression: int
    slot: int
    channels: int
    dtype: dt.dtype
    spread: bool

    @property
    def lines(self) -> int:
        """How many lines each part has."""
        return 4 if self.spread else 1

    def size(self, parts: int) -> int:
        """Return the bytes of the buffer."""
        return parts * self.lines * self.channels * self.dtype.itemsize

    def begin(self, kernel: KernelBuilder, position: Position, lanes: int) -> None:
        """Emit what comes before the first vector of a part in some channels."""
        zero = ir.constant(value_type(self.dtype, lanes), None)
        self._store(kernel, position, [zero] * self.lines)

    def add(
        self, kernel: KernelBuilder, position: Position, values: Sequence[ir.Value]
    ) -> None:
        """Emit the sums of some vectors in the same channels."""
        known = self._load(kernel, position, values[0].type.count)
        if not self.spread:
            total = self._sum(kernel, values)
            self._store(kernel, position, [kernel.b.fadd(known[0], total)])
            return
        count, pivot, deviations, squares = known
        zero = ir.constant(count.type, None)
        is_first = kernel.b.fcmp_ordered("==", count, zero)
        pivot = kernel.b.select(is_first, self._finite(kernel, values[0]), pivot)
        away = [kernel.b.fsub(value, pivot) for value in values]
        more = kernel.constant(len(values), self.dtype, count.type.count)
        for each in away:
            squares = kernel.fma(each, each, squares)
        deviations = kernel.b.fadd(deviations, self._sum(kernel, away))
        count = kernel.b.fadd(count, more)
        self._store(kernel, position, [count, pivot, deviations, squares])

    def _finite(self, kernel: KernelBuilder, value: ir.Value) -> ir.Value:
        """Return a number, or 0 instead of infinity and NaN: a pivot must be finite."""
        zero = ir.constant(value.type, None)
        finite = kernel.b.fcmp_ordered("==", kernel.b.fsub(value, value), zero)
        return kernel.b.select(finite, value, zero)

    def _sum(self, kernel: KernelBuilder, values: Sequence[ir.Value]) -> ir.Value:
        """Add vectors pairwise."""
        left = list(values)
        while len(left) > 1:
            odd = left[-1:] if len(left) % 2 else []
            left = [kernel.b.fadd(a, b) for a, b in zip(left[::2], left[1::2])] + odd
        return left[0]

    def _load(
        self, kernel: KernelBuilder, position: Position, lanes: int
    ) -> list[ir.Value]:
        mask = position.mask(kernel, lanes)
        pointer = kernel.buffer(position.free + self.slot)
        places = [self._place(kernel, position, line) for line in range(self.lines)]
        return [kernel.load(pointer, at, self.dtype, lanes, mask) for at in places]

    def _store(
        self, kernel: KernelBuilder, position: Position, values: Sequence[ir.Value]
    ) -> None:
        mask = position.mask(kernel, values[0].type.count)
        pointer = kernel.buffer(position.free + self.slot)
        for line, value in enumerate(values):
            place = self._place(kernel, position, line)
            kernel.store(value, pointer, place, self.dtype, mask)

    def _place(self, kernel: KernelBuilder, position: Position, line: int) -> ir.Value:
        first = kernel.add(kernel.mul(position.part, self.lines), line)
        return kernel.add(kernel.mul(first, self.channels), position.indices[-1])


def join_kernel(name: str, gather: Gather, parts: int, target: Target) -> Kernel:
    """Return the kernel that adds the parts: table (gathered, number of parts, sum).

    With `spread` the sum of the squared deviations from the mean comes fourth. A chunk
    is a vector of channels.
    """
    lanes = target.lanes(gather.dtype.itemsize)
    chunks = -(-gather.channels // lanes)
    moved = gather.size(parts)
    return Kernel(name, _emit, (gather, target), chunks, 0, moved)


def _emit(name: str, gather: Gather, target: Target) -> str:
    kernel = KernelBuilder(name, target)
    lanes = target.lanes(gather.dtype.itemsize)
    parts = kernel.b.load(kernel.buffer(1), I64, align=8)
    with kernel.loop(kernel.begin, kernel.end) as chunk:
        channel = kernel.mul(chunk, lanes)
        valid = None
        if gather.channels % lanes:
            valid = kernel.sub(gather.channels, channel)
        _Join(kernel, gather, parts, channel, valid, lanes).emit()
    return kernel.finish()


class _Join:
    """The parts of a vector of channels."""

    def __init__(
        self,
        kernel: KernelBuilder,
        gather: Gather,
        parts: ir.Value,
        channel: ir.Value,
        valid: ir.Value | None,
        lanes: int,
    ) -> None:
        self.kernel, self.gather, self.parts = kernel, gather, parts
        self.channel, self.lanes = channel, lanes
        self.mask = None if valid is None else kernel.first_lanes(valid, lanes)
        self.zero = ir.constant(value_type(gather.dtype, lanes), None)

    def emit(self) -> None:
        """Add the sums, then the squares about their mean."""
        kernel, b = self.kernel, self.kernel.b
        total, count = kernel.variable(self.zero), kernel.variable(self.zero)
        with kernel.loop(0, self.parts) as part:
            if self.gather.spread:
                many, pivot, away, _ = self._lines(part)
                count.set(b.fadd(count.get(), many))
                total.set(b.fadd(total.get(), kernel.fma(many, pivot, away)))
            else:
                total.set(b.fadd(total.get(), self._lines(part)[0]))
        self._store(2, total.get())
        if self.gather.spread:
            self._store(3, self._squares(b.fdiv(total.get(), count.get())))

    def _squares(self, mean: ir.Value) -> ir.Value:
        """The squared deviations from the mean, from those about the pivots.

        With d = pivot - mean they are sum of (x - pivot)^2 + 2 d (x - pivot) + d^2.
        """
        kernel, b = self.kernel, self.kernel.b
        total = kernel.variable(self.zero)
        with kernel.loop(0, self.parts) as part:
            many, pivot, away, squares = self._lines(part)
            # about the part's own mean first: both terms are squares then
            off = b.fdiv(away, many)
            own = b.fsub(squares, b.fmul(away, off))
            apart = b.fadd(b.fsub(pivot, mean), off)
            more = kernel.fma(b.fmul(many, apart), apart, own)
            total.set(b.fadd(total.get(), more))
        return total.get()

    def _lines(self, part: ir.Value) -> list[ir.Value]:
        """Load the numbers of a part."""
        kernel, gather = self.kernel, self.gather
        found = []
        for line in range(gather.lines):
            place = kernel.add(kernel.mul(part, gather.lines), line)
            place = kernel.add(kernel.mul(place, gather.channels), self.channel)
            pointer = kernel.buffer(0)
            found.append(
                kernel.load(pointer, place, gather.dtype, self.lanes, self.mask)
            )
        return found

    def _store(self, slot: int, value: ir.Value) -> None:
        kernel, kind = self.kernel, self.gather.dtype
        kernel.store(value, kernel.buffer(slot), self.channel, kind, self.mask)
