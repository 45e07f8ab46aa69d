"""Recurrent layers: all time steps of some samples in one chunk.

    h = h0
    for each step:  gates = x[step] + h w^T;  h = cell(gates, h);  out[step] = h

A step needs the whole hidden state of the step before, but of its own samples only, so
the samples are cut among the chunks, which never wait for each other. The weights are
read from panels, whose vectors are the same hidden units of each gate:

    panels[gate][units / lanes][k][lane]

With a projection, the cells of a block lie in the workspace, from where a second
product makes the hidden state of them: h = cell(gates, h) p^T.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ... import dtypes as dt
from ...ops.cells import CELLS
from ...runtime.target import Target
from . import ir
from .arithmetic import Arithmetic
from .builder import KernelBuilder
from .kernel import Kernel
from .packing import Pack, Steps
from .tile import Tile, TileShape, ceil_div, fitting_rows

__all__ = [
    "Emitter",
    "RecurrenceSpec",
    "Walk",
    "pack_projection",
    "pack_states",
    "recurrence_kernel",
]

_TOGETHER = 16  # samples of a chunk, for which the weights are read once
_WIDEST = 4  # vectors of a tile


@dataclass(frozen=True)
class RecurrenceSpec:
    """One direction of one layer.

    Attributes:
        cell: which kind: "lstm", "gru", "rnn_tanh" or "rnn_relu".
        gates: how many gates it has.
        dtype: of all values.
        steps: how many there are; the code does not depend on it.
        batch: the samples.
        hidden: the hidden units.
        reverse: whether the last step comes first.
        keeps: whether the gates are stored for the way back.
        bounded: whether samples have lengths of their own.
        projected: the size to which the hidden state is projected, or 0.
    """

    cell: str
    gates: int
    dtype: dt.dtype
    steps: int
    batch: int
    hidden: int
    reverse: bool
    keeps: bool = False
    bounded: bool = False
    projected: int = 0

    @property
    def shown(self) -> int:
        """The size of the hidden state."""
        return self.projected or self.hidden

    @property
    def states(self) -> int:
        """How many states go from step to step."""
        return CELLS[self.cell].states

    @property
    def planes(self) -> int:
        """How much of what the way back reads is stored for each step."""
        return CELLS[self.cell].planes

    @property
    def block(self) -> int:
        """The samples of a chunk; the last one may have fewer."""
        most = min(_TOGETHER, ceil_div(self.batch, 2))
        return ceil_div(self.batch, ceil_div(self.batch, most))

    @property
    def chunks(self) -> int:
        """Into how many pieces the samples are cut."""
        return ceil_div(self.batch, self.block)

    @property
    def flops(self) -> int:
        """Of the products."""
        depth = self.gates * self.shown + self.projected
        return 2 * self.steps * self.batch * self.hidden * depth

    @property
    def name(self) -> str:
        """What decides the code, for kernels' names."""
        sizes = f"{self.cell}_{self.dtype.name}_{self.batch}x{self.hidden}"
        flags = [
            name for name in ("reverse", "keeps", "bounded") if getattr(self, name)
        ]
        if self.projected:
            sizes += f"to{self.projected}"
        return "_".join([sizes, *flags])


def pack_states(spec: RecurrenceSpec, target: Target) -> Pack:
    """How the weights of the hidden state are gathered: a panel per gate and vector."""
    lanes = target.lanes(spec.dtype.itemsize)
    hidden, shown = spec.hidden, spec.shown
    return Pack(
        dtype=spec.dtype,
        groups=((spec.gates, hidden * shown),),
        taps=(Steps(0, 0, 1),),
        rows=(shown, 1),
        columns=(hidden, shown),
        panel=lanes,
    )


def pack_projection(spec: RecurrenceSpec, target: Target) -> Pack:
    """How the weights that project the cells are gathered: a panel per vector."""
    return Pack(
        dtype=spec.dtype,
        groups=((1, 0),),
        taps=(Steps(0, 0, 1),),
        rows=(spec.hidden, 1),
        columns=(spec.projected, spec.hidden),
        panel=target.lanes(spec.dtype.itemsize),
    )


