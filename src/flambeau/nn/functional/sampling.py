"""Reading images and volumes at any places: grids of them, and affine grids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from ... import dtypes as dt
from ...graph import Node, constant
from ...ops import elementwise as ew
from ...ops.broadcast import expand, reshape
from ...ops.contract import matmul
from ...ops.index import gather
from ...ops.movement import slice_axis, swap
from ...recorder import warn
from ...tensor import Tensor
from ...tensor.handle import wrap
from .arguments import node_of

__all__ = ["affine_grid", "grid_sample"]

_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")
_CUBIC = -0.75  # the slope of the kernel of bicubic interpolation


def affine_grid(
    theta: Tensor, size: Sequence[int], align_corners: bool | None = None
) -> Tensor:
    r"""Return where each pixel of a transformed image comes from: :math:`A (x, y, 1)`.

    Coordinates go from -1 to 1 over the image.

    Args:
        theta: A of each image.
        size: the shape of the images, (N, C, H, W) or (N, C, D, H, W).
        align_corners: -1 and 1 are the centres of the outermost pixels, not their
            edges; False, and a warning, if not given.

    Shape: theta (N, 2, 3) or (N, 3, 4); result (N, H, W, 2) or (N, D, H, W, 3), whose
        last dimension begins with x.

    Raises:
        ValueError, NotImplementedError: theta or a size of another kind.

    Source: torch's page "torch.nn.functional.affine_grid"; Jaderberg et al.,
    arXiv:1506.02025.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> same = torch.tensor([[[1., 0., 0.], [0., 1., 0.]]])
        >>> F.affine_grid(same, (1, 1, 1, 2), align_corners=False)
        tensor([[[[-0.5000,  0.0000],
                  [ 0.5000,  0.0000]]]])
    """
    matrices = node_of("affine_grid", "theta", theta)
    aligned = _aligned(align_corners)
    _check_affine(matrices, tuple(size), align_corners)
    axes = [_centres(each, aligned) for each in size[2:]]
    grid = np.meshgrid(*axes, indexing="ij")[::-1]
    base = np.stack([*grid, np.ones(size[2:])], -1).reshape(-1, len(size) - 1)
    points = constant(base.astype(matrices.dtype.numpy), matrices.dtype)
    found = matmul(points, swap(matrices, 1, 2))
    return wrap(reshape(found, (size[0], *size[2:], len(size) - 2)))


def _centres(count: int, aligned: bool) -> np.ndarray:
    """The coordinates of pixels."""
    if aligned:
        return np.linspace(-1, 1, count) if count > 1 else np.zeros(1)
    return (2 * np.arange(count) + 1) / count - 1


def _aligned(align_corners: bool | None) -> bool:
    if align_corners is not None:
        return align_corners
    warn(
        "Default grid_sample and affine_grid behavior has changed to "
        "align_corners=False since 1.3.0. Please specify align_corners=True if the old "
        "behavior is desired. See the documentation of grid_sample for details.",
        stacklevel=3,
    )
    return False


def _check_affine(
    theta: Node, size: tuple[int, ...], align_corners: bool | None
) -> None:
    if not theta.dtype.is_floating_point:
        raise ValueError(
            f"Expected theta to have floating point type, but got torch."
            f"{theta.dtype.name}"
        )
    dims = len(size) - 2
    if dims not in (2, 3):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine "
            f"transforms, respectively. Got size {size}."
        )
    if theta.shape[1:] != (dims, dims + 1):
        raise ValueError(
            f"Expected a batch of {dims}D affine matrices of shape Nx{dims}x{dims + 1} "
            f"for size {size}. Got torch.Size({list(theta.shape)})."
        )
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    if theta.shape[0] != size[0]:
        raise RuntimeError(
            f"affine_grid: {theta.shape[0]} matrices for a batch of {size[0]} images "
            f"of size {size}"
        )
    if align_corners and min(size[2:]) == 1:
        warn(
            "Since version 1.3.0, affine_grid behavior has changed for unit-size grids "
            "when align_corners=True. This is not an intended use case of affine_grid. "
            "See the documentation of affine_grid for details.",
            stacklevel=3,
        )


# Reading


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Return an image read at the places of a grid, between its pixels if need be.

    Args:
        input: the images or volumes.
        grid: the places: x, y and z from -1 to 1, the centre of the image at 0.
        mode: "bilinear" (of volumes it is trilinear), "nearest", or of images
            "bicubic".
        padding_mode: what is read outside: "zeros", the pixels of the "border", or its
            "reflection".
        align_corners: -1 and 1 are the centres of the outermost pixels, not their
            edges; False, and a warning, if not given.

    Shape: input (N, C, H, W) and grid (N, P, Q, 2), result (N, C, P, Q); or input
        (N, C, D, H, W) and grid (N, P, Q, R, 3), result (N, C, P, Q, R).

    Raises:
        ValueError: another mode.
        RuntimeError: sizes or dtypes that do not fit each other.

    Source: torch's page "torch.nn.functional.grid_sample"; Jaderberg et al.,
    arXiv:1506.02025.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> x = torch.tensor([[[[1., 2.], [3., 4.]]]])
        >>> F.grid_sample(x, torch.zeros(1, 1, 1, 2), align_corners=False)
        tensor([[[[2.5000]]]])
    """
    if mode not in _MODES:
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or "
            f"'bicubic', but got: '{mode}'"
        )
    if padding_mode not in _PADDINGS:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', "
            f"'border', or 'reflection', but got: '{padding_mode}'"
        )
    aligned = _aligned(align_corners)
    x = node_of("grid_sample", "input", input)
    places = node_of("grid_sample", "grid", grid)
    _check_grid(x, places, mode)
    kind = x.dtype
    if kind.itemsize == 2:  # too coarse for positions
        x, places = ew.cast(x, dt.float32), ew.cast(places, dt.float32)
    lines = [_Line(size, padding_mode, aligned) for size in x.shape[2:]]
    coordinates = [_coordinate(places, at) for at in reversed(range(len(lines)))]
    read = {"bilinear": _linear, "nearest": _nearest, "bicubic": _cubic}[mode]
    taps = [[*read(*pair)] for pair in zip(lines, coordinates, strict=True)]
    return wrap(ew.cast(_weighted(x, taps, places.shape[1:-1]), kind))


