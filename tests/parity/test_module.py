"""Modules beside live torch: one program runs in both, and what it says is compared.

Each scenario is a generator that gets a library and yields what a user would see:
names, printed forms, messages, the order and the arguments of hooks.
"""

import copy
import pickle
import warnings
from collections import OrderedDict

import pytest
import torch
from parity.side_by_side import error, report, scenarios

import flambeau

SCENARIOS, scenario = scenarios()


class Layers:
    """A few modules, of either library."""

    def __init__(self, lib):
        nn = lib.nn

        class Scale(nn.Module):
            """One parameter, one buffer of each kind."""

            def __init__(self, size=2, **options):
                super().__init__()
                self.size = size
                self.weight = nn.Parameter(lib.ones(size))
                self.register_parameter("bias", None)
                self.register_buffer("mean", lib.zeros(1))
                self.register_buffer("cache", lib.zeros(1), persistent=False)

            def forward(self, x):
                return x * self.weight + self.mean

            def extra_repr(self):
                return f"{self.size}"

        class Net(nn.Module):
            """Nested, with a shared submodule and a shared parameter."""

            def __init__(self):
                super().__init__()
                self.first = Scale(2)
                self.blocks = nn.ModuleList([Scale(2), Scale(2), Scale(3)])
                self.again = self.first
                self.nothing = None
                self.add_module("absent", None)
                self.weight = self.first.weight

            def forward(self, x):
                return self.blocks[0](self.first(x)) * self.weight

        class Pair(nn.Module):
            """Two inputs, two outputs, a keyword."""

            def forward(self, a, b, factor=1):
                return a * factor, b + a

        self.Scale, self.Net, self.Pair = Scale, Net, Pair


@scenario
def names(lib, layers):
    net = layers.Net()
    for remove in (True, False):
        yield [n for n, _ in net.named_parameters(remove_duplicate=remove)]
        yield [n for n, _ in net.named_buffers("net", remove_duplicate=remove)]
        yield [n for n, _ in net.named_modules(remove_duplicate=remove)]
        yield len(list(net.modules(remove_duplicate=remove)))
    yield [n for n, _ in net.named_parameters("p", recurse=False)]
    yield [n for n, _ in net.named_children()], len(list(net.children()))
    yield len(list(net.parameters())), len(list(net.buffers(recurse=False)))
    yield [n for n, _ in net.named_modules(prefix="a.b")]
    yield net.get_submodule("blocks.2"), net.get_parameter("blocks.1.weight")
    yield net.get_submodule("") is net, net.get_buffer("first.cache")


@scenario
def printed(lib, layers):
    class Wordy(lib.nn.Module):
        def extra_repr(self):
            return "one,\ntwo"

    nn = lib.nn
    net = layers.Net()
    yield net
    yield nn.Sequential(), nn.ModuleList(), nn.ModuleDict()
    yield nn.Sequential(net, Wordy())
    wordy = Wordy()
    wordy.inner = layers.Scale()
    yield wordy
    yield nn.ModuleDict({"a": net, "b": nn.Sequential(layers.Scale(), net)})
    yield nn.ModuleList([net, net, layers.Scale(), net])
    yield nn.ParameterList([lib.ones(2, 3), 3, "word"])
    yield nn.ParameterList([lib.ones(())])
    yield nn.ParameterDict({"a": lib.ones(2, 3), "b": None, "c": lib.ones(1)})


@scenario
def state(lib, layers):
    net = layers.Net()
    state = net.state_dict()
    yield state
    yield state._metadata
    yield list(net.state_dict(prefix="net.")), net.state_dict(keep_vars=True)
    given = {}
    yield net.state_dict(destination=given) is given, list(given)
    for kept in (False, True):
        weight = net.state_dict(keep_vars=kept)["weight"]
        yield type(weight).__name__, weight.requires_grad
    yield net.load_state_dict(state)


