"""What is computed together: contractions with what follows them, sums, updates."""

from __future__ import annotations

import numpy as np
import pytest
from compiled import check, host_steps, kernels

import flambeau as torch
from flambeau import dtypes as dt
from flambeau.graph import Node, constant
from flambeau.nn import functional as F
from flambeau.ops import elementwise as ew
from flambeau.ops.broadcast import expand, reshape, sum_
from flambeau.ops.contract import matmul
from flambeau.ops.conv import conv, conv_input_grad, conv_weight_grad
from flambeau.ops.movement import flip, slice_update
from flambeau.ops.normalize import moments, normalize

RNG = np.random.default_rng(3)


def leaf(*shape: int, kind: dt.dtype = dt.float32) -> Node:
    """Numbers around 0."""
    return constant(RNG.standard_normal(shape).astype(kind.numpy))


def image(*shape: int, kind: dt.dtype = dt.float32) -> Node:
    """The same, lying channels-last as convolutions leave their results."""
    batch, channels, *sizes = shape
    values = RNG.standard_normal((batch, *sizes, channels)).astype(kind.numpy)
    return constant(np.moveaxis(values, -1, 1))


def convolved(x: Node, w: Node, stride: int = 1) -> Node:
    """A convolution that keeps the size, but for the stride."""
    pad = (w.shape[2] // 2, w.shape[2] // 2)
    return conv(
        x, w, stride=(stride, stride), padding=(pad, pad), dilation=(1, 1), groups=1
    )


def per_channel(x: Node) -> Node:
    """A number for each channel of an image."""
    return leaf(x.shape[1], 1, 1, kind=x.dtype)


@pytest.mark.parametrize("kind", [dt.float32, dt.float64])
@pytest.mark.parametrize("channels", [5, 16, 35, 64])
@pytest.mark.parametrize(("size", "stride"), [(9, 1), (12, 2), (1, 1)])
def test_a_convolution_takes_what_follows_it(
    kind: dt.dtype, channels: int, size: int, stride: int
) -> None:
    y = convolved(
        leaf(2, 7, size, size, kind=kind), leaf(channels, 7, 3, 3, kind=kind), stride
    )
    z = ew.relu(ew.add(ew.mul(y, per_channel(y)), per_channel(y)))
    z = ew.add(z, image(*y.shape, kind=kind))
    assert kernels(z)[-1].startswith("convolution")
    check(z)


def test_what_lies_in_another_order_follows_in_a_loop() -> None:
    y = convolved(leaf(2, 8, 6, 6), leaf(16, 8, 3, 3))
    z = ew.add(ew.relu(y), leaf(*y.shape))
    total = sum_(ew.mul(y, leaf(*y.shape)), axes=(0, 2, 3), keepdims=False)
    assert any(name.startswith("loop") for name in kernels(z))
    check(z, total)
    check(z, y)


def test_a_result_that_is_wanted_too_is_stored_beside_the_others() -> None:
    y = convolved(leaf(2, 8, 6, 6), leaf(16, 8, 3, 3))
    z = ew.relu(y)
    mask = ew.greater(z, ew.const_like(0, z))
    assert len(kernels(y, z, mask)) == len(kernels(y))
    check(y, z, mask)


def test_a_result_read_at_other_places_is_stored_first() -> None:
    y = convolved(leaf(2, 8, 6, 6), leaf(6, 8, 3, 3))
    z = ew.add(y, flip(y, (2,)))
    assert kernels(z)[-1].startswith("loop")
    check(z)


@pytest.mark.parametrize("channels", [3, 16, 40])
@pytest.mark.parametrize("mean", [0.0, 1000.0])
def test_statistics_are_gathered_by_the_convolution(channels: int, mean: float) -> None:
    y = convolved(leaf(3, 8, 9, 10), leaf(channels, 8, 3, 3))
    y = ew.add(y, constant(np.float32(mean).reshape(1)))
    average, variance = moments(y, (0, 2, 3))
    z = normalize(y, average, variance, axes=(0, 2, 3), eps=1e-5)
    names = kernels(average, variance, z)
    assert not any(name.startswith("sum") for name in names)
    check(average, variance)
    if not mean:
        check(z)


def test_a_large_mean_costs_the_variance_no_digits() -> None:
    x = constant(np.full((2, 4, 12, 12), 100, np.float32))
    noise = constant(RNG.standard_normal((2, 8, 12, 12)).astype(np.float32))
    y = ew.add(convolved(x, constant(np.ones((8, 4, 1, 1), np.float32))), noise)
    _, variance = moments(y, (0, 2, 3))
    check(variance)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_an_input_gradient_gathers_sums_over_all_its_phases(stride: int) -> None:
    w = leaf(6, 20, 3, 3)
    g = leaf(2, 6, 5, 5)
    size = 4 * stride + 1
    x = conv_input_grad(
        g,
        w,
        input_size=(size, size),
        stride=(stride, stride),
        padding=((1, 1), (1, 1)),
        dilation=(1, 1),
        groups=1,
    )
    masked = ew.where(ew.greater(image(*x.shape), leaf()), x, ew.const_like(0, x))
    first = sum_(masked, axes=(0, 2, 3), keepdims=False)
    second = sum_(ew.mul(masked, image(*x.shape)), axes=(0, 2, 3), keepdims=False)
    names = kernels(masked, first, second)
    assert not any(name.startswith("sum") for name in names)
    check(masked, first, second)


def test_infinity_and_nan_reach_the_statistics() -> None:
    values = RNG.standard_normal((2, 4, 6, 6)).astype(np.float32)
    values[0, 1, 0, 0], values[1, 2, 3, 3] = np.inf, np.nan
    w = constant(np.eye(4, dtype=np.float32).reshape(4, 4, 1, 1))
    y = convolved(constant(values), w)
    check(sum_(y, axes=(0, 2, 3), keepdims=False), y)


def test_a_weight_gradient_takes_the_update() -> None:
    x, g = leaf(2, 8, 6, 6), leaf(2, 24, 6, 6)
    grad = conv_weight_grad(
        x,
        g,
        kernel_size=(3, 3),
        stride=(1, 1),
        padding=((1, 1), (1, 1)),
        dilation=(1, 1),
        groups=1,
    )
    momentum = ew.add(ew.mul(leaf(*grad.shape), leaf()), grad)
    weight = ew.sub(leaf(*grad.shape), ew.mul(momentum, leaf()))
    assert len(kernels(grad, momentum, weight)) == len(kernels(grad))
    check(grad, momentum, weight)


@pytest.mark.parametrize("sizes", [(5, 7, 3), (64, 33, 40), (1, 100, 10)])
def test_a_product_takes_its_bias_and_activation(sizes: tuple[int, int, int]) -> None:
    rows, depth, columns = sizes
    y = matmul(leaf(rows, depth), leaf(depth, columns))
    z = ew.tanh(ew.add(y, leaf(columns)))
    assert len(kernels(z)) == len(kernels(y))
    check(z)


def test_sums_with_and_without_a_factor_are_one() -> None:
    x, factor = leaf(4, 32, 5, 5), leaf(32, 1, 1)
    plain = sum_(x, axes=(0, 2, 3), keepdims=False)
    scaled = sum_(ew.mul(x, factor), axes=(0, 2, 3), keepdims=True)
    names = kernels(plain, scaled)
    assert sum(name.startswith("sum") for name in names) <= 2  # parts, and their join
    check(plain, scaled)


def test_equal_nodes_are_computed_once() -> None:
    x = leaf(40, 50)
    a, b = ew.exp(x), ew.exp(x)
    assert len(kernels(a, b)) == 1
    check(a, b)


def test_what_is_written_nowhere_is_not_computed() -> None:
    x, new = leaf(40, 50), leaf(1, 1)
    nothing = expand(new, (0, 50))
    y = slice_update(ew.exp(x), nothing, ranges=((40, 0, 1), (0, 50, 1)))
    check(y)
    assert kernels(y) == ["loop_exp"]
    assert host_steps(y) == []


def test_what_is_spread_over_images_is_computed_once_per_channel() -> None:
    y = convolved(leaf(2, 8, 6, 6), leaf(16, 8, 3, 3))
    scale = ew.rsqrt(ew.exp(leaf(16)))
    z = ew.mul(y, reshape(scale, (16, 1, 1)))
    assert kernels(z)[0].startswith("loop_exp_rsqrt")
    check(z)


def test_batch_norm_trains_as_the_evaluator_does() -> None:
    x = leaf(4, 6, 8, 8)
    results = []
    for backend in ("native", "reference"):
        torch.config.backend = backend
        torch.manual_seed(0)
        layer = torch.nn.Sequential(
            torch.nn.Conv2d(6, 20, 3, padding=1, bias=True),
            torch.nn.BatchNorm2d(20),
            torch.nn.ReLU(),
            torch.nn.Conv2d(20, 20, 3, stride=2, bias=False),
            torch.nn.BatchNorm2d(20),
        )
        y = layer(torch.tensor(x.value))
        F.mse_loss(y, torch.ones_like(y)).backward()
        state = [*layer.buffers(), *(each.grad for each in layer.parameters())]
        results.append([each.numpy().copy() for each in state])
    for ours, reference in zip(*results, strict=True):
        np.testing.assert_allclose(ours, reference, rtol=2e-4, atol=2e-5)
