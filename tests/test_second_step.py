"""The second training step is the graph of the first one: nothing is compiled again."""

from collections.abc import Callable

import pytest

import flambeau as torch
from flambeau import nn
from flambeau.compiler import native

F = nn.functional
optim = torch.optim

RULES: dict[str, Callable[..., optim.Optimizer]] = {
    "ASGD": optim.ASGD,
    "Adadelta": optim.Adadelta,
    "Adagrad": optim.Adagrad,
    "Adam": optim.Adam,
    "AdamW, amsgrad": lambda p: optim.AdamW(p, amsgrad=True),
    "Adamax": optim.Adamax,
    "NAdam": optim.NAdam,
    "RAdam": optim.RAdam,
    "RMSprop": lambda p: optim.RMSprop(p, momentum=0.9, centered=True),
    "Rprop": optim.Rprop,
    "SGD": lambda p: optim.SGD(p, lr=0.1),
    "SGD, momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
}


class Shifted(nn.Module):
    """Adds a parameter that begins as zeros, and counts how often."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(16, 1, 1))
        self.register_buffer("moved", torch.zeros(16, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the parameter."""
        with torch.no_grad():
            self.moved += 1
        return x + self.shift


def network() -> nn.Module:
    """Layers whose parameters and buffers begin as draws, zeros and ones."""
    convolution = nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU()
    head = nn.Flatten(), nn.LayerNorm(1024), nn.Linear(1024, 10)
    return nn.Sequential(*convolution, Shifted(), *head)


@pytest.fixture(autouse=True)
def on_native(backend: str) -> None:
    if backend != "native":
        torch.config.backend = "native"  # the other compiles nothing at all


@pytest.mark.parametrize("rule", RULES)
def test_it_compiles_nothing(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.evaluate()  # what other tests have left
    net, graphs = network(), []
    optimizer = RULES[rule](net.parameters())
    compiled = native.compiled
    monkeypatch.setattr(
        native, "compiled", lambda *graph: graphs.append(graph) or compiled(*graph)
    )
    x, y = torch.rand(8, 3, 8, 8), torch.randint(10, (8,))
    counts = []
    for _ in range(3):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
        counts.append(len(graphs))
    assert counts[0] and counts == counts[:1] * 3
