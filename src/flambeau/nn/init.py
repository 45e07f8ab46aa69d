"""Initial values of parameters; torch's ``torch.nn.init``, from the same stream."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ..autograd import no_grad
from ..random import Generator
from ..tensor import Tensor
from ..tensor.creation import empty, from_numpy
from ..tensor.creation import eye as eye_matrix
from ..tensor.handle import settle_fill
from ..tensor.matrices import qr
from ..tensor.randomness import randperm, truncated_normal_

__all__ = [
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "normal",
    "normal_",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "sparse",
    "sparse_",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros_",
]

_GAINS: dict[str, float] = {
    **{
        f"conv{transposed}{n}d": 1
        for transposed in ("", "_transpose")
        for n in (1, 2, 3)
    },
    "linear": 1,
    "sigmoid": 1,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    r"""Return the factor by which weights before a nonlinearity are enlarged.

    It is :math:`\sqrt{2 / (1 + slope^2)}` for a leaky ReLU, the square root of 2 for
    ReLU, 5/3 for tanh, 3/4 for SELU and 1 for linear layers and the sigmoid.

    Args:
        nonlinearity: the name of a function of `nn.functional`.
        param: the negative slope of "leaky_relu", 0.01 unless given.

    Raises:
        ValueError: an unknown nonlinearity, or a slope that is no number.

    Source: torch's page "torch.nn.init".

    Example:
        >>> calculate_gain("leaky_relu", 1)
        1.0
    """
    if nonlinearity in _GAINS:
        return _GAINS[nonlinearity]
    if nonlinearity != "leaky_relu":
        raise ValueError(
            f"Unsupported nonlinearity {nonlinearity}; known are leaky_relu, "
            f"{', '.join(_GAINS)}"
        )
    slope = 0.01 if param is None else param
    if isinstance(slope, bool) or not isinstance(slope, (int, float)):
        raise ValueError(f"negative_slope {param} not a valid number")
    return math.sqrt(2 / (1 + slope**2))


# From one distribution


@no_grad()
def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill with draws from the uniform distribution on [a, b).

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> generator = torch.manual_seed(0)
        >>> nn.init.uniform_(torch.empty(2))
        tensor([0.4963, 0.7682])
    """
    return tensor.uniform_(a, b, generator=generator)


@no_grad()
def normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    generator: Generator | None = None,
) -> Tensor:
    """Fill with draws from the normal distribution."""
    return tensor.normal_(mean, std, generator=generator)


@no_grad()
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Fill with draws from the part of the normal distribution that lies in [a, b]."""
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The "
            "distribution of values may be incorrect.",
            stacklevel=3,
        )
    return truncated_normal_(tensor, mean, std, a, b, generator=generator)


# Without randomness


@no_grad()
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with a number."""
    tensor.fill_(val)
    settle_fill(tensor)
    return tensor


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    return constant_(tensor, 0.0)


def _check_ndim(name: str, tensor: Tensor, allowed: tuple[int, ...], text: str) -> None:
    if tensor.ndim not in allowed:
        raise ValueError(
            f"Only tensors with {text} dimensions are supported: {name} got shape "
            f"{tuple(tensor.shape)}"
        )


