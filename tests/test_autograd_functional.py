"""Derivatives of functions: matrices of them, and products with vectors."""

import numpy as np
import pytest

import flambeau as ft
from flambeau.autograd import functional as F

A = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def linear(x):
    return ft.tensor(A).mv(x)


def cubes(x):
    return (x**3).sum()


def at(*values):
    return ft.tensor(values, dtype=ft.float64)


def test_matrices_of_derivatives():
    assert F.jacobian(linear, at(1, 1)).tolist() == A.tolist()
    whole = F.jacobian(lambda x, y: (x * y.sum(), y), (at(1, 2), at(3, 4)))
    assert whole[0][0].tolist() == [[7, 0], [0, 7]]
    assert whole[0][1].tolist() == [[1, 1], [2, 2]]
    assert whole[1][0].tolist() == [[0, 0], [0, 0]]
    assert F.hessian(cubes, at(1, 2)).tolist() == [[6, 0], [0, 12]]


def test_products_with_vectors():
    output, back = F.vjp(linear, at(1, 1), at(1, 2, 3))
    assert output.tolist() == A.sum(1).tolist()
    assert back.tolist() == (A.T @ [1, 2, 3]).tolist()
    assert F.jvp(linear, at(1, 1), at(1, 2))[1].tolist() == (A @ [1, 2]).tolist()
    for rule in (F.vhp, F.hvp):
        assert rule(cubes, at(1, 2), at(3, 4))[1].tolist() == [18, 48]


def test_results_can_be_differentiated_if_asked():
    x = at(1, 2).requires_grad_()
    assert not F.hessian(cubes, x).requires_grad
    F.hessian(cubes, x, create_graph=True).sum().backward()
    assert x.grad.tolist() == [6, 6]


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: F.jacobian(linear, 3), TypeError, "given inputs has type"),
        (lambda: F.hessian(linear, at(1, 1)), RuntimeError, "a single element"),
        (lambda: F.vjp(linear, at(1, 1)), RuntimeError, "v can only be None"),
        (lambda: F.vjp(linear, at(1, 1), at(1)), RuntimeError, "v has invalid size"),
        (
            lambda: F.jacobian(lambda x, y: x * 2, (at(1), at(1)), strict=True),
            RuntimeError,
            "independent of input 1",
        ),
    ],
    ids=["number", "vector", "none", "size", "strict"],
)
def test_refused_calls(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
