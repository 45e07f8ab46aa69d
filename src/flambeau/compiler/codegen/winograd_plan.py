"""How Winograd's convolution is cut into blocks of tiles and panels of channels."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .builder import KernelBuilder
from .tile import TileShape, ceil_div, choose_tile
from .winograd_forms import BT, OUT, POINTS, Form
from .winograd_weights import Weights

__all__ = ["Blocks", "Matrix", "Plan", "Source", "Tiling", "apart", "is_far", "plan_of"]

_NEAR = (1_000_000, 56)  # bytes and tiles of a chunk beside the weights in the cache
_FAR = (1_400_000, 80)  # of a chunk without them
_FAR_BYTES = 2_500_000  # of transformed weights that no cache near a core holds
_TILE_BYTES = 200_000  # of transformed weights that are worth reading for a tile
_LEAST_TILES = 16
_GROUP = 64  # output channels whose products are transformed back together
_DEEP = 64  # input channels whose weights are transformed together


@dataclass(frozen=True)
class Source:
    """A dense channels-last operand that is read in tiles.

    Attributes:
        slot: of its buffer.
        dtype: of the elements.
        form: what is done to a tile, which is as large as the form.
        sizes: spatial.
        channels: of a pixel.
        tiles: how many an image has along each dimension.
        before: how far the first tile begins before the image; may be negative.
    """

    slot: int
    dtype: dt.dtype
    form: Form
    sizes: tuple[int, int]
    channels: int
    tiles: tuple[int, int]
    before: tuple[int, int] = (0, 0)

    def place(
        self, kernel: KernelBuilder, image: ir.Value, y: ir.Value, x: ir.Value
    ) -> ir.Value:
        """Return where a pixel lies."""
        line = kernel.add(kernel.mul(image, self.sizes[0]), y)
        pixel = kernel.add(kernel.mul(line, self.sizes[1]), x)
        return kernel.mul(pixel, self.channels)

    def patch(self, lanes: int) -> int:
        """Return how many elements `spread` needs for the pixels of a tile."""
        return self.form.size**2 * apart(self.channels, lanes)


@dataclass(frozen=True)
class Tiling:
    """A 3x3 correlation with stride 1 of dense channels-last images, in tiles.

    Attributes:
        name: tells op and shape.
        dtype: float32 or float64.
        batch: images; the code does not depend on it.
        depth: channels of the input.
        columns: channels of the output.
        sizes: of the input.
        out: sizes of the output.
        before: how far the first window begins before the input; may be negative.
        padded: whether windows see zeros around the input, or nothing: what is
            infinite or NaN makes a difference.
    """

    name: str
    dtype: dt.dtype
    batch: int
    depth: int
    columns: int
    sizes: tuple[int, int]
    out: tuple[int, int]
    before: tuple[int, int]
    padded: bool

    @property
    def tiles(self) -> tuple[int, int]:
        """How many tiles an image has."""
        return ceil_div(self.out[0], OUT), ceil_div(self.out[1], OUT)

    @property
    def each(self) -> int:
        """How many tiles an image has in all."""
        return prod(self.tiles)

    @property
    def source(self) -> Source:
        """The input, which is the first buffer."""
        tiles, before = self.tiles, self.before
        return Source(0, self.dtype, BT, self.sizes, self.depth, tiles, before)

    @property
    def flops(self) -> int:
        """What the direct convolution computes, so that reports compare them."""
        return 2 * self.batch * prod(self.out) * self.columns * self.depth * 9

    @property
    def moved(self) -> int:
        """Bytes of input, weights and output."""
        inputs = self.batch * prod(self.sizes) * self.depth
        outputs = self.batch * prod(self.out) * self.columns
        weights = POINTS**2 * self.depth * self.columns
        return (inputs + outputs + weights) * self.dtype.itemsize


@dataclass(frozen=True)
class Blocks:
    """How the tiles of all images are cut into blocks of nearly the same length.

    Their number is near a multiple of 4, for threads to share.

    Attributes:
        each: tiles of an image.
        most: tiles of a block.
        least: tiles of a block below which their number need not suit the threads.
    """

    each: int
    most: int
    least: int

    def number(self, batch: int) -> int:
        """Return the number of blocks, none of which is empty."""
        total = batch * self.each
        needed = ceil_div(total, self.most)
        wanted = min(ceil_div(needed, 4) * 4, max(needed, total // self.least))
        return ceil_div(total, max(1, ceil_div(total, max(1, wanted))))

    def cut(
        self, kernel: KernelBuilder, batch: ir.Value
    ) -> tuple[ir.Value, ir.Value, ir.Value]:
        """Compute the numbers of tiles, of tiles per block, and of blocks."""
        total = kernel.mul(batch, self.each)
        needed = self._ceil(kernel, total, kernel.int(self.most))
        even = kernel.mul(self._ceil(kernel, needed, kernel.int(4)), 4)
        allowed, _ = kernel.split(total, self.least)
        wanted = kernel.minimum(even, kernel.maximum(needed, allowed))
        each = self._ceil(kernel, total, kernel.maximum(wanted, 1))
        each = kernel.maximum(each, 1)
        return total, each, self._ceil(kernel, total, each)

    @staticmethod
    def _ceil(kernel: KernelBuilder, a: ir.Value, b: ir.Value) -> ir.Value:
        return kernel.b.udiv(kernel.sub(kernel.add(a, b), 1), b)


@dataclass(frozen=True)
class Matrix:
    """Where a number of transformed tiles lie.

    Attributes:
        tiles: how many there is room for.
        row: how far apart two tiles are.
        lanes: of a vector.
    """

    tiles: int
    row: int
    lanes: int

    @property
    def plane(self) -> int:
        """How far apart two points are; no power of two."""
        return self.tiles * self.row + self.lanes

    @property
    def size(self) -> int:
        """How many elements all points have."""
        return POINTS**2 * self.plane


def apart(size: int, lanes: int) -> int:
    """Return a number of whole vectors for `size` elements, but no power of two.

    Lines that far apart would compete for the same places of the cache.
    """
    vectors = ceil_div(size, lanes)
    return (vectors + (vectors % 16 == 0)) * lanes


@dataclass(frozen=True)
class Plan:
    """How the work is cut.

    Attributes:
        spec: the correlation.
        tile: the register tile.
        blocks: of tiles.
        together: panels of output channels whose products are there at a time.
        far: whether a chunk transforms its own weights.
        deep: input channels that are added up at a time.
    """

    spec: Tiling
    tile: TileShape
    blocks: Blocks
    together: int
    far: bool
    deep: int

    @property
    def panels(self) -> int:
        """How many panels cover the output channels."""
        return ceil_div(self.spec.columns, self.tile.columns)

    @property
    def groups(self) -> int:
        """How many groups the panels form."""
        return ceil_div(self.panels, self.together)

    @property
    def weights(self) -> Weights:
        """The transformed weights."""
        panel, rows = self.tile.columns, self.deep if self.far else self.spec.depth
        return Weights(self.spec.dtype, rows, panel, self.panels, self.together)

    @property
    def room(self) -> int:
        """For how many tiles there is room: the last register tile may be too long."""
        return self.blocks.most + ceil_div(self.tile.rows, 2)

    @property
    def tiles(self) -> Matrix:
        """Where `deep` channels of the transformed tiles of a block lie."""
        lanes = self.tile.lanes
        return Matrix(self.room, apart(self.deep, lanes), lanes)

    @property
    def block(self) -> int:
        """How many elements all channels of the transformed tiles of a block take."""
        return ceil_div(self.spec.depth, self.deep) * self.tiles.size

    @property
    def name(self) -> str:
        """Tells op and shape."""
        return self.spec.name

    @property
    def products(self) -> Matrix:
        """Where the products of a group lie."""
        return Matrix(self.room, self.together * self.tile.columns, self.tile.lanes)


def is_far(weights: int, each: int) -> bool:
    """Return whether every chunk transforms its own weights.

    Args:
        weights: their bytes, for each tap.
        each: tiles of an image.
    """
    return POINTS**2 * weights > min(_FAR_BYTES, _TILE_BYTES * each)


def plan_of(spec: Tiling, target: Target) -> Plan:
    """Return the plan of a correlation; it does not depend on the batch."""
    size = spec.dtype.itemsize
    far = is_far(spec.depth * spec.columns * size, spec.each)
    room, rows = _FAR if far else _NEAR
    tile = choose_tile(target, size, rows, spec.columns)
    panels = ceil_div(spec.columns, tile.columns)
    together = ceil_div(panels, ceil_div(panels, max(1, _GROUP // tile.columns)))
    deep = min(spec.depth, _DEEP) if far else spec.depth
    each = POINTS**2 * (deep + together * tile.columns) * size
    most = min(max(1, room // each), rows)
    most = max(1, most // tile.rows) * tile.rows
    blocks = Blocks(spec.each, most, most if far else _LEAST_TILES)
    return Plan(spec, tile, blocks, together, far, deep)
