"""No kernel reads or writes outside its buffers: each runs between forbidden pages."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from compiled import compute_between_guards
from hypothesis import given, settings
from hypothesis import strategies as st
from random_graphs import graphs
from specimens import SPECIMENS
from test_compiler_windows import image, pools

from flambeau.graph import Node
from flambeau.ops import elementwise as ew
from flambeau.ops import window

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs mprotect")


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("family", SPECIMENS)
def test_kernels_stay_inside_their_buffers(family: str, at_end: bool) -> None:
    for node in SPECIMENS[family]():
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
