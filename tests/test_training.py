"""Whole trainings, from a seed to a quality that is known beforehand."""

from collections.abc import Callable

import numpy as np
import pytest

import flambeau as torch
import flambeau.nn as nn
from flambeau.utils.data import DataLoader, TensorDataset
from flambeau.vision import datasets
from flambeau.vision.datasets.packages import PackageUnavailable

F = nn.functional
Optimizer = torch.optim.Optimizer


def fit(
    model: nn.Module,
    loss: Callable[..., torch.Tensor],
    batches: DataLoader,
    optimizer: Optimizer,
    epochs: int,
) -> list[float]:
    """Train a model; returns the mean loss of each epoch."""
    model.train()
    means = []
    for _ in range(epochs):
        losses = []
        for inputs, targets in batches:
            optimizer.zero_grad()
            value = loss(model(inputs), targets)
            value.backward()
            optimizer.step()
            losses.append(value.item())
        means.append(float(np.mean(losses)))
    model.eval()
    return means


def accuracy(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> float:
    """The share of inputs whose highest score is at the target."""
    with torch.no_grad():
        return (model(inputs).argmax(1) == targets).float().mean().item()


# Exclusive or, by every rule

RULES = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.5),
    "SGD, momentum": lambda p: torch.optim.SGD(p, lr=0.2, momentum=0.9, nesterov=True),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.05),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.05),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.02),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rule", RULES)
def test_exclusive_or_is_learnt(rule: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    inputs = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=dtype)
    targets = torch.tensor([[0], [1], [1], [0]], dtype=dtype)
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1)).to(dtype)
    corners = DataLoader(TensorDataset(inputs, targets), batch_size=4)
    optimizer = RULES[rule](model.parameters())
    losses = fit(model, F.binary_cross_entropy_with_logits, corners, optimizer, 150)
    assert losses[0] > 0.5  # not linear: no guess is better than log 2
    assert losses[-1] < 0.1
    assert ((model(inputs) > 0) == (targets > 0)).all()


# A layer finds the weights of another one

LAYERS = {
    "Linear": (lambda: nn.Linear(6, 4), (6,)),
    "Conv1d": (lambda: nn.Conv1d(2, 3, 3, padding=1), (2, 9)),
    "Conv2d": (lambda: nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2), (2, 8, 7)),
    "Conv2d, dilated": (lambda: nn.Conv2d(2, 2, 2, dilation=2), (2, 7, 7)),
    "Conv3d": (lambda: nn.Conv3d(2, 2, 2), (2, 4, 5, 4)),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(2, 2, 3, stride=2), (2, 5)),
    "ConvTranspose2d": (
        lambda: nn.ConvTranspose2d(2, 2, 3, stride=2, padding=1, output_padding=1),
        (2, 4, 5),
    ),
    "DepthwiseConv2d": (lambda: nn.DepthwiseConv2d(3, 3, multiplier=2), (3, 6, 6)),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_recovers_the_weights_that_made_its_targets(layer: str) -> None:
    torch.manual_seed(0)
    make, shape = LAYERS[layer]
    teacher, student = make(), make()
    inputs = torch.randn(64, *shape)
    samples = DataLoader(TensorDataset(inputs, teacher(inputs).detach()), batch_size=64)
    optimizer = torch.optim.Adam(student.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=150)
    optimizer.register_step_post_hook(lambda *_: schedule.step())
    fit(student, F.mse_loss, samples, optimizer, epochs=150)
    for name, value in teacher.state_dict().items():
        found = student.state_dict()[name].numpy()
        np.testing.assert_allclose(found, value.numpy(), atol=1e-3, err_msg=name)


def test_least_squares_is_solved_as_numpy_solves_it() -> None:
    torch.manual_seed(0)
    inputs, targets = torch.randn(50, 3), torch.randn(50, 2)
    model = nn.Linear(3, 2, bias=False)
    samples = DataLoader(TensorDataset(inputs, targets), batch_size=50)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.5)
    losses = fit(model, F.mse_loss, samples, optimizer, epochs=100)
    best, residuals, *_ = np.linalg.lstsq(inputs.numpy(), targets.numpy())
    np.testing.assert_allclose(model.weight.detach().numpy(), best.T, atol=1e-5)
    assert losses[-1] == pytest.approx(residuals.sum() / 100, rel=1e-5)


