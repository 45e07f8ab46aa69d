"""Learning rate schedules: known sequences, properties, and refused arguments."""

import copy
import math
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flambeau as ft
from flambeau.optim import SGD, Adam, Optimizer, RMSprop
from flambeau.optim import lr_scheduler as schedules


def optimizer(*rates, rule=SGD, **options):
    """An optimizer with one group for each rate."""
    groups = [{"params": [ft.zeros(1)], "lr": rate} for rate in rates or (1.0,)]
    return rule(groups, **options)


def follow(scheduler, epochs):
    """The first group's rate in each epoch."""
    group = scheduler.optimizer.param_groups[0]
    rates = [group["lr"]]
    for _ in range(epochs - 1):
        scheduler.optimizer.step()
        scheduler.step()
        assert scheduler.get_last_lr()[0] == group["lr"]
        rates.append(group["lr"])
    return rates


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda o: schedules.StepLR(o, 2, gamma=0.5), [1, 1, 0.5, 0.5, 0.25, 0.25]),
        (
            lambda o: schedules.MultiStepLR(o, [1, 3, 3], gamma=0.5),
            [1, 0.5, 0.5, 0.125, 0.125, 0.125],
        ),
        (
            lambda o: schedules.ConstantLR(o, factor=0.25, total_iters=3),
            [0.25, 0.25, 0.25, 1, 1, 1],
        ),
        (
            lambda o: schedules.LinearLR(o, start_factor=0.5, total_iters=4),
            [0.5, 0.625, 0.75, 0.875, 1, 1],
        ),
        (
            lambda o: schedules.ExponentialLR(o, 0.5),
            [1, 0.5, 0.25, 0.125, 0.0625, 0.03125],
        ),
        (
            lambda o: schedules.PolynomialLR(o, total_iters=4, power=2.0),
            [1, 9 / 16, 4 / 16, 1 / 16, 0, 0],
        ),
        (
            lambda o: schedules.CosineAnnealingLR(o, T_max=3, eta_min=0.5),
            [1, 0.875, 0.625, 0.5, 0.625, 0.875],
        ),
        (
            lambda o: schedules.CosineAnnealingWarmRestarts(o, T_0=2, T_mult=2),
            [1, 0.5, 1, 0.5 + math.sqrt(0.125), 0.5, 0.5 - math.sqrt(0.125)],
        ),
        (
            lambda o: schedules.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
            [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5, 1 / 6],
        ),
        (
            lambda o: schedules.MultiplicativeLR(o, lambda epoch: 1 / epoch),
            [1, 1, 1 / 2, 1 / 6, 1 / 24, 1 / 120],
        ),
        (
            lambda o: schedules.CyclicLR(o, 1.0, 3.0, 2, cycle_momentum=False),
            [1, 2, 3, 2, 1, 2],
        ),
        (
            lambda o: schedules.CyclicLR(
                o, 1.0, 3.0, 2, mode="triangular2", cycle_momentum=False
            ),
            [1, 2, 3, 2, 1, 1.5],
        ),
        (
            lambda o: schedules.OneCycleLR(
                o,
                max_lr=1.0,
                total_steps=6,
                pct_start=0.5,
                anneal_strategy="linear",
                cycle_momentum=False,
                div_factor=2.0,
                final_div_factor=5.0,
            ),
            [0.5, 0.75, 1, 0.7, 0.4, 0.1],
        ),
    ],
)
def test_known_sequences(make, expected):
    rates = follow(make(optimizer()), len(expected))
    assert rates == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_schedulers_start_one_after_the_other_with_sequential():
    group = optimizer()
    parts = [
        schedules.ConstantLR(group, factor=0.5, total_iters=9),
        schedules.ExponentialLR(group, gamma=0.1),
    ]
    sequence = schedules.SequentialLR(group, parts, milestones=[2])
    assert follow(sequence, 5) == pytest.approx([0.5, 0.5, 1.0, 0.1, 0.01])


