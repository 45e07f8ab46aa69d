"""Module: members, printing, modes, conversion, copies. Beside torch: parity."""

import copy
import pickle

import pytest
from modules import Net, Scale

import flambeau as torch
from flambeau import nn
from flambeau.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)


@pytest.fixture
def net():
    return Net()


# Members


def test_names_are_paths_and_shared_members_have_one(net):
    parameters = [name for name, _ in net.named_parameters()]
    assert parameters == ["weight", "blocks.0.weight", "blocks.1.weight"]
    assert len(list(net.named_parameters(remove_duplicate=False))) == 5
    assert [n for n, _ in net.named_parameters("net", recurse=False)] == ["net.weight"]
    assert [n for n, _ in net.named_buffers()][:2] == ["first.mean", "first.cache"]
    modules = [name for name, _ in net.named_modules()]
    assert modules == ["", "first", "blocks", "blocks.0", "blocks.1"]
    assert [name for name, _ in net.named_children()] == ["first", "blocks"]
    assert len(list(net.modules(remove_duplicate=False))) == 6
    assert len(list(net.children())) == 2
    assert len(list(net.parameters())) == 3
    assert len(list(net.buffers())) == 6


def test_attributes_move_between_kinds():
    model = nn.Module()
    model.x = 5
    model.x = nn.Parameter(torch.ones(1))
    assert "x" not in vars(model)
    model.x = None
    assert list(model._parameters.items()) == [("x", None)]
    del model.x
    model.register_buffer("x", torch.ones(1), persistent=False)
    model.x = torch.zeros(1)
    assert model._non_persistent_buffers_set == {"x"}
    assert [*model.buffers()] == [model.x]
    model.x = nn.Sequential()
    assert not model._buffers and not model._non_persistent_buffers_set
    model.x = nn.Parameter(torch.ones(1))
    assert not model._modules
    del model.x
    assert not hasattr(model, "x")


def test_a_buffer_is_registered_by_assignment():
    model = nn.Module()
    model.kept = nn.Buffer(torch.ones(1))
    model.scratch = nn.Buffer(torch.ones(1), persistent=False)
    model.plain = torch.ones(1)
    assert [name for name, _ in model.named_buffers()] == ["kept", "scratch"]
    assert list(model.state_dict()) == ["kept"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("weight", torch.ones(2), "cannot assign 'torch.FloatTensor' as parameter"),
        ("weight", 3, "cannot assign 'int' as parameter 'weight'"),
        ("first", 3, "cannot assign 'int' as child module 'first'"),
        ("blocks", [], r"\(torch.nn.Module or None expected\)"),
    ],
)
def test_a_member_takes_its_own_kind_only(net, name, value, message):
    with pytest.raises(TypeError, match=message):
        setattr(net, name, value)


def test_a_buffer_takes_tensors_only(net):
    with pytest.raises(TypeError, match="cannot assign 'int' as buffer 'mean'"):
        net.first.mean = 3


@pytest.mark.parametrize("kind", ["parameter", "buffer", "module"])
@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("", KeyError, "empty string"),
        ("a.b", KeyError, 'contain "."'),
        ("forward", KeyError, "attribute 'forward' already exists"),
        (5, TypeError, "name should be a string. Got int"),
    ],
)
def test_names_are_checked(net, kind, name, error, message):
    values = {
        "parameter": nn.Parameter(torch.ones(1)),
        "buffer": torch.ones(1),
        "module": nn.Sequential(),
    }
    register = getattr(net, f"register_{kind}")
    with pytest.raises(error, match=message):
        register(name, values[kind])


def test_a_class_in_the_place_of_a_module_gets_the_fix():
    with pytest.raises(TypeError, match=r"write Scale\(\.\.\.\)"):
        nn.Sequential(Scale)


def test_a_computed_tensor_is_no_parameter(net):
    with pytest.raises(TypeError, match="torch.nn.Parameter or None required"):
        net.register_parameter("new", torch.ones(1))
    scaled = nn.Parameter(torch.ones(1)).mul(2)
    scaled.__class__ = nn.Parameter
    with pytest.raises(ValueError, match="Cannot assign non-leaf Tensor"):
        net.register_parameter("new", scaled)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (nn.Parameter(torch.ones(1)), "cannot assign parameters before Module.__init_"),
        (nn.Sequential(), r"cannot assign module before Module.__init__\(\) call"),
        (nn.Buffer(torch.ones(1)), "cannot assign buffer before Module.__init__"),
    ],
)
def test_members_before_init_get_torchs_error(value, message):
    class Early(nn.Module):
        def __init__(self):
            self.number = 5  # a plain attribute is fine
            self.value = value

    with pytest.raises(AttributeError, match=message):
        Early()


