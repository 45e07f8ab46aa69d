"""LU decompositions and reflections, beside NumPy's products and solutions."""

from __future__ import annotations

import numpy as np
import pytest
from slopes import check_derivatives

import flambeau as torch

linalg = torch.linalg
RANDOM = np.random.default_rng(5)
SHAPES = [(4, 4), (5, 3), (3, 5), (2, 3, 4), (0, 3), (2, 0, 0)]


def matrices(*shape):
    return RANDOM.normal(size=shape)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_lu_is_a_product_of_triangles(shape):
    x = matrices(*shape)
    parts = linalg.lu(torch.tensor(x))
    p, lower, upper = (each.numpy() for each in parts)
    np.testing.assert_allclose(p @ lower @ upper, x, atol=1e-12)
    inner = min(shape[-2:])
    np.testing.assert_array_equal(np.triu(lower, 1), 0 * lower)
    np.testing.assert_array_equal(np.tril(upper, -1), 0 * upper)
    assert (np.diagonal(lower, 0, -2, -1) == 1).all() and lower.shape[-1] == inner
    assert (np.abs(lower) <= 1 + 1e-12).all()
    factors = linalg.lu_factor(torch.tensor(x))
    for mine, other in zip(torch.lu_unpack(*factors), parts, strict=True):
        np.testing.assert_array_equal(mine.numpy(), other.numpy())


@pytest.mark.parametrize("shape", SHAPES[:4], ids=str)
def test_lu_can_be_differentiated(shape):
    x = matrices(*shape)
    check_derivatives(lambda x: linalg.lu_factor(x).LU, x)


def test_lu_says_where_a_matrix_is_singular():
    x = torch.tensor([[[1.0, 2.0], [2.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]]])
    assert linalg.lu_factor_ex(x).info.tolist() == [2, 0]


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("adjoint", [True, False])
def test_solutions_by_lu(left, adjoint):
    a, b = matrices(2, 4, 4), matrices(4, 3) if left else matrices(3, 4)
    whole = np.swapaxes(a, -1, -2) if adjoint else a
    factors = linalg.lu_factor(torch.tensor(a))
    found = linalg.lu_solve(*factors, torch.tensor(b), left=left, adjoint=adjoint)
    again = whole @ found.numpy() if left else found.numpy() @ whole
    np.testing.assert_allclose(again, np.broadcast_to(b, again.shape), atol=1e-12)
    if left and not adjoint:
        older = torch.lu_solve(torch.tensor(b), *factors)
        np.testing.assert_array_equal(older.numpy(), found.numpy())


@pytest.mark.parametrize("shape", [(6, 4), (2, 4, 6)], ids=str)
def test_few_singular_values_of_many(shape):
    x = matrices(*shape)
    u, s, v = (each.numpy() for each in torch.svd_lowrank(torch.tensor(x), q=4))
    np.testing.assert_allclose(s, np.linalg.svd(x, compute_uv=False), 1e-10)
    again = (u * s[..., None, :]) @ np.swapaxes(v, -1, -2)
    np.testing.assert_allclose(again, x, atol=1e-10)
    u, s, v = torch.pca_lowrank(torch.tensor(x), q=3, niter=40)
    wanted = np.linalg.svd(x - x.mean(-2, keepdims=True), compute_uv=False)[..., :3]
    np.testing.assert_allclose(s.numpy(), wanted, 1e-6)


def test_wrong_numbers_of_components():
    with pytest.raises(ValueError, match="not greater than min.m, n.=2"):
        torch.pca_lowrank(torch.ones(2, 3), q=3)
    with pytest.raises(ValueError, match="must be non-negative"):
        torch.pca_lowrank(torch.ones(2, 3), niter=-1)


