"""Functions that torch keeps under older names, beside torch."""

import numpy as np
import pytest
import torch
from parity.side_by_side import error, report, scenarios

import flambeau

SCENARIOS, scenario = scenarios()


def shown(tensor):
    digits = np.round(tensor.detach().numpy(), 6) + 0.0
    return tuple(tensor.shape), digits.tolist()


def data(lib, *shape):
    return lib.tensor(np.random.default_rng(0).normal(size=shape))


@scenario
def decompositions(lib):
    a = data(lib, 2, 4, 3)
    for some in (True, False):
        u, s, v = lib.svd(a, some=some)
        yield shown(s), tuple(u.shape), tuple(v.shape)
        yield shown((u[..., :3] * s.unsqueeze(-2)) @ v.mT)
        yield shown(a[0].qr(some).R)
    yield [shown(each) for each in a.svd(compute_uv=False)]


@scenario
def sums(lib):
    a = data(lib, 2, 4, 3)
    for size in ((4, 3), (1, 4, 1), (2, 1, 3), (3,), (1,)):
        yield shown(a.sum_to_size(*size)), shown(a.sum_to_size(size))
    yield error(a.sum_to_size, 2, 3)


@scenario
def elements(lib):
    a = data(lib, 2, 3)
    yield shown(a.apply_(lambda x: x + 1))
    yield shown(a.map_(data(lib, 2, 3), lambda x, y: x * y))
    yield a.ndimension(), a.is_same_size(a), lib.ones(1).is_nonzero()
    yield [shown(each) for each in lib.unsafe_split(a, 2, 1)]


@pytest.mark.parametrize("function", SCENARIOS)
@pytest.mark.filterwarnings("ignore:torch.qr is deprecated:UserWarning")
@pytest.mark.filterwarnings("ignore:An output with one or more:UserWarning")
def test_both_libraries_show_the_same(function):
    assert report(function, flambeau) == report(function, torch)
