"""The way back from windows: every position adds up what its windows hold for it.

This is the adjoint of pools and of taking windows out. It is a gather, so that no two
threads write to one place: position p is tap k of window o where
``p + low = o * stride + k * dilation``. The windows of a position are visited in
their order, whatever the vector length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .arithmetic import Arithmetic
from .builder import I1, KernelBuilder, Variable, value_type
from .kernel import Kernel
from .loops import unravel
from .sliding import Slide, lanes_inside, row_steps, rows_at_once

__all__ = ["UnpoolSpec", "unpool_kernel"]

_BLOCK = 4  # vectors that share the walk, where the last slide is plain
_See = Callable[[ir.Value, ir.Value], None]


@dataclass(frozen=True)
class UnpoolSpec:
    """What positions add up.

    Attributes:
        slides: in memory order; the result is dense in it.
        dtype: of the elements.
        window_steps: from one window to the next in the source, along each slide; the
            last one is 1.
        tap_steps: from one tap to the next in the source; 0 where all taps of a
            window share an element.
        chosen: for each slide what the next tap adds to the number of a tap, if the
            source belongs to one tap of every window: the table then has these
            numbers, uint8 and laid out as the source, between source and result.
    """

    slides: tuple[Slide, ...]
    dtype: dt.dtype
    window_steps: tuple[int, ...]
    tap_steps: tuple[int, ...]
    chosen: tuple[int, ...] | None = None

    @property
    def code(self) -> UnpoolSpec:
        """The same for any size of the outermost dimension, if that is not the last."""
        first, *rest = self.slides
        return replace(self, slides=(first.of_any_size, *rest)) if rest else self

    @property
    def sizes(self) -> tuple[int, ...]:
        """The result's sizes."""
        return tuple(each.size for each in self.slides)