def test_init_takes_no_arguments_and_can_call_the_next_class():
    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        nn.Module(1)
    with pytest.raises(TypeError, match="unexpected keyword argument 'a'"):
        nn.Module(a=1)

    class Other:
        def __init__(self, value):
            self.value = value

    class Both(nn.Module, Other):
        call_super_init = True

    assert Both(7).value == 7


def test_paths_lead_to_members(net):
    assert net.get_submodule("blocks.1") is net.blocks[1]
    assert net.get_submodule("") is net
    assert net.get_parameter("blocks.1.weight") is net.blocks[1].weight
    assert net.get_buffer("first.cache") is net.first.cache
    net.set_submodule("blocks.1", nn.Sequential())
    net.set_submodule("first.new", nn.Sequential())
    assert isinstance(net.blocks[1], nn.Sequential)
    assert isinstance(net.first.new, nn.Sequential)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net: net.get_submodule("blocks.7"), "ModuleList has no attribute `7`"),
        (lambda net: net.get_submodule("training"), "`training` is not an nn.Module"),
        (lambda net: net.get_parameter("first.mean"), "`mean` is not an nn.Parameter"),
        (lambda net: net.get_buffer("weight"), "`weight` is not a buffer"),
        (lambda net: net.set_submodule("new", net, True), "no attribute `new`"),
        (lambda net: net.set_submodule("training", net), "`training` is not an nn.Mod"),
        (lambda net: net.unknown, "'Net' object has no attribute 'unknown'"),
    ],
)
def test_paths_that_lead_nowhere(net, call, message):
    with pytest.raises(AttributeError, match=message):
        call(net)


def test_a_submodule_needs_a_path_and_a_module(net):
    with pytest.raises(ValueError, match="without a target name"):
        net.set_submodule("", net)
    with pytest.raises(ValueError, match="`module` is not an nn.Module"):
        net.set_submodule("first", 3)


def test_dir_lists_members_without_positions(net):
    names = dir(net)
    assert {"first", "weight", "absent", "forward"} <= set(names)
    assert "0" not in dir(net.blocks)
    assert names == sorted(names)


def test_registration_hooks_see_and_replace_members():
    heard = []

    def hook(module, name, member):
        heard.append((type(module).__name__, name))

    fixed = nn.Parameter(torch.zeros(1))
    with (
        register_module_parameter_registration_hook(hook),
        register_module_buffer_registration_hook(hook),
        register_module_module_registration_hook(hook),
        register_module_parameter_registration_hook(lambda *_: fixed),
    ):
        model = nn.Sequential(Scale())
    names = [("Scale", "weight"), ("Scale", "mean"), ("Scale", "cache")]
    assert heard == [*names, ("Sequential", "0")]
    assert model[0].weight is fixed
    Scale()
    assert len(heard) == 4


# Printing


def test_printed_form(net):
    assert repr(net) == (
        "Net(\n"
        "  (first): Scale(2)\n"
        "  (blocks): ModuleList(\n"
        "    (0): Scale(2)\n"
        "    (1): Scale(3)\n"
        "  )\n"
        "  (again): Scale(2)\n"
        "  (absent): None\n"
        ")"
    )
    assert repr(nn.Module()) == "Module()"


def test_printed_options_of_several_lines():
    class Wordy(nn.Module):
        def extra_repr(self):
            return "one,\ntwo"

    model = Wordy()
    model.inner = Scale()
    assert repr(model) == "Wordy(\n  one,\n  two\n  (inner): Scale(2)\n)"


# Modes and conversion


def test_modes(net):
    assert net.eval() is net
    assert not any(each.training for each in net.modules())
    assert net.train() is net
    assert all(each.training for each in net.modules())
    with pytest.raises(ValueError, match="training mode is expected to be boolean"):
        net.train(1)
    assert not any(p.requires_grad for p in net.requires_grad_(False).parameters())
    assert all(p.requires_grad for p in net.requires_grad_().parameters())
    order = []
    net.apply(lambda each: order.append(type(each).__name__))
    assert order == ["Scale", "Scale", "Scale", "ModuleList", "Net"]


