"""Parametrizations, norms of weights, pruning, fusion and calls with other tensors."""

import copy
import pickle
import warnings

import numpy as np
import pytest

import flambeau as ft
from flambeau import nn
from flambeau.nn.utils import parametrizations, parametrize, prune, stateless


class Symmetric(nn.Module):
    """Reads the upper triangle only."""

    def forward(self, x):
        return x.triu() + x.triu(1).T

    def right_inverse(self, x):
        return x.triu()


def norms_along(weight, axis):
    others = tuple(each for each in range(weight.ndim) if each != axis)
    return np.sqrt((weight**2).sum(others, keepdims=True))


def older(rule, module, **options):
    with warnings.catch_warnings(action="ignore"):
        return rule(module, **options)


@pytest.mark.parametrize("dim", [0, 1])
def test_weight_norm_trains_length_and_direction(dim):
    layer = nn.Conv1d(2, 3, 4)
    before = layer.weight.detach().numpy().copy()
    parametrizations.weight_norm(layer, dim=dim)
    length = layer.parametrizations.weight.original0
    expected = norms_along(before, dim)
    np.testing.assert_allclose(length.detach().numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(layer.weight.detach().numpy(), before, rtol=1e-6)
    with ft.no_grad():
        length.mul_(2)
    np.testing.assert_allclose(layer.weight.detach().numpy(), 2 * before, rtol=1e-6)


def test_the_older_weight_norm_computes_the_weight_before_each_call():
    layer = older(nn.utils.weight_norm, nn.Linear(2, 2, bias=False))
    before = layer(ft.ones(1, 2))
    with ft.no_grad():
        layer.weight_g.mul_(3)
    found = layer(ft.ones(1, 2)).tolist()
    np.testing.assert_allclose(found, (3 * before).tolist(), rtol=1e-6)
    newer = parametrizations.weight_norm(nn.Linear(2, 2, bias=False))
    newer.load_state_dict(layer.state_dict())
    assert newer(ft.ones(1, 2)).tolist() == layer(ft.ones(1, 2)).tolist()
    with pytest.raises(RuntimeError, match="two weight_norm hooks"):
        older(nn.utils.weight_norm, layer)


@pytest.mark.parametrize(
    "make", [nn.utils.spectral_norm, parametrizations.spectral_norm]
)
def test_spectral_norm_divides_by_the_largest_singular_value(make):
    layer = nn.Linear(5, 4)
    largest = np.linalg.svd(layer.weight.detach().numpy(), compute_uv=False)[0]
    expected = layer.weight.detach().numpy() / largest
    make(layer, n_power_iterations=40)
    layer(ft.ones(1, 5))
    np.testing.assert_allclose(layer.weight.detach().numpy(), expected, atol=1e-4)
    layer.eval()
    assert layer(ft.ones(1, 5)).tolist() == layer(ft.ones(1, 5)).tolist()


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (2, 6)])
@pytest.mark.parametrize("kind", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("base", [True, False])
def test_weights_stay_orthogonal_while_they_are_trained(shape, kind, base):
    layer = nn.Linear(*shape)
    parametrizations.orthogonal(layer, "weight", kind, use_trivialization=base)
    optimizer = ft.optim.SGD(layer.parameters(), lr=0.1)
    target, before = ft.randn(3, shape[1]), layer.weight.detach().clone()
    for _ in range(2):
        optimizer.zero_grad()
        ((layer(ft.ones(3, shape[0])) - target) ** 2).sum().backward()
        optimizer.step()
    weight = layer.weight.detach().numpy()
    assert not np.allclose(weight, before.numpy(), atol=1e-4)
    if weight.shape[0] > weight.shape[1]:
        weight = weight.T
    np.testing.assert_allclose(weight @ weight.T, np.eye(len(weight)), atol=1e-5)


def test_an_orthogonal_weight_begins_as_it_was():
    layer = nn.init.orthogonal_(nn.Linear(4, 4).weight)
    module = nn.Linear(4, 4)
    with ft.no_grad():
        module.weight.copy_(layer)
    parametrizations.orthogonal(module)
    np.testing.assert_allclose(module.weight.tolist(), layer.tolist(), atol=1e-6)
    module.weight = ft.eye(4)
    np.testing.assert_allclose(module.weight.tolist(), np.eye(4), atol=1e-6)


def test_a_parametrized_tensor_can_be_assigned_and_freed():
    layer = parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    value = ft.tensor([[1.0, 2, 3], [2, 4, 5], [3, 5, 6]])
    layer.weight = value
    assert layer.weight.tolist() == value.tolist()
    assert layer.parametrizations.weight.original.tolist() == value.triu().tolist()
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear and isinstance(layer.weight, nn.Parameter)
    assert layer.weight.tolist() == value.tolist()


def test_copies_of_parametrized_modules_go_their_own_way():
    layer = parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    twin = copy.deepcopy(layer)
    parametrize.remove_parametrizations(layer, "weight")
    assert parametrize.is_parametrized(twin, "weight")
    assert twin.weight.tolist() == layer.weight.tolist()
    with pytest.raises(RuntimeError, match="only supported through state_dict"):
        pickle.dumps(twin)


def test_parametrizations_are_saved_and_loaded():
    first, second = (
        parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
        for _ in range(2)
    )
    second.load_state_dict(first.state_dict())
    assert first.weight.tolist() == second.weight.tolist()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: x.double(), "may not change the dtype"),
        (lambda x: x[0], "may not change the shape"),
        (lambda x: 3, "must return a tensor. Got int"),
    ],
    ids=["dtype", "shape", "type"],
)
def test_parametrizations_keep_shape_and_dtype(function, message):
    class Wrong(nn.Module):
        def forward(self, x):
            return function(x)

    with pytest.raises(ValueError, match=message):
        parametrize.register_parametrization(nn.Linear(3, 3), "weight", Wrong())


