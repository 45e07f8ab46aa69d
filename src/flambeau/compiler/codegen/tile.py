"""The register tile that every contraction runs on.

A tile holds `rows` x `vectors` sums in registers. One step of the reduction multiplies
`rows` broadcast numbers of one operand with `vectors` vectors of the other:

    sum[p][v] += a[p] * b[v]        rows * vectors FMAs, rows + vectors loads

Where channels do not mix the first operand is read in vectors too: a[p][v].
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .builder import Index, KernelBuilder, Variable, value_type

T = TypeVar("T")

__all__ = [
    "Tile",
    "TileShape",
    "ceil_div",
    "choose_lanewise_tile",
    "choose_tile",
    "fitting_rows",
]

_LATENCY = 9  # FMAs in flight that a core needs to be busy
_NEAREST = 32_768  # bytes of a nearest cache that the vectors of a panel may fill
_BRINGING = 5  # FMAs in the time in which a vector comes from the next cache
_TOGETHER = 4  # steps in the body of an inner loop
_PAIR = 2  # where sums fill the registers: counting takes slots from FMAs
_ONCE = 3  # rows of which one has its number read once for both of its vectors
_FEW_TAPS = 3  # of a line
_MANY_TAPS = 7  # the most whose vectors are kept together
_ROOM = 3  # registers with which LLVM orders these steps without spilling
_MORE = 5  # where there are few: it takes turns with them, and so with all sums


def ceil_div(a: int, b: int) -> int:
    """Return a / b rounded up."""
    return -(-a // b)


@dataclass(frozen=True)
class TileShape:
    """How many rows and vectors a tile holds, and a vector's lanes."""

    rows: int
    vectors: int
    lanes: int

    @property
    def columns(self) -> int:
        """How many columns a tile covers."""
        return self.vectors * self.lanes


def choose_tile(
    target: Target,
    itemsize: int,
    rows: int,
    columns: int,
    taps: int = 1,
    steps: int = 0,
    kept: int = 0,
    after: int = 0,
) -> TileShape:
    """Return the tile that covers `rows` x `columns` in the least time.

    Args:
        target: the CPU.
        itemsize: bytes of an element.
        rows: of the output.
        columns: of the output.
        taps: how often the broadcast operand is read while a panel is done.
        steps: of the reduction, if known.
        kept: registers that other loops of the kernel keep.
        after: registers that what follows a tile takes beside its sums.
    """
    lanes = target.lanes(itemsize)
    vectors = ceil_div(columns, lanes)
    is_far = steps * target.vector_bytes > _NEAREST
    widest = 8 if rows <= 2 else 4  # few rows need more sums for their latency
    shapes = [
        TileShape(most, across, lanes)
        for across in range(1, min(vectors, widest) + 1)
        for most in range(1, min(rows, fitting_rows(target, across, kept)) + 1)
    ]
    shapes = [each for each in shapes if _leaves(each, target, columns, after)]
    return min(shapes, key=lambda shape: _cost(shape, rows, vectors, taps, is_far))


def _leaves(shape: TileShape, target: Target, columns: int, after: int) -> bool:
    """Whether a tile leaves so many registers, and those of the masks of columns."""
    masks = target.mask_registers if columns % shape.columns else 0
    free = target.vector_registers - shape.rows * shape.vectors - masks
    return free >= after or shape.rows == shape.vectors == 1


