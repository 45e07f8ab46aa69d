"""Writing at integer positions: indexed sums, puts and their like.

The result holds the old elements already. The domain is that of the new ones, its
dimensions in the order free, walked, and one more free one that lies densely in the
result. Two new elements can meet only if they differ in walked dimensions alone, and
those are done in their order by one thread: the results are the same bits on any
number of threads, without atomic instructions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .arithmetic import Arithmetic
from .builder import KernelBuilder
from .kernel import Kernel
from .loops import ANY, CHUNK, Expression, LoopSpec, Point, Slotted, unravel, vectors

__all__ = ["ScatterSpec", "scatter_kernel"]

_BLOCK = 4  # vectors of the last dimension that are done by one chunk


@dataclass(frozen=True)
class ScatterSpec:
    """One scatter.

    Attributes:
        combine: the elementwise op of the old and the new element; "" replaces.
        sizes: of the domain, in the order told above; the last one may be 1.
        free: how many leading dimensions are free.
        expressions: as in `LoopSpec`.
        new: the expression of the new elements.
        positions: (expression, size, step in the result) of each indexed dimension;
            the same all along the last dimension.
        slot: of the result.
        dtype: of the result.
        steps: of the result along the domain's dimensions.
    """

    combine: str
    sizes: tuple[int, ...]
    free: int
    expressions: tuple[Expression, ...]
    new: int
    positions: tuple[tuple[int, int, int], ...]
    slot: int
    dtype: dt.dtype
    steps: tuple[int, ...]

    @property
    def code(self) -> ScatterSpec:
        """The same for any size of the first free and the first walked dimension."""
        outermost = (0, self.free)
        sizes = (
            ANY if at in outermost and at < len(self.sizes) - 1 else size
            for at, size in enumerate(self.sizes)
        )
        return replace(self, sizes=tuple(sizes))

    @property
    def slots(self) -> int:
        """How many buffers are read and written."""
        used = [each.slot for each in self.expressions if isinstance(each, Slotted)]
        return 1 + max(used + [self.slot])

    @property
    def loop(self) -> LoopSpec:
        """The domain and its expressions."""
        return LoopSpec(self.sizes, self.expressions)


def scatter_kernel(name: str, spec: ScatterSpec, target: Target) -> Kernel:
    """Return the kernel that writes the new elements.

    Its bounds are the free rows' blocks, the walked rows, and blocks per chunk.
    """
    cut, size = _Cut(spec, target), prod(spec.sizes)
    chunks = -(-cut.items // cut.at_once)
    moved = 3 * size * spec.dtype.itemsize
    bounds = (cut.items, cut.walked, cut.at_once)
    return Kernel(name, _emit, (spec.code, target), chunks, size, moved, bounds=bounds)


def _emit(name: str, spec: ScatterSpec, target: Target) -> str:
    return _Scatter(name, spec, target).emit()


class _Cut:
    """How the work is cut: a chunk is some free rows, or a block of one."""

    def __init__(self, spec: ScatterSpec, target: Target) -> None:
        last = spec.sizes[-1]
        self.lanes = target.lanes(spec.dtype.itemsize) if last > 1 else 1
        self.width = self.lanes * _BLOCK
        self.blocks = -(-last // self.width)
        self.items = prod(spec.sizes[: spec.free]) * self.blocks
        self.walked = prod(spec.sizes[spec.free : -1])
        self.at_once = max(1, CHUNK // max(self.walked * min(self.width, last), 1))


class _Scatter:
    """Emits the kernel."""

    def __init__(self, name: str, spec: ScatterSpec, target: Target) -> None:
        self.spec, self.k = spec, KernelBuilder(name, target)
        self.cut = _Cut(spec, target)
        self.lanes = self.cut.lanes
        self.math = Arithmetic(self.k, self.lanes)

    def emit(self) -> str:
        """Emit the function."""
        spec, k, cut = self.spec, self.k, self.cut
        items, walked, at_once = (k.number(spec.slots, at) for at in range(3))
        stop = k.minimum(k.mul(k.end, at_once), items)
        with k.loop(k.mul(k.begin, at_once), stop) as item:
            row, block = k.split(item, cut.blocks)
            free = unravel(k, row, spec.sizes[: spec.free])
            begin = k.mul(block, cut.width)
            end = k.minimum(k.add(begin, cut.width), spec.sizes[-1])
            with k.loop(0, walked) as number:
                outer = [*free, *unravel(k, number, spec.sizes[spec.free : -1])]
                self._write(outer, begin, end)
        return k.finish()

    def _write(self, outer: list[ir.Value], begin: ir.Value, end: ir.Value) -> None:
        """Write what lies along the last dimension, from `begin` to `end`."""
        k, spec = self.k, self.spec
        point = Point(k, spec.loop, outer, self.lanes)
        row = k.int(0)
        for index, step in zip(outer, spec.steps):
            row = k.add(row, k.mul(index, step))

        def some(at: ir.Value, valid: ir.Value | None) -> None:
            values = point.values(at, valid)
            mask = None if valid is None else k.first_lanes(valid, self.lanes)
            offset = k.lane(point.offsets(spec.positions, values), 0)
            place = k.add(k.add(row, offset), k.mul(at, spec.steps[-1]))
            new, target = values[spec.new], k.buffer(spec.slot)
            if spec.combine:
                old = k.load(target, place, spec.dtype, self.lanes, mask)
                kinds = [spec.dtype, spec.dtype]
                new = self.math.apply(spec.combine, spec.dtype, kinds, [old, new])
            k.store(new, target, place, spec.dtype, mask)

        vectors(k, begin, end, self.lanes, some)
