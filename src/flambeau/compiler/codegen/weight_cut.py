"""How the work of a weight gradient is cut into chunks and blocks.

A chunk has some panels of output channels, a band of input channels and a part of the
pixels, which it goes through in blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod

from ...runtime.target import Target
from .axis import Axis
from .convolution import ConvolutionSpec, merged_axes
from .folding import Parts
from .tile import TileShape, ceil_div, choose_lanewise_tile, choose_tile
from .transposing import turned_size

__all__ = ["Cut", "cut"]

_CHUNKS = 16  # enough for the threads that one gradient should employ
_PANEL_BYTES = 28_672  # of the gradient in a block, which stay in the nearest cache
_FAR_BYTES = 262_144  # of an image; one of fewer stays near while it is used
_SUM_BYTES = 786_432  # of a chunk's sums, which every block goes through
_NARROW = 8  # input channels, below which the taps of a line share a tile
_TYPICAL = 8  # images for which the work is cut; the code does not depend on them
_KEPT = 2  # registers for the masks of what is copied
_THREADS = (2, 4, 8, 16)  # that should find equally much to do, in the mean
_STEPS = 4  # multiplications that take as long as moving a byte
_WAITING = 3  # bytes that could be moved in the time in which one is copied


@dataclass(frozen=True)
class Cut:
    """How the work is cut.

    The tile's rows are input channels of one tap, or, if `narrow`, all channels of all
    taps of a line of the window, which are neighbours in memory. A unit is `across`
    pixels of a row; `units` of them are a block.

    Attributes:
        spec: the convolution.
        axes: its spatial dimensions, merged where possible.
        strides: of the input, likewise.
        tile: the register tile.
        narrow: whether taps share a tile.
        across: pixels of a unit.
        units: of a block, at the most.
        together: panels of a chunk.
        band: input channels of a chunk.
        parts: of the pixels.
    """

    spec: ConvolutionSpec
    axes: tuple[Axis, ...]
    strides: tuple[int, ...]
    tile: TileShape
    narrow: bool
    across: int
    units: int
    together: int
    band: int
    parts: Parts

    @property
    def depth(self) -> int:
        """Input channels per group."""
        return self.spec.inputs // self.spec.groups

    @property
    def groups(self) -> int:
        """Groups that have panels of their own."""
        return 1 if self.spec.depthwise else self.spec.groups

    @property
    def columns(self) -> int:
        """Output channels per such group."""
        return self.spec.outputs // self.groups

    @property
    def rows(self) -> int:
        """Rows that the tiles of a line or of a tap have in a chunk."""
        return self.depth * self.axes[-1].taps if self.narrow else self.band

    @property
    def row_step(self) -> int:
        """How far apart the tile's rows lie in the input."""
        if self.spec.depthwise:
            return self.axes[-1].dilation * self.strides[-2]
        return self.strides[-1]

    @property
    def panels(self) -> int:
        """How many panels all groups have."""
        return self.groups * ceil_div(self.columns, self.tile.columns)

    @property
    def stacks(self) -> int:
        """How many groups of panels there are."""
        return ceil_div(self.panels, self.together)

    @property
    def bands(self) -> int:
        """How many bands the input channels have."""
        return ceil_div(self.depth, self.band)

    @property
    def panel_size(self) -> int:
        """How many sums a chunk has for a panel."""
        return self.spec.taps * self.band * self.tile.columns

    @property
    def copy_size(self) -> int:
        """How many elements a block has of a panel of the gradient, rounded up."""
        pixels = self.units * self.across if self.copied else 0
        return pixels * self.tile.columns

    @property
    def sum_place(self) -> int:
        """Where the sums begin in the workspace, after what lies there for a moment."""
        return max(self.copy_size, turned_size(self.tile.lanes))

    @property
    def sum_size(self) -> int:
        """How many sums a chunk keeps to itself."""
        return self.together * self.panel_size if self.whole else 0

    @property
    def segments(self) -> int:
        """How many units a row has."""
        return ceil_div(self.axes[-1].out, self.across)

    @property
    def lines(self) -> int:
        """How many rows an image has."""
        return prod(axis.out for axis in self.axes[:-1])

    @property
    def flat(self) -> bool:
        """Whether the units of all images are one row of pixels."""
        return _flat(self.axes, self.strides)

    @property
    def copied(self) -> bool:
        """Whether the gradient of a block is copied: not if it is read only once."""
        return not self.spec.depthwise

    @property
    def is_far(self) -> bool:
        """Whether what a block reads of an image comes from a far cache."""
        size = prod(self.spec.sizes) * self.spec.inputs * self.spec.dtype.itemsize
        return size >= _FAR_BYTES

    @property
    def whole(self) -> bool:
        """Whether a chunk's sums are final."""
        return self.parts.most == 1


