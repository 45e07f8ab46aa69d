"""New values are written over given ones that nobody needs after the run."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiled import program
from native import threads

import flambeau as torch
from flambeau.compiler import native
from flambeau.compiler.verify import Broken, verify
from flambeau.graph import Node, constant
from flambeau.ops import elementwise as ew
from flambeau.ops import index as ix
from flambeau.runtime.plan import Plan
from flambeau.runtime.signals import uninterrupted

F = torch.nn.functional


@pytest.fixture(autouse=True)
def on_native(backend: str) -> None:
    if backend != "native":
        pytest.skip("the reference backend has no plans")


@pytest.fixture
def lent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of leaves that each run of a plan may write over, with donations."""
    found: list[int] = []
    run = Plan.run

    def noted(plan: Plan, leaves: Any, donors: Any = (), *known: Any) -> Any:
        if plan.program.donations:
            found.append(len(donors))
        return run(plan, leaves, donors, *known)

    monkeypatch.setattr(Plan, "run", noted)
    return found


class Training:
    """A small network, SGD with momentum, and one batch."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.model = torch.nn.Sequential(
            torch.nn.Conv2d(8, 32, 3, padding=1),
            torch.nn.ReLU(),
            torch.nn.Conv2d(32, 32, 3, padding=1),
            torch.nn.Flatten(),
            torch.nn.Linear(32 * 36, 600),
        )
        self.weights = [each for each in self.model.parameters() if each.ndim > 1]
        self.optimizer = torch.optim.SGD(self.model.parameters(), 0.1, momentum=0.9)
        self.x, self.y = torch.randn(4, 8, 6, 6), torch.tensor([1, 2, 3, 4])

    def step(self) -> torch.Tensor:
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(self.x), self.y)
        loss.backward()
        self.optimizer.step()
        return loss

    def values(self) -> list[np.ndarray]:
        momenta = [each["momentum_buffer"] for each in self.optimizer.state.values()]
        tensors = [*self.model.parameters(), *momenta]
        return [each.detach().clone().numpy() for each in tensors]


def kept_apart(steps: int) -> list[np.ndarray]:
    """Train while the values of every step are held, so that none is written over."""
    training = Training()
    held: list[Any] = []
    for _ in range(steps):
        training.step()
        held.append([each.node for each in training.model.parameters()])
        held.append(
            [e["momentum_buffer"].node for e in training.optimizer.state.values()]
        )
    return training.values()


def check(found: list[np.ndarray], steps: int) -> None:
    for mine, other in zip(found, kept_apart(steps), strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("count", [1, 2])
def test_parameters_and_momenta_are_written_over(count: int, lent: list[int]) -> None:
    with threads(count):
        training = Training()
        for _ in range(3):
            training.step()
        lent.clear()
        for _ in range(3):
            training.step()
        assert lent == [6, 6, 6]  # weights and momenta of three layers
        check(training.values(), 6)


def test_the_first_step_writes_over_the_first_momenta(lent: list[int]) -> None:
    training = Training()
    training.step()
    assert lent == [3]
    check(training.values(), 1)


def test_a_replayed_step_writes_over_them_too(lent: list[int]) -> None:
    training = Training()
    step = torch.compile(training.step)
    for _ in range(4):
        step()
    assert step.replays
    lent.clear()
    for _ in range(3):
        step()
    assert lent == [6, 6, 6]
    check(training.values(), 7)


# What somebody may hold of a weight, and how to look at its old value.
HOLDERS = [
    pytest.param(lambda w: w.node, lambda held: held.value, id="node"),
    pytest.param(lambda w: w.node.value, lambda held: held, id="array"),
    pytest.param(lambda w: w.node.value[1:], lambda held: held, id="part"),
    pytest.param(lambda w: memoryview(w.node.value), np.asarray, id="memoryview"),
]


@pytest.mark.parametrize("replayed", [False, True], ids=["recorded", "replayed"])
@pytest.mark.parametrize(("hold", "look"), HOLDERS)
def test_what_is_held_stays_as_it_is(
    hold: Callable[[Any], Any], look: Callable[[Any], Any], replayed: bool
) -> None:
    training = Training()
    step = torch.compile(training.step) if replayed else training.step
    for _ in range(4):
        step()
    held = hold(training.weights[0])
    before = np.array(look(held))
    step()
    np.testing.assert_array_equal(look(held), before)
    check(training.values(), 5)


def test_a_later_backward_pass_gets_the_old_value() -> None:
    """It is computed again from what it was computed from."""
    w = torch.nn.Parameter(torch.randn(1024, 1024))
    with torch.no_grad():
        for _ in range(2):
            w.mul_(0.5)
            w.sum().item()
        before = w.detach().clone()
    y = (w.sin() * 2).cos()
    y.sum().item()
    with torch.no_grad():
        w.mul_(3)
        w.sum().item()
    y.sum().backward()
    expected = -torch.sin(before.sin() * 2) * 2 * before.cos()
    np.testing.assert_allclose(w.grad.numpy(), expected.numpy(), rtol=1e-5, atol=1e-6)


def test_ctrl_c_comes_after_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    training = Training()
    for _ in range(3):
        training.step()
    run = Plan._run

    def pressed(*arguments: Any) -> Any:
        found = run(*arguments)
        signal.raise_signal(signal.SIGINT)
        return found

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Plan, "_run", pressed)
        training.step()
    training.step()
    check(training.values(), 5)


def test_signals_reach_the_handlers_of_the_program_in_the_end() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGTERM)
            assert not heard
        assert heard == [signal.SIGTERM]
        os.kill(os.getpid(), signal.SIGTERM)
        assert heard == 2 * [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_another_thread_waits_for_what_it_reads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    training = Training()
    for _ in range(3):
        training.step()
    losses: list[torch.Tensor] = []
    seen: list[float] = []
    run, cross_entropy = Plan._run, F.cross_entropy

    def noted(*arguments: Any) -> torch.Tensor:
        losses.append(cross_entropy(*arguments))
        return losses[-1]

    def watched(*arguments: Any) -> Any:
        reader = threading.Thread(target=lambda: seen.append(losses[-1].item()))
        found = run(*arguments)
        reader.start()
        reader.join(0.2)  # it cannot end: the values are not kept yet
        readers.append(reader)
        return found

    readers: list[threading.Thread] = []
    monkeypatch.setattr(F, "cross_entropy", noted)
    with monkeypatch.context() as patched:
        patched.setattr(Plan, "_run", watched)
        loss = training.step()
    [reader] = readers
    reader.join()
    assert seen == [loss.item()]
    check(training.values(), 4)


def leaf(*shape: int) -> Node:
    return constant(np.ones(shape, np.float32))


def test_a_program_that_may_refuse_keeps_its_leaves() -> None:
    w, at = leaf(1024, 1024), constant(np.arange(1024))
    made = program(ew.add(w, w), ix.gather(leaf(2000), at, axis=0))
    assert made.is_guarded
    assert not made.donations
    assert program(ew.add(w, w)).donations


def test_a_donation_over_what_is_read_later_is_caught() -> None:
    made = program(ew.add(leaf(1024, 1024), leaf(1024, 1024)))
    [(place, stored)] = made.donations.items()
    verify("donation", made)
    made.steps.append(made.steps[0])
    with pytest.raises(Broken, match=f"b{stored} may not be written over"):
        verify("donation", made)
    assert place in range(len(made.leaves))


def test_little_is_not_worth_to_ask() -> None:
    assert program(ew.add(leaf(1024, 1024), leaf(1024, 1024))).donations
    assert not program(ew.add(leaf(1024, 1023), leaf(1024, 1023))).donations
    assert native.prepare([leaf(3)], [0]).donations == frozenset()