@scenario
def loading(lib, layers):
    net = layers.Net()
    state = net.state_dict()
    changed = OrderedDict(state)
    del changed["first.mean"], changed["weight"]
    changed["blocks.0.weight"] = lib.ones(5, 1)
    changed["blocks.1.weight"] = "no tensor"
    changed["blocks.7.weight"] = changed["blocks.0.bias"] = lib.ones(1)
    changed["stranger"] = lib.ones(1)
    yield error(net.load_state_dict, changed)
    yield error(net.load_state_dict, changed, strict=False)
    del changed["blocks.0.weight"], changed["blocks.1.weight"]
    keys = net.load_state_dict(changed, strict=False)
    yield keys, keys.missing_keys, keys.unexpected_keys
    yield error(net.load_state_dict, [1])
    yield error(net.load_state_dict, {})
    scalar = lib.nn.ParameterList([lib.ones(())])
    yield scalar.load_state_dict({"0": lib.ones(1) * 3}), scalar[0]


@scenario
def loading_by_assignment(lib, layers):
    layer = layers.Scale()
    layer.weight.requires_grad_(False)
    state = {"weight": lib.ones(2, dtype=lib.float64), "mean": lib.ones(1) * 2}
    yield layer.load_state_dict(state, assign=True)
    yield layer.weight, layer.mean, layer.mean is state["mean"]
    state["weight"] = lib.nn.Parameter(lib.ones(2))
    yield layer.load_state_dict(state, assign=True)
    yield layer.weight is state["weight"], layer.weight


@scenario
def extra_state(lib, layers):
    class Extra(lib.nn.Module):
        value = 3

        def get_extra_state(self):
            return {"value": self.value}

        def set_extra_state(self, state):
            self.value = state["value"]

    model = lib.nn.Sequential(Extra(), layers.Scale())
    state = model.state_dict()
    yield state
    state["0._extra_state"] = {"value": 5}
    yield model.load_state_dict(state), model[0].value
    del state["0._extra_state"]
    yield error(model.load_state_dict, state)
    state["1._extra_state"] = 1
    yield model.load_state_dict(state, strict=False)


@scenario
def state_hooks(lib, layers):
    heard = []

    def hear(name, result=None):
        def hook(*args, **kwargs):
            kinds = [
                each if isinstance(each, (str, bool, tuple)) else type(each).__name__
                for each in args
            ]
            heard.append((name, kinds, kwargs))
            return result

        return hook

    model = lib.nn.Sequential(layers.Scale())
    handles = [
        model[0].register_state_dict_pre_hook(hear("pre")),
        model[0].register_state_dict_post_hook(hear("post")),
        model._register_state_dict_hook(hear("private", {"new": 1})),
        model[0].register_load_state_dict_pre_hook(hear("load pre")),
        model[0]._register_load_state_dict_pre_hook(hear("private load pre")),
        model[0].register_load_state_dict_post_hook(hear("load post")),
    ]
    yield model.state_dict()
    handles[2].remove()
    state = model.state_dict()
    yield model.load_state_dict(state)
    yield heard
    for handle in handles:
        handle.remove()
    heard.clear()
    yield model.load_state_dict(model.state_dict()), heard
    model.register_state_dict_post_hook(hear("post", 1))
    yield error(model.state_dict)
    model.register_load_state_dict_post_hook(hear("load post", 1))
    yield error(model.load_state_dict, state)


@scenario
def an_old_state(lib, layers):
    class Renamed(layers.Scale):
        _version = 2

        def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
            if local_metadata.get("version", 1) < 2:
                state_dict[prefix + "weight"] = state_dict.pop(prefix + "gain")
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    model = lib.nn.Sequential(Renamed())
    state = model.state_dict()
    yield state._metadata
    state["0.gain"] = state.pop("0.weight") * 2
    state._metadata["0"]["version"] = 1
    yield model.load_state_dict(state), model[0].weight


