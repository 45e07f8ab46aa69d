"""The rarer optimizers, beside their formulas in NumPy, and what all rules share."""

import copy

import numpy as np
import pytest
from optimizing import STEPS, gradient, leaf, reference, run

import flambeau as ft
from flambeau import optim
from flambeau.compiler import native

WEIGHT = [1.0, -2.0, 0.5]
MATRIX = [[1.0, -2.0, 0.5], [0.3, 0.7, -0.2]]


def asgd(lr, lambd, alpha, t0, weight_decay):
    def update(w):
        eta, mu, mean, t, grad = float(np.float32(lr)), 1, 0 * w, 0, (yield)
        while True:
            t += 1
            g = grad + weight_decay * w
            w = w * (1 - lambd * eta) - eta * g
            mean = mean + mu * (w - mean)
            rate = lr / (1 + lambd * lr * t) ** alpha
            eta = float(np.float32(rate))  # state is float32
            mu = float(np.float32(1 / max(1, t - t0)))
            grad = yield w

    return update


def adadelta(lr, rho, eps, weight_decay):
    def update(w):
        v, u, grad = 0 * w, 0 * w, (yield)
        while True:
            g = grad + weight_decay * w
            v = rho * v + (1 - rho) * g**2
            d = g * np.sqrt(u + eps) / np.sqrt(v + eps)
            u = rho * u + (1 - rho) * d**2
            w = w - lr * d
            grad = yield w

    return update


def adagrad(lr, lr_decay, weight_decay, initial_accumulator_value, eps):
    def update(w):
        total, t, grad = initial_accumulator_value + 0 * w, 0, (yield)
        while True:
            g = grad + weight_decay * w
            total = total + g**2
            w = w - lr / (1 + t * lr_decay) * g / (np.sqrt(total) + eps)
            t += 1
            grad = yield w

    return update


def adamax(lr, betas, eps, weight_decay):
    def update(w):
        m, u, t, grad = 0 * w, 0 * w, 0, (yield)
        while True:
            t += 1
            g = grad + weight_decay * w
            m = betas[0] * m + (1 - betas[0]) * g
            u = np.maximum(betas[1] * u, np.abs(g) + eps)
            w = w - lr / (1 - betas[0] ** t) * m / u
            grad = yield w

    return update


def nadam(lr, betas, eps, weight_decay, momentum_decay, decoupled_weight_decay):
    def momentum(t):
        return betas[0] * (1 - 0.96 ** (t * momentum_decay) / 2)

    def update(w):
        m, v, product, t, grad = 0 * w, 0 * w, np.float32(1), 0, (yield)
        while True:
            t += 1
            g = grad + (0 if decoupled_weight_decay else weight_decay) * w
            w = w * (1 - lr * weight_decay) if decoupled_weight_decay else w
            now, ahead = momentum(t), momentum(t + 1)
            product = product * np.float32(now)
            m = betas[0] * m + (1 - betas[0]) * g
            v = betas[1] * v + (1 - betas[1]) * g**2
            up = ahead * m / (1 - float(product) * ahead)
            up = up + (1 - now) * g / (1 - float(product))
            w = w - lr * up / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
            grad = yield w

    return update


def radam(lr, betas, eps, weight_decay, decoupled_weight_decay):
    def update(w):
        m, v, t, grad = 0 * w, 0 * w, 0, (yield)
        top = 2 / (1 - betas[1]) - 1
        while True:
            t += 1
            g = grad + (0 if decoupled_weight_decay else weight_decay) * w
            w = w * (1 - lr * weight_decay) if decoupled_weight_decay else w
            m = betas[0] * m + (1 - betas[0]) * g
            v = betas[1] * v + (1 - betas[1]) * g**2
            length = top - 2 * t * betas[1] ** t / (1 - betas[1] ** t)
            step = lr * m / (1 - betas[0] ** t)
            if length > 5:
                r2 = (length - 4) * (length - 2) * top
                r2 = r2 / ((top - 4) * (top - 2) * length)
                step = step * np.sqrt(r2 * (1 - betas[1] ** t)) / (np.sqrt(v) + eps)
            w = w - step
            grad = yield w

    return update


def rprop(lr, etas, step_sizes):
    def update(w):
        size, before, grad = lr + 0 * w, 0 * w, (yield)
        while True:
            turn = grad * before
            factor = np.where(turn > 0, etas[1], np.where(turn < 0, etas[0], 1))
            size = np.clip(size * factor, *step_sizes)
            before = np.where(turn < 0, 0, grad)
            w = w - np.sign(before) * size
            grad = yield w

    return update


