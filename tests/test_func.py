"""Functions made from functions: derivatives and maps over batches."""

import numpy as np
import pytest

import flambeau as ft
from flambeau import func, nn


def cubes(x):
    return (x**3).sum()


X = [1.0, -2.0, 3.0]


def at(*values):
    return ft.tensor(values or X, dtype=ft.float64)


def test_gradients_of_gradients():
    assert func.grad(cubes)(at()).tolist() == [3, 12, 27]
    third = func.grad(func.grad(func.grad(lambda x: x**4)))
    assert third(ft.tensor(2.0)).item() == 48


def test_gradients_by_several_arguments_and_containers():
    def product(x, y):
        return (x["left"] * y).sum()

    given = {"left": at()}, at(2, 3, 4)
    by_both = func.grad(product, argnums=(0, 1))(*given)
    assert by_both[0]["left"].tolist() == [2, 3, 4]
    assert by_both[1].tolist() == X


def test_results_are_recorded_only_if_something_outside_asks():
    x, w = at(), at(2, 3, 4).requires_grad_()
    assert not func.grad(cubes)(x).requires_grad
    weighted = func.grad(lambda x: (x**2 * w).sum())(x)
    weighted.sum().backward()
    assert w.grad.tolist() == [2 * each for each in X]
    with ft.no_grad():
        assert func.grad(cubes)(x.requires_grad_()).requires_grad is False
    assert func.grad(cubes)(x).requires_grad


def test_products_with_all_derivatives():
    a = ft.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], dtype=ft.float64)
    x, v, w = at(1, 2), at(3, 4), at(5, 6, 7)
    output, back = func.vjp(a.mv, x)
    assert output.tolist() == a.mv(x).tolist()
    assert back(w)[0].tolist() == a.T.mv(w).tolist()
    assert func.jvp(a.mv, (x,), (v,))[1].tolist() == a.mv(v).tolist()
    output, change = func.linearize(lambda x: a.mv(x) ** 2, x)
    assert change(v).tolist() == (2 * a.mv(x) * a.mv(v)).tolist()


@pytest.mark.parametrize("rule", [func.jacrev, func.jacfwd])
def test_matrices_of_all_derivatives(rule):
    x = at()
    np.testing.assert_allclose(rule(ft.sin)(x).numpy(), np.diag(np.cos(X)))
    whole = rule(lambda x, y: (x.outer(y), x.sum()), argnums=(0, 1))(x, at(2, 3))
    expected = np.einsum("ik,j->ijk", np.eye(3), [2, 3])
    np.testing.assert_allclose(whole[0][0].numpy(), expected)
    np.testing.assert_allclose(
        whole[0][1].numpy(), np.einsum("i,jk->ijk", X, np.eye(2))
    )
    assert whole[1][0].tolist() == [1, 1, 1] and whole[1][1].tolist() == [0, 0]


def test_second_derivatives():
    np.testing.assert_allclose(
        func.hessian(cubes)(at()).numpy(), np.diag(6 * at().numpy())
    )


def test_maps_over_batches():
    rows = ft.arange(12.0).reshape(4, 3)
    gram = func.vmap(func.vmap(ft.dot, (0, None)), (None, 0))(rows, rows)
    np.testing.assert_array_equal(gram.numpy(), rows.numpy() @ rows.numpy().T)
    turned = func.vmap(lambda x: x * 2, in_dims=1, out_dims=1)(rows)
    assert turned.tolist() == (2 * rows).tolist()
    assert ft.vmap is func.vmap


def test_gradients_of_each_example():
    layer = nn.Linear(3, 1)
    params = {name: each.detach() for name, each in layer.named_parameters()}

    def loss(params, x):
        return func.functional_call(layer, params, (x,)).square().sum()

    x = ft.randn(5, 3)
    each = func.vmap(func.grad(loss), in_dims=(None, 0))(params, x)
    assert each["weight"].shape == (5, 1, 3)
    whole = func.grad(loss)(params, x)
    found = each["weight"].sum(0).numpy()
    np.testing.assert_allclose(found, whole["weight"].numpy(), rtol=1e-5)


def test_a_map_may_look_at_values():
    def absolute(x):
        return x if x > 0 else -x

    assert func.vmap(absolute)(at()).tolist() == [1, 2, 3]


def test_random_draws_of_a_map():
    x = ft.zeros(3)
    same = func.vmap(lambda x: x + ft.rand(()), randomness="same")(x)
    assert len(set(same.tolist())) == 1
    other = func.vmap(lambda x: x + ft.rand(()), randomness="different")(x)
    assert len(set(other.tolist())) == 3
    with pytest.raises(RuntimeError, match="called random operation"):
        func.vmap(lambda x: x + ft.rand(()))(x)


def test_models_are_stacked_as_new_leaves():
    models = [nn.BatchNorm1d(2) for _ in range(3)]
    params, buffers = func.stack_module_state(models)
    assert params["weight"].shape == (3, 2) and params["weight"].is_leaf
    assert params["weight"].requires_grad and not buffers["running_mean"].requires_grad


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: func.grad(lambda x: x)(at()), RuntimeError, "return a scalar Tensor"),
        (lambda: func.grad(cubes)(3), ValueError, "must be Tensor"),
        (lambda: func.grad(cubes, 1)(at()), RuntimeError, "Got argnum=1, but only 1"),
        (lambda: func.jvp(cubes, at(), at()), RuntimeError, "primals to be a tuple"),
        (lambda: func.jacrev(cubes, chunk_size=0), ValueError, "greater than 0"),
        (lambda: func.vmap(cubes)(3), ValueError, "cannot vmap over non-Tensor"),
        (lambda: func.vmap(cubes, 1)(at()), ValueError, "dimensionality 1"),
        (lambda: func.vmap(cubes)(ft.zeros(0)), ValueError, "size 0"),
        (lambda: func.vmap(ft.mul)(at(), at(1)), ValueError, "the same size"),
        (lambda: func.vmap(cubes, None)(at()), ValueError, "expected `in_dims`"),
        (lambda: func.vmap(lambda x: 3)(at()), ValueError, "only return Tensors"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused_calls(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