@no_grad()
def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with ones on the diagonal and zeros elsewhere.

    Raises:
        ValueError: the tensor is no matrix.
    """
    _check_ndim("eye_", tensor, (2,), "2")
    return tensor.copy_(eye_matrix(*tensor.shape))


@no_grad()
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Make a convolution's weight pass on as many channels unchanged as it can.

    Args:
        tensor: the weight, of three to five dimensions.
        groups: how many groups of channels each do so.

    Raises:
        ValueError: another number of dimensions, or output channels that do not divide
            by the groups.
    """
    _check_ndim("dirac_", tensor, (3, 4, 5), "3, 4, or 5")
    outputs, inputs, *kernel = tensor.shape
    if outputs % groups:
        raise ValueError(
            f"dim 0 must be divisible by groups: dirac_ got {outputs} output channels "
            f"and {groups} groups"
        )
    values = np.zeros(tuple(tensor.shape))
    centre = tuple(size // 2 for size in kernel)
    for group in range(groups):
        for channel in range(min(outputs // groups, inputs)):
            values[(group * (outputs // groups) + channel, channel, *centre)] = 1
    return tensor.copy_(from_numpy(values))


# Scaled to the number of connections


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """Return how many inputs an output has, and how many outputs an input has."""
    if tensor.ndim < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 "
            f"dimensions, got shape {tuple(tensor.shape)}"
        )
    outputs, inputs, *kernel = tensor.shape
    return inputs * prod(kernel), outputs * prod(kernel)


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    """Return the number of connections that `mode`, "fan_in" or "fan_out", names."""
    modes = ["fan_in", "fan_out"]
    if mode.lower() not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {modes}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode.lower())]


def _xavier_std(tensor: Tensor, gain: float) -> float:
    return gain * math.sqrt(2.0 / float(sum(_calculate_fan_in_and_fan_out(tensor))))


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    r"""Fill with uniform draws of variance :math:`2 gain^2 / (fan_{in} + fan_{out})`.

    Raises:
        ValueError: fewer than two dimensions.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep
    feedforward neural networks" (2010).
    """
    bound = math.sqrt(3.0) * _xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    r"""Fill with normal draws of variance :math:`2 gain^2 / (fan_{in} + fan_{out})`.

    Raises:
        ValueError: fewer than two dimensions.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep
    feedforward neural networks" (2010).
    """
    return normal_(tensor, 0.0, _xavier_std(tensor, gain), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    fan = _calculate_correct_fan(tensor, mode)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def _has_no_elements(tensor: Tensor) -> bool:
    if tensor.numel():
        return False
    warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
    return True


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    r"""Fill with uniform draws of variance :math:`gain^2 / fan`.

    Args:
        tensor: the weight.
        a: the negative slope of the leaky ReLU behind the layer.
        mode: "fan_in" to keep the variance in the forward pass, "fan_out" backward.
        nonlinearity: what is behind the layer, as in `calculate_gain`.
        generator: what to draw from.

    Raises:
        ValueError: fewer than two dimensions, or an unknown mode or nonlinearity.

    Source: He et al., arXiv:1502.01852.
    """
    if _has_no_elements(tensor):
        return tensor
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    r"""Fill with normal draws of variance :math:`gain^2 / fan`.

    Args:
        tensor: the weight.
        a: the negative slope of the leaky ReLU behind the layer.
        mode: "fan_in" to keep the variance in the forward pass, "fan_out" backward.
        nonlinearity: what is behind the layer, as in `calculate_gain`.
        generator: what to draw from.

    Raises:
        ValueError: fewer than two dimensions, or an unknown mode or nonlinearity.

    Source: He et al., arXiv:1502.01852.
    """
    if _has_no_elements(tensor):
        return tensor
    return normal_(tensor, 0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


# Structured


@no_grad()
def orthogonal_(
    tensor: Tensor, gain: float = 1, generator: Generator | None = None
) -> Tensor:
    """Fill with a matrix of orthonormal rows or columns, times `gain`.

    Args:
        tensor: two or more dimensions; the ones behind the first count as one.
        gain: the length of the rows or columns.
        generator: what to draw from.

    Raises:
        ValueError: fewer than two dimensions.

    Source: Saxe et al., arXiv:1312.6120; Mezzadri, arXiv:math-ph/0609050, for the
    signs that make it uniform.
    """
    if tensor.ndim < 2:
        raise ValueError(
            "Only tensors with 2 or more dimensions are supported: orthogonal_ got "
            f"shape {tuple(tensor.shape)}"
        )
    if not tensor.numel():
        return tensor
    rows, columns = tensor.shape[0], tensor.numel() // tensor.shape[0]
    drawn = empty(rows, columns, dtype=tensor.dtype).normal_(generator=generator)
    q, r = qr(drawn.t() if rows < columns else drawn)
    q = q * r.diagonal().sign()
    q = q.t() if rows < columns else q
    return tensor.copy_(q.reshape(tensor.shape)).mul_(gain)


@no_grad()
def sparse_(
    tensor: Tensor,
    sparsity: float,
    std: float = 0.01,
    generator: Generator | None = None,
) -> Tensor:
    """Fill a matrix with normal draws, and a part of each column with zeros.

    Args:
        tensor: a matrix.
        sparsity: the part of each column that becomes 0.
        std: the standard deviation of the others.
        generator: what to draw the numbers from; the places come from the default one.

    Raises:
        ValueError: the tensor is no matrix.

    Source: Martens, "Deep learning via Hessian-free optimization" (2010).
    """
    _check_ndim("sparse_", tensor, (2,), "2")
    rows, columns = tensor.shape
    tensor.normal_(0, std, generator=generator)
    dropped = np.zeros((rows, columns), np.bool_)
    for column in range(columns):
        places = randperm(rows).numpy()[: math.ceil(sparsity * rows)]
        dropped[places, column] = True
    return tensor.masked_fill_(from_numpy(dropped), 0)


# Names from before the underscore


def _deprecated(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    name = function.__name__[:-1]

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(
            f"`nn.init.{name}` is now deprecated in favor of "
            f"`nn.init.{function.__name__}`.",
            FutureWarning,
            stacklevel=2,
        )
        return function(*args, **kwargs)

    run.__name__ = name
    run.__doc__ = f"Do what `{function.__name__}` does, with a warning: use that name."
    return run


uniform = _deprecated(uniform_)
normal = _deprecated(normal_)
constant = _deprecated(constant_)
eye = _deprecated(eye_)
dirac = _deprecated(dirac_)
xavier_uniform = _deprecated(xavier_uniform_)
xavier_normal = _deprecated(xavier_normal_)
kaiming_uniform = _deprecated(kaiming_uniform_)
kaiming_normal = _deprecated(kaiming_normal_)
orthogonal = _deprecated(orthogonal_)
sparse = _deprecated(sparse_)
