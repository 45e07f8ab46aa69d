"""The state of modules: `state_dict`, `load_state_dict` and the hooks on them."""

import copy
from collections import OrderedDict

import pytest
from modules import Net, Scale

import flambeau as torch
from flambeau import nn


@pytest.fixture
def net():
    return Net()


def test_state_dict_holds_the_module_memory(net):
    state = net.state_dict()
    assert list(state) == [
        "weight",
        "first.weight",
        "first.mean",
        "blocks.0.weight",
        "blocks.0.mean",
        "blocks.1.weight",
        "blocks.1.mean",
        "again.weight",
        "again.mean",
    ]
    assert type(state) is OrderedDict
    assert state._metadata["blocks.0"] == {"version": 1}
    assert not state["weight"].requires_grad
    state["weight"].add_(4)
    assert net.weight.tolist() == [5.0, 5.0]
    assert net.state_dict(keep_vars=True)["weight"] is net.weight
    given = {}
    assert net.state_dict(given, "a.") is given
    assert "a.first.mean" in given


def test_loading_copies(net):
    state = {name: value + 1 for name, value in Net().state_dict().items()}
    weight = net.weight
    keys = net.load_state_dict(state)
    assert repr(keys) == "<All keys matched successfully>"
    assert net.weight is weight and weight.requires_grad
    assert weight.tolist() == [2.0, 2.0]
    assert net.blocks[1].mean.tolist() == [1.0]


def test_loading_converts_to_the_modules_dtype():
    layer = Scale()
    state = {"weight": torch.ones(2, dtype=torch.float64) * 3, "mean": torch.ones(1)}
    layer.load_state_dict(state)
    assert layer.weight.dtype is torch.float32
    layer.load_state_dict(state, assign=True)
    assert layer.weight.dtype is torch.float64
    assert type(layer.weight) is nn.Parameter
    assert layer.mean is state["mean"]


def test_loading_reports_everything_at_once(net):
    state = net.state_dict()
    del state["first.mean"]
    state["blocks.0.weight"] = torch.ones(5)
    state["blocks.1.mean"] = [1.0]
    state["blocks.7.mean"] = state["stranger"] = torch.ones(1)
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    assert str(caught.value) == (
        "Error(s) in loading state_dict for Net:\n"
        '\tMissing key(s) in state_dict: "first.mean". \n'
        '\tUnexpected key(s) in state_dict: "stranger", "blocks.7.mean". \n'
        "\tsize mismatch for blocks.0.weight: copying a param with shape "
        "torch.Size([5]) from checkpoint, the shape in current model is "
        "torch.Size([2]).\n"
        '\tWhile copying the parameter named "blocks.1.mean", expected torch.Tensor or '
        "Tensor-like object from checkpoint but received <class 'list'>"
    )


def test_keys_that_are_nearly_right_are_told():
    model = nn.Sequential(nn.Linear(1, 1))
    state = model.state_dict()
    with_prefix = {f"module.{key}": value for key, value in state.items()}
    with pytest.raises(RuntimeError) as caught:
        model.load_state_dict(with_prefix)
    assert str(caught.value).splitlines()[1:] == [
        '\tMissing key(s) in state_dict: "0.weight", "0.bias". ',
        '\tUnexpected key(s) in state_dict: "module.0.weight", "module.0.bias". ',
        '\tThe keys of the state begin with "module.", those of the model do not: load '
        '{key.removeprefix("module."): value for key, value in state_dict.items()}.',
    ]
    with pytest.raises(RuntimeError, match='The keys of the model begin with "0.", '):
        model.load_state_dict(model[0].state_dict())
    state["0.weigth"] = state.pop("0.weight")
    with pytest.raises(RuntimeError, match='For "0.weight" the state has "0.weigth"'):
        model.load_state_dict(state)


def test_loading_leniently_returns_the_keys(net):
    state = net.state_dict()
    del state["first.mean"]
    state["stranger"] = torch.ones(1)
    keys = net.load_state_dict(state, strict=False)
    assert keys.missing_keys == ["first.mean"]
    assert keys.unexpected_keys == ["stranger"]
    assert "first.mean" in repr(keys)
    state["weight"] = torch.ones(9)
    with pytest.raises(RuntimeError, match="size mismatch for weight"):
        net.load_state_dict(state, strict=False)
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like"):
        net.load_state_dict([1])


def test_an_old_state_is_read_by_an_override():
    class Renamed(Scale):
        _version = 2

        def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
            if local_metadata.get("version", 1) < 2:
                state_dict[prefix + "weight"] = state_dict.pop(prefix + "gain")
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    model = nn.Sequential(Renamed())
    old = {"0.gain": torch.zeros(2), "0.mean": torch.zeros(1)}
    assert not any(model.load_state_dict(old))
    assert model[0].weight.tolist() == [0.0, 0.0]
    assert "0.gain" in old


def test_extra_state_travels_with_the_state():
    class Extra(nn.Module):
        value = 3

        def get_extra_state(self):
            return self.value

        def set_extra_state(self, state):
            self.value = state

    model = nn.Sequential(Extra())
    state = model.state_dict()
    assert state == {"0._extra_state": 3}
    model.load_state_dict({"0._extra_state": 5})
    assert model[0].value == 5
    assert model.load_state_dict({}, strict=False).missing_keys == ["0._extra_state"]
    with pytest.raises(RuntimeError, match="Scale has no extra state"):
        Scale().get_extra_state()
    with pytest.raises(RuntimeError, match="Scale has no extra state"):
        Scale().set_extra_state(1)


def test_hooks_on_the_state():
    heard = []
    model = nn.Sequential(Scale())
    layer = model[0]
    layer.register_state_dict_pre_hook(lambda m, prefix, kept: heard.append(prefix))
    layer.register_state_dict_post_hook(
        lambda m, state, prefix, metadata: state.__delitem__("0.mean")
    )
    layer.register_load_state_dict_pre_hook(
        lambda m, state, prefix, *rest: state.update({"0.mean": torch.ones(1)})
    )
    model.register_load_state_dict_post_hook(lambda m, keys: heard.append(keys))
    state = model.state_dict()
    assert list(state) == ["0.weight"]
    model.load_state_dict(state)
    assert layer.mean.tolist() == [1.0]
    assert heard == ["0.", ([], [])]
    assert list(copy.deepcopy(model).state_dict()) == ["0.weight"]


def test_hooks_on_the_state_return_nothing():
    model = Scale()
    with (
        model.register_state_dict_post_hook(lambda *args: 1),
        pytest.raises(RuntimeError, match="post-hook must return None"),
    ):
        model.state_dict()
    with (
        model._register_state_dict_hook(lambda *args: {"other": 1}),
    ):
        assert model.state_dict() == {"other": 1}
    model.register_load_state_dict_post_hook(lambda *args: 1)
    with pytest.raises(AssertionError, match="not expected to return new values"):
        model.load_state_dict(Scale().state_dict())
