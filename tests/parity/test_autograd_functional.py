"""Derivatives of functions beside torch.autograd.functional."""

import numpy as np
import pytest
import torch
from parity.side_by_side import error, report, scenarios

import flambeau

SCENARIOS, scenario = scenarios()


def shown(value):
    if isinstance(value, tuple):
        return tuple(map(shown, value))
    digits = np.round(value.detach().numpy(), 6) + 0.0
    return tuple(value.shape), digits.tolist(), value.requires_grad


def data(lib, *shape, seed=0):
    return lib.tensor(np.random.default_rng(seed).normal(size=shape))


def two(x, y):
    return (x * y).sum(1), x.sin() @ y.T


def wave(x):
    return (x.sin() * x).sum()


def both(x, y):
    return (x**2 * y).sum()


@scenario
def matrices(lib):
    F, x, y = lib.autograd.functional, data(lib, 2, 3), data(lib, 2, 3, seed=1)
    yield shown(F.jacobian(lib.sin, x))
    yield shown(F.jacobian(two, (x, y)))
    yield shown(F.jacobian(lambda x: (x.sum(), x * 2), x))
    yield shown(F.jacobian(lib.sin, x, vectorize=True))
    yield shown(F.jacobian(lambda x, y: x, (x, y)))
    yield shown(F.hessian(wave, x))
    yield shown(F.hessian(both, (x, y)))
    yield shown(F.hessian(lambda x: x.sum(), x))
    traced = x.clone().requires_grad_()
    yield shown(F.jacobian(lib.sin, traced, create_graph=True))
    yield shown(F.hessian(wave, traced, create_graph=True))
    F.hessian(wave, traced, create_graph=True).sum().backward()
    yield shown(traced.grad)


@scenario
def products(lib):
    F, x, y = lib.autograd.functional, data(lib, 2, 3), data(lib, 2, 3, seed=1)
    v = data(lib, 2, seed=2), data(lib, 2, 2, seed=3)
    yield shown(F.vjp(two, (x, y), v))
    yield shown(F.vjp(wave, x))
    yield shown(F.jvp(two, (x, y), (y, x)))
    yield shown(F.jvp(lambda x: x.repeat(3), lib.tensor(2.0)))
    yield shown(F.jvp(lambda x, y: (x * 2, y.exp()), (x, y), (y, x)))
    for rule in (F.vhp, F.hvp):
        yield shown(rule(wave, x, y))
        yield shown(rule(both, (x, y), (y, x)))
        yield shown(rule(wave, lib.tensor(2.0)))
    traced = x.clone().requires_grad_()
    yield shown(F.vjp(lib.sin, traced, y, create_graph=True))
    yield shown(F.jvp(lib.sin, traced, y, create_graph=True))


@scenario
def wrong_calls(lib):
    F, x, y = lib.autograd.functional, data(lib, 2, 3), data(lib, 2, 3, seed=1)
    yield error(F.jacobian, lib.sin, 3)
    yield error(F.jacobian, lib.sin, (x, 3))
    yield error(F.jacobian, lambda x: 3, x)
    yield error(F.jacobian, lambda x: lib.ones(2), x, strict=True)
    yield error(F.jacobian, lambda x, y: x * 2, (x, y), strict=True)
    yield error(F.hessian, lib.sin, x)
    yield error(F.hessian, lambda x: (x.sum(), x.sum()), x)
    yield error(F.hessian, lambda x: x.sum(), x, strict=True)
    yield error(F.vjp, lib.sin, x)
    yield error(F.vjp, lib.sin, x, y[0])
    yield error(F.vjp, lib.sin, x, (y, y))
    yield error(F.vjp, two, (x, y), (y, y))
    yield error(F.vjp, two, (x, y), (y,))
    yield error(F.vjp, lambda x, y: x * 2, (x, y), x, strict=True)
    yield error(F.jvp, lib.sin, x)
    yield error(F.vhp, lib.sin, x, y)
    yield error(F.hvp, wave, x)


@pytest.mark.parametrize("function", SCENARIOS)
def test_both_libraries_show_the_same(function):
    assert report(function, flambeau) == report(function, torch)
