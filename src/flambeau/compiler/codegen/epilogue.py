"""An epilogue that computes fused elementwise ops on a contraction's finished vectors.

    out = relu(conv(x, w) + bias[k] + residual[n, h, w, k])

What is the same for all rows of a tile, such as the bias, is loaded once per column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from ...runtime.target import Target
from . import ir
from .arithmetic import Arithmetic
from .builder import KernelBuilder
from .gathering import Gather
from .loops import Apply, Expression, Given, Load, Number, Store
from .ordering import Formula
from .program import Column, Epilogue, Position
from .tile import ceil_div

__all__ = ["OUT", "Fused"]

OUT = -1  # the slot of the contraction's own output


@dataclass(frozen=True)
class Fused(Epilogue):
    """Elementwise ops on the result, and what is stored of them.

    Slots count from the first one after the contraction's own.

    Attributes:
        expressions: over the output's dimensions, the one with neighbouring elements
            last. Loads have the step 0 or 1 there.
        stores: what is written.
        dense: the steps of the output in these dimensions.
        sums: what is added up over all places of each channel.
    """

    expressions: tuple[Expression, ...]
    stores: tuple[Store, ...]
    dense: tuple[int, ...]
    sums: tuple[Gather, ...] = ()

    @property
    def gathers(self) -> bool:
        """Whether something is added up."""
        return bool(self.sums)

    def begin(self, kernel: KernelBuilder, position: Position) -> None:
        """Set a part's sums to zero in some channels."""
        lanes = kernel.target.lanes(position.dtype.itemsize)
        for each in self.sums:
            each.begin(kernel, position, lanes)

    def prepare(
        self, kernel: KernelBuilder, places: Sequence[Sequence[Position]]
    ) -> None:
        """Ask for what lies as the output does and is read or written with a tile."""
        large = [
            each
            for each in (*self.expressions, *self.stores)
            if isinstance(each, (Load, Store)) and each.steps == self.dense
        ]
        for position in chain.from_iterable(places):
            for each in large:
                pointer = kernel.buffer(self._slot(each, position))
                place = self._place(kernel, each.start, each.steps, position)
                write = isinstance(each, Store)
                kernel.prefetch(pointer, place, each.dtype, write)

    def store(self, kernel: KernelBuilder, value: ir.Value, position: Position) -> None:
        """Emit what happens to a vector."""
        self.store_tile(kernel, [[(value, position)]])

    def registers(self, target: Target, lanes: int) -> int:
        """Return how many registers a vector takes beside its own, and its mask."""
        formula = self._formula(target, lanes)
        return formula.registers(formula.frugal) - 1

    def store_tile(self, kernel: KernelBuilder, columns: Sequence[Column]) -> None:
        """Emit what happens to a register tile, column by column."""
        target, same = kernel.target, self._same_for_rows()
        reuses = target.has_many_registers
        formula = self._formula(target, columns[0][0][0].type.count)
        taken = formula.freely([at for at, each in enumerate(same) if each and reuses])
        waiting = sum(map(len, columns))
        for column in columns:
            shared: dict[int, ir.Value] = {}
            rows = []
            for value, position in column:
                waiting -= 0 if self.sums else 1
                masks = 0 if position.valid is None else target.mask_registers
                if waiting + taken + masks > target.vector_registers:
                    rows.append(self._store_late(kernel, value, position, formula))
                    shared = {}
                    continue
                if not reuses:
                    kernel.stay()
                    shared = {}
                rows.append(self._store(kernel, value, position, shared))
            for each in self.sums:
                values = [found[each.expression] for found in rows]
                each.add(kernel, column[0][1], values)
            waiting -= len(column) if self.sums else 0

    def _formula(self, target: Target, lanes: int) -> Formula:
        """What is computed of a vector of some lanes."""
        sizes = tuple(
            max(1, ceil_div(lanes * each.dtype.itemsize, target.vector_bytes))
            for each in self.expressions
        )
        kept = tuple(each.expression for each in self.sums)
        return Formula(self.expressions, self.stores, kept, sizes)

    def _store(
        self,
        kernel: KernelBuilder,
        value: ir.Value,
        position: Position,
        shared: dict[int, ir.Value],
    ) -> dict[int, ir.Value]:
        """Compute all expressions and store some; return their values."""
        lanes, same = value.type.count, self._same_for_rows()
        mask = position.mask(kernel, lanes)
        found: dict[int, ir.Value] = {}
        for at, each in enumerate(self.expressions):
            if isinstance(each, Given):
                found[at] = value
            elif at in shared:
                found[at] = shared[at]
            else:
                found[at] = self._value(kernel, at, found, position, mask, lanes)
                if same[at]:
                    shared[at] = found[at]
        for out in self.stores:
            self._write(kernel, out, found, position, mask)
        return found

    def _store_late(
        self,
        kernel: KernelBuilder,
        value: ir.Value,
        position: Position,
        formula: Formula,
    ) -> dict[int, ir.Value]:
        """Do the same where all operands together have no room beside other vectors.

        Each is read after what was computed before, which LLVM would put off.
        """
        lanes = value.type.count
        mask = position.mask(kernel, lanes)
        found: dict[int, ir.Value] = {}
        latest: int | None = None
        for step in formula.frugal:
            if isinstance(step, Store):
                self._write(kernel, step, found, position, mask)
                continue
            each = self.expressions[step]
            if isinstance(each, Given):
                found[step] = value
                continue
            if isinstance(each, Apply):
                latest = step
            else:
                if latest is not None:
                    kind = self.expressions[latest].dtype
                    found[latest] = kernel.settled(found[latest], kind)
                    latest = None
                kernel.stay()
            found[step] = self._value(kernel, step, found, position, mask, lanes)
        return found

    def _write(
        self,
        kernel: KernelBuilder,
        out: Store,
        found: Mapping[int, ir.Value],
        position: Position,
        mask: ir.Value | None,
    ) -> None:
        """Store one expression."""
        place = self._place(kernel, out.start, out.steps, position)
        pointer = kernel.buffer(self._slot(out, position))
        kernel.store(found[out.expression], pointer, place, out.dtype, mask)

    def _value(
        self,
        kernel: KernelBuilder,
        at: int,
        found: Mapping[int, ir.Value],
        position: Position,
        mask: ir.Value | None,
        lanes: int,
    ) -> ir.Value:
        """Compute one expression from earlier ones."""
        each, expressions = self.expressions[at], self.expressions
        if isinstance(each, Apply):
            kinds = [expressions[argument].dtype for argument in each.arguments]
            values = [found[argument] for argument in each.arguments]
            return Arithmetic(kernel, lanes).apply(each.op, each.dtype, kinds, values)
        assert isinstance(each, (Load, Number))
        pointer = kernel.buffer(self._slot(each, position))
        if isinstance(each, Number):
            return kernel.splat(kernel.load(pointer, 0, each.dtype), lanes)
        place = self._place(kernel, each.start, each.steps, position)
        if each.steps[-1] == 0:
            return kernel.splat(kernel.load(pointer, place, each.dtype), lanes)
        return kernel.load(pointer, place, each.dtype, lanes, mask)

    def _slot(self, access: Load | Number | Store, position: Position) -> int:
        """Which buffer of the kernel is read or written."""
        return position.slot if access.slot == OUT else position.free + access.slot

    def _place(
        self,
        kernel: KernelBuilder,
        start: int,
        steps: tuple[int, ...],
        position: Position,
    ) -> ir.Value:
        """Where an operand is read or written."""
        if steps == self.dense:
            return kernel.add(position.offset, start)
        place = kernel.int(start)
        for index, step in zip(position.indices, steps, strict=True):
            place = kernel.add(place, kernel.mul(index, step))
        return place

    def _same_for_rows(self) -> list[bool]:
        """Which expressions depend on the last dimension only."""
        found: list[bool] = []
        for each in self.expressions:
            if isinstance(each, Apply):
                found.append(all(found[argument] for argument in each.arguments))
            elif isinstance(each, Load):
                found.append(not any(each.steps[:-1]))
            else:
                found.append(isinstance(each, Number))
        return found
