"""Rarer functions against Python's own math, their definitions, and differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from slopes import check_derivatives

import flambeau as torch

rng = np.random.default_rng(0)
POINTS = np.array([-3.7, -0.5, 0.03, 0.5, 1.25, 2.5, 9.0, 15.5, 100.0])
X = rng.normal(size=(3, 7))


def close(got: torch.Tensor, expected: object) -> None:
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12, atol=1e-12)


def test_gamma_functions() -> None:
    x = torch.tensor(POINTS)
    close(x.lgamma(), [math.lgamma(each) for each in POINTS])
    assert torch.tensor([-1.0, 0.0]).lgamma().isinf().all()
    assert torch.tensor([-1.0]).digamma().isnan().all()
    # psi(x + 1) = psi(x) + 1 / x, and its derivatives
    close((x + 1).digamma() - x.digamma(), 1 / POINTS)
    close(torch.polygamma(1, x) - torch.polygamma(1, x + 1), 1 / POINTS**2)
    close(torch.polygamma(1, torch.ones(1, dtype=torch.float64)), [math.pi**2 / 6])
    close(torch.mvlgamma(x[-3:], 2), [_log_gamma_2(each) for each in POINTS[-3:]])
    check_derivatives(torch.lgamma, POINTS)


def _log_gamma_2(a: float) -> float:
    return math.log(math.pi) / 2 + math.lgamma(a) + math.lgamma(a - 0.5)


def test_sums_of_exponentials_and_parts_of_floats() -> None:
    a, b = torch.tensor(X), torch.tensor(X[::-1].copy())
    close(torch.logaddexp(a, b), np.logaddexp(X, X[::-1]))
    close(torch.logaddexp2(a, b), np.logaddexp2(X, X[::-1]))
    check_derivatives(torch.logaddexp, X, X[::-1].copy())
    mantissa, exponent = torch.frexp(a)
    close(torch.ldexp(mantissa, exponent), X)
    assert ((mantissa.abs() >= 0.5) & (mantissa.abs() < 1)).all()
    assert exponent.dtype is torch.int32


def test_divisors() -> None:
    a, b = torch.tensor([12, -4, 0, 7]), torch.tensor([18, 6, 5, 0])
    assert torch.gcd(a, b).tolist() == [6, 2, 5, 7]
    assert torch.lcm(a, b).tolist() == [36, 12, 0, 0]
    with pytest.raises(RuntimeError, match="takes integers or bools"):
        torch.gcd(torch.ones(1), torch.ones(1))


@pytest.mark.parametrize("method", ["linear", "lower", "higher", "nearest", "midpoint"])
def test_quantiles(method: str) -> None:
    x, q = torch.tensor(X), torch.tensor([0.0, 0.31, 1.0], dtype=torch.float64)
    expected = np.quantile(X, [0.0, 0.31, 1.0], axis=1, method=method)
    close(torch.quantile(x, q, 1, interpolation=method), expected)
    missing = X.copy()
    missing[1, 2] = np.nan
    found = torch.tensor(missing).nanquantile(0.4, 0, interpolation=method)
    close(found, np.nanquantile(missing, 0.4, axis=0, method=method))
    assert torch.tensor(missing).quantile(0.4, 1).isnan().tolist() == [
        False,
        True,
        False,
    ]


def test_covariances() -> None:
    x = torch.tensor(X)
    close(x.cov(), np.cov(X))
    close(x.corrcoef(), np.corrcoef(X))
    counts, weights = np.array([1, 2, 1, 3, 1, 1, 2]), rng.uniform(0.1, 1, 7)
    found = x.cov(fweights=torch.tensor(counts), aweights=torch.tensor(weights))
    close(found, np.cov(X, fweights=counts, aweights=weights))


def test_windows() -> None:
    for name, window in (
        ("hann", np.hanning),
        ("hamming", np.hamming),
        ("blackman", np.blackman),
        ("bartlett", np.bartlett),
    ):
        make = getattr(torch, f"{name}_window")
        close(make(9, periodic=False, dtype=torch.float64), window(9))
        close(make(8, dtype=torch.float64), window(9)[:-1])


def test_special_functions() -> None:
    x = torch.tensor(np.abs(X))
    close(torch.special.entr(x), -np.abs(X) * np.log(np.abs(X)))
    close(torch.special.ndtr(torch.tensor([0.0])), [0.5])
    close(torch.special.xlog1py(x, x), np.abs(X) * np.log1p(np.abs(X)))
    check_derivatives(torch.special.ndtr, X)


def test_functions_of_layers_have_torchs_order_of_arguments() -> None:
    x, w = torch.tensor(X), torch.tensor(X[0])
    own = torch.nn.functional
    norm = torch.batch_norm(x, w, w, None, None, True, 0.1, 1e-5, False)
    close(norm, own.batch_norm(x, None, None, w, w, True).numpy())
    rows = torch.tensor([2, 0])
    assert torch.equal(torch.embedding(x, rows), x[rows])
    assert torch.conv2d is own.conv2d and torch.dropout is own.dropout
    y = torch.ones(2)
    assert torch.exp_(y) is y and y[0].item() == pytest.approx(math.e)


def test_norms_are_cut_and_powers_listed() -> None:
    close(
        torch.tensor(X).renorm(2, 0, 1.0).pow(2).sum(1).sqrt(),
        np.minimum(
            np.linalg.norm(X, axis=1), 1 / (1 + 1e-7 / np.linalg.norm(X, axis=1))
        ),
    )
    close(torch.vander(torch.tensor(X[0]), 4), np.vander(X[0], 4))
