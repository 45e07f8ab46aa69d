"""Resizing images and rearranging their channels: values, derivatives, errors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import reference_resizing as reference
from cases_resizing import CASES, SMOOTH, Case
from slopes import check_derivatives

import flambeau
from flambeau import Tensor, nn
from flambeau.nn import functional as F

Array = np.ndarray

cases = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
smooth = pytest.mark.parametrize("case", SMOOTH.values(), ids=SMOOTH.keys())


def images(shape: tuple[int, ...]) -> Array:
    """Multiples of 1/16, which every float holds."""
    return np.random.default_rng(0).integers(-32, 33, shape) / 16


def check_values(found: Tensor, wanted: Array, tolerance: float) -> None:
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found.double().numpy(), wanted, rtol=0, atol=tolerance)


# Interpolation


@cases
def test_values(case: Case) -> None:
    shape, options = case
    x = images(shape)
    wanted = reference.interpolate(x, **options)
    for kind, tolerance in {
        flambeau.float64: 1e-13,
        flambeau.float32: 3e-6,
        flambeau.float16: 4e-3,
        flambeau.bfloat16: 3e-2,
    }.items():
        found = F.interpolate(flambeau.tensor(x, dtype=kind), **options)
        assert found.dtype is kind
        check_values(found, wanted, tolerance)


@smooth
def test_antialiasing_is_pillows(case: Case) -> None:
    shape, options = case
    x = images(shape)
    found = F.interpolate(flambeau.tensor(x), **options)
    wanted = reference.pillow(x, options["size"], options["mode"])
    check_values(found, wanted, 2e-6)


@cases
def test_derivatives(case: Case) -> None:
    shape, options = case
    check_derivatives(lambda x: F.interpolate(x, **options), images(shape))


@smooth
def test_derivatives_with_antialiasing(case: Case) -> None:
    shape, options = case
    check_derivatives(lambda x: F.interpolate(x, **options), images(shape))


@cases
def test_a_batch_may_be_empty(case: Case) -> None:
    shape, options = case
    x = flambeau.zeros(0, *shape[1:], requires_grad=True)
    found = F.interpolate(x, **options)
    full = F.interpolate(flambeau.zeros(*shape), **options)
    assert found.shape == (0, *full.shape[1:])
    found.sum().backward()
    assert x.grad.shape == x.shape


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
def test_bytes_are_repeated(mode: str) -> None:
    x = np.arange(12, dtype=np.uint8).reshape(1, 1, 3, 4)
    found = F.interpolate(flambeau.tensor(x), size=(5, 7), mode=mode)
    assert found.dtype is flambeau.uint8
    check_values(found, reference.interpolate(x, (5, 7), mode=mode), 0)


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


def test_sizes_are_lists_too() -> None:
    x = flambeau.tensor(images((1, 2, 4, 6)))
    for options in ({"size": [2, 3]}, {"scale_factor": [0.5, 0.5]}):
        check_values(F.interpolate(x, **options), x.numpy()[..., ::2, ::2], 0)


# Channels and pixels


@pytest.mark.parametrize(
    "shape", [(8, 3, 2), (2, 8, 3, 2), (2, 1, 12, 1, 3), (0, 4, 2, 2)]
)
def test_pixel_shuffle(shape: tuple[int, ...]) -> None:
    x = images(shape)
    wanted = reference.pixel_shuffle(x, 2)
    found = F.pixel_shuffle(flambeau.tensor(x), 2)
    check_values(found, wanted, 0)
    check_values(F.pixel_unshuffle(found, 2), x, 0)


@pytest.mark.parametrize("groups", [1, 2, 3, 6])
@pytest.mark.parametrize("shape", [(2, 6, 3), (1, 6, 2, 3), (0, 6, 1, 1, 1)])
def test_channel_shuffle(shape: tuple[int, ...], groups: int) -> None:
    x = images(shape)
    found = F.channel_shuffle(flambeau.tensor(x), groups)
    check_values(found, reference.channel_shuffle(x, groups), 0)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.pixel_shuffle(x, 2),
        lambda x: F.pixel_unshuffle(x, 2),
        lambda x: F.channel_shuffle(x, 2),
    ],
    ids=["pixel_shuffle", "pixel_unshuffle", "channel_shuffle"],
)
def test_derivatives_of_shuffles(function: Callable[[Tensor], Tensor]) -> None:
    check_derivatives(function, images((2, 8, 4, 6)))


@pytest.mark.parametrize("kind", [flambeau.bool, flambeau.int64, flambeau.bfloat16])
def test_shuffles_take_every_dtype(kind: flambeau.dtype) -> None:
    x = flambeau.ones(1, 4, 2, 2, dtype=kind)
    for function in (F.pixel_shuffle, F.pixel_unshuffle, F.channel_shuffle):
        assert function(x, 2).dtype is kind


# Layers

LAYERS: dict[str, tuple[nn.Module, Callable[[Tensor], Tensor]]] = {
    "Upsample(scale_factor=2.0, mode='nearest')": (
        nn.Upsample(scale_factor=2),
        lambda x: F.interpolate(x, scale_factor=2),
    ),
    "Upsample(scale_factor=(2.0, 1.5), mode='bicubic')": (
        nn.Upsample(None, (2, 1.5), "bicubic", True, True),
        lambda x: F.interpolate(x, None, (2, 1.5), "bicubic", True, True),
    ),
    "Upsample(size=(5, 6), mode='area')": (
        nn.Upsample((5, 6), mode="area"),
        lambda x: F.interpolate(x, (5, 6), mode="area"),
    ),
    "UpsamplingNearest2d(size=7, mode='nearest')": (
        nn.UpsamplingNearest2d(7),
        lambda x: F.interpolate(x, 7),
    ),
    "UpsamplingBilinear2d(scale_factor=3.0, mode='bilinear')": (
        nn.UpsamplingBilinear2d(scale_factor=3),
        lambda x: F.interpolate(x, scale_factor=3, mode="bilinear", align_corners=True),
    ),
    "PixelShuffle(upscale_factor=2)": (
        nn.PixelShuffle(2),
        lambda x: F.pixel_shuffle(x, 2),
    ),
    "PixelUnshuffle(downscale_factor=2)": (
        nn.PixelUnshuffle(2),
        lambda x: F.pixel_unshuffle(x, 2),
    ),
    "ChannelShuffle(groups=4)": (
        nn.ChannelShuffle(4),
        lambda x: F.channel_shuffle(x, 4),
    ),
}


@pytest.mark.parametrize("text", LAYERS)
def test_layers(text: str) -> None:
    layer, function = LAYERS[text]
    x = flambeau.tensor(images((2, 8, 4, 6)))
    check_values(layer(x), function(x).numpy(), 0)
    assert repr(layer) == text
    assert not layer.state_dict()


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
        [],
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


def test_the_check_sees_differences() -> None:
    x = flambeau.ones(2)
    check_values(x, np.ones(2), 0)
    for other in (np.ones(3), np.array([1, 1 + 1e-9])):
        with pytest.raises(AssertionError):
            check_values(x, other, 1e-13)