def adafactor(lr, beta2_decay, eps, d, weight_decay):
    def update(w):
        row, column, whole, t, grad = 0.0, 0.0, 0.0, 0, (yield)
        while True:
            t += 1
            size = max(eps[1], np.sqrt(np.mean(w**2))) * min(lr, t**-0.5)
            w, share = w * (1 - lr * weight_decay), t**beta2_decay
            if w.ndim > 1:
                row = row + share * (np.mean(grad**2, -1, keepdims=True) - row)
                column = column + share * (np.mean(grad**2, -2, keepdims=True) - column)
                v = row @ column / np.maximum(row.mean(-2, keepdims=True), eps[0])
            else:
                v = whole = whole + share * (grad**2 - whole)
            u = grad / np.sqrt(np.maximum(v, eps[0] ** 2))
            w = w - size / max(1, np.sqrt(np.mean(u**2)) / d) * u
            grad = yield w

    return update


RULES = [
    ("ASGD", asgd, {"lr": 0.1, "lambd": 0.2, "alpha": 0.5, "t0": 2, "weight_decay": 0}),
    (
        "ASGD",
        asgd,
        {"lr": 0.1, "lambd": 1e-4, "alpha": 0.75, "t0": 1e6, "weight_decay": 0.1},
    ),
    ("Adadelta", adadelta, {"lr": 1, "rho": 0.9, "eps": 1e-3, "weight_decay": 0}),
    ("Adadelta", adadelta, {"lr": 0.5, "rho": 0.5, "eps": 1e-2, "weight_decay": 0.1}),
    (
        "Adagrad",
        adagrad,
        {
            "lr": 0.1,
            "lr_decay": 0.2,
            "weight_decay": 0.1,
            "initial_accumulator_value": 0.3,
            "eps": 1e-3,
        },
    ),
    ("Adamax", adamax, {"lr": 0.1, "betas": (0.8, 0.9), "eps": 0.1, "weight_decay": 0}),
    (
        "Adamax",
        adamax,
        {"lr": 0.1, "betas": (0.5, 0.99), "eps": 1e-8, "weight_decay": 0.1},
    ),
    *[
        (
            "NAdam",
            nadam,
            {
                "lr": 0.1,
                "betas": (0.8, 0.9),
                "eps": 1e-3,
                "weight_decay": 0.1,
                "momentum_decay": 0.1,
                "decoupled_weight_decay": decoupled,
            },
        )
        for decoupled in (False, True)
    ],
    *[
        (
            "RAdam",
            radam,
            {
                "lr": 0.1,
                "betas": (0.8, beta2),
                "eps": 1e-3,
                "weight_decay": 0.1,
                "decoupled_weight_decay": decoupled,
            },
        )
        for decoupled, beta2 in ((False, 0.999), (True, 0.7))
    ],
    ("Rprop", rprop, {"lr": 0.1, "etas": (0.5, 1.2), "step_sizes": (0.08, 0.2)}),
    *[
        (
            "Adafactor",
            adafactor,
            {
                "lr": lr,
                "beta2_decay": -0.8,
                "eps": (1e-3, 1e-2),
                "d": d,
                "weight_decay": 0.1,
            },
        )
        for lr, d in ((0.1, 1.0), (0.9, 1.5))
    ],
]


@pytest.mark.parametrize("weight", [WEIGHT, MATRIX], ids=["vector", "matrix"])
@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize(("name", "rule", "options"), RULES)
def test_rules_are_their_formulas(name, rule, options, maximize, weight):
    def update(w):
        inner = rule(**options)(w)
        next(inner)
        grad = yield
        while True:
            grad = yield inner.send(-grad if maximize else grad)

    actual = run(getattr(optim, name), weight, maximize=maximize, **options)
    np.testing.assert_allclose(actual, reference(update, weight), rtol=1e-9)


