"""Reductions beside live torch."""

import numpy as np
import pytest
from parity.both import (
    LIBRARIES,
    Case,
    Error,
    assert_close,
    check,
    check_error,
    flat,
    names,
    values_of,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(2, 3, 4))
ONE = np.array(1.5)  # 0-d
TIES = rng.integers(0, 3, (4, 5)).astype(np.float64)
ZEROS = np.where(rng.random((3, 4)) < 0.4, 0, rng.normal(size=(3, 4)))
ZEROS[1] = 0
NAN, INF = np.nan, np.inf
ODD = np.array([[1.0, NAN, 2.0, INF], [3.0, -INF, 3.0, 0.0], [-INF] * 4, [NAN] * 4])
EMPTY = np.zeros((0, 3))
WHOLE = rng.integers(-3, 4, (3, 4))
TRUTH = rng.random((3, 4)) < 0.5
BYTES = np.array([[0, 3, 200], [250, 0, 1]], np.uint8)

DIMS = [None, 0, -1, (0, 2), (1,), (-1, 0, 1), ()]
ARRAYS = {"x": X, "ties": TIES, "zeros": ZEROS, "whole": WHOLE, "truth": TRUTH}
ARRAYS |= {"bytes": BYTES}


def over_dims(name, call, dims=DIMS, arrays=(X,), order=2):
    """A case for each of the dims, without and with keepdim."""
    for dim in dims:
        for keepdim in (False, True):

            def run(lib, *tensors, dim=dim, keepdim=keepdim):
                return call(lib, *tensors, dim=dim, keepdim=keepdim)

            yield Case(f"{name} {dim} {keepdim}", run, arrays, order)


def function(name, **options):
    """The top-level function of this name, with options of its own."""
    return lambda lib, *tensors, **dims: getattr(lib, name)(*tensors, **dims, **options)


