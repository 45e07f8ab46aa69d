"""The transforms by themselves: known answers, errors. tests/parity has the rest."""

import math

import numpy as np
import pytest
from PIL import Image

import flambeau
from flambeau.vision import transforms as T
from flambeau.vision.transforms import functional as F
from flambeau.vision.transforms.functional import interpolation


def noise(*shape: int) -> np.ndarray:
    """Random float32 values in [0, 1)."""
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def ramp(*shape: int) -> flambeau.Tensor:
    """0, 1, 2, … as floats in a shape."""
    values = np.arange(math.prod(shape), dtype=np.float32)
    return flambeau.tensor(values.reshape(shape))


# Conversions


def test_to_tensor_scales_bytes_and_moves_the_channels() -> None:
    image = Image.new("RGB", (2, 1), (255, 51, 0))
    assert np.asarray(image).shape == (1, 2, 3)
    tensor = T.ToTensor()(image)
    assert tensor.dtype is flambeau.float32
    expected = np.array([[[1, 1]], [[0.2, 0.2]], [[0, 0]]], np.float32)
    np.testing.assert_array_equal(tensor.numpy(), expected)


def test_to_tensor_has_its_value_at_once() -> None:
    assert T.ToTensor()(Image.new("L", (2, 2))).node.value is not None


def test_to_tensor_follows_the_default_dtype() -> None:
    flambeau.set_default_dtype(flambeau.float64)
    try:
        assert T.ToTensor()(Image.new("L", (2, 2))).dtype is flambeau.float64
    finally:
        flambeau.set_default_dtype(flambeau.float32)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA"])
