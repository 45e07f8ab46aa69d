"""Sorting, ranks, distinct elements and counts beside live torch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from parity.both import LIBRARIES, Case, check, check_error, names, values_of
from parity.expressions import cases, errors, value

rng = np.random.default_rng(0)
X = rng.permutation(24).reshape(2, 3, 4) / 7  # no two are equal
LINE = rng.normal(size=7)
TIES = rng.integers(0, 3, (4, 5)).astype(np.float64)
ODD = np.array([[1.0, np.nan, 2.0, 0.0], [np.nan, np.nan, 5.0, -np.inf], [np.nan] * 4])
ZERO_D = np.array(1.5)
EMPTY = np.zeros((0, 3))
WHOLE = rng.integers(0, 5, (3, 4))
ROW = rng.integers(0, 6, 12)

CASES = [
    *cases(
        [
            "x.sort()",
            "x.sort(0, True)",
            "torch.sort(x, dim=1, descending=True, stable=True)",
            "x.argsort()",
            "torch.argsort(x, 0, True)",
            "x.msort()",
            "x.topk(2)",
            "x.topk(1, 0)",
            "torch.topk(x, 3, dim=1, largest=False)",
            "x.topk(0)",
            "x.kthvalue(2)",
            "x.kthvalue(1, 0, True)",
            "torch.kthvalue(x, 3, dim=1)",
            "x.median()",
            "x.median(1)",
            "torch.median(x, 0, True)",
            "x.nanmedian()",
            "x.nanmedian(-1)",
            "x.sort().values[..., 0]",
        ],
        X,
    ),
    *cases(
        [
            "x.sort(stable=True)",
            "x.sort(dim=0, descending=True, stable=True)",
            "x.sort(stable=True, descending=True)",
            "x.topk(2).values",
            "x.kthvalue(3).values",
            "x.median(1).values",
            "x.median()",
            "x.mode()",
            "x.mode(0, True)",
            "torch.mode(x, dim=1)",
            "x.unique()",
            "x.unique(return_inverse=True, return_counts=True)",
            "torch.unique(x, dim=0, return_inverse=True, return_counts=True)",
            "x.unique(dim=1)",
            "x.unique_consecutive(True, True)",
            "torch.unique_consecutive(x, dim=1, return_counts=True)",
            "x.histc(3)",
        ],
        TIES,
        order=0,
    ),
    *cases(
        [
            "x.median()",
            "x.nanmedian()",
            "(x[:2] * 1).nanmedian(1)",
            "(x * 1).median(0)",
        ],
        ODD[:2],
        order=1,
    ),
    *cases(["x.median()", "x.mode(1)"], TIES, order=1),
    *cases(
        [
            "x.sort(stable=True)",
            "x.sort(descending=True, stable=True)",
            "x.median(1)",
            "x.nanmedian(1)[0]",
            "x.nanmedian()",
            "x.kthvalue(4)[0]",
            "x.topk(2)[0]",
            "x[0].unique()",
            "torch.isin(x, x)",
        ],
        ODD,
        order=0,
    ),
    *cases(
        [
            "x.sort()",
            "x.argsort(0)",
            "x.msort()",
            "x.topk(1)",
            "x.kthvalue(1)",
            "x.kthvalue(1, 0, True)",
            "x.median()",
            "x.median(0)",
            "x.median(-1, True)",
            "x.mode()",
        ],
        ZERO_D,
    ),
    *cases(["x.unique(return_inverse=True)", "torch.isin(x, 1.5)"], ZERO_D, order=0),
    *cases(
        [
            "x.sort()",
            "x.sort(0)",
            "x.topk(1)",
            "x.median()",
            "x.kthvalue(1)",
            "x.mode(1)",
            "x.unique()",
            "x.unique(dim=0)",
            "x.unique_consecutive()",
            "x.histc(4)",
        ],
        EMPTY,
        order=0,
    ),
    *cases(
        [
            "x.sort(stable=True)",
            "x.median()",
            "x.median(0).values",
            "x.mode()",
            "(x > 2).sort(stable=True)",
            "x.unique(dim=1, return_inverse=True)",
            "x.flatten().bincount()",
            "x.to(torch.uint8).unique()",
            "torch.searchsorted(t([1, 3]), x)",
            "torch.searchsorted(t([1, 3]), x, right=True, out_int32=True)",
            "torch.bucketize(x, t([1, 2, 4]))",
            "torch.bucketize(x, t([1., 2.5]), right=True)",
            "torch.bucketize(3, t([1, 3]), right=True)",
            "torch.searchsorted(x.sort().values, x)",
            "torch.searchsorted(x.sort().values, x[:, :2] + 0.5, side='right')",
            "torch.searchsorted(x, x, sorter=x.argsort(stable=True))",
            "torch.searchsorted(t([1., 3.]), 2.5)",
            "torch.isin(x, t([1, 3]))",
            "torch.isin(x, 2, invert=True)",
            "torch.isin(2, x)",
            "torch.isin(x, t([1., 2.]))",
        ],
        WHOLE,
    ),
    *cases(
        [
            "x.bincount()",
            "x.bincount(minlength=9)",
            "torch.bincount(x, torch.arange(12.))",
            "x.bincount(torch.arange(12))",
            "x.bincount(torch.arange(12.).half())",
            "torch.bincount(x.to(torch.uint8))",
            "x[:0].bincount()",
            "x.float().histc(4)",
            "x.float().histc(4, 1, 3)",
            "torch.histc(x.double(), bins=5, min=-1, max=9)",
            "torch.ones(3).histc(4)",
        ],
        ROW,
    ),
]


@pytest.mark.parametrize("case", CASES, **names(CASES))
def test_values_and_gradients(case: Case) -> None:
    check(case)


RESULTS = [
    "t([3., 1., 2.]).sort()",
    "t([3., 1., 2.]).topk(2)",
    "t([3., 1., 2.]).kthvalue(2)",
    "t([3., 1., 2.]).median(0)",
    "t([3., 1., 2.]).nanmedian(0)",
    "t([3, 1, 1]).mode()",
]


@pytest.mark.parametrize("text", RESULTS)
def test_results_are_named_and_printed_as_torchs(text: str) -> None:
    ours, theirs = (value(text, library) for library in LIBRARIES)
    assert repr(ours) == repr(theirs)
    assert ours.values.tolist() == theirs.values.tolist()
    assert ours.indices.tolist() == theirs.indices.tolist()


ERRORS = errors(
    {
        "torch.zeros(2).sort(1)": "Dimension out of range",
        "torch.zeros(2).topk(3)": "selected index k out of range",
        "torch.zeros(2).topk(-1)": "selected index k out of range",
        "torch.zeros(2).kthvalue(0)": "selected number k out of range",
        "torch.zeros(2).kthvalue(3)": "selected number k out of range",
        "torch.zeros(0).kthvalue(1)": "to have non-zero size",
        "torch.zeros(2, 0).median(1)": "to have non-zero size",
        "torch.zeros(0).mode()": "to have non-zero size",
        "torch.zeros(2, 0).unique(dim=0)": "0 sized dimensions",
        "torch.zeros(2).unique(dim=1)": "Dimension out of range",
        "t([-1]).bincount()": "only supports 1-d non-negative",
        "t([[1]]).bincount()": "only supports 1-d non-negative",
        "t([1.]).bincount()": "not implemented for",
        "t([1]).bincount(t([1., 2.]))": "the same length as input",
        "t([1]).bincount(minlength=-1)": "minlength should be >= 0",
        "t([1]).histc(2)": "not implemented for",
        "t([1.]).histc(0)": "bins must be > 0",
        "t([1.]).histc(2, 3, 1)": "max must be larger than min",
        "t([1., float('nan')]).histc(2)": "is not finite",
        "torch.searchsorted(t([1]), t([1]), side='mid')": "got mid",
        "torch.searchsorted(t([1]), t([1]), side='left', right=True)": "opposites",
        "torch.searchsorted(t(1), t([1]))": "positive dimension",
        "torch.searchsorted(t([[1], [2]]), t([1]))": "but we got boundaries tensor",
        "torch.bucketize(t([1]), t([[1]]))": "must be 1 dimension",
    }
)


@pytest.mark.parametrize("error", ERRORS, **names(ERRORS))
def test_errors(error) -> None:
    check_error(error)


FLOATS = st.sampled_from([0.0, 1.0, -1.0, 2.5, np.inf, -np.inf, np.nan])
SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=5)


@settings(max_examples=200, deadline=None)
@given(hnp.arrays(np.float64, SHAPES, elements=FLOATS), st.data())
def test_random_rows(array: np.ndarray, data: st.DataObject) -> None:
    dim = data.draw(st.integers(-array.ndim, array.ndim - 1))
    k = data.draw(st.integers(1, array.shape[dim]))
    for text in (
        f"x.sort(dim={dim}, stable=True)",
        f"x.sort(dim={dim}, descending=True, stable=True)",
        f"[x.topk({k}, {dim}).values, x.topk({k}, {dim}, False).values]",
        f"[x.median({dim}).values, x.nanmedian({dim}).values, x.median()]",
        f"[x.kthvalue({k}, {dim}).values, x.nan_to_num(7).mode({dim}).values]",
        "x.unique_consecutive(return_inverse=True, return_counts=True)",
        f"x.nan_to_num(7).unique(True, True, True, {dim})",
    ):
        ours, theirs = (value(text, lib, lib.tensor(array)) for lib in LIBRARIES)
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(values_of(mine), values_of(other), text)
