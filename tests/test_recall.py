"""Layers whose calls are recalled do what they do when they are asked.

A layer of a class that this file makes is always asked; one of the package is recalled
from its third call on.
"""

import gc
import sys
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any
from unittest.mock import patch

import pytest

import flambeau as torch
from flambeau import nn
from flambeau.graph import format_graph
from flambeau.nn import recall
from flambeau.nn.recall import calls
from flambeau.nn.utils.parametrizations import weight_norm
from flambeau.nn.utils.parametrize import cached


class AskedConv(nn.Conv2d):
    """A convolution that is always asked."""


class AskedNorm(nn.BatchNorm2d):
    """A norm that is always asked."""


def is_asked(call: Callable[[], Any]) -> bool:
    """Whether a call gets to the layer itself, which first looks for its hooks."""
    with patch.object(nn.Module, "_has_hooks", return_value=False) as looks:
        call()
    return bool(looks.called)


def warm(layer: nn.Module, *args: Any) -> Any:
    """Call a layer until it is recalled, and return the last result."""
    for _ in range(3):
        result = layer(*args)
    return result


def images(*shape: int) -> torch.Tensor:
    return torch.randn(*(shape or (2, 3, 4, 4)))


def block(conv: type = nn.Conv2d, norm: type = nn.BatchNorm2d) -> nn.Module:
    torch.manual_seed(1)
    layers = conv(3, 4, 3, padding=1), norm(4), nn.ReLU6(inplace=True), conv(4, 2, 1)
    return nn.Sequential(*layers)


def graph_of(result: torch.Tensor) -> str:
    return format_graph([result.node])


# What is recalled


LAYERS: dict[str, Callable[[], nn.Module]] = {
    "block": block,
    "conv": lambda: nn.Conv2d(3, 2, 3, padding="same", padding_mode="circular"),
    "linear": lambda: nn.Linear(4, 5),
    "gelu": nn.GELU,
    "norm": lambda: nn.LayerNorm(4),
    "pool": lambda: nn.MaxPool2d(2),
    "flat": lambda: nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(48, 2)),
    "dropout": lambda: nn.Sequential(nn.Dropout(), nn.PReLU()),
    "parametrized": lambda: weight_norm(nn.Linear(4, 5)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_recalled_call_records_the_same_nodes(name: str) -> None:
    layer, x = LAYERS[name]().eval(), images()
    torch.evaluate([*layer.parameters(), *layer.buffers(), x])
    first, _ = layer(x), layer(x)
    graph = graph_of(first)
    assert not is_asked(lambda: layer(x))
    assert graph_of(layer(x)) == graph
    assert layer(x).tolist() == first.tolist()
    assert layer(-x).tolist() != first.tolist()


def test_training_goes_as_with_layers_that_are_asked() -> None:
    layers = block(), block(AskedConv, AskedNorm)
    for each in layers:
        each.train()
    optimizers = [torch.optim.SGD(each.parameters(), lr=0.1) for each in layers]
    torch.manual_seed(2)
    for _ in range(5):
        x = images()
        for layer, optimizer in zip(layers, optimizers):
            optimizer.zero_grad()
            layer(x).square().mean().backward()
            optimizer.step()
    assert not is_asked(lambda: layers[0](x))
    layers[1](x)
    for (name, own), asked in zip(
        layers[0].state_dict().items(), layers[1].state_dict().values()
    ):
        assert own.tolist() == asked.tolist(), name
    assert layers[0][1].num_batches_tracked.item() == 6


def test_new_values_of_parameters_are_read() -> None:
    layer, x = nn.Linear(4, 1, bias=False), torch.ones(1, 4)
    warm(layer, x)
    with torch.no_grad():
        layer.weight.fill_(2)
        assert layer(x).item() == 8
        layer.weight.data = torch.ones(1, 4)
        assert layer(x).item() == 4
    assert not is_asked(lambda: layer(x))


def test_gradients_reach_the_arguments_and_parameters() -> None:
    layer, x = nn.Linear(2, 1), torch.ones(3, 2, requires_grad=True)
    first, result = layer(x), warm(layer, x)
    result.sum().backward()
    assert x.grad.tolist() == [layer.weight.tolist()[0]] * 3
    assert layer.weight.grad.tolist() == [[3, 3]]
    assert layer.bias.grad.tolist() == [3]
    assert result.grad_fn.name() == first.grad_fn.name()


def test_an_argument_is_written_in_place() -> None:
    layer = nn.ReLU(inplace=True)
    warm(layer, images())
    x = images()
    view, version = x[0], x._version
    assert not is_asked(lambda: layer(x))
    assert x._version == version + 1
    assert layer(x) is x
    assert view.min().item() == 0


def test_in_place_on_a_leaf_is_refused_when_recalled_too() -> None:
    layer = nn.ReLU(inplace=True)
    warm(layer, torch.ones(2, requires_grad=True) * 1)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        layer(torch.ones(2, requires_grad=True))


def test_what_returns_its_argument_does_so() -> None:
    x = torch.ones(2)
    assert warm(nn.Identity(), x) is x
    assert warm(nn.Sequential(nn.Dropout(), nn.Identity()).eval(), x) is x


def test_several_arguments() -> None:
    loss = nn.MSELoss()
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 5.0])
    warm(loss, x, y)
    assert not is_asked(lambda: loss(x, y))
    assert loss(x, y).item() == 6.5
    assert loss(x, x).item() == 0


