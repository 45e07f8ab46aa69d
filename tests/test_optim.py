"""Optimizers: the rules beside NumPy, groups, state, hooks and refused arguments."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optimizing import leaf, reference, run

import flambeau as ft
from flambeau import backend
from flambeau.graph import topological
from flambeau.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from flambeau.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)


def sgd(lr, momentum, dampening, weight_decay, nesterov, maximize):
    def update(w):
        buffer, grad = None, (yield)
        while True:
            g = (-grad if maximize else grad) + weight_decay * w
            if momentum:
                first = buffer is None
                buffer = g if first else momentum * buffer + (1 - dampening) * g
                g = g + momentum * buffer if nesterov else buffer
            w = w - lr * g
            grad = yield w

    return update


def adam(lr, betas, eps, weight_decay, amsgrad, decoupled_weight_decay, maximize):
    def update(w):
        m, v, top, t, grad = 0 * w, 0 * w, 0 * w, 0, (yield)
        while True:
            t += 1
            g = -grad if maximize else grad
            if decoupled_weight_decay:
                w = w - lr * weight_decay * w
            else:
                g = g + weight_decay * w
            m = betas[0] * m + (1 - betas[0]) * g
            v = betas[1] * v + (1 - betas[1]) * g**2
            top = np.maximum(top, v) if amsgrad else v
            m_hat, v_hat = m / (1 - betas[0] ** t), top / (1 - betas[1] ** t)
            w = w - lr * m_hat / (np.sqrt(v_hat) + eps)
            grad = yield w

    return update


def rmsprop(lr, alpha, eps, weight_decay, momentum, centered, maximize):
    def update(w):
        v, a, b, grad = 0 * w, 0 * w, 0 * w, (yield)
        while True:
            g = (-grad if maximize else grad) + weight_decay * w
            v = alpha * v + (1 - alpha) * g**2
            a = alpha * a + (1 - alpha) * g if centered else a
            b = momentum * b + g / (np.sqrt(v - a**2) + eps)
            w = w - lr * b
            grad = yield w

    return update


def unit(low=0.0, high=0.99):
    return st.floats(low, high)


decay = st.sampled_from([0, 0.1])
# not so small that what they are multiplied with has few digits left
thousandths = st.integers(-3000, 3000).map(lambda number: number / 1000)
weights = st.lists(thousandths, min_size=1, max_size=4)


@settings(deadline=None)
@given(weights, unit(), unit(), st.sampled_from([0, 0.9]), decay, st.booleans())
def test_sgd_is_its_formula(weight, lr, dampening, momentum, weight_decay, maximize):
    options = {
        "lr": lr,
        "momentum": momentum,
        "dampening": dampening,
        "weight_decay": weight_decay,
        "nesterov": False,
        "maximize": maximize,
    }
    expected = reference(sgd(**options), weight)
    np.testing.assert_allclose(run(SGD, weight, **options), expected, rtol=1e-12)


def test_sgd_with_nesterov_is_its_formula():
    options = {"lr": 0.1, "momentum": 0.9, "dampening": 0, "weight_decay": 0.1}
    options |= {"nesterov": True, "maximize": False}
    expected = reference(sgd(**options), [1.0, -2.0])
    np.testing.assert_allclose(run(SGD, [1.0, -2.0], **options), expected, rtol=1e-12)


@settings(deadline=None)
@given(weights, unit(), unit(), unit(), decay, st.tuples(*[st.booleans()] * 3))
def test_adam_is_its_formula(weight, lr, beta1, beta2, weight_decay, flags):
    options = {
        "lr": lr,
        "betas": (beta1, beta2),
        "eps": 1e-3,
        "weight_decay": weight_decay,
        "amsgrad": flags[0],
        "decoupled_weight_decay": flags[1],
        "maximize": flags[2],
    }
    expected = reference(adam(**options), weight)
    np.testing.assert_allclose(run(Adam, weight, **options), expected, rtol=1e-9)


@settings(deadline=None)
@given(weights, unit(), unit(0.5), decay, st.sampled_from([0, 0.9]), st.booleans())
def test_rmsprop_is_its_formula(weight, lr, alpha, weight_decay, momentum, centered):
    options = {
        "lr": lr,
        "alpha": alpha,
        "eps": 0.1,
        "weight_decay": weight_decay,
        "momentum": momentum,
        "centered": centered,
        "maximize": centered,
    }
    expected = reference(rmsprop(**options), weight)
    np.testing.assert_allclose(run(RMSprop, weight, **options), expected, rtol=1e-9)


def test_adamw_is_adam_with_decoupled_decay():
    weight = [1.0, -2.0]
    expected = run(Adam, weight, weight_decay=0.01, decoupled_weight_decay=True)
    np.testing.assert_array_equal(run(AdamW, weight), expected)


@pytest.mark.parametrize("rule", [SGD, Adam, AdamW, RMSprop])
def test_a_tensor_learning_rate_is_the_same(rule):
    expected = run(rule, [1.0, -2.0], lr=0.25)
    for lr in (0.25, [0.25]):
        lr = ft.tensor(lr, dtype=ft.float64)
        np.testing.assert_allclose(run(rule, [1.0, -2.0], lr=lr), expected, rtol=1e-14)


def test_parameters_without_gradient_are_skipped():
    moved, still = leaf(1.0), leaf(1.0)
    optimizer = Adam([moved, still])
    moved.grad = ft.ones(1, dtype=ft.float64)
    optimizer.step()
    assert still.item() == 1.0
    assert list(optimizer.state_dict()["state"]) == [0]


def test_groups_have_their_own_options():
    slow, fast = leaf(1.0), leaf(1.0)
    groups = [{"params": [slow]}, {"params": fast, "lr": 0.5}]
    optimizer = SGD(groups, lr=0.125)
    slow.grad, fast.grad = (ft.ones(1, dtype=ft.float64) for _ in range(2))
    optimizer.step()
    assert (slow.item(), fast.item()) == (0.875, 0.5)


def test_the_update_is_not_recorded():
    param = leaf(1.0)
    (param * param).sum().backward()
    SGD([param], lr=0.5, momentum=0.9).step()
    assert param.is_leaf and param.requires_grad and param.item() == 0.0


def test_a_step_is_one_plan_and_leaves_nothing_pending(monkeypatch):
    param, plans = leaf(1.0, 2.0), []
    optimizer = AdamW([param], amsgrad=True)
    evaluate = backend.evaluate

    def counted(roots):
        plans.append(roots)
        evaluate(roots)

    for step in range(3):
        param.grad = ft.ones_like(param) * step
        monkeypatch.setattr(backend, "evaluate", counted)
        optimizer.step()
        monkeypatch.undo()
        assert len(plans) == step + 1
        state = optimizer.state[param].values()
        assert all(each.node.value is not None for each in (param, *state))


@pytest.mark.parametrize("rule", [SGD, Adam, AdamW, RMSprop])
def test_old_steps_are_forgotten(rule):
    param = leaf(1.0)
    optimizer = rule([param], **({} if rule is not SGD else {"momentum": 0.9}))
    for _ in range(3):
        param.grad = ft.ones_like(param)
        optimizer.step()
    values = [param, *optimizer.state[param].values()]
    assert len(
        topological((v.node for v in values), reads=lambda node: node.inputs)
    ) == len(values)


def test_differentiable_steps_reach_the_gradient():
    start = leaf(2.0)
    param = start.clone()
    optimizer = SGD([param], lr=0.5, differentiable=True)
    param.grad = start * 3
    optimizer.step()
    param.sum().backward()
    assert start.grad.item() == 1 - 0.5 * 3


def test_closure_is_run_with_grad_and_its_loss_returned():
    param = leaf(3.0)
    optimizer = SGD([param], lr=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (param * param).sum()
        loss.backward()
        return loss

    with ft.no_grad():
        assert optimizer.step(closure).item() == 9.0
    assert param.item() == 0.0


def test_zero_grad_drops_or_clears():
    param = leaf(1.0)
    optimizer = SGD([param])
    (param * 2).sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert param.grad.item() == 0.0
    optimizer.zero_grad()
    assert param.grad is None


def test_printed_form():
    assert repr(SGD([leaf(1.0)], lr=0.1)) == (
        "SGD (\nParameter Group 0\n    dampening: 0\n    differentiable: False\n"
        "    foreach: None\n    fused: None\n    lr: 0.1\n    maximize: False\n"
        "    momentum: 0\n    nesterov: False\n    weight_decay: 0\n)"
    )


def stepped(rule, **options):
    """An optimizer of two parameters that has made a step."""
    params = [leaf(1.0, 2.0), leaf(3.0)]
    optimizer = rule([{"params": [each]} for each in params], **options)
    for each in params:
        each.grad = ft.ones_like(each)
    optimizer.step()
    return optimizer, params


@pytest.mark.parametrize(
    ("rule", "options", "keys"),
    [
        (SGD, {}, None),
        (SGD, {"momentum": 0.9}, {"momentum_buffer"}),
        (Adam, {}, {"step", "exp_avg", "exp_avg_sq"}),
        (
            AdamW,
            {"amsgrad": True},
            {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"},
        ),
        (RMSprop, {}, {"step", "square_avg"}),
        (
            RMSprop,
            {"momentum": 0.9, "centered": True},
            {"step", "square_avg", "momentum_buffer", "grad_avg"},
        ),
    ],
)
def test_state_dict_continues_a_run(rule, options, keys):
    optimizer, params = stepped(rule, **options)
    saved = copy.deepcopy(optimizer.state_dict())
    assert [group["params"] for group in saved["param_groups"]] == [[0], [1]]
    assert saved["state"].keys() == ({0, 1} if keys else set())
    assert all(saved["state"][i].keys() == keys for i in saved["state"])

    twins = [leaf(*each.tolist()) for each in params]
    twin = rule([{"params": [each]} for each in twins], **options)
    twin.load_state_dict(saved)
    for each, other in zip(params, twins):
        each.grad = other.grad = ft.full_like(each, 0.5)
    optimizer.step()
    twin.step()
    assert [t.tolist() for t in twins] == [p.tolist() for p in params]


def test_step_is_a_float32_tensor_and_stays_one():
    optimizer, (first, _) = stepped(Adam)
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    step = optimizer.state[first]["step"]
    assert step.dtype == ft.float32 and step.item() == 1.0


def test_loaded_state_is_a_copy_in_the_dtype_of_its_parameter():
    optimizer, _ = stepped(SGD, momentum=0.9)
    narrow = [leaf(1.0, 2.0, dtype=ft.float32), leaf(3.0, dtype=ft.float32)]
    twin = SGD([{"params": [each]} for each in narrow], momentum=0.9)
    saved = optimizer.state_dict()
    twin.load_state_dict(saved)
    buffer = twin.state[narrow[0]]["momentum_buffer"]
    assert buffer.dtype == ft.float32
    buffer.zero_()
    assert saved["state"][0]["momentum_buffer"].tolist() == [1.0, 1.0]


def test_a_checkpoint_without_an_option_takes_the_default():
    optimizer, _ = stepped(SGD, momentum=0.9)
    saved = copy.deepcopy(optimizer.state_dict())
    for group in saved["param_groups"]:
        del group["maximize"]
    optimizer.load_state_dict(saved)
    assert optimizer.param_groups[1]["maximize"] is False


def test_adamw_continues_a_state_of_adam():
    optimizer, params = stepped(Adam)
    twin = AdamW([{"params": [each]} for each in params])
    twin.load_state_dict(optimizer.state_dict())
    assert twin.param_groups[0]["decoupled_weight_decay"] is True


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_go_their_own_way(duplicate):
    optimizer, params = stepped(Adam)
    twin = duplicate(optimizer)
    before = [each.tolist() for each in params]
    for group in twin.param_groups:
        for each in group["params"]:
            each.grad = ft.ones_like(each)
    twin.step()
    assert [each.tolist() for each in params] == before
    assert twin.state_dict()["state"][0]["step"].item() == 2.0


def test_step_hooks_run_around_the_step():
    param = leaf(1.0)
    optimizer = SGD([param], lr=1.0)
    seen = []

    def before(hooked, args, kwargs):
        seen.append((args, param.item()))
        return args, {"closure": lambda: "changed"}

    optimizer.register_step_pre_hook(before)
    handle = optimizer.register_step_post_hook(
        lambda hooked, args, kwargs: seen.append((sorted(kwargs), param.item()))
    )
    param.grad = ft.ones(1, dtype=ft.float64)
    assert optimizer.step() == "changed"
    assert seen == [((optimizer,), 1.0), (["closure"], 0.0)]
    handle.remove()
    optimizer.step()
    assert len(seen) == 3


def test_hooks_of_all_optimizers_run_around_their_own():
    optimizer, seen = SGD([leaf(1.0)]), []

    def note(word):
        return lambda hooked, args, kwargs: seen.append((hooked is optimizer, word))

    handles = [
        register_optimizer_step_pre_hook(note("before all")),
        register_optimizer_step_post_hook(note("after all")),
    ]
    optimizer.register_step_pre_hook(note("before"))
    optimizer.register_step_post_hook(note("after"))
    optimizer.step()
    assert seen == [
        (True, word) for word in ("before all", "before", "after", "after all")
    ]
    for handle in handles:
        handle.remove()
    seen.clear()
    optimizer.step()
    assert [word for _, word in seen] == ["before", "after"]


def test_a_replay_notices_hooks_of_all_optimizers():
    param, calls = leaf(1.0), []
    optimizer = SGD([param], lr=0.5)

    @ft.compile
    def step(x):
        optimizer.zero_grad()
        (param * x).sum().backward()
        optimizer.step()

    for _ in range(5):
        step(ft.ones(1))
    assert step.replays > 0
    handle = register_optimizer_step_post_hook(lambda *args: calls.append(1))
    step(ft.ones(1))
    handle.remove()
    step(ft.ones(1))
    assert calls == [1]


def test_a_step_hook_that_returns_nonsense_is_refused():
    optimizer = SGD([leaf(1.0)])
    optimizer.register_step_pre_hook(lambda *args: 3)
    with pytest.raises(RuntimeError, match="must return None or a tuple .*got 3"):
        optimizer.step()


def test_state_dict_hooks_see_and_change_the_dict():
    optimizer, _ = stepped(SGD, momentum=0.9)
    seen = []
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("second"))
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("first"), prepend=True)
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "note": 1})
    optimizer.register_load_state_dict_pre_hook(
        lambda o, state: seen.append(state.pop("note"))
    )
    optimizer.register_load_state_dict_post_hook(lambda o: seen.append("loaded"))
    optimizer.load_state_dict(optimizer.state_dict())
    assert seen == ["first", "second", 1, "loaded"]


class Halving(SGD):
    """A user's optimizer, with a step of its own around the inherited one."""

    def step(self, closure=None):
        super().step(closure)
        with ft.no_grad():
            for group in self.param_groups:
                for param in group["params"]:
                    param.mul_(0.5)


