"""Pools, their gradients, and windows in and out, compiled: against NumPy."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
from compiled import check, compute, host_steps, kernels
from hypothesis import given, settings
from hypothesis import strategies as st

from flambeau.compiler.selection import pool_tap
from flambeau.graph import Node, constant
from flambeau.ops import elementwise as ew
from flambeau.ops import window
from flambeau.ops.broadcast import reshape
from flambeau.ops.numpy_windows import output_sizes

ORDERS = ("rows", "channels")
DTYPES = (np.float32, np.float64)


def image(
    shape: tuple[int, ...], kind: Any, order: str = "rows", nans: bool = False
) -> Node:
    """A leaf with few different values, in row-major or channels-last memory."""
    rng = np.random.default_rng(prod(shape))
    x = rng.integers(-4, 5, shape).astype(kind)
    if nans:
        x[rng.random(shape) < 0.05] = np.nan
    if order == "channels":
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    return constant(x)


def options(
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    pad: int = 0,
    dilation: int = 1,
    ceil_mode: bool = False,
) -> dict[str, Any]:
    """A pool's parameters."""
    pads = ((pad, pad),) * len(kernel)
    spread = (dilation,) * len(kernel)
    count = output_sizes(sizes, kernel, stride, pads, spread, ceil_mode)
    return {
        "kernel": kernel,
        "stride": stride,
        "padding": pads,
        "dilation": spread,
        "output_size": count,
    }


