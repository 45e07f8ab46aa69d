"""Gradient clipping beside live torch, in float64."""

import numpy as np
import pytest
import torch

import flambeau
from flambeau.nn import utils


def with_gradients(lib):
    """Parameters with the same gradients in either library."""
    rng = np.random.default_rng(0)
    params = [lib.zeros(shape, dtype=lib.float64) for shape in [(3, 4), (5,), ()]]
    for param in params:
        param.grad = lib.tensor(rng.normal(size=tuple(param.shape)))
    return params


@pytest.mark.parametrize("order", [2.0, 1, 3.0, 0.5, 0, float("inf"), float("-inf")])
@pytest.mark.parametrize("bound", [0.5, 1e9])
def test_clip_grad_norm(order, bound):
    results = []
    for lib, here in ((flambeau, utils), (torch, torch.nn.utils)):
        params = with_gradients(lib)
        norm = here.clip_grad_norm_(params, bound, order)
        results.append([norm.numpy(), *(p.grad.numpy() for p in params)])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_clip_grad_value():
    results = []
    for lib, here in ((flambeau, utils), (torch, torch.nn.utils)):
        params = with_gradients(lib)
        here.clip_grad_value_(params, 0.5)
        results.append([p.grad.numpy() for p in params])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
