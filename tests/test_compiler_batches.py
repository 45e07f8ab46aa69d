"""A batch of another size runs the same code: it is the outermost loop's bound."""

from __future__ import annotations

import gc
from collections.abc import Callable

import numpy as np
import pytest

import flambeau as torch
from flambeau import nn
from flambeau.compiler import native
from flambeau.compiler.program import KernelStep
from flambeau.compiler.recent import Recent
from flambeau.nn import functional as F
from flambeau.runtime.engine import engine


@pytest.fixture(autouse=True)
def plans(monkeypatch: pytest.MonkeyPatch) -> Recent:
    """No plans but a test's own."""
    torch.config.backend = "native"
    return forget_plans(monkeypatch, 256)


def forget_plans(monkeypatch: pytest.MonkeyPatch, most: int) -> Recent:
    """Begin with no plans, and return where those that come are, so many at most."""
    found: Recent = Recent(most)
    monkeypatch.setattr(native, "_plans", found)
    monkeypatch.setattr(native, "_outlines", Recent(most))
    return found


class Residual(nn.Module):
    """A block of a residual network, with a stem and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.conv = nn.Conv2d(64, 64, 3, padding=1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(64) for _ in range(2))
        self.head = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.norms[0](self.stem(x)))
        x = F.relu(self.norms[1](self.conv(x)) + x)
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Attention(nn.Module):
    """Products of matrices for each of a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Linear(32, 96)
        self.head = nn.Linear(32, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query, key, value = self.read(x).chunk(3, dim=-1)
        weights = (query @ key.transpose(1, 2)).softmax(-1)
        return self.head((weights @ value).mean(1))


def simple() -> nn.Module:
    """Convolution, pool and a linear layer."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16 * 16 * 16, 10),
    )


def linear() -> nn.Module:
    """Layers that are wide, square and narrow."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 512),
        nn.ReLU(),
        nn.Linear(512, 512),
        nn.Tanh(),
        nn.Linear(512, 10),
    )


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "simple": (simple, (3, 32, 32)),
    "residual": (Residual, (3, 14, 14)),
    "linear": (linear, (1, 28, 28)),
    "attention": (Attention, (4, 32)),
}


def recipes(plans: Recent) -> set[str]:
    """What the kernels of all plans are compiled from."""
    return {
        step.kernel.recipe
        for plan in plans._things.values()
        for step in plan.program.steps
        if isinstance(step, KernelStep)
    }


@pytest.mark.parametrize("name", NETS)
def test_a_shorter_last_batch_compiles_no_kernel(name: str, plans: Recent) -> None:
    make, shape = NETS[name]
    model = make()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def train_and_test(size: int) -> None:
        x, y = torch.rand(size, *shape), torch.randint(10, (size,))
        optimizer.zero_grad()
        F.cross_entropy(model.train()(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            assert np.isfinite(model.eval()(x).numpy()).all()

    for _ in range(2):  # the first step makes the momentum
        train_and_test(64)
    known, count = recipes(plans), len(plans)
    for size in (40, 16, 9):
        train_and_test(size)
    assert len(plans) > count
    assert recipes(plans) == known
    assert name != "residual" or any("winograd" in each for each in known)


def test_many_sizes_of_images_stay_within_a_bounded_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plans = forget_plans(monkeypatch, 4)
    linked = engine()._linked
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()).eval()
    counts = []
    for size in (*range(30, 50), 30):
        with torch.no_grad():
            out = model(torch.ones(2, 3, size, size)).numpy()
        assert np.isfinite(out).all()
        assert len(plans) <= 4
        gc.collect()
        counts.append(len(linked))
    # code of plans that are gone is unloaded: the last ten sizes added none
    assert len(recipes(plans)) > 0
    assert counts[-1] <= counts[10]
