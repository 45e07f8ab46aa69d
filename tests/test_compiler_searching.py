"""Places in sorted rows, compiled: against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiled import check, host_steps, kernels
from hypothesis import given, settings
from hypothesis import strategies as st

import flambeau as torch
from flambeau.graph import constant
from flambeau.nn import functional as F
from flambeau.ops import elementwise as ew
from flambeau.ops.order import searchsorted

DTYPES = (np.float32, np.float64, np.int64, np.uint8)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 20),
    st.booleans(),
    st.booleans(),
    st.sampled_from(DTYPES),
)
def test_places_are_numpys(
    size: int, count: int, each: bool, right: bool, kind: Any
) -> None:
    rng = np.random.default_rng(size)
    row = np.sort(rng.integers(0, 20, (3, size) if each else size)).astype(kind)
    x = constant(rng.integers(0, 22, (3, count)).astype(kind))
    found = searchsorted(constant(row), ew.add(x, x), right=right)
    check(found)
    assert host_steps(found) == []


@pytest.mark.parametrize("right", [False, True])
def test_nan_is_the_largest_number(right: bool) -> None:
    row = constant(np.array([-np.inf, 1, 1, 2, np.inf, np.nan, np.nan]))
    x = constant(np.array([np.nan, np.inf, -np.inf, 0, 1, 3]))
    check(searchsorted(row, ew.neg(ew.neg(x)), right=right))


def test_a_search_is_one_kernel_and_needs_no_check() -> None:
    row, x = constant(np.arange(7.0)), constant(np.arange(300.0))
    assert len(kernels(searchsorted(row, ew.exp(x), right=False))) == 1


def test_bags_at_offsets_leave_nothing_to_numpy() -> None:
    table = torch.rand(50, 8, requires_grad=True)
    words, offsets = torch.arange(40), torch.tensor([0, 3, 3, 20])
    found = F.embedding_bag(words, table, offsets, mode="mean")
    (slope,) = torch.autograd.grad(found.square().sum(), table)
    assert host_steps(found.node, slope.node) == []