def test_asgd_keeps_the_mean_of_the_parameter():
    param = leaf(*WEIGHT)
    optimizer = optim.ASGD([param], lr=0.1, t0=1)
    history = []
    for step in range(STEPS):
        param.grad = ft.tensor(gradient(param.detach().numpy(), step))
        optimizer.step()
        history.append(param.detach().numpy().copy())
    mean = np.mean(history[2:], axis=0)  # what was before has no weight after t0
    np.testing.assert_allclose(optimizer.state[param]["ax"].numpy(), mean, rtol=1e-6)


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (2, 6)])
@pytest.mark.parametrize(
    ("adjustment", "scale"),
    [
        (None, lambda rows, columns: max(1, rows / columns) ** 0.5),
        ("match_rms_adamw", lambda rows, columns: 0.2 * max(rows, columns) ** 0.5),
    ],
)
def test_muon_steps_along_a_nearly_orthogonal_matrix(shape, adjustment, scale):
    rng = np.random.default_rng(0)
    param = ft.zeros(shape, dtype=ft.float64, requires_grad=True)
    param.grad = ft.tensor(rng.normal(size=shape))
    optim.Muon([param], lr=0.5, adjust_lr_fn=adjustment).step()
    u, _, v = np.linalg.svd(-param.grad.numpy(), full_matrices=False)
    found = param.detach().numpy() / (0.5 * scale(*shape))
    sizes = np.diag(u.T @ found @ v.T)
    assert ((sizes > 0.5) & (sizes < 1.3)).all()
    np.testing.assert_allclose(u @ np.diag(sizes) @ v, found, atol=0.03)


def rosenbrock(rule, steps, **options):
    """Where a rule gets in the valley of Rosenbrock, and how often it looked."""
    point, calls = leaf(-1.5, 2.0), []
    optimizer = rule([point], **options)

    def closure():
        optimizer.zero_grad()
        loss = (1 - point[0]) ** 2 + 100 * (point[1] - point[0] ** 2) ** 2
        loss.backward()
        calls.append(loss.item())
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    return point.tolist(), calls, optimizer.state[point]


def test_lbfgs_with_line_search_finds_the_end_of_the_valley():
    found, calls, state = rosenbrock(optim.LBFGS, 4, line_search_fn="strong_wolfe")
    np.testing.assert_allclose(found, [1, 1], rtol=1e-5)
    assert state["func_evals"] == len(calls) < 80


@pytest.mark.parametrize(
    ("options", "evaluations"),
    [
        ({"max_iter": 5}, 5),
        ({"max_iter": 10, "max_eval": 3}, 3),
        ({"tolerance_grad": 1e9}, 1),
        ({"tolerance_change": 1e9}, 1),
    ],
)
def test_lbfgs_stops_where_it_is_told(options, evaluations):
    _, calls, state = rosenbrock(optim.LBFGS, 1, lr=1e-3, **options)
    assert len(calls) == state["func_evals"] == evaluations


def test_lbfgs_is_exact_on_a_quadratic_after_as_many_steps_as_dimensions():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(3, 3))
    a, b = ft.tensor(root @ root.T + np.eye(3)), ft.tensor(rng.normal(size=3))
    x = leaf(0.0, 0.0, 0.0)
    optimizer = optim.LBFGS([x], line_search_fn="strong_wolfe", max_iter=40)

    def closure():
        optimizer.zero_grad()
        loss = 0.5 * x.dot(a @ x) - b.dot(x)
        loss.backward()
        return loss

    optimizer.step(closure)
    expected = np.linalg.solve(a.numpy(), b.numpy())
    np.testing.assert_allclose(x.detach().numpy(), expected, rtol=1e-5)


def test_lbfgs_remembers_as_much_as_it_is_told():
    _, _, state = rosenbrock(optim.LBFGS, 3, lr=1e-3, history_size=2)
    lengths = {name: len(state[name]) for name in ("old_dirs", "old_stps", "ro", "al")}
    assert lengths == {"old_dirs": 2, "old_stps": 2, "ro": 2, "al": 2}


def test_lbfgs_compiles_nothing_for_a_longer_history(monkeypatch):
    compiled, lengths = native.compiled, []
    x = ft.linspace(-2, 2, 40).requires_grad_()
    optimizer = optim.LBFGS([x], lr=0.1, max_iter=1)

    def count(*arguments):
        lengths.append(len(optimizer.state[x].get("old_dirs", ())))
        return compiled(*arguments)

    def closure():
        optimizer.zero_grad()
        loss = (x.cos() * ft.linspace(1, 3, 40)).sum()
        loss.backward()
        return loss

    monkeypatch.setattr(native, "compiled", count)
    for _ in range(8):
        optimizer.step(closure)
    assert len(optimizer.state[x]["old_dirs"]) >= 5
    assert max(lengths, default=0) <= 2  # the first pass, and those after it


def test_lbfgs_refuses_groups_and_other_searches():
    with pytest.raises(ValueError, match="doesn't support per-parameter options"):
        optim.LBFGS([{"params": [leaf(1.0)]}, {"params": [leaf(2.0)]}])
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        rosenbrock(optim.LBFGS, 1, line_search_fn="golden")


