"""The way back through a recurrent layer: from the last step to the first.

    dh = g[step] + dgates[step + 1] w;  dgates[step] = cell'(dh, gates[step])

It only finds the gradients of the gates: that of the weights is one product for all
steps. The weights are read from panels of neighbouring hidden units:

    panels[units / lanes][row of w][lane]

What reaches the states before a step is kept below the gradients of all gates, where it
stays as the gradient of the first states. With a projection, dh reaches the cells
through its weights; below the states lie dh and what was projected, for the gradient of
those weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...runtime.target import Target
from . import ir
from .kernel import Kernel
from .packing import Pack, Steps
from .recurrence import Emitter, RecurrenceSpec, Walk

__all__ = ["pack_cells", "pack_units", "recurrence_gradient_kernel"]

_WAYS = {"lstm": 4, "gru": 4, "rnn_tanh": 1, "rnn_relu": 1}


def pack_units(spec: RecurrenceSpec, target: Target) -> Pack:
    """How the weights of the hidden state are gathered: a panel per vector of units."""
    return Pack(
        dtype=spec.dtype,
        groups=((1, 0),),
        taps=(Steps(0, 0, 1),),
        rows=(spec.gates * spec.hidden, spec.shown),
        columns=(spec.shown, 1),
        panel=target.lanes(spec.dtype.itemsize),
    )


def pack_cells(spec: RecurrenceSpec, target: Target) -> Pack:
    """How the weights of a projection are gathered: a panel per vector of cells."""
    return Pack(
        dtype=spec.dtype,
        groups=((1, 0),),
        taps=(Steps(0, 0, 1),),
        rows=(spec.projected, spec.hidden),
        columns=(spec.hidden, 1),
        panel=target.lanes(spec.dtype.itemsize),
    )


def recurrence_gradient_kernel(spec: RecurrenceSpec, target: Target) -> Kernel:
    """Return the kernel of the way back.

    Table: the gradient of the states, the result of the way forward, panels of w, h of
    a GRU, c of an LSTM, panels of a projection, lengths where there are any, and what
    `ops.recurrent` says of the result. Its bound is the number of steps.
    """
    walk = Walk(spec, target)
    elements = spec.steps * spec.batch * spec.hidden * (2 * _WAYS[spec.cell] + 2)
    return Kernel(
        f"recurrence_gradient_{spec.name}",
        _emit,
        (replace(spec, steps=0), target),
        spec.chunks,
        spec.flops,
        elements * spec.dtype.itemsize,
        bounds=(spec.steps,),
        workspace=walk.sums(1) * spec.dtype.itemsize,
    )


def _emit(name: str, spec: RecurrenceSpec, target: Target) -> str:
    return _Back(name, spec, target).emit()


class _Back(Emitter):
    """Emits the way back."""

    def __init__(self, name: str, spec: RecurrenceSpec, target: Target) -> None:
        own = {"lstm": ["c"], "gru": ["h"]}.get(spec.cell, [])
        own += ["p"] if spec.projected else []
        lengths = ["lengths"] if spec.bounded else []
        slots = ["g", "run", "w", *own, *lengths, "out"]
        super().__init__(name, spec, target, slots)
        self.width = _WAYS[spec.cell] * spec.hidden
        self.beside = self.walk.beside(1, self.walk.shown)
        self.passes = spec.bounded or spec.cell == "gru"  # some of dh by the weights

    def block(self, first: ir.Value, rows: int) -> None:
        """Emit all steps of `rows` samples from `first`, and what is before them."""
        k = self.k
        self._begin(first, rows)
        with k.loop(0, self.steps) as number:
            t = number
            if not self.spec.reverse:
                t = k.sub(k.sub(self.steps, 1), number)
            is_first = k.b.icmp_signed("==", number, k.int(0))
            with k.loop(0, self.walk.shown, self.beside) as vector:
                with k.when(is_first):
                    self._nothing(rows)
                with k.when(k.b.not_(is_first)):
                    later = k.add(t, -1 if self.spec.reverse else 1)
                    self._products(later, first, rows, vector)
                with k.loop(0, rows) as at, k.loop(0, self.beside) as beside:
                    unit = k.mul(k.add(vector, beside), self.lanes)
                    self._arrive(t, k.add(first, at), unit, self._sum(at, beside))
            if self.spec.projected:
                self._through(t, first, rows)
        earliest = k.sub(self.steps, 1) if self.spec.reverse else k.int(0)
        with k.loop(0, self.walk.shown, self.beside) as vector:
            self._products(earliest, first, rows, vector)
            with k.loop(0, rows) as at, k.loop(0, self.beside) as beside:
                unit = k.mul(k.add(vector, beside), self.lanes)
                self._end(k.add(first, at), unit, self._sum(at, beside))

    def _sum(self, at: ir.Value, vector: ir.Value) -> ir.Value:
        return self.sums(at, vector, self.beside)

    def _begin(self, first: ir.Value, rows: int) -> None:
        """Set what reaches the last states: zeros, and the cell state's gradient."""
        k, hidden = self.k, self.spec.hidden
        zero = self.math.number(0, self.spec.dtype)
        with k.loop(0, rows) as at, k.loop(0, self.walk.vectors) as vector:
            unit, row = k.mul(vector, self.lanes), k.add(first, at)
            mask = self.mask(unit)
            for way in range(_WAYS[self.spec.cell]):
                value = zero
                if way == 1 and self.spec.cell == "lstm":
                    place = k.add(self.line(self.steps, row, hidden), unit)
                    value = self.load("g", place, mask)
                self.store(value, "out", self._flowing(row, unit, way), mask)

    def _flowing(self, row: ir.Value, unit: ir.Value, state: int) -> ir.Value:
        """Where what reaches a state before a step is kept."""
        k = self.k
        place = k.add(self.line(self.steps, row, self.width), unit)
        return k.add(place, state * self.spec.hidden)

    def _nothing(self, rows: int) -> None:
        k, kind = self.k, self.spec.dtype
        with k.loop(0, rows * self.beside) as at:
            zero = self.math.number(0, kind)
            k.store(zero, k.workspace, k.mul(at, self.lanes), kind)

    def _products(
        self, t: ir.Value, first: ir.Value, rows: int, vector: ir.Value
    ) -> None:
        """Multiply the gates' gradients of a step with the weights."""
        k, hidden = self.k, self.spec.hidden
        panel = self.spec.gates * hidden * self.lanes
        a = self.pointer("out", self.line(t, first, self.width))
        b = self.pointer("w", k.mul(vector, panel))
        parts = [(0, 0, self.spec.gates * hidden)]
        if self.spec.cell == "gru":  # the third block is what reaches the input alone
            parts = [(0, 0, 2 * hidden), (3 * hidden, 2 * hidden, hidden)]
        self.products(a, self.width, rows, b, (self.beside, panel), parts)

    def _arrive(
        self, t: ir.Value, row: ir.Value, unit: ir.Value, product: ir.Value
    ) -> None:
        """Emit what a sample's vector of the hidden state receives at a step."""
        spec, k = self.spec, self.k
        mask = self.mask(unit, spec.shown)
        place = k.add(self.line(t, row, spec.hidden), unit)
        dh = k.b.fadd(self.load("g", place, mask), product)
        if self.passes:
            dh = k.b.fadd(dh, self.load("out", self._flowing(row, unit, 0), mask))
        if not spec.projected:
            self._cell(t, row, unit, dh)
            return
        on, zero = self.is_on(t, row), self.math.number(0, spec.dtype)
        if on is not None:
            passing = k.b.select(on, zero, dh)
            self.store(passing, "out", self._flowing(row, unit, 0), mask)
            dh = k.b.select(on, dh, zero)
        self.store(dh, "out", k.add(self._below(t, row), unit), mask)

    def _below(self, t: ir.Value, row: ir.Value) -> ir.Value:
        """Where the row of a step begins that is for a projection's gradient."""
        k = self.k
        return self.line(k.add(k.add(self.steps, 1), t), row, self.width)

    def _through(self, t: ir.Value, first: ir.Value, rows: int) -> None:
        """Bring what the hidden states of a step receive to their cells."""
        spec, k = self.spec, self.k
        beside, panel = self.walk.beside(1), spec.projected * self.lanes
        a, parts = self.pointer("out", self._below(t, first)), [(0, 0, spec.projected)]
        with k.loop(0, self.walk.vectors, beside) as vector:
            b = self.pointer("p", k.mul(vector, panel))
            self.products(a, self.width, rows, b, (beside, panel), parts)
            with k.loop(0, rows) as at, k.loop(0, beside) as each:
                unit = k.mul(k.add(vector, each), self.lanes)
                self._cell(t, k.add(first, at), unit, self.sums(at, each, beside))
        with k.loop(0, rows) as at:
            line = self._below(t, k.add(first, at))
            self.clear(line, spec.projected + spec.hidden, self.width)

    def _cell(self, t: ir.Value, row: ir.Value, unit: ir.Value, dh: ir.Value) -> None:
        """Emit a step of a sample's vector of units."""
        spec, k = self.spec, self.k
        mask, on = self.mask(unit), self.is_on(t, row)
        step = {"lstm": self._lstm, "gru": self._gru}.get(spec.cell, self._plain)
        gates, flowing = step(dh, t, row, unit, mask)
        zero = self.math.number(0, spec.dtype)
        line = k.add(self.line(t, row, self.width), unit)
        for way, each in enumerate(gates):
            value = each if on is None else k.b.select(on, each, zero)
            self.store(value, "out", k.add(line, way * spec.hidden), mask)
        old = {0: dh}
        for state, each in flowing.items():
            kept = self._flowing(row, unit, state)
            if on is not None:
                before = old.get(state) or self.load("out", kept, mask)
                each = k.b.select(on, each, before)
            self.store(each, "out", kept, mask)

    def _end(self, row: ir.Value, unit: ir.Value, product: ir.Value) -> None:
        """Store the gradient of the first hidden state."""
        mask = self.mask(unit, self.spec.shown)
        place = self._flowing(row, unit, 0)
        if self.passes:
            product = self.k.b.fadd(product, self.load("out", place, mask))
        self.store(product, "out", place, mask)

    # Cells

    def _kept(
        self,
        t: ir.Value,
        row: ir.Value,
        unit: ir.Value,
        mask: ir.Value | None,
        number: int,
    ) -> ir.Value:
        """Load a plane of what the way forward has stored of the gates."""
        place = self.plane(t, row, number)
        return self.load("run", self.k.add(place, unit), mask)

    def _before(
        self,
        slot: str,
        plane: Sequence[int],
        t: ir.Value,
        row: ir.Value,
        unit: ir.Value,
        mask: ir.Value | None,
    ) -> ir.Value:
        """Load a state before a step: the first one, or what a plane of `run` has.

        Args:
            slot: the first state.
            plane: how many planes each step has, and the one that has the state.
        """
        spec, k = self.spec, self.k
        begin = k.sub(self.steps, 1) if spec.reverse else k.int(0)
        earlier = k.add(t, 1 if spec.reverse else -1)
        count, at = plane
        start = k.add(self.steps, spec.states - 1) if count > 1 else k.int(0)
        there = k.add(k.add(k.mul(earlier, count), start), at)
        inside = k.add(self.line(there, row, spec.hidden), unit)
        outside = k.add(k.mul(row, spec.hidden), unit)
        is_first = k.b.icmp_signed("==", t, begin)
        place = k.b.select(
            is_first, self.pointer(slot, outside), self.pointer("run", inside)
        )
        return k.load(place, 0, spec.dtype, self.lanes, mask)

    def _rest(self, x: ir.Value) -> ir.Value:
        """1 - x."""
        return self.k.b.fsub(self.math.number(1, self.spec.dtype), x)

    def _slope(self, y: ir.Value) -> ir.Value:
        """1 - y², the slope of tanh where it is y."""
        one = self.math.number(1, self.spec.dtype)
        return self.k.fma(self.k.b.fneg(y), y, one)

    def _product(self, *factors: ir.Value) -> ir.Value:
        found, *others = factors
        for each in others:
            found = self.k.b.fmul(found, each)
        return found

    def _lstm(
        self,
        dh: ir.Value,
        t: ir.Value,
        row: ir.Value,
        unit: ir.Value,
        mask: ir.Value | None,
    ) -> tuple[list[ir.Value], dict[int, ir.Value]]:
        spec, k, kind, product = self.spec, self.k, self.spec.dtype, self._product
        c = self._kept(t, row, unit, mask, 4)
        shown = k.settled(self.math.op_tanh(kind, c), kind)
        i, f, g, o = (self._kept(t, row, unit, mask, at) for at in range(4))
        old = self._before("c", (spec.planes, 4), t, row, unit, mask)
        dc = self.load("out", self._flowing(row, unit, 1), mask)
        dc = k.fma(product(dh, o), self._slope(shown), dc)
        gates = [
            product(dc, g, i, self._rest(i)),
            product(dc, old, f, self._rest(f)),
            product(dc, i, self._slope(g)),
            product(dh, shown, o, self._rest(o)),
        ]
        flowing = {1: product(dc, f)}
        if spec.projected:
            below = k.add(self._below(t, row), spec.projected)
            self.store(product(o, shown), "out", k.add(below, unit), mask)
        elif self.passes:
            flowing[0] = self.math.number(0, kind)
        return gates, flowing

    def _gru(
        self,
        dh: ir.Value,
        t: ir.Value,
        row: ir.Value,
        unit: ir.Value,
        mask: ir.Value | None,
    ) -> tuple[list[ir.Value], dict[int, ir.Value]]:
        k, product = self.k, self._product
        r, z, n, inner = (self._kept(t, row, unit, mask, at) for at in range(4))
        h = self._before("h", (1, 0), t, row, unit, mask)
        dn = product(dh, self._rest(z), self._slope(n))
        dr = product(dn, inner, r, self._rest(r))
        dz = product(dh, k.b.fsub(h, n), z, self._rest(z))
        return [dr, dz, dn, product(dn, r)], {0: product(dh, z)}

    def _plain(
        self,
        dh: ir.Value,
        t: ir.Value,
        row: ir.Value,
        unit: ir.Value,
        mask: ir.Value | None,
    ) -> tuple[list[ir.Value], dict[int, ir.Value]]:
        kind, math = self.spec.dtype, self.math
        place = self.k.add(self.line(t, row, self.spec.hidden), unit)
        h, zero = self.load("run", place, mask), math.number(0, kind)
        if self.spec.cell == "rnn_relu":
            d = self.k.b.select(math.op_gt(kind, h, zero), dh, zero)
        else:
            d = self._product(dh, self._slope(h))
        return [d], {0: zero} if self.passes else {}
