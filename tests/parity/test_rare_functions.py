"""Rarer functions beside live torch: gammas, quantiles, windows, torch.special."""

import numpy as np
import pytest
import torch
from parity.both import LIBRARIES, Case, Error, check, check_error, names

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(3, 5)), rng.normal(size=(3, 5))
POSITIVE = rng.uniform(0.05, 30, (4, 4))
SINGLE = POSITIVE.astype("float32")  # torch's own trigamma is exact to 1e-10 only
SIGNED = np.array([-3.7, -0.5, -1.25, 0.01, 0.5, 1.0, 1.5, 2.0, 2.5, 9.0, 15.5, 100.0])
WITH_NAN = np.where(rng.random((4, 6)) < 0.2, np.nan, rng.normal(size=(4, 6)))
INTS, OTHERS = rng.integers(-20, 20, (2, 12))
EDGES = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -2.0])
QS = [0.0, 0.1, 0.37, 0.5, 0.93, 1.0]
METHODS = ["linear", "lower", "higher", "nearest", "midpoint"]


def special(name):
    return lambda lib, *tensors: getattr(lib.special, name)(*tensors)


CASES = [
    Case("lgamma", lambda lib, x: (x.lgamma(), lib.lgamma(x)), (SIGNED,), 1),
    Case("digamma", lambda lib, x: (x.digamma(), lib.digamma(x)), (SIGNED,), 0),
    *(
        Case(
            f"polygamma {n}",
            lambda lib, x, n=n: lib.polygamma(n, x),
            (POSITIVE,),
            min(n, 1),
        )
        for n in (0, 2, 3)
    ),
    Case("polygamma method", lambda lib, x: x.polygamma(1), (SINGLE,), order=0),
    Case("lgamma float32", lambda lib, x: x.lgamma(), (SINGLE,), order=0),
    Case(
        "gammas of edges", lambda lib, x: (x.lgamma(), x.digamma()), (EDGES,), order=0
    ),
    Case("mvlgamma", lambda lib, x: x.mvlgamma(3), (POSITIVE + 1,), order=1),
    Case("logaddexp", lambda lib, a, b: lib.logaddexp(a, b), (X, Y)),
    Case("logaddexp2", lambda lib, a, b: a.logaddexp2(b), (X, Y)),
    Case(
        "logaddexp of large",
        lambda lib, a, b: a.logaddexp(b),
        (1e3 * X, 1e3 * Y),
        order=0,
    ),
    Case("ldexp", lambda lib, a, b: a.ldexp(b.long()), (X, 3 * Y), order=0),
    Case("frexp", lambda lib, x: lib.frexp(x), (100 * X,), order=0),
    Case("frexp gradient", lambda lib, x: x.frexp().mantissa, (100 * X,), order=1),
    Case("nextafter", lambda lib, a, b: lib.nextafter(a, b), (X, Y), order=0),
    Case("float_power", lambda lib, a: lib.float_power(a, 3), (INTS,)),
    Case(
        "float_power of floats",
        lambda lib, a, b: a.float_power(b),
        (POSITIVE, POSITIVE),
    ),
    Case("gcd", lambda lib, a, b: (lib.gcd(a, b), lib.lcm(a, b)), (INTS, OTHERS)),
    Case(
        "infinities",
        lambda lib, x: (lib.isposinf(x), lib.isneginf(x), lib.isreal(x)),
        (EDGES,),
        order=0,
    ),
    Case("real", lambda lib, x: (x.real, lib.positive(x), lib.sgn(x)), (X,)),
    Case("entr", special("entr"), (POSITIVE,)),
    Case("entr of edges", special("entr"), (EDGES,), order=0),
    Case("ndtr", special("ndtr"), (4 * X,)),
    Case("xlog1py", special("xlog1py"), (X, POSITIVE[:3, :1])),
    Case("xlog1py of 0", special("xlog1py"), (np.zeros(7), EDGES), order=0),
    Case("expit", special("expit"), (X,)),
    Case("gammaln", special("gammaln"), (POSITIVE,), order=1),
    Case(
        "multigammaln",
        lambda lib, x: lib.special.multigammaln(x, 2),
        (POSITIVE + 1,),
        order=0,
    ),
    Case("softmax", lambda lib, x: lib.special.softmax(x, 1), (X,)),
    *(
        Case(
            f"quantile {method}",
            lambda lib, x, method=method: (
                lib.quantile(x, lib.tensor(QS, dtype=x.dtype), interpolation=method),
                x.quantile(0.3, 1, interpolation=method),
                x.quantile(0.61, dim=0, keepdim=True, interpolation=method),
            ),
            (X,),
            order=1,
        )
        for method in METHODS
    ),
    Case(
        "quantile keeps",
        lambda lib, x: (
            lib.quantile(x, lib.tensor([0.2, 0.4], dtype=x.dtype), 1, True),
            lib.quantile(x, 0.5, keepdim=True),
        ),
        (X,),
        order=1,
    ),
    Case(
        "quantile with NaN",
        lambda lib, x: (
            x.quantile(0.4, 1),
            x.nanquantile(0.4, 1),
            lib.nanquantile(x, lib.tensor([0.1, 0.8], dtype=x.dtype), dim=0),
        ),
        (WITH_NAN,),
        order=0,
    ),
    Case("cov", lambda lib, x: (lib.cov(x), x.cov(correction=0)), (X,)),
    Case("cov of one", lambda lib, x: lib.cov(x[0]), (X,), order=1),
    Case(
        "weighted cov",
        lambda lib, x: (
            x.cov(fweights=lib.tensor([1, 2, 3, 1, 2])),
            x.cov(aweights=lib.tensor([0.1, 0.2, 0.3, 0.1, 0.2], dtype=x.dtype)),
            x.cov(
                fweights=lib.tensor([1, 2, 3, 1, 2]),
                aweights=lib.tensor([0.1, 0.2, 0.3, 0.1, 0.2], dtype=x.dtype),
            ),
        ),
        (X,),
        order=1,
    ),
    Case("corrcoef", lambda lib, x: lib.corrcoef(x), (X,), order=1),
    Case(
        "renorm", lambda lib, x: (lib.renorm(x, 2, 0, 1.5), x.renorm(1, 1, 1)), (X,), 0
    ),
    Case(
        "vander",
        lambda lib, x: (
            lib.vander(x[0]),
            lib.vander(x[0], 3, True),
            lib.vander(x[1], 0),
        ),
        (X,),
        order=0,
    ),
    Case("narrow_copy", lambda lib, x: x.narrow_copy(1, 1, 2), (X,), order=0),
    *(
        Case(
            f"{name} {length}",
            lambda lib, name=name, length=length: [
                getattr(lib, name)(length, periodic=periodic, dtype=lib.float64)
                for periodic in (True, False)
            ],
            (),
        )
        for name in (
            "hann_window",
            "hamming_window",
            "blackman_window",
            "bartlett_window",
        )
        for length in (0, 1, 2, 7, 8)
    ),
    Case("written", lambda lib, x: lib.exp_(x * 1), (X,)),
    Case("written and clamped", lambda lib, x: lib.clamp_(x.clone(), -0.5, 0.5), (X,)),
    Case(
        "conv2d",
        lambda lib, x, w: lib.conv2d(x, w, padding=1),
        (X[None, None], Y[None, None, :2, :2]),
    ),
    Case(
        "batch_norm",
        lambda lib, x, w: lib.batch_norm(x, w, w, None, None, True, 0.1, 1e-5, False),
        (X, Y[0]),
    ),
    Case("layer_norm", lambda lib, x: lib.layer_norm(x, (5,)), (X,)),
    Case(
        "group_norm", lambda lib, x: lib.group_norm(x, 2, None, None, 1e-3), (X[:, :4],)
    ),
    Case("embedding", lambda lib, w: lib.embedding(w, lib.tensor([2, 0, 2])), (X,)),
    Case("prelu", lambda lib, x, w: lib.prelu(x, w), (X, Y[0])),
]
ERRORS = [
    Error(
        "quantile", lambda lib: lib.quantile(lib.ones(2), 1.5), "in the range [0, 1]"
    ),
    Error(
        "method",
        lambda lib: lib.quantile(lib.ones(2), 0.5, interpolation="x"),
        "interpolation must be one of",
    ),
    Error("polygamma", lambda lib: lib.polygamma(-1, lib.ones(1)), "negative n"),
    Error("frexp", lambda lib: lib.frexp(lib.tensor([1])), "floating-point"),
]


@pytest.mark.parametrize("case", CASES, **names(CASES))
def test_both_agree(case):
    check(case)


@pytest.mark.parametrize("case", ERRORS, **names(ERRORS))
def test_both_refuse(case):
    check_error(case)


def test_windows_take_the_default_dtype():
    kinds = [str(lib.hann_window(3).dtype) for lib in LIBRARIES]
    assert kinds == ["torch.float32"] * 2
    assert LIBRARIES[1] is torch
