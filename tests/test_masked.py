"""torch.masked beside NumPy's masked arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import flambeau as torch
from flambeau import masked

X = np.random.default_rng(0).normal(size=(3, 4, 5))
MARKS = np.random.default_rng(1).random((4, 5)) > 0.4
MARKS[0] = MARKS[:, 0] = True  # some in every row and column
REDUCTIONS = ("sum", "prod", "mean", "var", "std")


def plain() -> Any:
    return np.ma.array(X, mask=~np.broadcast_to(MARKS, X.shape))


@pytest.mark.parametrize("dim", [None, 1, (0, 2)], ids=str)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str, dim: Any) -> None:
    options = {"correction": 0} if name in ("var", "std") else {}
    found = getattr(masked, name)(
        torch.tensor(X), dim, mask=torch.tensor(MARKS), **options
    )
    if name == "prod" and isinstance(dim, tuple):
        wanted = plain().prod(2).prod(0)
    else:
        wanted = getattr(plain(), name)(dim)
    np.testing.assert_allclose(found.numpy(), np.ma.getdata(wanted), rtol=1e-12)


@pytest.mark.parametrize("name", ["amax", "amin", "argmax", "argmin"])
def test_extremes(name: str) -> None:
    found = getattr(masked, name)(torch.tensor(X), 1, mask=torch.tensor(MARKS))
    wanted = getattr(plain(), name.removeprefix("a") if name[1] == "m" else name)(1)
    np.testing.assert_array_equal(found.numpy(), np.ma.getdata(wanted))


def test_softmax_of_marked_elements_adds_up_to_one() -> None:
    mask = torch.tensor(MARKS)
    y = masked.softmax(torch.tensor(X), 2, mask=mask).numpy()
    np.testing.assert_allclose(y.sum(2), 1, rtol=1e-12)
    assert not y[:, ~MARKS].any()
    z = masked.log_softmax(torch.tensor(X), 2, mask=mask).exp().numpy()
    np.testing.assert_allclose(y, z, rtol=1e-12)


def test_gradients_reach_marked_elements_alone() -> None:
    x = torch.tensor(X, requires_grad=True)
    masked.mean(x, mask=torch.tensor(MARKS)).backward()
    assert x.grad is not None
    wanted = np.broadcast_to(MARKS, X.shape) / (3 * MARKS.sum())
    np.testing.assert_allclose(x.grad.numpy(), wanted, rtol=1e-12)


def test_what_is_refused() -> None:
    x, mask = torch.ones(2), torch.ones(2, 2)
    with pytest.raises(
        IndexError, match="mask dimensionality higher than of the input"
    ):
        masked.sum(x, mask=mask)
    with pytest.raises(ValueError, match="floating point"):
        masked.mean(x.long())
    with pytest.raises(ValueError, match="no fully masked out rows"):
        masked.median(x.long(), mask=torch.zeros(2))
    with pytest.raises(AssertionError, match="Only one of unbiased and correction"):
        masked.var(x, unbiased=True, correction=1)
    assert not masked.is_masked_tensor(x)
