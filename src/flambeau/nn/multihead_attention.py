"""Attention with several heads."""

from __future__ import annotations

from typing import Any

from ..devices import device as Device
from ..dtypes import dtype as DType
from ..tensor import Tensor
from ..tensor.creation import empty
from . import init
from .functional.multi_head_attention import Projections, attend
from .linear import NonDynamicallyQuantizableLinear
from .module import Module
from .parameter import Parameter

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    r"""Let sequences of queries look for keys, and return the values found there.

    Each of H heads projects queries, keys and values to E / H features and returns
    :math:`softmax(Q K^T / \sqrt{E / H}) V`; another projection joins them.

    The weights of the three projections are drawn from Xavier's uniform distribution,
    that of the output as in `Linear`; biases are 0.

    Args:
        embed_dim: the features of queries and of the result, E.
        num_heads: how many heads share them, H.
        dropout: the rate of dropout of the attention weights.
        bias: add biases to the projections.
        add_bias_kv: add a learned key and value to those of every sequence.
        add_zero_attn: add a key and a value of zeros.
        kdim: the features of the keys; E if not given.
        vdim: those of the values; E if not given.
        batch_first: the batch is the first dimension of inputs and result.
        device: where the parameters are: the CPU.
        dtype: their dtype.

    Shape: query (L, N, E), key (S, N, kdim), value (S, N, vdim), or (N, L, E) and so on
        with `batch_first`, or without N; `key_padding_mask` (N, S), `attn_mask` (L, S)
        or (N H, L, S). The output has the shape of the query; the weights are
        (N, L, S), or (N, H, L, S) where they are not averaged.

    Raises:
        ValueError, AssertionError: sizes that do not exist (torch's types).
        AssertionError, RuntimeError: of the call: shapes or dtypes that do not fit.

    Source: torch's page "torch.nn.MultiheadAttention"; Vaswani et al.,
    arXiv:1706.03762.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> x = torch.ones(2, 5, 8)
        >>> output, weights = nn.MultiheadAttention(8, 2, batch_first=True)(x, x, x)
        >>> output.shape, weights.shape
        (torch.Size([2, 5, 8]), torch.Size([2, 5, 5]))
    """

    in_proj_weight: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        _check(embed_dim, num_heads)
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        options: dict[str, Any] = {"device": device, "dtype": dtype}
        self._make_projections(bias, options)
        self.out_proj = NonDynamicallyQuantizableLinear(
            embed_dim, embed_dim, bias=bias, **options
        )
        self.bias_k = self.bias_v = None
        if add_bias_kv:
            self.bias_k = Parameter(empty(1, 1, embed_dim, **options))
            self.bias_v = Parameter(empty(1, 1, embed_dim, **options))
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _make_projections(self, bias: bool, options: dict[str, Any]) -> None:
        size = self.embed_dim
        features = {"q": size, "k": self.kdim, "v": self.vdim}
        if self._qkv_same_embed_dim:
            self.in_proj_weight = Parameter(empty(3 * size, size, **options))
            for name in features:
                self.register_parameter(f"{name}_proj_weight", None)
        else:
            for name, each in features.items():
                weight = Parameter(empty(size, each, **options))
                setattr(self, f"{name}_proj_weight", weight)
            self.register_parameter("in_proj_weight", None)
        if bias:
            self.in_proj_bias = Parameter(empty(3 * size, **options))
        else:
            self.register_parameter("in_proj_bias", None)

    def _reset_parameters(self) -> None:
        apart = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        for each in (self.in_proj_weight, *apart):
            if each is not None:
                init.xavier_uniform_(each)
        if self.in_proj_bias is not None and self.out_proj.bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for each in (self.bias_k, self.bias_v):
            if each is not None:
                init.xavier_normal_(each)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Return what is found, and where, if that is wanted.

        Args:
            query, key, value: the sequences.
            key_padding_mask: True where a key is padding, or what is added to scores.
            need_weights: also return the weights, else None.
            attn_mask: True where a query may not see a key, or what is added.
            average_attn_weights: return the mean of the heads' weights.
            is_causal: `attn_mask` is the causal one.
        """
        if query.shape[-1] != self.embed_dim and query.dim() in (2, 3):
            raise AssertionError(
                f"was expecting embedding dimension of {self.embed_dim}, but got "
                f"{query.shape[-1]}"
            )
        apart = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        return attend(
            query,
            key,
            value,
            Projections(
                self.num_heads,
                self.in_proj_weight,
                apart,
                self.in_proj_bias,
                self.out_proj.weight,
                self.out_proj.bias,
                self.bias_k,
                self.bias_v,
                self.add_zero_attn,
            ),
            self.dropout if self.training else 0.0,
            key_padding_mask,
            attn_mask,
            need_weights,
            average_attn_weights,
            is_causal,
            batch_axis=0 if self.batch_first and query.dim() == 3 else 1,
        )


def _check(embed_dim: int, num_heads: int) -> None:
    if embed_dim <= 0 or num_heads <= 0:
        raise ValueError(
            "embed_dim and num_heads must be greater than 0, got "
            f"embed_dim={embed_dim} and num_heads={num_heads} instead"
        )
    if embed_dim % num_heads:
        raise AssertionError(
            "embed_dim must be divisible by num_heads, but "
            f"{embed_dim} = {num_heads} * {embed_dim / num_heads:.4g}"
        )
