"""Fused reductions: an expression over a domain, summed (or maximised) over some of it.

The domain's dimensions stand in the order kept, reduced, and then perhaps one more
kept one, which is the one that lies densely in memory. A long reduction is cut into
parts whose partial results a second kernel adds in a fixed order, so that the number
of threads changes no bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import inf, prod

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .arithmetic import Arithmetic
from .builder import Index, KernelBuilder, Variable
from .kernel import Kernel, planned_once
from .loops import (
    ANY,
    CHUNK,
    Expression,
    Load,
    LoopSpec,
    Point,
    Slotted,
    is_uniform,
    lanes_beside,
    lanes_of,
    unravel,
    vectors,
)

__all__ = ["ReduceSpec", "reduce_kernels"]

_MOST_PARTS = 64
_TYPICAL = 256  # size of a free dimension for which it is decided what is split
_STRETCH = 32  # terms of a sum that are added up before they join the total

_STARTS: dict[str, dict[bool, float | None]] = {
    "sum": {True: 0.0, False: 0},
    "amax": {True: -inf, False: None},
    "amin": {True: inf, False: None},
    "any": {False: 0},
    "all": {False: 1},
}
_COMBINE = {
    "sum": "add",
    "amax": "maximum",
    "amin": "minimum",
    "any": "logical_or",
    "all": "logical_and",
}


@dataclass(frozen=True)
class ReduceSpec:
    """One fused reduction with one or more results.

    Attributes:
        kind: "sum", "amax", "amin", "any" or "all".
        sizes: of the domain, in the order told above.
        kept: how many leading dimensions are kept.
        last_kept: whether the last dimension is kept too.
        expressions: as in `LoopSpec`.
        results: what is reduced: pairs of an expression and the slot it goes to, a
            dense buffer of the kept dimensions in their order.
    """

    kind: str
    sizes: tuple[int, ...]
    kept: int
    last_kept: bool
    expressions: tuple[Expression, ...]
    results: tuple[tuple[int, int], ...]

    @property
    def loop(self) -> LoopSpec:
        """The domain and its expressions."""
        return LoopSpec(self.sizes, self.expressions)

    @property
    def rows_kept(self) -> int:
        """How many combinations of the leading kept indices there are."""
        return prod(self.sizes[: self.kept])

    @property
    def reduced_outer(self) -> tuple[int, ...]:
        """The reduced dimensions but the last dimension of the domain."""
        return self.sizes[self.kept : -1]

    @property
    def columns(self) -> int:
        """The size of the last dimension if it is kept, else 1."""
        return self.sizes[-1] if self.last_kept else 1

    @property
    def free(self) -> int | None:
        """Which reduced dimension the code does not know the size of: the first one.

        Where kept rows are reduced along one dimension only, the code knows it.
        """
        sole = self.kept == len(self.sizes) - 1
        return None if self.kept and sole else self.kept

    @property
    def is_split(self) -> bool:
        """Whether each reduction is cut into parts.

        Some sizes decide that for all others of the free dimension, so that the same
        kernels serve them.
        """
        if self.rows_kept >= _MOST_PARTS:
            return False
        typical = self if self.free is None else self._with(self.free, _TYPICAL)
        return max(self._parts(), typical._parts()) > 1

    @property
    def parts(self) -> int:
        """Into how many parts each reduction is cut."""
        return self._parts() if self.is_split else 1

    def _parts(self) -> int:
        rows = prod(self.reduced_outer)
        whole = rows * self.sizes[-1]
        most = rows if self.reduced_outer or self.last_kept else whole // 1024
        return max(1, min(_MOST_PARTS, whole // CHUNK, most))

    def code(self, split: bool) -> ReduceSpec:
        """Return the same for any size of the outermost dimensions.

        That is the first reduced one and, if nothing is split, the first kept one.
        """
        known = self if self.free is None else self._with(self.free, ANY)
        return known if split else known._with(0, ANY)

    @property
    def slots(self) -> int:
        """How many buffers are read and written."""
        read = [each.slot for each in self.expressions if isinstance(each, Slotted)]
        return 1 + max(read + [slot for _, slot in self.results])

    def _with(self, dimension: int, size: int) -> ReduceSpec:
        sizes = list(self.sizes)
        sizes[dimension] = size
        return replace(self, sizes=tuple(sizes))

    def dtype(self, expression: int) -> dt.dtype:
        """Return the dtype of an expression."""
        return self.expressions[expression].dtype


@planned_once
def reduce_kernels(name: str, spec: ReduceSpec, target: Target) -> list[Kernel]:
    """Return the kernels of a reduction, in order.

    Their tables have the buffers in the order of their slots. What follows those of
    `spec` is scratch, sized by the first kernel's `scratch`.
    """
    if not spec.is_split:
        return [_kernel(name, spec, target, 1, split=False)]
    partials = tuple(
        (expression, spec.slots + number)
        for number, (expression, _) in enumerate(spec.results)
    )
    cut = replace(spec, results=partials)
    joined = _joining(spec, partials)
    return [
        _kernel(f"{name}_parts", cut, target, spec.parts, split=True),
        _kernel(f"{name}_join", joined, target, 1, split=False),
    ]


def _joining(spec: ReduceSpec, partials: tuple[tuple[int, int], ...]) -> ReduceSpec:
    """The reduction of the partial results, which lie one after the other."""
    size = spec.rows_kept * spec.columns
    sizes, steps = (
        ((spec.parts, size), (size, 1)) if size > 1 else ((spec.parts,), (1,))
    )
    loads = tuple(
        Load(slot, spec.dtype(expression), 0, steps) for expression, slot in partials
    )
    results = tuple((at, slot) for at, (_, slot) in enumerate(spec.results))
    return ReduceSpec(spec.kind, sizes, 0, size > 1, loads, results)


def _kernel(
    name: str, spec: ReduceSpec, target: Target, parts: int, split: bool
) -> Kernel:
    """Return one kernel of a reduction; an item is a part of a kept place.

    Its bounds are the items, the size of the reduced dimensions that are outside (or of
    the only one), parts, and items per chunk.
    """
    items = spec.rows_kept * parts
    work = max(prod(spec.sizes) // max(items, 1), 1)
    each = max(1, CHUNK // work)
    outside = bool(spec.reduced_outer) or spec.last_kept
    extent = prod(spec.reduced_outer) if outside else spec.sizes[-1]
    scratch = tuple(
        items * spec.columns * spec.dtype(expression).itemsize
        for expression, _ in spec.results
    )
    return Kernel(
        name,
        _emit,
        (spec.code(split), target, split),
        -(-items // each),
        flops=prod(spec.sizes) * len(spec.expressions),
        scratch=scratch if split else (),
        bounds=(items, extent, parts, each),
    )


def _emit(name: str, spec: ReduceSpec, target: Target, split: bool) -> str:
    return _Reduction(name, spec, target, split).emit()


class _Reduction:
    """Emits one kernel of a reduction."""

    def __init__(
        self, name: str, spec: ReduceSpec, target: Target, split: bool
    ) -> None:
        self.spec, self.split = spec, split
        self.k = KernelBuilder(name, target)
        bounds = (self.k.number(spec.slots, at) for at in range(4))
        self.items, self.extent, self.parts, self.each = bounds
        stored = [spec.dtype(expression) for expression, _ in spec.results]
        wide = (
            lanes_of(spec.loop, target)
            if any(each.dtype.is_floating_point for each in spec.expressions)
            else lanes_beside(spec.loop, target, target.lanes(stored[0].itemsize))
        )
        self.lanes = wide
        self.math = Arithmetic(self.k, self.lanes)
        self.single = Arithmetic(self.k, 1)

    def emit(self) -> str:
        """Emit the function."""
        spec, k = self.spec, self.k
        start = k.mul(k.begin, self.each)
        stop = k.minimum(k.mul(k.end, self.each), self.items)
        with k.loop(start, stop) as item:
            part, row = k.int(0), item
            if self.split:
                part, row = k.split(item, spec.rows_kept)
            if spec.last_kept:
                self._columns(item, row, part)
            else:
                self._total(item, row, part)
        return k.finish()

    def _start(self, kind: dt.dtype, lanes: int) -> ir.Value:
        start = _STARTS[self.spec.kind][kind.is_floating_point]
        if start is None:
            bits = 8 * kind.itemsize - kind.is_signed
            low = -(1 << bits) if kind.is_signed else 0
            start = low if self.spec.kind == "amax" else (1 << bits) - 1
        return self.k.constant(start, kind, lanes)

    def _combined(
        self, math: Arithmetic, kind: dt.dtype, a: ir.Value, b: ir.Value
    ) -> ir.Value:
        return math.apply(_COMBINE[self.spec.kind], kind, [kind, kind], [a, b])

    def _share(self, part: ir.Value, count: Index) -> tuple[ir.Value, ir.Value]:
        """The range of `count` things that a part does."""
        k = self.k
        if not self.split:
            return k.int(0), k.int(count)
        low = k.b.udiv(k.mul(part, count), self.parts)
        high = k.b.udiv(k.mul(k.add(part, 1), count), self.parts)
        return low, high

    def _point(self, kept: list[ir.Value], reduced_row: ir.Value) -> Point:
        reduced = unravel(self.k, reduced_row, self.spec.reduced_outer)
        return Point(self.k, self.spec.loop, [*kept, *reduced], self.lanes)

    def _total(self, item: ir.Value, row: ir.Value, part: ir.Value) -> None:
        """The last dimension is reduced: lanes are combined at the end."""
        spec, k = self.spec, self.k
        kept = unravel(k, row, spec.sizes[: spec.kept])
        kinds = [spec.dtype(expression) for expression, _ in spec.results]
        sums = [k.variable(self._start(kind, self.lanes)) for kind in kinds]
        single = not spec.reduced_outer
        inner: Index = self.extent if single and not spec.kept else spec.sizes[-1]
        low, high = self._share(part, inner if single else self.extent)
        outer = (k.int(0), k.int(1)) if single else (low, high)
        span = (low, high) if single else (k.int(0), k.int(inner))

        def add_rows(low: ir.Value, high: ir.Value, sums: list[Variable]) -> None:
            with k.loop(low, high) as reduced_row:
                point = self._point(kept, reduced_row)
                add = partial(self._add_vectors, point, kinds)
                self._stretches(*span, _STRETCH * self.lanes, inner, kinds, sums, add)

        rows: Index = 1 if single else self.extent
        self._stretches(*outer, _STRETCH, rows, kinds, sums, add_rows)
        for (_, slot), kind, total in zip(spec.results, kinds, sums, strict=True):
            k.store(self._across(kind, total.get()), k.buffer(slot), item, kind)

    def _stretches(
        self,
        low: ir.Value,
        high: ir.Value,
        stretch: int,
        most: Index,
        kinds: list[dt.dtype],
        totals: list[Variable],
        reduce: Callable[[ir.Value, ir.Value, list[Variable]], None],
    ) -> None:
        """Reduce a range of at most `most`, long and unknown sums by stretches.

        Each number that is added to a sum is rounded to the sum's last digit, so short
        sums of short sums lose fewer digits than one long sum.
        """
        k = self.k
        is_short = isinstance(most, int) and most <= stretch
        if is_short or not (self.spec.kind == "sum" and kinds[0].is_floating_point):
            reduce(low, high, totals)
            return
        with k.loop(low, high, stretch) as start:
            sums = [k.variable(self._start(kind, self.lanes)) for kind in kinds]
            reduce(start, k.minimum(k.add(start, stretch), high), sums)
            for total, kind, each in zip(totals, kinds, sums, strict=True):
                total.set(self._combined(self.math, kind, total.get(), each.get()))

    def _add_vectors(
        self,
        point: Point,
        kinds: list[dt.dtype],
        low: ir.Value,
        high: ir.Value,
        sums: list[Variable],
    ) -> None:
        """Reduce a stretch of the last dimension."""
        vectors(
            self.k,
            low,
            high,
            self.lanes,
            lambda at, valid: self._add(point, sums, kinds, at, valid),
        )

    def _add(
        self,
        point: Point,
        sums: list[Variable],
        kinds: list[dt.dtype],
        at: ir.Value,
        valid: ir.Value | None,
    ) -> None:
        values = point.values(at, valid)
        for (expression, _), kind, total in zip(
            self.spec.results, kinds, sums, strict=True
        ):
            value = values[expression]
            if not self.k.target.is_x86:  # LLVM would add all vectors at the end
                value = self.k.settled(value, kind)
            if valid is not None:
                mask = self.k.first_lanes(valid, self.lanes)
                value = self.k.b.select(mask, value, self._start(kind, self.lanes))
            total.set(self._combined(self.math, kind, total.get(), value))

    def _across(self, kind: dt.dtype, vector: ir.Value) -> ir.Value:
        """Combine the lanes pairwise."""
        if self.lanes == 1:
            return vector
        b, count = self.k.b, self.lanes
        while count > 2:
            count //= 2
            low, high = (
                self.k.shuffle(vector, vector, range(start, start + count))
                for start in (0, count)
            )
            vector = self._combined(Arithmetic(self.k, count), kind, low, high)
        first, second = (b.extract_element(vector, ir.IntType(32)(at)) for at in (0, 1))
        return self._combined(self.single, kind, first, second)

    def _columns(self, item: ir.Value, row: ir.Value, part: ir.Value) -> None:
        """The last dimension is kept: blocks of its vectors walk over the rest."""
        spec, k = self.spec, self.k
        kept = unravel(k, row, spec.sizes[: spec.kept])
        vectors = -(-spec.columns // self.lanes)
        most = max(1, k.target.vector_registers // 4 // len(spec.results))
        each = -(-vectors // max(1, -(-vectors // most)))  # blocks of nearly one size
        before = (vectors - 1) // each * each if vectors else 0
        if before:
            with k.loop(0, before * self.lanes, each * self.lanes) as at:
                self._block(item, kept, part, at, each, None)
        if vectors:
            rest = spec.columns % self.lanes
            at, valid = k.int(before * self.lanes), k.int(rest) if rest else None
            self._block(item, kept, part, at, vectors - before, valid)

    def _is_tight(self, vectors: int) -> bool:
        """Whether all that some vectors read has no room in registers beside the sums.

        LLVM would read it all before it begins to add.
        """
        spec, target = self.spec, self.k.target
        reads = [
            1 if is_uniform(spec.loop, at) else vectors
            for at, each in enumerate(spec.expressions)
            if isinstance(each, Slotted)
        ]
        kept = sum(reads) + vectors * len(spec.results)
        return kept >= target.vector_registers and not target.has_many_registers

    def _block(
        self,
        item: ir.Value,
        kept: list[ir.Value],
        part: ir.Value,
        at: ir.Value,
        count: int,
        valid: ir.Value | None,
    ) -> None:
        """Reduce `count` vectors from `at`; of the last one, `valid` lanes exist."""
        spec, k = self.spec, self.k
        kinds = [spec.dtype(expression) for expression, _ in spec.results]
        totals = [k.variable(self._start(kind, self.lanes)) for kind in count * kinds]
        exist = [None] * (count - 1) + [valid]
        sums_of = [
            slice(at, at + len(kinds)) for at in range(0, len(totals), len(kinds))
        ]

        is_tight = self._is_tight(count)

        def add_rows(low: ir.Value, high: ir.Value, sums: list[Variable]) -> None:
            with k.loop(low, high) as reduced_row:
                point = self._point(kept, reduced_row)
                for number, mine in enumerate(sums_of):
                    if number and is_tight:
                        k.stay()
                    place = k.add(at, number * self.lanes)
                    self._add(point, sums[mine], kinds, place, exist[number])

        rows: Index = self.extent if spec.reduced_outer else 1
        low, high = self._share(part, rows)
        self._stretches(low, high, _STRETCH, rows, count * kinds, totals, add_rows)
        for number, mine in enumerate(sums_of):
            some = exist[number]
            mask = None if some is None else k.first_lanes(some, self.lanes)
            place = k.add(k.mul(item, spec.columns), k.add(at, number * self.lanes))
            for (_, slot), kind, total in zip(
                spec.results, kinds, totals[mine], strict=True
            ):
                k.store(total.get(), k.buffer(slot), place, kind, mask)