ONE_DIM = [0, 1, -1]
REDUCTIONS = [
    *(
        case
        for name in ("sum", "nansum", "mean", "nanmean", "amax", "amin")
        for case in over_dims(name, function(name))
    ),
    *(
        case
        for name in ("var", "std", "var_mean", "std_mean")
        for correction in (0, 1, 0.5)
        for case in over_dims(
            f"{name} correction {correction}",
            function(name, correction=correction),
            [None, 1, (0, 2)],
        )
    ),
    *over_dims("logsumexp", function("logsumexp"), [0, -1, (0, 2), (0, 1, 2)]),
    *over_dims("prod", function("prod"), ONE_DIM),
    *over_dims("max", function("max"), ONE_DIM),
    *over_dims("min", function("min"), ONE_DIM),
    *over_dims("aminmax", function("aminmax"), [None, *ONE_DIM]),
    *over_dims("argmax", function("argmax"), [None, *ONE_DIM], order=0),
    *over_dims("argmin", function("argmin"), [None, *ONE_DIM], order=0),
    *over_dims("all", function("all"), order=0),
    *over_dims("any", function("any"), order=0),
]
ALONG = [
    Case(f"{name} {dim}", lambda lib, x, n=name, d=dim: getattr(lib, n)(x, d), (X,))
    for dim in ONE_DIM
    for name in (
        "cumsum",
        "cumprod",
        "cummax",
        "cummin",
        "logcumsumexp",
        "softmax",
        "log_softmax",
    )
]
ODDITIES = [
    Case(f"{name} of odd numbers, {dim}", run, (ODD,), 0)
    for name in (
        "sum",
        "mean",
        "nansum",
        "nanmean",
        "amax",
        "amin",
        "logsumexp",
        "prod",
    )
    for dim in (0, 1)
    for run in [lambda lib, x, n=name, d=dim: getattr(lib, n)(x, d)]
] + [
    Case(
        f"{name} of odd numbers",
        lambda lib, x, n=name: getattr(lib, n)(x, 1),
        (ODD,),
        0,
    )
    for name in (
        *("max", "min", "argmax", "argmin", "cummax", "cummin", "cumsum", "cumprod"),
        *("logcumsumexp", "softmax", "log_softmax", "var", "std", "all", "any"),
        *("norm", "count_nonzero"),
    )
]
SPECIAL = [
    Case("sum method", lambda lib, x: x.sum((0, 2), True), (X,)),
    Case("sum by numpy's names", lambda lib, x: x.sum(axis=1, keepdims=True), (X,)),
    Case("sum of all, kept", lambda lib, x: x.sum(None, True), (X,)),
    Case("mean to float32", lambda lib, x: x.mean(1, dtype=lib.float32), (X,), 0),
    Case("sum of bools as int32", lambda lib, x: x.sum(dtype=lib.int32), (TRUTH,)),
    Case(
        "mean of ints as float", lambda lib, x: x.mean(0, dtype=lib.float64), (WHOLE,)
    ),
    Case("prod of all", lambda lib, x: x.prod(), (X,)),
    Case("prod with zeros", lambda lib, x: x.prod(1), (ZEROS,), 1),
    Case("prod with one zero", lambda lib, x: x.prod(0), (np.array([2.0, 0, 3]),)),
    Case("prod as float64", lambda lib, x: x.prod(0, dtype=lib.float64), (WHOLE,)),
    Case("cumprod with zeros", lambda lib, x: x.cumprod(1), (ZEROS,), 1),
    Case(
        "cumprod with one zero", lambda lib, x: x.cumprod(0), (np.array([2.0, 0, 3]),)
    ),
    Case("cumsum as float32", lambda lib, x: x.cumsum(0, dtype=lib.float32), (WHOLE,)),
    Case("max of all, with ties", lambda lib, x: x.max(), (TIES,), 1),
    Case("max with ties", lambda lib, x: x.max(1), (TIES,)),
    Case("max with ties, in a row", lambda lib, x: x.max(1)[0], (ZEROS,)),
    Case("amax with ties", lambda lib, x: x.amax((0, 1)), (TIES,)),
    Case("aminmax with ties", lambda lib, x: lib.aminmax(x), (TIES,), 1),
    Case("max of two", lambda lib, x, y: lib.max(x, y), (X[0], X[1])),
    Case("min of two", lambda lib, x, y: x.min(y), (X[0], X[1])),
    Case("cummax with ties", lambda lib, x: x.cummax(1), (TIES,)),
    Case("cummin with ties", lambda lib, x: x.cummin(0), (TIES,)),
    Case("argmax with ties", lambda lib, x: x.argmax(1), (TIES,)),
    Case("var unbiased", lambda lib, x: x.var(unbiased=False), (X,)),
    Case("var by place", lambda lib, x: x.var(1, False, True), (X,)),
    Case("var of all by place", lambda lib, x: x.var(False), (X,)),
    Case("std of equal numbers", lambda lib, x: x.std(0), (np.ones((3, 2)),), 1),
    Case("std_mean", lambda lib, x: lib.std_mean(x, 1, unbiased=False), (X,)),
    Case("logsumexp of ints", lambda lib, x: x.logsumexp(0), (WHOLE,)),
    Case("logsumexp of large", lambda lib, x: x.logsumexp(0), (X * 1000,), 1),
    Case("softmax of large", lambda lib, x: x.softmax(0), (X * 1000,), 1),
    Case("softmax as float32", lambda lib, x: x.softmax(0, lib.float32), (WHOLE,)),
    Case(
        "log_softmax as float64", lambda lib, x: x.log_softmax(0, lib.float64), (WHOLE,)
    ),
    Case("count_nonzero", lambda lib, x: x.count_nonzero((0, 1)), (ZEROS,)),
    Case("nansum as float32", lambda lib, x: x.nansum(0, dtype=lib.float32), (ODD,), 0),
    Case("nansum gradient", lambda lib, x: x.nansum(0), (np.array([1, NAN, 2.0]),)),
    Case("nanmean gradient", lambda lib, x: x.nanmean(), (np.array([1, NAN, 2.0]),)),
    Case("all over no dim", lambda lib, x: x.all(()), (ZEROS,)),
    Case("amax over no dim", lambda lib, x: x.amax([]), (X,)),
    Case("diff", lambda lib, x: x.diff(), (X,)),
    Case("diff twice", lambda lib, x: x.diff(n=2, dim=1), (X,)),
    Case("diff too often", lambda lib, x: x.diff(n=5), (X,), 0),
    Case("diff of bools", lambda lib, x: x.diff(dim=0), (TRUTH,)),
    Case("diff with ends", lambda lib, x, y: x.diff(1, -1, y, x), (X, X[..., :1])),
    Case("trapezoid", lambda lib, y: lib.trapezoid(y), (X,)),
    Case("trapezoid of ints", lambda lib, y: lib.trapezoid(y, dx=2), (WHOLE,)),
    Case("trapezoid at points", lambda lib, y, x: lib.trapezoid(y, x), (X, X[0, 0])),
    Case("trapz", lambda lib, y, x: lib.trapz(y, x, dim=0), (X, X)),
    Case("trapezoid of few points", lambda lib, y: lib.trapezoid(y), (X[..., :1],), 0),
    Case(
        "cumulative_trapezoid", lambda lib, y: lib.cumulative_trapezoid(y, dx=0.5), (X,)
    ),
]
SCALARS = [
    Case(f"{name} of a number", run, (ONE,), 1)
    for name in (
        *("sum", "mean", "prod", "amax", "max", "min", "argmax", "all", "any", "norm"),
        *("logsumexp", "softmax", "log_softmax", "cumsum", "cumprod", "cummax"),
        *("logcumsumexp", "nansum", "count_nonzero", "aminmax"),
    )
    for run in [lambda lib, x, n=name: getattr(lib, n)(x, dim=0)]
]
EMPTIES = [
    Case(f"{name} of nothing, {dim}", run, (EMPTY,), 1)
    for dim in (0, 1)
    for name in (
        *("sum", "mean", "prod", "nansum", "nanmean", "all", "any", "norm"),
        *("logsumexp", "softmax", "log_softmax", "cumsum", "cumprod", "cummax"),
        *("count_nonzero", "logcumsumexp"),
    )
    for run in [lambda lib, x, n=name, d=dim: getattr(lib, n)(x, dim=d)]
] + [
    Case(
        f"{name} beside nothing",
        lambda lib, x, n=name: getattr(lib, n)(x, dim=1),
        (EMPTY,),
    )
    for name in ("max", "min", "amax", "argmax", "aminmax")
]
NORMS = [
    Case(f"norm {p} {dim} of {name}", run, (array,), 1 if name == "zeros" else 2)
    for name, array in (("x", X), ("zeros", ZEROS))
    for p in (0, 0.5, 1, 1.5, 2, 3, INF, -INF, -1, "fro")
    if not (name == "zeros" and p in (-1, -INF))
    for dim in (None, 0, (0, 1))
    for run in [lambda lib, x, p=p, d=dim: x.norm(p, d)]
]
MATRIX_NORMS = [
    Case(
        f"matrix_norm {order} {dim}",
        lambda lib, x, o=order, d=dim: lib.linalg.matrix_norm(x, o, d, keepdim=True),
        (X,),
        1 if order in ("nuc", 2, -2) else 2,
    )
    for order in ("fro", "nuc", 1, -1, 2, -2, INF, -INF)
    for dim in ((-2, -1), (2, 0))
]
OTHER_NORMS = [
    Case("norm nuc", lambda lib, x: x.norm("nuc"), (X[0],), 1),
    Case("norm kept", lambda lib, x: x.norm(3, (0, 1), True), (X,)),
    Case("norm as float64", lambda lib, x: x.norm(2, dtype=lib.float64), (X,)),
    Case("vector_norm", lambda lib, x: lib.linalg.vector_norm(x, 3, (0, 2)), (X,)),
    Case("linalg.norm", lambda lib, x: lib.linalg.norm(x), (X,)),
    Case("linalg.norm of a matrix", lambda lib, x: lib.linalg.norm(x, 1), (X[0],)),
    Case("linalg.norm of a vector", lambda lib, x: lib.linalg.norm(x, 1), (X[0, 0],)),
    Case("linalg.norm over two", lambda lib, x: lib.linalg.norm(x, INF, (0, 1)), (X,)),
    Case("linalg.norm over one", lambda lib, x: lib.linalg.norm(x, 3, 1), (X,)),
    Case("dist", lambda lib, x, y: lib.dist(x, y, 3), (X[0], X[1])),
    Case("dist of equals", lambda lib, x, y: lib.dist(x, y), (X, X), 1),
]
CASES = [
    *REDUCTIONS,
    *ALONG,
    *ODDITIES,
    *SPECIAL,
    *SCALARS,
    *EMPTIES,
    *NORMS,
    *MATRIX_NORMS,
    *OTHER_NORMS,
]


