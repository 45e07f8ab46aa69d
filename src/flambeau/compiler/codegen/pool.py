"""Pools: the maximum or the sum of every window, and which tap the maximum is.

What follows elementwise is computed as the results are stored. Taps outside the image
are not visited along the outer dimensions, and masked along the last one. The order of
the taps is that of the dimensions in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf, prod

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .arithmetic import Arithmetic
from .builder import Index, KernelBuilder, Variable, value_type
from .kernel import Kernel
from .loops import unravel
from .program import Epilogue, Position, Program, Stage
from .sliding import (
    Slide,
    each,
    lanes_inside,
    load_strided,
    row_steps,
    rows_at_once,
)

__all__ = ["PoolSpec", "Windows", "pool", "pooled"]

_DTYPES = {"tap": dt.uint8, "index": dt.int64}
_PLAIN = Epilogue()
_BLOCK = 4  # vectors that share the walk over the taps, where the last slide is plain


@dataclass(frozen=True)
class PoolSpec:
    """One pool.

    Attributes:
        kind: "max" or "sum".
        slides: in memory order; input and results are dense in it.
        dtype: of the elements.
        results: what is stored: "value"; at most one of "tap" and "index" of the
            maximum: as uint8 the number of the tap in its window, as int64 the
            position in the flattened image. The first one goes to the epilogue.
    """

    kind: str
    slides: tuple[Slide, ...]
    dtype: dt.dtype
    results: tuple[str, ...]

    @property
    def code(self) -> PoolSpec:
        """The same for any size of the outermost dimension, if that is not the last."""
        first, *rest = self.slides
        return replace(self, slides=(first.of_any_size, *rest)) if rest else self

    @property
    def is_channels_last(self) -> bool:
        """Whether images come first in memory, and channels last."""
        last = len(self.slides)
        return [each.dim for each in self.slides] == [0, *range(2, last), 1]

    @property
    def windows(self) -> tuple[int, ...]:
        """The results' sizes."""
        return tuple(each.windows for each in self.slides)

    @property
    def image_steps(self) -> tuple[int, ...]:
        """What the next position along each slide adds to that in the image."""
        return self._of_dims([each.size for each in self._image])

    @property
    def tap_steps(self) -> tuple[int, ...]:
        """What the next tap along each slide adds to the number that is tracked."""
        if "tap" in self.results:
            return self._of_dims([each.kernel for each in self._image])
        pairs = zip(self.slides, self.image_steps, strict=True)
        return tuple(each.dilation * step for each, step in pairs)

    @property
    def _image(self) -> list[Slide]:
        """The spatial slides in their logical order."""
        return sorted(
            (each for each in self.slides if each.dim >= 2), key=lambda each: each.dim
        )

    def _of_dims(self, sizes: list[int]) -> tuple[int, ...]:
        found = {
            each.dim: step
            for each, step in zip(self._image, row_steps(sizes), strict=True)
        }
        return tuple(found.get(each.dim, 0) for each in self.slides)


@dataclass
class _Window:
    """What a vector of windows holds so far: the value, and the tracked number."""

    value: Variable
    code: Variable | None


