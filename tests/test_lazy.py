"""Lazy modules: sizes from the first input or a state, what must wait for them."""

import copy
import pickle

import pytest

import flambeau as torch
from flambeau import nn

LAYERS = {
    "linear": (lambda: nn.LazyLinear(3), nn.Linear, (2, 5), {"weight": (3, 5)}),
    "conv1d": (
        lambda: nn.LazyConv1d(4, 3, groups=2),
        nn.Conv1d,
        (1, 6, 8),
        {"weight": (4, 3, 3), "bias": (4,)},
    ),
    "conv2d, one image": (
        lambda: nn.LazyConv2d(4, (3, 2), bias=False),
        nn.Conv2d,
        (6, 5, 5),
        {"weight": (4, 6, 3, 2)},
    ),
    "conv3d": (
        lambda: nn.LazyConv3d(2, 2),
        nn.Conv3d,
        (1, 3, 4, 4, 4),
        {"weight": (2, 3, 2, 2, 2)},
    ),
    "conv_transpose1d": (
        lambda: nn.LazyConvTranspose1d(4, 3),
        nn.ConvTranspose1d,
        (1, 6, 8),
        {"weight": (6, 4, 3)},
    ),
    "conv_transpose2d": (
        lambda: nn.LazyConvTranspose2d(4, 3, groups=2),
        nn.ConvTranspose2d,
        (1, 6, 3, 3),
        {"weight": (6, 2, 3, 3), "bias": (4,)},
    ),
    "conv_transpose3d": (
        lambda: nn.LazyConvTranspose3d(2, 2),
        nn.ConvTranspose3d,
        (1, 3, 2, 2, 2),
        {"weight": (3, 2, 2, 2, 2)},
    ),
    "batch_norm1d": (
        lambda: nn.LazyBatchNorm1d(),
        nn.BatchNorm1d,
        (4, 3),
        {"weight": (3,), "running_mean": (3,), "num_batches_tracked": ()},
    ),
    "batch_norm2d": (
        lambda: nn.LazyBatchNorm2d(affine=False),
        nn.BatchNorm2d,
        (4, 3, 2, 2),
        {"running_var": (3,)},
    ),
    "batch_norm3d": (
        lambda: nn.LazyBatchNorm3d(track_running_stats=False),
        nn.BatchNorm3d,
        (4, 3, 2, 2, 2),
        {"weight": (3,), "bias": (3,)},
    ),
    "instance_norm1d": (
        lambda: nn.LazyInstanceNorm1d(),
        nn.InstanceNorm1d,
        (4, 3, 5),
        {"weight": (3,), "running_mean": (3,)},
    ),
    "instance_norm2d": (
        lambda: nn.LazyInstanceNorm2d(bias=False),
        nn.InstanceNorm2d,
        (4, 3, 5, 5),
        {"weight": (3,)},
    ),
    "instance_norm3d": (
        lambda: nn.LazyInstanceNorm3d(),
        nn.InstanceNorm3d,
        (1, 3, 2, 2, 2),
        {"bias": (3,)},
    ),
}
layers = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS.keys())


@layers
def test_the_first_call_gives_sizes_and_the_class(layer):
    make, becomes, shape, sizes = layer
    module = make()
    assert module.has_uninitialized_params()
    output = module(torch.ones(*shape) + torch.rand(*shape))
    assert type(module) is becomes
    state = module.state_dict()
    assert {name: tuple(state[name].shape) for name in sizes} == sizes
    assert torch.isfinite(output).all()
    assert not module._forward_pre_hooks
    assert not module._load_state_dict_pre_hooks
    again = make()
    again.load_state_dict(state)
    assert not again.has_uninitialized_params()
    x = torch.rand(*shape)
    module.eval(), again.eval()
    assert torch.equal(module(x), again(x))
    assert type(again) is becomes


@layers
def test_the_printed_form_is_that_of_the_class(layer):
    make, becomes, shape, _ = layer
    module = make()
    before = repr(module)
    module(torch.rand(*shape))
    assert before.startswith(f"Lazy{becomes.__name__}(")
    assert repr(module).startswith(f"{becomes.__name__}(")


def test_lazy_weights_are_drawn_as_those_of_the_class():
    torch.manual_seed(5)
    lazy = nn.LazyLinear(3)
    lazy(torch.ones(2, 5))
    torch.manual_seed(5)
    assert torch.equal(lazy.weight, nn.Linear(5, 3).weight)


def test_a_model_trains_after_its_first_call():
    model = nn.Sequential(
        nn.LazyConv2d(2, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(1)
    )
    x = torch.rand(3, 1, 5, 5)
    model(x)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    model(x).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    before = model[3].bias.item()
    optimizer.step()
    assert model[3].bias.item() == pytest.approx(before - 0.3)


def test_the_dtype_is_that_it_was_converted_to():
    module = nn.LazyBatchNorm1d().double()
    assert module.weight.dtype is module.running_mean.dtype is torch.float64
    module(torch.rand(4, 3).double())
    assert module.weight.dtype is module.running_var.dtype is torch.float64
    assert nn.LazyLinear(2, dtype=torch.float16).bias.dtype is torch.float16


def test_parameters_are_there_before_they_have_a_shape():
    module = nn.LazyLinear(2)
    assert [name for name, _ in module.named_parameters()] == ["weight", "bias"]
    assert repr(module.weight) == "<UninitializedParameter>"
    assert repr(nn.LazyBatchNorm1d().running_mean) == "<UninitializedBuffer>"
    assert isinstance(module.weight, nn.Parameter)
    assert module.weight.requires_grad
    module.requires_grad_(False)
    module(torch.ones(1, 3))
    assert type(module.weight) is nn.Parameter
    assert not module.weight.requires_grad
    norm = nn.LazyBatchNorm1d()
    norm(torch.rand(4, 2))
    assert type(norm.running_mean) is torch.Tensor


def test_copies_and_pickles_stay_lazy():
    module = nn.LazyLinear(2).double()
    for made in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert made.has_uninitialized_params()
        assert made.weight is not module.weight
        assert made.weight.dtype is torch.float64
        assert made(torch.ones(1, 3).double()).shape == (1, 2)
        assert type(made) is nn.Linear


def test_a_lazy_state_is_not_loaded_into_sizes():
    lazy = nn.LazyLinear(2)
    nn.LazyLinear(2).load_state_dict(lazy.state_dict())
    with pytest.raises(RuntimeError, match="Can't access the shape of an uninitial"):
        nn.Linear(3, 2).load_state_dict(lazy.state_dict())


def test_what_needs_values_is_refused():
    weight = nn.LazyLinear(2).weight
    for use in (
        lambda: weight + 1,
        lambda: weight.sum(),
        lambda: torch.nn.functional.linear(torch.ones(1, 2), weight),
    ):
        with pytest.raises(ValueError, match="Attempted to use an uninitialized"):
            use()


def test_other_dimensions_are_refused():
    with pytest.raises(RuntimeError, match=r"Expected 3D \(unbatched\) or 4D"):
        nn.LazyConv2d(2, 3)(torch.ones(2, 2))
    with pytest.raises(ValueError, match="in_channels must be divisible by groups"):
        nn.LazyConv2d(2, 3, groups=2)(torch.ones(1, 3, 4, 4))
    with pytest.raises(NotImplementedError, match="initialize_parameters is not imple"):

        class Unfinished(nn.LazyLinear):
            initialize_parameters = (
                nn.modules.lazy.LazyModuleMixin.initialize_parameters
            )

        Unfinished(2)(torch.ones(1, 2))
