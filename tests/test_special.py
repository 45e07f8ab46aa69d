"""The rarer special functions, beside identities and NumPy's polynomials."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.polynomial import hermite, hermite_e, laguerre, legendre
from slopes import check_derivatives

import flambeau as torch

special = torch.special
POINTS = np.concatenate([np.logspace(-3, 0, 20), np.linspace(1.01, 60, 300)])


def at(function, *arrays):
    given = (torch.tensor(np.asarray(each, np.float64)) for each in arrays)
    return function(*given).numpy()


def test_bessel_functions_have_their_wronskian():
    j0, j1, y0, y1 = (
        at(getattr(special, f"bessel_{name}"), POINTS)
        for name in ("j0", "j1", "y0", "y1")
    )
    wanted = 2 / (math.pi * POINTS)
    np.testing.assert_allclose(j1 * y0 - j0 * y1, wanted, 1e-12)


def test_modified_bessel_functions_have_their_wronskian():
    i0, i1 = at(special.i0e, POINTS), at(special.i1e, POINTS)
    k0 = at(special.scaled_modified_bessel_k0, POINTS)
    k1 = at(special.scaled_modified_bessel_k1, POINTS)
    np.testing.assert_allclose(i0 * k1 + i1 * k0, 1 / POINTS, 1e-13)


@pytest.mark.parametrize("name", ["i0", "i1"])
def test_scaled_functions_are_the_functions_times_an_exponential(name):
    x = np.linspace(-50, 50, 101)
    plain, scaled = at(getattr(special, name), x), at(getattr(special, f"{name}e"), x)
    np.testing.assert_allclose(plain, scaled * np.exp(np.abs(x)), 1e-13)
    np.testing.assert_array_equal(
        at(getattr(special, f"modified_bessel_{name}"), x), plain
    )


@pytest.mark.parametrize("name", ["k0", "k1"])
def test_functions_of_the_second_kind_end_at_zero(name):
    found = at(getattr(special, f"modified_bessel_{name}"), np.array([-1.0, 0, 800]))
    np.testing.assert_array_equal(found, [math.nan, math.inf, 0])


def test_airys_function_solves_its_equation():
    x, step = np.linspace(-8, 8, 161), 1e-3
    below, here, above = (at(special.airy_ai, x + d) for d in (-step, 0, step))
    curve = (below - 2 * here + above) / step**2
    np.testing.assert_allclose(curve, x * here, atol=2e-5)
    np.testing.assert_allclose(at(special.airy_ai, 0.0), 0.3550280538878172, 1e-14)


def test_spherical_bessel_function():
    x = np.array([0.0, 1e-9, 2.0])
    wanted = [1.0, 1.0, math.sin(2) / 2]
    np.testing.assert_allclose(at(special.spherical_bessel_j0, x), wanted, 1e-15)


KINDS = {
    "hermite_polynomial_h": hermite.hermval,
    "hermite_polynomial_he": hermite_e.hermeval,
    "laguerre_polynomial_l": laguerre.lagval,
    "legendre_polynomial_p": legendre.legval,
}


@pytest.mark.parametrize("name", KINDS)
def test_polynomials_are_numpys(name):
    x = np.linspace(-2, 2, 9)
    for degree in range(7):
        found = getattr(special, name)(torch.tensor(x), degree).numpy()
        wanted = KINDS[name](x, np.eye(degree + 1)[degree])
        np.testing.assert_allclose(found, wanted, 1e-12, 1e-12)


@pytest.mark.parametrize("shifted", [False, True])
def test_chebyshevs_polynomials_are_cosines(shifted):
    angle, degree = np.linspace(0.1, 3, 30), np.arange(-1.0, 9)[:, None]
    half, prefix = angle / 2, "shifted_" if shifted else ""
    x = np.cos(half) ** 2 if shifted else np.cos(angle)
    wanted = {
        "t": np.cos(degree * angle),
        "u": np.sin((degree + 1) * angle) / np.sin(angle),
        "v": np.cos((degree + 0.5) * angle) / np.cos(half),
        "w": np.sin((degree + 0.5) * angle) / np.sin(half),
    }
    for kind, values in wanted.items():
        function = getattr(special, f"{prefix}chebyshev_polynomial_{kind}")
        found = at(function, x, degree)
        np.testing.assert_allclose(found[1:], values[1:], atol=1e-12)
        assert not found[0].any()


def test_normal_distribution_and_its_inverse():
    x = np.linspace(-30, 4, 69)
    below = at(special.ndtr, x)
    np.testing.assert_allclose(at(special.ndtri, below), x, 1e-9)
    np.testing.assert_allclose(np.exp(at(special.log_ndtr, x)), below, 1e-12)
    edges = at(special.ndtri, np.array([0.0, 0.5, 1.0, 1.5]))
    np.testing.assert_array_equal(edges, [-math.inf, 0, math.inf, math.nan])


def test_scaled_complement_of_the_error_function():
    x = np.array([-3.0, 0.0, 0.4, 3.0])
    wanted = [math.exp(each * each) * math.erfc(each) for each in x]
    np.testing.assert_allclose(at(special.erfcx, x), wanted, 1e-14)
    np.testing.assert_allclose(at(special.erfcx, 1e8), 1e-8 / math.sqrt(math.pi), 1e-14)


def test_incomplete_gamma_functions():
    x = np.linspace(0.1, 40, 50)
    np.testing.assert_allclose(at(special.gammainc, 1.0, x), -np.expm1(-x), 1e-13)
    wanted = [math.erfc(math.sqrt(each)) for each in x]
    np.testing.assert_allclose(at(special.gammaincc, 0.5, x), wanted, 1e-12)
    ends = np.array([0.0, math.inf])
    np.testing.assert_array_equal(at(torch.igamma, 2.0, ends), [0, 1])
    np.testing.assert_array_equal(at(torch.igammac, 2.0, ends), [1, 0])


def test_zeta_function():
    np.testing.assert_allclose(at(special.zeta, 4.0, 1.0), math.pi**4 / 90, 1e-15)
    np.testing.assert_allclose(at(special.zeta, 30.0, 25.0), 0.0, atol=1e-40)
    np.testing.assert_array_equal(
        at(special.zeta, np.array([1.0, 0.5, 2.0]), np.array([1.0, 1.0, -3.0])),
        [math.inf, math.nan, math.inf],
    )


@pytest.mark.parametrize(
    "call",
    [special.i0, special.i1, special.i0e, special.i1e, special.erfcx, special.log_ndtr],
    ids=lambda call: call.__name__,
)
def test_slopes(call):
    check_derivatives(call, np.array([-1.5, 0.5, 3.0]))


def test_slopes_within_an_interval():
    check_derivatives(special.ndtri, np.array([0.2, 0.6]))
    check_derivatives(lambda q: special.zeta(3.0, q), np.array([1.5, 4.0]))
    a = torch.tensor(2.5, dtype=torch.float64)
    check_derivatives(lambda x: special.gammainc(a, x), np.array([0.5, 4.0]))
    check_derivatives(lambda x: special.gammaincc(a, x), np.array([0.5, 4.0]))


def test_what_has_no_slope_says_so():
    x = torch.tensor([2.0], requires_grad=True)
    for call in (
        special.bessel_j0,
        lambda x: special.legendre_polynomial_p(x, 3),
        lambda x: special.zeta(x, 1.0),
        lambda x: special.gammainc(x, x),
    ):
        with pytest.raises(NotImplementedError, match="derivative of .* not implem"):
            call(x).sum().backward()


def test_wrong_operands():
    with pytest.raises(TypeError, match="'other' .* must be Tensor, not float"):
        special.gammainc(torch.ones(1), 1.0)
    with pytest.raises(NotImplementedError, match='\'igammac?_cpu|"igamma_cpu" not'):
        torch.igamma(torch.ones(1, dtype=torch.int64), torch.ones(1, dtype=torch.int64))
