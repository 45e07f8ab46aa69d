"""No kernel reads or writes outside its buffers: each runs between forbidden pages."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiled import compute_between_guards
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import graphs
from test_compiler_windows import image, options, pools, without_dilation

from flambeau import dtypes as dt
from flambeau.graph import Node, constant
from flambeau.ops import elementwise as ew
from flambeau.ops import index as ix
from flambeau.ops import reduce as rd
from flambeau.ops import window
from flambeau.ops.broadcast import sum_
from flambeau.ops.movement import zeros

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs mprotect")


def leaf(*shape: int) -> Node:
    return constant(np.ones(shape, np.float32))


def positions(size: int, *shape: int) -> Node:
    """Positions that are known only when the graph is evaluated."""
    found = np.random.default_rng(0).integers(0, size, shape)
    return ew.neg(constant(-found))


def pooled(order: str) -> list[Node]:
    params = options((9, 37), (3, 2), (2, 1), 1)
    x = image((2, 19, 9, 37), np.float32, order)
    best, index = window.max_pool(x, **params), window.max_pool_index(x, **params)
    total = window.sum_pool(x, **without_dilation(params))
    back = window.unpool(ew.neg(best), index, input_size=(9, 37))
    params = without_dilation(params)
    del params["output_size"]
    spread = window.sum_pool_grad(total, input_size=(9, 37), **params)
    return [best, index, total, back, spread]


def folded() -> list[Node]:
    params = options((9, 37), (3, 2), (2, 1), 1)
    del params["output_size"]
    cols = window.windows(leaf(2, 3, 9, 37), **params)
    return [cols, window.fold_windows(cols, input_size=(9, 37), **params)]


def indexed() -> list[Node]:
    x, where = leaf(11, 37), positions(11, 5)
    rows = ix.index(x, where)
    along = ix.gather(x, positions(11, 7, 37), axis=0)
    added = ix.index_add(zeros((11, 37), dt.float32), rows, where)
    scattered = ix.scatter_add(x, positions(37, 11, 9), leaf(11, 9), axis=1)
    return [rows, along, added, scattered]


def walked() -> list[Node]:
    x = leaf(5, 37)
    found = [op(x, axis=axis) for op in (rd.argmax, rd.cumsum) for axis in (0, 1)]
    return [*found, rd.prod(x, axis=1, keepdims=False)]


def reduced() -> list[Node]:
    x = ew.exp(leaf(5, 37, 19))
    axes = [(0,), (1,), (2,), (0, 2), (0, 1, 2)]
    return [sum_(x, axes=each, keepdims=False) for each in axes]


FAMILIES: dict[str, Callable[[], list[Node]]] = {
    "pools by rows": lambda: pooled("rows"),
    "pools by channels": lambda: pooled("channels"),
    "folds": folded,
    "positions": indexed,
    "walks": walked,
    "reductions": reduced,
}


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_kernels_stay_inside_their_buffers(family: str, at_end: bool) -> None:
    for node in FAMILIES[family]():
        compute_between_guards(node, at_end=at_end)


@settings(max_examples=40, deadline=None)
@given(graphs(), st.booleans())
def test_random_graphs_stay_inside_their_buffers(
    nodes: list[Node], at_end: bool
) -> None:
    compute_between_guards(*nodes, at_end=at_end)


@settings(max_examples=15, deadline=None)
@given(pools(), st.sampled_from(["rows", "channels"]), st.booleans())
def test_random_pools_stay_inside_their_buffers(
    case: Any, order: str, at_end: bool
) -> None:
    shape, params = case
    x = image(shape, np.float32, order)
    index = window.max_pool_index(x, **params)
    g = ew.neg(window.max_pool(x, **params))
    back = window.unpool(g, index, input_size=shape[2:])
    compute_between_guards(index, back, at_end=at_end)
