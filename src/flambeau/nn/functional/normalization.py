"""Normalisation: shift and scale to mean 0 and variance 1, over chosen dimensions.

Batch, instance, group and layer norm are one op over other axes, then a learned scale
and shift.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import ml_dtypes

from ... import dtypes as dt
from ...autograd import no_grad
from ...graph import Node
from ...ops import elementwise as ew
from ...ops.broadcast import reshape
from ...ops.normalize import affine, moments, normalize, normalize_by
from ...ops.reduce import mean as mean_of
from ...ops.updates import blend
from ...shape import Size
from ...tensor import Tensor
from ...tensor.handle import wrap
from ...tensor.operands import check_float
from .arguments import node_of
from .avg_pooling import avg_pool2d
from .padding import pad

__all__ = [
    "batch_norm",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "local_response_norm",
    "rms_norm",
]

Shape = tuple[int, ...]


# What they share


def _widened(x: Node) -> Node:
    """Compute the 16-bit floats in float32, as torch accumulates."""
    return ew.cast(x, dt.float32) if x.dtype.itemsize == 2 else x


def _read_parameter(
    name: str, argument: str, value: Tensor | None, x: Node
) -> Node | None:
    """Return a parameter's node in the dtype that is computed in.

    The parameters of a 16-bit input may be float32.
    """
    if value is None:
        return None
    found = node_of(name, argument, value)
    wide = x.dtype.itemsize == 2 and found.dtype is dt.float32
    if found.dtype is not x.dtype and not wide:
        raise RuntimeError(
            f"{name}: mixed dtype (CPU): expect parameter to have scalar type of "
            f"{dt.scalar_name(x.dtype)}, but {argument} is "
            f"{dt.scalar_name(found.dtype)}; convert one with .to()"
        )
    return _widened(found)


def _affine(y: Node, weight: Node | None, bias: Node | None, shape: Shape) -> Node:
    """Apply a scale and a shift, of which there may be less.

    Args:
        y: what is normalised.
        weight: the scale.
        bias: the shift.
        shape: in which both broadcast with y.
    """
    if weight is not None and bias is not None:
        return affine(y, weight, bias, shape=shape)
    if weight is not None:
        y = ew.mul(y, reshape(weight, shape))
    return y if bias is None else ew.add(y, reshape(bias, shape))


def _per_channel(ndim: int, channels: int) -> Shape:
    """The shape in which a number per channel broadcasts along dimension 1."""
    return (channels, *(1,) * (ndim - 2))


def _check_channels(name: str, x: Node, **values: Tensor | None) -> None:
    """Check that each tensor has one number per channel."""
    channels = x.shape[1]
    for argument, value in values.items():
        if value is not None and value.numel() != channels:
            raise RuntimeError(
                f"{name}: {argument} should contain {channels} elements not "
                f"{value.numel()}: the input of shape {x.shape} has {channels} "
                f"channels in dimension 1; make the layer for {channels} channels"
            )


def _check_eps(name: str, eps: float, training: bool) -> None:
    if training and eps <= 0:
        raise ValueError(f"{name} eps must be positive during training, but got {eps}")
    if eps < 0:
        raise ValueError(f"{name} eps must be non-negative, but got {eps}")


# Over the batch


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float | Tensor = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    r"""Normalise each channel over the batch and all places.

    .. math:: y = (x - mean) / \sqrt{var + eps} \cdot weight + bias

    Args:
        input: the batch.
        running_mean: the mean to normalise with; in training it is not used but
            updated in place, :math:`(1 - momentum) \cdot old + momentum \cdot new`.
        running_var: the variance, likewise; updated with that of n - 1.
        weight: the scale of each channel.
        bias: what is added to each channel.
        training: normalise with the mean and variance of this batch.
        momentum: how much of the new statistics enters the running ones.
        eps: what is added to the variance.

    Shape: input (N, C, *) with any number of dimensions, the others (C,); result as
    the input.

    Raises:
        ValueError: one value per channel in training; a negative eps.
        RuntimeError: sizes or dtypes that do not fit, or no statistics to use.

    Source: torch's page "torch.nn.functional.batch_norm"; Ioffe and Szegedy,
    arXiv:1502.03167.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.batch_norm(torch.tensor([[1.], [3.]]), None, None, training=True)
        tensor([[-1.0000],
                [ 1.0000]])
    """
    x = node_of("batch_norm", "input", input)
    _check_batch(x, training, eps)
    statistics = {"running_mean": running_mean, "running_var": running_var}
    if not training:
        for argument, value in statistics.items():
            if value is None:
                raise RuntimeError(f"{argument} must be defined in evaluation mode")
    _check_channels("batch_norm", x, **statistics, weight=weight, bias=bias)
    w = _read_parameter("batch_norm", "weight", weight, x)
    b = _read_parameter("batch_norm", "bias", bias, x)
    means = _read_parameter("batch_norm", "running_mean", running_mean, x)
    variances = _read_parameter("batch_norm", "running_var", running_var, x)
    wide = _widened(x)
    if not training and means is not None and variances is not None:
        y = _with_statistics(wide, means, variances, w, b, eps)
        return wrap(ew.cast(y, x.dtype))
    axes = (0, *range(2, x.ndim))
    mean, var = moments(wide, axes)
    if x.size:
        count = x.size // x.shape[1]
        _update(running_mean, running_var, mean, var, momentum, count)
    y = normalize(wide, mean, var, axes=axes, eps=eps)
    return wrap(ew.cast(_scaled(y, w, b), x.dtype))


def _check_batch(x: Node, training: bool, eps: float) -> None:
    if x.ndim < 2:
        raise IndexError(
            f"batch_norm: Dimension out of range: an input of shape {x.shape} has no "
            "dimension 1 for the channels; it must be (N, C, *)"
        )
    if training:
        _check_more_than_one(x, x.size // x.shape[1] if x.shape[1] else 0)
    _check_eps("batch_norm", eps, training)
    check_float("batch_norm", x)


def _check_more_than_one(x: Node, count: int, what: str = "value per channel") -> None:
    if count == 1:
        raise ValueError(
            f"Expected more than 1 {what} when training, got input size "
            f"{Size(x.shape)}: one value has no variance; train with larger batches or "
            "images, or call eval()"
        )


def _scaled(y: Node, weight: Node | None, bias: Node | None) -> Node:
    """Apply a scale and a shift per channel."""
    return _affine(y, weight, bias, _per_channel(y.ndim, y.shape[1]))


def _with_statistics(
    x: Node, mean: Node, var: Node, weight: Node | None, bias: Node | None, eps: float
) -> Node:
    """Normalise with given numbers per channel: one multiplication and one sum."""
    if weight is not None and bias is not None:
        shape = _per_channel(x.ndim, x.shape[1])
        return normalize_by(x, mean, var, weight, bias, shape=shape, eps=eps)
    scale = ew.rsqrt(ew.add(var, ew.const_like(eps, var)))
    if weight is not None:
        scale = ew.mul(scale, weight)
    shift = ew.neg(ew.mul(mean, scale))
    if bias is not None:
        shift = ew.add(bias, shift)
    return _scaled(x, scale, shift)


@no_grad()
def _update(
    running_mean: Tensor | None,
    running_var: Tensor | None,
    mean: Node,
    var: Node,
    momentum: float | Tensor,
    count: int,
) -> None:
    """Move running statistics in place towards those of `count` numbers."""
    if running_mean is not None:
        old = running_mean.node
        running_mean.write(blend(old, mean, *_shares(momentum, old)))
    if running_var is not None:
        old, unbiased = running_var.node, count / (count - 1)
        new = blend(old, var, *_shares(momentum, old), factor=unbiased)
        running_var.write(new)


def _shares(momentum: float | Tensor, old: Node) -> tuple[Node, Node]:
    """Return how much of the old and of the new statistics the update takes."""
    if not isinstance(momentum, Tensor):
        return ew.const_like(1 - momentum, old), ew.const_like(momentum, old)
    share = ew.cast(momentum.node, old.dtype)
    return ew.sub(ew.const_like(1, old), share), share


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    r"""Normalise each channel of each sample over all its places.

    .. math:: y = (x - mean) / \sqrt{var + eps} \cdot weight + bias

    Args:
        input: the batch.
        running_mean: a running mean; updated with the samples' average.
        running_var: a running variance; updated with the samples' average.
        weight: the scale of each channel.
        bias: what is added to each channel.
        use_input_stats: normalise with the samples' own statistics; else with the
            running ones.
        momentum: how much of the new statistics enters the running ones.
        eps: what is added to the variance.

    Shape: input (N, C, *) with at least one more dimension, the others (C,); result as
    the input.

    Raises:
        ValueError: one value per channel; a negative eps.
        RuntimeError: sizes or dtypes that do not fit, or no statistics to use.

    Source: torch's page "torch.nn.functional.instance_norm"; Ulyanov et al.,
    arXiv:1607.08022.
    """
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise RuntimeError(
                "instance_norm: Expected running_mean and running_var to be defined "
                "when use_input_stats is false"
            )
        return batch_norm(
            input, running_mean, running_var, weight, bias, False, momentum, eps
        )
    x = node_of("instance_norm", "input", input)
    _check_more_than_one(x, prod(x.shape[2:]), "spatial element")
    _check_eps("instance_norm", eps, training=True)
    check_float("instance_norm", x)
    named = {"running_mean": running_mean, "running_var": running_var}
    _check_channels("instance_norm", x, **named, weight=weight, bias=bias)
    w = _read_parameter("instance_norm", "weight", weight, x)
    b = _read_parameter("instance_norm", "bias", bias, x)
    wide, axes = _widened(x), tuple(range(2, x.ndim))
    mean, var = moments(wide, axes)
    if x.size and (running_mean is not None or running_var is not None):
        count = prod(x.shape[2:])
        mean_var = _over_batch(mean), _over_batch(var)
        _update(running_mean, running_var, *mean_var, momentum, count)
    y = normalize(wide, mean, var, axes=axes, eps=eps)
    return wrap(ew.cast(_scaled(y, w, b), x.dtype))


@no_grad()
def _over_batch(statistics: Node) -> Node:
    return mean_of(statistics, (0,))


# Within a sample


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
) -> Tensor:
    r"""Normalise groups of channels of each sample over all their places.

    .. math:: y = (x - mean) / \sqrt{var + eps} \cdot weight + bias

    Args:
        input: the batch.
        num_groups: how many groups the channels are cut into.
        weight: the scale of each channel.
        bias: what is added to each channel.
        eps: what is added to the variance.

    Shape: input (N, C, *), weight and bias (C,); result as the input.

    Raises:
        RuntimeError: channels that do not divide by the groups; sizes or dtypes that
            do not fit.
        ValueError: one value per group in a batch of one.

    Source: torch's page "torch.nn.functional.group_norm"; Wu and He, arXiv:1803.08494.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.group_norm(torch.tensor([[1., 3., 0., 8.]]), num_groups=2)
        tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """
    x = node_of("group_norm", "input", input)
    _check_groups(x, num_groups)
    for argument, value in (("weight", weight), ("bias", bias)):
        if value is not None and tuple(value.shape) != x.shape[1:2]:
            raise RuntimeError(
                f"group_norm: Expected {argument} to be a vector of size equal to the "
                f"number of channels in input, but got {argument} of shape "
                f"{list(value.shape)} and input of shape {list(x.shape)}"
            )
    check_float("GroupNormKernelImpl", x)
    w = _read_parameter("group_norm", "weight", weight, x)
    b = _read_parameter("group_norm", "bias", bias, x)
    wide = _widened(x)
    size = prod(x.shape[1:]) // num_groups
    grouped = reshape(wide, (x.shape[0], num_groups, size))
    mean, var = moments(grouped, (2,))
    y = reshape(normalize(grouped, mean, var, axes=(2,), eps=eps), x.shape)
    return wrap(ew.cast(_scaled(y, w, b), x.dtype))


def _check_groups(x: Node, groups: int) -> None:
    if x.ndim < 2:
        raise RuntimeError(
            "group_norm: Expected at least 2 dimensions for input tensor but received "
            f"{x.ndim}"
        )
    if groups <= 0:
        raise RuntimeError(
            f"group_norm: Expected num groups to be greater than 0, got {groups}"
        )
    if x.shape[1] % groups:
        raise RuntimeError(
            "group_norm: Expected number of channels in input to be divisible by "
            f"num_groups, but got input of shape {list(x.shape)} and "
            f"num_groups={groups}"
        )
    if x.size == groups:
        _check_more_than_one(x, 1)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
) -> Tensor:
    r"""Normalise over the last dimensions.

    .. math:: y = (x - mean) / \sqrt{var + eps} \cdot weight + bias

    Args:
        input: any shape that ends in `normalized_shape`.
        normalized_shape: the sizes of the dimensions to normalise over.
        weight: the scale of each element of them.
        bias: what is added to each element.
        eps: what is added to the variance.

    Shape: input (*, *normalized_shape), weight and bias (*normalized_shape); result as
    the input.

    Raises:
        RuntimeError: sizes or dtypes that do not fit each other.

    Source: torch's page "torch.nn.functional.layer_norm"; Ba et al., arXiv:1607.06450.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.layer_norm(torch.tensor([[1., 3.], [0., 8.]]), (2,))
        tensor([[-1.0000,  1.0000],
                [-1.0000,  1.0000]])
    """
    x = node_of("layer_norm", "input", input)
    sizes = tuple(normalized_shape)
    _check_last("layer_norm", x, sizes, weight=weight, bias=bias)
    check_float("LayerNormKernelImpl", x)
    w = _read_parameter("layer_norm", "weight", weight, x)
    b = _read_parameter("layer_norm", "bias", bias, x)
    wide, axes = _widened(x), tuple(range(x.ndim - len(sizes), x.ndim))
    mean, var = moments(wide, axes)
    y = normalize(wide, mean, var, axes=axes, eps=eps)
    return wrap(ew.cast(_affine(y, w, b, sizes), x.dtype))


def _check_last(name: str, x: Node, sizes: Shape, **values: Tensor | None) -> None:
    """Check that the input, and each parameter, has the sizes at its end."""
    if not sizes:
        raise RuntimeError(
            f"{name}: Expected normalized_shape to be at least 1-dimensional, i.e., "
            "containing at least one element, but got normalized_shape = []"
        )
    for argument, value in values.items():
        if value is not None and tuple(value.shape) != sizes:
            raise RuntimeError(
                f"{name}: Expected {argument} to be of same shape as normalized_shape, "
                f"but got {argument} of shape {list(value.shape)} and normalized_shape "
                f"= {list(sizes)}"
            )
    if x.shape[-len(sizes) :] != sizes:
        wanted = ", ".join(map(str, ("*", *sizes)))
        raise RuntimeError(
            f"{name}: Given normalized_shape={list(sizes)}, expected input with shape "
            f"[{wanted}], but got input of size{list(x.shape)}"
        )


def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    r"""Divide by the root of the mean square over the last dimensions.

    .. math:: y = x / \sqrt{\overline{x^2} + eps} \cdot weight

    Args:
        input: any shape that ends in `normalized_shape`.
        normalized_shape: the sizes of the dimensions to normalise over.
        weight: the scale of each element of them.
        eps: what is added to the mean square; by default the dtype's epsilon.

    Shape: input (*, *normalized_shape), weight (*normalized_shape); result as the
    input.

    Raises:
        RuntimeError: sizes or dtypes that do not fit each other.

    Source: torch's page "torch.nn.functional.rms_norm"; Zhang and Sennrich,
    arXiv:1910.07467.
    """
    x = node_of("rms_norm", "input", input)
    sizes = tuple(normalized_shape)
    _check_last("rms_norm", x, sizes, weight=weight)
    check_float("rms_norm", x)
    wide = _widened(x)
    if eps is None:
        eps = float(ml_dtypes.finfo(wide.dtype.numpy).eps)
    axes = tuple(range(x.ndim - len(sizes), x.ndim))
    power = mean_of(ew.square(wide), axes, keepdims=True)
    scale = ew.rsqrt(ew.add(power, ew.const_like(eps, power)))
    y = ew.mul(wide, scale)
    if weight is not None:  # of any dtype; the result has the input's
        w = node_of("rms_norm", "weight", weight)
        kind = dt.promote_types(y.dtype, w.dtype)
        y = _affine(ew.cast(y, kind), ew.cast(w, kind), None, w.shape)
    return wrap(ew.cast(y, x.dtype))


# Over neighbouring channels


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    r"""Divide by a power of the mean square of the channels around each.

    .. math:: y_c = x_c / (k + \frac{\alpha}{n} \sum_{|i - c| \le n / 2} x_i^2)^\beta

    Args:
        input: the images.
        size: n, how many channels count; those beyond the ends count as 0.
        alpha: the factor of the mean.
        beta: the power.
        k: what is added to the mean.

    Shape: input (N, C, *) with at least one more dimension; result as the input.

    Raises:
        ValueError: fewer dimensions.
        RuntimeError: a size that is not positive.

    Source: torch's page "torch.nn.functional.local_response_norm"; Krizhevsky et al.,
    "ImageNet Classification with Deep Convolutional Neural Networks" (2012).
    """
    x = node_of("local_response_norm", "input", input)
    if x.ndim < 3:
        raise ValueError(
            "local_response_norm: Expected 3D or higher dimensionality input (got "
            f"{x.ndim} dimensions)"
        )
    if not x.size:
        return input
    batch, channels = x.shape[:2]
    rows = reshape(ew.square(x), (batch, 1, channels, prod(x.shape[2:])))
    padded = pad(wrap(rows), (0, 0, size // 2, (size - 1) // 2))
    around = reshape(avg_pool2d(padded, (size, 1), stride=1).node, x.shape)
    return input / (wrap(around) * alpha + k) ** beta