@scenario
def registration_errors(lib, layers):
    nn = lib.nn
    net = layers.Net()
    one = lib.ones(1)
    yield error(setattr, net, "weight", one)
    yield error(setattr, net, "weight", 3)
    yield error(setattr, net, "first", 3)
    yield error(setattr, net.first, "mean", 3)
    yield error(setattr, net, "forward", nn.Parameter(one))
    for name in ("", "a.b", "forward", 5):
        yield error(net.register_parameter, name, nn.Parameter(one))
        yield error(net.register_buffer, name, one)
        yield error(net.add_module, name, nn.Sequential())
    yield error(net.register_parameter, "new", one)
    yield error(net.register_parameter, "new", nn.Parameter(one) * 2)
    yield error(net.register_buffer, "new", [1])
    yield error(net.add_module, "new", "word")
    yield error(getattr, net, "unknown")
    yield error(delattr, net, "unknown")
    yield error(nn.Module().forward)
    yield error(nn.Module, 1), error(nn.Module, a=1)
    yield error(net.train, 1)
    for call in (net.get_submodule, net.get_parameter, net.get_buffer):
        yield error(call, "unknown.path"), error(call, "blocks.training")
    yield error(net.get_parameter, "first.mean"), error(net.get_buffer, "weight")
    yield error(net.set_submodule, "", net)
    yield error(net.set_submodule, "new", net, strict=True)
    yield error(net.set_submodule, "training", net)
    yield error(net.to, lib.int32)


@scenario
def before_init(lib, layers):
    class Early(lib.nn.Module):
        def __init__(self, value):
            self.number = 5
            self.value = value

    for value in (lib.nn.Parameter(lib.ones(1)), lib.nn.Sequential()):
        yield error(Early, value)
    yield error(Early, lib.nn.Buffer(lib.ones(1)))
    yield Early(lib.ones(1)).number, error(getattr, Early(1), "unknown")


@scenario
def attributes_change_kind(lib, layers):
    nn = lib.nn
    model = nn.Module()
    kinds = {
        "parameter": nn.Parameter(lib.ones(1)),
        "module": nn.Sequential(),
        "buffer": nn.Buffer(lib.ones(1), persistent=False),
        "plain": 5,
    }

    def members():
        return (
            list(model._parameters),
            list(model._buffers),
            list(model._modules),
            sorted(model._non_persistent_buffers_set),
            "x" in vars(model),
        )

    for first in kinds.values():
        for second in kinds.values():
            model.__dict__.pop("x", None)
            model = nn.Module()
            model.x = first
            yield members()
            try:
                model.x = second
            except Exception as problem:
                yield type(problem).__name__
            yield members()
            del model.x
            yield members()
    model.x = nn.Buffer(lib.ones(1), persistent=False)
    model.x = lib.zeros(1)
    yield members(), model.x
    model.x = None
    yield members(), model.x


@scenario
def registration_hooks(lib, layers):
    every = lib.nn.modules.module
    heard = []

    def hook(module, name, member):
        heard.append((type(module).__name__, name, type(member).__name__))

    handles = [
        every.register_module_parameter_registration_hook(hook),
        every.register_module_buffer_registration_hook(hook),
        every.register_module_module_registration_hook(hook),
    ]
    layers.Net()
    for handle in handles:
        handle.remove()
    layers.Net()
    yield heard


def listener(heard, name, result=None):
    """A hook that writes down its arguments, without the module."""

    def hook(module, *args):
        heard.append((name, type(module).__name__, repr(args)))
        return result

    return hook


