"""Same seed, same curve: whole training runs beside torch.

The tutorial's SimpleCNN is one text for both libraries; ResNet-18 is flambeau's own
beside a definition in torch. Convolutions, pools, batch norm, the loss, the optimizer
and the generator all have to agree for the losses to stay together.
"""

from collections.abc import Iterator
from itertools import islice, repeat
from typing import Any

import numpy as np
import pytest
import torch

import flambeau
import flambeau.nn
from flambeau.vision import models

STEPS = 20
CLASSES = 10


# The networks


def simple_cnn(nn: Any) -> Any:
    """The tutorial's network, in either library."""

    class SimpleCNN(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 32, kernel_size=3, stride=1, padding=1)
            self.pool = nn.MaxPool2d(kernel_size=2, stride=2, padding=0)
            self.relu = nn.ReLU()
            self.fc1 = nn.Linear(32 * 16 * 16, CLASSES)

        def forward(self, x: Any) -> Any:
            x = self.relu(self.pool(self.conv1(x)))
            return self.fc1(x.view(-1, 32 * 16 * 16))

    return SimpleCNN()


class Block(torch.nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al., arXiv:1512.03385)."""

    def __init__(self, c: int, k: int, stride: int, shortcut: Any) -> None:
        super().__init__()
        self.conv1 = torch.nn.Conv2d(c, k, 3, stride, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(k)
        self.conv2 = torch.nn.Conv2d(k, k, 3, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(k)
        self.downsample = shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + (x if self.downsample is None else self.downsample(x))).relu()


class ResNet18(torch.nn.Module):
    """ResNet-18 with torchvision's names, weights drawn in torchvision's order."""

    def __init__(self) -> None:
        super().__init__()
        nn = torch.nn
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        channels = 64
        for number, k in enumerate((64, 128, 256, 512), 1):
            stride, shortcut = 1, None
            if k != channels:
                stride = 2
                projection = nn.Conv2d(channels, k, 1, stride, bias=False)
                shortcut = nn.Sequential(projection, nn.BatchNorm2d(k))
            blocks = Block(channels, k, stride, shortcut), Block(k, k, 1, None)
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
            channels = k
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, CLASSES)
        for each in self.modules():
            if isinstance(each, nn.Conv2d):
                init = {"mode": "fan_out", "nonlinearity": "relu"}
                nn.init.kaiming_normal_(each.weight, **init)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(self.bn1(self.conv1(x)).relu())
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def resnet18(nn: Any) -> Any:
    """ResNet-18 of the library that `nn` is from."""
    return ResNet18() if nn is torch.nn else models.resnet18(num_classes=CLASSES)


def pair(build: Any) -> tuple[Any, Any]:
    """Build a network in both libraries from the same seed."""
    flambeau.manual_seed(0)
    torch.manual_seed(0)
    return build(flambeau.nn), build(torch.nn)


# Training

Batch = tuple[np.ndarray, np.ndarray]


def batches(size: int) -> Iterator[Batch]:
    """Draw batches of images whose brightness tells the class, without end."""
    generator = np.random.default_rng(0)
    while True:
        labels = generator.integers(0, CLASSES, size)
        images = generator.standard_normal((size, 3, 32, 32))
        yield images + labels[:, None, None, None] / CLASSES, labels


def training(
    library: Any, model: Any, data: Iterator[Batch], lr: float, dtype: str
) -> Iterator[float]:
    """Train on batch after batch, and yield the loss of each."""
    optimizer = library.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    for images, labels in islice(data, STEPS):
        scores = model(library.tensor(images.astype(dtype)))
        loss = library.nn.functional.cross_entropy(scores, library.tensor(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()


def arrays(model: Any) -> dict[str, np.ndarray]:
    return {name: each.detach().numpy() for name, each in model.state_dict().items()}


def test_simple_cnn_has_the_same_curve() -> None:
    mine, theirs = pair(simple_cnn)
    check_initial(mine, theirs, ulp=0)
    losses = [*training(flambeau, mine, batches(16), 0.01, "float32")]
    wanted = [*training(torch, theirs, batches(16), 0.01, "float32")]
    check_curve(losses, wanted, 1e-4)


def test_resnet_has_the_same_curve() -> None:
    """One batch with small steps: they lower the loss by a third in a calm way.

    With new batches, or larger steps, ResNet-18 is so sensitive that torch's own
    float32 and float64 losses differ by 1e-2 after 20 steps.
    """
    mine, theirs = pair(resnet18)
    check_initial(mine, theirs, ulp=4)
    batch = next(batches(8))
    losses = [*training(flambeau, mine, repeat(batch), 1e-6, "float32")]
    wanted = [*training(torch, theirs, repeat(batch), 1e-6, "float32")]
    check_curve(losses, wanted, 1e-4)
    assert wanted[-1] < 0.75 * wanted[0]


@pytest.mark.parametrize("build", [simple_cnn, resnet18])
def test_curves_and_gradients_in_float64(build: Any) -> None:
    mine, theirs = pair(build)
    state = {name: flambeau.tensor(each) for name, each in arrays(theirs).items()}
    mine.load_state_dict(state)
    losses, wanted = [], []
    for step, (ours, other) in enumerate(
        zip(
            training(flambeau, mine.double(), batches(8), 0.01, "float64"),
            training(torch, theirs.double(), batches(8), 0.01, "float64"),
        )
    ):
        losses.append(ours)
        wanted.append(other)
        if step < 3:
            check_gradients(mine, theirs)
    check_curve(losses, wanted, 1e-8)


def check_initial(mine: Any, theirs: Any, ulp: int) -> None:
    """Compare initial parameters; normal draws depend on the CPU's vector path."""
    initial, wanted = arrays(mine), arrays(theirs)
    assert list(initial) == list(wanted)
    for name, each in wanted.items():
        np.testing.assert_array_max_ulp(initial[name], each, ulp)


def check_curve(losses: list[float], wanted: list[float], tolerance: float) -> None:
    assert len(wanted) == STEPS
    assert len({f"{each:.4f}" for each in wanted}) == STEPS  # it does move
    np.testing.assert_allclose(losses, wanted, rtol=tolerance)


def check_gradients(mine: Any, theirs: Any) -> None:
    found = {name: each.grad.numpy() for name, each in mine.named_parameters()}
    for name, each in theirs.named_parameters():
        wanted = each.grad.numpy()
        error = np.abs(found[name] - wanted).max()
        assert error <= 1e-9 * np.abs(wanted).max(), name