def _coordinate(grid: Node, at: int) -> Node:
    """One coordinate of all places, as (N, places)."""
    one = slice_axis(grid, grid.ndim - 1, at, 1)
    return reshape(one, (grid.shape[0], prod(grid.shape[1:-1])))


@dataclass(frozen=True)
class _Line:
    """The pixels along one dimension.

    Attributes:
        size: how many there are.
        padding: what is outside.
        aligned: whether -1 and 1 are the centres of the outermost.
    """

    size: int
    padding: str
    aligned: bool

    def position(self, x: Node) -> Node:
        """Where a coordinate lies, in pixels."""
        if self.aligned:
            half = ew.const_like((self.size - 1) / 2, x)
            return ew.mul(ew.add(x, ew.const_like(1, x)), half)
        scaled = ew.mul(ew.add(x, ew.const_like(1, x)), ew.const_like(self.size, x))
        less = ew.sub(scaled, ew.const_like(1, x))
        return ew.mul(less, ew.const_like(0.5, x))

    def inside(self, x: Node) -> Node:
        """Where a position is read instead, which does not move along the border."""
        if self.padding == "reflection":
            x = self._reflected(x)
        if self.padding == "zeros":
            return x
        low, high = ew.const_like(0, x), ew.const_like(self.size - 1, x)
        below = ew.logical_not(ew.greater(x, low))  # and what is no number
        return ew.where(below, low, ew.where(ew.greater_equal(x, high), high, x))

    def _reflected(self, x: Node) -> Node:
        """Mirror at the outermost centres, or edges."""
        start, span = (0.0, self.size - 1) if self.aligned else (-0.5, self.size)
        if not span:
            return ew.mul(x, ew.const_like(0, x))
        away = ew.sub(x, ew.const_like(start, x))
        zero, width = ew.const_like(0, x), ew.const_like(span, x)
        away = ew.where(ew.less(away, zero), ew.neg(away), away)
        rest = ew.fmod(away, width)
        turns = ew.floor(ew.div(away, width))
        odd = ew.equal(ew.fmod(turns, ew.const_like(2, x)), ew.const_like(1, x))
        found = ew.where(odd, ew.sub(width, rest), rest)
        return ew.add(found, ew.const_like(start, x))

    def tap(self, x: Node, weight: Node) -> _Tap:
        """Return a whole position to be read, with its weight."""
        last = ew.const_like(self.size - 1, x)
        there = ew.logical_and(
            ew.greater_equal(x, ew.const_like(0, x)), ew.less_equal(x, last)
        )
        zero = ew.const_like(0, x)
        index = ew.cast(ew.where(there, x, zero), dt.int64)
        return index, ew.where(there, weight, zero)


