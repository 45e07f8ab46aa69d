"""`nn.init`: distributions, structure, errors, and numbers that torch gave."""

import math

import numpy as np
import pytest

import flambeau as torch
from flambeau.nn import init


def empty(*shape):
    return torch.empty(*shape).requires_grad_()


# What torch 2.13 gives on the CPU:
#     torch.manual_seed(0); torch.nn.init.NAME(torch.empty(2, 2), *args)
GOLDEN = [
    ("uniform_", (), [[0.49625658988952637, 0.7682217955589294]]),
    ("xavier_uniform_", (), [[-0.009169445373117924, 0.657006561756134]]),
    ("kaiming_uniform_", (), [[-0.012967552989721298, 0.9291475415229797]]),
    ("normal_", (), [[1.5409960746765137, -0.293428897857666]]),
]


@pytest.mark.parametrize(("name", "args", "expected"), GOLDEN)
def test_numbers_are_torchs(name, args, expected):
    torch.manual_seed(0)
    x = getattr(init, name)(empty(2, 2), *args)
    np.testing.assert_array_max_ulp(
        x.detach().numpy()[:1], np.array(expected, np.float32), 4
    )


EVERY = [
    ("uniform_", ()),
    ("normal_", ()),
    ("trunc_normal_", ()),
    ("constant_", (2,)),
    ("ones_", ()),
    ("zeros_", ()),
    ("eye_", ()),
    ("xavier_uniform_", ()),
    ("xavier_normal_", ()),
    ("kaiming_uniform_", ()),
    ("kaiming_normal_", ()),
    ("orthogonal_", ()),
    ("sparse_", (0.5,)),
]


@pytest.mark.parametrize(("name", "args"), EVERY)
def test_a_parameter_is_filled_in_place_and_stays_a_leaf(name, args):
    x = empty(4, 5)
    assert getattr(init, name)(x, *args) is x
    assert x.is_leaf and x.requires_grad
    (2 * x).sum().backward()
    assert x.grad.tolist() == [[2] * 5] * 4


def spread(x):
    values = x.detach().numpy()
    return values.mean(), values.std(), values.min(), values.max()


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("uniform_", (-1, 3), 4 / math.sqrt(12)),
        ("normal_", (0, 0.3), 0.3),
        ("xavier_uniform_", (2.0,), 2 * math.sqrt(2 / 900)),
        ("xavier_normal_", (), math.sqrt(2 / 900)),
        ("kaiming_uniform_", (), math.sqrt(2 / 300)),
        ("kaiming_normal_", (0, "fan_out"), math.sqrt(2 / 600)),
        ("kaiming_normal_", (1,), math.sqrt(1 / 300)),
        ("kaiming_normal_", (0, "fan_in", "tanh"), 5 / 3 / math.sqrt(300)),
    ],
)
def test_standard_deviations(name, args, expected):
    x = getattr(init, name)(empty(600, 300), *args)
    mean, deviation, low, high = spread(x)
    assert deviation == pytest.approx(expected, rel=0.01)
    if "uniform" in name:
        half = (high - low) / 2
        assert half == pytest.approx(expected * math.sqrt(3), rel=1e-3)
    if name != "uniform_":
        assert abs(mean) < 0.01 * max(expected, 1)


def test_kernels_count_among_the_connections():
    x = init.kaiming_normal_(empty(64, 8, 5, 5))
    assert spread(x)[1] == pytest.approx(math.sqrt(2 / 200), rel=0.03)
    x = init.kaiming_normal_(empty(64, 8, 5, 5), mode="FAN_OUT")
    assert spread(x)[1] == pytest.approx(math.sqrt(2 / 1600), rel=0.03)


@pytest.mark.parametrize(("a", "b"), [(-2, 2), (-0.5, 3), (1.5, 2), (-5, -2)])
def test_truncated_normals_stay_inside(a, b):
    x = init.trunc_normal_(empty(100, 100), 0, 1, a, b)
    _, _, low, high = spread(x)
    assert a <= low < high <= b
    # the density falls from the mode on: less than half lies in the farther half
    middle = (a + b) / 2
    beyond = (x.detach().numpy() > middle).mean()
    assert (beyond > 0.5) == (middle < -0.01) or abs(middle) < 0.01