def test_older_names_warn():
    a, b = torch.tensor(matrices(3, 3)).tril() + 2 * torch.eye(3), torch.ones(3, 1)
    with pytest.warns(UserWarning, match="torch.lu is deprecated"):
        assert len(a.lu(get_infos=True)) == 3
    with pytest.warns(UserWarning, match="triangular_solve is deprecated"):
        found = torch.triangular_solve(b.double(), a, upper=False).solution
    np.testing.assert_allclose((a @ found).numpy(), 1, 1e-12)


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 3)], ids=str)
def test_reflections_are_those_of_qr(shape):
    x = matrices(*shape)
    packed = torch.geqrf(torch.tensor(x))
    q, r = np.linalg.qr(x)
    np.testing.assert_allclose(linalg.householder_product(*packed).numpy(), q, 1e-10)
    found = packed.a.triu().numpy()[..., : shape[-1], :]
    np.testing.assert_allclose(found, r, 1e-10, 1e-12)
    other = matrices(*shape[:-2], shape[-2], 2)
    whole = np.linalg.qr(x, "complete")[0]
    turned = np.swapaxes(whole, -1, -2)
    given, sides = torch.tensor(other), torch.tensor(np.swapaxes(other, -1, -2))
    for mine, wanted in (
        (torch.ormqr(*packed, given), whole @ other),
        (torch.ormqr(*packed, given, transpose=True), turned @ other),
        (torch.ormqr(*packed, sides, left=False), np.swapaxes(turned @ other, -1, -2)),
    ):
        np.testing.assert_allclose(mine.numpy(), wanted, atol=1e-12)


def test_reflections_can_be_differentiated():
    a, tau = matrices(4, 3), matrices(3)
    check_derivatives(linalg.householder_product, a, tau)
    check_derivatives(torch.ormqr, a, tau, matrices(4, 2))


@pytest.mark.parametrize("size", [0, 1, 2, 5, 8])
@pytest.mark.parametrize("hollow", [True, False])
def test_symmetric_factors_solve(size, hollow):
    a, b = matrices(3, size, size), matrices(size, 2)
    a = a + np.swapaxes(a, -1, -2)
    if hollow and size > 1:
        a[..., range(size), range(size)] = 0
    found = linalg.ldl_factor_ex(torch.tensor(np.tril(a)))
    x = linalg.ldl_solve(found.LD, found.pivots, torch.tensor(b)).numpy()
    np.testing.assert_allclose(a @ x, np.broadcast_to(b, x.shape), atol=1e-9)
    np.testing.assert_array_equal(np.triu(found.LD.numpy(), 1), 0 * a)
    assert not found.info.any() and (found.pivots != 0).all()


def test_symmetric_factors_say_where_a_matrix_is_singular():
    assert linalg.ldl_factor_ex(torch.zeros(2, 2)).info.item() == 1


def test_results_with_a_report():
    a = torch.tensor([[2.0, 0.0], [0.0, 8.0]])
    assert linalg.solve_ex(a, a).result.tolist() == [[1, 0], [0, 1]]
    found = linalg.cholesky_ex(a / 2, upper=True)
    assert found.L.tolist() == [[1, 0], [0, 2]] and found.info.item() == 0


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda x: linalg.lu(x, pivot=False), "without pivoting is not implemented"),
        (lambda x: linalg.lu_factor(x[0]), "at least 2 dimensions"),
        (lambda x: torch.lu_unpack(x, x), "torch.int32 dtype"),
        (lambda x: linalg.lu_solve(x, x, x), "scalar type torch.int32"),
        (lambda x: linalg.lu_solve(x, x, x.double()), "the same dtype"),
        (lambda x: linalg.lu_solve(*linalg.lu_factor(x), x[:1]), "Incompatible shapes"),
        (lambda x: linalg.householder_product(x[:1], x[0]), "greater than or equal"),
        (lambda x: linalg.householder_product(x, torch.ones(3)), "tau.shape"),
        (lambda x: linalg.householder_product(x, x), "batch dimensions of tau"),
        (lambda x: linalg.ldl_solve(x, x[0], x[:1]), "Incompatible shapes of LD"),
        (lambda x: linalg.ldl_solve(x, x[0], x), "Expected pivots to be integers"),
        (lambda x: torch.ormqr(x, x[0], x[:1]), "must be equal to input.shape"),
    ],
)
def test_wrong_arguments(call, text):
    with pytest.raises(RuntimeError, match=text):
        call(torch.eye(2))
