"""Fused loops: any expression of elementwise ops over one domain, stored or reduced.

A `LoopSpec` says what is computed for every point of a domain, with its dimensions in
the order in which they lie in memory. The last dimension is done in vectors. The
domain is cut into chunks of a fixed number of elements.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .arithmetic import Arithmetic
from .builder import KernelBuilder
from .kernel import Kernel, planned_once

__all__ = [
    "ANY",
    "Apply",
    "Expression",
    "Given",
    "Load",
    "Lookup",
    "LoopSpec",
    "Number",
    "Slotted",
    "Store",
    "loop_kernel",
]

CHUNK = 16_384  # elements per chunk: enough to hide the call, few enough to balance
_ROOM = 4  # registers for an expression, where they are few
_AHEAD = 512  # bytes; memory that is written soon is asked for before its store waits


@dataclass(frozen=True)
class Load:
    """Read a buffer: at `start` + the sum of `steps` times the domain's indices."""

    slot: int
    dtype: dt.dtype
    start: int
    steps: tuple[int, ...]


@dataclass(frozen=True)
class Number:
    """Read a 0-d buffer: the same number everywhere."""

    slot: int
    dtype: dt.dtype


@dataclass(frozen=True)
class Apply:
    """Apply an elementwise op to earlier expressions, by their positions."""

    op: str
    dtype: dt.dtype
    arguments: tuple[int, ...]


@dataclass(frozen=True)
class Lookup:
    """Read a buffer where integers say.

    Besides `start` and `steps` as in `Load`, each of `positions` (expression, size,
    step) adds its expression times the step. A negative position counts from the end;
    one outside reads somewhere inside, so positions are to be checked apart.
    """

    slot: int
    dtype: dt.dtype
    start: int
    steps: tuple[int, ...]
    positions: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Given:
    """The value that an epilogue is about."""

    dtype: dt.dtype


Expression = Load | Number | Apply | Lookup | Given


@dataclass(frozen=True)
class Store:
    """Write an expression to a buffer, at places counted as for `Load`."""

    expression: int
    slot: int
    dtype: dt.dtype
    start: int
    steps: tuple[int, ...]


Slotted = (Load, Number, Lookup, Store)
"""What belongs to a buffer."""

ANY = -1  # stands for a size that the code does not know


@dataclass(frozen=True)
class LoopSpec:
    """One fused loop.

    Attributes:
        sizes: of the domain, outermost first.
        expressions: in an order in which each uses earlier ones only.
        stores: what is written.
    """

    sizes: tuple[int, ...]
    expressions: tuple[Expression, ...]
    stores: tuple[Store, ...] = field(default=())

    @property
    def code(self) -> LoopSpec:
        """The same for any size of the outermost dimension."""
        return replace(self, sizes=(ANY, *self.sizes[1:]))

    @property
    def slots(self) -> int:
        """How many buffers are read and written."""
        used = (*self.expressions, *self.stores)
        return 1 + max(each.slot for each in used if isinstance(each, Slotted))


def is_uniform(spec: LoopSpec, at: int) -> bool:
    """Whether an expression is the same all along the last dimension."""
    each = spec.expressions[at]
    if isinstance(each, (Number, Given)):
        return isinstance(each, Number)
    if isinstance(each, Apply):
        return all(is_uniform(spec, argument) for argument in each.arguments)
    same = each.steps[-1] == 0
    if isinstance(each, Lookup):
        return same and all(is_uniform(spec, where) for where, _, _ in each.positions)
    return same


def lanes_of(spec: LoopSpec, target: Target) -> int:
    """Return the vector length: that of the widest float, or of what is stored."""
    kinds = [each.dtype for each in spec.expressions]
    floats = [kind.itemsize for kind in kinds if kind.is_floating_point]
    stored = [each.dtype.itemsize for each in spec.stores]
    return lanes_beside(spec, target, target.lanes(max(floats or stored)))


def lanes_beside(spec: LoopSpec, target: Target, lanes: int) -> int:
    """Return a vector length, or less where no expression has room in registers."""
    if target.has_many_registers:
        return lanes
    widest = max((each.dtype.itemsize for each in spec.expressions), default=1)
    return min(lanes, _ROOM * target.lanes(widest))