@pytest.mark.parametrize("case", CASES, **names(CASES))
@pytest.mark.filterwarnings("ignore:.*degrees of freedom")
def test_values_and_gradients(case):
    check(case)


KINDS = [
    *("bool", "uint8", "int8", "int16", "int32", "int64"),
    *("float16", "bfloat16", "float32", "float64"),
]
WITHOUT_DIM = [
    *("sum", "nansum", "mean", "nanmean", "prod", "var", "std", "amax", "amin", "max"),
    *("min", "argmax", "all", "any", "norm", "count_nonzero", "aminmax"),
]
WITH_DIM = [
    *("max", "logsumexp", "softmax", "log_softmax", "cumsum", "cumprod"),
    *("cummax", "logcumsumexp", "diff"),
]
CALLS = [(name, {}) for name in WITHOUT_DIM] + [(name, {"dim": 1}) for name in WITH_DIM]


def outcome(library, name, kind, options):
    """The results, or the type of the error."""
    x = library.tensor([[0, 1, 3, 2, 1], [5, 7, 1, 1, 4]]).to(getattr(library, kind))
    try:
        return flat(getattr(library, name)(x, **options))
    except (RuntimeError, IndexError) as error:
        return type(error)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "options"), CALLS)
def test_dtype_rules(name, options, kind):
    ours, theirs = (outcome(lib, name, kind, options) for lib in LIBRARIES)
    if isinstance(theirs, type):
        assert ours is theirs
        return
    for mine, other in zip(ours, theirs, strict=True):
        assert str(mine.dtype) == str(other.dtype)
        assert_close(values_of(mine), values_of(other), str(other.dtype))


