"""Window ops in NumPy beside torch, in float64."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from flambeau.ops.numpy_conv import conv, conv_input_grad, conv_weight_grad
from flambeau.ops.numpy_pool import (
    max_pool,
    max_pool_index,
    sum_pool,
    sum_pool_grad,
    unpool,
)
from flambeau.ops.numpy_windows import fold_windows, windows

SIZES = (9, 8, 7)
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
CONV_TRANSPOSE = {
    1: F.conv_transpose1d,
    2: F.conv_transpose2d,
    3: F.conv_transpose3d,
}
MAX_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVG_POOL = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
# kernel, stride, padding, dilation
OPTIONS = [(1, 1, 0, 1), (3, 1, 1, 1), (3, 2, 1, 1), (2, 3, 0, 1), (3, 1, 2, 2)]
each_dims = pytest.mark.parametrize("dims", [1, 2, 3])


def random(*shape: int) -> tuple[np.ndarray, torch.Tensor]:
    """Draw an array, and a tensor of its values that takes a gradient."""
    array = np.random.standard_normal(shape)
    return array, torch.from_numpy(array.copy()).requires_grad_()


def close(got: np.ndarray, expected: torch.Tensor | None) -> None:
    assert expected is not None
    assert got.shape == tuple(expected.shape)
    np.testing.assert_allclose(got, expected.detach().numpy(), rtol=1e-10, atol=1e-11)


def spread(dims: int, k: int, s: int, p: int, d: int) -> tuple:
    return (k,) * dims, (s,) * dims, ((p, p),) * dims, (d,) * dims


@each_dims
@pytest.mark.parametrize("groups, channels, filters", [(1, 2, 3), (2, 3, 1), (3, 1, 2)])
@pytest.mark.parametrize("options", OPTIONS)
def test_conv(
    dims: int, options: tuple[int, ...], groups: int, channels: int, filters: int
) -> None:
    kernel, stride, padding, dilation = spread(dims, *options)
    x, tx = random(2, groups * channels, *SIZES[:dims])
    w, tw = random(groups * filters, channels, *kernel)
    _, s, p, d = options
    y = CONV[dims](tx, tw, None, s, p, d, groups)
    close(conv(x, w, stride, padding, dilation, groups), y)
    g, tg = random(*y.shape)
    y.backward(tg)
    last = stride, padding, dilation, groups
    close(conv_input_grad(g, w, *last, SIZES[:dims]), tx.grad)
    close(conv_weight_grad(x, g, *last, kernel), tw.grad)


@each_dims
@pytest.mark.parametrize("groups, extra", [(1, 0), (2, 1)])
@pytest.mark.parametrize("options", OPTIONS)
def test_conv_transpose(
    dims: int, options: tuple[int, ...], groups: int, extra: int
) -> None:
    kernel, stride, padding, dilation = spread(dims, *options)
    _, s, p, d = options
    extra = min(extra, max(s, d) - 1)
    x, tx = random(2, 2 * groups, *SIZES[:dims])
    w, tw = random(2 * groups, 3, *kernel)
    y = CONV_TRANSPOSE[dims](tx, tw, None, s, p, extra, groups, d)
    last = stride, padding, dilation, groups
    close(conv_input_grad(x, w, *last, tuple(y.shape[2:])), y)
    g, tg = random(*y.shape)
    y.backward(tg)
    cut = tuple((p, p - extra) for _ in range(dims))
    close(conv(g, w, stride, cut, dilation, groups), tx.grad)
    close(conv_weight_grad(g, x, *last, kernel), tw.grad)


@each_dims
@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("options", [(2, 2, 0, 1), (3, 2, 1, 1), (3, 3, 1, 2)])
def test_max_pool(dims: int, options: tuple[int, ...], ceil_mode: bool) -> None:
    x, tx = random(2, 3, *SIZES[:dims])
    y, index = MAX_POOL[dims](tx, *options, ceil_mode=ceil_mode, return_indices=True)
    arguments = *spread(dims, *options), tuple(y.shape[2:])
    close(max_pool(x, *arguments), y)
    close(max_pool_index(x, *arguments), index)
    g, tg = random(*y.shape)
    y.backward(tg)
    close(unpool(g, index.numpy(), SIZES[:dims]), tx.grad)


@each_dims
def test_max_pool_index_of_ties_and_nans(dims: int) -> None:
    values = [np.nan, -np.inf, 1.0, 1.0, 2.0, 2.0]
    x = np.random.choice(values, (4, 3, *SIZES[:dims]))
    y, index = MAX_POOL[dims](torch.from_numpy(x), 3, 2, 1, return_indices=True)
    arguments = *spread(dims, 3, 2, 1, 1), tuple(y.shape[2:])
    np.testing.assert_array_equal(max_pool(x, *arguments), y)
    np.testing.assert_array_equal(max_pool_index(x, *arguments), index)


@each_dims
@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("k, s, p", [(2, 2, 0), (3, 2, 1), (4, 3, 2)])
def test_avg_pool(dims: int, k: int, s: int, p: int, ceil_mode: bool) -> None:
    """torch's average is the sum over the count of elements that are not padding."""
    x, tx = random(2, 3, *SIZES[:dims])
    y = AVG_POOL[dims](tx, k, s, p, ceil_mode, count_include_pad=False)
    kernel, stride, padding, _ = spread(dims, k, s, p, 1)
    arguments, out = (kernel, stride, padding), tuple(y.shape[2:])
    count = sum_pool(np.ones_like(x), *arguments, out)
    close(sum_pool(x, *arguments, out) / count, y)
    g, tg = random(*y.shape)
    y.backward(tg)
    close(sum_pool_grad(g / count, *arguments, SIZES[:dims]), tx.grad)


@pytest.mark.parametrize("options", OPTIONS)
def test_unfold_and_fold(options: tuple[int, ...]) -> None:
    k, s, p, d = options
    x, tx = random(2, 3, *SIZES[:2])
    cols = windows(x, *spread(2, *options))
    unfolded = F.unfold(tx, k, d, p, s)
    close(cols.reshape(unfolded.shape), unfolded)
    folded = F.fold(unfolded, SIZES[:2], k, d, p, s)
    close(fold_windows(cols, *spread(2, *options), SIZES[:2]), folded)


def test_windows_are_of_torchs_order_in_other_dims() -> None:
    """torch's Tensor.unfold puts the taps last; ours stand before the windows."""
    x, tx = random(2, 3, *SIZES)
    view = tx.unfold(2, 3, 2).unfold(3, 2, 2).unfold(4, 3, 1)
    cols = windows(x, (3, 2, 3), (2, 2, 1), ((0, 0),) * 3, (1, 1, 1))
    close(cols, view.permute(0, 1, 5, 6, 7, 2, 3, 4))
