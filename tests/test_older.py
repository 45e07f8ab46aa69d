"""Functions that torch keeps under older names."""

import numpy as np
import pytest

import flambeau as ft

A = np.arange(12.0).reshape(4, 3) ** 1.5


@pytest.mark.parametrize("some", [True, False])
def test_older_decompositions(some):
    a = ft.tensor(A)
    u, s, v = a.svd(some=some)
    width = 3 if some else 4
    assert u.shape == (4, width) and v.shape == (3, 3)
    whole = u.numpy()[:, :3] * s.numpy() @ v.numpy().T
    np.testing.assert_allclose(whole, A, atol=1e-10)
    q, r = ft.qr(a, some=some)
    assert q.shape == (4, width)
    np.testing.assert_allclose((q @ r).numpy(), A, atol=1e-10)
    assert not ft.svd(a, compute_uv=False).V.any()


def test_sums_to_a_smaller_shape():
    a = ft.tensor(A, requires_grad=True)
    np.testing.assert_allclose(a.sum_to_size(1, 3).tolist(), A.sum(0, keepdims=True))
    np.testing.assert_allclose(a.sum_to_size((3,)).tolist(), A.sum(0))
    assert a.sum_to_size(4, 3).tolist() == A.tolist()
    a.sum_to_size(4, 1).square().sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), 2 * A.sum(1, keepdims=True) + 0 * A)
    with pytest.raises(RuntimeError, match="is not expandable to size"):
        a.sum_to_size(2, 3)


def test_elements_by_a_function_of_python():
    a = ft.tensor([[1, 2], [3, 4]])
    assert a.apply_(lambda x: x**2) is a
    assert a.map_(ft.tensor([10, 20]), lambda x, y: x + y).tolist() == [
        [11, 24],
        [19, 36],
    ]
    part = ft.zeros(4)
    part[1:3].apply_(lambda x: x + 1)
    assert part.tolist() == [0, 1, 1, 0]


def test_other_names():
    a = ft.tensor(A)
    assert a.ndimension() == 2
    assert a.is_same_size(ft.zeros(4, 3)) and not a.is_same_size(ft.zeros(3))
    assert ft.tensor([2.0]).is_nonzero()
    for name in ("chunk", "split"):
        parts = getattr(a, "unsafe_" + name)(2)
        plain = getattr(a, name)(2)
        assert [each.tolist() for each in parts] == [each.tolist() for each in plain]
