"""Sorting, ranks, distinct elements and counts beside NumPy; gradients; errors."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import flambeau as torch

SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, max_side=5)
ROWS = hnp.arrays(np.int64, SHAPES, elements=st.integers(-3, 3))


@settings(max_examples=100, deadline=None)
@given(ROWS, st.data())
def test_rows_are_ordered_as_numpy_orders_them(x, data: st.DataObject) -> None:
    axis = data.draw(st.integers(-x.ndim, x.ndim - 1))
    k = data.draw(st.integers(1, x.shape[axis]))
    ours, ordered = torch.tensor(x), np.sort(x, axis)
    order = np.argsort(x, axis, kind="stable")
    same(ours.sort(axis), ordered, order)
    same(ours.argsort(axis), order)
    falling = np.argsort(-x, axis, kind="stable")
    same(
        ours.sort(axis, descending=True), np.take_along_axis(x, falling, axis), falling
    )
    same(ours.topk(k, axis).values, np.flip(ordered, axis).take(range(k), axis))
    same(ours.topk(k, axis, largest=False).indices, order.take(range(k), axis))
    same(ours.kthvalue(k, axis), ordered.take(k - 1, axis), order.take(k - 1, axis))
    middle = (x.shape[axis] - 1) // 2
    same(ours.median(axis), ordered.take(middle, axis), order.take(middle, axis))
    same(ours.median(axis, keepdim=True).values, ordered.take([middle], axis))
    same(ours.median(), np.sort(x.ravel())[(x.size - 1) // 2])


def same(found, *wanted) -> None:
    parts = found if isinstance(found, tuple) else (found,)
    for ours, theirs in zip(parts, wanted, strict=True):
        assert ours.shape == np.shape(theirs)
        np.testing.assert_array_equal(ours.numpy(), theirs)


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_the_mode_is_the_smallest_of_the_most_frequent(x) -> None:
    values, indices = torch.tensor(x).mode(-1)
    for at in np.ndindex(*x.shape[:-1]):
        found, counts = np.unique(x[at], return_counts=True)
        assert values[at].item() == found[np.argmax(counts)]
        assert indices[at].item() == np.flatnonzero(x[at] == values[at].item())[-1]


@settings(max_examples=100, deadline=None)
@given(ROWS, st.data())
def test_distinct_elements_are_numpys(x, data: st.DataObject) -> None:
    axis = data.draw(st.none() | st.integers(0, x.ndim - 1))
    wanted = np.unique(x, return_inverse=True, return_counts=True, axis=axis)
    found = torch.unique(torch.tensor(x), True, True, True, dim=axis)
    same(found[0], wanted[0])
    same(found[2], wanted[2])
    if axis is None:
        same(found[0][found[1]], x)
    else:
        same(found[0].index_select(axis, found[1]), x)


def test_consecutive_duplicates() -> None:
    x = torch.tensor([1, 1, 2, 1, 1, 1])
    values, inverse, counts = x.unique_consecutive(True, True)
    assert values.tolist() == [1, 2, 1]
    assert inverse.tolist() == [0, 0, 1, 2, 2, 2]
    assert counts.tolist() == [2, 1, 3]
    rows = torch.tensor([[1, 2], [1, 2], [1, 3]])
    assert rows.unique_consecutive(dim=0).tolist() == [[1, 2], [1, 3]]


@settings(max_examples=100, deadline=None)
@given(ROWS, st.lists(st.integers(-4, 4), max_size=6))
def test_places_and_membership_are_numpys(x, edges) -> None:
    row = np.sort(np.array(edges, np.int64))
    for side in ("left", "right"):
        found = torch.searchsorted(torch.tensor(row), torch.tensor(x), side=side)
        same(found, np.searchsorted(row, x, side))
    same(torch.bucketize(torch.tensor(x), torch.tensor(row)), np.searchsorted(row, x))
    same(torch.isin(torch.tensor(x), torch.tensor(row)), np.isin(x, row))


def test_counts() -> None:
    x = torch.tensor([0, 2, 2, 5])
    assert x.bincount(minlength=7).tolist() == [1, 0, 2, 0, 0, 1, 0]
    assert x.bincount(torch.tensor([0.5, 1, 2, 4])).tolist() == [0.5, 0, 3, 0, 0, 4]
    values = np.random.standard_normal(100)
    wanted, _ = np.histogram(values, 7, (-1, 2))
    assert torch.tensor(values).histc(7, -1, 2).tolist() == wanted.tolist()
    assert torch.ones(3).histc(2).tolist() == [0, 3]


def test_nan_counts_as_the_largest() -> None:
    x = torch.tensor([1.0, float("nan"), 0.0, 2.0])
    assert x.argsort().tolist() == [2, 0, 3, 1]
    assert x.argsort(descending=True).tolist() == [1, 3, 0, 2]
    assert x.topk(2).indices.tolist() == [1, 3]
    assert x.median(0).indices.item() == 1
    assert x.nanmedian().item() == 1
    assert torch.isnan(torch.zeros(0).median())


def test_gradients_reach_the_elements_that_were_picked() -> None:
    x = torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 4.0]], requires_grad=True)
    picked = x.sort(1).values[:, 0].sum() + 10 * x.topk(1).values.sum()
    (picked + 100 * x.median(1).values.sum() + 1000 * x.kthvalue(2, 0)[0][0]).backward()
    assert x.grad.tolist() == [[1010, 1, 100], [1, 10, 100]]


def test_the_median_of_all_shares_its_gradient_among_equals() -> None:
    x = torch.tensor([1.0, 2.0, 2.0, 3.0], requires_grad=True)
    x.median().backward()
    assert x.grad.tolist() == [0, 0.5, 0.5, 0]


def test_results_have_names_and_can_be_copied() -> None:
    found = torch.tensor([3, 1, 2]).sort()
    assert repr(found).startswith("torch.return_types.sort(\nvalues=tensor([1, 2, 3]),")
    for again in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert type(again) is type(found)
        assert again.indices.tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: x.sort(2), IndexError, "but got 2"),
        (lambda x: x.topk(4), RuntimeError, "k is 4, dimension 1 has 3 elements"),
        (lambda x: x.kthvalue(0), RuntimeError, "k is 0, the size is 3"),
        (lambda x: x[:, :0].mode(), IndexError, r"non-zero size, got shape \[2, 0\]"),
        (lambda x: x.long()[0, :0].median(), RuntimeError, "has no median"),
        (lambda x: x.bincount(), NotImplementedError, "convert to int64"),
        (lambda x: x.long().bincount(), RuntimeError, r"got shape \[2, 3\]"),
        (lambda x: x.long().histc(), NotImplementedError, "convert to float32"),
        (lambda x: x.histc(2, 1, 0), RuntimeError, r"got \[1.0, 0.0\]"),
        (lambda x: torch.searchsorted(x, x[:1]), RuntimeError, r"\[2, 3\] .* \[1, 3\]"),
        (lambda x: torch.bucketize(x, x), RuntimeError, r"got dim\(2\)"),
    ],
)
def test_errors_say_what_is_wrong(call, error, words) -> None:
    with pytest.raises(error, match=words):
        call(torch.zeros(2, 3))