class Point:
    """The expressions at one place of the domain: `lanes` neighbours along its end.

    Args:
        kernel: where the instructions go.
        spec: the loop.
        outer: the indices of all dimensions but the last.
        lanes: how many neighbours are computed at once.
    """

    def __init__(
        self, kernel: KernelBuilder, spec: LoopSpec, outer: list[ir.Value], lanes: int
    ) -> None:
        self.kernel, self.spec, self.lanes = kernel, spec, lanes
        self.bases = {
            each: self._base(each.start, each.steps, outer)
            for each in (*spec.expressions, *spec.stores)
            if isinstance(each, (Load, Lookup, Store))
        }

    def _base(
        self, start: int, steps: tuple[int, ...], outer: list[ir.Value]
    ) -> ir.Value:
        place = self.kernel.int(start)
        for index, step in zip(outer, steps[:-1], strict=True):
            place = self.kernel.add(place, self.kernel.mul(index, step))
        return place

    def values(self, inner: ir.Value, valid: ir.Value | None = None) -> list[ir.Value]:
        """Compute every expression at `inner`; only `valid` lanes exist at the end."""
        math = Arithmetic(self.kernel, self.lanes)
        mask = None if valid is None else self.kernel.first_lanes(valid, self.lanes)
        found: list[ir.Value] = []
        for each in self.spec.expressions:
            if isinstance(each, Load):
                found.append(self._load(each, inner, valid, mask))
            elif isinstance(each, Lookup):
                found.append(self._look_up(each, inner, valid, mask, found))
            elif isinstance(each, Number):
                pointer = self.kernel.buffer(each.slot)
                number = self.kernel.load(pointer, 0, each.dtype)
                found.append(self.kernel.splat(number, self.lanes))
            elif isinstance(each, Apply):
                arguments = [found[at] for at in each.arguments]
                kinds = [self.spec.expressions[at].dtype for at in each.arguments]
                found.append(math.apply(each.op, each.dtype, kinds, arguments))
        return found

    def _load(
        self, load: Load, inner: ir.Value, valid: ir.Value | None, mask: Any
    ) -> ir.Value:
        kernel, step = self.kernel, load.steps[-1]
        pointer, base = kernel.buffer(load.slot), self.bases[load]
        if step == 0:
            return kernel.splat(kernel.load(pointer, base, load.dtype), self.lanes)
        if step == 1 or self.lanes == 1:
            place = kernel.add(base, kernel.mul(inner, step))
            return kernel.load(pointer, place, load.dtype, self.lanes, mask)
        return self._gather(load, inner, valid)

    def _gather(self, load: Load, inner: ir.Value, valid: ir.Value | None) -> ir.Value:
        kernel, values = self.kernel, []
        for along in self._existing(valid):
            index = kernel.mul(kernel.add(inner, along), load.steps[-1])
            place = kernel.add(self.bases[load], index)
            values.append(kernel.load(kernel.buffer(load.slot), place, load.dtype))
        return kernel.vector(values)

    def _existing(self, valid: ir.Value | None) -> list[ir.Value]:
        """The numbers of the lanes; those that do not exist repeat the last one."""
        numbers = [self.kernel.int(lane) for lane in range(self.lanes)]
        if valid is None:
            return numbers
        last = self.kernel.b.sub(valid, self.kernel.int(1))
        return [self.kernel.minimum(each, last) for each in numbers]

    def _look_up(
        self,
        look: Lookup,
        inner: ir.Value,
        valid: ir.Value | None,
        mask: Any,
        found: list[ir.Value],
    ) -> ir.Value:
        kernel, step = self.kernel, look.steps[-1]
        pointer, base = kernel.buffer(look.slot), self.bases[look]
        offsets = self.offsets(look.positions, found)
        uniform = all(is_uniform(self.spec, at) for at, _, _ in look.positions)
        if uniform and (step == 1 or self.lanes == 1):
            place = kernel.add(base, kernel.mul(inner, step))
            place = kernel.add(place, kernel.lane(offsets, 0))
            return kernel.load(pointer, place, look.dtype, self.lanes, mask)
        values = []
        for lane, along in enumerate(self._existing(valid)):
            place = kernel.add(base, kernel.mul(kernel.add(inner, along), step))
            place = kernel.add(place, kernel.lane(offsets, lane))
            values.append(kernel.load(pointer, place, look.dtype))
        return kernel.vector(values)

    def offsets(
        self, positions: tuple[tuple[int, int, int], ...], found: list[ir.Value]
    ) -> ir.Value:
        """Return what positions add to an address, as (expression, size, step)."""
        math, total = Arithmetic(self.kernel, self.lanes), None
        for at, size, step in positions:
            kind = self.spec.expressions[at].dtype
            place = math.cast(found[at], kind, dt.int64)
            zero, count = math.number(0, dt.int64), math.number(size, dt.int64)
            wrapped = self.kernel.b.add(place, count)
            negative = math.op_lt(dt.int64, place, zero)
            place = self.kernel.b.select(negative, wrapped, place)
            place = math.op_maximum(dt.int64, place, zero)
            place = math.op_minimum(dt.int64, place, math.number(size - 1, dt.int64))
            part = self.kernel.b.mul(place, math.number(step, dt.int64))
            total = part if total is None else self.kernel.b.add(total, part)
        return math.number(0, dt.int64) if total is None else total

    def store(
        self,
        values: list[ir.Value],
        inner: ir.Value,
        valid: ir.Value | None = None,
    ) -> None:
        """Write what is to be written at `inner`."""
        kernel = self.kernel
        mask = None if valid is None else kernel.first_lanes(valid, self.lanes)
        for each in self.spec.stores:
            pointer, value = kernel.buffer(each.slot), values[each.expression]
            if each.steps[-1] == 1:
                place = kernel.add(self.bases[each], inner)
                if valid is None and self._is_dense(each):
                    ahead = kernel.add(place, _AHEAD // each.dtype.itemsize)
                    kernel.prefetch(pointer, ahead, each.dtype, write=True)
                kernel.store(value, pointer, place, each.dtype, mask)
                continue
            for along in self._existing(valid):
                index = kernel.mul(kernel.add(inner, along), each.steps[-1])
                place = kernel.add(self.bases[each], index)
                single = kernel.lane(value, along)
                kernel.store(single, pointer, place, each.dtype)

    def _is_dense(self, store: Store) -> bool:
        """Whether the places that are written follow each other without gaps."""
        step = 1
        for size, own in zip(reversed(self.spec.sizes), reversed(store.steps)):
            if own != step:
                return False
            step *= size
        return True


def unravel(
    kernel: KernelBuilder, row: ir.Value, sizes: tuple[int, ...]
) -> list[ir.Value]:
    """Turn the number of a row into the indices of its dimensions."""
    indices: list[ir.Value] = []
    for at in range(len(sizes) - 1, 0, -1):
        indices.append(kernel.b.urem(row, kernel.int(sizes[at])))
        row = kernel.b.udiv(row, kernel.int(sizes[at]))
    return [row, *reversed(indices)] if sizes else []


def vectors(
    kernel: KernelBuilder, start: ir.Value, stop: ir.Value, lanes: int, body: Any
) -> None:
    """Run `body(index, valid)` for whole vectors, then once for what is left."""
    count = kernel.b.sub(stop, start)
    rest = kernel.b.urem(count, kernel.int(lanes))
    whole = kernel.b.sub(stop, rest)
    with kernel.loop(start, whole, lanes) as index:
        body(index, None)
    if lanes > 1:
        with kernel.when(kernel.b.icmp_signed(">", rest, kernel.int(0))):
            body(whole, rest)


@planned_once
def loop_kernel(name: str, spec: LoopSpec, target: Target) -> Kernel:
    """Return the kernel that computes and stores a fused elementwise loop.

    It serves any outermost size, which is its bound.
    """
    *outer, inner = spec.sizes
    return Kernel(
        name,
        _emit,
        (spec.code, target),
        -(-prod(outer) // _rows_at_once(inner)) if outer else -(-inner // CHUNK),
        flops=_flops(spec),
        moved=_moved(spec),
        bounds=spec.sizes[:1],
    )


def _rows_at_once(inner: int) -> int:
    """How many rows are a chunk, where there are several."""
    return max(1, CHUNK // max(inner, 1))


def _emit(name: str, spec: LoopSpec, target: Target) -> str:
    kernel = KernelBuilder(name, target)
    lanes = lanes_of(spec, target)
    outermost = kernel.number(spec.slots, 0)
    if len(spec.sizes) == 1:
        _flat(kernel, spec, lanes, outermost)
    else:
        rows = kernel.mul(outermost, prod(spec.sizes[1:-1]))
        _rows(kernel, spec, lanes, rows, spec.sizes[-1])
    return kernel.finish()


def _flat(kernel: KernelBuilder, spec: LoopSpec, lanes: int, inner: ir.Value) -> None:
    """One dimension: a chunk is a stretch of it."""
    point = Point(kernel, spec, [], lanes)
    start = kernel.mul(kernel.begin, CHUNK)
    stop = kernel.minimum(kernel.mul(kernel.end, CHUNK), inner)
    vectors(
        kernel,
        start,
        stop,
        lanes,
        lambda at, valid: point.store(point.values(at, valid), at, valid),
    )


def _rows(
    kernel: KernelBuilder, spec: LoopSpec, lanes: int, rows: ir.Value, inner: int
) -> None:
    """Several dimensions: a chunk is a number of rows."""
    each = _rows_at_once(inner)
    start = kernel.mul(kernel.begin, each)
    stop = kernel.minimum(kernel.mul(kernel.end, each), rows)
    with kernel.loop(start, stop) as row:
        point = Point(kernel, spec, unravel(kernel, row, spec.sizes[:-1]), lanes)
        vectors(
            kernel,
            kernel.int(0),
            kernel.int(inner),
            lanes,
            lambda at, valid: point.store(point.values(at, valid), at, valid),
        )


def _flops(spec: LoopSpec) -> int:
    operations = sum(isinstance(each, Apply) for each in spec.expressions)
    return operations * prod(spec.sizes)


def _moved(spec: LoopSpec) -> int:
    """Bytes that the loads and stores touch, each place counted once."""
    total = 0
    for each in (*spec.expressions, *spec.stores):
        if isinstance(each, (Load, Lookup, Store)):
            used = zip(spec.sizes, each.steps, strict=True)
            total += prod(size for size, step in used if step) * each.dtype.itemsize
    return total