def cut(spec: ConvolutionSpec, target: Target) -> Cut:
    """Return how the work is cut."""
    axes, strides = merged_axes(spec.axes(), spec.x_strides)
    groups = 1 if spec.depthwise else spec.groups
    depth, columns = spec.inputs // spec.groups, spec.outputs // groups
    axis, size = axes[-1], spec.dtype.itemsize
    joined = axis.dilation * strides[-2] == depth * strides[-1]
    narrow = spec.depthwise or (joined and depth < _NARROW and axis.taps > 1)
    rows = depth * axis.taps if narrow else depth
    if spec.depthwise:
        tile = choose_lanewise_tile(target, size, rows, columns)
    else:
        kept = 0 if target.has_masks else _KEPT
        tile = choose_tile(target, size, rows, columns, spec.taps, kept=kept)
    most = max(16, _PANEL_BYTES // (tile.columns * size))
    segments = 1 if narrow else ceil_div(axis.out, most)
    across = ceil_div(axis.out, segments)
    if _flat(axes, strides):
        across = 1
    units = max(1, most // across)
    plain = Cut(spec, axes, strides, tile, narrow, across, units, 1, depth, Parts(1, 1))
    return min(_ways(plain), key=_time)


def _flat(axes: tuple[Axis, ...], strides: tuple[int, ...]) -> bool:
    """Whether the pixels of all images are one row, of which every pixel counts."""
    size = axes[-1].size
    row = (Axis(size, size, 1, 1, 1, 0, (0, 1), size),)
    return axes == row and strides[0] == size * strides[1]


def _ways(plain: Cut) -> Iterator[Cut]:
    """The ways to share the work among chunks."""
    steps = 1 if plain.narrow else ceil_div(plain.depth, plain.tile.rows)
    pixels, most, seen = prod(plain.spec.out_sizes), 2 * _CHUNKS, set()
    for stacks in range(1, min(plain.panels, most) + 1):
        for bands in range(1, min(steps, most // stacks) + 1):
            together, tiles = ceil_div(plain.panels, stacks), ceil_div(steps, bands)
            if (together, tiles) in seen:
                continue
            seen.add((together, tiles))
            band = min(plain.depth, tiles * plain.tile.rows)
            if plain.narrow:
                band = plain.depth
            parts = Parts(ceil_div(_CHUNKS, stacks * bands), pixels)
            parts = Parts(parts.number(_TYPICAL), pixels)
            yield replace(plain, together=together, band=band, parts=parts)


def _time(way: Cut) -> float:
    """What a way costs: bytes that are moved, and multiplications counted as such."""
    spec, parts = way.spec, way.parts.number(_TYPICAL)
    outputs = _TYPICAL * prod(spec.out_sizes) * spec.outputs
    inputs = _TYPICAL * prod(spec.sizes) * spec.inputs
    sums = way.panels * way.bands * way.panel_size
    copied = outputs * way.bands * _WAITING  # nothing is multiplied meanwhile
    moved = inputs * ceil_div(way.stacks, way.groups) + copied
    moved += sums if way.whole else 2 * parts * sums
    if way.together * way.panel_size * spec.dtype.itemsize > _SUM_BYTES:
        block = way.units * way.across * spec.outputs
        moved += 2 * sums * outputs // block
    chunks = parts * way.stacks * way.bands
    tiles = ceil_div(way.depth, way.tile.rows)
    mean = way.panels * tiles / (way.stacks * way.bands)
    largest = way.together * ceil_div(way.band, way.tile.rows)
    turns = [
        ((ceil_div(chunks, threads) - 1) * mean + largest) * threads
        for threads in _THREADS
    ]
    steps = outputs * spec.taps * tiles * way.tile.rows
    uneven = sum(turns) / (len(turns) * chunks * mean)
    return moved * spec.dtype.itemsize + steps * uneven / _STEPS
