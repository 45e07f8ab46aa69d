"""Convolutions, pools and windows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import flambeau as fl

from ...nn import functional as F
from ...tensor import Tensor
from .call import Call, operator

__all__: list[str] = []

Pairs = list[tuple[int, int]]

_CONVS: dict[int, Callable[..., Tensor]] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED: dict[int, Callable[..., Tensor]] = {
    1: F.conv_transpose1d,
    2: F.conv_transpose2d,
    3: F.conv_transpose3d,
}


def _pairs(
    call: Call, sizes: Sequence[int], kernel: Sequence[int], stride: Sequence[int]
) -> Pairs:
    """The padding (before, behind) per dimension, from `pads` or `auto_pad`."""
    dims = len(kernel)
    auto = call.get("auto_pad", "NOTSET")
    if auto == "NOTSET":
        pads = call.get("pads", [0] * (2 * dims))
        return list(zip(pads[:dims], pads[dims:], strict=True))
    if auto == "VALID":
        return [(0, 0)] * dims
    pairs = []
    dilation = call.get("dilations", [1] * dims)
    for size, k, s, d in zip(sizes, kernel, stride, dilation):
        count = -(-size // s)
        total = max((count - 1) * s + (k - 1) * d + 1 - size, 0)
        less = total // 2
        pairs.append(
            (less, total - less) if auto == "SAME_UPPER" else (total - less, less)
        )
    return pairs


def _padded(x: Tensor, pairs: Pairs, value: float = 0.0) -> Tensor:
    if not any(map(any, pairs)):
        return x
    return F.pad(x, [each for pair in reversed(pairs) for each in pair], value=value)


@operator("Conv")
def conv(call: Call) -> Tensor:
    """Convolve in one to three dimensions."""
    x, w, bias = call[0], call[1], call.optional(2)
    kernel = tuple(w.shape[2:])
    dims = len(kernel)
    stride = call.get("strides", [1] * dims)
    pairs = _pairs(call, x.shape[2:], kernel, stride)
    even = all(low == high for low, high in pairs)
    return _CONVS[dims](
        x if even else _padded(x, pairs),
        w,
        bias,
        stride=tuple(stride),
        padding=tuple(low for low, _ in pairs) if even else 0,
        dilation=tuple(call.get("dilations", [1] * dims)),
        groups=call.get("group", 1),
    )


@operator("ConvTranspose")
def conv_transpose(call: Call) -> Tensor:
    """Convolve transposed: whole, then cut to the size that the padding gives."""
    x, w, bias = call[0], call[1], call.optional(2)
    dims = w.ndim - 2
    stride = call.get("strides", [1] * dims)
    dilation = call.get("dilations", [1] * dims)
    extra = call.get("output_padding", [0] * dims)
    sizes = zip(x.shape[2:], w.shape[2:], stride, dilation, extra)
    whole = [(n - 1) * s + d * (k - 1) + 1 + more for n, k, s, d, more in sizes]
    pairs = _transposed_pairs(call, x, stride, whole)
    full = _TRANSPOSED[dims](
        x,
        w,
        bias,
        stride=tuple(stride),
        groups=call.get("group", 1),
        dilation=tuple(dilation),
    )
    # output padding adds places behind that only the bias reaches
    behind = [size - had for size, had in zip(whole, full.shape[2:], strict=True)]
    if not any(behind):
        return _padded(full, [(-low, -high) for low, high in pairs])
    cuts = [
        (-low, more - high) for (low, high), more in zip(pairs, behind, strict=True)
    ]
    if all(high <= 0 for _, high in cuts):
        return _padded(full, cuts)
    if bias is None:
        return _padded(full, cuts)
    wide = bias.reshape(-1, *(1,) * dims)
    return _padded(full - wide, cuts) + wide


def _transposed_pairs(
    call: Call, x: Tensor, stride: Sequence[int], whole: Sequence[int]
) -> Pairs:
    dims = len(whole)
    wanted = call.get("output_shape")
    auto = call.get("auto_pad", "NOTSET")
    if wanted is None and auto in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [size * s for size, s in zip(x.shape[2:], stride, strict=True)]
    if wanted is None:
        pads = call.get("pads", [0] * (2 * dims))
        return list(zip(pads[:dims], pads[dims:], strict=True))
    pairs = []
    for size, total in zip(wanted[-dims:], whole, strict=True):
        cut = total - size
        if cut < 0:  # places that nothing reaches stand behind
            pairs.append((0, cut))
            continue
        less = cut // 2
        pairs.append((less, cut - less) if auto == "SAME_UPPER" else (cut - less, less))
    return pairs


@operator("DeformConv")
def deform_conv(call: Call) -> Tensor:
    """Convolve in two dimensions where each window's places are moved by offsets."""
    x, w, offset, bias = call[0], call[1], call[2], call.optional(3)
    if x.ndim != 4:
        raise NotImplementedError("onnx: DeformConv is there for images only")
    (n, channels, *sizes), (rows, columns) = x.shape, offset.shape[2:]
    kernel = tuple(w.shape[2:])
    sets, points = call.get("offset_group", 1), math.prod(kernel)
    moved = offset.reshape(n * sets, points, 2, rows, columns)
    stride, dilation = call.get("strides", [1, 1]), call.get("dilations", [1, 1])
    pads = call.get("pads", [0] * 4)
    aligned = min(sizes) > 1
    grid = []
    for at, (size, count) in enumerate(zip(sizes, (rows, columns), strict=True)):
        inner = fl.arange(kernel[at]) * dilation[at] - pads[at]
        inner = inner.reshape(-1, 1) if at == 0 else inner.reshape(1, -1)
        inner = inner.expand(kernel).reshape(1, points, 1, 1)
        outer = fl.arange(count) * stride[at]
        outer = outer.reshape(-1, 1) if at == 0 else outer.reshape(1, -1)
        place = inner + outer + moved[:, :, at]
        grid.append(
            place / (size - 1) * 2 - 1 if aligned else (2 * place + 1) / size - 1
        )
    where = fl.stack(grid[::-1], -1).flatten(1, 2)
    images = x.reshape(n * sets, channels // sets, *sizes)
    found = F.grid_sample(images, where, align_corners=aligned)
    found = found.reshape(n * sets, channels // sets, points, rows, columns)
    if call.has(4):
        found = found * call[4].reshape(n * sets, 1, points, rows, columns)
    groups = call.get("group", 1)
    found = found.reshape(n, groups, -1, rows * columns)
    made = w.reshape(groups, len(w) // groups, -1) @ found
    made = made.reshape(n, len(w), rows, columns)
    return made if bias is None else made + bias.reshape(-1, 1, 1)


# Pools: windows that reach over the end are padded there first


def _window(call: Call, x: Tensor) -> tuple[list[int], list[int], list[int], Pairs]:
    """Kernel, stride, dilation, and padding with what rounding up adds behind."""
    kernel = list(call.get("kernel_shape"))
    dims = len(kernel)
    stride = list(call.get("strides", [1] * dims))
    dilation = list(call.get("dilations", [1] * dims))
    pairs = _pairs(call, x.shape[2:], kernel, stride)
    if call.get("ceil_mode", 0):
        sizes = zip(x.shape[2:], kernel, stride, dilation, pairs)
        pairs = [(p[0], p[1] + _more(n, k, s, d, p)) for n, k, s, d, p in sizes]
    return kernel, stride, dilation, pairs


def _more(size: int, k: int, s: int, d: int, pair: tuple[int, int]) -> int:
    """How far the last window reaches over the end, if it begins inside."""
    low, high = pair
    room = size + low + high - d * (k - 1) - 1
    last = -(-room // s) * s
    if last >= size + low:
        last -= s
    return max(last - room, 0)


def _taken(x: Tensor, kernel: Any, stride: Any, dilation: Any) -> Tensor:
    """The windows of each channel: (N, C, *windows, elements of a window)."""
    for axis, (k, s, d) in enumerate(zip(kernel, stride, dilation, strict=True), 2):
        x = x.unfold(axis, d * (k - 1) + 1, s)[..., ::d]
    return x.flatten(2 + len(kernel))


_MAX_POOLS: dict[int, Callable[..., Any]] = {
    1: F.max_pool1d,
    2: F.max_pool2d,
    3: F.max_pool3d,
}


@operator("MaxPool")
def max_pool(call: Call) -> Any:
    """Return the greatest element of each window, and its position if it is used."""
    x = call[0]
    kernel, stride, dilation, pairs = _window(call, x)
    whole = _padded(_as_float(x), pairs, -float("inf"))
    pool = _MAX_POOLS[len(kernel)]
    options = {"stride": tuple(stride), "dilation": tuple(dilation)}
    if call.outputs == 1:
        return pool(whole, tuple(kernel), **options).to(x.dtype)
    found, index = pool(whole, tuple(kernel), return_indices=True, **options)
    places = _positions(call, x, index, whole.shape[2:], [low for low, _ in pairs])
    return found.to(x.dtype), places


def _as_float(x: Tensor) -> Tensor:
    """Padding below everything needs an infinity."""
    return x if x.dtype.is_floating_point else x.to(fl.float64)


def _positions(
    call: Call, x: Tensor, index: Tensor, padded: Sequence[int], low: Sequence[int]
) -> Tensor:
    """Positions in the whole input, counted along rows or (storage_order) columns."""
    sizes = x.shape[2:]
    along = []
    for size in reversed(padded):
        along.append(index % size)
        index = index // size
    places = [each - first for each, first in zip(reversed(along), low, strict=True)]
    if call.get("storage_order", 0):
        sizes, places = sizes[::-1], places[::-1]
    flat = places[0]
    for each, size in zip(places[1:], sizes[1:], strict=True):
        flat = flat * size + each
    planes = fl.arange(x.shape[0] * x.shape[1]).reshape(x.shape[0], -1)
    return flat + planes.reshape(*x.shape[:2], *(1,) * len(sizes)) * math.prod(sizes)


@operator("AveragePool")
def average_pool(call: Call) -> Tensor:
    """Return the mean of each window, with or without the padding."""
    x = call[0]
    kernel, stride, dilation, pairs = _window(call, x)
    total = _taken(_padded(x, pairs), kernel, stride, dilation).sum(-1)
    counted = fl.ones((1, 1, *x.shape[2:]), dtype=x.dtype)
    if call.get("count_include_pad", 0):
        # the padding that is asked for counts, what rounding up adds does not
        asked = _pairs(call, x.shape[2:], kernel, stride)
        counted = _padded(counted, asked, 1.0)
        pairs = [(0, all_[1] - own[1]) for all_, own in zip(pairs, asked, strict=True)]
    return total / _taken(_padded(counted, pairs), kernel, stride, dilation).sum(-1)


@operator("LpPool")
def lp_pool(call: Call) -> Tensor:
    """Return the p-norm of each window."""
    x, p = call[0], call.get("p", 2)
    kernel, stride, dilation, pairs = _window(call, x)
    powers = _padded(x.abs() ** p, pairs)
    return _taken(powers, kernel, stride, dilation).sum(-1) ** (1 / p)


def _places(x: Tensor) -> tuple[int, ...]:
    return tuple(range(2, x.ndim))


@operator("GlobalAveragePool")
def global_average_pool(call: Call) -> Tensor:
    """Return the mean of each channel."""
    return call[0].mean(_places(call[0]), keepdim=True)


@operator("GlobalMaxPool")
def global_max_pool(call: Call) -> Tensor:
    """Return the greatest element of each channel."""
    return call[0].amax(_places(call[0]), keepdim=True)


@operator("GlobalLpPool")
def global_lp_pool(call: Call) -> Tensor:
    """Return the p-norm of each channel."""
    x, p = call[0], call.get("p", 2)
    return (x.abs() ** p).sum(_places(x), keepdim=True) ** (1 / p)


@operator("MaxUnpool")
def max_unpool(call: Call) -> Tensor:
    """Put elements back to their positions in the whole input, zeros elsewhere."""
    x, places = call[0], call[1].long()
    kernel = call.get("kernel_shape")
    stride = call.get("strides", [1] * len(kernel))
    pads = call.get("pads", [0] * (2 * len(kernel)))
    natural = [
        (size - 1) * s + k - low - high
        for size, s, k, low, high in zip(
            x.shape[2:], stride, kernel, pads[: len(kernel)], pads[len(kernel) :]
        )
    ]
    sizes = call.numbers(2) if call.has(2) else [*x.shape[:2], *natural]
    if sizes[2:] != natural:
        # positions count in the natural size; move them to the larger output
        places = _moved(places, natural, sizes[2:])
    flat = fl.zeros(math.prod(sizes), dtype=x.dtype)
    return fl.scatter(flat, 0, places.flatten(), x.flatten()).reshape(sizes)


def _moved(places: Tensor, old: Sequence[int], new: Sequence[int]) -> Tensor:
    parts = []
    for size in reversed(old):
        parts.append(places % size)
        places = places // size
    for size, part in zip(new, reversed(parts), strict=True):
        places = places * size + part
    return places


@operator("Col2Im")
def col2im(call: Call) -> Tensor:
    """Add columns of windows up into an image."""
    x, image, block = call[0], call.numbers(1), call.numbers(2)
    dims = len(block)
    pads = call.get("pads", [0] * (2 * dims))
    grown = [
        size + low + high
        for size, low, high in zip(image, pads[:dims], pads[dims:], strict=True)
    ]
    whole = F.fold(
        x,
        tuple(grown),
        tuple(block),
        dilation=tuple(call.get("dilations", [1] * dims)),
        stride=tuple(call.get("strides", [1] * dims)),
    )
    pairs = list(zip(pads[:dims], pads[dims:], strict=True))
    return _padded(whole, [(-low, -high) for low, high in pairs])


_MODES = {"linear": "bilinear", "cubic": "bicubic"}  # before opset 20, torch's names


@operator("GridSample")
def grid_sample(call: Call) -> Tensor:
    """Read between the places of an image, where a grid says."""
    mode = call.get("mode", "linear")
    return F.grid_sample(
        call[0],
        call[1],
        _MODES.get(mode, mode),
        call.get("padding_mode", "zeros"),
        bool(call.get("align_corners", 0)),
    )


@operator("AffineGrid")
def affine_grid(call: Call) -> Tensor:
    """Return the grid that shows an image moved by an affine map."""
    return F.affine_grid(call[0], call.numbers(1), bool(call.get("align_corners", 0)))
