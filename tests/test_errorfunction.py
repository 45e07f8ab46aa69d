"""The special functions against the C library's, and against each other."""

import math

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flambeau.errorfunction import erf, erfc, erfinv

FLOATS = (np.float16, ml_dtypes.bfloat16, np.float32, np.float64)
LINE = np.concatenate(
    [np.linspace(-7, 30, 40_001), np.geomspace(1e-308, 1.0, 500), [0.0, 1.0, 0.5]]
)


def units(result: np.ndarray, expected: np.ndarray) -> float:
    """The largest error in units of the last place of float64."""
    return float(np.abs((result - expected) / np.spacing(expected)).max())


def test_erf_is_accurate_to_a_unit() -> None:
    """The C library is itself off by up to one."""
    assert units(erf(LINE), np.array([math.erf(x) for x in LINE])) <= 2
    assert units(erf(-LINE), np.array([-math.erf(x) for x in LINE])) <= 2


def test_erfc_is_accurate_relative_to_itself() -> None:
    line = LINE[LINE < 26]  # beyond, it is too small for all of its digits
    assert units(erfc(line), np.array([math.erfc(x) for x in line])) <= 8


@pytest.mark.parametrize("dtype", FLOATS)
def test_values_at_the_ends(dtype: type) -> None:
    ends = np.array([-np.inf, 0.0, np.inf, np.nan], dtype)
    np.testing.assert_array_equal(erf(ends).astype(float), [-1, 0, 1, np.nan])
    np.testing.assert_array_equal(erfc(ends).astype(float), [2, 1, 0, np.nan])
    ends = np.array([-1.5, -1.0, 0.0, 1.0, 1.5, np.nan], dtype)
    expected = [np.nan, -np.inf, 0, np.inf, np.nan, np.nan]
    np.testing.assert_array_equal(erfinv(ends).astype(float), expected)


def test_zeros_keep_their_sign() -> None:
    assert np.signbit(erf(-0.0))
    assert np.signbit(erfinv(-0.0))


@given(st.floats(-5.8, 5.8))
def test_erfinv_inverts(x: float) -> None:
    y = math.erf(x)
    slope = 2 / math.sqrt(math.pi) * math.exp(-x * x)
    rounding = np.spacing(abs(x)) + np.spacing(abs(y)) / slope
    assert abs(float(erfinv(y)) - x) <= 4 * rounding


@given(st.floats(1e-300, 1.0, exclude_max=True))
def test_erf_inverts_erfinv(y: float) -> None:
    assert erf(erfinv(y)) == pytest.approx(y, rel=1e-14)


@pytest.mark.parametrize("function", [erf, erfc, erfinv])
@pytest.mark.parametrize("dtype", FLOATS)
def test_formats_and_shapes_are_kept(function: np.ufunc, dtype: type) -> None:
    x = np.linspace(-0.9, 0.9, 24_000).reshape(2, 3, -1).astype(dtype)
    result = function(x.T)
    assert result.dtype == dtype
    assert result.shape == x.T.shape
    expected = function(x.T.astype(np.float64))
    np.testing.assert_array_equal(result, expected.astype(dtype))


def test_whole_numbers_are_taken_as_float64() -> None:
    assert erf([0, 1]).dtype == np.float64
    assert erf(np.int32(1)) == erf(1.0)
