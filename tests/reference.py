"""Layers in NumPy as their definitions read: number by number, sample by sample.

Written from the formulas of torch's pages and of the papers, independent of flambeau.
"""

from collections.abc import Callable
from math import cosh, erfc, exp, log, pi, sinh, sqrt, tanh
from typing import Any

import numpy as np

Array = np.ndarray


def each(function: Callable[..., float]) -> Callable[..., Array]:
    """Return a function of arrays that applies one of numbers to each element."""
    return np.vectorize(function, otypes=[np.float64])


# Activations


@each
def elu(x: float, alpha: float = 1, scale: float = 1) -> float:
    return scale * (x if x > 0 else alpha * (exp(x) - 1))


@each
def gelu(x: float) -> float:
    return x * erfc(-x / sqrt(2)) / 2


@each
def gelu_tanh(x: float) -> float:
    return x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2


@each
def between(x: float, low: float, high: float) -> float:
    return low if x < low else high if x > high else x


@each
def leaky(x: float, slope: float) -> float:
    return x if x > 0 else slope * x


@each
def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


@each
def softplus(x: float, beta: float = 1, threshold: float = 20) -> float:
    return x if beta * x > threshold else log(1 + exp(beta * x)) / beta


@each
def hyperbolic_tangent(x: float) -> float:
    return sinh(x) / cosh(x)


def softmax(x: Array, axis: int) -> Array:
    powers = np.exp(x)
    return powers / powers.sum(axis, keepdims=True)


def glu(x: Array, axis: int) -> Array:
    first, second = np.split(x, 2, axis)
    return first * sigmoid(second)


# Linear maps


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    y = np.zeros((*x.shape[:-1], len(weight)))
    for output, row in enumerate(weight):
        y[..., output] = (x * row).sum(-1) + (0 if bias is None else bias[output])
    return y


def bilinear(a: Array, b: Array, weight: Array, bias: Array | None) -> Array:
    y = np.zeros((*a.shape[:-1], len(weight)))
    for output, table in enumerate(weight):
        for i, j in np.ndindex(*table.shape):
            y[..., output] += a[..., i] * table[i, j] * b[..., j]
    return y if bias is None else y + bias


# Normalisation


def standard(x: Array, eps: float) -> Array:
    """All elements, moved to mean 0 and variance 1."""
    return (x - x.mean()) / sqrt(x.var() + eps)


def normalize(
    x: Array,
    slices: list[Any],
    weight: Array | None,
    bias: Array | None,
    eps: float = 1e-5,
) -> Array:
    """Standardise slices one by one; scale and shift along dimension 1."""
    y = np.empty_like(x)
    for each_slice in slices:
        y[each_slice] = standard(x[each_slice], eps)
    return along_channels(y, weight, bias)


def along_channels(y: Array, weight: Array | None, bias: Array | None) -> Array:
    for channel in range(y.shape[1]):
        if weight is not None:
            y[:, channel] *= weight[channel]
        if bias is not None:
            y[:, channel] += bias[channel]
    return y


