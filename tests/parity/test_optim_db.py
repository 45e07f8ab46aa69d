"""torch's own table of optimizers: every configuration and every wrong call."""

import re
import warnings

import numpy as np
import pytest
import torch
from torch.testing._internal.common_optimizers import optim_db

import flambeau

STEPS = 10
SHAPES = [(4, 3), (3, 5), (5,), ()]

# What is left out of the table, and why: optimizers, and wrong calls by description.
LEFT_OUT = {
    "SparseAdam": "its gradients are sparse tensors, which are out of scope",
    "dense params required": "sparse tensors are out of scope",
    "not support complex": "complex parameters are out of scope",
    "complex not supported": "complex parameters are out of scope",
}


def is_left_out(text):
    return any(name in text for name in LEFT_OUT)


def configurations():
    """Every configuration of every optimizer."""
    found = []
    for info in optim_db:
        if is_left_out(info.name):
            continue
        for sample in info.optim_inputs_func(device="cpu", dtype=torch.float64):
            name = f"{info.name}: {sample.desc}"
            found.append(pytest.param(info, sample.kwargs, id=name))
    return found


def implementations(info):
    """The options by which torch is told how to compute on CPUs."""
    flags = [flag for flag in info.supported_impls if flag != "differentiable"]
    return [{}, *({flag: True} for flag in flags)]


def wrong_calls():
    """Every wrong call of the table; `None` for parameters means any."""
    found = []
    for info in optim_db:
        wrong = info.optim_error_inputs_func(device="cpu", dtype=torch.float64)
        for number, case in enumerate(wrong):
            description = case.optimizer_error_input.desc
            if not is_left_out(description):
                name = f"{info.name}: {number}, {description}"
                found.append(pytest.param(info, case, id=name))
    return found


def here(value):
    """The same in flambeau: tensors, also inside containers."""
    if isinstance(value, torch.Tensor):
        made = flambeau.tensor(value.detach().numpy())
        return made.requires_grad_(value.requires_grad)
    if isinstance(value, dict):
        return {key: here(value[key]) for key in value}
    if isinstance(value, list | tuple):
        return type(value)(map(here, value))
    return value


def here_once(params):
    """Parameters in flambeau: what is the same tensor stays the same."""
    made = {}

    def visit(value):
        if isinstance(value, torch.Tensor):
            return made.setdefault(id(value), here(value))
        if isinstance(value, dict):
            return {key: visit(value[key]) for key in value}
        return (
            type(value)(map(visit, value)) if isinstance(value, list | tuple) else value
        )

    return visit(params)


def parameters(library, info):
    rng = np.random.default_rng(0)
    shapes = SHAPES[:2] if info.name == "Muon" else SHAPES
    return [library.tensor(rng.normal(size=s)).requires_grad_() for s in shapes]


def steps(library, info, options):
    """The parameters after each of some steps; the last has no gradient at times."""
    params = parameters(library, info)
    optimizer = getattr(library.optim, info.name)(params, **options)
    history = []

    def loss():
        optimizer.zero_grad()
        used = params if len(history) % 3 != 1 or info.name == "LBFGS" else params[:-1]
        product = (params[0] @ params[1]).square().mean()
        total = product + sum((p * p).sum() * 0.3 + p.sin().sum() for p in used)
        total.backward()
        return total

    for _ in range(STEPS):
        if info.step_requires_closure:
            optimizer.step(loss)
        else:
            loss()
            optimizer.step()
        history.append([param.detach().numpy().copy() for param in params])
    return history


@pytest.mark.parametrize(("info", "options"), configurations())
def test_ten_steps(info, options):
    ours = steps(flambeau, info, here(options))
    for flags in implementations(info):
        rule = getattr(flambeau.optim, info.name)
        made = rule(parameters(flambeau, info), **here(options), **flags)
        assert flags.items() <= made.defaults.items()
        theirs = steps(torch, info, {**options, **flags})
        for one, other in zip(ours, theirs, strict=True):
            for mine, expected in zip(one, other, strict=True):
                np.testing.assert_allclose(mine, expected, rtol=1e-6, atol=1e-6)


def complaint(library, info, params, options):
    """The kind and the message of what building the optimizer raises or warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            getattr(library.optim, info.name)(params, **options)
        except (Warning, Exception) as caught:
            return type(caught), str(caught)
    return None


@pytest.mark.parametrize(("info", "case"), wrong_calls())
def test_wrong_calls(info, case):
    given, options = (
        case.optimizer_error_input.params,
        case.optimizer_error_input.kwargs,
    )
    if given is None:
        given = [torch.ones(2, 2, dtype=torch.float64)]
    kind, message = complaint(flambeau, info, here_once(given), here(options))
    assert complaint(torch, info, given, options)[0] is kind is case.error_type
    assert re.search(case.error_regex, message)


def test_what_is_left_out_is_in_the_table():
    described = [info.name for info in optim_db]
    for info in optim_db:
        for case in info.optim_error_inputs_func(device="cpu", dtype=torch.float64):
            described.append(case.optimizer_error_input.desc)
    assert all(any(name in each for each in described) for name in LEFT_OUT)
