"""What is recorded as one node is what its pattern would be, whoever looks into it."""

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from test_recall import LAYERS, images, warm

import flambeau as torch
from flambeau import backend as backends
from flambeau import nn
from flambeau.bundles import Bundle, Pattern, outline
from flambeau.compiler import native
from flambeau.compiler.recent import Recent
from flambeau.graph import constant, format_graph, topological
from flambeau.recorder import writes
from flambeau.tensor import wrap

F = nn.functional


@pytest.fixture(autouse=True)
def without_gradients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No gradients are asked for, and no plans known but a test's own."""
    monkeypatch.setattr(native, "_plans", Recent(8))
    monkeypatch.setattr(native, "_outlines", Recent(8))
    torch.manual_seed(0)
    with torch.no_grad():
        yield


class Asked(nn.Conv2d):
    """A convolution that is always asked."""


def block(conv: type = nn.Conv2d, **options: Any) -> nn.Sequential:
    """Two convolutions of so much work that they are compiled."""
    torch.manual_seed(1)
    first, last = conv(3, 16, 3, padding=1, **options), conv(16, 8, 3, padding=1)
    return nn.Sequential(first, nn.BatchNorm2d(16), nn.ReLU6(True), last).eval()


def batch(*shape: int) -> torch.Tensor:
    """Return images, large enough for a plan."""
    return torch.randn(*(shape or (2, 3, 24, 24)))


def is_bundle(x: torch.Tensor) -> bool:
    return type(x.node) is Bundle and x.node.content is not None


def assert_like(x: torch.Tensor, y: torch.Tensor) -> None:
    assert x.tolist() == y.tolist()