def test_constants():
    assert init.constant_(empty(2), 0.5).tolist() == [0.5, 0.5]
    assert init.ones_(empty(2)).tolist() == [1, 1]
    assert init.zeros_(init.ones_(empty(2))).tolist() == [0, 0]
    np.testing.assert_array_equal(init.eye_(empty(2, 3)).detach().numpy(), np.eye(2, 3))


@pytest.mark.parametrize("kernel", [(3,), (3, 5), (3, 3, 3)])
@pytest.mark.parametrize(
    ("outputs", "inputs", "groups"), [(4, 4, 1), (6, 2, 3), (2, 5, 1)]
)
def test_dirac_passes_channels_on(kernel, outputs, inputs, groups):
    weight = init.dirac_(empty(outputs, inputs, *kernel), groups).detach().numpy()
    centre = tuple(size // 2 for size in kernel)
    passed = weight[(slice(None), slice(None), *centre)]
    assert weight.sum() == passed.sum() == groups * min(outputs // groups, inputs)
    for group in passed.reshape(groups, outputs // groups, inputs):
        np.testing.assert_array_equal(group, np.eye(*group.shape))


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (5, 5), (3, 2, 4), (8, 2, 2, 1)])
def test_orthogonal_rows_or_columns(shape):
    x = init.orthogonal_(empty(*shape), gain=2).detach().numpy().astype(np.float64)
    flat = x.reshape(shape[0], -1)
    gram = flat @ flat.T if flat.shape[0] <= flat.shape[1] else flat.T @ flat
    np.testing.assert_allclose(gram, 4 * np.eye(min(flat.shape)), atol=1e-5)


def test_sparse_columns():
    x = init.sparse_(empty(10, 50), sparsity=0.25, std=0.1).detach().numpy()
    assert ((x == 0).sum(0) == 3).all()
    assert x[x != 0].std() == pytest.approx(0.1, rel=0.1)


def test_a_generator_of_ones_own():
    torch.manual_seed(0)
    own = torch.Generator().manual_seed(3)
    first = init.uniform_(torch.empty(3), generator=own)
    after = torch.rand(2)
    torch.manual_seed(3)
    assert torch.equal(first, torch.rand(3))
    torch.manual_seed(0)
    assert torch.equal(after, torch.rand(2))


def test_gains():
    assert init.calculate_gain("linear") == 1
    assert init.calculate_gain("tanh") == 5 / 3
    assert init.calculate_gain("relu") == math.sqrt(2)
    assert init.calculate_gain("leaky_relu") == math.sqrt(2 / 1.0001)
    assert init.calculate_gain("leaky_relu", 3) == math.sqrt(0.2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: init.calculate_gain("abc"), "Unsupported nonlinearity abc; known are"),
        (
            lambda: init.calculate_gain("leaky_relu", "x"),
            "negative_slope x not a valid",
        ),
        (lambda: init.eye_(empty(2)), r"eye_ got shape \(2,\)"),
        (lambda: init.dirac_(empty(2, 2)), r"dirac_ got shape \(2, 2\)"),
        (lambda: init.dirac_(empty(4, 2, 3), 3), "4 output channels and 3 groups"),
        (
            lambda: init.xavier_normal_(empty(2)),
            r"fewer than 2 dimensions, got .* \(2,\)",
        ),
        (
            lambda: init.kaiming_uniform_(empty(2, 2), mode="fan"),
            "Mode fan not supported",
        ),
        (lambda: init.orthogonal_(empty(2)), r"orthogonal_ got shape \(2,\)"),
        (lambda: init.sparse_(empty(2), 0.5), r"sparse_ got shape \(2,\)"),
    ],
)
def test_errors(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: init.kaiming_uniform_(empty(0, 2)), UserWarning, "is a no-op"),
        (lambda: init.trunc_normal_(empty(2), 5), UserWarning, "more than 2 std"),
        (
            lambda: init.orthogonal(empty(2, 2)),
            FutureWarning,
            "favor of `nn.init.ortho",
        ),
    ],
)
def test_warnings_point_at_the_users_line(call, kind, words):
    with pytest.warns(kind, match=words) as caught:
        call()
    assert caught[0].filename == __file__