def test_there_and_back(mode: str) -> None:
    image = Image.fromarray((noise(5, 7, 3) * 255).astype(np.uint8)).convert(mode)
    for convert in (T.ToTensor(), T.PILToTensor()):
        back = T.ToPILImage()(convert(image))
        assert back.mode == mode
        np.testing.assert_array_equal(np.asarray(back), np.asarray(image))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: F.to_tensor("x"), TypeError, "PIL Image or ndarray. Got <class 'str'"),
        (lambda: F.to_tensor(np.zeros(3)), ValueError, "Got 1 dimensions"),
        (lambda: F.pil_to_tensor(noise(2, 2)), TypeError, "should be PIL Image"),
        (lambda: F.to_pil_image("x"), TypeError, "Tensor or ndarray"),
        (lambda: F.to_pil_image(noise(2)), ValueError, "Got 1 dimensions"),
        (lambda: F.to_pil_image(noise(2, 2, 5)), ValueError, "Got 5 channels"),
        (lambda: F.to_pil_image(noise(2, 2), "RGB"), ValueError, "Should be L"),
        (lambda: F.to_pil_image(noise(2, 2, 3), "L"), ValueError, "'RGB', 'YCbCr'"),
        (
            lambda: F.to_pil_image(np.zeros((2, 2, 3), np.int32)),
            TypeError,
            "int32 is not supported",
        ),
        (lambda: F.convert_image_dtype(noise(2, 2)), TypeError, "Tensor Image"),
        (lambda: F.normalize(noise(1, 2, 2), [0], [1]), TypeError, "Tensor Image"),
        (
            lambda: F.normalize(flambeau.zeros(1, 2, 2, dtype=flambeau.uint8), 0, 1),
            TypeError,
            "float tensor. Got torch.uint8; apply ToTensor",
        ),
        (lambda: F.normalize(ramp(2, 2), 0, 1), ValueError, r"\(\.\.\., C, H, W\)"),
        (lambda: F.normalize(ramp(1, 2, 2), 0, 0), ValueError, "evaluated to zero"),
        (
            lambda: F.normalize(ramp(1, 2, 2), [0, 0, 0], [1, 1, 1]),
            ValueError,
            r"mean has 3 values for an image of 1 channels, shape \(1, 2, 2\)",
        ),
        (lambda: F.resize(ramp(1, 2, 2), 4, "bicubic"), TypeError, "InterpolationMode"),
        (lambda: F.resize(ramp(1, 2, 2), 4, 4), ValueError, "'box' is for PIL images"),
        (lambda: F.resize(ramp(1, 2, 2), (1, 2, 3)), ValueError, "one value, or two"),
        (
            lambda: F.resize(ramp(1, 2, 2), (4, 4), max_size=8),
            ValueError,
            "max_size=8",
        ),
        (
            lambda: F.resize(ramp(1, 2, 2), 4, max_size=4),
            ValueError,
            "strictly greater",
        ),
        (lambda: F.pad(ramp(1, 2, 2), "1"), TypeError, "padding arg: '1'"),
        (lambda: F.pad(ramp(1, 2, 2), (1, 2, 3)), ValueError, "not a 3 element"),
        (lambda: F.pad(ramp(1, 2, 2), 1, "x"), TypeError, "fill arg: 'x'"),
        (lambda: F.pad(ramp(1, 2, 2), 1, (1, 2)), TypeError, "takes one number"),
        (lambda: F.pad(ramp(1, 2, 2), 1, 0, "wrap"), ValueError, "got 'wrap'"),
        (
            lambda: F.pad(Image.new("RGB", (2, 2)), 1, (1, 2)),
            ValueError,
            r"channels of the image \(2 != 3\)",
        ),
        (lambda: F.center_crop(ramp(1, 2, 2), (1, 2, 3)), ValueError, "two dimensions"),
        (lambda: F.hflip("x"), TypeError, "hflip: img should be PIL Image"),
        (lambda: F.vflip(ramp(3)), TypeError, r"at least the axes .* shape \(3,\)"),
        (lambda: F.get_dimensions("x"), TypeError, "Unexpected type <class 'str'>"),
        (
            lambda: F.rgb_to_grayscale(ramp(2, 2, 2)),
            TypeError,
            r"1 or 3 channels, got shape \(2, 2, 2\)",
        ),
        (lambda: F.rgb_to_grayscale(ramp(3, 2, 2), 2), ValueError, "either 1 or 3"),
        (lambda: T.Resize(8.5), TypeError, "int or sequence"),
        (lambda: T.Resize((1, 2, 3)), ValueError, "1 or 2 values"),
        (lambda: T.CenterCrop((1, 2, 3)), ValueError, "two dimensions"),
        (lambda: T.Lambda(3), TypeError, "callable, got 'int'"),
        (lambda: T.RandomResizedCrop(4, scale=1), TypeError, "Scale should be a seq"),
        (
            lambda: T.RandomCrop(4)(ramp(1, 2, 2)),
            ValueError,
            r"crop size \(4, 4\) is larger than input image size \(2, 2\)",
        ),
    ],
)
def test_errors_say_what_is_wrong(
    call: object, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_a_gradient_is_not_lost_in_silence() -> None:
    image = flambeau.ones(1, 2, 2, requires_grad=True)
    for transform in (T.Normalize([0.5], [0.5]), T.RandomCrop(1), T.Resize(4)):
        with pytest.raises(RuntimeError, match="would lose the gradient"):
            transform(image)


def test_normalize_in_place() -> None:
    image = ramp(1, 1, 2)
    assert T.Normalize([1.0], [0.5], inplace=True)(image).tolist() == [[[-2, 0]]]
    assert image.tolist() == [[[-2, 0]]]


def test_convert_image_dtype_maps_full_range_on_full_range() -> None:
    bytes_ = flambeau.tensor([[0, 128, 255]], dtype=flambeau.uint8)
    floats = F.convert_image_dtype(bytes_, flambeau.float32)
    assert floats.tolist() == [[0, pytest.approx(128 / 255), 1]]
    assert F.convert_image_dtype(floats, flambeau.uint8).tolist() == [[0, 128, 255]]
    wide = F.convert_image_dtype(bytes_, flambeau.int16)
    assert wide.tolist() == [[0, 128 * 128, 255 * 128]]
    assert F.convert_image_dtype(wide, flambeau.uint8).tolist() == bytes_.tolist()
    assert F.convert_image_dtype(bytes_, flambeau.uint8) is bytes_
    with pytest.raises(RuntimeError, match=r"float32 to torch.int32 cannot"):
        F.convert_image_dtype(floats, flambeau.int32)


def test_three_grey_channels_from_one() -> None:
    assert T.Grayscale(3)(ramp(1, 2, 2)).shape == (3, 2, 2)


# Geometry


@pytest.mark.parametrize("mode", list(T.InterpolationMode)[:4])
@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize(("size", "out"), [(5, 9), (9, 5), (7, 1), (1, 6), (8, 8)])
def test_weights_of_a_row_sum_to_one(
    mode: T.InterpolationMode, antialias: bool, size: int, out: int
) -> None:
    weights = interpolation.axis_weights(size, out, mode, antialias)
    assert weights.shape == (out, size)
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-12)


def test_bilinear_doubling_by_hand() -> None:
    row = flambeau.tensor([[0.0, 4.0]])
    doubled = F.resize(row, (1, 4), antialias=False)
    assert doubled.tolist() == [[0, 1, 3, 4]]


def test_antialiased_halving_by_hand() -> None:
    # A triangle of radius 2 on pixels 0..3, at the centres 1 and 3.
    row = flambeau.tensor([[8.0, 0.0, 0.0, 0.0]])
    first, second = F.resize(row, (1, 2)).tolist()[0]
    assert first == pytest.approx(8 * 0.75 / 1.75)
    assert second == 0


def test_a_constant_image_stays_constant() -> None:
    for mode in list(T.InterpolationMode)[:4]:
        image = flambeau.full((3, 7, 5), 9, dtype=flambeau.uint8)
        assert set(F.resize(image, (11, 3), mode).numpy().flat) == {9}


