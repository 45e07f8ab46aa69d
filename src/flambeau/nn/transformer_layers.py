"""The layers that transformers stack: of the encoder, and of the decoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..devices import device as Device
from ..dtypes import dtype as DType
from ..tensor import Tensor
from . import functional as F
from .activation import GELU, ReLU
from .dropout import Dropout
from .functional.multi_head_attention import canonical_mask
from .linear import Linear
from .module import Module
from .multihead_attention import MultiheadAttention
from .normalization import LayerNorm

__all__ = ["TransformerDecoderLayer", "TransformerEncoderLayer"]

Activation = str | Callable[[Tensor], Tensor]


class _Layer(Module):
    """What both kinds share: attention and two linear layers, each in a residual.

    The parts are made in torch's order, in which they also draw their parameters.
    """

    def __init__(
        self,
        attentions: tuple[str, ...],
        d_model: int,
        nhead: int,
        dim_feedforward: int,
        dropout: float,
        activation: Activation,
        layer_norm_eps: float,
        batch_first: bool,
        norm_first: bool,
        bias: bool,
        options: dict[str, Any],
    ) -> None:
        super().__init__()
        for name in attentions:
            attention = MultiheadAttention(
                d_model, nhead, dropout, bias, batch_first=batch_first, **options
            )
            setattr(self, name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **options)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **options)
        self.norm_first = norm_first
        self._parts = range(1, len(attentions) + 2)
        for at in self._parts:
            norm = LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **options)
            setattr(self, f"norm{at}", norm)
        for at in self._parts:
            setattr(self, f"dropout{at}", Dropout(dropout))
        self.activation = _function(activation)

    def _residual(self, x: Tensor, *blocks: Callable[[Tensor], Tensor]) -> Tensor:
        """Add what each block makes, normalised before the block or after the sum."""
        for at, block in enumerate(blocks, 1):
            norm, dropout = getattr(self, f"norm{at}"), getattr(self, f"dropout{at}")
            if self.norm_first:
                x = x + dropout(block(norm(x)))
            else:
                x = norm(x + dropout(block(x)))
        return x

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


def _function(activation: Activation) -> Callable[[Tensor], Tensor]:
    if not isinstance(activation, str):
        return activation
    if activation not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {activation}")
    found: Callable[[Tensor], Tensor] = getattr(F, activation)
    return found


class TransformerEncoderLayer(_Layer):
    """Self-attention, then two linear layers for each element, both in a residual.

    Args:
        d_model: the features, E.
        nhead: how many heads attention has.
        dim_feedforward: the features between the two linear layers.
        dropout: the rate of dropout of attention weights, of the features between, and
            of what is added.
        activation: "relu", "gelu" or a function, between the linear layers.
        layer_norm_eps: the eps of layer norm.
        batch_first: the batch is the first dimension.
        norm_first: normalise what goes into a block, not the sum that comes out.
        bias: have biases.
        device: where the parameters are: the CPU.
        dtype: their dtype.

    Shape: `src` (S, N, E), (N, S, E) with `batch_first`, or (S, E); result as `src`;
        masks as in `MultiheadAttention`.

    Raises:
        RuntimeError: another name of an activation.

    Source: torch's page "torch.nn.TransformerEncoderLayer"; Vaswani et al.,
    arXiv:1706.03762; Xiong et al., arXiv:2002.04745, for `norm_first`.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.TransformerEncoderLayer(8, nhead=2)(torch.ones(5, 2, 8)).shape
        torch.Size([5, 2, 8])
    """

    self_attn: MultiheadAttention

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(
            ("self_attn",),
            d_model,
            nhead,
            dim_feedforward,
            dropout,
            activation,
            layer_norm_eps,
            batch_first,
            norm_first,
            bias,
            {"device": device, "dtype": dtype},
        )
        is_relu = self.activation is F.relu or isinstance(self.activation, ReLU)
        is_gelu = self.activation is F.gelu or isinstance(self.activation, GELU)
        self.activation_relu_or_gelu = 1 if is_relu else 2 if is_gelu else 0

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Return the elements after both blocks.

        Args:
            src: the sequences.
            src_mask: True where an element may not see another, or what is added.
            src_key_padding_mask: True where an element is padding, or what is added.
            is_causal: `src_mask` is the causal one.
        """
        padding = canonical_mask(
            src_key_padding_mask,
            "src_key_padding_mask",
            src.dtype,
            src_mask,
            "src_mask",
        )
        mask = canonical_mask(src_mask, "src_mask", src.dtype)

        def attend(x: Tensor) -> Tensor:
            found: Tensor = self.self_attn(
                x,
                x,
                x,
                padding,
                need_weights=False,
                attn_mask=mask,
                is_causal=is_causal,
            )[0]
            return found

        return self._residual(src, attend, self._feed_forward)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to a memory, then two linear layers for each element.

    Args:
        d_model: the features, E.
        nhead: how many heads attention has.
        dim_feedforward: the features between the two linear layers.
        dropout: the rate of dropout of attention weights, of the features between, and
            of what is added.
        activation: "relu", "gelu" or a function, between the linear layers.
        layer_norm_eps: the eps of layer norm.
        batch_first: the batch is the first dimension.
        norm_first: normalise what goes into a block, not the sum that comes out.
        bias: have biases.
        device: where the parameters are: the CPU.
        dtype: their dtype.

    Shape: `tgt` (T, N, E) and `memory` (S, N, E), (N, T, E) and (N, S, E) with
        `batch_first`, or without N; result as `tgt`; masks as in `MultiheadAttention`.

    Raises:
        RuntimeError: another name of an activation.

    Source: torch's page "torch.nn.TransformerDecoderLayer"; Vaswani et al.,
    arXiv:1706.03762.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> layer = nn.TransformerDecoderLayer(8, nhead=2)
        >>> layer(torch.ones(5, 2, 8), torch.ones(7, 2, 8)).shape
        torch.Size([5, 2, 8])
    """

    self_attn: MultiheadAttention
    multihead_attn: MultiheadAttention

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(
            ("self_attn", "multihead_attn"),
            d_model,
            nhead,
            dim_feedforward,
            dropout,
            activation,
            layer_norm_eps,
            batch_first,
            norm_first,
            bias,
            {"device": device, "dtype": dtype},
        )

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Return the elements after the three blocks.

        Args:
            tgt: the sequences.
            memory: what the second attention looks into.
            tgt_mask, memory_mask: True where an element may not see another, or what is
                added.
            tgt_key_padding_mask, memory_key_padding_mask: True where an element is
                padding, or what is added.
            tgt_is_causal, memory_is_causal: the masks are the causal ones.
        """

        def attend(x: Tensor) -> Tensor:
            found: Tensor = self.self_attn(
                x,
                x,
                x,
                tgt_key_padding_mask,
                need_weights=False,
                attn_mask=tgt_mask,
                is_causal=tgt_is_causal,
            )[0]
            return found

        def remember(x: Tensor) -> Tensor:
            found: Tensor = self.multihead_attn(
                x,
                memory,
                memory,
                memory_key_padding_mask,
                need_weights=False,
                attn_mask=memory_mask,
                is_causal=memory_is_causal,
            )[0]
            return found

        return self._residual(tgt, attend, remember, self._feed_forward)