def test_schedulers_multiply_when_chained():
    group = optimizer()
    parts = [
        schedules.ConstantLR(group, factor=0.5, total_iters=2),
        schedules.ExponentialLR(group, gamma=0.1),
    ]
    chain = schedules.ChainedScheduler(parts)
    assert follow(chain, 4) == pytest.approx([0.5, 0.05, 0.01, 0.001])


def test_plateau_waits_for_its_patience_and_cools_down():
    group = optimizer()
    scheduler = schedules.ReduceLROnPlateau(
        group, factor=0.5, patience=1, cooldown=2, min_lr=0.25
    )
    rates = []
    for loss in [3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]:
        scheduler.step(loss)
        rates += scheduler.get_last_lr()
    assert rates == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25]


@pytest.mark.parametrize(
    ("mode", "threshold_mode", "metrics", "bad"),
    [
        ("min", "rel", [10, 9.1], 1),
        ("min", "rel", [10, 8.9], 0),
        ("min", "abs", [10, 9.95], 1),
        ("min", "abs", [10, 9.8], 0),
        ("max", "rel", [10, 10.9], 1),
        ("max", "rel", [10, 11.1], 0),
        ("max", "abs", [10, 10.05], 1),
        ("max", "abs", [10, 10.2], 0),
    ],
)
def test_plateau_counts_what_is_no_improvement(mode, threshold_mode, metrics, bad):
    scheduler = schedules.ReduceLROnPlateau(
        optimizer(), mode, threshold=0.1, threshold_mode=threshold_mode
    )
    for metric in metrics:
        scheduler.step(ft.tensor(metric))
    assert scheduler.num_bad_epochs == bad


def test_plateau_lowers_the_rate_of_a_group_added_later():
    group = optimizer()
    scheduler = schedules.ReduceLROnPlateau(group, patience=0)
    group.add_param_group({"params": [ft.zeros(1)], "lr": 2.0})
    for _ in range(2):
        scheduler.step(1.0)
    assert scheduler.get_last_lr() == [0.1, 0.2]
    scheduler = schedules.ReduceLROnPlateau(group, patience=0, min_lr=[0, 0])
    group.add_param_group({"params": [ft.zeros(1)]})
    scheduler.step(1.0)
    with pytest.raises(RuntimeError, match=r"param groups .*\(3\) differs .*\(2\)"):
        scheduler.step(1.0)


def test_one_cycle_moves_the_momentum_the_other_way():
    group = optimizer(momentum=0.5)
    scheduler = schedules.OneCycleLR(
        group, 1.0, 5, base_momentum=0.8, max_momentum=0.9, pct_start=0.6
    )
    momenta = []
    for _ in range(5):
        momenta.append(group.param_groups[0]["momentum"])
        group.step()
        scheduler.step()
    assert momenta == pytest.approx([0.9, 0.85, 0.8, 0.85, 0.9])


def test_cycles_move_beta1_of_adam():
    group = optimizer(rule=Adam)
    scheduler = schedules.CyclicLR(
        group, 1.0, 2.0, 2, base_momentum=0.6, max_momentum=0.8
    )
    betas = []
    for _ in range(4):
        betas.append(group.param_groups[0]["betas"])
        group.step()
        scheduler.step()
    assert [beta2 for _, beta2 in betas] == [0.999] * 4
    assert [beta1 for beta1, _ in betas] == pytest.approx([0.8, 0.7, 0.6, 0.7])


def test_every_group_follows_its_own_rate():
    scheduler = schedules.ExponentialLR(optimizer(1.0, 8.0), gamma=0.5)
    scheduler.optimizer.step()
    scheduler.step()
    assert scheduler.get_last_lr() == [0.5, 4.0]
    assert scheduler.base_lrs == [1.0, 8.0]


