"""Containers of modules and of parameters. Beside torch: parity/test_container.py."""

import copy
import operator
import pickle
from collections import OrderedDict

import pytest
from modules import Scale

import flambeau as torch
from flambeau import nn


class Digit(nn.Module):
    """Appends its digit to the input's."""

    def __init__(self, digit):
        super().__init__()
        self.digit = digit

    def forward(self, x):
        return 10 * x + self.digit

    def extra_repr(self):
        return str(self.digit)


def sequential(*digits):
    """A Sequential of digits."""
    return nn.Sequential(*map(Digit, digits))


def module_list(*digits):
    """A ModuleList of digits."""
    return nn.ModuleList(map(Digit, digits))


def digits(model):
    """The digits of a container, in order, whose names must be the positions."""
    assert list(model._modules) == [str(i) for i in range(len(model))]
    return [each.digit for each in model]


both = pytest.mark.parametrize("make", [sequential, module_list])


# Sequences of modules


@both
def test_items(make):
    model = make(1, 2, 3)
    assert (model[0].digit, model[-1].digit, len(model)) == (1, 3, 3)
    assert type(model[1:]) is type(model)
    model[-1] = Digit(7)
    assert [each.digit for each in model[::-1]] == [7, 2, 1]
    with pytest.raises(TypeError, match="as child module '0'"):
        model[0] = 3
    for index in (3, -4):
        with pytest.raises(IndexError, match=f"index {index} is out of range"):
            model[index]
        with pytest.raises(IndexError, match=f"index {index} is out of range"):
            del model[index]
        with pytest.raises(IndexError, match=f"index {index} is out of range"):
            model[index] = Digit(1)


@both
def test_removal_renumbers(make):
    model = make(1, 2, 3, 4, 5)
    del model[1]
    assert digits(model) == [1, 3, 4, 5]
    del model[1:3]
    assert digits(model) == [1, 5]
    assert model.pop(0).digit == 1
    assert digits(model) == [5]


@both
def test_growth(make):
    model = make(1)
    assert model.append(Digit(2)) is model
    assert model.extend([Digit(3), Digit(4)]) is model
    model.insert(0, Digit(0))
    model.insert(-1, Digit(9))
    assert digits(model) == [0, 1, 2, 3, 9, 4]
    assert digits(model + make(5)) == [0, 1, 2, 3, 9, 4, 5]
    before = model
    model += make(6)
    model += model
    assert model is before
    assert digits(model) == [0, 1, 2, 3, 9, 4, 6] * 2
    with pytest.raises(IndexError, match="Index out of range: 99"):
        model.insert(99, Digit(1))
    with pytest.raises(AssertionError, match="module should be of type"):
        model.insert(0, 3)
    with pytest.raises(TypeError, match="extend should be called with an iterable"):
        model.extend(3)


def test_sequential_runs_in_order():
    assert sequential(1, 2, 3)(0) == 123
    assert sequential(1, 2, 3)[1:](0) == 23
    assert nn.Sequential()(5) == 5


def test_sequential_takes_names():
    model = nn.Sequential(OrderedDict([("one", Digit(1)), ("two", Digit(2))]))
    assert repr(model) == "Sequential(\n  (one): Digit(1)\n  (two): Digit(2)\n)"
    assert model.two is model[1]
    assert list(model[1:]._modules) == ["two"]
    with pytest.raises(TypeError, match="dict is not a Module subclass"):
        nn.Sequential({"one": Digit(1)})


def test_sequential_multiplies():
    assert (sequential(1, 2) * 2)(0) == (2 * sequential(1, 2))(0) == 1212
    model = sequential(1, 2)
    first = model[0]
    model *= 2
    assert digits(model) == [1, 2, 1, 2]
    assert model[2] is first
    with pytest.raises(ValueError, match="Non-positive multiplication factor 0"):
        operator.mul(model, 0)
    with pytest.raises(TypeError, match="unsupported operand"):
        operator.mul(model, 1.5)
    with pytest.raises(ValueError, match="only objects of Sequential class"):
        operator.add(model, module_list(1))


def test_module_list_prints_equal_neighbours_once():
    model = nn.ModuleList([Digit(1), *module_list(2, 2, 2), Digit(1)])
    assert repr(model) == (
        "ModuleList(\n  (0): Digit(1)\n  (1-3): 3 x Digit(2)\n  (4): Digit(1)\n)"
    )
    nested = nn.ModuleList([sequential(1), sequential(1)])
    assert repr(nested) == (
        "ModuleList(\n  (0-1): 2 x Sequential(\n    (0): Digit(1)\n  )\n)"
    )
    assert repr(nn.ModuleList()) == "ModuleList()"