@scenario
def forward_hooks(lib, layers):
    every = lib.nn.modules.module
    heard = []
    pair, one = layers.Pair(), lib.ones(1)
    pair.register_forward_pre_hook(listener(heard, "pre"))
    pair.register_forward_pre_hook(listener(heard, "pre kw"), with_kwargs=True)
    pair.register_forward_pre_hook(listener(heard, "first"), prepend=True)
    handles = [
        pair.register_forward_hook(listener(heard, "after")),
        pair.register_forward_hook(listener(heard, "after kw"), with_kwargs=True),
        pair.register_forward_hook(listener(heard, "at once"), prepend=True),
        every.register_module_forward_pre_hook(listener(heard, "all pre")),
        every.register_module_forward_hook(listener(heard, "all after")),
        every.register_module_forward_hook(listener(heard, "all kw"), with_kwargs=True),
    ]
    yield pair(one, one + 1, factor=3), heard
    for handle in handles:
        handle.remove()
    heard.clear()
    yield pair(one, b=one), heard
    pair.register_forward_pre_hook(lambda m, args: (args[0] * 5, args[1]))
    pair.register_forward_hook(lambda m, args, output: output[0])
    yield pair(one, one)
    pair.register_forward_pre_hook(
        lambda m, args, kwargs: (args[:1], {"b": args[1], "factor": 7}),
        with_kwargs=True,
    )
    yield pair(one, one)
    pair.register_forward_pre_hook(lambda m, args, kw: 3, with_kwargs=True)
    yield error(pair, one, one)
    scale = layers.Scale(1)
    scale.register_forward_pre_hook(lambda m, args: args[0] * 2)
    yield scale(one)


@scenario
def hooks_that_always_run(lib, layers):
    heard = []
    pair = layers.Pair()
    pair.register_forward_hook(listener(heard, "sometimes"))
    pair.register_forward_hook(listener(heard, "always"), always_call=True)
    pair.register_forward_hook(
        listener(heard, "always kw"), always_call=True, with_kwargs=True
    )

    def fail(*args):
        raise ValueError("from the hook")

    yield error(pair, 1, "a").partition(":")[0], heard
    heard.clear()
    pair.register_forward_hook(fail)
    yield error(pair, lib.ones(1), lib.ones(1)), heard
    heard.clear()
    pair.register_forward_hook(fail, always_call=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield error(pair, 1, "a").partition(":")[0], heard
    yield [str(each.message) for each in caught]


@scenario
def backward_hooks(lib, layers):
    every = lib.nn.modules.module
    heard = []
    pair = layers.Pair()
    pair.register_full_backward_hook(listener(heard, "after"))
    pair.register_full_backward_hook(listener(heard, "first"), prepend=True)
    pair.register_full_backward_pre_hook(listener(heard, "pre"))
    handles = [
        every.register_module_full_backward_hook(listener(heard, "all")),
        every.register_module_full_backward_pre_hook(listener(heard, "all pre")),
    ]
    a, b = (lib.ones(2, requires_grad=True) for _ in range(2))
    outputs = pair(a, b, factor=3)
    yield outputs
    (outputs[0] * outputs[1]).backward(lib.ones(2))
    yield heard, a.grad, b.grad
    for handle in handles:
        handle.remove()
    heard.clear()
    pair(a, lib.ones(2))[0].backward(lib.ones(2))
    yield heard
    heard.clear()
    with lib.no_grad():
        yield pair(a, b)
    yield pair(lib.ones(1), lib.ones(1)), heard


@scenario
def backward_hooks_that_replace(lib, layers):
    pair = layers.Pair()
    a, b = (lib.ones(2, requires_grad=True) for _ in range(2))
    handles = [
        pair.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10, gi[1])),
        pair.register_full_backward_pre_hook(lambda m, go: (go[0] * 2, go[1])),
    ]
    first, second = pair(a, b)
    (first + second).backward(lib.ones(2))
    yield a.grad, b.grad
    for handle in handles:
        handle.remove()
    with pair.register_full_backward_hook(lambda m, gi, go: (gi[0],)):
        first, second = pair(a, b)
        yield error((first + second).backward, lib.ones(2))
    with pair.register_full_backward_pre_hook(lambda m, go: (go[0],)):
        first, second = pair(a, b)
        yield error((first + second).backward, lib.ones(2))


