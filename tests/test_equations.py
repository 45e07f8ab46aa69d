"""Linear equations, inverses and exponentials of matrices."""

import numpy as np
import pytest
from slopes import check_derivatives

import flambeau as ft

RNG = np.random.default_rng(0)


def matrices(*batch, size=3):
    return RNG.normal(size=(*batch, size, size)) + 2 * np.eye(size)


@pytest.mark.parametrize("shape", [(3, 2), (3,)])
def test_solutions_of_equations(shape):
    a, b = matrices(), RNG.normal(size=shape)
    x = ft.linalg.solve(ft.tensor(a), ft.tensor(b)).numpy()
    np.testing.assert_allclose(a @ x, b, atol=1e-12)
    if b.ndim == 2:
        y = ft.linalg.solve(ft.tensor(a), ft.tensor(b.T), left=False).numpy()
        np.testing.assert_allclose(y @ a, b.T, atol=1e-12)


def test_batches_of_equations_broadcast():
    a, b = matrices(4, 1), RNG.normal(size=(5, 3, 2))
    x = ft.linalg.solve(ft.tensor(a), ft.tensor(b)).numpy()
    assert x.shape == (4, 5, 3, 2)
    np.testing.assert_allclose(a @ x, np.broadcast_to(b, x.shape), atol=1e-12)


def test_inverses():
    a = matrices(2)
    found = ft.linalg.inv(ft.tensor(a)).numpy()
    np.testing.assert_allclose(
        found @ a, np.broadcast_to(np.eye(3), a.shape), atol=1e-12
    )
    np.testing.assert_array_equal(ft.inverse(ft.tensor(a)).numpy(), found)


@pytest.mark.parametrize("scale", [0.0, 0.1, 1.0, 20.0])
def test_exponentials_are_those_of_the_eigenvalues(scale):
    a = scale * RNG.normal(size=(2, 4, 4))
    a = a - np.swapaxes(a, -1, -2)  # skew: large exponents do not overflow
    values, vectors = np.linalg.eig(a)
    expected = (vectors * np.exp(values)[..., None, :]) @ np.linalg.inv(vectors)
    found = ft.matrix_exp(ft.tensor(a)).numpy()
    np.testing.assert_allclose(found, expected.real, atol=1e-11)


def test_derivatives():
    check_derivatives(ft.linalg.solve, matrices(), RNG.normal(size=(3, 2)))
    check_derivatives(ft.matrix_exp, matrices(2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ft.linalg.inv(ft.ones(3)), "at least 2 dimensions"),
        (lambda: ft.linalg.inv(ft.ones(3, 2)), "3 by 2 matrices"),
        (lambda: ft.matrix_exp(ft.ones(2, 2, dtype=ft.int64)), "Long"),
        (lambda: ft.linalg.solve(ft.eye(2), ft.ones(3, 2)), "2x2 and 3x2"),
        (lambda: ft.linalg.solve(ft.eye(2), ft.ones(2, 2).double()), "same dtype"),
        (lambda: ft.linalg.inv(ft.zeros(2, 2)).numpy(), "is singular"),
    ],
    ids=["vector", "wide", "integers", "rows", "dtypes", "singular"],
)
def test_refused_matrices(call, message):
    with pytest.raises(RuntimeError, match=message):
        call()