def test_module_list_registers_what_it_holds():
    model = nn.ModuleList(Scale() for _ in range(2))
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "1.weight"]
    assert [each.digit for each in module_list(1) + [Digit(2)]] == [1, 2]


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]
)
def test_copies(copied):
    assert copied(sequential(1, 2))(0) == 12
    assert digits(copied(module_list(1, 2))) == [1, 2]
    assert list(copied(nn.ModuleDict({"a": Digit(1)}))) == ["a"]
    assert copied(nn.ParameterList([torch.ones(1), 3]))[1] == 3
    twin = copied(nn.ParameterDict({"a": torch.ones(1)}))
    assert twin["a"].requires_grad


# ModuleDict


def test_module_dict():
    model = nn.ModuleDict({"b": Digit(1), "a": Digit(2)})
    assert list(model) == list(model.keys()) == ["b", "a"]
    assert [each.digit for each in model.values()] == [1, 2]
    assert dict(model.items()) == {"b": model.b, "a": model["a"]}
    assert "a" in model and "c" not in model and len(model) == 2
    model.update([("c", Digit(3))])
    model.update(nn.ModuleDict({"a": Digit(4)}))
    assert model.pop("a").digit == 4
    del model["b"]
    assert repr(model) == "ModuleDict(\n  (c): Digit(3)\n)"
    model.clear()
    assert len(model) == 0
    with pytest.raises(KeyError, match="'keys' already exists"):
        model["keys"] = Digit(1)


@pytest.mark.parametrize("make", [nn.ModuleDict, nn.ParameterDict])
@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (3, TypeError, "should be called with an iterable of key/value pairs, but go"),
        ([3], TypeError, "update sequence element #0 should be Iterable; is int"),
        ([("a", None), "abc"], ValueError, "element #1 has length 3; 2 is required"),
    ],
)
def test_update_takes_pairs(make, given, error, message):
    with pytest.raises(error, match=message):
        make(given)


# Parameters


def test_parameter_list():
    weights = nn.ParameterList([torch.ones(2), nn.Parameter(torch.ones(1)), "word"])
    assert [name for name, _ in weights.named_parameters()] == ["0", "1"]
    assert isinstance(weights[0], nn.Parameter)
    assert weights[-1] == "word"
    assert [type(each).__name__ for each in weights[1:]] == ["Parameter", "str"]
    weights += [torch.zeros(3)]
    weights[0] = torch.zeros(4)
    assert [len(each) for each in weights] == [4, 1, 4, 3]
    assert repr(weights).splitlines()[1:4] == [
        "    (0): Parameter containing: [torch.float32 of size 4]",
        "    (1): Parameter containing: [torch.float32 of size 1]",
        "    (2): Object of type: str",
    ]
    with pytest.raises(IndexError, match="index 4 is out of range"):
        weights[4]
    for wrong in (3, torch.ones(2)):
        with pytest.raises(TypeError, match="extend should be called with an iter"):
            weights.extend(wrong)
    with pytest.raises(RuntimeError, match="should not be called"):
        weights(1)


def test_parameter_dict():
    weights = nn.ParameterDict({"b": torch.ones(2), "a": torch.ones(1)})
    assert list(weights) == ["a", "b"]  # a plain dictionary is sorted, as in torch
    assert list(reversed(weights)) == ["b", "a"]
    assert all(isinstance(each, nn.Parameter) for each in weights.values())
    assert weights.setdefault("c", 3) == weights.setdefault("c", 4) == 3
    assert weights.get("d") is None and weights.get("d", 1) == 1
    assert weights.popitem() == ("c", 3)
    twin = weights.copy() | nn.ParameterDict({"n": torch.ones(1)})
    assert list(twin.keys()) == ["a", "b", "n"]
    assert twin["a"] is weights["a"]
    assert list({"z": 1} | weights) == ["z", "a", "b"]
    twin |= {"m": 5}
    assert twin.pop("m") == 5 and "m" not in twin
    assert dict(twin.fromkeys("pq", 1).items()) == {"p": 1, "q": 1}
    assert "(a): Parameter containing: [torch.FloatTensor of size 1]" in repr(weights)
    weights.clear()
    assert len(weights) == 0 and not list(weights.parameters())
    with pytest.raises(KeyError, match="is empty"):
        weights.popitem()
    with pytest.raises(TypeError, match="it is not a string"):
        weights[5] = 1
    with pytest.raises(RuntimeError, match="should not be called"):
        weights(1)