def unpool_kernel(name: str, spec: UnpoolSpec, target: Target) -> Kernel:
    """Return the kernel that adds windows up; its bound is the number of rows."""
    if spec.slides[-1].stride > target.lanes(spec.dtype.itemsize):
        spec = _with_single(spec)
    moved = prod(spec.sizes) + prod(each.windows for each in spec.slides)
    return Kernel(
        name,
        _emit,
        (spec.code, target),
        -(-prod(spec.sizes[:-1]) // _rows_at_once(spec)),
        bounds=(prod(spec.sizes[:-1]),),
        flops=prod(spec.sizes) * _windows(spec),
        moved=moved * spec.dtype.itemsize,
    )


def _windows(spec: UnpoolSpec) -> int:
    """How many windows see a position, at the most."""
    return prod(-(-each.span // each.stride) for each in spec.slides)


def _rows_at_once(spec: UnpoolSpec) -> int:
    """How many rows of positions are a chunk."""
    return rows_at_once(spec.sizes[-1] * _windows(spec))


def _emit(name: str, spec: UnpoolSpec, target: Target) -> str:
    return _Unpool(name, spec, target).emit()


def _with_single(spec: UnpoolSpec) -> UnpoolSpec:
    """The same with one more dimension of size 1: strides longer than a vector."""
    return UnpoolSpec(
        (*spec.slides, Slide(1, 1, dim=-1)),
        spec.dtype,
        (*spec.window_steps, 1),
        (*spec.tap_steps, 0),
        None if spec.chosen is None else (*spec.chosen, 0),
    )


class _Unpool:
    """Emits the kernel."""

    def __init__(self, name: str, spec: UnpoolSpec, target: Target) -> None:
        self.spec, self.k = spec, KernelBuilder(name, target)
        self.lanes = target.lanes(spec.dtype.itemsize)
        self.math = Arithmetic(self.k, self.lanes)
        self.inner = spec.slides[-1]
        self.steps = row_steps(spec.sizes)
        self.code_steps = spec.chosen or (0,) * len(spec.slides)
        self.result = 1 if spec.chosen is None else 2

    def emit(self) -> str:
        """Emit the function."""
        spec, k = self.spec, self.k
        rows, at_once = k.number(self.result + 1, 0), _rows_at_once(spec)
        stop = k.minimum(k.mul(k.end, at_once), rows)
        emit = self._plain_row if self.inner.is_plain else self._row
        with k.loop(k.mul(k.begin, at_once), stop) as row:
            emit(unravel(k, row, spec.sizes[:-1]))
        return k.finish()

    def _walk(
        self,
        outer: list[ir.Value],
        place: ir.Value,
        code: ir.Value,
        see: _See,
        depth: int = 0,
    ) -> None:
        """Call `see` for all windows of a position along the outer dimensions."""
        if depth == len(outer):
            see(place, code)
            return
        k, slide = self.k, self.spec.slides[depth]
        steps = self.spec.window_steps[depth], self.spec.tap_steps[depth]
        if slide.is_plain:
            there = k.add(place, k.mul(outer[depth], steps[0]))
            self._walk(outer, there, code, see, depth + 1)
            return
        from_first = k.add(outer[depth], slide.low)
        with k.loop(*self._windows_of(slide, from_first)) as window:
            moved = k.sub(from_first, k.mul(window, slide.stride))
            tap, rest = k.split(moved, slide.dilation)
            there = k.add(place, k.mul(window, steps[0]))
            there = k.add(there, k.mul(tap, steps[1]))
            told = k.add(code, k.mul(tap, self.code_steps[depth]))
            if slide.dilation == 1:
                self._walk(outer, there, told, see, depth + 1)
            else:
                with k.when(k.b.icmp_signed("==", rest, k.int(0))):
                    self._walk(outer, there, told, see, depth + 1)

    def _windows_of(
        self, slide: Slide, from_first: ir.Value
    ) -> tuple[ir.Value, ir.Value]:
        """The first window whose span reaches a position, and the one after the last.

        Args:
            slide: the windows.
            from_first: the distance from the first tap of window 0.
        """
        k, stride = self.k, slide.stride
        begin = k.maximum(k.sub(from_first, slide.span - 1), 0)
        begin = k.div(k.add(begin, stride - 1), stride)
        past = k.maximum(k.add(from_first, stride), 0)  # a negative one has none
        return begin, k.minimum(k.div(past, stride), slide.windows)

    def _offset(self, outer: list[ir.Value], place: ir.Value) -> ir.Value:
        for number, step in zip(outer, self.steps):
            place = self.k.add(place, self.k.mul(number, step))
        return place

    # The last dimension is one without windows: whole vectors of it

    def _plain_row(self, outer: list[ir.Value]) -> None:
        k, count = self.k, self.inner.size
        block = self.lanes * _BLOCK
        blocks, whole = count // block * block, count // self.lanes * self.lanes
        with k.loop(0, blocks, block) as at:
            self._plain_block(outer, at, _BLOCK, None)
        with k.loop(blocks, whole, self.lanes) as at:
            self._plain_block(outer, at, 1, None)
        if whole < count:
            rest = k.first_lanes(k.int(count - whole), self.lanes)
            self._plain_block(outer, k.int(whole), 1, rest)

    def _plain_block(
        self, outer: list[ir.Value], at: ir.Value, count: int, rest: ir.Value | None
    ) -> None:
        k = self.k
        places = [k.add(at, number * self.lanes) for number in range(count)]
        sums = [k.variable(self.math.number(0, self.spec.dtype)) for _ in places]

        def see(row: ir.Value, code: ir.Value) -> None:
            for total, place in zip(sums, places, strict=True):
                value = self._load(k.add(row, place), rest)
                if self.spec.chosen is not None:
                    told = k.b.trunc(code, value_type(dt.uint8))
                    mine = self._is_chosen(
                        self._taps(k.add(row, place), rest), k.splat(told, self.lanes)
                    )
                    value = self._where(mine, value)
                self._add(total, value)

        self._walk(outer, k.int(0), k.int(0), see)
        for total, place in zip(sums, places, strict=True):
            at = self._offset(outer, place)
            k.store(total.get(), k.buffer(self.result), at, self.spec.dtype, rest)

    def _load(self, place: ir.Value, mask: ir.Value | None) -> ir.Value:
        k = self.k
        return k.load(k.buffer(0), place, self.spec.dtype, self.lanes, mask)

    def _taps(self, place: ir.Value, mask: ir.Value | None) -> ir.Value:
        k = self.k
        return k.load(k.buffer(1), place, dt.uint8, self.lanes, mask)

    def _is_chosen(self, taps: ir.Value, code: ir.Value) -> ir.Value:
        return self.k.b.icmp_unsigned("==", taps, code)

    def _where(self, mask: ir.Value, value: ir.Value) -> ir.Value:
        zero = self.math.number(0, self.spec.dtype)
        return self.k.b.select(mask, value, zero)

    def _add(self, total: Variable, value: ir.Value) -> None:
        total.set(self.math.op_add(self.spec.dtype, total.get(), value))

    # The last dimension has windows: a vector begins where a window does, so that
    # which window and tap a lane belongs to is known when the code is made

    def _row(self, outer: list[ir.Value]) -> None:
        k, slide = self.k, self.inner
        step = self.lanes // slide.stride * slide.stride
        begin = -(slide.low % slide.stride)
        with k.loop(begin, slide.size, step) as at:
            total = k.variable(self.math.number(0, self.spec.dtype))
            window = k.b.sdiv(k.add(at, slide.low), k.int(slide.stride))
            self._walk(
                outer,
                k.int(0),
                k.int(0),
                lambda row, code: self._see_row(total, row, code, window),
            )
            inside = lanes_inside(k, at, slide.size, self.lanes)
            inside = k.b.and_(inside, _mask([n < step for n in range(self.lanes)]))
            place = self._offset(outer, at)
            k.store(total.get(), k.buffer(self.result), place, self.spec.dtype, inside)

    def _see_row(
        self, total: Variable, row: ir.Value, code: ir.Value, window: ir.Value
    ) -> None:
        """Add the windows along the last dimension, the nearest one last."""
        slide = self.inner
        for back in reversed(range(-(-slide.span // slide.stride))):
            moved = [n % slide.stride + back * slide.stride for n in range(self.lanes)]
            if not self.spec.tap_steps[-1]:
                self._see_window(total, row, code, self.k.sub(window, back), moved)
                continue
            for each in sorted(set(moved)):
                mine = [at if at == each else -1 for at in moved]
                there = self.k.add(
                    row, each // slide.dilation * self.spec.tap_steps[-1]
                )
                self._see_window(total, there, code, self.k.sub(window, back), mine)

    def _see_window(
        self,
        total: Variable,
        row: ir.Value,
        code: ir.Value,
        window: ir.Value,
        moved: list[int],
    ) -> None:
        """Add one window per lane.

        Args:
            total: the sum.
            row: where the source's row begins.
            code: the number of the tap without that of the last dimension.
            window: of lane 0.
            moved: how far behind its window's first tap each lane is; -1 for none.
        """
        k, slide = self.k, self.inner
        fits = [
            at >= 0 and at < slide.span and at % slide.dilation == 0 for at in moved
        ]
        if not any(fits):
            return
        pick = [n // slide.stride for n in range(self.lanes)]
        mask = lanes_inside(k, window, slide.windows, self.lanes)
        place = k.add(row, window)
        value = self._load(place, mask)
        value = k.shuffle(value, value, pick)
        mine = _mask(fits)
        if self.spec.chosen is not None:
            steps = [at // slide.dilation * self.code_steps[-1] for at in moved]
            told = k.splat(k.b.trunc(code, value_type(dt.uint8)), self.lanes)
            along = ir.constant(told.type, [step % 256 for step in steps])
            taps = self._taps(place, mask)
            taps = k.shuffle(taps, taps, pick)
            chosen = self._is_chosen(taps, k.b.add(told, along))
            mine = k.b.and_(mine, chosen)
        self._add(total, self._where(mine, value))


def _mask(lanes: list[bool]) -> ir.Value:
    return ir.constant(ir.VectorType(I1, len(lanes)), [int(each) for each in lanes])
