"""What every window op checks: the image, the options, and how many windows fit."""

from __future__ import annotations

from functools import lru_cache

from ..graph import Node
from .numpy_windows import Ints, Pads, output_sizes

__all__ = [
    "check_channels",
    "check_image",
    "check_options",
    "pool_sizes",
    "window_sizes",
]

_LETTERS = {1: "L", 2: "H, W", 3: "D, H, W"}


def check_image(name: str, x: Node, dims: int) -> None:
    """Check that x is (N, C, *sizes) with `dims` sizes and none of them 0.

    Raises:
        RuntimeError: it is not; says what the layout is and how to get there.
    """
    layout = f"(N, C, {_LETTERS.get(dims, '*sizes')})"
    if x.ndim != dims + 2:
        missing = "; add the missing dimensions with unsqueeze(0)"
        raise RuntimeError(
            f"Expected {dims + 1}D (unbatched) or {dims + 2}D (batched) input to "
            f"{name}, but got input of size: {list(x.shape)}. The layout is {layout}"
            + (missing if x.ndim <= dims else "")
        )
    if 0 in x.shape[2:]:
        raise RuntimeError(
            f"{name}: input of shape {x.shape} has no pixels; the spatial sizes of "
            f"{layout} must be at least 1"
        )


def check_channels(
    name: str, shape: Ints, weight: Ints, groups: int, channels: int
) -> None:
    """Check that images have the channels that the filters of a convolution read.

    Args:
        name: the op.
        shape: of the images, (N, C, *sizes) or (C, *sizes).
        weight: the shape of the filters.
        groups: how many groups the channels are cut into.
        channels: how many channels there must be.

    Raises:
        RuntimeError: there are others, and how to get there if that can be guessed; or
            there are no groups.
    """
    if groups < 1:
        raise RuntimeError(
            f"{name}: non-positive groups is not supported: got groups={groups}"
        )
    at = len(shape) - len(weight) + 1
    if shape[at] == channels:
        return
    hint = ""
    if shape[-1] == channels:
        order = (*range(at), len(shape) - 1, *range(at, len(shape) - 1))
        hint = f"; if the channels come last, use input.permute{order}"
    elif at == 0 and channels == 1:
        hint = (
            f"; if these are {shape[0]} images without a channel dimension, use "
            "input.unsqueeze(1)"
        )
    raise RuntimeError(
        f"{name}: Given groups={groups}, weight of size {list(weight)}, expected "
        f"input{list(shape)} to have {channels} channels, but got {shape[at]} channels "
        f"instead{hint}"
    )


@lru_cache(maxsize=1024)
def check_options(name: str, kernel: Ints, stride: Ints, dilation: Ints) -> None:
    """Check that kernel, stride and dilation are positive.

    Raises:
        RuntimeError: one is not.
    """
    options = {"kernel_size": kernel, "stride": stride, "dilation": dilation}
    for option, value in options.items():
        if min(value, default=1) < 1:
            raise RuntimeError(f"{name}: {option} must be positive, got {value}")


@lru_cache(maxsize=1024)  # a network asks for the same ones in every step
def window_sizes(
    name: str,
    sizes: Ints,
    kernel: Ints,
    stride: Ints,
    padding: Pads,
    dilation: Ints,
    ceil_mode: bool = False,
) -> Ints:
    """Return how many windows fit along each dimension, at least one.

    Raises:
        RuntimeError: an option is not positive, or the kernel is larger than the
            padded image.
    """
    check_options(name, kernel, stride, dilation)
    counts = output_sizes(sizes, kernel, stride, padding, dilation, ceil_mode)
    if 0 in counts:
        raise RuntimeError(_too_large(name, sizes, kernel, padding, dilation))
    return counts


def _too_large(
    name: str, sizes: Ints, kernel: Ints, padding: Pads, dilation: Ints
) -> str:
    spans = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation))
    padded = tuple(size + lo + hi for size, (lo, hi) in zip(sizes, padding))
    enough = max(-(-(span - size) // 2) for span, size in zip(spans, sizes))
    wide = f" (dilation {dilation} spreads it over {spans})" if spans != kernel else ""
    return (
        f"{name}: Kernel size can't be greater than actual input size: kernel_size is "
        f"{kernel}{wide}, but the image of size {sizes} is {padded} with its padding. "
        f"Use padding={enough}, a smaller kernel, or a larger image"
    )


def pool_sizes(
    name: str,
    x: Node,
    kernel: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    ceil_mode: bool,
) -> Ints:
    """Check the arguments of a pool and return its output's spatial sizes.

    Raises:
        RuntimeError: as `check_image` and `window_sizes`; or the padding exceeds half
            of the kernel, so that a window could hold nothing but padding.
    """
    check_image(name, x, len(kernel))
    check_options(name, kernel, stride, dilation)
    for k, pad, d in zip(kernel, padding, dilation):
        if pad < 0:
            raise RuntimeError(f"{name}: pad must be non-negative, but got pad: {pad}")
        if pad > (d * (k - 1) + 1) // 2:
            raise RuntimeError(
                f"{name}: pad should be at most half of effective kernel size, but got "
                f"pad={pad}, kernel_size={k} and dilation={d}"
            )
    pads = tuple((pad, pad) for pad in padding)
    return window_sizes(name, x.shape[2:], kernel, stride, pads, dilation, ceil_mode)
