"""Walks along one axis, compiled: positions of extremes, running totals, products."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiled import check, compute, host_steps
from hypothesis import given, settings
from hypothesis import strategies as st

from flambeau.graph import Node, constant
from flambeau.ops import index as ix
from flambeau.ops import reduce as rd

DTYPES = (np.float32, np.float64, np.int8, np.uint8, np.int32, np.int64)
SHAPES = st.lists(st.integers(1, 40), min_size=1, max_size=3)


def leaf(sizes: list[int], kind: Any, turned: bool, nans: bool = False) -> Node:
    rng = np.random.default_rng(sum(sizes))
    x = rng.integers(0, 5, sizes).astype(kind)
    if nans and x.dtype.kind == "f":
        x[rng.random(x.shape) < 0.05] = np.nan
    return constant(x.T if turned else x)


@settings(max_examples=40, deadline=None)
@given(SHAPES, st.integers(0, 2), st.sampled_from(DTYPES), st.booleans())
def test_positions_of_extremes(
    sizes: list[int], axis: int, kind: Any, turned: bool
) -> None:
    x = leaf(sizes, kind, turned, nans=True)
    axis %= len(sizes)
    check(rd.argmax(x, axis=axis), rd.argmin(x, axis=axis))


@settings(max_examples=40, deadline=None)
@given(SHAPES, st.integers(0, 2), st.sampled_from(DTYPES), st.booleans())
def test_running_totals(sizes: list[int], axis: int, kind: Any, turned: bool) -> None:
    x = leaf(sizes, kind, turned)
    axis %= len(sizes)
    check(rd.cumsum(x, axis=axis))
    signs = leaf([size % 7 + 1 for size in sizes], kind, turned)
    check(rd.cumprod(signs, axis=axis), rd.prod(signs, axis=axis, keepdims=True))
    check(rd.prod(signs, axis=axis, keepdims=False))


@pytest.mark.parametrize("shape", [(3, 70_000), (70_000, 3), (1, 5000, 33)])
def test_long_axes_give_the_same_bits_on_any_number_of_threads(shape: Any) -> None:
    rng = np.random.default_rng(0)
    x = constant(rng.standard_normal(shape).astype(np.float32))
    nodes = [rd.argmax(x, axis=1), rd.cumsum(x, axis=0), rd.argmin(x, axis=0)]
    check(*nodes)
    one, four = (compute(*nodes, threads=count) for count in (1, 4))
    assert [each.tobytes() for each in one] == [each.tobytes() for each in four]


def test_a_maximum_is_read_where_argmax_says() -> None:
    x = leaf([30, 50], np.float32, turned=False)
    best = rd.argmax(x, axis=1)
    highest = ix.index(x, constant(np.arange(30)), best)
    check(highest, best)
    assert host_steps(highest, best) == []
