"""Averages of weights along a training, and the rate at which they are taken."""

import numpy as np
import pytest

import flambeau as ft
from flambeau import nn, optim
from flambeau.optim import swa_utils


def history(averaged, values):
    """The averaged weight after each value of the model's weight."""
    model = nn.Linear(1, 1, bias=False)
    averaged = averaged(model)
    found = []
    for value in values:
        nn.init.constant_(model.weight, value)
        averaged.update_parameters(model)
        found.append(averaged.module.weight.item())
    assert averaged.n_averaged.item() == len(values)
    return found


VALUES = [1.0, 2.0, 6.0, -1.0]
MEANS = [np.mean(VALUES[: n + 1]) for n in range(4)]
FADING = [1.0, 1.25, 2.4375, 1.578125]  # three quarters of the old one stay


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, MEANS),
        ({"avg_fn": swa_utils.get_swa_avg_fn()}, MEANS),
        ({"multi_avg_fn": swa_utils.get_swa_multi_avg_fn()}, MEANS),
        ({"avg_fn": swa_utils.get_ema_avg_fn(0.75)}, FADING),
        ({"multi_avg_fn": swa_utils.get_ema_multi_avg_fn(0.75)}, FADING),
        ({"use_buffers": True}, MEANS),
    ],
    ids=["default", "mean", "means", "fading", "all fading", "buffers"],
)
def test_averages(options, expected):
    found = history(lambda m: swa_utils.AveragedModel(m, **options), VALUES)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(("use_buffers", "expected"), [(False, 4.0), (True, 3.0)])
def test_buffers_are_copied_or_averaged(use_buffers, expected):
    norm = nn.BatchNorm1d(1)
    averaged = swa_utils.AveragedModel(norm, use_buffers=use_buffers)
    for value in (2.0, 4.0):
        norm.running_mean.fill_(value)
        averaged.update_parameters(norm)
    assert averaged.module.running_mean.item() == expected


def test_the_average_is_a_module_of_its_own():
    model = nn.Linear(2, 1)
    averaged = swa_utils.AveragedModel(model)
    assert list(averaged.state_dict()) == ["n_averaged", "module.weight", "module.bias"]
    before = averaged(ft.ones(1, 2)).item()
    nn.init.zeros_(model.weight)
    assert averaged(ft.ones(1, 2)).item() == before


def test_update_bn_averages_over_all_batches():
    model = nn.Sequential(nn.BatchNorm1d(2, momentum=0.3), nn.ReLU()).eval()
    batches = [ft.randn(8, 2) + shift for shift in range(3)]
    swa_utils.update_bn([(each, "label") for each in batches], model, device="cpu")
    means = np.mean([each.numpy().mean(0) for each in batches], 0)
    np.testing.assert_allclose(model[0].running_mean.numpy(), means, rtol=1e-5)
    assert model[0].momentum == 0.3 and not model.training
    assert model[0].num_batches_tracked.item() == 3


def test_update_bn_reads_nothing_for_a_model_without_batch_norm():
    swa_utils.update_bn(iter(lambda: 1 / 0, None), nn.Linear(1, 1))


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("linear", [1.0, 0.75, 0.5, 0.25, 0.0]),
        ("cos", [1.0, 0.8535534, 0.5, 0.1464466]),
    ],
)
def test_the_rate_goes_to_the_final_one(strategy, expected):
    optimizer = optim.SGD([ft.zeros(1)], lr=1.0)
    scheduler = swa_utils.SWALR(optimizer, 0.0, 4, strategy)
    found = []
    for _ in expected:
        found += scheduler.get_last_lr()
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda o: swa_utils.SWALR(o, 0.1, anneal_strategy="x"), ValueError, "got x"),
        (lambda o: swa_utils.SWALR(o, 0.1, -1), ValueError, "got -1"),
        (lambda o: swa_utils.SWALR(o, [1, 2]), ValueError, "the same length"),
        (
            lambda o: swa_utils.get_ema_avg_fn(1.5),
            ValueError,
            "Invalid decay value 1.5",
        ),
        (
            lambda o: swa_utils.AveragedModel(nn.ReLU(), None, max, max),
            AssertionError,
            "Only one of avg_fn and multi_avg_fn",
        ),
    ],
    ids=["strategy", "epochs", "rates", "decay", "rules"],
)
def test_refused_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make(optim.SGD([ft.zeros(1)]))
