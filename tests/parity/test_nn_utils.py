"""Parametrizations, weight and spectral norm, pruning and the like beside torch."""

import copy
import warnings

import numpy as np
import pytest
import torch
import torch.nn.utils.prune
from parity.side_by_side import error, report, scenarios

import flambeau

SCENARIOS, scenario = scenarios()
LAYERS = {
    "Linear": (4, 3),
    "Conv2d": (2, 4, 3),
    "ConvTranspose2d": (2, 4, 3),
}


def rounded(tensor):
    """Values to the digits in which both libraries agree."""
    values = tensor.detach().numpy().astype(np.float64)
    return (np.round(values, 4) + 0.0).tolist()


def states(module):
    return {key: rounded(value) for key, value in module.state_dict().items()}


def made(lib, kind):
    lib.manual_seed(3)
    return getattr(lib.nn, kind)(*LAYERS[kind])


def batch(lib, module):
    rng = np.random.default_rng(0)
    shape = (5, 4) if type(module).__name__.endswith("Linear") else (2, 2, 5, 5)
    return lib.tensor(rng.normal(size=shape).astype(np.float32))


def trained(lib, module, steps=2):
    """What a short training makes of a module: losses, state, gradients."""
    optimizer = lib.optim.SGD(module.parameters(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (module(batch(lib, module)) ** 2).mean()
        loss.backward()
        optimizer.step()
        yield rounded(loss)
    yield str(module)
    yield states(module)
    yield [name for name, _ in module.named_parameters()]


def normed(lib, kind, name, **options):
    module = made(lib, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        owner = lib.nn.utils
        for part in name.split("."):
            owner = getattr(owner, part)
        return owner(module, **options)


NORMS = [
    ("weight_norm", {}),
    ("weight_norm", {"dim": None}),
    ("weight_norm", {"dim": 1}),
    ("spectral_norm", {}),
    ("spectral_norm", {"n_power_iterations": 3}),
    ("spectral_norm", {"dim": 1}),
    ("parametrizations.weight_norm", {}),
    ("parametrizations.weight_norm", {"dim": None}),
    ("parametrizations.spectral_norm", {}),
    ("parametrizations.spectral_norm", {"n_power_iterations": 2, "eps": 1e-6}),
    ("parametrizations.orthogonal", {"orthogonal_map": "cayley"}),
    ("parametrizations.orthogonal", {"orthogonal_map": "householder"}),
    ("parametrizations.orthogonal", {"orthogonal_map": "matrix_exp"}),
    ("parametrizations.orthogonal", {"use_trivialization": False}),
    (
        "parametrizations.orthogonal",
        {"use_trivialization": False, "orthogonal_map": "householder"},
    ),
]


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize(("name", "options"), NORMS)
def test_norms_train_alike(kind, name, options):
    results = []
    for lib in (flambeau, torch):
        module = normed(lib, kind, name, **options)
        first = states(module)
        results.append([first, *trained(lib, module), states(module.eval())])
    for ours, theirs in zip(*results, strict=True):
        if isinstance(theirs, dict):
            assert list(ours) == list(theirs)
            for key in theirs:
                np.testing.assert_allclose(ours[key], theirs[key], atol=3e-4)
        else:
            assert ours == theirs or np.allclose(ours, theirs, atol=2e-4)


@scenario
def removal(lib):
    utils = lib.nn.utils
    for name in ("weight_norm", "spectral_norm"):
        module = normed(lib, "Linear", name)
        yield rounded(module(batch(lib, module)))
        module.eval()
        getattr(utils, f"remove_{name}")(module)
        yield states(module)
        yield error(getattr(utils, f"remove_{name}"), module)
    for name in ("weight_norm", "spectral_norm"):
        module = normed(lib, "Linear", f"parametrizations.{name}").eval()
        yield str(utils.parametrize.remove_parametrizations(module, "weight"))
        yield states(module)


@scenario
def older_states(lib):
    old = normed(lib, "Linear", "weight_norm")
    new = lib.nn.utils.parametrizations.weight_norm(lib.nn.Linear(4, 3))
    yield str(new.load_state_dict(old.state_dict()))
    yield states(new)
    twice = normed(lib, "Linear", "spectral_norm")
    yield error(lib.nn.utils.spectral_norm, twice)
    yield str(copy.deepcopy(twice).state_dict()._metadata)


class Doubled:
    """Parametrizations, made for either library."""

    @staticmethod
    def symmetric(lib):
        class Symmetric(lib.nn.Module):
            def forward(self, x):
                return x.triu() + x.triu(1).T

            def right_inverse(self, x):
                return x.triu()

        return Symmetric()

    @staticmethod
    def outer(lib):
        class Outer(lib.nn.Module):
            def forward(self, x, y):
                return x.unsqueeze(-1) @ y.unsqueeze(-2)

            def right_inverse(self, x):
                return x[:, 0].clone(), x[0].clone()

        return Outer()

    @staticmethod
    def plain(lib, function, inverse=None):
        class Plain(lib.nn.Module):
            def forward(self, x):
                return function(x)

        if inverse is not None:
            Plain.right_inverse = lambda self, x: inverse(x)
        return Plain()


def square(lib):
    lib.manual_seed(3)
    return lib.nn.Linear(3, 3)


@scenario
def parametrized(lib):
    P = lib.nn.utils.parametrize
    layer = P.register_parametrization(square(lib), "weight", Doubled.symmetric(lib))
    yield str(layer)
    yield states(layer)
    yield rounded(layer.weight)
    yield [name for name, _ in layer.named_parameters()]
    yield str(P.is_parametrized(layer)), P.is_parametrized(layer, "bias")
    yield P.type_before_parametrizations(layer).__name__
    layer.weight = lib.ones(3, 3)
    yield rounded(layer.weight)
    P.register_parametrization(layer, "weight", Doubled.plain(lib, lambda x: 2 * x))
    yield str(layer), rounded(layer.weight)
    yield error(setattr, layer, "weight", lib.ones(3, 3))
    P.register_parametrization(layer, "bias", Doubled.plain(lib, lambda x: x.abs()))
    twin = copy.deepcopy(layer)
    yield str(twin), states(twin), type(twin).__name__
    yield from trained(lib, P.remove_parametrizations(layer, "bias"), 0)
    P.remove_parametrizations(layer, "weight", leave_parametrized=False)
    yield str(layer), states(layer)
    yield error(P.remove_parametrizations, layer, "weight")[:40]


@scenario
def several_originals(lib):
    P = lib.nn.utils.parametrize
    layer = P.register_parametrization(square(lib), "weight", Doubled.outer(lib))
    yield str(layer), states(layer), rounded(layer.weight)
    layer.weight = lib.arange(9.0).reshape(3, 3)
    yield states(layer)
    yield error(P.remove_parametrizations, layer, "weight", False)
    other = P.transfer_parametrizations_and_params(layer, square(lib))
    yield states(other), str(other)
    yield str(P.remove_parametrizations(layer, "weight")), states(layer)


@scenario
def cache(lib):
    P, calls = lib.nn.utils.parametrize, []

    def counted(x):
        calls.append(1)
        return x

    layer = square(lib)
    P.register_parametrization(layer, "weight", Doubled.plain(lib, counted))
    calls.clear()
    with P.cached(), P.cached():
        yield str(layer.weight is layer.weight), len(calls)
    yield str(layer.weight is layer.weight), len(calls)


@scenario
def refused_parametrizations(lib):
    P = lib.nn.utils.parametrize

    def attempt(function, inverse=None, before=False):
        layer = square(lib)
        if before:
            P.register_parametrization(layer, "weight", Doubled.symmetric(lib))
        made = Doubled.plain(lib, function, inverse)
        return error(P.register_parametrization, layer, "weight", made)

    for before in (False, True):
        yield attempt(lambda x: x.double(), before=before)
        yield attempt(lambda x: x[0], before=before)
        yield attempt(lambda x: 3, before=before)
        yield attempt(lambda x: x, lambda x: x.double(), before)
        yield attempt(lambda x: x, lambda x: 3, before)
    yield attempt(lambda x: x, lambda x: (x, 3))
    yield error(P.register_parametrization, square(lib), "none", lib.nn.ReLU())


METHODS = [
    ("identity", ()),
    ("random_unstructured", (0.4,)),
    ("l1_unstructured", (5,)),
    ("random_structured", (1, 1)),
    ("ln_structured", (0.5, 2, 0)),
    ("ln_structured", (1, float("inf"), 1)),
]


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize(("name", "arguments"), METHODS)
def test_pruning_is_the_same(kind, name, arguments):
    results = []
    for lib in (flambeau, torch):
        prune, found = lib.nn.utils.prune, []
        module = made(lib, kind)
        for _ in range(2):  # the second prunes what the first one left
            getattr(prune, name)(module, "weight", *arguments)
            found += [states(module), rounded(module.weight)]
        found += [prune.is_pruned(module), rounded(module(batch(lib, module)))]
        prune.remove(module, "weight")
        found += [states(module), prune.is_pruned(module)]
        results.append(found)
    assert results[0] == results[1]


@scenario
def pruning_together(lib):
    prune = lib.nn.utils.prune
    lib.manual_seed(0)
    model = lib.nn.Sequential(lib.nn.Linear(4, 3), lib.nn.Linear(3, 2))
    pairs = [(model[0], "weight"), (model[1], "weight"), (model[1], "bias")]
    prune.global_unstructured(pairs, prune.L1Unstructured, amount=0.3)
    yield states(model)
    prune.custom_from_mask(model[0], "weight", lib.tensor([[1, 0, 1, 1]] * 3))
    yield states(model)
    hook = prune.L1Unstructured(2)
    yield rounded(hook.prune(lib.tensor([1.0, -3.0, 2.0])))
    container = prune.LnStructured.apply(model[0], "weight", 1, 1, 1)
    yield type(container).__name__, [type(each).__name__ for each in container]
    yield states(model)


@scenario
def refused_prunings(lib):
    prune = lib.nn.utils.prune
    for amount in ("x", -1, 1.5, -0.1, 100):
        layer = square(lib)
        yield error(prune.l1_unstructured, layer, "weight", amount)
        yield sorted(layer.state_dict())
    yield error(prune.ln_structured, square(lib), "bias", 1, 2, 0)
    yield error(prune.ln_structured, square(lib), "weight", 1, 2, 5)
    yield error(prune.remove, square(lib), "weight")
    yield error(prune.global_unstructured, 3, prune.Identity)
    pairs = [(square(lib), "weight")]
    whole = {"amount": 1, "n": 2}
    yield error(prune.global_unstructured, pairs, prune.LnStructured, **whole)[:60]


@scenario
def fused(lib):
    for kind, norm, transposed in (
        ("Conv2d", "BatchNorm2d", False),
        ("ConvTranspose2d", "BatchNorm2d", True),
        ("Linear", "BatchNorm1d", False),
    ):
        layer = made(lib, kind)
        bn = getattr(lib.nn, norm)(3 if kind == "Linear" else 4)
        bn(layer(batch(lib, layer)))
        utils = lib.nn.utils
        if kind == "Linear":
            yield error(utils.fuse_linear_bn_eval, layer, bn)
            whole = utils.fuse_linear_bn_eval(layer.eval(), bn.eval())
        else:
            yield error(utils.fuse_conv_bn_eval, layer, bn)
            whole = utils.fuse_conv_bn_eval(layer.eval(), bn.eval(), transposed)
        yield states(whole), str(whole)
        yield [p.requires_grad for p in whole.parameters()]


@scenario
def calls_with_other_parameters(lib):
    call = lib.func.functional_call
    layer = square(lib)
    x = lib.ones(1, 3)
    yield rounded(call(layer, {"weight": lib.zeros(3, 3)}, x))
    given = {"weight": lib.zeros(3, 3), "bias": lib.ones(3)}
    yield rounded(call(layer, given, (x,), strict=True))
    yield error(call, layer, {"weight": lib.zeros(3, 3)}, x, strict=True)
    norm = lib.nn.BatchNorm1d(3)
    buffers = {"running_mean": lib.ones(3)}
    call(norm, buffers, lib.arange(6.0).reshape(2, 3))
    yield rounded(buffers["running_mean"]), rounded(norm.running_mean)
    tied = lib.nn.Sequential(layer, lib.nn.Linear(3, 3))
    tied[1].weight = layer.weight
    yield rounded(call(tied, {"0.weight": lib.ones(3, 3)}, x))
    both = {"0.weight": lib.ones(3, 3), "1.weight": lib.zeros(3, 3)}
    yield error(call, tied, both, x)
    yield rounded(call(tied, both, x, tie_weights=False))
    yield states(tied)


@scenario
def smaller_helpers(lib):
    utils = lib.nn.utils
    lib.manual_seed(0)
    layer = utils.skip_init(lib.nn.Linear, 5, 1)
    yield str(layer), rounded(lib.rand(2))
    yield error(utils.skip_init, dict)
    yield error(utils.skip_init, lib.nn.ReLU)
    conv = lib.nn.Conv2d(1, 1, 1)
    yield str(utils.convert_conv2d_weight_memory_format(conv, lib.channels_last))


@pytest.mark.parametrize("function", SCENARIOS)
def test_both_libraries_show_the_same(function):
    assert report(function, flambeau) == report(function, torch)


def test_the_older_norms_and_names_warn():
    for lib in (flambeau, torch):
        with pytest.warns(FutureWarning, match="deprecated"):
            lib.nn.utils.weight_norm(lib.nn.Linear(2, 2))
        with pytest.warns(FutureWarning, match="deprecated"):
            lib.nn.utils.clip_grad_norm(lib.nn.Linear(2, 2).parameters(), 1.0)