def test_a_tensor_rate_is_changed_in_place():
    rate = ft.tensor(1.0)
    group = optimizer(rate)
    scheduler = schedules.ExponentialLR(group, gamma=0.5)
    group.step()
    scheduler.step()
    assert group.param_groups[0]["lr"] is rate
    assert rate.item() == 0.5
    assert scheduler.base_lrs[0].item() == 1.0
    before = scheduler.get_last_lr()[0]
    scheduler.step()
    assert before.item() == 0.5


CLOSED = {
    "StepLR": {"step_size": st.integers(1, 5), "gamma": st.floats(0.1, 1)},
    "MultiStepLR": {"milestones": st.lists(st.integers(1, 9)), "gamma": st.just(0.5)},
    "ConstantLR": {"factor": st.floats(0.1, 1), "total_iters": st.integers(1, 9)},
    "LinearLR": {
        "start_factor": st.floats(0.1, 1),
        "end_factor": st.floats(0.1, 1),
        "total_iters": st.integers(1, 9),
    },
    "ExponentialLR": {"gamma": st.floats(0.1, 1)},
    "PolynomialLR": {"total_iters": st.integers(1, 9), "power": st.floats(0, 3)},
    "CosineAnnealingLR": {"T_max": st.integers(2, 9), "eta_min": st.floats(0, 0.5)},
}