def batch_norm(
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    every = slice(None)
    slices = [(every, channel) for channel in range(x.shape[1])]
    return normalize(x, slices, weight, bias, eps)


def batch_norm_evaluated(
    x: Array,
    mean: Array,
    var: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
) -> Array:
    y = np.empty_like(x)
    for channel in range(x.shape[1]):
        y[:, channel] = (x[:, channel] - mean[channel]) / sqrt(var[channel] + eps)
    return along_channels(y, weight, bias)


def group_norm(
    x: Array, groups: int, weight: Array | None, bias: Array | None, eps: float = 1e-5
) -> Array:
    size = x.shape[1] // groups
    slices = [
        (sample, slice(group * size, (group + 1) * size))
        for sample in range(len(x))
        for group in range(groups)
    ]
    return normalize(x, slices, weight, bias, eps)


def layer_norm(
    x: Array, dims: int, weight: Array | None, bias: Array | None, eps: float = 1e-5
) -> Array:
    y = np.empty_like(x)
    for place in np.ndindex(*x.shape[: x.ndim - dims]):
        y[place] = standard(x[place], eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def rms_norm(x: Array, dims: int, weight: Array | None, eps: float) -> Array:
    y = np.empty_like(x)
    for place in np.ndindex(*x.shape[: x.ndim - dims]):
        y[place] = x[place] / sqrt((x[place] ** 2).mean() + eps)
    return y if weight is None else y * weight


def local_response_norm(
    x: Array, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1
) -> Array:
    y = np.empty_like(x)
    for channel in range(x.shape[1]):
        first = channel - size // 2
        around = x[:, max(first, 0) : first + size]
        y[:, channel] = x[:, channel] / (k + alpha * (around**2).sum(1) / size) ** beta
    return y


# Losses


def reduce(losses: Array, reduction: str) -> Array:
    """The mean, the sum, or the losses."""
    if reduction == "none":
        return losses
    total = losses.sum()
    return total / losses.size if reduction == "mean" else total


def cross_entropy(
    x: Array,
    target: Array,
    weight: Array | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0,
    scores: bool = True,
) -> Array:
    """Of scores, or of logarithms of probabilities; classes in dimension 1."""
    if x.ndim == 1:
        options = (weight, ignore_index, reduction, label_smoothing, scores)
        found = cross_entropy(x[None], target[None], *options)
        return found[0] if reduction == "none" else found
    losses, total_weight = np.zeros((len(x), *x.shape[2:])), 0.0
    for n, *place in np.ndindex(*losses.shape):
        logs = x[(n, slice(None), *place)]
        if scores:
            logs = np.log(softmax(logs, 0))
        count = len(logs)
        weights = np.ones(count) if weight is None else weight
        if target.ndim == x.ndim:
            wanted, counted = target[(n, slice(None), *place)], 1.0
        else:
            chosen = target[(n, *place)]
            if chosen == ignore_index:
                continue
            wanted, counted = np.eye(count)[chosen], weights[chosen]
        wanted = wanted * (1 - label_smoothing) + label_smoothing / count
        losses[(n, *place)] = -(weights * wanted * logs).sum()
        total_weight += counted
    if reduction == "mean":
        return losses.sum() / total_weight
    return reduce(losses, reduction)


@each
def huber(x: float, t: float, delta: float) -> float:
    distance = abs(x - t)
    return distance**2 / 2 if distance <= delta else delta * (distance - delta / 2)


@each
def smooth_l1(x: float, t: float, beta: float) -> float:
    distance = abs(x - t)
    return distance**2 / (2 * beta) if distance < beta else distance - beta / 2


@each
def divergence(x: float, t: float) -> float:
    return t * (log(t) - x) if t else 0.0


@each
def binary_cross_entropy(x: float, t: float, positive: float = 1) -> float:
    yes = log(x) if x else -100
    no = log(1 - x) if x < 1 else -100
    return -(positive * t * yes + (1 - t) * no)


# Images


def pixel_shuffle(x: Array, r: int) -> Array:
    channels, height, width = x.shape[-3:]
    y = np.empty((*x.shape[:-3], channels // r**2, height * r, width * r))
    for c, i, j in np.ndindex(*y.shape[-3:]):
        y[..., c, i, j] = x[..., c * r * r + i % r * r + j % r, i // r, j // r]
    return y


def pixel_unshuffle(x: Array, r: int) -> Array:
    channels, height, width = x.shape[-3:]
    y = np.empty((*x.shape[:-3], channels * r * r, height // r, width // r))
    for c, i, j in np.ndindex(channels, height, width):
        y[..., c * r * r + i % r * r + j % r, i // r, j // r] = x[..., c, i, j]
    return y


def channel_shuffle(x: Array, groups: int) -> Array:
    size = x.shape[1] // groups
    order = [g * size + place for place in range(size) for g in range(groups)]
    return np.stack([x[:, channel] for channel in order], 1)
