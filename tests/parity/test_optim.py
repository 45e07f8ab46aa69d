"""Optimizers beside live torch: ten steps in float64, and the state."""

import copy

import numpy as np
import pytest
import torch

import flambeau

STEPS = 10
SHAPES = [(3, 4), (5,), ()]

MOMENTUM = {"lr": 0.05, "momentum": 0.9}
CONFIGURATIONS = [
    ("SGD", {"lr": 0.05}),
    ("SGD", {"lr": 0.05, "weight_decay": 0.1}),
    ("SGD", MOMENTUM),
    ("SGD", {**MOMENTUM, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {**MOMENTUM, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {**MOMENTUM, "maximize": True, "weight_decay": 0.01}),
    ("SGD", {**MOMENTUM, "foreach": False, "fused": False}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": (0.7, 0.8), "eps": 1e-3}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.05, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("Adam", {"lr": 0.05, "amsgrad": True, "betas": (0.5, 0.5)}),
    ("Adam", {"lr": 0.05, "maximize": True, "weight_decay": 0.1}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.3, "amsgrad": True}),
    ("AdamW", {"lr": 0.05, "maximize": True, "foreach": True}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.05, "alpha": 0.8, "eps": 1e-3, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.05, "centered": True}),
    ("RMSprop", {**MOMENTUM, "centered": True, "maximize": True}),
    ("ASGD", {"lr": 0.05, "t0": 3, "weight_decay": 0.1}),
    ("Adadelta", {"maximize": True}),
    ("Adafactor", {"lr": 0.05, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.05, "lr_decay": 0.1, "initial_accumulator_value": 0.1}),
    ("Adamax", {"lr": 0.05, "weight_decay": 0.1}),
    ("NAdam", {"lr": 0.05, "decoupled_weight_decay": True, "weight_decay": 0.1}),
    ("RAdam", {"lr": 0.05, "betas": (0.9, 0.8)}),
    ("Rprop", {"lr": 0.05}),
]
RULES = sorted({rule for rule, _ in CONFIGURATIONS})


def start(lib, shapes=SHAPES):
    """The same parameters in either library."""
    rng = np.random.default_rng(0)
    return [lib.tensor(rng.normal(size=s)).requires_grad_() for s in shapes]


def set_gradients(lib, params, step):
    """The same gradients in either library; the last parameter has none at times."""
    rng = np.random.default_rng(step)
    for param in params:
        param.grad = lib.tensor(rng.normal(size=tuple(param.shape)))
    if step % 3 == 1:
        params[-1].grad = None


def take_steps(lib, optimizer, params, first=0):
    """The values of all parameters after each step."""
    history = []
    for step in range(first, first + STEPS):
        set_gradients(lib, params, step)
        optimizer.step()
        history.append([param.detach().numpy().copy() for param in params])
    return history


def assert_close(actual, expected):
    for ours, theirs in zip(actual, expected, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-14)


def to_numpy(value):
    """State with arrays for tensors, to compare it across libraries."""
    if isinstance(value, dict):
        return {key: to_numpy(value[key]) for key in value}
    if isinstance(value, list | tuple):
        return [to_numpy(each) for each in value]
    return value.numpy() if hasattr(value, "numpy") else value


def to_lib(lib, value):
    if isinstance(value, dict):
        return {key: to_lib(lib, value[key]) for key in value}
    return lib.tensor(value) if isinstance(value, np.ndarray) else value


@pytest.mark.parametrize(("rule", "options"), CONFIGURATIONS)
def test_ten_steps_and_the_state(rule, options):
    histories, states = [], []
    for lib in (flambeau, torch):
        params = start(lib)
        optimizer = getattr(lib.optim, rule)(params, **options)
        histories.append(take_steps(lib, optimizer, params))
        states.append(optimizer.state_dict())
    assert_close(*histories)
    ours, theirs = map(to_numpy, states)
    assert ours["param_groups"] == theirs["param_groups"]
    assert [list(g) for g in ours["param_groups"]] == [
        list(g) for g in theirs["param_groups"]
    ]
    assert ours["state"].keys() == theirs["state"].keys()
    for key in ours["state"]:
        mine, other = ours["state"][key], theirs["state"][key]
        assert list(mine) == list(other)
        assert [mine[k].dtype for k in mine] == [other[k].dtype for k in other]
        for name in mine:
            np.testing.assert_allclose(mine[name], other[name], rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(("rule", "options"), CONFIGURATIONS)
def test_a_state_of_torch_continues_here(rule, options):
    params = start(torch)
    optimizer = getattr(torch.optim, rule)(params, **options)
    take_steps(torch, optimizer, params)
    saved = to_numpy(copy.deepcopy(optimizer.state_dict()))
    here = [flambeau.tensor(p.detach().numpy().copy()).requires_grad_() for p in params]
    twin = getattr(flambeau.optim, rule)(here)
    twin.load_state_dict(to_lib(flambeau, saved))
    again = getattr(torch.optim, rule)(params)
    again.load_state_dict(optimizer.state_dict())
    expected = take_steps(torch, again, params, STEPS)
    assert_close(take_steps(flambeau, twin, here, STEPS), expected)


@pytest.mark.parametrize("rule", RULES)
def test_groups_names_and_printed_form(rule):
    results = []
    for lib in (flambeau, torch):
        names = [("first", "a"), ("second", "b"), ("third", "c")]
        named = [(name, p) for (name, _), p in zip(names, start(lib))]
        groups = [
            {"params": named[:2], "weight_decay": 0.1},
            {"params": named[2:], "lr": 0.5},
        ]
        optimizer = getattr(lib.optim, rule)(groups, lr=0.01)
        results.append(repr(optimizer) + repr(to_numpy(optimizer.state_dict())))
    assert results[0] == results[1]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(), (1,)])