def test_pillow_constants_name_modes() -> None:
    for mode in T.InterpolationMode:
        code = interpolation.PIL_CODE[mode]
        expected = "nearest" if mode.value == "nearest-exact" else mode.value
        assert T.Resize(4, code).interpolation.value == expected
    assert T.Resize(4, Image.Resampling.BICUBIC).interpolation.value == "bicubic"


def test_resize_to_the_same_size_gives_the_image_itself() -> None:
    image = ramp(1, 4, 4)
    assert F.resize(image, 4) is image


def test_resize_of_pil_images_is_always_antialiased() -> None:
    with pytest.warns(UserWarning, match="always applied"):
        F.resize(Image.new("L", (4, 4)), 2, antialias=False)


def test_pad_modes_by_hand() -> None:
    row = flambeau.tensor([[1, 2, 3]])

    def padded(mode: str) -> list[int]:
        return F.pad(row, [2, 0], 9, mode).tolist()[0]

    assert padded("constant") == [9, 9, 1, 2, 3, 9, 9]
    assert padded("edge") == [1, 1, 1, 2, 3, 3, 3]
    assert padded("reflect") == [3, 2, 1, 2, 3, 2, 1]
    assert padded("symmetric") == [2, 1, 1, 2, 3, 3, 2]


def test_padding_a_palette_image_keeps_its_colours() -> None:
    image = Image.new("RGB", (3, 3), (10, 200, 30)).convert("P")
    padded = F.pad(image, 2, padding_mode="edge")
    assert padded.size == (7, 7)
    colour = image.convert("RGB").getpixel((0, 0))
    assert padded.convert("RGB").getpixel((0, 0)) == colour != (0, 0, 0)


def test_crop_and_center_crop_by_hand() -> None:
    image = ramp(1, 3, 4)
    assert F.crop(image, 1, 2, 2, 3).tolist() == [[[6, 7, 0], [10, 11, 0]]]
    assert F.crop(image, -1, -1, 2, 2).tolist() == [[[0, 0], [0, 0]]]
    assert F.center_crop(image, [1, 2]).tolist() == [[[5, 6]]]
    assert F.center_crop(image, 5).shape == (1, 5, 5)


def test_flips_are_their_own_inverse() -> None:
    image = ramp(2, 3, 4)
    for flip in (F.hflip, F.vflip):
        assert flip(image).tolist() != image.tolist()
        assert flip(flip(image)).tolist() == image.tolist()


def test_results_are_copies() -> None:
    image = flambeau.ones(1, 4, 4)
    cropped = F.crop(image, 0, 0, 4, 4)
    cropped.zero_()
    assert image.tolist() == flambeau.ones(1, 4, 4).tolist()


# Random choices


def test_random_choices_stay_inside_the_image() -> None:
    flambeau.manual_seed(0)
    image = ramp(1, 9, 13)
    tops = set()
    for _ in range(200):
        top, left, height, width = T.RandomCrop.get_params(image, (4, 5))
        assert (height, width) == (4, 5)
        assert 0 <= top <= 5
        assert 0 <= left <= 8
        tops.add(top)
        box = T.RandomResizedCrop.get_params(image, (0.1, 1.0), (0.5, 2.0))
        assert min(box) >= 0
        assert box[0] + box[2] <= 9
        assert box[1] + box[3] <= 13
    assert tops == set(range(6))


@pytest.mark.parametrize(
    ("shape", "box"), [((4, 40), (0, 16, 4, 8)), ((40, 4), (16, 0, 8, 4))]
)
def test_a_box_that_never_fits_is_the_largest_in_the_middle(
    shape: tuple[int, int], box: tuple[int, ...]
) -> None:
    params = T.RandomResizedCrop.get_params(ramp(1, *shape), (9.0, 9.0), (0.5, 2.0))
    assert params == box


def test_probabilities() -> None:
    image = ramp(1, 1, 2)
    for flip in (T.RandomHorizontalFlip, T.RandomVerticalFlip):
        assert all(flip(p=0.0)(image) is image for _ in range(20))
    assert T.RandomHorizontalFlip(p=1.0)(image).tolist() == [[[1, 0]]]
    flambeau.manual_seed(0)
    flips = sum(T.RandomHorizontalFlip(0.25)(image) is not image for _ in range(1000))
    assert 200 < flips < 300


def test_bounds_the_wrong_way_round_get_a_warning() -> None:
    with pytest.warns(UserWarning, match=r"\(min, max\)"):
        T.RandomResizedCrop(4, scale=(1.0, 0.5))


def test_composition() -> None:
    both = T.Compose([T.Pad(1), T.ToTensor(), T.Lambda(lambda x: x.shape)])
    assert both(Image.new("L", (2, 3))) == (1, 5, 4)
    assert repr(both).splitlines()[2] == "    ToTensor()"