@settings(deadline=None)
@given(st.sampled_from(sorted(CLOSED)), st.integers(0, 12), st.data())
def test_steps_lead_where_the_closed_form_leads(name, epoch, data):
    options = {key: data.draw(each, key) for key, each in CLOSED[name].items()}
    stepped = getattr(schedules, name)(optimizer(), **options)
    jumped = getattr(schedules, name)(optimizer(), **options)
    rates = follow(stepped, epoch + 1)
    jumped.optimizer.step()
    with pytest.warns(UserWarning, match="epoch parameter"):
        jumped.step(epoch)
    assert rates[-1] == pytest.approx(jumped.get_last_lr()[0], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("at", [3, 4, 5.25, 12.5])
def test_warm_restarts_go_to_any_point(at):
    stepped = schedules.CosineAnnealingWarmRestarts(optimizer(), T_0=2, T_mult=2)
    follow(stepped, 13)
    stepped.step(at)
    run = 2 if at < 6 else 6
    length = 4 if at < 6 else 8
    expected = (1 + math.cos(math.pi * (at - run) / length)) / 2
    assert stepped.get_last_lr()[0] == pytest.approx(expected)


def all_schedulers():
    def sequence(o):
        parts = [schedules.LinearLR(o), schedules.ExponentialLR(o, 0.9)]
        return schedules.SequentialLR(o, parts, [3])

    def chain(o):
        parts = [schedules.LinearLR(o), schedules.ExponentialLR(o, 0.9)]
        return schedules.ChainedScheduler(parts)

    return {
        "StepLR": lambda o: schedules.StepLR(o, 2),
        "MultiStepLR": lambda o: schedules.MultiStepLR(o, [2, 5]),
        "LinearLR": lambda o: schedules.LinearLR(o),
        "LambdaLR": lambda o: schedules.LambdaLR(o, lambda epoch: 0.5**epoch),
        "CosineAnnealingLR": lambda o: schedules.CosineAnnealingLR(o, 5),
        "WarmRestarts": lambda o: schedules.CosineAnnealingWarmRestarts(o, 3),
        "OneCycleLR": lambda o: schedules.OneCycleLR(o, 2.0, 20),
        "CyclicLR": lambda o: schedules.CyclicLR(o, 0.5, 1.5, 3, mode="exp_range"),
        "SequentialLR": sequence,
        "ChainedScheduler": chain,
    }


@pytest.mark.parametrize("name", all_schedulers())
def test_state_dict_continues_a_schedule(name):
    make = all_schedulers()[name]
    first = make(optimizer(momentum=0.9))
    follow(first, 4)
    saved = pickle.loads(pickle.dumps(first.state_dict()))
    second = make(optimizer(momentum=0.9))
    second.optimizer.load_state_dict(first.optimizer.state_dict())
    second.load_state_dict(copy.deepcopy(saved))
    assert follow(second, 6) == follow(first, 6)
    assert second.state_dict().keys() == saved.keys()


def test_last_epoch_continues_from_the_rate_in_effect():
    group = optimizer()
    rates = follow(schedules.ExponentialLR(group, 0.5), 4)
    again = schedules.ExponentialLR(group, 0.5, last_epoch=3)
    assert again.get_last_lr() == rates[-1:] == [0.125]
    assert again.base_lrs == [1.0] and again.last_epoch == 4


class Slope:
    """A callable with a state of its own."""

    def __init__(self, slope):
        self.slope = slope

    def __call__(self, epoch):
        return 1 - self.slope * epoch


def test_callable_objects_are_saved_by_their_attributes():
    saved = schedules.LambdaLR(optimizer(), Slope(0.1)).state_dict()
    assert saved["lr_lambdas"] == [{"slope": 0.1}]
    other = schedules.LambdaLR(optimizer(), Slope(0.5))
    other.load_state_dict(saved)
    assert follow(other, 2)[1] == 0.9
    cyclic = schedules.CyclicLR(
        optimizer(), 1.0, 2.0, 2, scale_fn=Slope(0.1), cycle_momentum=False
    )
    saved = cyclic.state_dict()
    assert saved["_scale_fn_custom"] == {"slope": 0.1}
    cyclic.scale_fn(0)
    cyclic._scale_fn_custom.slope = 0.5
    cyclic.load_state_dict(saved)
    assert cyclic.scale_fn(1) == 0.9


class Halving(schedules.LRScheduler):
    """A user's schedule, written for torch."""

    def get_lr(self):
        return [base_lr * 0.5**self.last_epoch for base_lr in self.base_lrs]


def test_a_users_schedule_defines_get_lr():
    assert follow(Halving(optimizer()), 3) == [1.0, 0.5, 0.25]
    with pytest.raises(NotImplementedError, match="LRScheduler must define"):
        schedules.LRScheduler(optimizer())


def test_the_wrong_order_of_calls_is_warned_about_once():
    group = optimizer()
    scheduler = schedules.StepLR(group, 2)
    with pytest.warns(UserWarning, match="before `optimizer.step") as caught:
        scheduler.step()
    assert caught[0].filename == __file__
    scheduler.step()  # a warning here would be an error


def test_steps_before_the_scheduler_do_not_count_as_its_own():
    group = optimizer()
    group.step()
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        schedules.StepLR(group, 2).step()


def test_get_lr_outside_a_step_is_warned_about():
    scheduler = schedules.StepLR(optimizer(), 2)
    with pytest.warns(UserWarning, match="please use `get_last_lr") as caught:
        scheduler.get_lr()
    assert caught[0].filename == __file__


def cyclic(**options):
    return lambda o: schedules.CyclicLR(o, **{"base_lr": 0.1, "max_lr": 1.0, **options})


def one_cycle(**options):
    return lambda o: schedules.OneCycleLR(o, **{"max_lr": 1.0, **options})


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda o: schedules.StepLR(3, 2), TypeError, "int is not an Optimizer"),
        (
            lambda o: schedules.StepLR(o, 2, last_epoch=1),
            KeyError,
            "param 'initial_lr' is not specified in param_groups[0]",
        ),
        (lambda o: schedules.ConstantLR(o, 2.0), ValueError, "between 0 and 1"),
        (lambda o: schedules.LinearLR(o, 0.0), ValueError, "greater than 0"),
        (lambda o: schedules.LinearLR(o, 0.5, 2), ValueError, "end_factor=2"),
        (lambda o: schedules.LambdaLR(o, []), ValueError, "Expected 1 lr_lambdas"),
        (lambda o: schedules.MultiplicativeLR(o, 3), TypeError, "but got int"),
        (
            lambda o: schedules.CosineAnnealingWarmRestarts(o, 0),
            ValueError,
            "Expected positive integer T_0, but got 0",
        ),
        (
            lambda o: schedules.CosineAnnealingWarmRestarts(o, 1, 0.5),
            ValueError,
            "Expected integer T_mult >= 1, but got 0.5",
        ),
        (
            lambda o: schedules.CosineAnnealingWarmRestarts(o, 1, eta_min="0"),
            ValueError,
            "Expected float or int eta_min, but got 0",
        ),
        (
            lambda o: schedules.CosineAnnealingWarmRestarts(o, 1).step(-1),
            ValueError,
            "Expected non-negative epoch, but got -1",
        ),
        (cyclic(mode="square"), ValueError, "mode is invalid and scale_fn is None"),
        (cyclic(max_lr=[1, 2]), ValueError, "max_lr has 2 values, param_groups has 1"),
        (one_cycle(), ValueError, "You must define either total_steps OR"),
        (one_cycle(total_steps=0), ValueError, "positive integer total_steps"),
        (
            one_cycle(epochs=2, steps_per_epoch=0.5),
            ValueError,
            "Expected positive integer steps_per_epoch, but got 0.5",
        ),
        (
            one_cycle(total_steps=9, pct_start=2.0),
            ValueError,
            "Expected float between 0 and 1 pct_start, but got 2.0",
        ),
        (
            one_cycle(total_steps=9, anneal_strategy="up"),
            ValueError,
            "anneal_strategy must be one of 'cos' or 'linear', instead got up",
        ),
        (lambda o: schedules.ReduceLROnPlateau(3), TypeError, "int is not an Opt"),
        (
            lambda o: schedules.ReduceLROnPlateau(o, factor=1.0),
            ValueError,
            "Factor should be < 1.0",
        ),
        (
            lambda o: schedules.ReduceLROnPlateau(o, "up"),
            ValueError,
            "mode up is unknown!",
        ),
        (
            lambda o: schedules.ReduceLROnPlateau(o, threshold_mode="far"),
            ValueError,
            "threshold mode far is unknown!",
        ),
        (
            lambda o: schedules.ReduceLROnPlateau(o, min_lr=[0, 0]),
            ValueError,
            "expected 1 min_lrs, got 2",
        ),
        (
            lambda o: schedules.SequentialLR(o, [], []),
            ValueError,
            "expects at least one scheduler",
        ),
        (
            lambda o: schedules.SequentialLR(o, [schedules.StepLR(o, 1)], [3]),
            ValueError,
            "but got 1 schedulers and 1 milestones",
        ),
        (
            lambda o: schedules.SequentialLR(o, [schedules.StepLR(optimizer(), 1)], []),
            ValueError,
            "expects all schedulers to belong to the same optimizer",
        ),
        (
            lambda o: schedules.ChainedScheduler([]),
            ValueError,
            "expects at least one scheduler",
        ),
        (
            lambda o: schedules.ChainedScheduler([schedules.ReduceLROnPlateau(o)]),
            ValueError,
            "does not support `ReduceLROnPlateau`",
        ),
        (
            lambda o: schedules.ChainedScheduler([3], o),
            TypeError,
            "at index 0 should have `optimizer`",
        ),
    ],
)
def test_refused_arguments(make, error, message):
    with pytest.raises(error) as caught:
        make(optimizer(momentum=0.9))
    assert message in str(caught.value)


def test_cycling_the_momentum_needs_one():
    plain = Optimizer([{"params": [ft.zeros(1)], "lr": 1.0}], {})
    for make in (cyclic(), one_cycle(total_steps=9)):
        with pytest.raises(ValueError, match="must support momentum or beta1"):
            make(plain)
    cyclic()(optimizer(rule=RMSprop))


def test_one_cycle_ends():
    scheduler = schedules.OneCycleLR(optimizer(momentum=0.9), 1.0, total_steps=3)
    follow(scheduler, 4)
    with pytest.raises(ValueError, match="Tried to step 4 times.* total steps is 3"):
        scheduler.step()