_Tap = tuple[Node, Node]  # whole positions, and weights


def _linear(line: _Line, x: Node) -> Iterator[_Tap]:
    """The two nearest pixels."""
    x = line.inside(line.position(x))
    low = ew.floor(x)
    high = ew.add(low, ew.const_like(1, x))
    yield line.tap(low, ew.sub(high, x))
    yield line.tap(high, ew.sub(x, low))


def _nearest(line: _Line, x: Node) -> Iterator[_Tap]:
    x = ew.round_half_even(line.inside(line.position(x)))
    yield line.tap(x, ew.add(ew.mul(x, ew.const_like(0, x)), ew.const_like(1, x)))


def _cubic(line: _Line, x: Node) -> Iterator[_Tap]:
    """The four nearest pixels, with the weights of Keys' kernel."""
    x = line.position(x)
    low = ew.floor(x)
    t = ew.sub(x, low)
    for shift in (-1, 0, 1, 2):
        distance = ew.sub(t, ew.const_like(shift, t))
        distance = ew.neg(distance) if shift > 0 else distance
        place = line.inside(ew.add(low, ew.const_like(shift, low)))
        yield line.tap(place, _keys(distance, near=shift in (0, 1)))


def _keys(d: Node, near: bool) -> Node:
    """Keys' cubic kernel at a distance below 1, or from 1 to 2."""
    a = _CUBIC
    powers = (a + 2, -(a + 3), 0, 1) if near else (a, -5 * a, 8 * a, -4 * a)
    found = ew.const_like(powers[0], d)
    for each in powers[1:]:
        found = ew.add(ew.mul(found, d), ew.const_like(each, d))
    return found


def _weighted(x: Node, taps: Sequence[Sequence[_Tap]], places: tuple[int, ...]) -> Node:
    """Add up what is read at all combinations of taps."""
    batch, channels, *sizes = x.shape
    flat = reshape(x, (batch, channels, prod(sizes)))
    shape = (batch, channels, prod(places))
    total: Node | None = None
    for chosen in product(*taps):
        index, weight = chosen[0]
        for size, (other, factor) in zip(sizes[1:], chosen[1:], strict=True):
            index = ew.add(ew.mul(index, ew.const_like(size, index)), other)
            weight = ew.mul(weight, factor)
        wide = (batch, 1, shape[2])
        at = expand(reshape(index, wide), shape)
        read = ew.mul(gather(flat, at, axis=2), reshape(weight, wide))
        total = read if total is None else ew.add(total, read)
    assert total is not None
    return reshape(total, (batch, channels, *places))


def _check_grid(x: Node, grid: Node, mode: str) -> None:
    sizes = f"input with sizes {list(x.shape)} and grid with sizes {list(grid.shape)}"
    if x.dtype is not grid.dtype:
        raise RuntimeError(
            f"grid_sampler(): expected scalar type {dt.scalar_name(x.dtype)} but found "
            f"{dt.scalar_name(grid.dtype)}: input and grid must have the same dtype"
        )
    if x.ndim not in (4, 5) or x.ndim != grid.ndim:
        dims = 5 if x.ndim not in (4, 5) else x.ndim
        raise RuntimeError(
            f"grid_sampler(): expected {dims}D input and grid with same number of "
            f"dimensions, but got {sizes}"
        )
    if x.shape[0] != grid.shape[0]:
        raise RuntimeError(
            "grid_sampler(): expected grid and input to have same batch size, but got "
            f"{sizes}"
        )
    if grid.shape[-1] != x.ndim - 2:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {x.ndim - 2} in last "
            f"dimension, but got grid with sizes {list(grid.shape)}"
        )
    for at, size in enumerate(x.shape[2:], 2):
        if not size:
            raise RuntimeError(
                "grid_sampler(): expected input to have non-empty spatial dimensions, "
                f"but input has sizes {list(x.shape)} with dimension {at} being empty"
            )
    if mode == "bicubic" and x.ndim != 4:
        raise RuntimeError(
            "grid_sampler(): bicubic interpolation only supports 4D input"
        )
