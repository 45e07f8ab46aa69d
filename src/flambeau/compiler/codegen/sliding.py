"""What pools and folds share: windows that slide along dimensions, and their loads.

A `Slide` is one dimension of (N, C, *sizes): tap k of window o is the position
``o * stride + k * dilation - low``. N and C are windows of one element. The slides of
a kernel stand in memory order, so that the last one is done in vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod

from ... import dtypes as dt
from . import ir
from .builder import Index, KernelBuilder
from .loops import ANY, CHUNK

__all__ = [
    "Slide",
    "each",
    "lanes_inside",
    "load_strided",
    "row_steps",
    "rows_at_once",
]

I32 = ir.IntType(32)
_UNROLLED = 4  # longer walks over taps are loops


@dataclass(frozen=True)
class Slide:
    """Windows along one dimension.

    Attributes:
        windows: how many there are.
        size: of the dimension that they slide over.
        kernel: taps of a window.
        stride: from one window to the next.
        low: padding before the first position.
        dilation: from one tap to the next.
        dim: the number of the dimension in (N, C, *sizes).
    """

    windows: int
    size: int
    kernel: int = 1
    stride: int = 1
    low: int = 0
    dilation: int = 1
    dim: int = 0

    @property
    def of_any_size(self) -> Slide:
        """The same for any number of images or channels; other slides as they are."""
        return replace(self, windows=ANY, size=ANY) if self.dim < 2 else self

    @property
    def is_plain(self) -> bool:
        """Whether every window is the one element at its own place."""
        return self.kernel == self.stride == 1 and not self.low

    @property
    def span(self) -> int:
        """How many positions lie between the ends of a window, both included."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def sees_only_inside(self) -> bool:
        """Whether no tap of any window lies outside."""
        last = (self.windows - 1) * self.stride - self.low + self.span
        return self.low <= 0 and last <= self.size

    def first_tap(self, k: KernelBuilder, window: ir.Value) -> Index:
        """Return the first tap of a window that lies inside."""
        if self.low <= 0:
            return 0
        missing = k.sub(k.int(self.low), k.mul(window, self.stride))
        missing = k.maximum(missing, 0)
        return k.div(k.add(missing, self.dilation - 1), self.dilation)

    def end_tap(self, k: KernelBuilder, window: ir.Value) -> Index:
        """Return the tap after the last one that lies inside."""
        if self.sees_only_inside:
            return self.kernel
        room = k.sub(k.int(self.size + self.low), k.mul(window, self.stride))
        room = k.maximum(k.add(room, self.dilation - 1), 0)
        return k.minimum(k.div(room, self.dilation), self.kernel)


def each(
    k: KernelBuilder, start: Index, stop: Index, body: Callable[[Index], None]
) -> None:
    """Run `body` for every number: a few known ones in a row, others in a loop."""
    if isinstance(start, int) and isinstance(stop, int) and stop - start <= _UNROLLED:
        for at in range(start, stop):
            body(at)
        return
    with k.loop(start, stop) as index:
        body(index)


def row_steps(sizes: Sequence[int]) -> tuple[int, ...]:
    """Return the steps of dense memory with dimensions of these sizes."""
    return tuple(prod(sizes[at + 1 :]) for at in range(len(sizes)))


def rows_at_once(work: int) -> int:
    """Return how many rows of `work` element operations are one chunk."""
    return max(1, CHUNK // max(work, 1))


def lanes_inside(
    k: KernelBuilder, first: Index, size: int, lanes: int, stride: int = 1
) -> ir.Value:
    """Return for which lanes ``0 <= first + lane * stride < size``."""
    start = k.splat(k.b.trunc(k.int(first), I32), lanes)
    along = ir.VectorType(I32, lanes)
    places = k.b.add(start, ir.constant(along, [n * stride for n in range(lanes)]))
    bound = ir.constant(along, [size] * lanes)
    return k.b.icmp_unsigned("<", places, bound)  # negative places are huge


def load_strided(
    k: KernelBuilder,
    pointer: ir.Value,
    row: ir.Value,
    first: ir.Value,
    slide: Slide,
    kind: dt.dtype,
    absent: ir.Value,
) -> ir.Value:
    """Load the positions ``first + lane * stride`` of a row, `absent` outside of it.

    Args:
        k: the builder.
        pointer: of the buffer.
        row: where the row begins.
        first: the position of lane 0, perhaps outside.
        slide: the dimension of the row.
        kind: of the elements.
        absent: a vector for what lies outside.
    """
    lanes, found = absent.type.count, absent
    wanted = [lane * slide.stride for lane in range(lanes)]
    for piece in range(slide.stride):
        start = piece * lanes
        place = k.add(first, start)
        mask = lanes_inside(k, place, slide.size, lanes)
        value = k.load(pointer, k.add(row, place), kind, lanes, mask, absent)
        # take from this piece the lanes that lie in it, keep the others
        pick = [
            lanes + at - start if start <= at < start + lanes else lane
            for lane, at in enumerate(wanted)
        ]
        found = k.shuffle(found, value, pick)
    return found
