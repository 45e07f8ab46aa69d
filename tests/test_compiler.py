"""The compiler: compiled graphs mean what NumPy says, in as few kernels as expected."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiled import (
    check,
    compute,
    compute_between_guards,
    host_steps,
    kernels,
    program,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_graphs import graphs

from flambeau import dtypes as dt
from flambeau.compiler import native
from flambeau.compiler.decompose import decompose
from flambeau.compiler.memory import own_memory, plan_memory
from flambeau.compiler.program import KernelStep, Program
from flambeau.graph import Node, constant, shared_scalar, topological
from flambeau.ops import elementwise as ew
from flambeau.ops import movement as mv
from flambeau.ops import reduce as rd
from flambeau.ops.activation import leaky_relu
from flambeau.ops.broadcast import reshape, sum_
from flambeau.ops.contract import matmul
from flambeau.ops.conv import conv


def leaf(*shape: int, kind: Any = np.float32) -> Node:
    """A constant with normally distributed values."""
    rng = np.random.default_rng(sum(shape))
    return constant(rng.standard_normal(shape).astype(kind))


# Meaning


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graphs())
def test_random_graphs_mean_what_numpy_says(nodes: list[Node]) -> None:
    check(*nodes)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_nan_and_infinity_go_through(kind: Any) -> None:
    special = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0]
    x = constant(np.array(special * 7, kind).reshape(7, 7))
    y = constant(np.repeat(np.array(special, kind), 7).reshape(7, 7))
    pairs = [
        op(x, y) for op in (ew.add, ew.sub, ew.mul, ew.div, ew.maximum, ew.minimum)
    ]
    check(*pairs, *(ew.cast(op(x, y), dt.int64) for op in (ew.less, ew.not_equal)))
    check(*(op(x) for op in (ew.exp, ew.relu, ew.tanh, ew.sigmoid, ew.sqrt, ew.log)))
    for op in (sum_, rd.amax, rd.amin):
        check(*(op(x, axes=(axis,), keepdims=False) for axis in (0, 1)))
    check(rd.softmax(x, axis=1), rd.log_softmax(x, axis=0))


@pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 4), (2, 0, 3)])
def test_no_elements_are_no_work(shape: tuple[int, ...]) -> None:
    x = constant(np.zeros(shape, np.float32))
    total = sum_(ew.exp(x), axes=(len(shape) - 1,), keepdims=True)
    check(ew.exp(x), total, ew.add(total, total), mv.cat(x, x, axis=0))


def test_a_number_is_a_graph_too() -> None:
    x = constant(np.array(2.0, np.float32))
    check(ew.exp(x), sum_(x, axes=(), keepdims=False), reshape(ew.neg(x), (1, 1)))


def test_values_of_any_layout_are_read_where_they_lie() -> None:
    x = np.arange(2 * 6 * 8 * 10.0).reshape(2, 6, 8, 10)
    for array in (x.transpose(3, 1, 0, 2), x[:, ::2, 1:, ::-3], x[::-1]):
        node = constant(array.astype(np.float32, copy=False))
        check(ew.mul(node, node), sum_(node, axes=(1, 2), keepdims=False))
    broadcast = constant(np.broadcast_to(np.float32(3), (4, 5)))
    check(ew.add(broadcast, leaf(4, 5)), sum_(broadcast, axes=(0,), keepdims=False))


def test_wide_and_narrow_elements_meet() -> None:
    x = leaf(5, 33)
    parts = [ew.cast(ew.mul(x, ew.const_like(50, x)), kind) for kind in INTEGERS]
    check(*parts)
    check(*(ew.add(ew.cast(each, dt.float32), x) for each in parts))
    check(*(ew.cast(each, dt.float64) for each in parts))
    check(
        sum_(ew.cast(ew.greater(x, parts_zero(x)), dt.int64), axes=(1,), keepdims=False)
    )


INTEGERS = (dt.int8, dt.uint8, dt.int16, dt.int32, dt.int64, *dt.LONE)


def parts_zero(x: Node) -> Node:
    return ew.const_like(0, x)


def test_a_deep_chain_is_cut_into_several_kernels() -> None:
    x = y = leaf(100)
    for _ in range(200):
        y = ew.add(ew.mul(y, ew.const_like(0.5, y)), x)
    names = kernels(y)
    assert 2 <= len(names) <= 10
    check(y)


# What is stored, and what is fused


def test_an_expression_is_one_loop() -> None:
    x, w = leaf(64, 100), leaf(100)
    y = ew.relu(ew.add(ew.mul(x, w), ew.const_like(1, x)))
    assert kernels(y) == ["loop_mul_add_relu"]


def test_views_cost_no_kernel() -> None:
    x = leaf(8, 6, 10)
    y = ew.exp(mv.flip(mv.permute(mv.slice_axis(x, 1, 1, 4), (2, 0, 1)), (0,)))
    assert kernels(y) == ["loop_exp"]
    dense = reshape(ew.exp(x), (48, 10))
    assert kernels(dense) == ["loop_exp"]


def test_a_reduction_reads_an_expression_that_is_not_stored() -> None:
    x = leaf(64, 100)
    total = sum_(ew.mul(ew.exp(x), x), axes=(1,), keepdims=False)
    assert kernels(total) == ["sum_exp_mul"]


def test_equal_reductions_of_one_shape_share_a_walk() -> None:
    x = leaf(64, 100)
    first = sum_(x, axes=(0,), keepdims=False)
    second = sum_(ew.mul(x, x), axes=(0,), keepdims=False)
    assert kernels(first, second) == ["sum_mul"]


def test_softmax_is_two_reductions_and_a_loop() -> None:
    names = kernels(rd.softmax(leaf(64, 100), axis=1))
    assert [each.partition("_")[0] for each in names] == ["amax", "loop", "sum", "loop"]


def test_costly_values_that_are_read_twice_are_stored_and_cheap_ones_are_not() -> None:
    x = leaf(64, 100)
    costly = ew.exp(x)
    sums = [
        sum_(ew.mul(y, y), axes=(axis,), keepdims=False)
        for y in (costly,)
        for axis in (0, 1)
    ]
    assert kernels(*sums) == ["loop_exp", "sum_mul", "sum_mul"]
    cheap = ew.neg(x)
    totals = [sum_(cheap, axes=(axis,), keepdims=False) for axis in (0, 1)]
    assert kernels(*totals) == ["sum_neg", "sum_neg"]


def test_results_keep_the_memory_order_of_what_they_are_computed_from() -> None:
    x = constant(np.ascontiguousarray(leaf(2, 8, 8, 4).value).transpose(0, 3, 1, 2))
    [y] = compute(ew.exp(x))
    assert y.strides == x.value.strides  # type: ignore[union-attr]
    [total] = compute(sum_(x, axes=(2, 3), keepdims=True))
    assert total.shape == (2, 4, 1, 1)


def test_an_op_without_kernels_runs_in_the_middle_of_the_plan() -> None:
    x = leaf(20, 30)
    middle = ew.atan2(ew.exp(x), x)
    y = ew.mul(middle, middle)
    assert host_steps(y) == ["atan2"]
    assert kernels(y) == ["loop_exp", "loop_mul"]
    check(y, middle)


def test_decompose_leaves_what_it_does_not_know() -> None:
    x = leaf(3, 4)
    y = ew.exp(x)
    order = topological([y])
    assert decompose(order) == {id(each): each for each in order}


def test_a_given_number_is_no_number_of_the_passes_where_both_are_equal() -> None:
    x = constant(np.linspace(-2, 2, 101, dtype=np.float32))
    zero = shared_scalar(0, dt.float32)  # the pass compares x with 0, too
    assert len(program(leaky_relu(x, zero)).leaves) == 2
    for number in (0, 0.5, 1):
        y = leaky_relu(x, shared_scalar(number, dt.float32))
        native.evaluate([y], least_work=0)
        expected = np.where(x.value > 0, x.value, np.float32(number) * x.value)
        np.testing.assert_array_equal(y.value, expected)


def test_decompose_takes_softmax_apart() -> None:
    y = ew.exp(rd.softmax(leaf(3, 4), axis=1))
    found = topological([decompose(topological([y]))[id(y)]])
    names = [each.name for each in found if each.op is not None]
    assert names == ["amax", "sub", "exp", "sum", "div", "exp"]


# Plans


def step(x: np.ndarray, w: Node) -> Node:
    """A graph that is recorded anew each time, with the same structure."""
    node = constant(x)
    hidden = ew.tanh(ew.mul(node, w))
    return sum_(ew.mul(hidden, rd.softmax(hidden, axis=1)), axes=(0,), keepdims=False)


def test_the_second_step_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = np.ones((40, 50), np.float32), leaf(50)
    native.evaluate([step(x, w)], least_work=0)

    def refuse(*arguments: Any) -> Program:
        raise AssertionError("compiled again")

    monkeypatch.setattr(native, "compiled", refuse)
    again = step(2 * x, w)
    native.evaluate([again], least_work=0)
    monkeypatch.undo()
    fresh = step(2 * x, w)
    check(fresh)
    [expected] = compute(fresh)
    np.testing.assert_array_equal(again.value, expected)


def test_another_layout_is_another_plan() -> None:
    x = leaf(30, 40)
    native.evaluate([ew.exp(x)], least_work=0)
    turned = constant(leaf(40, 30).value.T)  # type: ignore[union-attr]
    check(ew.exp(turned))
    strided = constant(leaf(30, 80).value[:, ::2])  # type: ignore[index]
    check(ew.exp(strided))


def test_results_of_one_run_are_not_overwritten_by_the_next() -> None:
    w = leaf(50)
    first = step(np.ones((40, 50), np.float32), w)
    native.evaluate([first], least_work=0)
    kept = np.array(first.value)
    native.evaluate([step(np.full((40, 50), 3, np.float32), w)], least_work=0)
    np.testing.assert_array_equal(first.value, kept)


def test_small_graphs_are_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "compiled", None)
    y = ew.exp(leaf(10))
    native.evaluate([y])
    np.testing.assert_allclose(
        y.value, np.exp(y.inputs[0].value if y.inputs else leaf(10).value)
    )


def test_what_a_later_backward_pass_needs_is_kept() -> None:
    from flambeau.graph import RECORDED

    x = leaf(30, 40)
    hidden = rd.amax(ew.exp(x), axes=(1,), keepdims=True)
    hidden.tape = RECORDED
    y = ew.mul(hidden, hidden)
    y.tape = RECORDED
    native.evaluate([y], least_work=0)
    assert hidden.value is not None
    assert y.inputs == (hidden, hidden)


@settings(max_examples=25, deadline=None)
@given(graphs(), st.sampled_from([2, 4]))
def test_results_are_the_same_bits_on_any_number_of_threads(
    nodes: list[Node], threads: int
) -> None:
    alone = compute(*nodes)
    together = compute(*nodes, threads=threads)
    for a, b in zip(alone, together, strict=True):
        assert np.ascontiguousarray(a).tobytes() == np.ascontiguousarray(b).tobytes()


@pytest.mark.parametrize("threads", [2, 4])
def test_long_sums_are_the_same_bits_on_any_number_of_threads(threads: int) -> None:
    x = leaf(100, 30, 70)
    sums = [
        sum_(ew.exp(x), axes=axes, keepdims=False)
        for axes in ((0, 1, 2), (0,), (2,), (0, 2), (0, 1))
    ]
    check(*sums)
    alone, together = compute(*sums), compute(*sums, threads=threads)
    for a, b in zip(alone, together, strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("columns", [1, 15, 16, 35, 128, 129, 144, 271])
def test_sums_keep_any_number_of_dense_columns(columns: int) -> None:
    x = leaf(70, columns)
    options: dict[str, Any] = {"axes": (0,), "keepdims": False}
    one, two = sum_(ew.exp(x), **options), sum_(ew.mul(x, x), **options)
    for nodes in ((one,), (one, two)):
        check(*nodes)
        for at_end in (False, True):
            compute_between_guards(*nodes, at_end=at_end)


# Memory


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_buffers_that_are_in_use_never_share_memory(nodes: list[Node]) -> None:
    made = program(*nodes)
    offsets, size = plan_memory(made)
    lives: dict[int, set[int]] = {}
    for at, each in enumerate(made.steps):
        used = each.buffers if isinstance(each, KernelStep) else each.inputs
        for number in used:
            lives.setdefault(made.buffers[number].source, set()).add(at)
    assert set(offsets) == set(lives) - own_memory(made)
    spans = {
        number: (offset, offset + made.buffers[number].nbytes, min(at), max(at))
        for number, offset in offsets.items()
        for at in [lives[number]]
    }
    for number, (begin, end, first, last) in spans.items():
        assert begin % 64 == 0 and end <= size
        for other, (start, stop, born, died) in spans.items():
            if other == number or stop <= begin or end <= start:
                continue
            assert died <= first or last <= born
            if died == first:
                assert (other, number) in _overwritable(made, first)


def _overwritable(made: Program, step: int) -> set[tuple[int, int]]:
    pairs = getattr(made.steps[step], "overwritable", ())
    return {tuple(made.buffers[number].source for number in pair) for pair in pairs}


def test_a_chain_of_reductions_needs_little_memory() -> None:
    y = leaf(1000, 100)
    for _ in range(6):
        y = ew.sub(y, sum_(ew.exp(y), axes=(1,), keepdims=True))
    _, size = plan_memory(program(y))
    assert size < 1.5 * 1000 * 100 * 4


def test_what_is_read_elsewhere_too_is_not_written_over() -> None:
    x = leaf(64, 64)
    y = matmul(x, x)
    z = matmul(ew.tanh(ew.add(y, mv.permute(y, dims=(1, 0)))), x)
    check(z)
    (loop,) = (step for step in program(z).steps if "loop" in step.kernel.name)
    assert not loop.overwritable


def test_a_residual_is_overwritten_by_the_sum_with_it() -> None:
    x, w = leaf(2, 32, 10, 10), leaf(32, 32, 3, 3)
    options = {"stride": (1, 1), "padding": ((1, 1),) * 2, "dilation": (1, 1)}
    y = conv(x, w, **options, groups=1)
    for _ in range(3):
        y = ew.relu(ew.add(conv(ew.tanh(y), w, **options, groups=1), y))
    check(ew.neg(y))
    _, size = plan_memory(program(ew.neg(y)))
    assert size < 3.5 * x.size * 4 + 2 * w.size * 4


def test_what_is_only_reshaped_is_stored_in_its_order() -> None:
    values = np.random.default_rng(0).standard_normal((2, 5, 4, 3))
    x = constant(values.transpose(0, 3, 1, 2))
    y = ew.relu(x)
    flat = reshape(y, (2, 60))
    check(ew.exp(flat))
    assert len(kernels(ew.exp(flat))) == 2
    check(ew.exp(flat), ew.neg(y))
