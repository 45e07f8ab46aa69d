"""Writing what functions compute into tensors given as `out`."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import flambeau as torch


def test_the_result_is_written_into_the_tensor_that_is_given() -> None:
    x, out = torch.tensor([1.0, 2.0]), torch.zeros(2)
    assert torch.add(x, 1, out=out) is out
    assert out.tolist() == [2, 3]


def test_views_and_arrays_that_share_memory_see_what_is_written() -> None:
    base = torch.zeros(2, 2)
    array = base.numpy()
    torch.matmul(torch.eye(2), torch.tensor([3.0, 4.0]), out=base[:, 1])
    assert base.tolist() == [[0, 3], [0, 4]]
    np.testing.assert_array_equal(array, [[0, 3], [0, 4]])


def test_the_result_may_be_written_over_an_argument() -> None:
    x = torch.tensor([1.0, 2.0])
    torch.cat([x, x], out=x.resize_(0))
    assert x.tolist() == []
    y = torch.tensor([1.0, 2.0])
    torch.exp(torch.mul(y, 0, out=y), out=y)
    assert y.tolist() == [1, 1]


def test_several_results_go_into_several_tensors() -> None:
    values, indices = torch.empty(0), torch.empty(0, dtype=torch.int64)
    found = torch.max(torch.tensor([[1.0, 5.0], [7.0, 2.0]]), 1, out=(values, indices))
    assert found.values is values and found.indices is indices
    assert values.tolist() == [5, 7] and indices.tolist() == [1, 0]


def test_sums_and_new_tensors_have_the_dtype_of_out() -> None:
    whole = torch.empty(0, dtype=torch.int64)
    assert torch.arange(3, out=whole).tolist() == [0, 1, 2]
    wide = torch.empty((), dtype=torch.float64)
    torch.sum(torch.tensor([1.0, 1e-12]), 0, out=wide)
    assert wide.item() != 1


def test_a_tensor_of_another_size_is_resized_with_a_warning() -> None:
    with pytest.warns(UserWarning, match=r"resized since it had shape \[3\]") as caught:
        out = torch.stack([torch.ones(2)] * 2, out=torch.empty(3))
    assert out.shape == (2, 2)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "out, text",
    [
        (3, "argument 'out' must be Tensor, not int"),
        ((torch.zeros(1), torch.zeros(1)), "argument 'out' must be Tensor, not tuple"),
    ],
    ids=["number", "tuple"],
)
def test_what_is_no_tensor_is_refused(out: object, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        torch.linalg.inv(torch.eye(2), out=out)  # type: ignore[call-arg]


def test_one_tensor_for_two_results_is_refused() -> None:
    with pytest.raises(TypeError, match="must be tuple of 2 Tensors, not Tensor"):
        torch.sort(torch.ones(2), out=torch.empty(0))  # type: ignore[call-arg]


def test_a_result_with_a_gradient_is_written_without_grad_mode_only() -> None:
    x, out = torch.ones(2, requires_grad=True), torch.empty(2)
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        torch.special.expm1(x, out=out)  # type: ignore[call-arg]
    with torch.no_grad():
        torch.mul(x, 3, out=out)
    assert out.tolist() == [3, 3] and not out.requires_grad


def test_methods_have_no_out() -> None:
    with pytest.raises(TypeError, match="out"):
        torch.ones(2).add(1, out=torch.empty(2))


def test_functions_with_out_can_be_pickled() -> None:
    for function in (torch.add, torch.concat, torch.linalg.inv, torch.special.erf):
        assert pickle.loads(pickle.dumps(function)) is function
