"""Layers that have taken up the batch norm behind them, for inference."""

from __future__ import annotations

import copy

from ...tensor import Tensor
from ...tensor.creation import ones_like, zeros_like
from ..batchnorm import _BatchNorm
from ..conv import _ConvNd
from ..linear import Linear
from ..parameter import Parameter

__all__ = [
    "fuse_conv_bn_eval",
    "fuse_conv_bn_weights",
    "fuse_linear_bn_eval",
    "fuse_linear_bn_weights",
]

Fused = tuple[Parameter, Parameter]


def fuse_conv_bn_eval(
    conv: _ConvNd, bn: _BatchNorm, transpose: bool = False
) -> _ConvNd:
    """Return one convolution that does what a convolution and a batch norm do.

    The compiler does the same by itself: this is for models that are saved.

    Args:
        conv: the convolution, in eval mode.
        bn: the batch norm, in eval mode and with running statistics.
        transpose: the convolution is a transposed one.

    Raises:
        AssertionError: a layer is in training mode, or there are no statistics.

    Source: torch's page ``torch.nn.utils.fuse_conv_bn_eval``.

    Example:
        >>> from flambeau import nn
        >>> fuse_conv_bn_eval(nn.Conv1d(1, 2, 3).eval(), nn.BatchNorm1d(2).eval())
        Conv1d(1, 2, kernel_size=(3,), stride=(1,))
    """
    mean, variance = _statistics(conv, bn)
    fused = copy.deepcopy(conv)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight,
        fused.bias,
        mean,
        variance,
        bn.eps,
        bn.weight,
        bn.bias,
        transpose,
    )
    return fused


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> Fused:
    """Return the weight and the bias of `fuse_conv_bn_eval`.

    Args:
        conv_w: the convolution's weight.
        conv_b: its bias.
        bn_rm: the running mean.
        bn_rv: the running variance.
        bn_eps: what is added to it.
        bn_w: the batch norm's weight.
        bn_b: its bias.
        transpose: the convolution is a transposed one.

    Source: torch's page ``torch.nn.utils.fuse_conv_bn_weights``.

    Example:
        >>> import flambeau as torch
        >>> mean, variance = torch.tensor([2.0]), torch.tensor([4.0])
        >>> weight = torch.tensor([[[6.0]]])
        >>> w, b = fuse_conv_bn_weights(weight, None, mean, variance, 0, None, None)
        >>> w.item(), b.item()
        (3.0, -1.0)
    """
    shape = [1] * conv_w.dim()
    shape[1 if transpose else 0] = -1
    return _fused(conv_w, conv_b, (bn_rm, bn_rv, bn_eps), bn_w, bn_b, shape)


def fuse_linear_bn_eval(linear: Linear, bn: _BatchNorm) -> Linear:
    """Return one linear layer that does what a linear layer and a batch norm do.

    Args:
        linear: the layer, in eval mode.
        bn: the batch norm, in eval mode and with running statistics.

    Raises:
        AssertionError: a layer is in training mode, there are no statistics, or their
            number is not that of the outputs.

    Source: torch's page ``torch.nn.utils.fuse_linear_bn_eval``.

    Example:
        >>> from flambeau import nn
        >>> fuse_linear_bn_eval(nn.Linear(1, 2).eval(), nn.BatchNorm1d(2).eval())
        Linear(in_features=1, out_features=2, bias=True)
    """
    mean, variance = _statistics(linear, bn)
    if bn.num_features not in (linear.out_features, 1):
        raise AssertionError(
            "To fuse, linear.out_features == bn.num_features or bn.num_features == 1, "
            f"got linear.out_features={linear.out_features} and "
            f"bn.num_features={bn.num_features}"
        )
    fused = copy.deepcopy(linear)
    fused.weight, fused.bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, mean, variance, bn.eps, bn.weight, bn.bias
    )
    return fused


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
) -> Fused:
    """Return the weight and the bias of `fuse_linear_bn_eval`.

    The arguments are those of `fuse_conv_bn_weights`.

    Source: torch's page ``torch.nn.utils.fuse_linear_bn_weights``.

    Example:
        >>> import flambeau as torch
        >>> mean, variance = torch.tensor([2.0]), torch.tensor([4.0])
        >>> weight = torch.tensor([[6.0]])
        >>> w, b = fuse_linear_bn_weights(weight, None, mean, variance, 0, None, None)
        >>> w.item(), b.item()
        (3.0, -1.0)
    """
    return _fused(linear_w, linear_b, (bn_rm, bn_rv, bn_eps), bn_w, bn_b, [-1, 1])


def _statistics(layer: _ConvNd | Linear, bn: _BatchNorm) -> tuple[Tensor, Tensor]:
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("bn.running_mean and bn.running_var must not be None")
    return bn.running_mean, bn.running_var


def _fused(
    weight: Tensor,
    bias: Tensor | None,
    statistics: tuple[Tensor, Tensor, float],
    scale: Tensor | None,
    shift: Tensor | None,
    shape: list[int],
) -> Fused:
    mean, variance, eps = statistics
    bias = zeros_like(mean) if bias is None else bias
    scale = ones_like(mean) if scale is None else scale
    shift = zeros_like(mean) if shift is None else shift
    scale = scale * (variance + eps).rsqrt()
    fused_weight = (weight * scale.reshape(shape)).to(weight.dtype)
    fused_bias = ((bias - mean) * scale + shift).to(bias.dtype)
    return (
        Parameter(fused_weight.detach(), weight.requires_grad),
        Parameter(fused_bias.detach(), bias.requires_grad),
    )
