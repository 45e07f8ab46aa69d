"""Layers of convolution, pooling and folding: batches, what torch lacks, errors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from case import Case, results
from cases_windows import CASES

import flambeau
from flambeau import Tensor, nn
from flambeau.nn import functional as F


@pytest.fixture(autouse=True)
def seeded_flambeau(seeded: None) -> None:
    flambeau.manual_seed(0)


LAYERS = {name: case for name, case in CASES.items() if case.is_module}

cases = pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS.keys())


@cases
def test_one_image_is_a_batch_without_its_dimension(case: Case) -> None:
    layer = case.make(flambeau)
    x = flambeau.tensor(case.inputs[0])
    call = dict(case.call)
    if len(call.get("output_size", ())) == x.ndim:
        call["output_size"] = call["output_size"][1:]
    whole, one = results(layer(x, **case.call)), results(layer(x[0], **call))
    for batch, single in zip(whole, one, strict=True):
        np.testing.assert_allclose(single, batch[0], rtol=1e-13, atol=1e-13)


@cases
def test_a_batch_may_be_empty(case: Case) -> None:
    layer, shape = case.make(flambeau, "float32"), case.inputs[0].shape
    x = flambeau.zeros(0, *shape[1:], requires_grad=True)
    call = {} if len(case.call.get("output_size", ())) == x.ndim else case.call
    full = results(layer(flambeau.zeros(*shape), **call))
    empty = layer(x, **call)
    for mine, other in zip(results(empty), full, strict=True):
        assert mine.shape == (0, *other.shape[1:])
    first = empty[0] if isinstance(empty, tuple) else empty
    first.sum().backward()
    assert all(each.grad.abs().sum() == 0 for each in layer.parameters())


# Beyond torch


@pytest.mark.parametrize("size, kernel, stride", [(7, 3, 2), (8, 3, 2), (5, 2, 3)])
def test_same_padding_with_a_stride_gives_the_quotient_rounded_up(
    size: int, kernel: int, stride: int
) -> None:
    conv = nn.Conv1d(1, 1, kernel, stride=stride, padding="same")
    assert conv(flambeau.zeros(1, 1, size)).shape[-1] == -(-size // stride)


def test_same_padding_puts_the_odd_pixel_at_the_end() -> None:
    x, w = flambeau.tensor([[1.0, 2.0, 3.0, 4.0]]), flambeau.ones(1, 1, 2)
    assert F.conv1d(x, w, padding="same").tolist() == [[3, 5, 7, 4]]
    w = flambeau.ones(1, 1, 3)
    assert F.conv1d(x, w, padding="same", stride=2).tolist() == [[6, 7]]


def test_a_depthwise_convolution_is_one_in_groups() -> None:
    layer = nn.DepthwiseConv2d(4, 3, padding=1, multiplier=2)
    twin = nn.Conv2d(4, 8, 3, padding=1, groups=4)
    assert isinstance(layer, nn.Conv2d)
    twin.load_state_dict(layer.state_dict())
    x = flambeau.randn(2, 4, 5, 5)
    assert flambeau.equal(layer(x), twin(x))


def test_a_separable_convolution_has_two_children() -> None:
    layer = nn.SeparableConv2d(4, 6, (3, 5), stride=2, padding=1, multiplier=2)
    assert str(layer) == (
        "SeparableConv2d(\n"
        "  (depthwise): DepthwiseConv2d(4, 8, kernel_size=(3, 5), stride=(2, 2), "
        "padding=(1, 1), groups=4)\n"
        "  (pointwise): Conv2d(8, 6, kernel_size=(1, 1), stride=(1, 1))\n"
        ")"
    )


# Wrong arguments: (what is done, the error, what its message says)


def zeros(*shape: int, dtype: Any = None) -> Tensor:
    return flambeau.zeros(*shape, dtype=dtype)


ERRORS: dict[str, tuple[Callable[[], object], type[Exception], list[str]]] = {
    "channels in, not in groups": (
        lambda: nn.Conv2d(3, 8, 3, groups=2),
        ValueError,
        [
            "Conv2d: in_channels must be divisible by groups",
            "in_channels=3 and groups=2",
        ],
    ),
    "channels out, not in groups": (
        lambda: nn.ConvTranspose1d(6, 8, 3, groups=3),
        ValueError,
        ["ConvTranspose1d: out_channels must be divisible by groups"]
        + ["out_channels=8 and groups=3"],
    ),
    "no groups": (
        lambda: nn.Conv1d(3, 8, 3, groups=0),
        ValueError,
        ["Conv1d: groups must be a positive integer, got 0"],
    ),
    "padding by another name": (
        lambda: nn.Conv2d(3, 8, 3, padding="full"),
        ValueError,
        ["Conv2d: Invalid padding string 'full'", "'same', 'valid'"],
    ),
    "padding by name, transposed": (
        lambda: nn.ConvTranspose2d(3, 8, 3, padding="same"),
        TypeError,
        ["ConvTranspose2d: padding must be an int or ints, got 'same'"],
    ),
    "padding mode": (
        lambda: nn.Conv2d(3, 8, 3, padding_mode="mirror"),
        ValueError,
        ["Conv2d: padding_mode must be one of", "'reflect'", "padding_mode='mirror'"],
    ),
    "padding mode, transposed": (
        lambda: nn.ConvTranspose2d(3, 8, 3, padding_mode="circular"),
        ValueError,
        ['Only "zeros" padding mode is supported for ConvTranspose2d'],
    ),
    "kernel of three dimensions": (
        lambda: nn.Conv2d(3, 8, (3, 3, 3)),
        RuntimeError,
        ["Conv2d: kernel_size must be an int or 2 ints", "(3, 3, 3)"],
    ),
    "kernel of half pixels": (
        lambda: nn.Conv2d(3, 8, 2.5),  # type: ignore[arg-type]
        TypeError,
        ["Conv2d: kernel_size must be an int or ints, got 2.5"],
    ),
    "no multiplier": (
        lambda: nn.DepthwiseConv2d(3, 3, multiplier=0),
        ValueError,
        ["DepthwiseConv2d: multiplier must be positive, got 0"],
    ),
    "an image without channels": (
        lambda: nn.Conv2d(3, 8, 3)(zeros(5, 5)),
        RuntimeError,
        ["Expected 3D (unbatched) or 4D (batched) input to conv2d", "[5, 5]"]
        + ["(N, C, H, W)", "In Conv2d(3, 8"],
    ),
    "an image without channels, reflected": (
        lambda: nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect")(zeros(5, 5)),
        RuntimeError,
        ["Expected 3D (unbatched) or 4D (batched) input to conv2d"],
    ),
    "other channels": (
        lambda: nn.Conv2d(3, 8, 3)(zeros(2, 4, 5, 5)),
        RuntimeError,
        ["Given groups=1, weight of size [8, 3, 3, 3], expected input[2, 4, 5, 5] to "]
        + ["have 3 channels, but got 4 channels instead"],
    ),
    "images without channels": (
        lambda: nn.Conv2d(1, 8, 3)(zeros(64, 28, 28)),
        RuntimeError,
        ["expected input[64, 28, 28] to have 1 channels", "input.unsqueeze(1)"],
    ),
    "channels last, no batch": (
        lambda: nn.Conv2d(3, 8, 3)(zeros(28, 28, 3)),
        RuntimeError,
        ["expected input[28, 28, 3] to have 3 channels", "input.permute(2, 0, 1)"],
    ),
    "other channels, transposed": (
        lambda: nn.ConvTranspose1d(3, 8, 3)(zeros(2, 8, 5)),
        RuntimeError,
        ["conv_transpose1d", "expected input[2, 8, 5] to have 3 channels"],
    ),
    "kernel larger than the image": (
        lambda: nn.Conv2d(3, 8, 7, padding=1)(zeros(1, 3, 4, 9)),
        RuntimeError,
        ["conv2d: Kernel size can't be greater than actual input size", "(7, 7)"]
        + ["size (4, 9) is (6, 11) with its padding", "padding=2"],
    ),
    "weight of other dimensions": (
        lambda: F.conv2d(zeros(1, 3, 5, 5), zeros(8, 3, 3)),
        RuntimeError,
        ["conv2d: weight must have 4 dimensions", "[8, 3, 3]"],
    ),
    "bias of another size": (
        lambda: F.conv1d(zeros(1, 3, 5), zeros(8, 3, 3), zeros(7)),
        RuntimeError,
        ["conv1d: Given weight of size [8, 3, 3], expected bias to be 1-dimensional "]
        + ["with 8 elements, but got bias of size [7] instead"],
    ),
    "bias of another dtype": (
        lambda: F.conv1d(zeros(1, 3, 5), zeros(8, 3, 3), zeros(8, dtype=flambeau.half)),
        RuntimeError,
        ["Input type (float32) and bias type (float16)", ".to()"],
    ),
    "bool images": (
        lambda: F.conv1d(
            zeros(1, 3, 5, dtype=flambeau.bool), zeros(8, 3, 3, dtype=flambeau.bool)
        ),
        NotImplementedError,
        ["conv1d: not implemented for bool"],
    ),
    "an array for an image": (
        lambda: F.conv1d(np.zeros((1, 3, 5)), zeros(8, 3, 3)),  # type: ignore[arg-type]
        TypeError,
        ["conv1d: input must be a Tensor, got ndarray", "as_tensor"],
    ),
    "padding by another name, as a function": (
        lambda: F.conv1d(zeros(1, 3, 5), zeros(8, 3, 3), padding="full"),
        RuntimeError,
        ["conv1d: Invalid padding string: 'full'"],
    ),
    "negative padding": (
        lambda: F.conv1d(zeros(1, 3, 5), zeros(8, 3, 3), padding=-1),
        RuntimeError,
        ["conv1d: negative padding is not supported, got (-1,)"],
    ),
    "no stride, same": (
        lambda: F.conv1d(zeros(1, 3, 5), zeros(8, 3, 3), padding="same", stride=0),
        RuntimeError,
        ["conv1d: stride must be positive, got (0,)"],
    ),
    "strides for other dimensions": (
        lambda: F.conv2d(zeros(1, 3, 5, 5), zeros(8, 3, 3, 3), stride=(1, 1, 1)),
        RuntimeError,
        ["conv2d: stride must be an int or 2 ints", "(1, 1, 1)"],
    ),
    "too much output padding": (
        lambda: nn.ConvTranspose2d(3, 8, 3, stride=2, output_padding=2)(
            zeros(1, 3, 5, 5)
        ),
        RuntimeError,
        ["output padding must be smaller than either stride or dilation"]
        + ["output_padding=(2, 2), stride=(2, 2) and dilation=(1, 1)"],
    ),
    "negative output padding": (
        lambda: F.conv_transpose1d(
            zeros(1, 3, 5), zeros(3, 8, 3), stride=2, output_padding=-1
        ),
        RuntimeError,
        ["negative output_padding is not supported, got (-1,)"],
    ),
    "output size out of reach": (
        lambda: nn.ConvTranspose2d(3, 8, 3, stride=2)(zeros(1, 3, 5, 5), (13, 12)),
        ValueError,
        ["requested an output size of (13, 12), but valid sizes range from (11, 11) "]
        + ["to (12, 12)", "(1, 3, 5, 5)"],
    ),
    "output size of other dimensions": (
        lambda: nn.ConvTranspose2d(3, 8, 3)(zeros(1, 3, 5, 5), (3, 12, 12)),
        ValueError,
        ["for 4D input, output_size must have 2 or 4 elements (got 3)"],
    ),
    "nothing left, transposed": (
        lambda: nn.ConvTranspose2d(3, 8, 3, padding=3)(zeros(1, 3, 1, 1)),
        RuntimeError,
        ["conv_transpose2d: Output size is too small", "use less padding"],
    ),
    "pool of a flat image": (
        lambda: nn.MaxPool2d(2)(zeros(5, 5)),
        RuntimeError,
        ["Expected 3D (unbatched) or 4D (batched) input to max_pool2d", "[5, 5]"],
    ),
    "pool larger than the image": (
        lambda: nn.AvgPool2d(4)(zeros(1, 3, 3, 5)),
        RuntimeError,
        ["avg_pool2d: Kernel size can't be greater", "(4, 4)", "(3, 5)"],
    ),
    "pool of padding": (
        lambda: nn.MaxPool1d(2, padding=2)(zeros(1, 3, 5)),
        RuntimeError,
        ["max_pool1d: pad should be at most half of effective kernel size"],
    ),
    "pool without stride": (
        lambda: nn.LPPool1d(2, 2, stride=0)(zeros(1, 3, 5)),
        RuntimeError,
        ["lp_pool1d: stride must be positive, got (0,)"],
    ),
    "pool of bool": (
        lambda: nn.MaxPool1d(2)(zeros(1, 3, 5, dtype=flambeau.bool)),
        NotImplementedError,
        ["bool", ".to(uint8)"],
    ),
    "divisor 0": (
        lambda: nn.AvgPool2d(2, divisor_override=0)(zeros(1, 3, 4, 4)),
        RuntimeError,
        ["avg_pool2d: divisor must be not zero"],
    ),
    "adaptive, negative": (
        lambda: nn.AdaptiveAvgPool2d((-1, 2))(zeros(1, 3, 4, 4)),
        RuntimeError,
        ["adaptive_avg_pool2d: elements of output_size must be greater than or equal "]
        + ["to 0 but received (-1, 2)"],
    ),
    "adaptive, other dimensions": (
        lambda: nn.AdaptiveMaxPool3d((2, 2))(zeros(1, 3, 4, 4, 4)),
        RuntimeError,
        ["adaptive_max_pool3d: output_size must be an int or 3 ints"],
    ),
    "unpool at another shape": (
        lambda: nn.MaxUnpool1d(2)(zeros(1, 3, 5), zeros(1, 3, 4, dtype=flambeau.int64)),
        RuntimeError,
        ["Expected shape of indices to be same as that of the input tensor"],
    ),
    "unpool at floats": (
        lambda: nn.MaxUnpool1d(2)(zeros(1, 3, 5), zeros(1, 3, 5)),
        RuntimeError,
        ["elements in indices should be type int64 but got: float32"],
    ),
    "unpool outside": (
        lambda: nn.MaxUnpool1d(2)(zeros(1, 1, 1), flambeau.tensor([[[2]]])),
        RuntimeError,
        ["max_unpool1d: Found an invalid max index: 2"],
    ),
    "unpool to an impossible size": (
        lambda: nn.MaxUnpool1d(2)(
            zeros(1, 1, 2), zeros(1, 1, 2, dtype=flambeau.int64), (6,)
        ),
        ValueError,
        ["invalid output_size (6,) (dim 0 must be between 2 and 6)"],
    ),
    "unpool to a size of other dimensions": (
        lambda: nn.MaxUnpool2d(2)(
            zeros(1, 1, 2, 2), zeros(1, 1, 2, 2, dtype=flambeau.int64), (4,)
        ),
        ValueError,
        ["output_size should be a sequence containing 2 or 4 elements"],
    ),
    "windows larger than the image": (
        lambda: nn.Unfold(3)(zeros(1, 3, 2, 4)),
        RuntimeError,
        ["unfold: Kernel size can't be greater", "(3, 3)", "(2, 4)"],
    ),
    "negative padding of windows": (
        lambda: nn.Unfold(3, padding=-1)(zeros(1, 3, 4, 4)),
        RuntimeError,
        ["unfold: negative padding is not supported"],
    ),
    "columns of other channels": (
        lambda: nn.Fold(4, 2)(zeros(1, 6, 9)),
        RuntimeError,
        ["Expected size of input's dimension 1 to be divisible by the product of "]
        + ["kernel_size", "[1, 6, 9]"],
    ),
    "other columns": (
        lambda: nn.Fold(4, 2)(zeros(1, 8, 8)),
        RuntimeError,
        ["fold: output_size=(4, 4)", "(3, 3) = 9 blocks", "[1, 8, 8] has 8"],
    ),
}


@pytest.mark.parametrize("wrong, error, told", ERRORS.values(), ids=ERRORS.keys())
def test_errors_say_what_does_not_fit(
    wrong: Callable[[], object], error: type[Exception], told: list[str]
) -> None:
    with pytest.raises(error) as caught:
        wrong()
    notes = getattr(caught.value, "__notes__", [])
    message = "\n".join([str(caught.value), *notes])
    assert caught.type is error
    for part in told:
        assert part in message
