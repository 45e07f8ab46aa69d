"""Normalisation."""

from __future__ import annotations

import flambeau as fl

from ...nn import functional as F
from ...tensor import Tensor
from .call import Call, operator

__all__: list[str] = []


@operator("BatchNormalization")
def batch_norm(call: Call) -> Tensor | tuple[Tensor, ...]:
    """Normalise each channel with running moments, or while training the batch's."""
    x, weight, bias, mean, var = (call[at] for at in range(5))
    eps = call.get("epsilon", 1e-5)
    fixed = bool(call.get("training_mode", 0))
    if not fixed and not call.training:
        return F.batch_norm(x, mean, var, weight, bias, False, 0.0, eps)
    share = 1 - call.get("momentum", 0.9)
    if not fixed:
        return F.batch_norm(x, mean, var, weight, bias, True, share, eps)
    result = F.batch_norm(x, None, None, weight, bias, True, share, eps)
    axes = (0, *range(2, x.ndim))
    new_mean = mean * (1 - share) + x.mean(axes) * share
    new_var = var * (1 - share) + x.var(axes, correction=0) * share
    return (result, new_mean, new_var)[: call.outputs]


@operator("InstanceNormalization")
def instance_norm(call: Call) -> Tensor:
    """Normalise each channel of each sample."""
    eps = call.get("epsilon", 1e-5)
    return F.instance_norm(call[0], weight=call[1], bias=call[2], eps=eps)


@operator("GroupNormalization")
def group_norm(call: Call) -> Tensor:
    """Normalise groups of channels; before opset 21 the scale is one per group."""
    x, weight, bias, groups = call[0], call[1], call[2], call.get("num_groups")
    if weight.numel() != x.shape[1]:
        weight = weight.repeat_interleave(x.shape[1] // groups)
        bias = bias.repeat_interleave(x.shape[1] // groups)
    return F.group_norm(x, groups, weight, bias, call.get("epsilon", 1e-5))


@operator("LayerNormalization")
def layer_norm(call: Call) -> Tensor | tuple[Tensor, ...]:
    """Normalise over the dimensions from an axis on."""
    x, weight, bias = call[0], call[1], call.optional(2)
    sizes = x.shape[call.get("axis", -1) % x.ndim :]
    eps = call.get("epsilon", 1e-5)
    y = F.layer_norm(x, sizes, eps=eps) * weight
    y = y if bias is None else y + bias
    if call.outputs == 1:
        return y
    axes = tuple(range(-len(sizes), 0))
    mean = x.mean(axes, keepdim=True)
    spread = fl.rsqrt(x.var(axes, correction=0, keepdim=True) + eps)
    return (y, mean, spread)[: call.outputs]


@operator("RMSNormalization")
def rms_norm(call: Call) -> Tensor:
    """Divide by the root of the mean square over the dimensions from an axis on."""
    x = call[0]
    sizes = x.shape[call.get("axis", -1) % x.ndim :]
    return F.rms_norm(x, sizes, eps=call.get("epsilon", 1e-5)) * call[1]


@operator("LRN")
def lrn(call: Call) -> Tensor:
    """Divide by a power of the mean square of the channels around each."""
    x, size = call[0], call.get("size")
    alpha, beta = call.get("alpha", 1e-4), call.get("beta", 0.75)
    squares = x.square()
    before = (size - 1) // 2
    wide = F.pad(squares, [0, 0] * (x.ndim - 2) + [before, size - 1 - before])
    total = wide.unfold(1, size, 1).sum(-1)
    return x / (call.get("bias", 1.0) + alpha / size * total) ** beta


@operator("LpNormalization")
def lp_normalization(call: Call) -> Tensor:
    """Divide by the p-norm along an axis."""
    x, axis, p = call[0], call.get("axis", -1), call.get("p", 2)
    norm = x.norm(p, axis, keepdim=True)
    return fl.where(norm == 0, fl.zeros_like(x), x / norm)


@operator("MeanVarianceNormalization")
def mean_variance_normalization(call: Call) -> Tensor:
    """Subtract the mean and divide by the deviation over axes."""
    x, axes = call[0], tuple(call.get("axes", [0, 2, 3]))
    centred = x - x.mean(axes, keepdim=True)
    return centred / (centred.square().mean(axes, keepdim=True).sqrt() + 1e-9)
