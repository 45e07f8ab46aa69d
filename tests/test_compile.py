"""flambeau.compile: replayed calls give the bits of recorded ones, or are recorded."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from native import in_threads
from replayed import (  # noqa: F401
    Step,
    Training,
    backend,
    batches,
    bits,
    momentum,
    network,
)

import flambeau as torch
from flambeau import nn
from flambeau.nn import functional as F
from flambeau.replay import Compiled, OptimizedModule


def both(make: Step, train: Callable[[Training], Any], dropout: float = 0.0) -> Any:
    """Train with and without compile; return the compiled one once both agree."""
    plain = Training(make, dropout, compiled=False)
    expected = train(plain)
    compiled = Training(make, dropout)
    assert train(compiled) == expected
    assert compiled.state() == plain.state()
    return compiled


def losses(training: Training, count: int = 7) -> list[float]:
    """The losses of some steps."""
    return [training.step(*batch).item() for batch in batches(count)]


WITH_DEFAULTS = "ASGD Adadelta Adafactor Adagrad Adamax NAdam RAdam Rprop"

RULES: dict[str, Step] = {
    **{
        name.lower(): lambda params, name=name: getattr(torch.optim, name)(params)
        for name in WITH_DEFAULTS.split()
    },
    "sgd": lambda params: torch.optim.SGD(params, lr=0.1, weight_decay=0.01),
    "momentum": momentum,
    "nesterov": lambda params: torch.optim.SGD(
        params, lr=0.1, momentum=0.5, nesterov=True
    ),
    "adam": lambda params: torch.optim.Adam(params, lr=0.01),
    "adamw": lambda params: torch.optim.AdamW(params, lr=0.01, amsgrad=True),
    "rmsprop": lambda params: torch.optim.RMSprop(params, lr=0.01, centered=True),
    "tensor lr": lambda params: torch.optim.SGD(params, lr=torch.tensor(0.1)),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_training_step_is_replayed_to_the_bit(rule: str) -> None:
    training = both(RULES[rule], losses)
    assert training.step.replays >= 4
    assert training.step.reason is None


@pytest.mark.parametrize("rule", ["momentum", "adam"])
def test_dropout_draws_what_it_would_have_drawn(rule: str) -> None:
    def train(training: Training) -> list[float]:
        torch.manual_seed(5)
        return [*losses(training), torch.rand(()).item()]

    assert both(RULES[rule], train, dropout=0.4).step.replays >= 4


@pytest.mark.parametrize("rule", ["momentum", "adam", "adamw", "rmsprop"])
def test_a_scheduler_may_change_the_rate_at_every_step(rule: str) -> None:
    def train(training: Training) -> list[float]:
        scheduler = torch.optim.lr_scheduler.ExponentialLR(training.optimizer, 0.8)
        found = []
        for batch in batches(8):
            found.append(training.step(*batch).item())
            scheduler.step()
        return found

    assert both(RULES[rule], train).step.replays >= 4


def test_other_options_of_an_optimizer_are_noticed() -> None:
    def train(training: Training) -> list[float]:
        found = []
        for number, batch in enumerate(batches(12)):
            if number == 6:
                training.optimizer.param_groups[0]["momentum"] = 0.2
                training.optimizer.param_groups[0]["weight_decay"] = 0.1
            found.append(training.step(*batch).item())
        return found

    assert both(momentum, train).step.replays >= 5


def test_batches_of_other_sizes_are_recorded_by_themselves() -> None:
    def train(training: Training) -> list[float]:
        sizes = [6, 6, 6, 6, 4, 6, 4, 4, 6, 4]
        return [training.step(*batches(1, size)[0]).item() for size in sizes]

    assert both(momentum, train).step.replays >= 4


def test_weights_may_change_between_calls() -> None:
    def train(training: Training) -> list[float]:
        model, found = training.model, []
        start = {k: v.clone() for k, v in model.state_dict().items()}
        for number, batch in enumerate(batches(12)):
            if number == 5:
                model.load_state_dict(start)
            if number == 7:
                with torch.no_grad():
                    model[0].weight.mul_(0.5)
                    model[5].bias[1] = 3.0
            if number == 9:
                model[0].weight.data = torch.full((4, 1, 3, 3), 0.25)
            if number == 10:
                torch.evaluate(model[5].weight)
                training.optimizer.load_state_dict(training.optimizer.state_dict())
            found.append(training.step(*batch).item())
        return found

    assert both(momentum, train).step.replays >= 5


def test_modes_and_frozen_parameters_are_noticed() -> None:
    def train(training: Training) -> list[float]:
        model, found = training.model, []
        for number, batch in enumerate(batches(18)):
            model.train(number % 6 < 4)
            if number == 12:
                model[0].requires_grad_(False)
            found.append(training.step(*batch).item())
        return found

    both(momentum, train, dropout=0.3)


def test_a_parameter_may_be_replaced() -> None:
    model = nn.Linear(3, 2)
    compiled = torch.compile(model)
    x = torch.ones(1, 3)
    with torch.no_grad():
        for value in (1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 3.0):
            model.weight = nn.Parameter(torch.full((2, 3), value))
            assert bits(compiled(x)) == bits(model(x))


def accumulating(model: nn.Module, optimizer: Any) -> Step:
    """A step over parts of a batch."""

    def step(parts: list[Any]) -> dict[str, Any]:
        total = 0.0
        for x, y in parts:
            loss = F.cross_entropy(model(x), y) / len(parts)
            loss.backward()
            total = total + loss.detach()
        optimizer.step()
        optimizer.zero_grad()
        return {"loss": total, "parts": len(parts)}

    return step


def test_gradients_are_added_up_inside() -> None:
    found = []
    for wrap in (lambda function: function, torch.compile):
        model = network()
        step = wrap(accumulating(model, momentum(model.parameters())))
        told = [step(batches(3)) for _ in range(6)]
        assert {each["parts"] for each in told} == {3}
        found.append(bits(*(each["loss"] for each in told), *model.parameters()))
    assert found[0] == found[1]
    assert step.replays >= 3


@pytest.mark.parametrize("set_to_none", [True, False])
def test_gradients_are_added_up_between_calls(set_to_none: bool) -> None:
    found = []
    for wrap in (lambda function: function, torch.compile):
        model = network()
        optimizer = momentum(model.parameters())

        def backward(x: torch.Tensor, y: torch.Tensor, model: Any = model) -> Any:
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            return loss.detach()

        step, kept = wrap(backward), []
        for number, batch in enumerate(batches(15)):
            kept.append(step(*batch))
            torch.evaluate()  # as a replay does
            if number % 5 == 4:
                optimizer.step()
                optimizer.zero_grad(set_to_none=set_to_none)
        found.append(bits(*kept, *model.parameters()))
    assert found[0] == found[1]
    assert step.replays >= 2


# Results


class Pair(NamedTuple):
    first: Any
    second: Any


def test_results_of_any_structure() -> None:
    def function(x: torch.Tensor, pair: Pair, scale: float, **more: Any) -> Any:
        total = (x * scale).sum()
        return {"total": total, "list": [pair.first + 1, (x, scale, None, "text")]} | {
            "pair": Pair(more["last"] - pair.second, pair)
        }

    compiled = torch.compile(function)
    for number in range(5):
        x = torch.full((2, 3), float(number))
        pair = Pair(torch.ones(2) * number, torch.zeros(()))
        expected = function(x, pair, 2.5, last=x)
        found = compiled(x, pair, 2.5, last=x)
        assert found["list"][1][0] is x
        assert found["list"][1][1:] == (2.5, None, "text")
        assert found["pair"].second.first is pair.first
        assert isinstance(found["pair"], Pair)
        assert bits(found["total"], found["list"][0], found["pair"].first) == bits(
            expected["total"], expected["list"][0], expected["pair"].first
        )
    assert compiled.replays == 3


def test_earlier_results_stay_as_they_were() -> None:
    compiled = torch.compile(lambda x: x * 2 + 1)
    results = [compiled(torch.full((40,), float(number))) for number in range(9)]
    values = [each.tolist() for each in results]
    assert values == [[2.0 * number + 1] * 40 for number in range(9)]
    assert compiled.replays == 7


def test_results_that_are_views_of_one_another() -> None:
    def function(x: torch.Tensor) -> Any:
        y = x * 2
        return y, y[0], y.t()

    compiled = torch.compile(function)
    for _ in range(4):
        y, row, turned = compiled(torch.ones(2, 3))
        row.add_(5)
        assert y.tolist() == [[7, 7, 7], [2, 2, 2]]
        assert turned.tolist() == [[7, 2], [7, 2], [7, 2]]
        assert turned.stride() == (1, 3)
    assert compiled.replays == 2


def test_an_argument_is_written_to() -> None:
    compiled = torch.compile(lambda x, y: x.add_(y).mul_(2))
    for _ in range(5):
        x = torch.ones(3)
        view = x[1:]
        assert compiled(x, torch.ones(3)) is x
        assert view.tolist() == [4, 4]
    assert compiled.replays == 3


def test_gradients_of_arguments() -> None:
    def function(x: torch.Tensor) -> None:
        (x * x).sum().backward()

    compiled = torch.compile(function)
    for number in range(6):
        x = torch.full((3,), float(number), requires_grad=True)
        compiled(x)
        assert x.grad is not None
        assert x.grad.tolist() == [2.0 * number] * 3
        y = x * 2  # no leaf: the gradient goes on to x
        compiled(y)
        assert y.grad is None
        assert x.grad.tolist() == [2.0 * number + 8.0 * number] * 3
    seen: list[int] = []
    x = torch.ones(3, requires_grad=True)
    x.register_hook(lambda grad: seen.append(1))
    compiled(x)
    compiled(x)
    assert seen == [1, 1]
    assert compiled.replays >= 3


def test_an_argument_that_is_two() -> None:
    compiled = torch.compile(lambda x, y: (x.add_(1), y * 1)[1])
    for _ in range(4):
        x, y = torch.ones(2), torch.ones(2)
        assert compiled(x, y).tolist() == [1, 1]
        assert compiled(x, x).tolist() == [3, 3]
        both = torch.ones(2)
        assert compiled(both, both[:]).tolist() == [2, 2]


def test_numbers_are_told_apart() -> None:
    compiled = torch.compile(lambda x, n: x * n)
    x = torch.ones(())
    for _ in range(3):
        assert compiled(x, 2).item() == 2
        assert compiled(x, 3.0).item() == 3
        assert np.signbit(compiled(x, -0.0).item())
        assert not np.signbit(compiled(x, 0.0).item())
        assert np.isnan(compiled(x, float("nan")).item())
        assert compiled(torch.ones(2, dtype=torch.int64), True).dtype == torch.int64


# Modules and functions


def test_a_module_stays_a_module() -> None:
    model = network()
    compiled = torch.compile(model)
    assert isinstance(compiled, OptimizedModule)
    assert isinstance(compiled, nn.Module)
    assert [*compiled.parameters()] == [*model.parameters()]
    assert next(iter(compiled.state_dict())) == "_orig_mod.0.weight"
    assert compiled.training is model.training
    assert torch.compile(nn.Linear(3, 2)).in_features == 3
    compiled.eval()
    assert not model[1].training
    compiled.load_state_dict({k: v * 1 for k, v in compiled.state_dict().items()})
    with pytest.raises(AttributeError):
        compiled.nothing  # noqa: B018


def test_inference_follows_mode_and_weights() -> None:
    model = network(dropout=0.5)
    compiled = torch.compile(model)
    x = batches(1)[0][0]
    with torch.no_grad():
        for number in range(16):
            compiled.train(number % 8 == 7)
            if number == 9:
                model[0].weight.mul_(2)
            torch.manual_seed(number)
            found = bits(compiled(x), *model.buffers())
            torch.manual_seed(number)
            again = bits(model(x))
            assert model.training or found[:1] == again
    assert compiled.compiled.replays >= 8


def test_two_modules_may_share_parameters() -> None:
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    second.weight = first.weight
    one, two = torch.compile(first), torch.compile(second)
    x = torch.ones(1, 3)
    with torch.no_grad():
        for _ in range(6):
            assert bits(one(x), two(x)) == bits(first(x), second(x))
            first.weight.add_(1)
    assert one.compiled.replays >= 3
    assert two.compiled.replays >= 3


def test_compiled_functions_may_call_compiled_ones() -> None:
    inner = torch.compile(lambda x: x * 3)
    outer = torch.compile(lambda x: inner(x) + 1)
    assert [outer(torch.full((), float(n))).item() for n in range(5)] == [
        1,
        4,
        7,
        10,
        13,
    ]
    assert outer.replays == 3
    assert inner.recordings == 0


def test_decorators_and_methods() -> None:
    class Scaler:
        def __init__(self, factor: float) -> None:
            self.factor = factor

        @torch.compile
        def scale(self, x: torch.Tensor) -> torch.Tensor:
            """Scale."""
            return x * self.factor

    @torch.no_grad()
    def doubled(x: torch.Tensor) -> torch.Tensor:
        return x * 2

    first, second = Scaler(2.0), Scaler(3.0)
    for _ in range(4):
        assert first.scale(torch.ones(())).item() == 2
        assert second.scale(torch.ones(())).item() == 3
    first.factor = 5.0
    assert first.scale(torch.ones(())).item() == 5
    assert Scaler.scale.__doc__ == "Scale."
    compiled = torch.compile(mode="max-autotune", fullgraph=True)(doubled)
    assert isinstance(compiled, Compiled)
    assert [compiled(torch.ones(())).item() for _ in range(4)] == [2] * 4
    assert torch.compile(doubled, disable=True) is doubled
    with pytest.raises(TypeError):
        torch.compile(3)


def test_threads_may_replay_at_once() -> None:
    model = network().eval()
    compiled = torch.compile(model)

    def work(seed: int) -> None:
        x = torch.rand(2, 1, 6, 6, generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            expected = bits(model(x))
            for _ in range(20):
                assert bits(compiled(x)) == expected

    in_threads(work, 3)
    assert compiled.compiled.replays > 20


def test_nothing_is_kept_of_the_batches() -> None:
    training = Training(momentum)
    data = batches(6)
    references = [weakref.ref(x.node) for x, _ in data]
    for batch in data:
        training.step(*batch)
    del data, batch
    gc.collect()
    assert [each() for each in references] == [None] * 6


def test_what_a_call_reads_is_looked_at_again_after_any_write() -> None:
    """A replay keeps what it read last; a write to a tensor makes it look again."""
    net = nn.Linear(300, 300)
    x, made = torch.randn(40, 300), torch.compile(net)
    with torch.no_grad():
        once = [made(x).numpy() for _ in range(4)][-1]
        net.weight.mul_(2)
        net.bias.mul_(2)
        np.testing.assert_allclose(made(x).numpy(), 2 * once, rtol=1e-4, atol=1e-4)
        net.weight.data = net.weight.data / 2
        net.bias.data = net.bias.data / 2
        np.testing.assert_allclose(made(x).numpy(), once, rtol=1e-4, atol=1e-4)
        shown = net.bias.detach().numpy()
        made(x).numpy()
        shown += 3  # nobody is told of it
        np.testing.assert_allclose(made(x).numpy(), once + 3, rtol=1e-4, atol=1e-4)
    assert made.compiled.replays >= 2


def test_parameters_are_looked_at_again_after_a_write_to_memory_they_share() -> None:
    data = torch.ones(2, 3)
    torch.evaluate(data)
    net = nn.Linear(3, 2, bias=False)
    net.weight = nn.Parameter(data)
    net.weight.requires_grad_(False)
    x, made = torch.ones(1, 3), torch.compile(net)

    def check(*expected: float) -> None:
        for _ in range(2):
            assert made(x).tolist() == [[*expected]]

    check(3, 3)
    check(3, 3)
    data.mul_(2)
    check(6, 6)
    data[1] = 1
    check(6, 3)
    net.weight.data[0, 0] = 0
    check(4, 3)
    shown = data.numpy()
    check(4, 3)
    shown += 1  # nobody is told of it
    check(7, 6)
    assert made.compiled.replays >= 8


def test_arrays_that_are_read_are_not_kept_after_a_write() -> None:
    net = nn.Linear(300, 300)
    x, made = torch.randn(40, 300), torch.compile(net)
    with torch.no_grad():
        for _ in range(4):
            torch.evaluate(made(x), net.weight)
        old = weakref.ref(net.weight.node.value)
        assert old() is not None
        net.weight.mul_(2)
        torch.evaluate(net.weight)
    gc.collect()
    assert old() is None
