"""Small functions beside live torch."""

import numpy as np
import pytest
from parity.both import LIBRARIES, Case, Error, check, check_error, names

NAN, INF = np.nan, np.inf
X = np.linspace(-2.5, 2.5, 12).reshape(3, 4) * 0.99
ABOVE = 1 + np.abs(X)
INSIDE = np.linspace(0.05, 0.95, 6)
Y = np.array([[1.5], [-0.5], [0.25]])
ODD_A = np.array([1.0, NAN, 2.0, NAN, 0.0, 0.0, 0.0, INF, -3.0, 1.0])
ODD_B = np.array([1.0, 3.0, NAN, NAN, 2.0, -1.0, NAN, 2.0, -INF, -2.0])
WHOLE = np.array([[1, 0, 3]])
HALVES = np.array([0.25, 0.5], np.float16)


def function(name, **options):
    return lambda lib, *tensors: getattr(lib, name)(*tensors, **options)


CASES = [
    *(Case(n, function(n), (X,)) for n in ("asinh", "erfc", "sinc", "frac")),
    *(Case(n, function(n), (X,)) for n in ("deg2rad", "rad2deg")),
    Case("acosh", function("acosh"), (ABOVE,)),
    *(Case(n, function(n), (INSIDE,)) for n in ("atanh", "logit")),
    Case("logit eps", function("logit", eps=0.1), (np.array([0, 0.1, 0.5, 2.0]),), 1),
    Case("logit outside", function("logit"), (np.array([0, 0.5, 1, 2.0, -1]),), 1),
    *(Case(n, function(n), (X, Y)) for n in ("copysign", "fmax", "fmin")),
    Case("xlogy", function("xlogy"), (X, np.abs(Y))),
    *(
        Case(f"{n} odd", function(n), (ODD_A, ODD_B), 1)
        for n in ("fmax", "fmin", "xlogy")
    ),
    # of an infinite size torch's gradient is NaN, it divides two infinities
    Case(
        "copysign odd",
        function("copysign"),
        (np.where(np.isinf(ODD_A), 4, ODD_A), ODD_B),
        1,
    ),
    Case("sinc at 0", function("sinc"), (np.zeros(2),), 1),
    Case("heaviside", function("heaviside"), (WHOLE, WHOLE + 4), 0),
    Case("clamp_min", lambda lib, x: lib.clamp_min(x, -1), (X,)),
    Case("clamp_max", lambda lib, x: lib.clamp_max(x, max=0.5), (X,)),
    Case("clamp_min promotes", lambda lib, x: lib.clamp_min(x, 1.5), (WHOLE,), 0),
    Case("xlogy of a number", lambda lib, y: lib.xlogy(2, y), (INSIDE,)),
    *(
        Case(f"{n} of {x.dtype}", function(n), (x,), 0)
        for n in ("asinh", "erfc", "deg2rad", "sinc")
        for x in (WHOLE, HALVES)
    ),
    *(
        Case(f"power {e} of ints", lambda lib, x, e=e: x**e, (WHOLE,), 0)
        for e in (2, 2.0, 3.0, 2 + 0j)
    ),
    *(
        Case(f"nan_to_num {n}", function("nan_to_num", nan=n), (ODD_A,), 0)
        for n in (None, 2.0, INF)
    ),
    Case("copysign of ints", function("copysign"), (WHOLE, -WHOLE), 0),
    Case("copysign of halves", function("copysign"), (HALVES, -HALVES), 0),
    Case("fmax of ints", function("fmax"), (WHOLE, WHOLE.T), 0),
    Case("lt_", lambda lib, x: x.clone().lt_(0.5), (X,), 0),
    Case("clip_", lambda lib, x: x.clone().clip_(max=1), (X,)),
    Case("logical_and_", lambda lib, x: x.clone().logical_and_(x > 0), (X,), 0),
    Case("type_as", lambda lib, x: x.type_as(lib.ones(1)), (X,)),
    *(
        Case(name, run, (WHOLE,), 0)
        for name, run in {
            "new_tensor": lambda lib, x: x.new_tensor([1.5, 2.5]),
            "new_zeros": lambda lib, x: x.new_zeros(2, 1),
            "new_ones": lambda lib, x: x.new_ones((2, 1), dtype=lib.float64),
            "new_full": lambda lib, x: x.new_full((2,), 7),
            "scalar_tensor": lambda lib, x: lib.scalar_tensor(3),
            "asarray": lambda lib, x: lib.asarray([1, 2], dtype=lib.float16),
        }.items()
    ),
]


@pytest.mark.parametrize("case", CASES, **names(CASES))
def test_values_and_gradients(case):
    check(case)


ERRORS = [
    Error("finfo of ints", lambda lib: lib.finfo(lib.int8), "torch.finfo()"),
    Error("iinfo of floats", lambda lib: lib.iinfo(lib.float32), "torch.iinfo()"),
    Error("iinfo of bool", lambda lib: lib.iinfo(lib.bool), "torch.bool"),
    Error("finfo of no dtype", lambda lib: lib.finfo(3), "not int"),
    Error("numel", lambda lib: lib.numel(3), "must be Tensor, not int"),
    Error("shapes", lambda lib: lib.broadcast_shapes((3,), (2,)), "broadcast"),
    Error("fmax", lambda lib: lib.fmax(lib.ones(1), 3), "'other'"),
    Error("heaviside", lambda lib: lib.heaviside(lib.ones(1), 3), "'values'"),
    Error(
        "heaviside dtypes",
        lambda lib: lib.heaviside(lib.ones(1), lib.tensor([1])),
        "different dtypes",
    ),
    Error("asarray", lambda lib: lib.asarray([1], copy=False), "alias"),
]


@pytest.mark.parametrize("case", ERRORS, **names(ERRORS))
def test_errors(case):
    check_error(case)


FLOATS = ("float16", "bfloat16", "float32", "float64")
INTS = ("uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64")
FACTS = ("bits", "min", "max", "dtype")


@pytest.mark.parametrize("kind", FLOATS)
def test_finfo(kind):
    ours, theirs = (lib.finfo(getattr(lib, kind)) for lib in LIBRARIES)
    assert repr(ours) == repr(theirs)
    for name in (*FACTS, "eps", "tiny", "smallest_normal", "resolution"):
        assert getattr(ours, name) == getattr(theirs, name)


@pytest.mark.parametrize("kind", INTS)
def test_iinfo(kind):
    ours, theirs = (lib.iinfo(getattr(lib, kind)) for lib in LIBRARIES)
    assert repr(ours) == repr(theirs)
    for name in FACTS:
        assert getattr(ours, name) == getattr(theirs, name)