def test_tensor_learning_rates(rule, shape):
    histories = []
    for lib in (flambeau, torch):
        lr = lib.full(shape, 0.1, dtype=lib.float64)
        params = start(lib)
        options = {} if rule in ("SGD", "Rprop") else {"weight_decay": 0.1}
        optimizer = getattr(lib.optim, rule)(params, lr=lr, **options)
        histories.append(take_steps(lib, optimizer, params))
    assert_close(*histories)


def test_tensor_betas():
    histories = []
    for lib in (flambeau, torch):
        betas = tuple(lib.tensor(b, dtype=lib.float64) for b in (0.8, 0.9))
        params = start(lib)
        optimizer = lib.optim.Adam(params, betas=betas)
        histories.append(take_steps(lib, optimizer, params))
    assert_close(*histories)


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("SGD", {"lr": -1}),
        ("SGD", {"momentum": -0.5}),
        ("SGD", {"weight_decay": -0.5}),
        ("SGD", {"nesterov": True}),
        ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}),
        ("SGD", {"fused": True, "differentiable": True}),
        ("SGD", {"fused": True, "foreach": True}),
        ("Adam", {"lr": -1}),
        ("Adam", {"eps": -1}),
        ("Adam", {"betas": (1.0, 0.9)}),
        ("Adam", {"betas": (0.9, -0.1)}),
        ("Adam", {"betas": (0, 0.9)}),
        ("Adam", {"weight_decay": -1}),
        ("AdamW", {"fused": True, "foreach": True}),
        ("AdamW", {"fused": True, "differentiable": True}),
        ("RMSprop", {"lr": -1}),
        ("RMSprop", {"eps": -1}),
        ("RMSprop", {"momentum": -1}),
        ("RMSprop", {"weight_decay": -1}),
        ("RMSprop", {"alpha": -1}),
    ],
)
def test_refused_options(rule, options):
    errors = []
    for lib in (flambeau, torch):
        with pytest.raises((ValueError, RuntimeError)) as caught:
            getattr(lib.optim, rule)(start(lib), **options)
        errors.append((caught.type, str(caught.value)))
    assert errors[0] == errors[1]
