"""Walks along one axis: where the extreme is, running sums and products.

The source is dense, seen as (outer, axis, inner). Lanes lie along the inner
dimension; where there is none, along the axis itself for extremes, and running totals
are scalars, since they add in order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .arithmetic import Arithmetic
from .builder import KernelBuilder, Variable
from .kernel import Kernel
from .loops import ANY, CHUNK, vectors

__all__ = ["EXTREMES", "TOTALS", "AlongSpec", "along_kernel"]

EXTREMES = {"argmax": ">", "argmin": "<"}
TOTALS = {"cumsum": "add", "cumprod": "mul", "prod": "mul"}


@dataclass(frozen=True)
class AlongSpec:
    """One walk.

    Attributes:
        op: the op's name.
        outer: how many axes are walked, one after the other in memory.
        size: of the axis.
        inner: how many axes are walked side by side.
        dtype: of the elements.
    """

    op: str
    outer: int
    size: int
    inner: int
    dtype: dt.dtype

    @property
    def code(self) -> AlongSpec:
        """The same for any number of outer rows."""
        return replace(self, outer=ANY)


def along_kernel(name: str, spec: AlongSpec, target: Target) -> Kernel:
    """Return the kernel of a walk; its table is the source and the result.

    Its bound is the number of outer rows or parts of such.
    """
    cut = _Cut(spec, target)
    size = spec.outer * spec.size * spec.inner
    chunks = -(-cut.items // cut.at_once)
    moved = 2 * size * spec.dtype.itemsize
    code = (spec.code, target)
    return Kernel(name, _emit, code, chunks, size, moved, bounds=(cut.items,))


def _emit(name: str, spec: AlongSpec, target: Target) -> str:
    return _Along(name, spec, target).emit()


class _Cut:
    """How the work is cut: a chunk is some outer rows, or a part of one."""

    def __init__(self, spec: AlongSpec, target: Target) -> None:
        narrow = spec.inner == 1 and spec.op in TOTALS
        self.lanes = 1 if narrow else target.lanes(spec.dtype.itemsize)
        width = max(self.lanes, min(spec.inner, CHUNK // spec.size))
        self.width = -(-width // self.lanes) * self.lanes
        self.parts = -(-spec.inner // self.width)
        self.at_once = max(1, CHUNK // (spec.size * min(self.width, spec.inner)))
        self.items = spec.outer * self.parts


class _Along:
    """Emits the kernel."""

    def __init__(self, name: str, spec: AlongSpec, target: Target) -> None:
        self.spec, self.k = spec, KernelBuilder(name, target)
        self.cut = _Cut(spec, target)
        self.lanes = self.cut.lanes
        self.math = Arithmetic(self.k, self.lanes)
        # numbers as wide as the elements are compared fastest
        self.counted = dt.int64 if spec.dtype.itemsize == 8 else dt.int32

    def emit(self) -> str:
        """Emit the function."""
        spec, k, cut = self.spec, self.k, self.cut
        stop = k.minimum(k.mul(k.end, cut.at_once), k.number(2, 0))
        with k.loop(k.mul(k.begin, cut.at_once), stop) as item:
            row, part = k.split(item, cut.parts)
            if spec.inner == 1 and self.lanes > 1:
                self._extreme_of_row(row)
            else:
                self._side_by_side(row, k.mul(part, cut.width), cut.width)
        return k.finish()

    def _side_by_side(self, row: ir.Value, begin: ir.Value, width: int) -> None:
        spec, k = self.spec, self.k
        end = k.minimum(k.add(begin, width), spec.inner)
        base = k.mul(row, spec.size * spec.inner)
        walk = self._extreme if spec.op in EXTREMES else self._total

        def some(at: ir.Value, valid: ir.Value | None) -> None:
            mask = None if valid is None else k.first_lanes(valid, self.lanes)
            place = k.add(k.mul(row, spec.inner), at)
            walk(k.add(base, at), place, mask)

        vectors(k, begin, end, self.lanes, some)

    def _load(self, place: ir.Value, mask: ir.Value | None) -> ir.Value:
        k = self.k
        return k.load(k.buffer(0), place, self.spec.dtype, self.lanes, mask)

    def _total(self, base: ir.Value, place: ir.Value, mask: ir.Value | None) -> None:
        """Running totals of some lanes; a product keeps the last one only."""
        k, spec = self.k, self.spec
        combine: Callable[..., ir.Value] = getattr(self.math, f"op_{TOTALS[spec.op]}")
        start = 0 if spec.op == "cumsum" else 1
        total = k.variable(self.math.number(start, spec.dtype))
        with k.loop(0, spec.size) as number:
            at = k.add(base, k.mul(number, spec.inner))
            total.set(combine(spec.dtype, total.get(), self._load(at, mask)))
            if spec.op != "prod":
                k.store(total.get(), k.buffer(1), at, spec.dtype, mask)
        if spec.op == "prod":
            k.store(total.get(), k.buffer(1), place, spec.dtype, mask)

    # Extremes: the first one, or the first NaN

    def _extreme(self, base: ir.Value, place: ir.Value, mask: ir.Value | None) -> None:
        k, spec = self.k, self.spec
        best = k.variable(self._load(base, mask))
        where = k.variable(self.math.number(0, self.counted))
        with k.loop(1, spec.size) as number:
            at = k.add(base, k.mul(number, spec.inner))
            self._take(best, where, self._load(at, mask), number, None)
        found = self.math.cast(where.get(), self.counted, dt.int64)
        k.store(found, k.buffer(1), place, dt.int64, mask)

    def _take(
        self,
        best: Variable,
        where: Variable,
        value: ir.Value,
        number: ir.Value,
        mask: ir.Value | None,
    ) -> None:
        """Put better values, found at `number` + the lane's own, in their place."""
        b = self.k.b
        better = self._is_better(self.math, value, best.get())
        better = better if mask is None else b.and_(better, mask)
        counted = b.trunc(number, self._number_type()) if self._is_narrow() else number
        counted = self.k.splat(counted, self.lanes)
        if self.spec.inner == 1:
            lanes = ir.constant(counted.type, list(range(self.lanes)))
            counted = b.add(counted, lanes)
        best.set(b.select(better, value, best.get()))
        where.set(b.select(better, counted, where.get()))

    def _is_narrow(self) -> bool:
        return self.counted is not dt.int64

    def _number_type(self) -> ir.Type:
        return ir.IntType(8 * self.counted.itemsize)

    def _is_better(self, math: Arithmetic, value: ir.Value, best: ir.Value) -> ir.Value:
        kind, b = self.spec.dtype, self.k.b
        compare = math.op_gt if self.spec.op == "argmax" else math.op_lt
        better = compare(kind, value, best)
        if not kind.is_floating_point:
            return better
        first_nan = b.and_(
            math.op_isnan(kind, value), b.not_(math.op_isnan(kind, best))
        )
        return b.or_(better, first_nan)

    def _extreme_of_row(self, row: ir.Value) -> None:
        """The axis lies densely: every lane has its best, the lanes are compared."""
        k, spec = self.k, self.spec
        base = k.mul(row, spec.size)
        first = k.splat(k.load(k.buffer(0), base, spec.dtype), self.lanes)
        best = k.variable(first)
        where = k.variable(self.math.number(0, self.counted))

        def some(at: ir.Value, valid: ir.Value | None) -> None:
            mask = None if valid is None else k.first_lanes(valid, self.lanes)
            value = self._load(k.add(base, at), mask)
            self._take(best, where, value, at, mask)

        vectors(k, k.int(0), k.int(spec.size), self.lanes, some)
        number = self._best_lane(best.get(), where.get())
        found = Arithmetic(k, 1).cast(number, self.counted, dt.int64)
        k.store(found, k.buffer(1), row, dt.int64)

    def _best_lane(self, values: ir.Value, numbers: ir.Value) -> ir.Value:
        k, b, single = self.k, self.k.b, Arithmetic(self.k, 1)
        best, where = k.lane(values, 0), k.lane(numbers, 0)
        for lane in range(1, self.lanes):
            value, number = k.lane(values, lane), k.lane(numbers, lane)
            better = self._is_better(single, value, best)
            worse = self._is_better(single, best, value)
            earlier = single.op_lt(self.counted, number, where)
            take = b.or_(better, b.and_(b.not_(worse), earlier))
            best, where = b.select(take, value, best), b.select(take, number, where)
        return where
