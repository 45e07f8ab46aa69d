"""What tests of flambeau.compile share: a small network and steps that train it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import flambeau as torch
from flambeau import nn
from flambeau.nn import functional as F

Step = Callable[..., Any]


@pytest.fixture(autouse=True, params=["reference", "native"])
def backend(request: pytest.FixtureRequest) -> Iterator[None]:
    """Both backends."""
    config = torch.config
    before, evaluate = config.backend, config.evaluate
    config.backend = request.param
    yield
    config.backend, config.evaluate = before, evaluate


def bits(*tensors: torch.Tensor) -> list[bytes]:
    """The elements of tensors, to the last bit."""
    return [each.detach().numpy().tobytes() for each in tensors]


def batches(count: int, size: int = 6) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Images and classes, the same at every call."""
    drawn = torch.Generator().manual_seed(1)
    return [
        (
            torch.rand(size, 1, 6, 6, generator=drawn),
            torch.randint(0, 3, (size,), generator=drawn),
        )
        for _ in range(count)
    ]


def network(dropout: float = 0.0) -> nn.Sequential:
    """Convolution, batch norm, dropout and a linear layer, with weights computed."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Flatten(),
        nn.Linear(144, 3),
    )
    torch.evaluate()
    return model


class Training:
    """A model, its optimizer and the step that trains it."""

    def __init__(self, make: Step, dropout: float = 0.0, compiled: bool = True) -> None:
        model = self.model = network(dropout)
        optimizer = self.optimizer = make(model.parameters())

        def step(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        self.step = torch.compile(step) if compiled else step

    def state(self) -> list[bytes]:
        """Everything that training changes."""
        kept = [*self.model.state_dict().values()]
        for each in self.optimizer.state_dict()["state"].values():
            kept.extend(each.values())
        grads = [each.grad for each in self.model.parameters()]
        return bits(*kept, *[each for each in grads if each is not None])


def momentum(params: Any) -> torch.optim.Optimizer:
    """SGD with momentum, the state of which is made by the first step."""
    return torch.optim.SGD(params, lr=0.1, momentum=0.9)