def pool(
    name: str, spec: PoolSpec, target: Target, epilogue: Epilogue = _PLAIN
) -> Program:
    """Return the program of a pool: "x" to "out" and, of two results, the other one."""
    rows = prod(spec.windows[:-1])
    moved = prod(each.size for each in spec.slides) + prod(spec.windows)
    kernel = Kernel(
        name,
        _emit,
        (spec.code, target, epilogue),
        -(-rows // _rows_at_once(spec)),
        flops=prod(spec.windows) * prod(each.kernel for each in spec.slides),
        moved=moved * spec.dtype.itemsize,
    )
    buffers = ("x", "out", *spec.results[1:], "rows")
    stage = Stage(kernel, buffers, fused=True)
    return Program((stage,), numbers=(("rows", (rows,)),))


def _rows_at_once(spec: PoolSpec) -> int:
    """How many rows of windows are a chunk."""
    taps = prod(each.kernel for each in spec.slides)
    return rows_at_once(spec.windows[-1] * taps)


def pooled(kernel: Kernel) -> tuple[PoolSpec, Epilogue] | None:
    """Return what a kernel computes, if it is a pool, and its epilogue."""
    if kernel.emit is not _emit:
        return None
    spec, _, epilogue = kernel.arguments
    return spec, epilogue


def _emit(name: str, spec: PoolSpec, target: Target, epilogue: Epilogue) -> str:
    k = KernelBuilder(name, target)
    windows = Windows(k, spec, epilogue)
    rows, at_once = k.number(1 + len(spec.results), 0), _rows_at_once(spec)
    stop = k.minimum(k.mul(k.end, at_once), rows)
    with k.loop(k.mul(k.begin, at_once), stop) as row:
        windows.emit_row(unravel(k, row, spec.windows[:-1]))
    return k.finish()


class Windows:
    """The windows of a pool, row by row: all along the last dimension are a row.

    Args:
        kernel: where the instructions go; its first slots are "x", "out" and, of two
            results, the other one.
        spec: the pool.
        epilogue: what happens to the first result.
    """

    def __init__(
        self, kernel: KernelBuilder, spec: PoolSpec, epilogue: Epilogue
    ) -> None:
        self.spec, self.k = spec, kernel
        self.epilogue = epilogue
        self.lanes = kernel.target.lanes(spec.dtype.itemsize)
        self.math = Arithmetic(self.k, self.lanes)
        self.x_steps = row_steps([each.size for each in spec.slides])
        self.y_steps = row_steps(spec.windows)
        self.inner = spec.slides[-1]
        self.tracked = None if spec.results == ("value",) else self._code_dtype()

    def _code_dtype(self) -> dt.dtype:
        """Numbers as wide as the elements are compared fastest."""
        return dt.int64 if self.spec.dtype.itemsize == 8 else dt.int32

    def emit_row(self, outer: list[ir.Value]) -> None:
        """Emit a row, given its place along the other dimensions."""
        k, count = self.k, self.inner.windows
        many = self.inner.is_plain and k.target.has_many_registers
        block = self.lanes * (_BLOCK if many else 1)
        blocks, whole = count // block * block, count // self.lanes * self.lanes
        with k.loop(0, blocks, block) as at:
            self._block(outer, at, block // self.lanes, None)
        if blocks < whole:
            self._block(outer, k.int(blocks), (whole - blocks) // self.lanes, None)
        if whole < count:
            self._block(outer, k.int(whole), 1, k.int(count - whole))

    def _block(
        self, outer: list[ir.Value], at: ir.Value, count: int, valid: ir.Value | None
    ) -> None:
        """Some vectors of windows from `at` on; of one alone, some may be `valid`."""
        rest = None if valid is None else self.k.first_lanes(valid, self.lanes)
        places = [self.k.add(at, number * self.lanes) for number in range(count)]
        windows = [self._new_window() for _ in places]

        def see(row: ir.Value, code: ir.Value) -> None:
            for window, place in zip(windows, places, strict=True):
                self._see_row(window, row, code, place, rest)

        self._walk(outer, self._origin(outer), self.k.int(0), see)
        for window, place in zip(windows, places, strict=True):
            self._finish(window, outer, place, valid)

    def _new_window(self) -> _Window:
        value = self.k.variable(self._empty())
        if self.tracked is None:
            return _Window(value, None)
        none_yet = self.k.constant(-1, self.tracked, self.lanes)
        return _Window(value, self.k.variable(none_yet))

    def _empty(self) -> ir.Value:
        """What a window without taps holds."""
        kind = self.spec.dtype
        if self.spec.kind == "sum":
            return self.math.number(0, kind)
        lowest = -(1 << (8 * kind.itemsize - 1)) if kind.is_signed else 0
        return self.math.number(-inf if kind.is_floating_point else lowest, kind)

    def _origin(self, outer: list[ir.Value]) -> ir.Value:
        """Where the image's row at the first tap begins, perhaps outside."""
        k, origin = self.k, self.k.int(0)
        for window, slide, step in zip(outer, self.spec.slides, self.x_steps):
            moved = k.sub(k.mul(window, slide.stride), slide.low)
            origin = k.add(origin, k.mul(moved, step))
        return origin

    def _walk(
        self,
        outer: list[ir.Value],
        row: ir.Value,
        code: ir.Value,
        see: Callable[[ir.Value, ir.Value], None],
        depth: int = 0,
    ) -> None:
        """Call `see` for every tap along the outer dimensions that lies inside."""
        if depth == len(outer):
            see(row, code)
            return
        k, slide = self.k, self.spec.slides[depth]
        step, code_step = self.x_steps[depth], self.spec.tap_steps[depth]

        def tap(number: Index) -> None:
            there = k.add(row, k.mul(number, slide.dilation * step))
            told = k.add(code, k.mul(number, code_step))
            self._walk(outer, there, told, see, depth + 1)

        window = outer[depth]
        first, end = slide.first_tap(k, window), slide.end_tap(k, window)
        if self._is_crowded:
            first = k.int(first)  # a number that is not known makes a loop of it
        each(k, first, end, tap)

    @property
    def _is_crowded(self) -> bool:
        """Whether registers are too few for the masks of all taps.

        Values that are not tracked leave room, unless selecting takes registers: the
        instructions for that came with those that round.
        """
        target = self.k.target
        if self.inner.is_plain or target.has_many_registers:
            return False
        return self.tracked is not None or not target.rounds

    def _see_row(
        self,
        window: _Window,
        row: ir.Value,
        code: ir.Value,
        place: ir.Value,
        rest: ir.Value | None,
    ) -> None:
        """Take the taps along the last dimension into a window."""
        k, slide, kind = self.k, self.inner, self.spec.dtype
        if slide.is_plain:
            at = k.add(row, place)
            value = k.load(k.buffer(0), at, kind, self.lanes, rest, self._empty())
            self._take(window, value, code, None)
            return
        origin = k.sub(k.mul(place, slide.stride), slide.low)

        def tap(number: Index) -> None:
            first = k.add(origin, k.mul(number, slide.dilation))
            value = load_strided(k, k.buffer(0), row, first, slide, kind, self._empty())
            inside = lanes_inside(k, first, slide.size, self.lanes, slide.stride)
            told = k.add(code, k.mul(number, self.spec.tap_steps[-1]))
            self._take(window, value, told, inside)

        each(k, 0, slide.kernel, tap)

    def _take(
        self, window: _Window, value: ir.Value, code: ir.Value, mask: ir.Value | None
    ) -> None:
        """Take one tap into a window; where the mask is off, it is outside."""
        kind, held = self.spec.dtype, window.value.get()
        if self.spec.kind == "sum":
            window.value.set(self.math.op_add(kind, held, value))
        elif window.code is None or self.tracked is None:
            window.value.set(self.math.op_maximum(kind, held, value))
        else:
            known = window.code.get()
            better = self._is_better(value, held, known)
            better = better if mask is None else self.k.b.and_(better, mask)
            told = self.k.b.trunc(code, value_type(self.tracked))
            told = self.k.splat(told, self.lanes)
            window.value.set(self.k.b.select(better, value, held))
            window.code.set(self.k.b.select(better, told, known))

    def _is_better(self, value: ir.Value, held: ir.Value, known: ir.Value) -> ir.Value:
        """Of equal maxima the first counts and of NaNs the last, as in torch."""
        assert self.tracked is not None
        kind, b = self.spec.dtype, self.k.b
        none_yet = self.math.op_lt(
            self.tracked, known, self.math.number(0, self.tracked)
        )
        better = b.or_(self.math.op_gt(kind, value, held), none_yet)
        if kind.is_floating_point:
            better = b.or_(better, self.math.op_isnan(kind, value))
        return better

    def _finish(
        self,
        window: _Window,
        outer: list[ir.Value],
        place: ir.Value,
        valid: ir.Value | None,
    ) -> None:
        """Store what is wanted of a vector of windows."""
        k, at = self.k, place
        for number, step in zip(outer, self.y_steps):
            at = k.add(at, k.mul(number, step))
        results, indices, part = self.spec.results, (*outer, place), k.int(0)
        for slot, result in reversed([*enumerate(results, 1)]):
            kind = _DTYPES.get(result, self.spec.dtype)
            free = 2 + len(results)
            position = Position(indices, at, valid, part, slot, free, kind)
            ending = self.epilogue if slot == 1 else _PLAIN
            ending.store(k, self._result(result, window, outer, place), position)

    def _result(
        self, result: str, window: _Window, outer: list[ir.Value], place: ir.Value
    ) -> ir.Value:
        """What is wanted of a vector of windows by its name."""
        if result == "value":
            return window.value.get()
        if result == "tap":
            return self._code(window, dt.uint8)
        return self._position(window, outer, place)

    def _code(self, window: _Window, kind: dt.dtype) -> ir.Value:
        assert window.code is not None and self.tracked is not None
        zero = self.math.number(0, self.tracked)
        code = self.math.op_maximum(self.tracked, window.code.get(), zero)
        return self.math.cast(code, self.tracked, kind)

    def _position(
        self, window: _Window, outer: list[ir.Value], place: ir.Value
    ) -> ir.Value:
        """The position of the maximum; of a window that is all padding, near it."""
        k, start = self.k, self.k.int(0)
        steps = self.spec.image_steps
        for number, slide, step in zip([*outer, place], self.spec.slides, steps):
            moved = k.sub(k.mul(number, slide.stride), slide.low)
            start = k.add(start, k.mul(moved, step))
        along = [lane * self.inner.stride * steps[-1] for lane in range(self.lanes)]
        places = ir.constant(value_type(dt.int64, self.lanes), along)
        places = k.b.add(k.splat(start, self.lanes), places)
        places = k.b.add(places, self._code(window, dt.int64))
        last = prod(each.size for each in self.spec.slides if each.dim >= 2) - 1
        bounds = [self.math.number(bound, dt.int64) for bound in (0, last)]
        places = self.math.op_maximum(dt.int64, places, bounds[0])
        return self.math.op_minimum(dt.int64, places, bounds[1])
