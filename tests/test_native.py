"""The native backend trains as the NumPy evaluator does."""

import numpy as np
import pytest

import flambeau as torch
from flambeau import nn
from flambeau.nn import functional as F


@pytest.fixture
def native():
    torch.config.backend = "native"


class Net(nn.Module):
    """Every family of kernels once: convolutions of three kinds, norm, pool, linear."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 24, 3, padding=1)
        self.norm = nn.BatchNorm2d(24)
        self.depthwise = nn.Conv2d(24, 24, 3, stride=2, padding=1, groups=24)
        self.up = nn.ConvTranspose2d(24, 17, 2, stride=2)
        self.head = nn.Linear(17 * 8 * 8, 5)

    def forward(self, x):
        x = F.relu(self.norm(self.conv(x)))
        x = torch.sigmoid(self.up(self.depthwise(x)))
        return self.head(F.max_pool2d(x, 2).flatten(1))


def losses(steps=4):
    torch.manual_seed(0)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    images, labels = torch.randn(6, 3, 16, 16), torch.randint(5, (6,))
    found = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    state = {name: each.numpy().copy() for name, each in model.state_dict().items()}
    return found, state


def test_training_follows_the_evaluator(native):
    compiled, compiled_state = losses()
    torch.config.backend = "reference"
    computed, computed_state = losses()
    np.testing.assert_allclose(compiled, computed, rtol=1e-5)
    assert compiled[-1] < compiled[0]
    for name, values in computed_state.items():
        error = np.linalg.norm(compiled_state[name] - values)
        assert error <= 1e-4 * max(np.linalg.norm(values), 1), name


def test_the_bits_do_not_depend_on_the_number_of_threads(native):
    from flambeau.runtime.team import get_num_threads, set_num_threads

    before, results = get_num_threads(), []
    try:
        for count in (1, 2, 4):
            set_num_threads(count)
            results.append(losses(2))
    finally:
        set_num_threads(before)
    for found, state in results[1:]:
        assert found == results[0][0]
        for name, values in state.items():
            assert values.tobytes() == results[0][1][name].tobytes(), name


def test_inference_after_a_change_of_batch_size(native):
    torch.manual_seed(0)
    model = Net().eval()
    for size in (5, 2):
        images = torch.randn(size, 3, 16, 16)
        with torch.no_grad():
            compiled = model(images).numpy().copy()
            torch.config.backend = "reference"
            computed = model(images).numpy()
            torch.config.backend = "native"
        np.testing.assert_allclose(compiled, computed, rtol=1e-4, atol=1e-5)


def test_positions_that_do_not_fit_raise_whoever_else_is_waiting(native):
    x, index = torch.rand(1000, 400), torch.randint(0, 400, (1000, 300))
    torch.evaluate(x, index)
    doubled = index * 2
    picked = (x.exp() + 1).gather(1, doubled)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="out of bounds for a dimension of"):
            picked.sum().item()
    assert (doubled.max() >= 400).item()
    assert x.gather(1, index).sum().item() > 0