def test_pruned_elements_stay_at_zero_while_the_others_are_trained():
    layer = nn.Linear(4, 3)
    smallest = np.argsort(np.abs(layer.weight.detach().numpy()).ravel())[:5]
    prune.l1_unstructured(layer, "weight", 5)
    prune.random_unstructured(layer, "weight", 2)
    mask = layer.weight_mask.numpy().ravel()
    assert (mask[smallest] == 0).all() and mask.sum() == 5
    optimizer = ft.optim.SGD(layer.parameters(), lr=0.1)
    layer(ft.ones(2, 4)).sum().backward()
    optimizer.step()
    layer(ft.ones(2, 4))
    assert ((layer.weight.detach().numpy().ravel() != 0) == (mask != 0)).all()
    prune.remove(layer, "weight")
    assert list(layer.state_dict()) == ["bias", "weight"]


def test_channels_of_smallest_norm_are_pruned():
    layer = nn.Conv2d(2, 4, 3)
    norms = norms_along(layer.weight.detach().numpy(), 0).ravel()
    prune.ln_structured(layer, "weight", 0.5, 2, 0)
    kept = layer.weight_mask.numpy().sum((1, 2, 3)) > 0
    assert (kept == (norms > np.sort(norms)[1])).all()


def test_a_refused_pruning_leaves_the_module_as_it_was():
    layer = nn.Linear(2, 2)
    with pytest.raises(ValueError, match="amount=100 should be smaller"):
        prune.l1_unstructured(layer, "weight", 100)
    assert list(layer.state_dict()) == ["weight", "bias"]
    assert not prune.is_pruned(layer)


def test_fused_layers_do_what_both_did():
    conv, bn = nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)
    x = ft.randn(2, 2, 6, 6)
    bn(conv(x))
    both = nn.Sequential(conv, bn).eval()
    fused = nn.utils.fuse_conv_bn_eval(conv, bn)
    np.testing.assert_allclose(fused(x).tolist(), both(x).tolist(), atol=1e-5)


def test_a_call_with_other_parameters_reaches_their_gradients_only():
    layer = nn.Linear(2, 1)
    weight = ft.tensor([[3.0, 4.0]], requires_grad=True)
    before = layer.weight.tolist()
    result = stateless.functional_call(layer, {"weight": weight}, ft.ones(1, 2))
    result.sum().backward()
    assert weight.grad.tolist() == [[1.0, 1.0]] and layer.weight.grad is None
    assert layer.weight.tolist() == before
    with pytest.raises(RuntimeError, match=r"Missing key\(s\): 'bias'"):
        stateless.functional_call(layer, {"weight": weight}, ft.ones(1, 2), strict=True)


def test_a_failing_call_puts_the_parameters_back():
    layer = nn.Linear(2, 1)
    own = layer.weight
    with pytest.raises(RuntimeError):
        stateless.functional_call(layer, {"weight": ft.ones(3, 3)}, ft.ones(1, 2))
    assert layer.weight is own


def test_skip_init_draws_nothing():
    ft.manual_seed(0)
    nn.utils.skip_init(nn.Linear, 3, 2)
    after = ft.rand(2).tolist()
    ft.manual_seed(0)
    assert after == ft.rand(2).tolist()
