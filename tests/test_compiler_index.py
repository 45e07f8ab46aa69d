"""Reading and writing at integer positions, compiled: against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiled import check, compute, host_steps, kernels
from hypothesis import given, settings
from hypothesis import strategies as st

import flambeau as torch
from flambeau import dtypes as dt
from flambeau.compiler import native
from flambeau.graph import Node, constant
from flambeau.ops import elementwise as ew
from flambeau.ops import index as ix
from flambeau.ops import window
from flambeau.ops.broadcast import expand, sum_
from flambeau.ops.movement import permute, zeros
from flambeau.ops.transparent import within

DTYPES = (np.float32, np.float64, np.int32, np.int64, np.uint8)


def leaf(rng: Any, shape: tuple[int, ...], kind: Any = np.float32) -> Node:
    """Whole numbers from 0 to 9: their sums are exact in any order."""
    return constant(rng.integers(0, 10, shape).astype(kind))


def pending(node: Node) -> Node:
    """The same values, not known when ops are recorded."""
    return ew.add(node, ew.const_like(0, node))


@st.composite
def indexings(draw: st.DrawFn) -> Any:
    """A generator, a shape, some axes, and shapes of positions that broadcast."""
    shape = tuple(draw(st.lists(st.integers(1, 20), min_size=1, max_size=4)))
    axes = tuple(
        sorted(draw(st.sets(st.integers(0, len(shape) - 1), min_size=1, max_size=2)))
    )
    picked = tuple(draw(st.lists(st.integers(1, 9), max_size=2)))
    shapes = [tuple(draw(st.sampled_from((1, size))) for size in picked) for _ in axes]
    return np.random.default_rng(draw(st.integers(0, 99))), shape, axes, shapes


def positions_for(rng: Any, shape: Any, axes: Any, shapes: Any) -> list[Node]:
    """Positions from the beginning and from the end."""
    return [
        pending(constant(rng.integers(-shape[axis], shape[axis], each)))
        for axis, each in zip(axes, shapes, strict=True)
    ]


@settings(max_examples=40, deadline=None)
@given(indexings(), st.sampled_from(DTYPES), st.booleans())
def test_index_reads_and_writes(case: Any, kind: Any, turned: bool) -> None:
    rng, shape, axes, shapes = case
    positions = positions_for(rng, shape, axes, shapes)
    x = leaf(rng, shape[::-1] if turned else shape, kind)
    if turned:
        x = permute(x, tuple(reversed(range(len(shape)))))
    read = ix.index(x, *positions, axes=axes)
    new = leaf(rng, read.shape, kind)
    check(read, ix.index_add(x, new, *positions, axes=axes))
    check(ix.index_put(x, leaf(rng, (), kind), *positions, axes=axes))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=3),
    st.integers(0, 2),
    st.integers(1, 25),
    st.sampled_from(DTYPES),
    st.booleans(),
)
def test_gather_and_scatter(
    sizes: list[int], axis: int, count: int, kind: Any, turned: bool
) -> None:
    rng, axis = np.random.default_rng(count), axis % len(sizes)
    shape = tuple(sizes)
    fewer = tuple(
        count if at == axis else -(-size // 2) for at, size in enumerate(shape)
    )
    x = leaf(rng, shape, kind)
    positions = pending(constant(rng.integers(0, shape[axis], fewer)))
    new = leaf(rng, fewer[::-1] if turned else fewer, kind)
    new = permute(new, tuple(reversed(range(len(shape))))) if turned else new
    check(ix.gather(x, positions, axis=axis))
    check(ix.scatter_add(x, positions, new, axis=axis))
    check(ix.scatter_amax(x, positions, new, axis=axis))
    check(ix.scatter_amin(x, positions, new, axis=axis))
    check(ix.scatter(x, positions, new, axis=axis))
    if kind is not np.uint8:
        small = ew.minimum(new, ew.const_like(2, new))
        check(ix.scatter_prod(x, positions, small, axis=axis))


def test_bools_are_gathered_and_replaced() -> None:
    rng = np.random.default_rng(0)
    x = constant(rng.random((7, 5)) < 0.5)
    positions = constant(rng.integers(0, 7, (3, 5)))
    new = constant(rng.random((3, 5)) < 0.5)
    check(ix.gather(x, positions, axis=0), ix.scatter(x, positions, new, axis=0))


@pytest.mark.parametrize("width", [1, 3, 16, 64, 600])
def test_an_embedding_and_its_gradient(width: int) -> None:
    rng = np.random.default_rng(width)
    table = leaf(rng, (50, width))
    words = constant(rng.integers(0, 50, (4, 9)))
    looked_up = ix.index(table, words)
    g = leaf(rng, looked_up.shape)
    grad = ix.index_add(zeros((50, width), dt.float32), g, words)
    check(looked_up, grad)
    assert host_steps(looked_up, grad) == []


def test_sums_at_positions_are_the_same_bits_on_any_number_of_threads() -> None:
    rng = np.random.default_rng(0)
    words = constant(rng.integers(0, 30, 500))
    new = constant(rng.standard_normal((500, 100)).astype(np.float32))
    grad = ix.index_add(zeros((30, 100), dt.float32), new, words)
    results = [compute(grad, threads=count)[0].tobytes() for count in (1, 2, 4)]
    assert results[0] == results[1] == results[2]


def test_a_gather_fuses_with_what_surrounds_it() -> None:
    rng = np.random.default_rng(0)
    x = leaf(rng, (64, 10))
    classes = constant(rng.integers(0, 10, (64, 1)))
    loss = sum_(ew.neg(ix.gather(x, classes, axis=1)), axes=(0, 1), keepdims=False)
    assert kernels(loss)[0] == "sum_neg"  # and the check that all classes exist
    check(loss)


def test_what_is_looked_up_is_stored_first() -> None:
    rng = np.random.default_rng(0)
    x = ew.exp(constant(rng.standard_normal((6, 8)).astype(np.float32)))
    order = constant(rng.integers(0, 6, (6, 8)))
    check(ix.gather(ew.mul(x, x), order, axis=0), x)


def test_pick_and_unpool_at_any_positions() -> None:
    rng = np.random.default_rng(0)
    x = leaf(rng, (2, 3, 5, 6))
    where = pending(constant(rng.integers(0, 30, (2, 3, 4, 4))))
    g = leaf(rng, (2, 3, 4, 4))
    check(window.pick(x, where), window.unpool(g, where, input_size=(5, 6)))


def test_a_broadcast_position_scatters_whole_rows() -> None:
    rng = np.random.default_rng(0)
    rows = expand(pending(constant(rng.integers(0, 5, (9, 1)))), (9, 40))
    new = leaf(rng, (9, 40))
    check(ix.scatter_add(zeros((5, 40), dt.float32), rows, new, axis=0))


@pytest.mark.parametrize(("wrong", "error"), [(-8, IndexError), (7, IndexError)])
def test_a_position_outside_raises_as_numpys_meaning_does(
    wrong: int, error: type[Exception]
) -> None:
    x = constant(np.arange(21.0).reshape(7, 3))
    words = pending(constant(np.array([0, wrong, 2])))
    with pytest.raises(error, match=f"index {wrong} is out of bounds .* size 7"):
        native.evaluate([ix.index(x, words)], least_work=0)


def test_a_class_outside_raises_the_layers_error() -> None:
    classes = pending(constant(np.array([0, 3, -100])))
    known = within(classes, 0, 3, "Target {} is out of bounds.", allowed=-100)
    with pytest.raises(IndexError, match="Target 3 is out of bounds."):
        native.evaluate([ew.mul(known, known)], least_work=0)
    check(within(pending(constant(np.array([0, 2, -100]))), 0, 3, "{}", allowed=-100))
    with pytest.raises(RuntimeError, match="gather in dimension 0: index -100"):
        x = constant(np.arange(3.0))
        native.evaluate([ix.gather(x, classes, axis=0)], least_work=0)


def test_positions_that_were_computed_before_are_checked_too() -> None:
    x, index = torch.arange(300_000.0), torch.tensor([1, 2]) * 400_000
    taken = x[index]
    assert index.tolist() == [400_000, 800_000]  # computed apart from what reads it
    with pytest.raises(IndexError, match="out of bounds"):
        native.evaluate([taken.node], least_work=0)