# What is asked


@pytest.mark.parametrize(
    "change",
    [
        lambda layer: setattr(layer, "negative_slope", 0.5),
        lambda layer: layer.register_forward_hook(lambda *_: None),
        lambda layer: layer.train(),
        lambda layer: torch.set_default_dtype(torch.float32) or layer.eval(),
    ],
    ids=["option", "hook", "mode", "same mode"],
)
def test_a_change_asks_again(change: Callable[[nn.Module], Any]) -> None:
    layer, x = nn.LeakyReLU(0.1), torch.tensor([-1.0, 1.0])
    warm(layer, x)
    change(layer)
    assert is_asked(lambda: layer(x))


def test_options_and_hooks_take_effect() -> None:
    layer, x = nn.Sequential(nn.LeakyReLU(0.25)), torch.tensor([-1.0, 1.0])
    assert warm(layer, x).tolist() == [-0.25, 1]
    layer[0].negative_slope = 0.5
    assert warm(layer, x).tolist() == [-0.5, 1]
    handle = layer[0].register_forward_hook(lambda module, args, output: -output)
    assert warm(layer, x).tolist() == [0.5, -1]
    handle.remove()
    layer[0] = nn.Hardtanh(-0.125, 0.125)
    assert warm(layer, x).tolist() == [-0.125, 0.125]


def test_what_is_written_behind_the_layer_takes_effect() -> None:
    layer, x = nn.Sequential(nn.LeakyReLU(0.25)), torch.tensor([-1.0, 1.0])
    warm(layer, x)
    layer[0].__dict__["negative_slope"] = 0.5
    assert warm(layer, x).tolist() == [-0.5, 1]
    vars(layer[0]).update(forward=lambda x: x * 3)
    assert warm(layer, x).tolist() == [-3, 3]
    layer[0].__dict__ = nn.LeakyReLU(0.125).__dict__
    assert warm(layer, x).tolist() == [-0.125, 1]


def test_another_forward_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = nn.Sequential(nn.ReLU()), torch.tensor([-1.0, 1.0])
    warm(layer, x)
    monkeypatch.setattr(nn.ReLU, "forward", lambda self, input: input * 3)
    assert layer(x).tolist() == [-3, 3]
    layer[0].forward = lambda input: input * 2
    assert warm(layer, x).tolist() == [-2, 2]


def test_kinds_of_arguments_are_told_apart() -> None:
    layer = nn.Softplus()
    warm(layer, torch.zeros(2))
    for x in (torch.zeros(3), torch.zeros(2, dtype=torch.float64), torch.zeros(())):
        found = layer(x)
        assert found.shape == x.shape
        assert found.dtype is x.dtype
    assert layer(torch.zeros(2)).shape == (2,)
    assert layer(input=torch.zeros(4)).shape == (4,)
    assert layer(torch.zeros(2, requires_grad=True)).requires_grad
    with torch.no_grad():
        assert not layer(torch.zeros(2, requires_grad=True)).requires_grad
    with torch.inference_mode():
        assert layer(torch.zeros(2)).shape == (2,)


def test_lower_precision_is_told_apart() -> None:
    layer, x = nn.Linear(2, 2), torch.ones(1, 2)
    warm(layer, x)
    with torch.autocast("cpu"):
        assert warm(layer, x).dtype is torch.bfloat16
    assert layer(x).dtype is torch.float32


def test_frozen_parameters_are_told_apart() -> None:
    layer, x = nn.Linear(2, 2), torch.ones(1, 2)
    assert warm(layer, x).requires_grad
    layer.requires_grad_(False)
    assert not warm(layer, x).requires_grad
    layer.bias.requires_grad_()
    assert warm(layer, x).requires_grad