def without_dilation(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a sum of windows."""
    return {name: value for name, value in params.items() if name != "dilation"}


@st.composite
def pools(draw: st.DrawFn) -> tuple[tuple[int, ...], dict[str, Any]]:
    """A shape (N, C, *sizes) and the parameters of a pool of it."""
    dims = draw(st.integers(1, 3))
    few = st.integers(1, 3)
    kernel = tuple(draw(few) for _ in range(dims))
    stride = tuple(draw(few) for _ in range(dims))
    dilation = draw(st.integers(1, 2))
    spans = [(k - 1) * dilation + 1 for k in kernel]
    pad = draw(st.integers(0, min(spans) // 2))
    sizes = tuple(max(span, draw(st.integers(1, 20))) for span in spans)
    shape = (draw(few), draw(st.sampled_from((1, 3, 17, 40))), *sizes)
    ceil_mode = draw(st.booleans())
    return shape, options(sizes, kernel, stride, pad, dilation, ceil_mode)


@settings(max_examples=30, deadline=None)
@given(pools(), st.sampled_from(ORDERS), st.sampled_from(DTYPES))
def test_pools_and_their_gradients(case: Any, order: str, kind: Any) -> None:
    shape, params = case
    x = image(shape, kind, order, nans=True)
    best = window.max_pool(x, **params)
    index = window.max_pool_index(x, **params)
    check(best, index)
    g = image(best.shape, kind, order)
    check(window.unpool(g, index, input_size=shape[2:]))
    if set(params["dilation"]) == {1}:
        params = without_dilation(params)
        check(window.sum_pool(image(shape, kind, order), **params))
        del params["output_size"]
        check(window.sum_pool_grad(g, input_size=shape[2:], **params))


@settings(max_examples=15, deadline=None)
@given(pools(), st.sampled_from(DTYPES))
def test_windows_are_taken_out_and_added_back(case: Any, kind: Any) -> None:
    shape, params = case
    params["output_size"] = None
    del params["output_size"]
    cols = window.windows(image(shape, kind, "channels"), **params)
    check(cols)
    check(window.fold_windows(image(cols.shape, kind), input_size=shape[2:], **params))


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int16, np.int32, np.int64])
@pytest.mark.parametrize("order", ORDERS)
def test_pools_of_integers(kind: Any, order: str) -> None:
    x = ew.cast(
        ew.absolute(image((2, 19, 9, 9), np.float32, order)), image((1,), kind).dtype
    )
    params = options((9, 9), (3, 2), (2, 1), 1)
    check(window.max_pool(x, **params), window.max_pool_index(x, **params))


@pytest.mark.parametrize("stride", [5, 16, 40])
def test_long_strides_and_windows_that_are_only_padding(stride: int) -> None:
    params = options((7, 90), (2, 3), (1, stride), 1, 3)
    x = image((2, 3, 7, 90), np.float32)
    g = image((2, 3, *params["output_size"]), np.float32)
    index = window.max_pool_index(x, **params)
    check(index, window.max_pool(x, **params))
    check(window.unpool(g, index, input_size=(7, 90)))


def test_a_pool_of_one_pixel_may_see_nothing() -> None:
    params = options((1, 1), (2, 2), (1, 1), 2, 3)
    x = image((1, 3, 1, 1), np.float32)
    check(window.max_pool(x, **params), window.max_pool_index(x, **params))


def test_cropped_sums() -> None:
    x = image((2, 5, 12, 21), np.float32)
    params = {"kernel": (3, 2), "stride": (2, 2), "padding": ((-2, -1), (-3, 0))}
    count = output_sizes((12, 21), *params.values(), (1, 1))  # type: ignore[arg-type]
    y = window.sum_pool(x, output_size=count, **params)
    check(y)
    g = image(y.shape, np.float32)
    check(window.sum_pool_grad(g, input_size=(12, 21), **params))


@pytest.mark.parametrize("order", ORDERS)
def test_results_are_the_same_bits_on_any_number_of_threads(order: str) -> None:
    rng = np.random.default_rng(0)
    shape = (4, 24, 33, 31)
    x = rng.standard_normal(shape).astype(np.float32)
    if order == "channels":
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
    params = options(shape[2:], (3, 3), (2, 2), 1)
    node = constant(x)
    best, index = window.max_pool(node, **params), window.max_pool_index(node, **params)
    total = window.sum_pool(node, **without_dilation(params))
    back = window.unpool(ew.mul(best, total), index, input_size=shape[2:])
    one, two, four = (compute(best, total, back, threads=count) for count in (1, 2, 4))
    for a, b, c in zip(one, two, four, strict=True):
        assert a.tobytes() == b.tobytes() == c.tobytes()


def test_a_pool_and_its_gradient_are_two_kernels() -> None:
    params = options((32, 32), (2, 2), (2, 2))
    x = image((2, 16, 32, 32), np.float32, "channels")
    best = window.max_pool(x, **params)
    index = window.max_pool_index(x, **params)
    g = image(best.shape, np.float32, "channels")
    back = window.unpool(g, index, input_size=(32, 32))
    assert kernels(best, back) == ["max_pool", "max_pool_grad"]
    assert host_steps(best, back) == []


def test_channels_last_stays_channels_last() -> None:
    params = options((8, 8), (2, 2), (2, 2))
    x = image((2, 16, 8, 8), np.float32, "channels")
    y = window.max_pool(ew.relu(x), **params)
    y = window.max_pool(y, **options((4, 4), (2, 2), (2, 2)))
    assert kernels(y) == ["loop_relu", "max_pool", "max_pool"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shape", [(2, 16, 9, 8), (1, 5, 7, 37), (3, 21, 1, 2)])
def test_what_follows_a_pool_is_computed_as_it_is_stored(
    shape: tuple[int, ...], order: str
) -> None:
    x = image(shape, np.float32, order)
    params = options(shape[2:], (3, 2), (2, 1), 1)
    best = window.max_pool(x, **params)
    bias = constant(np.linspace(-1, 1, shape[1], dtype=np.float32))
    bias = reshape(bias, (shape[1], 1, 1))
    total = window.sum_pool(x, **without_dilation(params))
    mean = ew.mul(total, ew.const_like(1 / 6, total))
    ends = ew.relu(ew.add(bias, best)), ew.add(mean, ew.exp(mean))
    for end in ends:
        check(end)
        assert [name.split("_")[1] for name in kernels(end)] == ["pool"]
    check(*ends, best, mean)


@pytest.mark.parametrize("code", [window.max_pool_index, pool_tap])
def test_a_pool_with_its_taps_also_computes_what_follows(code: Any) -> None:
    params = options((9, 18), (3, 2), (2, 2), 1)
    x = image((2, 18, 9, 18), np.float32, "channels")
    best, where = window.max_pool(x, **params), code(x, **params)
    y = ew.relu(best)
    check(y, where)
    check(best, where, y)
    assert kernels(y, where) == ["max_pool"]
    late = ew.mul(y, ew.cast(where, y.dtype))  # reads what is not in memory yet
    check(late)
    check(late, y, where)
