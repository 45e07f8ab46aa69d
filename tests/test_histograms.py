"""Histograms, derivatives on grids and windows, beside NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from slopes import check_derivatives

import flambeau as torch

windows = torch.signal.windows
VALUES = np.random.default_rng(3).normal(size=40)
EDGES = np.array([-2.0, -0.5, 0.1, 1.5])


@pytest.mark.parametrize("density", [False, True])
@pytest.mark.parametrize("bins", [5, EDGES], ids=["number", "edges"])
def test_histogram(bins, density):
    weights = np.arange(40.0)
    given = bins if isinstance(bins, int) else torch.tensor(bins)
    weight = torch.tensor(weights)
    found = torch.histogram(torch.tensor(VALUES), given, weight=weight, density=density)
    wanted, edges = np.histogram(VALUES, bins, weights=weights, density=density)
    np.testing.assert_allclose(found.hist.numpy(), wanted, 1e-12)
    np.testing.assert_allclose(found.bin_edges.numpy(), edges, 1e-12)


def test_histogram_of_a_range_holds_its_ends():
    x = torch.tensor([0.0, 0.5, 1.0, 2.0, 2.5])
    assert torch.histogram(x, 2, range=(0.0, 2.0)).hist.tolist() == [2, 2]


def test_histogram_of_points():
    points = VALUES.reshape(20, 2)
    found = torch.histogramdd(torch.tensor(points), [3, 4])
    wanted, edges = np.histogramdd(points, [3, 4])
    np.testing.assert_array_equal(found.hist.numpy(), wanted)
    for mine, other in zip(found.bin_edges, edges, strict=True):
        np.testing.assert_allclose(mine.numpy(), other, 1e-12)


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda x: torch.histogram(x, 0), "bins must be > 0, but got 0"),
        (lambda x: torch.histogram(x, 2, range=(3, 1)), "min should not exceed max"),
        (lambda x: torch.histogram(x, 2, weight=torch.ones(1)), "the same shape"),
        (lambda x: torch.histogram(x, torch.ones(2, 2)), "have one dimension"),
        (lambda x: torch.histogram(x, torch.arange(2)), "have the same dtype"),
        (lambda x: torch.histogramdd(x.reshape(1, 2), [1]), "size of bins must be"),
    ],
)
def test_wrong_histograms(call, text):
    with pytest.raises(RuntimeError, match=text):
        call(torch.tensor([1.0, 2.0]))


@pytest.mark.parametrize("order", [1, 2])
def test_gradient_is_numpys(order):
    x = VALUES.reshape(5, 8)
    rows, columns = np.array([0, 1, 3, 4, 8.0]), 0.5
    found = torch.gradient(
        torch.tensor(x), spacing=[torch.tensor(rows), columns], edge_order=order
    )
    wanted = np.gradient(x, rows, columns, edge_order=order)
    for mine, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(mine.numpy(), other, 1e-12)


def test_gradient_can_be_differentiated():
    check_derivatives(lambda x: torch.gradient(x, edge_order=2)[0], VALUES[:6])


def test_wrong_gradients():
    x = torch.ones(3, 3)
    for text, options in (
        ("edge_order=1 and edge_order=2", {"edge_order": 3}),
        ("at least edge_order.1", {"dim": 0, "edge_order": 2}),
        ("appears multiple times", {"dim": (0, 0)}),
        ("a list of length equal to 'dim'", {"spacing": [1.0]}),
    ):
        with pytest.raises(RuntimeError, match=text):
            torch.gradient(x[:2] if "edge_order.1" in text else x, **options)
    with pytest.raises(RuntimeError, match="does not support bool input"):
        torch.gradient(x > 0)


NUMPYS = {
    "bartlett": np.bartlett,
    "blackman": np.blackman,
    "hamming": np.hamming,
    "hann": np.hanning,
    "kaiser": lambda count: np.kaiser(count, 12.0),
}


@pytest.mark.parametrize("name", NUMPYS)
@pytest.mark.parametrize("count", [1, 2, 9])
def test_windows_are_numpys(name, count):
    function = getattr(windows, name)
    found = function(count, dtype=torch.float64).numpy()
    np.testing.assert_allclose(found, NUMPYS[name](count), 1e-12, 1e-15)
    repeated = function(count, sym=False, dtype=torch.float64).numpy()
    whole = NUMPYS[name](count + 1)[:count] if count > 1 else [1.0]
    np.testing.assert_allclose(repeated, whole, 1e-12, 1e-15)


def test_windows_by_their_formulas():
    n = np.arange(6.0)
    for found, wanted in (
        (windows.cosine(6), np.sin(np.pi * (n + 0.5) / 6)),
        (windows.gaussian(6, std=2), np.exp(-(((n - 2.5) / 2) ** 2) / 2)),
        (windows.exponential(6, center=1, sym=False, tau=3), np.exp(-abs(n - 1) / 3)),
        (windows.general_hamming(6, alpha=0.6), 0.6 - 0.4 * np.cos(2 * np.pi * n / 5)),
    ):
        np.testing.assert_allclose(found.numpy(), wanted, 1e-6)
    np.testing.assert_allclose(windows.nuttall(5)[2].item(), 1.0, 1e-6)
    assert windows.hann(0).shape == (0,)
    assert windows.hann(3, requires_grad=True).requires_grad


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: windows.hann(-1), "non-negative window length, got M=-1"),
        (lambda: windows.hann(3, dtype=torch.int64), "expects float32 or float64"),
        (lambda: windows.gaussian(3, std=0), "deviation must be positive, got: 0"),
        (lambda: windows.exponential(3, tau=0), "Tau must be positive"),
        (lambda: windows.exponential(3, center=1), "Center must be None"),
        (lambda: windows.kaiser(3, beta=-1), "beta must be non-negative"),
        (lambda: windows.general_cosine(3, a=[]), "cannot be empty"),
    ],
)
def test_wrong_windows(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_tensors_of_any_strides():
    x = torch.empty_strided((2, 3), (1, 2))
    assert x.stride() == (1, 2) and x.fill_(1).sum().item() == 6
    assert torch.empty_permuted((2, 3, 4), (1, 2, 0)).stride() == (1, 8, 2)
    assert (
        torch.ones(1, dtype=torch.int8).new_empty_strided((2,), (3,)).dtype
        is torch.int8
    )
    with pytest.raises(RuntimeError, match="Duplicate dim not allowed: 0"):
        torch.empty_permuted((2, 3), (0, 0))


def test_writing_by_strides_into_a_copy():
    x, new = np.arange(6.0), np.array([[-1.0, -2.0]])
    found = torch.as_strided_scatter(torch.tensor(x), torch.tensor(new), (1, 2), (1, 3))
    assert found.tolist() == [-1, 1, 2, -2, 4, 5]
    check_derivatives(
        lambda x, new: torch.as_strided_scatter(x, new, (1, 2), (1, 3)), x, new
    )


def test_rows_of_a_fixed_number():
    x = torch.tensor([[1, 0], [0, 1]])
    assert x.nonzero_static(size=1).tolist() == [[0, 0]]
    assert torch.nonzero_static(x, size=3, fill_value=9).tolist()[2] == [9, 9]
    with pytest.raises(RuntimeError, match="non-negative"):
        x.nonzero_static(size=-1)


def test_fill_takes_a_number_and_its_gradient():
    value = torch.tensor(2.0, requires_grad=True)
    torch.fill(torch.zeros(3), value).sum().backward()
    assert value.grad.item() == 3
    with pytest.raises(RuntimeError, match="0-dimension value tensor"):
        torch.fill(torch.zeros(3), torch.ones(1))