def infer(model: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> np.ndarray:
    return model(x).numpy().copy()


def opened(call: Callable[[], Any]) -> int:
    """Call, and return how many patterns are recorded node by node meanwhile."""
    with patch.object(Pattern, "record", autospec=True, side_effect=_record) as record:
        call()
    return record.call_count


_record = Pattern.record


# What a bundle is


@pytest.mark.parametrize("name", LAYERS)
def test_a_bundle_opens_to_the_nodes_of_its_layer(name: str) -> None:
    layer, x = LAYERS[name]().eval(), images()
    torch.evaluate([*layer.parameters(), *layer.buffers(), x])
    graph = format_graph([layer(x).node])
    result = warm(layer, x)
    assert format_graph([result.node]) == graph
    assert type(result.node) is not Bundle or result.node.content is None


def test_a_layer_of_one_node_is_no_bundle() -> None:
    assert type(warm(nn.ReLU(), images()).node) is not Bundle


def test_what_gradients_flow_through_is_no_bundle() -> None:
    layer, x = block(), batch()
    assert is_bundle(warm(layer, x))
    with torch.enable_grad():
        result = warm(layer, x)
        assert not is_bundle(result)
        result.sum().backward()
    assert layer[0].weight.grad is not None


def test_an_outline_lists_bundles_and_what_they_read() -> None:
    layer, x = block(), batch()
    result = warm(layer, x) + 1
    torch.evaluate(x)
    order, contents = outline([result.node])
    assert [each.name for each in order if id(each) not in contents] == [
        "constant",
        "constant",
        "add",
    ]
    [content] = contents.values()
    assert content.arguments == (x.node,)
    weights = {id(each.node) for each in layer.parameters()}
    assert weights < {id(each) for each in content.members}
    assert len(topological([result.node])) > len(order)


def test_a_value_forgets_what_the_bundle_was_made_of() -> None:
    layer = block()
    warm(layer, batch()).numpy()
    middle = warm(layer, batch())
    node, argument = middle.node, weakref.ref(middle.node.content.arguments[0])
    middle.numpy()
    gc.collect()
    assert argument() is None
    assert node.content is None
    assert node.name == "add"
    assert node.inputs == ()


def test_a_bundle_has_no_other_attributes() -> None:
    node = warm(block(), batch()).node
    with pytest.raises(AttributeError, match="'Bundle' object has no .*'colour'"):
        node.colour  # noqa: B018


def test_what_a_bundle_computes_is_a_constant_to_gradients() -> None:
    layer, x, weight = block(), batch(), nn.Parameter(torch.ones(8, 1, 1))
    features = warm(layer, x)
    with torch.enable_grad():
        (features * weight).sum().backward()
    expected = features.sum((0, 2, 3)).numpy()
    np.testing.assert_allclose(weight.grad.flatten().numpy(), expected, rtol=1e-4)


def test_several_threads_look_into_one_bundle() -> None:
    layer, x = block(), batch()
    graph = format_graph([layer(x).node])
    warm(layer, x)
    for _ in range(20):
        node, found = layer(x).node, []

        def look(node: Any = node, found: list[str] = found) -> None:
            found.append(format_graph([node]))

        threads = [threading.Thread(target=look) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert found == [graph] * 4


def test_the_results_version_is_that_of_the_layer() -> None:
    layer = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(inplace=True))
    x = batch()
    version = layer(x)._version
    assert warm(layer, x)._version == version == 1


# Plans that are known


@pytest.fixture
def on_native(backend: str) -> None:
    if backend != "native":
        pytest.skip("the reference backend has no plans")


@pytest.mark.usefixtures("on_native")
def test_a_known_plan_is_found_without_looking_into_bundles() -> None:
    layer, asked, x, other = block(), block(Asked), batch(), batch()
    torch.evaluate([x, other])
    for _ in range(4):
        infer(layer, x)
    found: list[Any] = []
    assert opened(lambda: found.append(infer(layer, x))) == 0
    assert opened(lambda: found.append(infer(layer, other))) == 0
    assert found[0].tolist() == infer(asked, x).tolist()
    assert found[1].tolist() == infer(asked, other).tolist()


@pytest.mark.usefixtures("on_native")
def test_nodes_between_bundles_are_part_of_the_plan() -> None:
    layer, asked, x = block(), block(Asked), batch()
    down = nn.Sequential(nn.Conv2d(8, 3, 1), nn.ReLU()).eval()

    def call(inner: nn.Module) -> np.ndarray:
        y = down(inner(x)) + x
        y += 0.5
        return inner(y).numpy().copy()

    for _ in range(4):
        call(layer)
    assert opened(lambda: call(layer)) == 0
    assert call(layer).tolist() == call(asked).tolist()


@pytest.mark.parametrize(
    "change",
    [
        lambda layer, new: layer[3].weight.copy_(new),
        lambda layer, new: setattr(layer[3].weight, "data", new),
        lambda layer, new: setattr(layer[3], "weight", nn.Parameter(new)),
        lambda layer, new: layer[3].load_state_dict({"weight": new}, strict=False),
        lambda layer, new: np.copyto(layer[3].weight.detach().numpy(), new),
        lambda layer, new: layer[3].weight.detach().view(-1).copy_(new.view(-1)),
    ],
    ids=["copy_", "data", "parameter", "state", "numpy", "view"],
)
def test_new_values_of_parameters_are_read(change: Callable[..., Any]) -> None:
    layer, asked, x = block(), block(Asked), batch()
    for step in range(3):
        for _ in range(4):
            assert infer(layer, x).tolist() == infer(asked, x).tolist()
        new = torch.randn(8, 16, 3, 3) + step
        asked[3].weight.copy_(new)
        change(layer, new)
        assert infer(layer, x).tolist() == infer(asked, x).tolist()


def test_memory_shared_with_numpy_is_read_anew() -> None:
    layer, asked, x = block(), block(Asked), batch()
    shared = layer[0].weight.detach().numpy()
    for step in range(5):
        shared[...] = step
        asked[0].weight.fill_(step)
        assert infer(layer, x).tolist() == infer(asked, x).tolist()


def test_an_optimizer_between_inferences() -> None:
    layer, asked, x = block(), block(Asked), batch()
    optimizers = [torch.optim.SGD(each.parameters(), lr=0.1) for each in (layer, asked)]
    for _ in range(4):
        for each, optimizer in zip((layer, asked), optimizers):
            with torch.enable_grad():
                optimizer.zero_grad()
                each(x).square().mean().backward()
                optimizer.step()
        for _ in range(3):
            assert infer(layer, x).tolist() == infer(asked, x).tolist()


def test_parameters_lie_otherwise() -> None:
    layer, asked, x = block(), block(Asked), batch()
    for order in ("C", "F", "C"):
        values = np.asarray(np.random.rand(8, 16, 3, 3), np.float32, order=order)
        for each in (layer, asked):
            each[3].weight.data = wrap(constant(values))
        for _ in range(4):
            assert infer(layer, x).tolist() == infer(asked, x).tolist()


def test_statistics_that_are_the_same_node_and_no_longer() -> None:
    x, own, other = batch(2, 16, 24, 24), torch.rand(16), torch.rand(16)
    torch.evaluate([own, other])
    layers = [
        nn.Sequential(nn.BatchNorm2d(16), conv(16, 16, 3)).eval()
        for conv in (nn.Conv2d, nn.Conv2d, Asked, Asked)
    ]
    for at in (0, 1):
        layers[2 + at].load_state_dict(layers[at].state_dict())

    def call(one: nn.Module, two: nn.Module) -> list[Any]:
        return (one(x) * two(x)).tolist()

    for values in ((own, own), (own, other), (other, other)):
        for at, each in enumerate(layers):
            each[0].running_mean.data = values[at % 2]
        for _ in range(4):
            assert call(*layers[:2]) == call(*layers[2:])


def test_an_argument_that_is_another_layers_parameter_and_no_longer() -> None:
    layer, asked, x = block(), block(Asked), batch()
    head = nn.Sequential(nn.Conv2d(16, 8, 3), nn.Hardswish())

    def call(first: nn.Module, weight: torch.Tensor) -> list[Any]:
        return (first(x) * head(weight).mean()).tolist()

    for weight in (None, nn.Parameter(torch.randn(8, 16, 3, 3)), None):
        for _ in range(4):
            own, known = (
                each[3].weight if weight is None else weight for each in (layer, asked)
            )
            assert call(layer, own) == call(asked, known)


def test_a_number_that_is_a_constant_of_a_bundle_too_and_no_longer() -> None:
    layer, x = nn.Sequential(nn.Conv2d(3, 16, 3), nn.GELU()).eval(), batch()
    for slope in (0.5, 0.25, 0.5):  # gelu(x) = 0.5 x (1 + erf(x / sqrt(2)))
        for _ in range(4):
            found = F.leaky_relu(layer(x), slope).tolist()
            expected = F.leaky_relu(F.gelu(F.conv2d(x, *layer[0].parameters())), slope)
            assert found == expected.tolist()


def test_parameters_without_values_yet() -> None:
    layer, asked, x = block(), block(Asked), batch()
    for _ in range(4):
        infer(layer, x)
    for _ in range(3):
        for each in (layer, asked):
            each[0].weight.mul_(1.5)
        results = [each(x) for each in (layer, asked)]
        for each in results:
            backends.evaluate([each.node])  # no others
        assert results[0].tolist() == results[1].tolist()


def test_weights_that_are_tied_and_no_longer() -> None:
    x = batch(2, 16, 24, 24)

    def pair(conv: type) -> nn.Sequential:
        torch.manual_seed(3)
        one, two = (
            nn.Sequential(conv(16, 16, 3, padding=1), nn.BatchNorm2d(16))
            for _ in range(2)
        )
        two[0].weight = one[0].weight
        return nn.Sequential(one, two).eval()

    tied, asked = pair(nn.Conv2d), pair(Asked)

    def call(model: nn.Sequential) -> list[Any]:
        return model[1](model[0](x)).tolist()

    new = torch.randn(16, 16, 3, 3)
    for _ in range(4):
        assert call(tied) == call(asked)
    for model in (tied, asked):
        model[1][0].weight = nn.Parameter(new.clone())
    for _ in range(4):
        assert call(tied) == call(asked)
    for model in (tied, asked):
        model[0][0].weight = model[1][0].weight
    for _ in range(4):
        assert call(tied) == call(asked)


def test_several_results_are_wanted() -> None:
    layer, asked, x = block(), block(Asked), batch()

    def call(inner: nn.Module) -> list[Any]:
        y = inner(x)
        z = inner(x * 2) + y
        torch.evaluate([y, z])
        return [y.tolist(), z.tolist()]

    for _ in range(5):
        assert call(layer) == call(asked)


def test_a_plan_that_refuses_values_raises_each_time() -> None:
    layer = nn.Sequential(nn.Embedding(50, 64), nn.Linear(64, 64), nn.ReLU()).eval()
    good, bad = torch.randint(50, (64,)), torch.full((64,), 50)
    for _ in range(4):
        infer(layer, good)
    for _ in range(3):
        with pytest.raises(IndexError, match="out of range"):
            infer(layer, bad)
        infer(layer, good)


def test_old_parameters_are_let_go_when_new_ones_are_written() -> None:
    layer, x = block(), batch()
    for _ in range(5):
        infer(layer, x)
    old = weakref.ref(layer[3].weight.node)
    layer[3].weight.add_(1)
    torch.evaluate(layer[3].weight)
    assert old() is None


def test_writes_to_other_tensors_tell_nobody() -> None:
    layer, x = block(), batch()
    for _ in range(5):
        infer(layer, x)
    count = writes.count
    x.add_(1)
    assert writes.count == count
    layer[0].bias.add_(1)
    assert writes.count == count + 1
