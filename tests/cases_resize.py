"""Records of layers that resize or rearrange images."""

from typing import Any

import reference
import reference_resize
from case import Array, Case, State, grid


def resized(shape: tuple[int, ...], mode: str, **options: Any) -> Case:
    """By `interpolate`, or by Upsample where that has the options."""

    def meaning(state: State, x: Array) -> Array:
        return reference_resize.resize(x, mode, **options)

    layer = "interpolate" if options.get("antialias") else "Upsample"
    return Case(layer, (grid(*shape),), meaning, {"mode": mode} | options)


def two_d(layer: str, mode: str, align_corners: bool, **options: Any) -> Case:
    def meaning(state: State, x: Array) -> Array:
        return reference_resize.resize(x, mode, align_corners=align_corners, **options)

    return Case(layer, (grid(1, 2, 3, 4),), meaning, options)


def rearranged(layer: str, option: str, shape: tuple[int, ...], factor: int) -> Case:
    names = {
        "PixelShuffle": reference.pixel_shuffle,
        "PixelUnshuffle": reference.pixel_unshuffle,
        "ChannelShuffle": reference.channel_shuffle,
    }

    def meaning(state: State, x: Array) -> Array:
        return names[layer](x, factor)

    return Case(layer, (grid(*shape),), meaning, {option: factor})


CASES = {
    "resize, nearest, twice": resized((1, 2, 3), "nearest", scale_factor=2),
    "resize, nearest, smaller": resized((1, 2, 7), "nearest", size=3),
    "resize, nearest, images": resized((1, 2, 3, 4), "nearest", size=(5, 7)),
    "resize, nearest, volumes": resized(
        (1, 1, 2, 3, 2), "nearest", scale_factor=(2, 1, 3.0)
    ),
    "resize, nearest, broken scale": resized((1, 2, 5), "nearest", scale_factor=1.7),
    "resize, nearest, scale of the sizes": resized(
        (1, 2, 5), "nearest", scale_factor=1.7, recompute_scale_factor=True
    ),
    "resize, nearest-exact": resized((1, 2, 5, 4), "nearest-exact", size=(8, 3)),
    "resize, nearest-exact, broken scale": resized(
        (1, 2, 7), "nearest-exact", scale_factor=1.3
    ),
    "resize, linear": resized((1, 2, 5), "linear", size=8),
    "resize, linear, smaller": resized((1, 2, 9), "linear", size=4),
    "resize, linear, aligned": resized((1, 2, 5), "linear", size=8, align_corners=True),
    "resize, linear, one, aligned": resized(
        (1, 2, 5), "linear", size=1, align_corners=True
    ),
    "resize, linear, broken scale": resized((1, 2, 5), "linear", scale_factor=1.7),
    "resize, bilinear": resized((2, 2, 3, 4), "bilinear", scale_factor=2),
    "resize, bilinear, uneven": resized((1, 2, 4, 5), "bilinear", size=(7, 3)),
    "resize, bilinear, aligned": resized(
        (1, 2, 4, 5), "bilinear", size=(7, 3), align_corners=True
    ),
    "resize, trilinear": resized((1, 1, 2, 3, 2), "trilinear", size=(3, 2, 4)),
    "resize, bicubic": resized((1, 1, 4, 5), "bicubic", size=(7, 3)),
    "resize, bicubic, aligned": resized(
        (1, 1, 4, 5), "bicubic", scale_factor=1.6, align_corners=True
    ),
    "resize, area": resized((1, 2, 7), "area", size=3),
    "resize, area, images": resized((1, 2, 6, 5), "area", scale_factor=0.5),
    "resize, bilinear, smooth": resized(
        (1, 1, 9, 7), "bilinear", size=(4, 3), antialias=True
    ),
    "resize, bilinear, smooth, larger": resized(
        (1, 1, 3, 4), "bilinear", size=(5, 9), antialias=True
    ),
    "resize, bicubic, smooth": resized(
        (1, 1, 9, 7), "bicubic", size=(4, 3), antialias=True
    ),
    "resize, lanczos": resized((1, 1, 12, 7), "lanczos", size=(4, 8), antialias=True),
    "UpsamplingNearest2d": two_d("UpsamplingNearest2d", "nearest", False, size=(5, 6)),
    "UpsamplingBilinear2d": two_d(
        "UpsamplingBilinear2d", "bilinear", True, scale_factor=2
    ),
    "pixel_shuffle": rearranged("PixelShuffle", "upscale_factor", (2, 8, 2, 3), 2),
    "pixel_shuffle, no batch": rearranged(
        "PixelShuffle", "upscale_factor", (9, 2, 1), 3
    ),
    "pixel_unshuffle": rearranged(
        "PixelUnshuffle", "downscale_factor", (2, 2, 4, 6), 2
    ),
    "channel_shuffle": rearranged("ChannelShuffle", "groups", (2, 6, 2, 3), 3),
    "channel_shuffle, sequences": rearranged("ChannelShuffle", "groups", (2, 4, 3), 2),
}