def test_parameters_of_another_shape_are_told_apart() -> None:
    layer, x = nn.Linear(2, 2), torch.ones(1, 2)
    warm(layer, x)
    layer.weight.data, layer.bias.data = torch.ones(3, 2), torch.zeros(3)
    assert warm(layer, x).tolist() == [[2, 2, 2]]


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (nn.Softmax(), [(2, 2)]),
        (nn.MSELoss(), [(2, 1), (2,)]),
        (nn.InstanceNorm1d(3), [(2, 4, 5)]),
        (nn.Dropout2d(0.0), [(2, 3, 4)]),
    ],
    ids=["dimension", "sizes", "channels", "rank"],
)
def test_warnings_are_given_at_every_call(layer: nn.Module, shapes: Any) -> None:
    given = [torch.ones(shape) for shape in shapes]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(5):
            layer(*given)
        nn.functional.softmax(given[0])
    assert len(seen) == 6
    assert seen[-1].filename == __file__


def test_random_draws_are_made_anew() -> None:
    layer, x = nn.Sequential(nn.Dropout(0.5), nn.Identity()), torch.ones(64)
    draws = {tuple(layer(x).tolist()) for _ in range(5)}
    assert len(draws) == 5


def test_modules_of_a_program_are_always_asked() -> None:
    seen = []

    class Noisy(nn.ReLU):
        def forward(self, input: torch.Tensor) -> torch.Tensor:
            seen.append(input.shape)
            return super().forward(input)

    warm(nn.Sequential(Noisy()), torch.ones(2))
    warm(nn.Sequential(nn.Sequential(Noisy())), torch.ones(2))
    assert len(seen) == 6


def test_functions_of_a_program_are_always_asked() -> None:
    seen = []

    @wraps(torch.relu)
    def activation(x: torch.Tensor) -> torch.Tensor:
        seen.append(x.shape)
        return x

    layer = nn.TransformerEncoderLayer(4, 1, 4, activation=activation).eval()
    warm(layer, torch.ones(2, 1, 4))
    assert len(seen) == 3


def test_parameters_given_for_a_call_are_used() -> None:
    layer, x = nn.Linear(2, 1, bias=False), torch.ones(1, 2)
    warm(layer, x)
    given = {"weight": torch.tensor([[5.0, 6.0]])}
    assert torch.func.functional_call(layer, given, (x,)).item() == 11
    assert torch.func.functional_call(layer, given, (x,)).item() == 11


def test_wrong_arguments_raise_as_before() -> None:
    layer = nn.Linear(2, 1)
    warm(layer, torch.ones(1, 2))
    with pytest.raises(RuntimeError, match="2 input features"):
        layer(torch.ones(1, 3))
    with pytest.raises(TypeError, match="must be a Tensor"):
        layer([[1.0, 2.0]])


def test_another_call_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x, seen = nn.Sequential(nn.ReLU()), torch.ones(2), []
    warm(layer, x)
    call = nn.Module.__call__

    def noting(module: nn.Module, *args: Any) -> Any:
        seen.append(type(module))
        return call(module, *args)

    monkeypatch.setattr(nn.Module, "__call__", noting)
    warm(layer, x)
    assert seen == [nn.Sequential, nn.ReLU] * 3


def test_hooks_put_in_place_of_a_method_take_effect() -> None:
    layer, other, x = nn.ReLU(), nn.ReLU(), torch.ones(2)
    other.register_forward_hook(lambda module, args, output: output * 2)
    warm(layer, x)
    layer._forward_hooks.update(other._forward_hooks)
    assert warm(layer, x).tolist() == [2, 2]
    layer._forward_hooks.clear()
    assert warm(layer, x).tolist() == [1, 1]


def test_what_is_kept_of_parametrizations_stays() -> None:
    layer, x = weight_norm(nn.Linear(1, 1, bias=False)), torch.ones(1, 1)
    magnitude = layer.parametrizations.weight.original0
    warm(layer, x)
    with cached():
        before = layer(x).item()
        with torch.no_grad():
            magnitude.mul_(2)
        assert warm(layer, x).item() == before
    assert warm(layer, x).item() == 2 * before


