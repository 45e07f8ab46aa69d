"""torch.linalg's solutions and decompositions: what defines them, and derivatives."""

from __future__ import annotations

import numpy as np
import pytest
from slopes import check_derivatives

import flambeau as torch
from flambeau import linalg

rng = np.random.default_rng(0)
SQUARE = rng.normal(size=(2, 3, 3)) + 3 * np.eye(3)
TALL = rng.normal(size=(2, 4, 3))


def close(got: torch.Tensor, expected: np.ndarray) -> None:
    np.testing.assert_allclose(got.numpy(force=True), expected, rtol=1e-9, atol=1e-9)


def test_inverses_and_determinants() -> None:
    a = torch.tensor(SQUARE)
    close(linalg.inv(a) @ a, np.broadcast_to(np.eye(3), SQUARE.shape))
    sign, size = linalg.slogdet(-a)
    close(sign * size.exp(), linalg.det(-a).numpy())
    product = [np.prod(np.linalg.eigvals(each)).real for each in SQUARE]
    close(linalg.det(a), np.array(product))


def test_solutions() -> None:
    a, b = torch.tensor(SQUARE), torch.tensor(rng.normal(size=(2, 3, 4)))
    close(a @ linalg.solve(a, b), b.numpy())
    close(linalg.solve(a, b.mT, left=False) @ a, b.mT.numpy())
    close(a.triu() @ linalg.solve_triangular(a, b, upper=True), b.numpy())
    tall, right = torch.tensor(TALL), torch.tensor(rng.normal(size=(2, 4, 2)))
    found = linalg.lstsq(tall, right)
    close(tall.mT @ (tall @ found.solution - right), np.zeros((2, 3, 2)))


def test_decompositions_multiply_to_the_matrix() -> None:
    a, tall = torch.tensor(SQUARE), torch.tensor(TALL)
    symmetric = a @ a.mT
    lower = linalg.cholesky(symmetric)
    close(lower @ lower.mT, symmetric.numpy())
    assert (lower.triu(1) == 0).all()
    values, vectors = linalg.eigh(symmetric)
    close(vectors * values.unsqueeze(-2) @ vectors.mT, symmetric.numpy())
    u, s, vh = linalg.svd(tall, full_matrices=False)
    close(u * s.unsqueeze(-2) @ vh, TALL)
    assert linalg.svd(tall).U.shape == (2, 4, 4)
    close(tall @ linalg.pinv(tall) @ tall, TALL)


def test_powers_and_exponentials() -> None:
    a = torch.tensor(SQUARE)
    close(a.matrix_power(3), SQUARE @ SQUARE @ SQUARE)
    close(a.matrix_power(-1) @ a, np.broadcast_to(np.eye(3), SQUARE.shape))
    turn = torch.tensor([[0.0, -8.0], [8.0, 0.0]], dtype=torch.float64)
    angle = [[np.cos(8), -np.sin(8)], [np.sin(8), np.cos(8)]]
    close(turn.matrix_exp(), np.array(angle))


@pytest.mark.parametrize(
    "function",
    [
        linalg.inv,
        linalg.det,
        lambda a: linalg.solve(a, a.mT),
        lambda a: linalg.cholesky(a @ a.mT),
        lambda a: linalg.eigh(a + a.mT).eigenvalues,
        lambda a: linalg.eigh(a + a.mT).eigenvectors ** 2,
        lambda a: linalg.svd(a).Vh ** 2,
        linalg.pinv,
        linalg.matrix_exp,
    ],
    ids=["inv", "det", "solve", "cholesky", "values", "vectors", "svd", "pinv", "exp"],
)
def test_derivatives(function) -> None:
    check_derivatives(function, SQUARE[0])


def test_only_the_vectors_that_a_matrix_determines_have_a_gradient() -> None:
    slopes = []
    for full in (True, False):
        tall = torch.tensor(TALL, requires_grad=True)
        vectors = linalg.svd(tall, full).U[..., : tall.shape[-1]]
        (vectors**2 * vectors.detach()).sum().backward()
        slopes.append(tall.grad)
    assert torch.allclose(*slopes)


def test_a_matrix_without_inverse_is_refused() -> None:
    with pytest.raises(linalg.LinAlgError, match="linalg.inv"):
        linalg.inv(torch.zeros(2, 2)).tolist()