@scenario
def backward_hooks_of_a_first_layer(lib, layers):
    heard = []
    scale = layers.Scale()
    scale.register_full_backward_hook(listener(heard, "hook"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scale(lib.ones(2)).backward(lib.ones(2))
    yield heard, scale.weight.grad, len(caught)
    scale.register_full_backward_hook(lambda m, gi, go: (lib.ones(2),))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield error(scale(lib.ones(2)).backward, lib.ones(2))


@scenario
def conversion(lib, layers):
    def kinds():
        return {name: each.dtype for name, each in net.state_dict().items()}

    net = layers.Net()
    net.register_buffer("steps", lib.zeros(1, dtype=lib.int64))
    weight = net.weight
    weight.grad = lib.ones(2)
    for change in (
        lambda: net.double(),
        lambda: net.half(),
        lambda: net.bfloat16(),
        lambda: net.float(),
        lambda: net.to(lib.float64),
        lambda: net.to("cpu"),
        lambda: net.to("cpu", lib.float32),
        lambda: net.to(lib.ones(1, dtype=lib.float64)),
        lambda: net.to(dtype=lib.float16),
        lambda: net.to(device="cpu"),
        lambda: net.type(lib.float32),
        lambda: net.type("torch.DoubleTensor"),
        lambda: net.cpu(),
    ):
        yield change() is net, kinds(), net.weight is weight, weight.grad.dtype
    yield net.first.weight is weight, weight.requires_grad


@scenario
def modes(lib, layers):
    net = layers.Net()
    yield net.eval() is net, [each.training for each in net.modules()]
    yield net.train() is net, [each.training for each in net.modules()]
    net.requires_grad_(False)
    yield [each.requires_grad for each in net.parameters()]
    net.requires_grad_()
    net(lib.ones(2)).backward(lib.ones(2))
    yield [each.grad for each in net.parameters()]
    net.zero_grad(set_to_none=False)
    yield [each.grad for each in net.parameters()]
    net.zero_grad()
    yield [each.grad for each in net.parameters()]
    seen = []
    yield net.apply(lambda each: seen.append(type(each).__name__)) is net, seen


@scenario
def copies(lib, layers):
    net = layers.Net()
    net.first.weight.grad = lib.ones(2)
    net.mark = [1]
    twin = copy.deepcopy(net)
    with lib.no_grad():
        twin.weight.add_(1)
    yield net.weight, twin.weight, twin.weight is twin.first.weight
    yield twin.first is twin.again, twin.mark is net.mark, twin.weight.grad
    yield sorted(name for name in dir(net) if name in ("first", "weight", "mean", "0"))


@scenario
def parameters(lib, layers):
    nn = lib.nn
    yield nn.Parameter(), nn.Parameter(lib.ones(2, 2), requires_grad=False)
    values = lib.zeros(2)
    parameter = nn.Parameter(values)
    values.add_(1)
    yield parameter, values, parameter.is_leaf, isinstance(parameter, lib.Tensor)
    with lib.no_grad():
        parameter.mul_(3)
        yield nn.Parameter(values).requires_grad
    yield parameter, values
    for each in (parameter * 2, parameter.detach(), parameter.data, parameter.clone()):
        yield type(each).__name__, each.requires_grad, each.tolist()
    yield error(parameter.add_, 1).startswith("RuntimeError: a leaf Variable that req")
    for each in (copy.deepcopy(parameter), pickle.loads(pickle.dumps(parameter))):
        yield type(each).__name__, each
    yield nn.Parameter(parameter), nn.Parameter(parameter * 2).is_leaf
    buffer = nn.Buffer(values, persistent=False)
    yield buffer, isinstance(buffer, nn.Buffer), isinstance(values, nn.Buffer)
    yield copy.deepcopy(buffer).persistent, pickle.loads(pickle.dumps(buffer))


@pytest.mark.parametrize("function", SCENARIOS)
def test_the_same_in_both(function):
    ours = report(function, flambeau, Layers(flambeau))
    theirs = report(function, torch, Layers(torch))
    assert ours == theirs


def test_a_difference_is_seen():
    def differs(lib, layers):
        yield lib.__name__

    assert report(differs, flambeau, None) != report(differs, torch, None)
