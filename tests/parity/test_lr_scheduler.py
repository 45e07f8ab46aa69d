"""Learning rate schedules beside live torch: the same bits, and the same state."""

import copy
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import flambeau

EPOCHS = 24
BOTH = (flambeau, torch)


def optimizer(lib, rule="SGD"):
    """An optimizer with two groups of different rates."""
    rates = (0.3, 0.007)
    groups = [{"params": [lib.zeros(1)], "lr": rate} for rate in rates]
    options = {} if rule == "AdamW" else {"momentum": 0.9}
    return getattr(lib.optim, rule)(groups, **options)


def options_of(groups):
    """What a schedule may change in each group."""
    names = ("lr", "momentum", "betas", "initial_lr", "min_lr")
    return [{name: group.get(name) for name in names} for group in groups]


def follow(scheduler, epochs, *arguments):
    """All rates and momenta of each epoch."""
    history = [options_of(scheduler.optimizer.param_groups)]
    for _ in range(epochs):
        scheduler.optimizer.step()
        scheduler.step(*arguments)
        history.append(options_of(scheduler.optimizer.param_groups))
        history.append(scheduler.get_last_lr())
    return history


def assert_same(make, rule="SGD", epochs=EPOCHS):
    """Compare rates and states with torch's, through a save in the middle."""
    histories, states = [], []
    for lib in BOTH:
        first = make(lib.optim.lr_scheduler, optimizer(lib, rule))
        history = follow(first, epochs // 2)
        second = make(lib.optim.lr_scheduler, optimizer(lib, rule))
        second.load_state_dict(copy.deepcopy(first.state_dict()))
        second.optimizer.load_state_dict(first.optimizer.state_dict())
        history += follow(second, epochs - epochs // 2)
        histories.append(history)
        states.append(second.state_dict())
    assert histories[0] == histories[1]
    assert states[0] == states[1]


def simple(name, *args, **options):
    return lambda schedules, o: getattr(schedules, name)(o, *args, **options)


def sequence(schedules, o):
    parts = [
        schedules.LinearLR(o, total_iters=4),
        schedules.CosineAnnealingLR(o, T_max=7, eta_min=0.001),
        schedules.ExponentialLR(o, gamma=0.9),
    ]
    return schedules.SequentialLR(o, parts, milestones=[4, 11])


def nested(schedules, o):
    inner = schedules.SequentialLR(
        o, [schedules.ConstantLR(o), schedules.StepLR(o, 3)], milestones=[3]
    )
    return schedules.SequentialLR(
        o, [inner, schedules.PolynomialLR(o, total_iters=30)], milestones=[9]
    )


def chain(schedules, o):
    parts = [
        schedules.ConstantLR(o, factor=0.1, total_iters=5),
        schedules.MultiStepLR(o, [3, 8, 13]),
        schedules.CosineAnnealingLR(o, T_max=10),
    ]
    return schedules.ChainedScheduler(parts)


@pytest.mark.parametrize(
    "make",
    [
        simple("LambdaLR", [lambda e: 0.95**e, lambda e: 1 / (1 + 0.3 * e)]),
        simple("MultiplicativeLR", lambda e: 0.97 + 0.001 * e),
        simple("StepLR", 5, gamma=0.3),
        simple("MultiStepLR", [2, 5, 5, 11], gamma=0.7),
        simple("ConstantLR", factor=0.3, total_iters=7),
        simple("LinearLR", start_factor=0.1, end_factor=0.9, total_iters=9),
        simple("ExponentialLR", gamma=0.93),
        simple("PolynomialLR", total_iters=17, power=1.3),
        simple("CosineAnnealingLR", T_max=7, eta_min=0.001),
        simple("CosineAnnealingLR", T_max=1),
        simple("CosineAnnealingWarmRestarts", 3, T_mult=2, eta_min=0.001),
        simple("CosineAnnealingWarmRestarts", 5),
        sequence,
        chain,
    ],
)
def test_same_rates_and_state(make):
    assert_same(make)


@pytest.mark.filterwarnings("ignore:Detected call:UserWarning")
def test_same_rates_of_sequences_in_sequences():
    assert_same(nested)  # torch, too, steps the inner parts too early and warns


@pytest.mark.parametrize("rule", ["SGD", "AdamW", "RMSprop"])
@pytest.mark.parametrize("mode", ["triangular", "triangular2", "exp_range"])
@pytest.mark.parametrize("down", [None, 4])
def test_same_cycles(rule, mode, down):
    options = {"mode": mode, "gamma": 0.97, "step_size_down": down}
    assert_same(simple("CyclicLR", 0.01, [0.1, 0.2], 3, **options), rule)
    assert_same(
        simple("CyclicLR", 0.01, 0.1, 3, scale_fn=lambda x: 1 / (x + 1), **options),
        rule,
    )


@pytest.mark.parametrize("rule", ["SGD", "AdamW", "RMSprop"])
@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("three_phase", [False, True])
def test_same_one_cycle(rule, strategy, three_phase):
    options = {"anneal_strategy": strategy, "three_phase": three_phase}
    assert_same(simple("OneCycleLR", [0.5, 0.7], EPOCHS, **options), rule)
    assert_same(
        simple("OneCycleLR", 0.5, epochs=5, steps_per_epoch=6, cycle_momentum=False),
        rule,
    )


positive = st.floats(0.01, 1)
count = st.integers(1, 30)
DRAWN = {
    "StepLR": {"step_size": count, "gamma": positive},
    "LinearLR": {
        "start_factor": positive,
        "end_factor": positive,
        "total_iters": count,
    },
    "PolynomialLR": {"total_iters": count, "power": st.floats(0, 4)},
    "CosineAnnealingLR": {"T_max": count, "eta_min": st.floats(0, 1)},
    "CosineAnnealingWarmRestarts": {"T_0": count, "T_mult": st.integers(1, 3)},
    "CyclicLR": {
        "base_lr": positive,
        "max_lr": positive,
        "step_size_up": count,
        "step_size_down": count,
    },
    "OneCycleLR": {
        "max_lr": positive,
        "total_steps": st.integers(EPOCHS, 99),
        "pct_start": st.floats(0.1, 0.9),
        "three_phase": st.booleans(),
    },
}


@settings(deadline=None)
@given(st.sampled_from(sorted(DRAWN)), st.data())
def test_same_rates_for_any_options(name, data):
    options = {key: data.draw(each, key) for key, each in DRAWN[name].items()}
    assert_same(simple(name, **options))


@settings(deadline=None)
@given(
    st.lists(st.floats(0, 2), min_size=1, max_size=40),
    st.sampled_from(["min", "max"]),
    st.sampled_from(["rel", "abs"]),
    st.integers(0, 3),
    st.integers(0, 3),
)
def test_same_plateau(metrics, mode, threshold_mode, patience, cooldown):
    results = []
    for lib in BOTH:
        scheduler = lib.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer(lib),
            mode,
            patience=patience,
            threshold=0.01,
            threshold_mode=threshold_mode,
            cooldown=cooldown,
            min_lr=[0.001, 0],
        )
        rates = []
        for metric in metrics:
            scheduler.step(metric)
            rates.append(scheduler.get_last_lr())
        results.append((rates, scheduler.state_dict()))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "make",
    [
        simple("LambdaLR", lambda e: 0.95**e),
        simple("StepLR", 5, gamma=0.3),
        simple("MultiStepLR", [2, 5, 5, 11], gamma=0.7),
        simple("ConstantLR", factor=0.3, total_iters=7),
        simple("LinearLR", start_factor=0.1, end_factor=0.9, total_iters=9),
        simple("ExponentialLR", gamma=0.93),
        simple("PolynomialLR", total_iters=17, power=1.3),
        simple("CosineAnnealingLR", T_max=7, eta_min=0.001),
        simple("CosineAnnealingWarmRestarts", 3, T_mult=2),
        simple("CosineAnnealingWarmRestarts", 3),
    ],
)
@pytest.mark.parametrize("epoch", [0, 3, 7, 20])
def test_same_rates_for_a_given_epoch(make, epoch):
    histories = []
    for lib in BOTH:
        scheduler = make(lib.optim.lr_scheduler, optimizer(lib))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            histories.append([follow(scheduler, 3), follow(scheduler, 1, epoch)])
            histories[-1].append(follow(scheduler, 3))
    assert histories[0] == histories[1]


@pytest.mark.parametrize("name", ["ExponentialLR", "CosineAnnealingLR", "StepLR"])
def test_same_rates_after_last_epoch(name):
    histories = []
    for lib in BOTH:
        group = optimizer(lib)
        history = follow(getattr(lib.optim.lr_scheduler, name)(group, 4), 5)
        again = getattr(lib.optim.lr_scheduler, name)(group, 4, last_epoch=5)
        histories.append(history + follow(again, 5))
    assert histories[0] == histories[1]


@pytest.mark.parametrize("make", [simple("ExponentialLR", 0.93), sequence, chain])
def test_same_float32_rates_as_tensors(make):
    histories = []
    for lib in BOTH:
        groups = [{"params": [lib.zeros(1)]}]
        group = lib.optim.SGD(groups, lr=lib.tensor(0.3))
        history = follow(make(lib.optim.lr_scheduler, group), EPOCHS)
        histories.append([each[0] for each in history if isinstance(each, list)])
    rates = [
        [float(each["lr"] if isinstance(each, dict) else each) for each in history]
        for history in histories
    ]
    assert rates[0] == pytest.approx(rates[1], rel=1e-6)
