"""flambeau.compile: where a replay could be wrong, the function runs."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from replayed import Training, backend, batches, bits, momentum, network  # noqa: F401

import flambeau as torch
from flambeau import nn
from flambeau.nn import functional as F


def test_control_flow_by_values_is_followed() -> None:
    def function(x: torch.Tensor) -> torch.Tensor:
        return x * 2 if x.sum() > 0 else -x

    compiled = torch.compile(function)
    for value in [1.0] * 4 + [-1.0] * 12 + [1.0]:
        expected = 2 * value if value > 0 else -value
        assert compiled(torch.full((2,), value)).tolist() == [expected] * 2
    assert compiled.replays == 0
    assert compiled.reason == "a value was looked at"


def test_control_flow_by_python_state_is_followed() -> None:
    state = {"scale": 1.0}
    steps = [0]

    class Config:
        shift = 0.0

    def function(x: torch.Tensor) -> torch.Tensor:
        return x * state["scale"] + Config.shift + len(steps)

    compiled = torch.compile(function)
    for number in range(12):
        state["scale"] = 1.0 + number // 4
        Config.shift = float(number // 6)
        if number == 10:
            steps.append(0)
        expected = state["scale"] + Config.shift + len(steps)
        assert compiled(torch.ones(())).item() == expected
    assert compiled.replays >= 2


SCALE = 1.0


class Scaled(torch.autograd.Function):
    """Its backward reads a global."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x * 1

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        return grad * SCALE


class Slotted:
    """An object without a dict."""

    __slots__ = ("shift",)

    def __init__(self) -> None:
        self.shift = 0.0


def test_what_methods_read_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    slotted = Slotted()

    def function(x: torch.Tensor) -> Any:
        w = torch.ones(2, requires_grad=True)
        [grad] = torch.autograd.grad((Scaled.apply(w) * x).sum(), w)
        return grad.detach() + slotted.shift

    compiled = torch.compile(function)
    for number in range(9):
        if number == 5:
            monkeypatch.setitem(globals(), "SCALE", 3.0)
        slotted.shift = float(number > 6)
        expected = [(3.0 if number >= 5 else 1.0) + slotted.shift] * 2
        assert compiled(torch.ones(2)).tolist() == expected


def test_options_that_a_function_reads_itself_are_watched() -> None:
    training = Training(momentum)
    optimizer, step = training.optimizer, training.step.__wrapped__

    def logged(x: torch.Tensor, y: torch.Tensor) -> Any:
        return step(x, y), optimizer.param_groups[0]["lr"]

    compiled = torch.compile(logged)
    rates = []
    for number, batch in enumerate(batches(8)):
        optimizer.param_groups[0]["lr"] = 0.1 if number < 5 else 0.2
        rates.append(compiled(*batch)[1])
    assert rates == [0.1] * 5 + [0.2] * 3
    assert compiled.replays >= 1


def test_copies_are_compiled_for_themselves() -> None:
    model = network().eval()
    compiled = torch.compile(model)
    x = batches(1)[0][0]
    with torch.no_grad():
        for _ in range(4):
            compiled(x)
        twin = copy.deepcopy(compiled)
        for parameter in twin.parameters():
            parameter.mul_(2)
        for _ in range(4):
            assert bits(twin(x)) == bits(twin._orig_mod(x)) != bits(model(x))
            assert bits(compiled(x)) == bits(model(x))
    assert twin.compiled.replays >= 1