def recurrence_kernel(spec: RecurrenceSpec, target: Target) -> Kernel:
    """Return the kernel of the way forward.

    Table: x, panels of w, h, c of an LSTM, b of a GRU, panels of a projection, lengths
    where there are any, and what `ops.recurrent` says of the result. Its bound is the
    number of steps.
    """
    walk = Walk(spec, target)
    gates = spec.steps * spec.batch * spec.hidden * (spec.gates + 1)
    return Kernel(
        f"recurrence_{spec.name}",
        _emit,
        (replace(spec, steps=0), target),
        spec.chunks,
        spec.flops,
        gates * spec.dtype.itemsize,
        bounds=(spec.steps,),
        workspace=(walk.sums(spec.gates) + walk.states) * spec.dtype.itemsize,
    )


def _emit(name: str, spec: RecurrenceSpec, target: Target) -> str:
    return _Forward(name, spec, target).emit()


class Walk:
    """How the hidden units are cut: into vectors, and vectors into tiles.

    Args:
        spec: of the layer.
        target: the CPU.
    """

    def __init__(self, spec: RecurrenceSpec, target: Target) -> None:
        self.spec, self.target = spec, target
        self.lanes = target.lanes(spec.dtype.itemsize)
        self.vectors = ceil_div(spec.hidden, self.lanes)
        self.shown = ceil_div(spec.shown, self.lanes)  # vectors of the hidden state

    def beside(self, gates: int, vectors: int | None = None) -> int:
        """How many vectors a tile has for each of some gates, of so many units."""
        most, whole = max(1, _WIDEST // gates), vectors or self.vectors
        return max(n for n in range(1, most + 1) if whole % n == 0)

    def sums(self, gates: int) -> int:
        """How many sums a block has at once: of the gates, or of a projection."""
        widest = max(gates * self.beside(gates), self.beside(1, self.shown))
        return self.spec.block * widest * self.lanes

    @property
    def states(self) -> int:
        """How much of a block's states is kept below its sums: those projected."""
        spec = self.spec
        return spec.block * (spec.projected + spec.hidden) if spec.projected else 0

    def tile_rows(self, rows: int, vectors: int) -> int:
        """How many samples of a block a tile has."""
        fitting = fitting_rows(self.target, vectors)
        return ceil_div(rows, ceil_div(rows, max(fitting, 1)))


class Emitter:
    """What the ways forward and back share.

    Args:
        name: of the kernel.
        spec: of the layer.
        target: the CPU.
        slots: what the table has, in order.
    """

    def __init__(
        self, name: str, spec: RecurrenceSpec, target: Target, slots: Sequence[str]
    ) -> None:
        self.spec, self.k = spec, KernelBuilder(name, target)
        self.walk = Walk(spec, target)
        self.lanes = self.walk.lanes
        self.math = Arithmetic(self.k, self.lanes)
        self.slots = {each: at for at, each in enumerate(slots)}
        self.steps = self.k.number(len(slots), 0)

    def emit(self) -> str:
        """Emit the function: the last block may be smaller."""
        spec, k = self.spec, self.k
        rest = spec.batch - (spec.chunks - 1) * spec.block
        with k.loop(k.begin, k.end) as chunk:
            first = k.mul(chunk, spec.block)
            if rest == spec.block:
                self.block(first, spec.block)
            else:
                is_last = k.b.icmp_signed("==", chunk, k.int(spec.chunks - 1))
                with k.when(is_last):
                    self.block(first, rest)
                with k.when(k.b.not_(is_last)):
                    self.block(first, spec.block)
        return k.finish()

    def block(self, first: ir.Value, rows: int) -> None:
        """Emit all steps of `rows` samples from `first`."""
        raise NotImplementedError

    # Places

    def pointer(self, slot: str, offset: ir.Value) -> ir.Value:
        """Return the address of an element of a buffer."""
        return self.k.at(self.k.buffer(self.slots[slot]), offset, self.spec.dtype)

    def line(self, block: ir.Value | int, row: ir.Value, width: int) -> ir.Value:
        """Return where a sample's row of a matrix begins.

        Args:
            block: how many times all samples come before.
            row: the sample.
            width: of the matrix.
        """
        k = self.k
        return k.mul(k.add(k.mul(block, self.spec.batch), row), width)

    def plane(self, t: ir.Value, row: ir.Value, number: int) -> ir.Value:
        """Where a sample's part of a plane of a step begins, below all states."""
        spec, k = self.spec, self.k
        first = k.add(k.mul(t, spec.planes), k.add(self.steps, spec.states - 1))
        return self.line(k.add(first, number), row, spec.hidden)

    def mask(self, unit: ir.Value, size: int = 0) -> ir.Value | None:
        """Which lanes of a vector of units, or of so many, exist, if not all do."""
        size = size or self.spec.hidden
        if size % self.lanes == 0:
            return None
        return self.k.first_lanes(self.k.sub(size, unit), self.lanes)

    def load(self, slot: str, place: ir.Value, mask: ir.Value | None) -> ir.Value:
        """Load a vector."""
        buffer = self.k.buffer(self.slots[slot])
        return self.k.load(buffer, place, self.spec.dtype, self.lanes, mask)

    def store(
        self, value: ir.Value, slot: str, place: ir.Value, mask: ir.Value | None
    ) -> None:
        """Store a vector."""
        buffer = self.k.buffer(self.slots[slot])
        self.k.store(value, buffer, place, self.spec.dtype, mask)

    def clear(self, line: ir.Value, start: int, stop: int) -> None:
        """Store zeros in a part of a row of the result."""
        k, zero = self.k, self.math.number(0, self.spec.dtype)
        with k.loop(0, stop - start, self.lanes) as at:
            place = k.add(line, k.add(at, start))
            self.store(zero, "out", place, self.mask(at, stop - start))

    def is_on(self, t: ir.Value, row: ir.Value) -> ir.Value | None:
        """Whether a sample has a step, in every lane; None where all have."""
        if not self.spec.bounded:
            return None
        k = self.k
        length = k.load(k.buffer(self.slots["lengths"]), row, dt.int64)
        return k.splat(k.b.icmp_signed("<", t, length), self.lanes)

    # Sums

    def products(
        self,
        a: ir.Value,
        a_line: int,
        rows: int,
        b: ir.Value,
        shape: tuple[int, int],
        parts: Sequence[tuple[int, int, int]],
    ) -> None:
        """Multiply a block's rows with vectors of the panels, into the workspace.

        Args:
            a: the address of the block's first row.
            a_line: how far the rows are apart.
            rows: how many there are.
            b: the address of the first vector's panel.
            shape: how many vectors there are, and how far their panels are apart.
            parts: (from where in a row, from which line of the panels, how many).
        """
        k, kind = self.k, self.spec.dtype
        vectors, spacing = shape
        height = self.walk.tile_rows(rows, vectors)
        step = vectors * self.lanes

        def some(at: ir.Value, count: int) -> None:
            tile = Tile(k, TileShape(count, vectors, self.lanes), kind, spacing=spacing)
            near = k.at(a, k.mul(at, a_line), kind)
            offsets = [(each, each * a_line) for each in range(count)]
            for start, line, depth in parts:
                far = k.at(b, line * self.lanes, kind)
                here = k.at(near, start, kind)
                tile.accumulate(here, offsets, 1, far, self.lanes, depth)
            tile.store(k.at(k.workspace, k.mul(at, step), kind), step)

        whole = rows - rows % height
        with k.loop(0, whole, height) as at:
            some(at, height)
        if whole < rows:
            some(k.int(whole), rows - whole)

    def sums(self, row: ir.Value, vector: ir.Value | int, vectors: int) -> ir.Value:
        """Return the sums of a sample and a vector."""
        k = self.k
        place = k.mul(k.add(k.mul(row, vectors), vector), self.lanes)
        return k.load(k.workspace, place, self.spec.dtype, self.lanes)


class _Forward(Emitter):
    """Emits the way forward."""

    def __init__(self, name: str, spec: RecurrenceSpec, target: Target) -> None:
        own = {"lstm": ["c"], "gru": ["b"]}.get(spec.cell, [])
        own += ["p"] if spec.projected else []
        lengths = ["lengths"] if spec.bounded else []
        super().__init__(name, spec, target, ["x", "w", "h", *own, *lengths, "out"])

    def block(self, first: ir.Value, rows: int) -> None:
        """Emit all steps of `rows` samples from `first`."""
        spec, k = self.spec, self.k
        if spec.cell == "lstm":
            self._begin(first, rows)
        if spec.projected:
            self._begin_shown(first, rows)
        beside = self.walk.beside(spec.gates)
        panel = spec.shown * self.lanes
        spacing = panel * (1 if beside > 1 else self.walk.vectors)
        with k.loop(0, self.steps) as number:
            t = number
            if spec.reverse:
                t = k.sub(k.sub(self.steps, 1), number)
            before = self._before(t, number, first)
            with k.loop(0, self.walk.vectors, beside) as vector:
                b = self.pointer("w", k.mul(vector, panel))
                shape = (spec.gates * beside, spacing)
                parts = [(0, 0, spec.shown)]
                self.products(before, spec.shown, rows, b, shape, parts)
                for each in range(beside):
                    unit = k.mul(k.add(vector, each), self.lanes)
                    with k.loop(0, rows) as row:
                        self._cell(t, first, row, unit, k.int(each), before)
            if spec.projected:
                self._project(t, first, rows)

    def _begin(self, first: ir.Value, rows: int) -> None:
        """Let the cell state, which is kept in the result, be the first one."""
        k, hidden = self.k, self.spec.hidden
        with k.loop(0, rows) as at, k.loop(0, self.walk.vectors) as vector:
            unit, row = k.mul(vector, self.lanes), k.add(first, at)
            mask = self.mask(unit)
            value = self.load("c", k.add(k.mul(row, hidden), unit), mask)
            place = k.add(self.line(self.steps, row, hidden), unit)
            self.store(value, "out", place, mask)

    def _before(self, t: ir.Value, number: ir.Value, first: ir.Value) -> ir.Value:
        """The address of the block's hidden states before a step."""
        k, hidden = self.k, self.spec.hidden
        if self.spec.projected:
            return self._part(0)
        there = k.add(t, 1 if self.spec.reverse else -1)
        earlier = self.pointer("out", self.line(there, first, hidden))
        begin = self.pointer("h", k.mul(first, hidden))
        is_first = k.b.icmp_signed("==", number, k.int(0))
        return k.b.select(is_first, begin, earlier)

    def _cell(
        self,
        t: ir.Value,
        first: ir.Value,
        at: ir.Value,
        unit: ir.Value,
        vector: ir.Value,
        before: ir.Value,
    ) -> None:
        """Emit a step of a sample's vector of units."""
        spec, k, kind = self.spec, self.k, self.spec.dtype
        row, mask = k.add(first, at), self.mask(unit)
        beside = self.walk.beside(spec.gates)
        x_line = k.add(self.line(t, row, spec.gates * spec.hidden), unit)
        place = k.add(k.mul(at, spec.hidden), unit)

        def own(gate: int) -> ir.Value:
            return self.sums(at, k.add(vector, gate * beside), spec.gates * beside)

        def outside(gate: int) -> ir.Value:
            return self.load("x", k.add(x_line, gate * spec.hidden), mask)

        def h() -> ir.Value:
            return k.load(before, place, kind, self.lanes, mask)

        def keep(number: int, value: ir.Value) -> None:
            self._keep(number, value, t, row, unit, mask)

        step = {"lstm": self._lstm, "gru": self._gru}.get(spec.cell, self._plain)
        after = step(own, outside, h, keep, row, unit, mask)
        on = self.is_on(t, row)
        if spec.projected:
            k.store(after[0], self._part(1), place, kind, mask)
        else:
            new = after[0] if on is None else k.b.select(on, after[0], h())
            self.store(new, "out", k.add(self.line(t, row, spec.hidden), unit), mask)
        if spec.cell == "lstm":
            place = k.add(self.line(self.steps, row, spec.hidden), unit)
            c = after[1]
            if on is not None:
                c = k.b.select(on, c, self.load("out", place, mask))
            self.store(c, "out", place, mask)
            keep(spec.planes - 1, c)

    def _keep(
        self,
        number: int,
        value: ir.Value,
        t: ir.Value,
        row: ir.Value,
        unit: ir.Value,
        mask: ir.Value | None,
    ) -> None:
        """Store a plane of what the way back reads."""
        if self.spec.keeps:
            place = self.plane(t, row, number)
            self.store(value, "out", self.k.add(place, unit), mask)

    # Projections

    def _part(self, number: int) -> ir.Value:
        """The address of a block's projected states (0) or unprojected ones (1)."""
        spec = self.spec
        place = self.walk.sums(spec.gates) + number * spec.block * spec.projected
        return self.k.at(self.k.workspace, place, spec.dtype)

    def _begin_shown(self, first: ir.Value, rows: int) -> None:
        """Let the projected state be the first one."""
        k, size, kind = self.k, self.spec.projected, self.spec.dtype
        start = k.mul(first, size)
        with k.loop(0, rows * size) as at:
            value = k.load(k.buffer(self.slots["h"]), k.add(start, at), kind)
            k.store(value, self._part(0), at, kind)

    def _project(self, t: ir.Value, first: ir.Value, rows: int) -> None:
        """Make the hidden state of a step of what its cells show."""
        spec, k, lanes = self.spec, self.k, self.lanes
        beside = self.walk.beside(1, self.walk.shown)
        panel = spec.hidden * lanes
        with k.loop(0, self.walk.shown, beside) as vector:
            b = self.pointer("p", k.mul(vector, panel))
            parts = [(0, 0, spec.hidden)]
            self.products(self._part(1), spec.hidden, rows, b, (beside, panel), parts)
            with k.loop(0, rows) as at, k.loop(0, beside) as each:
                unit = k.mul(k.add(vector, each), lanes)
                self._show(t, first, at, unit, self.sums(at, each, beside))
        with k.loop(0, rows) as at:
            line = self.line(t, k.add(first, at), spec.hidden)
            self.clear(line, spec.projected, spec.hidden)

    def _show(
        self, t: ir.Value, first: ir.Value, at: ir.Value, unit: ir.Value, new: ir.Value
    ) -> None:
        """Store a vector of a sample's projected state."""
        spec, k = self.spec, self.k
        row, mask = k.add(first, at), self.mask(unit, spec.projected)
        place, kept = k.add(k.mul(at, spec.projected), unit), self._part(0)
        on = self.is_on(t, row)
        if on is not None:
            old = k.load(kept, place, spec.dtype, self.lanes, mask)
            new = k.b.select(on, new, old)
        k.store(new, kept, place, spec.dtype, mask)
        self.store(new, "out", k.add(self.line(t, row, spec.hidden), unit), mask)

    # Cells

    def _sigmoid(self, x: ir.Value) -> ir.Value:
        """1 / (1 + exp(-x)), within a few units in the last place."""
        kind, b = self.spec.dtype, self.k.b
        one = self.math.number(1, kind)
        raised = self.math.curves.normal_exp(kind, b.fneg(x))
        return b.fdiv(one, b.fadd(one, raised))

    def _lstm(
        self,
        own: Callable[[int], ir.Value],
        outside: Callable[[int], ir.Value],
        h: Callable[[], ir.Value],
        keep: Callable[[int, ir.Value], None],
        row: ir.Value,
        unit: ir.Value,
        mask: ir.Value | None,
    ) -> list[ir.Value]:
        k, kind, math, hidden = self.k, self.spec.dtype, self.math, self.spec.hidden

        def gate(number: int) -> ir.Value:
            total = k.b.fadd(own(number), outside(number))
            curve = partial(math.op_tanh, kind) if number == 2 else self._sigmoid
            value = k.finished([curve(total)])[0]
            keep(number, value)  # now, for the others need the registers
            return value

        i, f, g, o = map(gate, range(4))
        place = k.add(self.line(self.steps, row, hidden), unit)
        old = self.load("out", place, mask)
        c = k.finished([k.fma(f, old, k.b.fmul(i, g))])[0]
        return [k.b.fmul(o, math.op_tanh(kind, c)), c]

    def _gru(
        self,
        own: Callable[[int], ir.Value],
        outside: Callable[[int], ir.Value],
        h: Callable[[], ir.Value],
        keep: Callable[[int, ir.Value], None],
        row: ir.Value,
        unit: ir.Value,
        mask: ir.Value | None,
    ) -> list[ir.Value]:
        k, kind, math = self.k, self.spec.dtype, self.math

        def inner(gate: int) -> ir.Value:
            bias = self.load("b", k.add(unit, gate * self.spec.hidden), mask)
            return k.b.fadd(own(gate), bias)

        r, z = (
            k.settled(self._sigmoid(k.b.fadd(outside(at), inner(at))), kind)
            for at in (0, 1)
        )
        new = inner(2)
        n = k.settled(math.op_tanh(kind, k.fma(r, new, outside(2))), kind)
        for number, value in enumerate((r, z, n, new)):
            keep(number, value)
        return [k.fma(z, k.b.fsub(h(), n), n)]

    def _plain(
        self,
        own: Callable[[int], ir.Value],
        outside: Callable[[int], ir.Value],
        h: Callable[[], ir.Value],
        keep: Callable[[int, ir.Value], None],
        row: ir.Value,
        unit: ir.Value,
        mask: ir.Value | None,
    ) -> list[ir.Value]:
        total = self.k.b.fadd(own(0), outside(0))
        curve = "op_relu" if self.spec.cell == "rnn_relu" else "op_tanh"
        return [getattr(self.math, curve)(self.spec.dtype, total)]
