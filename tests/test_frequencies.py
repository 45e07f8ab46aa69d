"""The frequencies of Fourier's transform, and their order."""

import numpy as np
import pytest

import flambeau as ft


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_frequencies(n):
    options = {"dtype": ft.float64}
    found = ft.fft.fftfreq(n, 0.5, **options).numpy()
    np.testing.assert_allclose(found, np.fft.fftfreq(n, 0.5))
    found = ft.fft.rfftfreq(n, 0.5, **options).numpy()
    np.testing.assert_allclose(found, np.fft.rfftfreq(n, 0.5))
    assert ft.fft.fftfreq(n).dtype is ft.float32
    assert ft.fft.rfftfreq(n, requires_grad=True).is_leaf


@pytest.mark.parametrize("dim", [None, 0, -1, (0, 2)])
def test_frequency_0_moves_to_the_middle_and_back(dim):
    x = np.arange(60.0).reshape(3, 4, 5)
    moved = ft.fft.fftshift(ft.tensor(x), dim)
    np.testing.assert_array_equal(moved.numpy(), np.fft.fftshift(x, dim))
    np.testing.assert_array_equal(ft.fft.ifftshift(moved, dim).numpy(), x)
