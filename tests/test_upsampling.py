"""Resizing and rearranging images beyond the table: filters, bytes, edges, errors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

import flambeau
from flambeau import Tensor, nn
from flambeau.nn import functional as F

Array = np.ndarray

PILLOW = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
FLAT = ("nearest", "nearest-exact", "area", "bilinear", "bicubic")


def images(*shape: int) -> Array:
    """Multiples of 1/16, which every float holds."""
    return np.random.default_rng(0).integers(-32, 33, shape) / 16


def pillow(x: Array, size: tuple[int, int], mode: str) -> Array:
    """Resize every channel with Pillow, which always filters, in float32."""
    planes = x.reshape(-1, *x.shape[2:]).astype(np.float32)
    done = [Image.fromarray(p).resize(size[::-1], PILLOW[mode]) for p in planes]
    return np.array(done).reshape(*x.shape[:2], *size)


# Interpolation


@pytest.mark.parametrize("mode", PILLOW)
@pytest.mark.parametrize("size", [(4, 5), (12, 20), (9, 3), (1, 14)])
def test_antialiasing_is_pillows(mode: str, size: tuple[int, int]) -> None:
    x = images(2, 3, 9, 14)
    found = F.interpolate(flambeau.tensor(x), size, mode=mode, antialias=True).numpy()
    np.testing.assert_allclose(found, pillow(x, size, mode), rtol=0, atol=2e-6)


@pytest.mark.parametrize("mode", FLAT)
def test_nothing_changes_at_the_same_size(mode: str) -> None:
    x = images(1, 2, 4, 5)
    found = F.interpolate(flambeau.tensor(x), size=(4, 5), mode=mode)
    np.testing.assert_array_equal(found.numpy(), x)


@pytest.mark.parametrize("mode", FLAT)
def test_a_flat_image_stays_flat(mode: str) -> None:
    x = flambeau.full((1, 2, 5, 1), 3.0, dtype=flambeau.float64)
    for options in ({"size": (3, 7)}, {"scale_factor": 1.3}):
        found = F.interpolate(x, mode=mode, **options).numpy()
        np.testing.assert_allclose(found, 3, rtol=1e-14)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_aligned_corners_keep_their_places(mode: str) -> None:
    x = images(1, 2, 4, 5)
    found = F.interpolate(flambeau.tensor(x), (7, 13), mode=mode, align_corners=True)
    np.testing.assert_allclose(found[..., ::2, ::3].numpy(), x, rtol=0, atol=1e-13)


@pytest.mark.parametrize("mode", FLAT)
def test_a_batch_may_be_empty(mode: str) -> None:
    x = flambeau.zeros(0, 3, 4, 5, requires_grad=True)
    found = F.interpolate(x, scale_factor=2, mode=mode)
    assert found.shape == (0, 3, 8, 10)
    found.sum().backward()
    assert x.grad is not None and x.grad.shape == x.shape


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_bytes_are_repeated(mode: str) -> None:
    x = flambeau.tensor([[[0, 100, 255]]], dtype=flambeau.uint8)
    found = F.interpolate(x, scale_factor=2, mode=mode)
    assert found.dtype is flambeau.uint8
    assert found.tolist() == [[[0, 0, 100, 100, 255, 255]]]


def test_interpolated_bytes_are_rounded_and_clipped() -> None:
    x = flambeau.tensor([[[[0, 0, 255, 255, 255, 0]]]], dtype=flambeau.uint8)
    found = F.interpolate(x, scale_factor=(1.0, 2.0), mode="bilinear")
    wanted = [0, 0, 0, 64, 191, 255, 255, 255, 255, 191, 64, 0]
    assert found.flatten().tolist() == wanted
    found = F.interpolate(x, scale_factor=(1.0, 2.0), mode="bicubic").flatten()
    assert found.dtype is flambeau.uint8
    assert found[2] == 0 and found[5] == 255  # not -27 modulo 256, nor 282


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_what_is_not_finite_stays_where_it_is(mode: str) -> None:
    x = flambeau.ones(1, 1, 9, 9)
    x[0, 0, 4, 4] = float("inf")
    found = F.interpolate(x, scale_factor=2, mode=mode)
    assert not found[..., 8:10, 8:10].isfinite().all()
    assert found[..., :5, :].isfinite().all()
    assert found[..., :, 14:].isfinite().all()


def test_sizes_and_factors_may_be_lists() -> None:
    x = flambeau.tensor(images(1, 2, 4, 6))
    for options in ({"size": [2, 3]}, {"scale_factor": [0.5, 0.5]}):
        found = F.interpolate(x, **options)
        assert found.equal(x[..., ::2, ::2])


# Channels and pixels


@pytest.mark.parametrize("shape", [(8, 3, 2), (2, 1, 12, 1, 3), (0, 4, 2, 2)])
def test_shuffling_pixels_back_and_forth(shape: tuple[int, ...]) -> None:
    x = flambeau.tensor(images(*shape))
    found = F.pixel_shuffle(x, 2)
    *lead, channels, height, width = shape
    assert found.shape == (*lead, channels // 4, 2 * height, 2 * width)
    assert F.pixel_unshuffle(found, 2).equal(x)


@pytest.mark.parametrize("kind", [flambeau.bool, flambeau.int64, flambeau.bfloat16])
def test_shuffles_take_every_dtype(kind: flambeau.dtype) -> None:
    x = flambeau.ones(1, 4, 2, 2, dtype=kind)
    for function in (F.pixel_shuffle, F.pixel_unshuffle, F.channel_shuffle):
        assert function(x, 2).dtype is kind


# Errors


def zeros(*shape: int, **options: Any) -> Tensor:
    return flambeau.zeros(*shape, **options)


ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], list[str]]] = {
    "neither size nor scale": (
        lambda: F.interpolate(zeros(1, 1, 4)),
        ValueError,
        ["either size or scale_factor should be defined"],
    ),
    "both": (
        lambda: F.interpolate(zeros(1, 1, 4), 2, 2.0),
        ValueError,
        ["only one of size or scale_factor should be defined"],
    ),
    "sizes for other dimensions": (
        lambda: F.interpolate(zeros(1, 1, 4, 5), (2,)),
        ValueError,
        ["same number of spatial dimensions", "[4, 5]", "output size of (2,)"],
    ),
    "an image without its batch": (
        lambda: F.interpolate(zeros(3, 4, 5), (2, 2)),
        ValueError,
        ["same number of spatial dimensions", "[5]", "output size of (2, 2)"],
    ),
    "factors for other dimensions": (
        lambda: F.interpolate(zeros(1, 1, 4), scale_factor=(2.0, 2.0)),
        ValueError,
        ["same number of spatial dimensions", "[4]", "shape (2.0, 2.0)"],
    ),
    "a size that is no int": (
        lambda: F.interpolate(zeros(1, 1, 4), 2.5),  # type: ignore[arg-type]
        TypeError,
        ["interpolate: size", "2.5"],
    ),
    "a size of 0": (
        lambda: F.interpolate(zeros(1, 1, 4, 5), (0, 2)),
        RuntimeError,
        ["Input and output sizes should be greater than 0", "(4, 5)", "(0, 2)"],
    ),
    "a factor too small": (
        lambda: F.interpolate(zeros(1, 1, 4), scale_factor=0.2),
        RuntimeError,
        ["Input and output sizes should be greater than 0", "(4,)", "(0,)"],
    ),
    "no pixels": (
        lambda: F.interpolate(zeros(1, 1, 0), 2),
        RuntimeError,
        ["Input and output sizes should be greater than 0", "(0,)", "(2,)"],
    ),
    "no channels": (
        lambda: F.interpolate(zeros(1, 0, 4), 2),
        RuntimeError,
        ["Non-empty 3D data tensor expected", "[1, 0, 4]"],
    ),
    "no such mode": (
        lambda: F.interpolate(zeros(1, 1, 4), 2, mode="cubic"),
        NotImplementedError,
        ["nearest | linear | bilinear", "(got cubic)"],
    ),
    "too few dimensions": (
        lambda: F.interpolate(zeros(4, 5), scale_factor=2),
        NotImplementedError,
        ["Only 3D, 4D and 5D input Tensors supported", "(got 2D)"],
    ),
    "a mode for other dimensions": (
        lambda: F.interpolate(zeros(1, 1, 4), 2, mode="bilinear"),
        NotImplementedError,
        ["Got 3D input, but bilinear mode needs 4D input"],
    ),
    "corners of nearest": (
        lambda: F.interpolate(zeros(1, 1, 4), 2, align_corners=False),
        ValueError,
        ["align_corners option can only be set with the interpolating modes"],
    ),
    "a scale there is not": (
        lambda: F.interpolate(zeros(1, 1, 4), 2, recompute_scale_factor=True),
        ValueError,
        ["recompute_scale_factor is not meaningful with an explicit size"],
    ),
    "antialiasing of nearest": (
        lambda: F.interpolate(zeros(1, 1, 4, 4), 2, antialias=True),
        ValueError,
        ["Anti-alias option is restricted to bilinear, bicubic, and lanczos"],
    ),
    "lanczos without antialiasing": (
        lambda: F.interpolate(zeros(1, 1, 4, 4), 2, mode="lanczos"),
        ValueError,
        ["Lanczos mode requires antialias=True"],
    ),
    "a factor that is no number": (
        lambda: F.interpolate(zeros(1, 1, 4), scale_factor=["a"]),  # type: ignore
        TypeError,
        ["interpolate: scale_factor must be a float or floats, got 'a'"],
    ),
    "an infinite factor": (
        lambda: F.interpolate(zeros(1, 1, 4), scale_factor=float("inf")),
        RuntimeError,
        ["interpolate: scale_factor must be finite, got inf"],
    ),
    "integers": (
        lambda: F.interpolate(zeros(1, 1, 4, dtype=flambeau.int64), 2),
        NotImplementedError,
        ["interpolate", "not implemented for", ".float()"],
    ),
    "an array": (
        lambda: F.interpolate(np.zeros((1, 1, 4)), 2),  # type: ignore[arg-type]
        TypeError,
        ["interpolate: input must be a Tensor, got ndarray"],
    ),
    "too few channels": (
        lambda: nn.PixelShuffle(3)(zeros(1, 8, 4, 6)),
        RuntimeError,
        ["divisible by the square of upscale_factor", "input.size(-3)=8", "by 9"],
    ),
    "pixels without channels": (
        lambda: nn.PixelShuffle(2)(zeros(4, 6)),
        RuntimeError,
        ["pixel_shuffle expects input to have at least 3 dimensions", "2 dimension"],
    ),
    "a factor of 0": (
        lambda: nn.PixelShuffle(0)(zeros(1, 8, 4, 6)),
        RuntimeError,
        ["pixel_shuffle expects a positive upscale_factor, but got 0"],
    ),
    "a factor that is no int": (
        lambda: F.pixel_shuffle(zeros(1, 4, 2, 2), 2.0),  # type: ignore[arg-type]
        TypeError,
        ["pixel_shuffle: upscale_factor must be an int", "2.0"],
    ),
    "a height that cannot be divided": (
        lambda: nn.PixelUnshuffle(3)(zeros(1, 1, 4, 6)),
        RuntimeError,
        ["expects height to be divisible by downscale_factor", "size(-2)=4", "by 3"],
    ),
    "a width that cannot be divided": (
        lambda: nn.PixelUnshuffle(4)(zeros(1, 1, 4, 6)),
        RuntimeError,
        ["expects width to be divisible by downscale_factor", "size(-1)=6", "by 4"],
    ),
    "channels that cannot be divided": (
        lambda: nn.ChannelShuffle(3)(zeros(1, 8, 4)),
        RuntimeError,
        ["Number of channels must be divisible by groups", "8 channels and 3 groups"],
    ),
    "groups that are no int": (
        lambda: F.channel_shuffle(zeros(1, 8, 4), 2.0),  # type: ignore[arg-type]
        TypeError,
        ["channel_shuffle: groups must be an int", "2.0"],
    ),
    "no groups": (
        lambda: nn.ChannelShuffle(0)(zeros(1, 8, 4)),
        RuntimeError,
        ["Number of groups to divide channels in must be positive", "groups:0"],
    ),
    "channels of nothing": (
        lambda: nn.ChannelShuffle(2)(zeros(8, 4)),
        RuntimeError,
        ["channel_shuffle expects input with > 2 dims", "[8, 4]"],
    ),
}


@pytest.mark.parametrize("call, kind, words", ERRORS.values(), ids=ERRORS.keys())
def test_errors(
    call: Callable[[], Any], kind: type[Exception], words: list[str]
) -> None:
    with pytest.raises(kind) as info:
        call()
    assert info.type is kind
    for each in words:
        assert each in str(info.value)