def test_an_argument_that_is_written_may_be_the_memory_of_a_parameter() -> None:
    layers = nn.Hardtanh(inplace=True), nn.Linear(2, 1, bias=False)
    layer, x = nn.Sequential(*layers), torch.tensor([[2.0, 1.0]])
    layers[1].weight = nn.Parameter(x[:])
    with torch.no_grad():
        assert warm(layer, torch.ones(1, 2)).tolist() == [[3]]
        assert not is_asked(lambda: layer(torch.ones(1, 2)))
        assert layer(x).tolist() == [[2]]
    assert layers[1].weight.tolist() == [[1, 1]]


def test_a_forward_of_a_program_is_always_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer, seen = nn.Sequential(nn.ReLU()), []
    forward = nn.ReLU.forward

    @wraps(forward)
    def noting(module: nn.ReLU, input: torch.Tensor) -> torch.Tensor:
        seen.append(input.shape)
        return forward(module, input)

    monkeypatch.setattr(nn.ReLU, "forward", noting)
    warm(layer, torch.ones(2))
    assert len(seen) == 3


class Early(str):
    """A name that calls a layer while the layer gets a member of this name."""

    __slots__ = ("call",)
    call: Callable[[], Any]

    def __hash__(self) -> int:
        self.call()
        return super().__hash__()


def test_a_call_while_a_member_is_set_is_not_recalled_later() -> None:
    layer, x = nn.Sequential(nn.ReLU()), torch.tensor([-1.0, 1.0])
    name = Early("0")
    name.call = lambda: warm(layer, x)
    layer._modules[name] = nn.Hardtanh(-0.5, 0.5)
    assert warm(layer, x).tolist() == [-0.5, 0.5]


def meanwhile(call: Callable[[], Any], number: int, change: Callable[[], Any]) -> bool:
    """Call, and change something before a line of `recall`, as another thread may."""
    lines = iter(range(number + 1))
    file = recall.__file__

    def trace(frame: Any, event: str, _: object) -> Any:
        if frame.f_code.co_filename != file:
            return None
        if event == "line" and next(lines, -1) == number:
            sys.settrace(None)
            change()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return next(lines, None) is None


@pytest.mark.parametrize("known", [1, 3])
def test_a_change_by_another_thread_is_seen_by_the_next_call(known: int) -> None:
    x, wide = torch.tensor([-1.0]), torch.ones(2)
    number, is_reached = 0, True
    while is_reached:
        layer = nn.LeakyReLU(0.25)
        for each in (x, wide) * known:
            layer(each)

        def change(layer: nn.LeakyReLU = layer) -> None:
            layer.negative_slope = 0.5
            layer(x), layer(x)

        is_reached = meanwhile(lambda layer=layer: layer(x), number, change)
        if is_reached:
            assert warm(layer, x).tolist() == [-0.5], number
        number += 1
    assert number > 20


POSITIONS: dict[str, tuple[Callable[[], nn.Module], list[Any], list[Any]]] = {
    "target": (nn.CrossEntropyLoss, [[[0.0, 0, 0]], [2]], [[[0.0, 0, 0]], [3]]),
    "negative target": (nn.NLLLoss, [[[0.0, 0, 0]], [2]], [[[0.0, 0, 0]], [-1]]),
    "row": (lambda: nn.Embedding(4, 2), [[1]], [[-1]]),
    "offsets": (lambda: nn.EmbeddingBag(4, 2), [[1, 2], [0, 1]], [[1, 2], [1, 1]]),
    "variance": (
        nn.GaussianNLLLoss,
        [[0.0], [1.0], [2.0]],
        [[0.0], [1.0], [-2.0]],
    ),
}


@pytest.mark.parametrize("name", POSITIONS)
def test_values_are_checked_at_every_call(name: str) -> None:
    make, good, bad = POSITIONS[name]
    layer = make()
    expected = warm(layer, *map(torch.tensor, good)).tolist()
    assert not is_asked(lambda: layer(*map(torch.tensor, good)))
    for _ in range(2):
        with pytest.raises((IndexError, RuntimeError, ValueError)):
            layer(*map(torch.tensor, bad))
        assert layer(*map(torch.tensor, good)).tolist() == expected


def test_a_module_that_is_gone_is_forgotten() -> None:
    layer = nn.Linear(2, 1)
    warm(layer, torch.ones(1, 2))
    key = id(layer)
    assert key in calls
    del layer
    gc.collect()
    assert key not in calls


def test_a_module_that_its_parameters_know_is_forgotten() -> None:
    layer = nn.Linear(2, 1)
    layer.weight.register_hook(lambda grad, layer=layer: None)
    warm(layer, torch.ones(1, 2))
    key = id(layer)
    del layer
    gc.collect()
    assert key not in calls