# Small networks of every kind


def stripes(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Noisy images of 8x8 with stripes across, down or neither, and which."""
    random = np.random.default_rng(seed)
    kinds = np.arange(count) % 3
    images = random.normal(scale=0.5, size=(count, 1, 8, 8))
    waves = np.where(random.integers(2, size=(count, 1, 8)), 1, -1)
    images[kinds == 0] += waves[kinds == 0][..., None]
    images[kinds == 1] += waves[kinds == 1][:, :, None]
    return torch.from_numpy(images.astype(np.float32)), torch.from_numpy(kinds)


class Residual(nn.Module):
    """A block that adds what it computes to what it got."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.GroupNorm(2, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + F.silu(self.norm(self.conv(x)))


NETWORKS = {
    "batch norm": lambda: nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 3),
    ),
    "residual": lambda: nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        Residual(8),
        nn.AvgPool2d(2),
        Residual(8),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(128, 3),
    ),
    "separable": lambda: nn.Sequential(
        nn.Conv2d(1, 8, 3, padding="same", stride=2),
        nn.LeakyReLU(),
        nn.SeparableConv2d(8, 16, 3, padding=1),
        nn.GELU(),
        nn.Flatten(),
        nn.LayerNorm(256),
        nn.Linear(256, 3),
    ),
}


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_tells_stripes_apart(network: str) -> None:
    torch.manual_seed(0)
    model = NETWORKS[network]()
    samples = DataLoader(TensorDataset(*stripes(600, 0)), batch_size=30, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    losses = fit(model, F.cross_entropy, samples, optimizer, epochs=5)
    assert losses[0] > 0.2 > 0.1 > losses[-1]
    assert accuracy(model, *stripes(300, 1)) > 0.96


class Reader(nn.Module):
    """Word vectors, a convolution over them, and its best match."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 8)
        self.conv = nn.Conv1d(8, 16, kernel_size=2)
        self.fc = nn.Linear(16, 2)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.conv(self.embedding(words).transpose(1, 2)))
        return self.fc(x.amax(dim=2))


def test_a_pair_of_words_is_found_in_a_sentence() -> None:
    torch.manual_seed(0)
    words = torch.from_numpy(np.random.default_rng(0).integers(10, size=(800, 12)))
    words[::2, 4], words[::2, 5] = 3, 7
    there = ((words[:, :-1] == 3) & (words[:, 1:] == 7)).any(dim=1).long()
    model = Reader()
    samples = TensorDataset(words[:600], there[:600])
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    batches = DataLoader(samples, batch_size=50, shuffle=True)
    fit(model, F.cross_entropy, batches, optimizer, epochs=8)
    assert accuracy(model, words[600:], there[600:]) > 0.97


# The same seed


def losses_of_a_run(seed: int) -> list[float]:
    """The losses of a run that shuffles, drops out and draws its weights."""
    torch.manual_seed(seed)
    model = NETWORKS["residual"]()
    samples = DataLoader(TensorDataset(*stripes(90, 0)), batch_size=20, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return fit(model, F.cross_entropy, samples, optimizer, epochs=2)


def test_the_same_seed_gives_the_same_bits() -> None:
    assert losses_of_a_run(1) == losses_of_a_run(1)
    assert losses_of_a_run(1) != losses_of_a_run(2)


# Real digits


def digits(train: bool, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """As many images of every digit; skips where they cannot be fetched."""
    try:
        half = datasets.Digits(train=train)
    except PackageUnavailable:
        pytest.skip("the digits are not cached and the package index is out of reach")
    step = len(half) // count
    return half.data[::step].unsqueeze(1).float() / 255, half.targets[::step]


def test_a_cnn_reads_digits_after_seeing_fifty_of_each() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16 * 7 * 7, 10),
    )
    samples = DataLoader(TensorDataset(*digits(True, 500)), 25, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    fit(model, F.cross_entropy, samples, optimizer, epochs=10)
    assert accuracy(model, *digits(False, 500)) > 0.86