def choose_lanewise_tile(
    target: Target,
    itemsize: int,
    rows: int,
    columns: int,
    taps: int = _FEW_TAPS,
    stride: int = 1,
) -> TileShape:
    """Return the tile for products of vectors with vectors.

    Neighbouring steps read the same vectors, so there must be registers for as many
    vectors of the first operand as there are sums. Where registers are few they must
    do for what all taps of a line read, and for masks and what is masked.

    Args:
        target: the CPU.
        itemsize: bytes of an element.
        rows: of the output.
        columns: of the output.
        taps: steps between which vectors are kept.
        stride: how far apart two rows read, in steps.
    """
    lanes, registers = target.lanes(itemsize), target.vector_registers
    if target.has_masks:
        pairs = columns > lanes and (columns % lanes or columns % (2 * lanes) == 0)
        vectors = 2 if pairs else 1
        most = (registers // vectors - _FEW_TAPS) // 2
    else:
        near = max(_FEW_TAPS, min(taps, _MANY_TAPS)) if stride == 1 else _FEW_TAPS
        vectors, masks = 1, 2 if columns % lanes else 0
        most = (registers - 1 - near - masks) // 2
    return TileShape(ceil_div(rows, ceil_div(rows, most)), vectors, lanes)


def fitting_rows(target: Target, vectors: int, kept: int = 0) -> int:
    """Return the rows whose sums fit beside what a step reads."""
    return (_beside(target, vectors) - kept) // vectors


def _beside(target: Target, vectors: int) -> int:
    """How many registers there are beside the vectors of a step and one number.

    Without an FMA that reads one from memory a product or a number needs another one,
    and one is left to LLVM, which takes turns with them.
    """
    return target.vector_registers - vectors - (1 if target.folds_numbers else 3)


def _cost(shape: TileShape, rows: int, vectors: int, taps: int, is_far: bool) -> float:
    """FMA slots that one step of the reduction takes over the whole output.

    Each panel brings the broadcast operand near once more.
    """
    whole, rest = divmod(rows, shape.rows)
    each = whole * _step(shape.rows, shape.vectors, is_far) + 0.25 * rows / taps
    if rest:
        each += _step(rest, shape.vectors, is_far)
    return each * ceil_div(vectors, shape.vectors)


def _step(rows: int, vectors: int, is_far: bool) -> float:
    """Slots of one tile's step: its FMAs, or what its loads or their latency take.

    Loads cost a little beside the FMAs: vectors more, as they come from further away.
    Where the nearest cache has not room for them, bringing them takes its time.
    """
    bringing = _BRINGING * vectors if is_far else 0
    near = max(rows * vectors, rows + vectors, _LATENCY, bringing)
    return near + 0.125 * rows + 0.25 * vectors


class Tile:
    """The sums of one tile, zero at first.

    Args:
        kernel: where the instructions go.
        shape: of the tile.
        kind: the element type.
        lanewise: whether both operands are vectors.
        spacing: how far the vectors of the second operand lie apart; None where they
            are neighbours.
    """

    def __init__(
        self,
        kernel: KernelBuilder,
        shape: TileShape,
        kind: dt.dtype,
        lanewise: bool = False,
        spacing: int | None = None,
    ) -> None:
        self.kernel, self.shape, self.kind = kernel, shape, kind
        self.lanewise = lanewise
        self._spacing = shape.lanes if spacing is None else spacing
        self._latest: ir.Block | None = None  # where steps may not be done yet
        zero = ir.constant(value_type(kind, shape.lanes), None)
        self._sums = [
            [
                [kernel.variable(zero) for _ in range(self._turns)]
                for _ in range(shape.vectors)
            ]
            for _ in range(shape.rows)
        ]

    def accumulate(
        self,
        a: ir.Value,
        rows: Sequence[tuple[int, int]],
        a_step: int,
        b: ir.Value,
        b_step: int,
        count: int | ir.Value,
        masks: Sequence[ir.Value | None] | None = None,
        meanwhile: Callable[[ir.Value], None] | None = None,
    ) -> None:
        """Add `count` steps.

        Args:
            a: the address of the operand that lies along the rows.
            rows: which rows take part, each with its offset from `a`.
            a_step: how far `a` moves per step.
            b: the address of the vectors, `spacing` apart.
            b_step: how far `b` moves per step.
            count: how many steps; a negative number is none.
            masks: which lanes of each vector may be read.
            meanwhile: emits what else is done with each step, given its number.
        """
        kernel = self.kernel
        masks = masks or [None] * self.shape.vectors
        self._settle_last()
        paths = ((a, a_step), (b, b_step))
        known = count if isinstance(count, int) else _TOGETHER
        unroll = self._unroll(known, rows, a_step, masks)
        for start, stop, steps in self._turns_of(count, unroll):
            with kernel.walk(start, stop, steps, self.kind, paths) as (at, (near, far)):
                if meanwhile is not None:
                    for step in range(steps):
                        meanwhile(kernel.add(at, step))
                self._steps(near, rows, a_step, far, b_step, steps, masks)

    def _turns_of(
        self, count: int | ir.Value, unroll: int
    ) -> Iterator[tuple[Index, Index, int]]:
        """The loops over so many steps: from where to where, and how many in a turn."""
        if isinstance(count, int):
            whole = count - count % unroll
            if whole > 0:
                yield 0, whole, unroll
            if whole < count:
                yield whole, count, count - whole
            return
        kernel, together = self.kernel, 1 << unroll.bit_length() - 1
        most = kernel.b.and_(kernel.maximum(count, 0), kernel.int(-together))
        yield 0, most, together
        if together > 1:
            yield most, count, 1

    def totals(self) -> list[list[ir.Value]]:
        """Return the sums, row by row.

        Where registers are few, their copies are added up before anything else is read.
        """
        if self.kernel.target.has_many_registers:
            self._settle_last()
        sums = [[self._total(copies) for copies in row] for row in self._sums]
        if not self._is_open:
            return sums
        self._latest = None
        width = self.shape.vectors
        done = self.kernel.finished([each for row in sums for each in row])
        return [done[at : at + width] for at in range(0, len(done), width)]

    def _total(self, copies: Sequence[Variable]) -> ir.Value:
        first, *others = (each.get() for each in copies)
        for each in others:
            first = self.kernel.b.fadd(first, each)
        return first

    def columns(self, places: Sequence[Sequence[T]]) -> list[list[tuple[ir.Value, T]]]:
        """Return the sums column by column, each with its place among `places`."""
        totals = self.totals()
        return [
            [(row[v], place) for row, place in zip(totals, column)]
            for v, column in enumerate(places)
        ]

    def load(self, pointer: ir.Value, step: int) -> None:
        """Take the sums from memory, whose rows are `step` elements apart."""
        for row, v, at in self._places(step):
            value = self.kernel.load(pointer, at, self.kind, self.shape.lanes)
            self._sums[row][v][0].set(value)

    def store(self, pointer: ir.Value, step: int) -> None:
        """Put the sums where `load` would find them."""
        totals = self.totals()
        for row, v, at in self._places(step):
            self.kernel.store(totals[row][v], pointer, at, self.kind)

    def _places(self, step: int) -> Iterator[tuple[int, int, int]]:
        """Row and vector of each sum, and where it lies in memory."""
        for row, v in product(range(self.shape.rows), range(self.shape.vectors)):
            yield row, v, row * step + v * self.shape.lanes

    def _unroll(
        self,
        count: int,
        rows: Sequence[tuple[int, int]],
        a_step: int,
        masks: Sequence[ir.Value | None],
    ) -> int:
        """How many steps are the body of the loop.

        Where LLVM has registers to spare it orders several of them well; where not,
        it would spill, and the steps stay one after the other.
        """
        many = self.kernel.target.has_masks
        if self.lanewise and many:
            return count if count <= _MANY_TAPS else _TOGETHER
        if self.lanewise:
            most = self._sharing(count, rows, a_step, masks[-1] is not None)
            return count if count <= most else count // ceil_div(count, most)
        if many:
            # a step that is left over would spill, and so would more vectors
            pairs = count % _PAIR == 0 and self.shape.vectors <= _PAIR
            least = _PAIR if pairs else 1
            most = _TOGETHER if self._left >= _ROOM else max(self._spare, least)
        else:
            most = _TOGETHER if self._left >= _MORE else 1
        return max(1, min(most, _TOGETHER, count))

    def _sharing(
        self, count: int, rows: Sequence[tuple[int, int]], a_step: int, masked: bool
    ) -> int:
        """For how many steps there are registers, lanewise.

        What several of them read is kept, and so are masks, whose vectors LLVM loads
        long before it needs them; without an FMA, so is a product.
        """
        uses, other = Counter[int](), 2 if self.kernel.target.has_fma else 3
        for step in range(count):
            uses.update(offset + step * a_step for _, offset in rows)
            kept = sum(masked or each > 1 for each in uses.values()) + other - masked
            if step and kept * self.shape.vectors > self._left:
                return step
        return count

    @property
    def _spare(self) -> int:
        """For how many steps the vectors have registers."""
        return self._left // self.shape.vectors + 1

    @property
    def _turns(self) -> int:
        """How many copies of the sums there are.

        The steps of a small tile take turns with them, so that each waits for its own
        FMA only. Lanewise, as many vectors as sums are read.
        """
        sums = self.shape.rows * self.shape.vectors
        each = 2 * sums if self.lanewise else sums
        room = _beside(self.kernel.target, self.shape.vectors) // each
        return max(1, min(ceil_div(_LATENCY, sums), _TOGETHER, room))

    @property
    def _left(self) -> int:
        """How many registers the sums leave beside a step."""
        sums = self._turns * self.shape.rows * self.shape.vectors
        return _beside(self.kernel.target, self.shape.vectors) - sums

    def _steps(
        self,
        a: ir.Value,
        rows: Sequence[tuple[int, int]],
        a_step: int,
        b: ir.Value,
        b_step: int,
        count: int,
        masks: Sequence[ir.Value | None],
    ) -> None:
        kernel, lanes = self.kernel, self.shape.lanes
        self._latest = kernel.b.block
        is_crowded = self._is_crowded(count, rows, a_step, masks[-1] is not None)
        read: dict[int, list[ir.Value]] = {}
        for number, step in enumerate(self._order(count, rows, a_step)):
            if number and is_crowded:
                self._finish(rows)
            vectors = [
                kernel.load(
                    b, step * b_step + v * self._spacing, self.kind, lanes, mask
                )
                for v, mask in enumerate(masks)
            ]
            alone = not (kernel.target.folds_numbers or self.lanewise)
            later: list[tuple[int, int]] = []
            for at, (row, offset) in enumerate(rows):
                if alone:  # LLVM would load the numbers of all rows at once
                    self._finish(rows[max(at - 1, 0) : at])
                place = step * a_step + offset
                factors = read.get(place) or self._factors(a, place, masks)
                if self.lanewise:
                    read[place] = factors
                if self._is_read_twice(at):
                    factors = factors[:1]
                    later.append((row, place))
                for copies, factor, vector in zip(self._sums[row], factors, vectors):
                    total = copies[number % len(copies)]
                    total.set(self._fused(factor, vector, total.get()))
            if later:
                kernel.stay()  # or LLVM would read them once, into registers
            for row, place in later:
                _, copies = self._sums[row]
                total = copies[number % len(copies)]
                _, factor = self._factors(a, place, masks)
                total.set(self._fused(factor, vectors[1], total.get()))

    def _is_read_twice(self, at: int) -> bool:
        """Whether both multiply-adds of a row read its number themselves.

        That saves an instruction, and a core that is shared with another thread begins
        too few of them. It costs a load: were all rows to do so there would be more
        loads than multiply-adds, and no more of them are done at a time.
        """
        pairs = self.shape.vectors == _PAIR and not self.lanewise
        return pairs and self.kernel.target.folds_broadcasts and at % _ONCE != 1

    def _order(
        self, count: int, rows: Sequence[tuple[int, int]], a_step: int
    ) -> list[int]:
        """The steps, so that those that read the same vectors follow each other.

        Where rows are two pixels apart, these are every second step.
        """
        if not self.lanewise or len(rows) == 1:
            return list(range(count))
        apart = rows[1][1] - rows[0][1] or 1
        return sorted(range(count), key=lambda step: step * a_step % apart)

    def _is_crowded(
        self, count: int, rows: Sequence[tuple[int, int]], a_step: int, masked: bool
    ) -> bool:
        """Whether all that some steps read leaves no register.

        Where LLVM makes branches of masks it puts products off beyond those of all
        steps.
        """
        if not self.lanewise:
            return count > self._spare
        if masked and self.kernel.target.branches_on_masks:
            return True
        places = {offset + step * a_step for step in range(count) for _, offset in rows}
        return len(places) * self.shape.vectors >= self._left

    def _finish(self, rows: Sequence[tuple[int, int]]) -> None:
        """Do what a step has to before the next one, which LLVM would load at once."""
        target = self.kernel.target
        apart = target.has_fma and not target.folds_numbers
        if rows and (self.lanewise or apart):
            self._settle(row for row, _ in rows)
        else:
            self.kernel.stay()

    @property
    def _is_open(self) -> bool:
        """Whether no loop keeps the last steps apart from what follows."""
        return self._latest is self.kernel.b.block and not self.lanewise

    def _settle_last(self) -> None:
        """Finish the last steps before anything else is read.

        LLVM would begin that before the sums are there, among all that they need.
        """
        if self._is_open:
            self._settle(range(self.shape.rows))
            self._latest = None

    def _settle(self, rows: Iterable[int]) -> None:
        """Have the sums of some rows in registers before anything else is read."""
        sums = [each for row in rows for v in self._sums[row] for each in v]
        values = self.kernel.finished([each.get() for each in sums])
        for each, value in zip(sums, values):
            each.set(value)

    def _fused(self, a: ir.Value, b: ir.Value, c: ir.Value) -> ir.Value:
        """Return a * b + c, rounded once where the CPU does that in one step."""
        return self.kernel.intrinsic("fmuladd", a, b, c)

    def _factors(
        self, a: ir.Value, offset: int, masks: Sequence[ir.Value | None]
    ) -> list[ir.Value]:
        """What multiplies each vector of a row: one number, or neighbours."""
        kernel, lanes = self.kernel, self.shape.lanes
        if self.lanewise:
            return [
                kernel.load(a, offset + v * lanes, self.kind, lanes, mask)
                for v, mask in enumerate(masks)
            ]
        number = kernel.splat(kernel.load(a, offset, self.kind), lanes)
        return [number] * self.shape.vectors
