"""Averaged weights beside live torch: the averages, their keys, the rates."""

import copy

import numpy as np
import pytest
import torch

import flambeau

BOTH = (flambeau, torch)


def optimizer(lib):
    """An optimizer with two groups of different rates."""
    return lib.optim.SGD([{"params": [lib.zeros(1)], "lr": r} for r in (0.3, 0.007)])


def follow(scheduler, epochs):
    """The rates of each epoch."""
    history = []
    for _ in range(epochs):
        scheduler.optimizer.step()
        scheduler.step()
        history.append([group["lr"] for group in scheduler.optimizer.param_groups])
        history.append(scheduler.get_last_lr())
    return history


def averages(lib, use_buffers, make):
    """The state of an averaged model along a training of batch norm."""
    model = lib.nn.BatchNorm1d(3)
    averaged = lib.optim.swa_utils.AveragedModel(
        model, use_buffers=use_buffers, **make(lib.optim.swa_utils)
    )
    sgd = lib.optim.SGD(model.parameters(), lr=0.1)
    rng = np.random.default_rng(0)
    for _ in range(4):
        x = lib.tensor(rng.normal(size=(5, 3)).astype(np.float32))
        sgd.zero_grad()
        (model(x) ** 3).sum().backward()
        sgd.step()
        averaged.update_parameters(model)
    batches = [rng.normal(size=(5, 3)).astype(np.float32) for _ in range(2)]
    states = [copy.deepcopy(averaged.state_dict())]
    lib.optim.swa_utils.update_bn([lib.tensor(each) for each in batches], averaged)
    states.append(averaged.state_dict())
    return [{key: each[key].numpy() for key in each} for each in states]


@pytest.mark.parametrize(
    ("use_buffers", "make"),
    [
        (False, lambda swa: {}),
        (False, lambda swa: {"avg_fn": swa.get_ema_avg_fn(0.9)}),
        (True, lambda swa: {"avg_fn": swa.get_ema_avg_fn(0.9)}),
        (False, lambda swa: {"multi_avg_fn": swa.get_swa_multi_avg_fn()}),
        (True, lambda swa: {"multi_avg_fn": swa.get_ema_multi_avg_fn(0.5)}),
    ],
    ids=["default", "ema", "ema buffers", "swa lists", "ema lists buffers"],
)
def test_same_averages(use_buffers, make):
    ours, theirs = (averages(lib, use_buffers, make) for lib in BOTH)
    for mine, expected in zip(ours, theirs, strict=True):
        assert list(mine) == list(expected)
        for key in mine:
            assert mine[key].dtype == expected[key].dtype
            np.testing.assert_allclose(mine[key], expected[key], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("epochs", "strategy"), [(5, "cos"), (7, "linear"), (0, "linear"), (1, "cos")]
)
def test_same_rates_and_state(epochs, strategy):
    histories, states = [], []
    for lib in BOTH:
        sgd = optimizer(lib)
        first = lib.optim.swa_utils.SWALR(sgd, [0.05, 0.5], epochs, strategy)
        history = follow(first, 4)
        second = lib.optim.swa_utils.SWALR(optimizer(lib), 0.1, 3)
        second.load_state_dict(copy.deepcopy(first.state_dict()))
        second.optimizer.load_state_dict(sgd.state_dict())
        histories.append(history + follow(second, 5))
        states.append(second.state_dict())
    assert histories[0] == histories[1]
    assert states[0] == states[1]