def test_zero_grad(net):
    net(torch.ones(2)).backward(torch.ones(2))
    net.zero_grad(set_to_none=False)
    assert net.weight.grad.tolist() == [0.0, 0.0]
    assert net.blocks[1].weight.grad is None
    net.zero_grad()
    assert net.weight.grad is None


@pytest.mark.parametrize(
    ("convert", "dtype"),
    [
        (lambda m: m.double(), torch.float64),
        (lambda m: m.half(), torch.float16),
        (lambda m: m.bfloat16(), torch.bfloat16),
        (lambda m: m.double().float(), torch.float32),
        (lambda m: m.to(torch.float64), torch.float64),
        (lambda m: m.to("cpu", torch.float16), torch.float16),
        (lambda m: m.to(torch.ones(1, dtype=torch.float64)), torch.float64),
        (lambda m: m.to(device="cpu", dtype=torch.float64), torch.float64),
        (lambda m: m.to("cpu").cpu().share_memory(), torch.float32),
    ],
)
def test_conversion_happens_in_place(net, convert, dtype):
    net.register_buffer("steps", torch.ones(1, dtype=torch.int64))
    weight = net.weight
    weight.grad = torch.ones(2)
    assert convert(net) is net
    assert net.weight is net.first.weight is weight
    assert weight.requires_grad and weight.is_leaf
    assert weight.tolist() == [1.0, 1.0]
    kinds = {each.dtype for each in (*net.parameters(), net.first.mean, weight.grad)}
    assert kinds == {dtype}
    assert net.steps.dtype is torch.int64


def test_type_converts_integers_too(net):
    net.register_buffer("steps", torch.ones(1, dtype=torch.int64))
    for name in (torch.float64, "torch.HalfTensor"):
        net.type(name)
        kind = torch.float64 if name is torch.float64 else torch.float16
        assert {each.dtype for each in net.state_dict().values()} == {kind}
    with pytest.raises(ValueError, match="invalid type: 'torch.WordTensor'"):
        net.type("torch.WordTensor")


def test_to_the_same_dtype_keeps_shared_memory():
    values = torch.ones(2)
    layer = Scale()
    layer.weight = nn.Parameter(values)
    layer.to(torch.float32)
    values.add_(1)
    assert layer.weight.tolist() == [2.0, 2.0]


def test_an_empty_copy_keeps_shapes_and_dtypes(net):
    net.double().to_empty(device="cpu")
    assert net.weight.shape == (2,) and net.weight.dtype is torch.float64


def test_conversions_that_cannot_be(net):
    with pytest.raises(TypeError, match="desired dtype=torch.int32"):
        net.to(torch.int32)
    with pytest.raises(TypeError, match="expected a dtype, a device or a tensor"):
        net.to(1.5)
    with pytest.raises(TypeError, match="unexpected keyword argument 'dtyp'"):
        net.to(dtyp=torch.float64)
    for move in (
        lambda: net.cuda(),
        lambda: net.to("cuda"),
        lambda: net.to(0),
        lambda: net.to(device="cuda:1"),
    ):
        with pytest.raises(RuntimeError, match="runs on the CPU only"):
            move()


# Copies


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]
)
def test_copies_keep_structure_and_own_their_memory(net, copied):
    net.eval()
    twin = copied(net)
    assert repr(twin) == repr(net)
    assert twin.first is twin.again
    assert twin.weight is twin.first.weight
    assert not twin.training
    with torch.no_grad():
        twin.weight.add_(1)
    assert net.weight.tolist() == [1.0, 1.0]
    assert twin(torch.ones(2)).tolist() == [4.0, 4.0]
    assert list(twin.state_dict()) == list(net.state_dict())


def test_hooks_are_copied_with_their_module():
    class Counting(Scale):
        def __init__(self):
            super().__init__()
            self.calls = 0
            self.handle = self.register_forward_hook(self.count)

        def count(self, *args):
            self.calls += 1

    model = Counting()
    twin = copy.deepcopy(model)
    twin(torch.ones(2))
    assert (model.calls, twin.calls) == (0, 1)
    twin.handle.remove()
    assert len(model._forward_hooks) == 1 and not twin._forward_hooks


def test_a_state_without_hooks_can_be_set():
    model = Scale.__new__(Scale)
    state = vars(Scale())
    model.__setstate__({key: state[key] for key in state if "hooks" not in key})
    assert model(torch.ones(2)).tolist() == [1.0, 1.0]
