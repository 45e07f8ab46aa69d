"""Gradient clipping beside NumPy, and what it refuses."""

import numpy as np
import pytest

import flambeau as ft
from flambeau.nn.utils import (
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)


def leaf(*values):
    """A parameter with these values."""
    return ft.tensor(values, dtype=ft.float64, requires_grad=True)


def with_grads(*grads):
    """Parameters with these gradients."""
    params = [leaf(*[0.0] * len(grad)) for grad in grads]
    for param, grad in zip(params, grads):
        param.grad = ft.tensor(grad, dtype=ft.float64)
    return params


@pytest.mark.parametrize("order", [2.0, 1.0, 3.0, 0.5, float("inf"), float("-inf")])
def test_clip_grad_norm_bounds_the_norm_of_all_gradients(order):
    grads = [[3.0, -1.0], [2.0]]
    norm = np.linalg.norm([3.0, -1.0, 2.0], order)
    params = with_grads(*grads)
    assert clip_grad_norm_(params, 0.5, order).item() == pytest.approx(norm)
    for param, grad in zip(params, grads):
        expected = np.array(grad) * 0.5 / (norm + 1e-6)
        np.testing.assert_allclose(param.grad.numpy(), expected, rtol=1e-12)


def test_clip_grad_norm_leaves_small_gradients_and_none_alone():
    params = [*with_grads([0.3, 0.4]), leaf(1.0)]
    assert clip_grad_norm_(iter(params), 1.0).item() == pytest.approx(0.5)
    assert params[0].grad.tolist() == [0.3, 0.4]
    assert clip_grad_norm_([leaf(1.0)], 1.0).item() == 0.0


def test_get_total_norm_of_order_zero_counts_the_tensors_that_are_not_zero():
    tensors = [ft.tensor([1.0, 2.0]), ft.tensor([0.0]), ft.tensor([3.0])]
    assert get_total_norm(tensors, 0).item() == 2.0


def test_clip_grads_with_norm_takes_the_norm_as_given():
    [param] = with_grads([1.0, 2.0])
    clip_grads_with_norm_(param, 1.0, ft.tensor(4.0, dtype=ft.float64))
    np.testing.assert_allclose(param.grad.tolist(), [0.25, 0.5], rtol=1e-6)


def test_nonfinite_norms_are_an_error_if_asked():
    params = with_grads([float("nan")])
    with pytest.raises(RuntimeError, match=r"order 2.0 .* non-finite \(nan\)"):
        clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    assert np.isnan(clip_grad_norm_(params, 1.0).item())


def test_an_empty_generator_is_warned_about():
    with pytest.warns(UserWarning, match="empty generator"):
        clip_grad_norm_((each for each in ()), 1.0)


def test_clip_grad_value_bounds_every_element():
    params = [*with_grads([-3.0, 0.25], [2.0]), leaf(1.0)]
    clip_grad_value_(params, 0.5)
    assert [p.grad.tolist() for p in params[:2]] == [[-0.5, 0.25], [0.5]]