def x(lib):
    return lib.tensor([[1.0, 2.0], [3.0, 4.0]])


def empty(lib):
    return lib.tensor(EMPTY)


ERRORS = [
    Error("mean of ints", lambda lib: lib.tensor([1]).mean(), "Got: Long"),
    Error("mean as ints", lambda lib: x(lib).mean(dtype=lib.int8), "Optional dtype"),
    Error(
        "var of ints", lambda lib: lib.tensor([1]).var(), "only support floating point"
    ),
    Error("sum over 5", lambda lib: x(lib).sum(5), "range of [-2, 1], but got 5"),
    Error(
        "sum over 0 twice", lambda lib: x(lib).sum((0, -2)), "appears multiple times"
    ),
    Error("sum over a word", lambda lib: x(lib).sum("a"), ""),
    Error("sum over a fraction", lambda lib: x(lib).sum(0.5), ""),
    Error("max over two", lambda lib: x(lib).max((0, 1)), ""),
    Error("cumsum over none", lambda lib: x(lib).cumsum(2), "but got 2"),
    Error("softmax of ints", lambda lib: lib.tensor([1]).softmax(0), "for 'Long'"),
    Error("softmax over 3", lambda lib: x(lib).softmax(3), "but got 3"),
    Error("max of nothing", lambda lib: empty(lib).max(), "Specify the reduction dim"),
    Error("max over nothing", lambda lib: empty(lib).max(0), "to have non-zero size"),
    Error(
        "amax of nothing", lambda lib: empty(lib).amax(), "amax(): Expected reduction"
    ),
    Error(
        "amin over nothing", lambda lib: empty(lib).amin(0), "amin(): Expected reduct"
    ),
    Error("argmax of nothing", lambda lib: empty(lib).argmax(), "argmax(): Expected"),
    Error("argmin over nothing", lambda lib: empty(lib).argmin(0), "non-zero size"),
    Error("argmax of bools", lambda lib: (x(lib) > 1).argmax(), "not support bool"),
    Error("aminmax of nothing", lambda lib: lib.aminmax(empty(lib)), "has no identity"),
    Error("norm of ints", lambda lib: lib.tensor([1]).norm(), "Got Long"),
    Error("norm as half", lambda lib: x(lib).norm(dtype=lib.half), "without narrowing"),
    Error("norm by a word", lambda lib: x(lib).norm("abc"), "Order abc not supported"),
    Error(
        "norm inf of nothing", lambda lib: empty(lib).norm(INF), "does not have an id"
    ),
    Error(
        "matrix_norm 3", lambda lib: lib.linalg.matrix_norm(x(lib), 3), "Order 3 not"
    ),
    Error(
        "matrix_norm over one dim",
        lambda lib: lib.linalg.matrix_norm(x(lib), 1, (0, 0)),
        "dims must be different. Got (0, 0)",
    ),
    Error(
        "matrix_norm of a row",
        lambda lib: lib.linalg.matrix_norm(lib.ones(3)),
        "at least 2",
    ),
    Error(
        "linalg.norm of three dims",
        lambda lib: lib.linalg.norm(lib.zeros(2, 2, 2), 2),
        "the input must be 1D or 2D. Got 3D",
    ),
    Error("diff of a number", lambda lib: lib.diff(lib.tensor(1)), "at least one-dim"),
    Error("diff -1", lambda lib: x(lib).diff(-1), "must be non-negative but got -1"),
    Error(
        "trapezoid at few points",
        lambda lib: lib.trapezoid(x(lib), lib.ones(3)),
        "There must be one `x` value for each sample point",
    ),
    Error(
        "trapezoid at points and steps",
        lambda lib: lib.trapezoid(x(lib), x(lib), dx=1),
        "",
    ),
]


@pytest.mark.parametrize("case", ERRORS, **names(ERRORS))
def test_errors(case):
    check_error(case)


@pytest.mark.parametrize("name", ["var", "std", "var_mean", "std_mean"])
def test_too_few_degrees_of_freedom_are_told(name):
    for lib in LIBRARIES:
        with pytest.warns(
            UserWarning, match=rf"{name}\(\): degrees of freedom is <= 0"
        ):
            getattr(lib, name)(lib.ones(1))


@pytest.mark.parametrize("name", ["max", "min", "cummax", "cummin", "aminmax"])
def test_named_results_print_alike(name):
    data = [[1.0, 3.0], [2.0, 0.5]]
    ours, theirs = (getattr(lib, name)(lib.tensor(data), dim=1) for lib in LIBRARIES)
    assert str(ours) == str(theirs)