def test_hooks_run_once_around_an_overridden_step():
    param, calls = leaf(4.0), []
    optimizer = Halving([param], lr=1.0)
    optimizer.register_step_post_hook(lambda *args: calls.append(param.item()))
    param.grad = ft.full((1,), 2.0, dtype=ft.float64)
    optimizer.step()
    assert calls == [1.0]


def test_an_optimizer_without_rule_says_so():
    param = leaf(1.0)
    param.grad = ft.ones(1, dtype=ft.float64)
    with pytest.raises(NotImplementedError, match="Optimizer must define step"):
        Optimizer([param], {}).step()


def test_named_parameters_are_remembered():
    optimizer = SGD([("weight", leaf(1.0)), ("bias", leaf(1.0))])
    saved = optimizer.state_dict()["param_groups"][0]
    assert saved["param_names"] == ["weight", "bias"]
    with pytest.raises(ValueError, match="cannot add param group without names"):
        optimizer.add_param_group({"params": [leaf(1.0)]})


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda p: SGD([p], lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda p: SGD([p], momentum=-1), ValueError, "Invalid momentum value: -1"),
        (
            lambda p: SGD([p], weight_decay=-1),
            ValueError,
            "Invalid weight_decay value: -1",
        ),
        (
            lambda p: SGD([p], nesterov=True),
            ValueError,
            "Nesterov momentum requires a momentum and zero dampening",
        ),
        (
            lambda p: SGD([p], fused=True, foreach=True),
            RuntimeError,
            "`fused` and `foreach` cannot be `True` together.",
        ),
        (
            lambda p: Adam([p], fused=True, differentiable=True),
            RuntimeError,
            "`fused` does not support `differentiable`",
        ),
        (
            lambda p: Adam([p], lr=ft.ones(2)),
            ValueError,
            "Tensor lr must be 1-element",
        ),
        (
            lambda p: Adam([p], lr=ft.tensor(0.1), foreach=True),
            ValueError,
            "lr as a Tensor is not supported for capturable=False and foreach=True",
        ),
        (lambda p: Adam([p], eps=-1), ValueError, "Invalid epsilon value: -1"),
        (
            lambda p: Adam([p], betas=(1.0, 0.9)),
            ValueError,
            "Invalid beta parameter at index 0: 1.0",
        ),
        (
            lambda p: Adam([p], betas=(0.9, ft.tensor(0.9))),
            ValueError,
            "betas must be either both floats or both Tensors",
        ),
        (lambda p: RMSprop([p], alpha=-1), ValueError, "Invalid alpha value: -1"),
        (lambda p: SGD([]), ValueError, "optimizer got an empty parameter list"),
        (lambda p: SGD(p), TypeError, "params argument given to the optimizer"),
        (lambda p: SGD([3]), TypeError, "one of the params is int"),
        (lambda p: SGD([p * 2]), ValueError, "can't optimize a non-leaf Tensor"),
        (
            lambda p: SGD([{"params": {p}}]),
            TypeError,
            "need to be organized in ordered collections",
        ),
        (
            lambda p: SGD([{"params": [p]}, {"params": [p]}]),
            ValueError,
            "some parameters appear in more than one parameter group",
        ),
        (
            lambda p: SGD([p, ("name", leaf(1.0))]),
            ValueError,
            "Some param names are missing",
        ),
        (
            lambda p: SGD([p]).add_param_group([p]),
            TypeError,
            "param_group must be a dict",
        ),
    ],
)
def test_refused_arguments(make, error, message):
    with pytest.raises(error) as caught:
        make(leaf(1.0))
    assert message in str(caught.value)


def test_required_options_must_be_given():
    from flambeau.optim.optimizer import required

    with pytest.raises(ValueError, match="required optimization parameter lr"):
        Optimizer([leaf(1.0)], {"lr": required})


def test_duplicates_are_warned_about():
    param = leaf(1.0)
    with pytest.warns(UserWarning, match="duplicate parameters") as caught:
        SGD([param, param])
    assert caught[0].filename == __file__


def test_a_state_dict_of_another_shape_is_refused():
    optimizer, params = stepped(SGD)
    with pytest.raises(ValueError, match="different number of parameter groups"):
        SGD(params).load_state_dict(optimizer.state_dict())
    with pytest.raises(ValueError, match="size of optimizer's group: group 0 has 2"):
        SGD([leaf(1.0)]).load_state_dict(SGD(params).state_dict())
