"""Containers beside live torch: one program runs in both, what it says is compared."""

import copy
import operator
from collections import OrderedDict

import pytest
import torch
from parity.side_by_side import error, report, scenarios

import flambeau

SCENARIOS, scenario = scenarios()


def make_layer(lib):
    """A class of modules that print a number."""

    class Layer(lib.nn.Module):
        def __init__(self, number):
            super().__init__()
            self.number = number

        def forward(self, x):
            return 10 * x + self.number

        def extra_repr(self):
            return f"{self.number}"

    return Layer


@scenario
def indexing(lib, Layer):
    layers = OrderedDict((name, Layer(n)) for n, name in enumerate("abcd"))
    for make in (
        lambda: lib.nn.Sequential(*layers.values()),
        lambda: lib.nn.Sequential(layers),
        lambda: lib.nn.ModuleList(layers.values()),
    ):
        model = make()
        yield model, len(model), [each.number for each in model]
        yield model[0], model[-1], model[1:3], model[::-2], model[4:]
        yield error(model.__getitem__, 4), error(model.__getitem__, -5)
        yield error(model.__getitem__, "a")
        model[1] = Layer(7)
        model[-1] = Layer(8)
        yield model, error(model.__setitem__, 4, Layer(1))
        yield error(model.__setitem__, 0, 3)
        del model[1]
        yield model
        del model[-1]
        yield model, error(model.__delitem__, 2)
        model = make()
        del model[1:3]
        yield model, list(model._modules)
        yield make().pop(1), make().pop(-1), make().pop(slice(0, 2))


@scenario
def growing(lib, Layer):
    for make in (lib.nn.Sequential, lambda *each: lib.nn.ModuleList(each)):
        model = make(Layer(0), Layer(1))
        yield model.append(Layer(2)) is model, model
        for place in (0, len(model), 2):
            model.insert(place, Layer(10 + place))
            yield model
        yield model.extend([Layer(6), Layer(7)]) is model, model
        yield model + make(Layer(8)), model
        before = model
        model += make(Layer(9))
        yield model is before, model
        yield list(model._modules)
        yield error(model.append, 3).replace("flambeau", "torch")
        yield error(operator.add, model, 3).partition(",")[0]


@scenario
def sequential(lib, Layer):
    nn = lib.nn
    model = nn.Sequential(Layer(1), Layer(2))
    yield model(5), model[:1](5), nn.Sequential()(5)
    yield model * 2, 2 * model, (model * 2)(0)
    before = model
    model *= 3
    yield model is before, model, model[0] is model[2]
    yield (
        error(operator.mul, model, 0)
        .replace("flambeau.nn.container", "C")
        .split("<")[0]
    )
    yield error(operator.mul, model, 1.5).startswith("TypeError")
    yield error(model.insert, 9, Layer(1)), error(model.insert, -9, Layer(1))
    yield model.insert(-1, Layer(4))
    yield error(nn.Sequential, {"a": Layer(1)}), error(nn.Sequential, None)
    yield [name for name in dir(model) if name.isdigit()]
    yield copy.deepcopy(model), list(model.state_dict())


@scenario
def module_list(lib, Layer):
    model = lib.nn.ModuleList(Layer(n // 2) for n in range(5))
    yield model, lib.nn.ModuleList([model, model])
    yield error(model.extend, 3), error(lib.nn.ModuleList, 3)
    yield error(model, 1)
    yield model + [Layer(9)], model[1:] + model[:1]


@scenario
def module_dict(lib, Layer):
    nn = lib.nn
    model = nn.ModuleDict({"b": Layer(1), "a": Layer(2)})
    yield model, list(model), len(model), "a" in model, "c" in model
    yield list(model.keys()), list(model.values()), list(model.items())
    model["c"] = Layer(3)
    model.update({"a": Layer(4), "d": Layer(5)})
    model.update([("e", Layer(6))])
    model.update(nn.ModuleDict({"f": Layer(7)}))
    yield model, model.pop("a"), model, error(model.pop, "a")
    del model["b"]
    yield model, model.e, error(model.__getitem__, "b"), error(model.__delitem__, "b")
    yield error(model.update, 3), error(model.update, [("a", Layer(1), 2)])
    yield error(model.update, [3]).replace("is int", "isint")
    yield error(model.__setitem__, "keys", Layer(1)), error(model.update, {"a": 1})
    model.clear()
    yield model, error(model, 1)


@scenario
def parameter_list(lib, Layer):
    nn = lib.nn
    weights = nn.ParameterList([lib.ones(2), nn.Parameter(lib.ones(1, 3)), "word"])
    yield weights, len(weights), list(weights), weights[-1], weights[:2]
    yield weights.append(lib.zeros(1)) is weights, weights
    yield weights.extend([lib.zeros(2), 5]) is weights, weights
    weights += [lib.zeros(3)]
    weights[0] = lib.zeros(1)
    yield list(weights), [name for name, _ in weights.named_parameters()]
    yield weights.state_dict(), [name for name in dir(weights) if name.isdigit()]
    yield error(weights.__getitem__, 9), error(weights.__setitem__, 9, 1)
    yield error(weights.extend, 3), error(weights.extend, lib.ones(2)).split(",")[0]
    yield error(weights.__setitem__, 1, 3), error(weights, 1)
    yield copy.deepcopy(weights), weights.double()


@scenario
def parameter_dict(lib, Layer):
    nn = lib.nn
    weights = nn.ParameterDict({"b": lib.ones(2), "a": lib.ones(1), "c": 3})
    yield weights, list(weights), list(reversed(weights)), len(weights), "a" in weights
    yield list(weights.keys()), list(weights.values()), list(weights.items())
    weights["d"] = lib.zeros(1)
    weights.update(OrderedDict([("z", lib.ones(1)), ("y", lib.ones(1))]))
    weights.update({"x": lib.ones(1), "w": lib.ones(1)})
    weights.update([("v", 5)])
    yield weights, weights.state_dict()
    yield weights.get("a"), weights.get("nobody"), weights.get("nobody", 7)
    yield weights.setdefault("a", 1), weights.setdefault("u", lib.ones(1))
    yield weights.pop("a"), weights.popitem(), list(weights)
    twin = weights.copy()
    yield twin, twin["b"] is weights["b"], weights.fromkeys("pq", 3)
    yield weights | nn.ParameterDict({"b": lib.zeros(1), "n": 2})
    yield list({"b": 1, "n": 2} | weights)
    weights |= nn.ParameterDict({"n": lib.ones(2)})
    del weights["b"]
    yield weights, error(weights.__getitem__, "b"), error(weights.__delitem__, "b")
    yield error(weights.update, 3).replace("ParametersDict", "ParameterDict")
    yield error(weights.update, [("a", 1, 2)]), error(weights, 1)
    weights.clear()
    yield weights, error(weights.popitem).split(":")[0]
    yield error(weights.__setitem__, 5, 1).partition(". Open")[0].rstrip(".")
    yield error(weights.__setitem__, "keys", lib.ones(1))


@pytest.mark.parametrize("function", SCENARIOS)
def test_the_same_in_both(function):
    ours = report(function, flambeau, make_layer(flambeau))
    theirs = report(function, torch, make_layer(torch))
    assert ours == theirs
