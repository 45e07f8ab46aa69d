"""Taking windows out of an image: (N, C, *sizes) to (N, C, *kernel, *windows)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .builder import KernelBuilder
from .kernel import Kernel
from .loops import ANY, unravel, vectors
from .sliding import Slide, load_strided, row_steps, rows_at_once

__all__ = ["UnfoldSpec", "unfold_kernel"]


@dataclass(frozen=True)
class UnfoldSpec:
    """Which windows are taken out; image and result are dense and row-major.

    Attributes:
        images: N times C.
        slides: of the spatial dimensions.
        dtype: of the elements.
    """

    images: int
    slides: tuple[Slide, ...]
    dtype: dt.dtype

    @property
    def code(self) -> UnfoldSpec:
        """The same for any number of images."""
        return replace(self, images=ANY)

    @property
    def row_sizes(self) -> tuple[int, ...]:
        """How many rows there are: images, taps, outer windows."""
        taps = (each.kernel for each in self.slides)
        return (self.images, *taps, *(each.windows for each in self.slides[:-1]))


def unfold_kernel(name: str, spec: UnfoldSpec, target: Target) -> Kernel:
    """Return the kernel that copies every window to its place.

    Its bound is the number of rows.
    """
    rows, windows = prod(spec.row_sizes), spec.slides[-1].windows
    moved = spec.images * prod(each.size for each in spec.slides) + rows * windows
    chunks = -(-rows // rows_at_once(windows))
    moved *= spec.dtype.itemsize
    code = (spec.code, target)
    return Kernel(name, _emit, code, chunks, moved=moved, bounds=(rows,))


def _emit(name: str, spec: UnfoldSpec, target: Target) -> str:
    return _Unfold(name, spec, target).emit()


class _Unfold:
    """Emits the kernel; a row is one tap of all windows along the last dimension."""

    def __init__(self, name: str, spec: UnfoldSpec, target: Target) -> None:
        self.spec, self.k = spec, KernelBuilder(name, target)
        self.lanes = target.lanes(spec.dtype.itemsize)
        self.inner = spec.slides[-1]

    def emit(self) -> str:
        """Emit the function."""
        spec, k = self.spec, self.k
        sizes, taps = spec.row_sizes, len(spec.slides)
        at_once = rows_at_once(self.inner.windows)
        stop = k.minimum(k.mul(k.end, at_once), k.number(2, 0))
        with k.loop(k.mul(k.begin, at_once), stop) as row:
            image, *rest = unravel(k, row, sizes)
            self._row(row, image, rest[:taps], rest[taps:])
        return k.finish()

    def _row(
        self,
        row: ir.Value,
        image: ir.Value,
        taps: list[ir.Value],
        windows: list[ir.Value],
    ) -> None:
        k, slides = self.k, self.spec.slides
        steps = row_steps([each.size for each in slides])
        place = k.mul(image, prod(each.size for each in slides))
        inside = k.b.icmp_signed("==", k.int(0), k.int(0))
        for slide, tap, window, step in zip(slides, taps, windows, steps):
            at = self._position(slide, tap, k.mul(window, slide.stride))
            here = k.b.icmp_unsigned("<", at, k.int(slide.size))
            inside = k.b.and_(inside, here)
            place = k.add(place, k.mul(at, step))
        along = self._position(self.inner, taps[-1], k.int(0))
        result = k.mul(row, self.inner.windows)
        with k.b.if_else(inside) as (there, outside):
            with there:
                self._copy(place, along, result)
            with outside:
                self._copy(None, along, result)

    def _position(self, slide: Slide, tap: ir.Value, moved: ir.Value) -> ir.Value:
        k = self.k
        return k.add(k.sub(moved, slide.low), k.mul(tap, slide.dilation))

    def _copy(self, place: ir.Value | None, along: ir.Value, result: ir.Value) -> None:
        """Store a row: what lies from `place` on, or zeros."""
        k, kind = self.k, self.spec.dtype
        absent = k.constant(0, kind, self.lanes)

        def some(at: ir.Value, valid: ir.Value | None) -> None:
            value = absent
            if place is not None:
                first = k.add(along, k.mul(at, self.inner.stride))
                value = load_strided(
                    k, k.buffer(0), place, first, self.inner, kind, absent
                )
            mask = None if valid is None else k.first_lanes(valid, self.lanes)
            k.store(value, k.buffer(1), k.add(result, at), kind, mask)

        vectors(k, k.int(0), k.int(self.inner.windows), self.lanes, some)
