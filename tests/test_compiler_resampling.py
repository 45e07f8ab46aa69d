"""Resampled axes, compiled: against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiled import check, compute, host_steps, kernels
from hypothesis import given, settings
from hypothesis import strategies as st

from flambeau.graph import Node, constant
from flambeau.ops import elementwise as ew
from flambeau.ops.resample import Rule, resample, taps

PLAIN = ("nearest", "nearest-exact", "linear", "cubic")
FILTERED = ("linear", "cubic", "lanczos")


def numbers(shape: tuple[int, ...], kind: Any = np.float32) -> Node:
    return constant(np.random.default_rng(0).standard_normal(shape).astype(kind))


def there_and_back(x: Node, axis: int, rule: Rule) -> tuple[Node, Node]:
    """A resampled axis, and the gradient of a weighted sum of it."""
    y = resample(x, axis, rule)
    g = ew.exp(numbers(y.shape, x.dtype.numpy))
    assert y.op is not None
    return y, y.op.input_gradient(0, g, y)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Any rule; few elements may become many, and the other way round."""
    antialias = draw(st.booleans())
    mode = draw(st.sampled_from(FILTERED if antialias else PLAIN))
    sizes = draw(st.integers(1, 12)), draw(st.integers(1, 40))
    if draw(st.booleans()):
        sizes = sizes[::-1]
    aligned = mode in ("linear", "cubic") and draw(st.booleans())
    return Rule(mode, *sizes, align_corners=aligned, antialias=antialias)


@settings(max_examples=30, deadline=None)
@given(rules(), st.integers(0, 2), st.sampled_from((np.float32, np.float64)))
def test_an_axis_is_resampled_there_and_back(rule: Rule, axis: int, kind: Any) -> None:
    shape = [3, 2, 17]
    shape[axis] = rule.size
    x = ew.exp(numbers(tuple(shape), kind))
    found = there_and_back(x, axis, rule)
    check(*found)
    assert host_steps(*found) == []


def test_few_inputs_are_read_along_with_what_surrounds_them() -> None:
    x, rule = numbers((4, 8, 16)), Rule("linear", 8, 16)
    assert kernels(ew.exp(resample(x, 1, rule))) == ["loop_mul_mul_add_exp"]


def test_many_inputs_are_added_up_in_one_kernel() -> None:
    x, rule = numbers((4, 8, 16)), Rule("linear", 8, 128)
    _, back = there_and_back(x, 1, rule)
    assert len(kernels(back)) == 2  # one is of the numbers that are weighed


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_infinity_reaches_its_neighbours_only(mode: str) -> None:
    rule = Rule(mode, 8, 33)
    y = resample(numbers((8,)), 0, rule)
    g = np.ones(33, np.float32)
    g[0] = np.inf
    assert y.op is not None
    back = y.op.input_gradient(0, constant(g), y)
    reached = np.unique(taps(rule)[0][0])
    [found] = compute(back)
    assert np.isfinite(np.delete(found, reached)).all()
