"""Printed tensors: known answers, copied from torch 2.13's own output."""

import ml_dtypes
import numpy as np
import pytest

from flambeau.tensor.formatting import format_tensor, options, set_printoptions


@pytest.fixture(autouse=True)
def _default_options():
    yield
    set_printoptions(profile="default")


def f32(*values):
    return np.array(values, dtype=np.float32)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f32(1, 2, 3), "tensor([1., 2., 3.])"),
        (f32(1, 2.5, -3), "tensor([ 1.0000,  2.5000, -3.0000])"),
        (f32(0, -0.0), "tensor([0., -0.])"),
        (f32(1, np.nan, np.inf), "tensor([1., nan, inf])"),
        (f32(1.5, np.nan, -np.inf), "tensor([1.5000,    nan,   -inf])"),
        (f32(1, 1000), "tensor([   1., 1000.])"),
        (f32(1, 1001), "tensor([1.0000e+00, 1.0010e+03])"),
        (f32(0.5, 600), "tensor([5.0000e-01, 6.0000e+02])"),
        (f32(1e8), "tensor([100000000.])"),
        (f32(1.1e8), "tensor([1.1000e+08])"),
        (f32(1.5e-4), "tensor([0.0002])"),
        (f32(0.9e-4), "tensor([9.0000e-05])"),
        (np.float32(3.14159), "tensor(3.1416)"),
        (np.float32(2), "tensor(2.)"),
        (np.array(7), "tensor(7)"),
        (np.array([1, -20, 300]), "tensor([  1, -20, 300])"),
        (np.array([[True], [False]]), "tensor([[ True],\n        [False]])"),
        (f32(), "tensor([])"),
        (np.zeros((0, 3), np.float32), "tensor([], size=(0, 3))"),
        (
            np.arange(8, dtype=np.float32).reshape(2, 2, 2),
            "tensor([[[0., 1.],\n         [2., 3.]],\n\n"
            "        [[4., 5.],\n         [6., 7.]]])",
        ),
    ],
)
def test_values(value, expected):
    assert format_tensor(np.asarray(value), None) == expected


@pytest.mark.parametrize(
    ("value", "name", "expected"),
    [
        (np.ones(2), "torch.float64", "tensor([1., 1.], dtype=torch.float64)"),
        (np.ones(1, np.int64), "torch.int64", "tensor([1])"),
        (np.ones(1, np.bool_), "torch.bool", "tensor([True])"),
        (np.ones(0, np.int64), "torch.int64", "tensor([], dtype=torch.int64)"),
        (np.ones(1, np.uint8), "torch.uint8", "tensor([1], dtype=torch.uint8)"),
        (
            np.array([0.1], np.float16),
            "torch.float16",
            "tensor([0.1000], dtype=torch.float16)",
        ),
        (
            np.array([0.1, 3], ml_dtypes.bfloat16),
            "torch.bfloat16",
            "tensor([0.1001, 3.0000], dtype=torch.bfloat16)",
        ),
    ],
)
def test_dtype_is_shown_when_the_values_do_not_tell(value, name, expected):
    assert format_tensor(value, name) == expected


def test_long_rows_are_wrapped():
    assert format_tensor(np.arange(25), None) == (
        "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17"
        ",\n        18, 19, 20, 21, 22, 23, 24])"
    )


def test_large_tensors_are_summarised():
    assert format_tensor(np.arange(2000).reshape(200, 10), None) == (
        "tensor([[   0,    1,    2,  ...,    7,    8,    9],\n"
        "        [  10,   11,   12,  ...,   17,   18,   19],\n"
        "        [  20,   21,   22,  ...,   27,   28,   29],\n"
        "        ...,\n"
        "        [1970, 1971, 1972,  ..., 1977, 1978, 1979],\n"
        "        [1980, 1981, 1982,  ..., 1987, 1988, 1989],\n"
        "        [1990, 1991, 1992,  ..., 1997, 1998, 1999]])"
    )


def test_a_summary_chooses_its_format_from_what_it_shows():
    value = np.ones(2000, np.float32)
    value[1000] = 0.123
    text = "tensor([1., 1., 1.,  ..., 1., 1., 1.])"
    assert format_tensor(value, None) == text


def test_suffixes_follow_size_and_dtype_and_wrap():
    value = f32(*range(16))
    assert format_tensor(value, None, ["grad_fn=<AddBackward0>"]) == (
        "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13."
        ",\n        14., 15.], grad_fn=<AddBackward0>)"
    )
    assert format_tensor(f32(*range(13)), None, ["grad_fn=<AddBackward0>"]) == (
        "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12.],\n"
        "       grad_fn=<AddBackward0>)"
    )


def test_prefix_sets_the_indentation():
    assert format_tensor(np.eye(2, dtype=np.float32), None, prefix="Image(") == (
        "Image([[1., 0.],\n       [0., 1.]])"
    )


def test_precision_and_sci_mode():
    set_printoptions(precision=2)
    assert format_tensor(f32(1.12345), None) == "tensor([1.12])"
    set_printoptions(sci_mode=True)
    assert format_tensor(f32(2, 4), None) == "tensor([2.00e+00, 4.00e+00])"
    set_printoptions(sci_mode=False)
    assert format_tensor(f32(1e-6, 2), None) == "tensor([0.00, 2.00])"


def test_no_edge_items_leave_only_dots_and_the_size():
    set_printoptions(threshold=2, edgeitems=0)
    assert format_tensor(f32(1, 2, 3), None) == "tensor([...], size=(3,))"
    assert format_tensor(np.ones((2, 3)), None) == "tensor([...], size=(2, 3))"


def test_profiles_set_everything_but_sci_mode():
    set_printoptions(profile="full", sci_mode=True)
    assert options.threshold == float("inf") and options.sci_mode is True
    set_printoptions(profile="short", linewidth=40)
    assert (options.precision, options.edgeitems, options.linewidth) == (2, 2, 40)
    assert options.sci_mode is None


def test_unknown_profile_is_refused():
    with pytest.raises(ValueError, match="profile must be one of .*got 'long'"):
        set_printoptions(profile="long")
