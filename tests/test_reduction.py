"""Reductions beside NumPy, their gradients beside finite differences, their errors."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flambeau as torch

rng = np.random.default_rng(0)
X = rng.normal(size=(2, 3, 4))
WHOLE = rng.integers(-3, 4, (3, 4))
ODD = np.array([[1.0, np.nan, 2.0], [np.inf, 3.0, -np.inf], [np.nan] * 3])


def logsumexp(x, axis, keepdims=False):
    top = np.where(np.isfinite(m := x.max(axis=axis, keepdims=True)), m, 0)
    total = np.log(np.exp(x - top).sum(axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis)


def p_norm(x, p, axis, keepdims):
    size = np.abs(x)
    if math.isinf(p):
        return (size.max if p > 0 else size.min)(axis=axis, keepdims=keepdims)
    if p == 0:
        return (x != 0).sum(axis=axis, keepdims=keepdims).astype(x.dtype)
    return (size**p).sum(axis=axis, keepdims=keepdims) ** (1 / p)


ORACLES = {
    "sum": (torch.sum, np.sum),
    "mean": (torch.mean, np.mean),
    "nansum": (torch.nansum, np.nansum),
    "nanmean": (torch.nanmean, np.nanmean),
    "amax": (torch.amax, np.max),
    "amin": (torch.amin, np.min),
    "all": (torch.all, np.all),
    "any": (torch.any, np.any),
    "logsumexp": (torch.logsumexp, logsumexp),
    **{
        f"{name} {ddof}": (
            lambda x, d, k, f=ours, c=ddof: f(x, d, keepdim=k, correction=c),
            lambda x, axis, keepdims, f=theirs, c=ddof: f(
                x, axis=axis, ddof=c, keepdims=keepdims
            ),
        )
        for name, ours, theirs in (
            ("var", torch.var, np.var),
            ("std", torch.std, np.std),
        )
        for ddof in (0, 1)
    },
    **{
        f"norm {p}": (
            lambda x, d, k, p=p: torch.norm(x, p, d, k),
            lambda x, axis, keepdims, p=p: p_norm(x, p, axis, keepdims),
        )
        for p in (0, 0.5, 1, 2, 3, math.inf, -math.inf)
    },
}


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("dim", [0, -1, (0, 2), (2, 1, 0)])
@pytest.mark.parametrize("keepdim", [False, True])
def test_values(name, dim, keepdim):
    ours, theirs = ORACLES[name]
    found = ours(torch.tensor(X), dim, keepdim).numpy()
    expected = np.asarray(theirs(X, axis=dim, keepdims=keepdim))
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12)


shapes = st.lists(st.integers(0, 4), min_size=0, max_size=4).map(tuple)


@settings(max_examples=60, deadline=None)
@given(shapes, st.data())
def test_sums_of_any_shape_over_any_dims(shape, data):
    axes = data.draw(
        st.sets(st.integers(-len(shape), len(shape) - 1)) if shape else st.just(())
    )
    dims = tuple({axis % len(shape) for axis in axes}) if shape else ()
    keepdim = data.draw(st.booleans())
    array = rng.integers(-9, 9, shape)
    found = torch.tensor(array).sum(dims, keepdim)
    expected = array.sum(axis=dims or None, keepdims=keepdim)
    np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("cumsum", np.cumsum),
        ("cumprod", np.cumprod),
        ("logcumsumexp", lambda x, axis: np.log(np.cumsum(np.exp(x), axis=axis))),
        ("softmax", lambda x, axis: np.exp(x - logsumexp(x, axis, True))),
        ("log_softmax", lambda x, axis: x - logsumexp(x, axis, True)),
        ("argmax", np.argmax),
        ("argmin", np.argmin),
        ("prod", np.prod),
        ("count_nonzero", np.count_nonzero),
        ("diff", lambda x, axis: np.diff(x, axis=axis)),
        ("trapezoid", lambda x, axis: np.trapezoid(x, axis=axis)),
    ],
)
def test_values_along_one_dim(name, oracle, axis):
    found = getattr(torch, name)(torch.tensor(X), dim=axis).numpy()
    np.testing.assert_allclose(found, oracle(X, axis=axis), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["max", "min"])
def test_extremes_come_with_their_places(name):
    values, indices = getattr(torch.tensor(WHOLE), name)(dim=1)
    expected = getattr(np, f"arg{name}")(WHOLE, axis=1)
    np.testing.assert_array_equal(indices.numpy(), expected)
    np.testing.assert_array_equal(values.numpy(), WHOLE[np.arange(3), expected])
    whole = getattr(torch.tensor(WHOLE), name)()
    assert whole.item() == getattr(WHOLE, name)()
    both = getattr(torch, name)(torch.tensor(WHOLE), torch.zeros(4))
    np.testing.assert_array_equal(both.numpy(), getattr(np, f"{name}imum")(WHOLE, 0))


def test_running_extremes_remember_the_last_place():
    values, indices = torch.cummax(torch.tensor([1.0, 3.0, 3.0, 2.0]), dim=0)
    assert values.tolist() == [1, 3, 3, 3]
    assert indices.tolist() == [0, 1, 2, 2]
    values, indices = torch.cummin(torch.tensor([2.0, math.nan, 1.0, math.nan]), dim=0)
    assert np.isnan(values.numpy()).tolist() == [False, True, True, True]
    assert indices.tolist() == [0, 1, 1, 3]


def test_nan_counts_as_the_extreme():
    x = torch.tensor(ODD)
    assert np.isnan(x.amax(1).numpy()).tolist() == [True, False, True]
    assert x.max(1).indices.tolist() == [1, 0, 0]
    assert x.argmin(1).tolist() == [1, 2, 0]
    assert x.nansum(1)[0].item() == 3
    assert np.isnan(x.nanmean(1).numpy()).tolist() == [False, True, True]


# dtypes


@pytest.mark.parametrize("name", ["sum", "prod", "nansum"])
@pytest.mark.parametrize("kind", ["bool", "uint8", "int8", "int32", "int64"])
def test_integers_add_up_in_int64(name, kind):
    x = torch.ones(3).to(getattr(torch, kind))
    assert getattr(x, name)().dtype is torch.int64
    assert x.cumsum(0).dtype is torch.int64
    assert getattr(x, name)(dtype=torch.int16).dtype is torch.int16


def test_bytes_do_not_overflow():
    x = torch.tensor([200, 200], dtype=torch.uint8)
    assert x.sum().item() == 400
    assert x.cumsum(0).tolist() == [200, 400]


def test_logic_of_bytes_stays_bytes():
    x = torch.tensor([0, 7], dtype=torch.uint8)
    assert (x.any().dtype, x.any().item()) == (torch.uint8, 1)
    assert torch.tensor([0, 7]).all().dtype is torch.bool


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_short_floats_accumulate_in_float32(kind):
    x = torch.full((2000,), 100.0).to(getattr(torch, kind))
    for found in (x.mean(), x.norm() / 44.75, x.logsumexp(0) - 7.6):
        assert found.dtype is x.dtype
        assert abs(found.item() - 100) < 1
    assert x.var().item() == 0


def test_many_rows_add_up_without_losing_digits():
    # Of its own: what `rng` gives depends on the tests before, and rounding on that.
    own = np.random.default_rng(0)
    rows = own.random((100_000, 16), dtype=np.float32)
    exact = rows.sum(axis=0, dtype=np.float64)
    np.testing.assert_allclose(torch.tensor(rows).sum(0).numpy(), exact, rtol=2e-7)


# Shapes


def test_no_dims_mean_all_dims_except_in_logic():
    x = torch.tensor(X)
    for name in ("sum", "mean", "amax", "std", "norm", "nansum", "logsumexp"):
        assert getattr(x, name)(dim=()).shape == ()
    assert x.all(dim=()).shape == x.shape


def test_numbers_reduce_along_dim_0():
    x = torch.tensor(2.0)
    for name in ("sum", "prod", "argmax", "softmax", "cumsum", "logsumexp", "any"):
        assert getattr(x, name)(dim=0).shape == ()
        assert getattr(x, name)(dim=-1).shape == ()
    assert x.max(0).indices.item() == 0


def test_nothing_reduces_to_the_neutral_element():
    x = torch.zeros(0, 3)
    assert x.sum(0).tolist() == [0] * 3
    assert x.prod(0).tolist() == [1] * 3
    assert x.logsumexp(0).tolist() == [-math.inf] * 3
    assert x.all(0).tolist() == [True] * 3
    assert np.isnan(x.mean(0).numpy()).all()
    assert x.max(1).values.shape == (0,)
    assert x.softmax(0).shape == (0, 3)


def test_numpys_names_are_understood():
    x = torch.tensor(X)
    assert x.sum(axis=(0, 1), keepdims=True).shape == (1, 1, 4)
    assert x.max(axis=1, keepdims=True).values.shape == (2, 1, 4)
    with pytest.raises(TypeError):
        x.sum(dim=0, axis=0)


def test_bools_differ_by_whether_they_differ():
    x = torch.tensor([True, True, False])
    assert torch.diff(x, prepend=x[:1]).tolist() == [False, False, True]


def test_trapezoids_at_points():
    y, x = rng.normal(size=(3, 4)), np.sort(rng.normal(size=4))
    found = torch.trapezoid(torch.tensor(y), torch.tensor(x))
    np.testing.assert_allclose(found.numpy(), np.trapezoid(y, x), rtol=1e-12)
    running = torch.cumulative_trapezoid(torch.tensor(y), dx=2)
    np.testing.assert_allclose(
        running[:, -1].numpy(), np.trapezoid(y, dx=2), rtol=1e-12
    )


# Gradients


def apart(*shape):
    """Numbers no two of which are close, none close to 0, and no equal sums."""
    own, size = np.random.default_rng(1), math.prod(shape)
    values = own.permutation(size) - size / 2 + own.uniform(0.2, 0.4, size)
    return torch.tensor(values.reshape(shape) / 7, requires_grad=True)


DIFFERENTIABLE = {
    "sum": lambda x: x.sum((0, 1), keepdim=True),
    "mean": lambda x: x.mean(1),
    "nansum": lambda x: x.nansum(0),
    "nanmean": lambda x: x.nanmean(0),
    "prod": lambda x: x.prod(1),
    "prod of all": lambda x: x.prod(),
    "var": lambda x: x.var(1),
    "std": lambda x: x.std((0, 1), correction=0),
    "var_mean": lambda x: torch.var_mean(x, 1),
    "amax": lambda x: x.amax(1),
    "max": lambda x: x.max(0).values,
    "min of all": lambda x: x.min(),
    "aminmax": lambda x: torch.aminmax(x, dim=0),
    "cummax": lambda x: x.cummax(0).values,
    "cummin": lambda x: x.cummin(1).values,
    "cumsum": lambda x: x.cumsum(1),
    "cumprod": lambda x: x.cumprod(1),
    "logcumsumexp": lambda x: x.logcumsumexp(0),
    "logsumexp": lambda x: x.logsumexp((0, 1)),
    "softmax": lambda x: x.softmax(0),
    "log_softmax": lambda x: x.log_softmax(1),
    "diff": lambda x: x.diff(2, 0),
    "trapezoid": lambda x: torch.trapezoid(x, x * x),
    "dist": lambda x: torch.dist(x, 2 * x, 3),
    **{f"norm {p}": lambda x, p=p: x.norm(p, 1) for p in (0.5, 1, 2, 3, math.inf, -1)},
    **{
        f"matrix_norm {p}": lambda x, p=p: torch.linalg.matrix_norm(x, p)
        for p in ("fro", 1, -1, math.inf, -math.inf)
    },
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients(name):
    x = apart(3, 4)
    assert torch.autograd.gradcheck(DIFFERENTIABLE[name], x)
    assert torch.autograd.gradgradcheck(DIFFERENTIABLE[name], x)


@pytest.mark.parametrize("order", ["nuc", 2, -2])
def test_gradients_through_singular_values(order):
    x = apart(3, 4)
    assert torch.autograd.gradcheck(lambda x: torch.linalg.matrix_norm(x, order), x)
    assert torch.autograd.gradgradcheck(lambda x: torch.linalg.matrix_norm(x, order), x)


def gradient(call, values):
    x = torch.tensor(values, requires_grad=True)
    call(x).sum().backward()
    return x.grad.tolist()


@pytest.mark.parametrize(
    ("call", "values", "expected"),
    [
        # along a dimension the first of equal elements is taken; otherwise they share
        (lambda x: x.max(0).values, [2.0, 5.0, 5.0], [0, 1, 0]),
        (lambda x: x.max(), [2.0, 5.0, 5.0], [0, 0.5, 0.5]),
        (lambda x: x.amax(0), [2.0, 5.0, 5.0], [0, 0.5, 0.5]),
        (lambda x: torch.max(x, x.detach()), [2.0, 5.0], [0.5, 0.5]),
        (lambda x: x.norm(), [0.0, 0.0], [0, 0]),
        (lambda x: x.norm(0.5), [0.0, 4.0], [0, 1]),
        (lambda x: x.norm(0), [0.0, 4.0], [0, 0]),
        (lambda x: x.norm(math.inf), [-4.0, 4.0], [-0.5, 0.5]),
        (lambda x: x.std(), [3.0, 3.0], [0, 0]),
        (lambda x: x.prod(), [2.0, 0.0, 3.0], [0, 6, 0]),
        (lambda x: x.prod(), [0.0, 0.0, 3.0], [0, 0, 0]),
        (lambda x: x.cumprod(0), [2.0, 0.0, 3.0], [1, 8, 0]),
        (lambda x: x.logsumexp(0), [1000.0, 1000.0], [0.5, 0.5]),
        (lambda x: x.nansum(), [1.0, math.nan], [1, 0]),
    ],
)
def test_gradients_at_corners(call, values, expected):
    assert gradient(call, values) == expected


# Errors


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: x.long().mean(), RuntimeError, "Got: Long. Convert with .float()"),
        (lambda x: x.long().std(), RuntimeError, "std and var only support float"),
        (lambda x: x.long().softmax(0), NotImplementedError, "for 'Long'"),
        (lambda x: x.long().norm(), RuntimeError, "Got Long; convert with .float()"),
        (lambda x: x.sum(2), IndexError, r"\[-2, 1\], but got 2"),
        (lambda x: x.sum((0, -2)), RuntimeError, "dim 0 appears multiple times"),
        (lambda x: x.sum(0.5), TypeError, "float"),
        (lambda x: x.max((0, 1)), TypeError, "tuple"),
        (lambda x: x.cumsum(2), IndexError, "but got 2"),
        (lambda x: x[:0].max(), RuntimeError, r"max\(\): Expected .* \(0, 3\)"),
        (lambda x: x[:0].min(0), IndexError, r"min\(\): Expected reduction dim 0"),
        (lambda x: x[:0].amax(0), IndexError, r"amax\(\): Expected reduction dim 0"),
        (lambda x: x[:0].argmax(), IndexError, r"argmax\(\): Expected reduction dim"),
        (lambda x: (x > 0).argmax(), RuntimeError, "does not support bool"),
        (lambda x: torch.aminmax(x[:0]), RuntimeError, "has no identity"),
        (lambda x: x.norm("abc"), RuntimeError, "Order abc not supported"),
        (lambda x: x[:0].norm(math.inf, 0), RuntimeError, r"inf norm .* \(0, 3\)"),
        (lambda x: x.norm(dtype=torch.half), RuntimeError, "without narrowing"),
        (lambda x: torch.linalg.matrix_norm(x[0]), RuntimeError, r"shape \(3,\)"),
        (lambda x: torch.linalg.matrix_norm(x, 1, (0, -2)), RuntimeError, "different"),
        (lambda x: torch.linalg.matrix_norm(x, 1, 0), RuntimeError, "2-tuple of ints"),
        (lambda x: x.sum().diff(), RuntimeError, "at least one-dimensional"),
        (lambda x: x.diff(-1), RuntimeError, "non-negative but got -1"),
        (lambda x: torch.trapezoid(x, x[0, :2]), RuntimeError, "got 2 for 3 points"),
        (
            lambda x: torch.trapezoid(x, x[None]),
            RuntimeError,
            r"x of shape \(1, 2, 3\)",
        ),
        (lambda x: torch.trapezoid(x, x, dx=1), TypeError, "not both"),
    ],
)
def test_errors_come_at_the_call(call, error, words):
    with pytest.raises(error, match=words):
        call(torch.ones(2, 3))


def test_too_few_degrees_of_freedom_are_told_at_the_users_line():
    with pytest.warns(UserWarning, match="got 2 and 1") as caught:
        assert math.isnan(torch.ones(1).var(correction=2).item())
    assert caught[0].filename == __file__
