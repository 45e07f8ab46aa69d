"""Torch's top-level functions of layers: `torch.conv2d`, `torch.batch_norm` and so on.

Most are those of `nn.functional`; a few take their arguments in another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import normalization, sparse
from .activation import celu, celu_, prelu, relu_, rrelu, rrelu_, selu, selu_
from .adaptive_pooling import adaptive_avg_pool1d, adaptive_max_pool1d
from .avg_pooling import avg_pool1d
from .conv import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from .distance import cosine_similarity, pairwise_distance, pdist
from .dropout import alpha_dropout, dropout
from .max_pooling import max_pool1d, max_pool2d, max_pool3d
from .normalization import rms_norm
from .plain_recurrent import (
    gru,
    gru_cell,
    lstm,
    lstm_cell,
    rnn_relu,
    rnn_relu_cell,
    rnn_tanh,
    rnn_tanh_cell,
)
from .shrinkage import hardshrink, threshold, threshold_
from .vision import channel_shuffle, pixel_shuffle, pixel_unshuffle

if TYPE_CHECKING:
    from ...tensor import Tensor

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_max_pool1d",
    "alpha_dropout",
    "avg_pool1d",
    "batch_norm",
    "celu",
    "celu_",
    "channel_shuffle",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cosine_similarity",
    "dropout",
    "embedding",
    "group_norm",
    "gru",
    "gru_cell",
    "hardshrink",
    "instance_norm",
    "layer_norm",
    "lstm",
    "lstm_cell",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "pairwise_distance",
    "pdist",
    "pixel_shuffle",
    "pixel_unshuffle",
    "prelu",
    "relu_",
    "rms_norm",
    "rnn_relu",
    "rnn_relu_cell",
    "rnn_tanh",
    "rnn_tanh_cell",
    "rrelu",
    "rrelu_",
    "selu",
    "selu_",
    "threshold",
    "threshold_",
]


def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = False,
) -> Tensor:
    """Do `nn.functional.batch_norm`, with the parameters first.

    Example:
        >>> import flambeau as torch
        >>> x = torch.tensor([[1.0], [3.0]])
        >>> torch.batch_norm(x, None, None, None, None, True, 0.1, 1e-5, False)
        tensor([[-1.0000],
                [ 1.0000]])
    """
    return normalization.batch_norm(
        input, running_mean, running_var, weight, bias, training, momentum, eps
    )


def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = False,
) -> Tensor:
    """Do `nn.functional.instance_norm`, with the parameters first."""
    return normalization.instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = False,
) -> Tensor:
    """Do `nn.functional.layer_norm`."""
    return normalization.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = False,
) -> Tensor:
    """Do `nn.functional.group_norm`."""
    return normalization.group_norm(input, num_groups, weight, bias, eps)


def embedding(
    weight: Tensor,
    indices: Tensor,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse_: bool = False,
) -> Tensor:
    """Do `nn.functional.embedding`, with the table first.

    Example:
        >>> import flambeau as torch
        >>> torch.embedding(torch.tensor([[1.0], [2.0]]), torch.tensor([1]))
        tensor([[2.]])
    """
    padding = None if padding_idx < 0 else padding_idx
    return sparse.embedding(
        indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq
    )
