"""Functions made from functions beside torch.func: values, structures, errors."""

import numpy as np
import pytest
import torch
from parity.side_by_side import error, report, scenarios

import flambeau

SCENARIOS, scenario = scenarios()

# torch compiles parts of its forward mode by what it has deprecated itself.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr:UserWarning"),
]


def shown(value):
    """Values and structures in which both libraries agree."""
    if isinstance(value, dict):
        return {key: shown(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(map(shown, value))
    if hasattr(value, "detach"):
        digits = np.round(value.detach().numpy().astype(np.float64), 6) + 0.0
        return tuple(value.shape), digits.tolist(), value.requires_grad
    return value


def data(lib, *shape, seed=0):
    return lib.tensor(np.random.default_rng(seed).normal(size=shape))


def wave(x):
    return (x.sin() * x).sum()


def two(x, y):
    return (x * y).sum(), {"outer": x.sin() @ y.T}


@scenario
def gradients(lib):
    x, f = data(lib, 3), lib.func
    yield shown(f.grad(wave)(x))
    yield shown(f.grad_and_value(wave)(x))
    yield shown(f.grad(lambda x: f.grad(wave)(x).sum())(x))
    yield shown(f.grad(f.grad(lambda x: x**4))(lib.tensor(2.0)))
    yield shown(f.grad(lambda x, y: (x * y).sum(), argnums=(1, 0))(x, 2 * x))
    yield shown(f.grad(lambda x, y: (x * y).sum(), argnums=-1)(x, 2 * x))
    yield shown(f.grad(lambda x: (wave(x), (x, 2 * x)), has_aux=True)(x))
    yield shown(f.grad_and_value(lambda x: (wave(x), x * 2), has_aux=True)(x))
    yield shown(f.grad(lambda d: wave(d["a"]) + wave(d["b"][0]))({"a": x, "b": [x]}))
    yield shown(f.grad(lambda x: lib.zeros(()))(x))
    yield shown(f.grad(lambda x, scale=1: scale * wave(x))(x, scale=3))


@scenario
def gradients_inside_autograd(lib):
    x, f = data(lib, 3).requires_grad_(), lib.func
    w = data(lib, 3, seed=1).requires_grad_()
    inner = f.grad(lambda y: wave(y * w))(x)
    yield shown(inner)
    inner.square().sum().backward()
    yield shown(x.grad), shown(w.grad)
    with lib.no_grad():
        yield shown(f.grad(wave)(x))
    yield shown(f.grad(lambda y: wave(y.detach()) + y.sum())(x))
    yield shown(f.vjp(lib.sin, x)[0])


@scenario
def products(lib):
    x, y, f = data(lib, 2, 3), data(lib, 2, 3, seed=1), lib.func
    output, back = f.vjp(two, x, y)
    yield shown(output)
    yield shown(back((lib.ones((), dtype=x.dtype), {"outer": data(lib, 2, 2)})))
    yield shown(back((lib.zeros((), dtype=x.dtype), {"outer": data(lib, 2, 2)})))
    output, back, aux = f.vjp(lambda x: (x.sin(), x), x, has_aux=True)
    yield shown((output, back(x), aux))
    yield shown(f.jvp(two, (x, y), (y, x)))
    yield shown(f.jvp(lambda x: (x.sin(), x * 2), (x,), (y,), has_aux=True))
    yield shown(f.jvp(lambda x: lib.ones(2) + 0 * x[0, 0], (x,), (y,)))
    output, change = f.linearize(lambda x: (x**2, x.sum()), x)
    yield shown(output), shown(change(y)), shown(change(2 * y))
    yield shown(f.jvp(lambda x: f.jvp(lib.sin, (x,), (y,))[1], (x,), (y,)))


@scenario
def jacobians(lib):
    x, y, f = data(lib, 2, 3), data(lib, 2, 3, seed=1), lib.func
    for rule in (f.jacrev, f.jacfwd):
        yield shown(rule(lib.sin)(x))
        yield shown(rule(two)(x, y))
        yield shown(rule(two, argnums=(0, 1))(x, y))
        yield shown(rule(two, argnums=1)(x, y))
        yield shown(rule(lambda x: (x.sum(1), x * 2), has_aux=True)(x))
        yield shown(rule(wave)(x))
        yield shown(rule(rule(wave))(x[0]))
    yield shown(f.hessian(wave)(x))
    yield shown(f.hessian(lambda x, y: (x**2 * y).sum(), argnums=(0, 1))(x[0], y[0]))
    yield shown(f.jacrev(lib.sin, chunk_size=2)(x))


@scenario
def maps(lib):
    x, y, f = data(lib, 4, 3), data(lib, 3, 4, seed=1), lib.func
    yield shown(f.vmap(lib.dot)(x, x))
    yield shown(f.vmap(lib.dot, in_dims=(0, 1))(x, y))
    yield shown(f.vmap(lib.dot, in_dims=(0, None))(x, y[:, 0]))
    yield shown(f.vmap(lambda a: a.outer(a), out_dims=-1)(x))
    yield shown(f.vmap(lambda a: (a, {"s": a.sum()}), out_dims=(1, {"s": 0}))(x))
    yield shown(
        f.vmap(lambda d: d["a"] * d["b"], in_dims=({"a": 0, "b": None},))(
            {"a": x, "b": x[0]}
        )
    )
    yield shown(f.vmap(lambda a, s: a * s, in_dims=(-1, None))(y, 3))
    yield shown(
        f.vmap(f.vmap(lib.mul, in_dims=(0, None)), in_dims=(None, 0))(x[0], x[0])
    )
    yield shown(f.vmap(f.grad(wave))(x))
    yield shown(f.grad(lambda x: f.vmap(wave)(x).square().sum())(x))
    yield shown(f.vmap(f.jacrev(lib.sin))(x))
    yield shown(f.vmap(lib.dot, chunk_size=3)(x, x))
    yield shown(lib.vmap(lambda a: a.sum())(x))
    yield shown(f.vmap(lambda a: (a, 5), out_dims=(0, None))(x))


@scenario
def ensembles(lib):
    lib.manual_seed(0)
    models = [lib.nn.Linear(3, 2).double() for _ in range(3)]
    params, buffers = lib.func.stack_module_state(models)
    yield shown(params), shown(buffers)

    def call(params, buffers, x):
        return lib.func.functional_call(models[0], (params, buffers), (x,))

    yield shown(lib.func.vmap(call, (0, 0, None))(params, buffers, data(lib, 5, 3)))
    grads = lib.func.grad(lambda p: call(p, {}, data(lib, 5, 3)).sum())
    yield shown(lib.func.vmap(grads)(params))
    own = {"bias": models[0].bias}
    yield error(lib.func.functional_call, models[0], (own, own), data(lib, 5, 3))
    yield error(lib.func.functional_call, models[0], 3, data(lib, 5, 3))
    yield error(lib.func.stack_module_state, [])
    yield error(lib.func.stack_module_state, [models[0], lib.nn.Linear(3, 2).eval()])
    yield error(lib.func.stack_module_state, [models[0], lib.nn.ReLU()])
    norm = lib.nn.Sequential(lib.nn.BatchNorm1d(3))
    yield list(lib.func.replace_all_batch_norm_modules_(norm).state_dict())


@scenario
def randomness(lib):
    f, x = lib.func, data(lib, 3, 2)
    lib.manual_seed(0)
    same = f.vmap(lambda a: a * 0 + lib.rand(2), randomness="same")(x)
    yield str(bool((same == same[0]).all()))
    other = f.vmap(lambda a: a * 0 + lib.rand(2), randomness="different")(x)
    yield str(bool((other == other[0]).all()))
    yield error(f.vmap(lambda a: a + lib.rand(2)), x)
    yield error(f.vmap, wave, randomness="any")[:40]


@scenario
def wrong_calls(lib):
    f, x = lib.func, data(lib, 4, 3)
    yield error(f.grad(lambda x: x), x)
    yield error(f.grad(lambda x: 3), x)
    yield error(f.grad(lambda x: x.sum(), has_aux=True), x)
    yield error(f.grad(wave, argnums=2), x)
    yield error(f.grad(wave, argnums=()), x)
    yield error(f.grad(wave, argnums=(0, 0)), x)
    yield error(f.grad(wave, argnums="0"), x)
    yield error(f.grad(lambda x: x), 3)
    yield error(f.jvp, wave, x, x)
    yield error(f.vjp, lambda x: x.long(), x)
    yield error(f.jacrev, wave, chunk_size=0)
    yield error(f.vmap(wave, in_dims="x"), x)
    yield error(f.vmap(wave))
    yield error(f.vmap(wave, in_dims=("x",)), x)
    yield error(f.vmap(wave), 3)
    yield error(f.vmap(wave, in_dims=2), x)
    yield error(f.vmap(lib.mul), x, x[:2])
    yield error(f.vmap(lambda a: 3), x)
    yield error(f.vmap(wave, out_dims="x"), x)


@pytest.mark.parametrize("function", SCENARIOS)
def test_both_libraries_show_the_same(function):
    assert report(function, flambeau) == report(function, torch)