def test_functions_that_count_are_run() -> None:
    calls = []

    def function(x: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return x + len(calls)

    compiled = torch.compile(function)
    assert [compiled(torch.zeros(())).item() for _ in range(12)] == [*range(1, 13)]
    assert compiled.replays == 0


def test_values_from_elsewhere_are_noticed_if_they_differ() -> None:
    source = iter(range(100))
    compiled = torch.compile(lambda x: x + float(next(source)))
    assert [compiled(torch.zeros(())).item() for _ in range(12)] == [*range(12)]
    assert compiled.replays == 0


def test_what_is_recorded_for_a_backward_pass_is_not_replayed() -> None:
    model = network()
    compiled = torch.compile(model)
    optimizer = momentum(model.parameters())
    plain = network()
    other = momentum(plain.parameters())
    for x, y in batches(12):
        for forward, rule in ((compiled, optimizer), (plain, other)):
            rule.zero_grad()
            F.cross_entropy(forward(x), y).backward()
            rule.step()
    assert bits(*model.parameters()) == bits(*plain.parameters())
    assert compiled.compiled.replays == 0
    assert "backward" in compiled.compiled.reason


def test_hooks_are_called() -> None:
    training = Training(momentum)
    seen: list[int] = []
    data = batches(9)
    for batch in data[:5]:
        training.step(*batch)
    assert training.step.replays == 2
    handle = training.model[5].weight.register_hook(lambda grad: seen.append(1))
    training.step(*data[5])
    training.step(*data[6])
    handle.remove()
    training.step(*data[7])
    assert seen == [1, 1]
    with training.model[2].register_forward_hook(lambda *ignored: seen.append(2)):
        training.step(*data[8])
    assert seen == [1, 1, 2]


def test_an_error_is_raised_and_changes_nothing() -> None:
    model = nn.Linear(3, 2)
    compiled = torch.compile(lambda x, at: model(x)[at])
    x, good = torch.ones(2, 3), torch.tensor([0, 1])
    with torch.no_grad():
        for _ in range(4):
            assert compiled(x, good).shape == (2, 2)
            with pytest.raises(IndexError):
                torch.evaluate(compiled(x, torch.tensor([0, 7])))
            with pytest.raises(RuntimeError, match="Linear|shapes"):
                compiled(torch.ones(2, 4), good)
        assert bits(compiled(x, good)) == bits(model(x))


def test_an_exception_of_the_function_is_raised_each_time() -> None:
    def function(x: torch.Tensor, fail: bool) -> torch.Tensor:
        if fail:
            raise KeyError("fail")
        return x + 1

    compiled = torch.compile(function)
    for _ in range(4):
        assert compiled(torch.ones(()), False).item() == 2
        with pytest.raises(KeyError):
            compiled(torch.ones(()), True)


def test_memory_shared_with_numpy_is_read_at_each_call() -> None:
    array = np.ones(3, np.float32)
    shared = torch.from_numpy(array)
    compiled = torch.compile(lambda x: x * shared)
    for value in (1.0, 2.0, 3.0, 4.0, 5.0):
        array[:] = value
        assert compiled(torch.ones(3)).tolist() == [value] * 3


def test_pending_values_outside_are_kept() -> None:
    training = Training(momentum)
    total = torch.zeros(())
    for batch in batches(8):
        total = total + training.step(*batch).detach()
    assert total.item() > 0
    assert training.step.replays == 5


def test_an_argument_that_is_known_elsewhere_too_may_be_another_one_next_time() -> None:
    class Job:
        def __init__(self) -> None:
            self.x, self.total = torch.full((2,), 1.0), torch.zeros(2)

        def step(self, x: torch.Tensor) -> torch.Tensor:
            self.total += x
            return self.x * 10 + x

    job = Job()
    step = torch.compile(job.step)
    for _ in range(4):
        assert step(job.x).tolist() == [11, 11]
    assert step.replays == 1
    for _ in range(4):
        assert step(torch.full((2,), 2.0)).tolist() == [12, 12]
    assert job.total.tolist() == [12, 12]
    job.x.fill_(3.0)
    assert step(job.x).tolist() == [33, 33]
    job.x = torch.full((2,), 4.0)
    assert step(job.x).tolist() == [44, 44]


def test_an_argument_that_shows_memory_known_elsewhere_is_not_replayed() -> None:
    whole = torch.zeros(4)
    compiled = torch.compile(lambda part: part + whole[:2])
    for value in range(6):
        whole.fill_(float(value))
        assert compiled(whole[:2]).tolist() == [2 * value] * 2
    assert compiled.replays == 0
    assert "memory of an argument" in str(compiled.reason)


def test_arguments_shared_with_numpy_are_read_at_each_call() -> None:
    array = np.zeros((64, 64), np.float32)
    x, weight = torch.from_numpy(array), torch.rand(64, 64)
    compiled = torch.compile(lambda x: x @ weight)
    for value in range(6):
        array[:] = value
        array[value] = -1
        np.testing.assert_array_equal(compiled(x).numpy(), (x @ weight).numpy())
    assert compiled.replays == 4


def test_results_do_not_follow_what_is_written_to_an_argument() -> None:
    array = np.zeros((64, 64), np.float32)
    x, weight = torch.from_numpy(array), torch.rand(64, 64)
    compiled = torch.compile(lambda x: (x.clone(), x.t().contiguous(), x @ weight))
    results = []
    for value in range(6):
        array[:] = value
        results.append(compiled(x)[:2])
    assert compiled.replays == 4
    for value, (first, second) in enumerate(results):
        assert (first == value).all() and (second == value).all()


def test_autocast_is_noticed() -> None:
    layer = torch.compile(nn.Linear(8, 4))
    x = torch.rand(2, 8)
    with torch.no_grad():
        for _ in range(6):
            assert layer(x).dtype is torch.float32
            with torch.autocast("cpu", dtype=torch.bfloat16):
                assert layer(x).dtype is torch.bfloat16
            with torch.autocast("cpu", dtype=torch.float16):
                assert layer(x).dtype is torch.float16
    assert layer.compiled.replays > 9


@pytest.mark.parametrize(
    "put",
    [
        lambda members, new: members.__setitem__("weight", new),
        lambda members, new: members.update(weight=new),
        lambda members, new: members.__ior__({"weight": new}),
        lambda members, new: (members.pop("weight"), members.setdefault("weight", new)),
        lambda members, new: (members.popitem(), members.update(weight=new)),
        lambda members, new: (members.clear(), members.update(weight=new)),
    ],
    ids=["item", "update", "or", "pop", "popitem", "clear"],
)
def test_members_that_are_put_into_a_dict_are_seen(put: Any) -> None:
    layer = nn.Embedding(2, 2)
    compiled = torch.compile(layer)
    positions = torch.tensor([1])
    with torch.no_grad():
        for _ in range(4):
            compiled(positions)
        put(layer._parameters, nn.Parameter(torch.full((2, 2), 3.0)))
        assert compiled(positions).tolist() == [[3, 3]]


def test_a_member_that_is_gone_is_missed() -> None:
    layer = torch.compile(nn.Sequential(nn.Identity(), nn.ReLU()))
    for _ in range(4):
        layer(torch.ones(2))
    del layer._orig_mod._modules["0"], layer._orig_mod._modules["1"]
    assert layer(-torch.ones(2)).tolist() == [-1, -1]


@pytest.mark.parametrize(
    ("function", "bad"),
    [
        (lambda at: F.cross_entropy(torch.zeros(2, 3), at), 3),
        (lambda at: F.embedding(at, torch.ones(3, 1)), -1),
        (lambda at: torch.ones(3, 1).index_select(0, at), -1),
        (lambda at: torch.ones(2).index_add(0, at, torch.ones(2)), -1),
        (lambda at: torch.arange(2) // at, 0),
    ],
    ids=["targets", "rows", "slices", "sums", "divisors"],
)
def test_values_are_checked_at_every_replay(function: Any, bad: int) -> None:
    compiled = torch.compile(function)
    good = torch.tensor([1, 1])
    for _ in range(4):
        expected = compiled(good).tolist()
    assert compiled.replays
    for _ in range(2):
        with pytest.raises((IndexError, RuntimeError)):
            compiled(torch.tensor([1, bad]))
        assert compiled(good).tolist() == expected


def test_what_is_written_behind_a_module_is_seen() -> None:
    layer, x = nn.LeakyReLU(0.25), torch.tensor([-1.0, 1.0])
    compiled = torch.compile(lambda x: layer(x) * 2)
    for slope in (0.25, 0.5, 0.125):
        layer.__dict__["negative_slope"] = slope
        for _ in range(4):
            assert compiled(x).tolist() == [-2 * slope, 2]
    assert compiled.replays