def test_sparse_adam_points_at_adam():
    param = leaf(1.0)
    param.grad = ft.ones_like(param)
    with pytest.raises(RuntimeError, match="consider Adam instead"):
        optim.SparseAdam([param]).step()


ELEMENTWISE = [
    "ASGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SGD",
]


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Muon"])
def test_steps_compile_nothing_once_there_is_state(name, monkeypatch):
    def refuse(*arguments):
        raise AssertionError("compiled again")

    param = ft.ones(6, 7, requires_grad=True)
    optimizer = getattr(optim, name)([param], lr=0.01)
    schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    for step in range(9):  # at the sixth step, RAdam begins to trust its moments
        if step == 2:
            monkeypatch.setattr(native, "compiled", refuse)
        optimizer.zero_grad()
        (param * param * (step + 1)).sum().backward()
        optimizer.step()
        schedule.step()
    assert np.isfinite(param.tolist()).all()


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Muon"])
def test_a_saved_run_goes_on_as_it_would_have(name):
    def go(optimizer, param, steps):
        for step in steps:
            param.grad = ft.tensor(gradient(param.detach().numpy(), step))
            optimizer.step()
        return param.tolist()

    rule = getattr(optim, name)
    params = [ft.tensor(MATRIX, requires_grad=True) for _ in range(2)]
    first = rule(params[:1], lr=0.1)
    go(first, params[0], range(3))
    with ft.no_grad():
        params[1].copy_(params[0])
    second = rule(params[1:], lr=0.7)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    expected = go(first, params[0], range(3, 6))
    assert go(second, params[1], range(3, 6)) == expected


def test_lbfgs_goes_on_from_a_saved_state():
    def loss_of(param, optimizer):
        def closure():
            optimizer.zero_grad()
            loss = (param**4).sum() + (param * param).sum()
            loss.backward()
            return loss

        return closure

    params = [leaf(*WEIGHT), leaf(*WEIGHT)]
    first, second = (optim.LBFGS([param], max_iter=3, lr=0.1) for param in params)
    first.step(loss_of(params[0], first))
    with ft.no_grad():
        params[1].copy_(params[0])
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    first.step(loss_of(params[0], first))
    second.step(loss_of(params[1], second))
    assert params[0].tolist() == params[1].tolist()


def test_numbers_of_an_old_checkpoint_become_tensors():
    param = leaf(1.0)
    optimizer = optim.NAdam([param])
    param.grad = ft.ones_like(param)
    optimizer.step()
    saved = copy.deepcopy(optimizer.state_dict())
    saved["state"][0].update(step=1, mu_product=0.5)
    optimizer.load_state_dict(saved)
    optimizer.step()
    assert optimizer.state[param]["step"].item() == 2.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: optim.ASGD([p], weight_decay=-1), "Invalid weight_decay value: -1"),
        (lambda p: optim.Adadelta([p], rho=1.1), "Invalid rho value: 1.1"),
        (lambda p: optim.Adafactor([p], lr=-1), "Learning rate should be >= 0"),
        (lambda p: optim.Adafactor([p], d=0.5), "threshold d should be >= 1 but is"),
        (lambda p: optim.Adafactor([p], beta2_decay=1), "should be <= 0 but is: 1"),
        (lambda p: optim.Adafactor([p], eps=(-1, 1e-3)), "epsilon1 should be >= 0"),
        (lambda p: optim.Adagrad([p], lr_decay=-0.5), "Invalid lr_decay value: -0.5"),
        (lambda p: optim.Adamax([p], betas=(0, 1.0)), "parameter at index 1: 1.0"),
        (lambda p: optim.NAdam([p], momentum_decay=-0.2), "momentum_decay value: -0.2"),
        (lambda p: optim.RAdam([p], eps=-1), "Invalid epsilon value: -1"),
        (lambda p: optim.Rprop([p], etas=(1.0, 0.5)), "Invalid eta values: 1.0, 0.5"),
        (lambda p: optim.SparseAdam([p], lr=0), "Invalid learning rate: 0"),
        (lambda p: optim.Muon([p]), "only supports 2D parameters"),
        (lambda p: optim.Muon([p], adjust_lr_fn="other"), "other is not supported"),
        (lambda p: optim.LBFGS([p], lr=-1), "Invalid learning rate: -1"),
    ],
)
def test_refused_options(make, message):
    with pytest.raises(ValueError) as caught:
        make(leaf(1.0))
    assert message in str(caught.value)
