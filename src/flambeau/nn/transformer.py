"""Transformers: an encoder, a decoder, and both together."""

from __future__ import annotations

import copy
from collections.abc import Callable
from math import inf
from typing import Any

from ..devices import device as Device
from ..dtypes import dtype as DType
from ..graph import state
from ..tensor import Tensor
from ..tensor.creation import full
from . import functional as F
from . import init
from .container import ModuleList
from .functional.multi_head_attention import canonical_mask
from .module import Module
from .normalization import LayerNorm
from .transformer_layers import TransformerDecoderLayer, TransformerEncoderLayer

__all__ = ["Transformer", "TransformerDecoder", "TransformerEncoder"]


def _causal_mask(
    size: int, device: str | Device | None = None, dtype: DType | None = None
) -> Tensor:
    return full((size, size), -inf, device=device, dtype=dtype).triu(1)


def _is_causal(mask: Tensor | None, stated: bool | None, x: Tensor, axis: int) -> bool:
    """Whether a mask hides what comes later and nothing else, if that is not stated."""
    if stated is not None or mask is None:
        return bool(stated)
    size = x.shape[0] if x.dim() == 2 else x.shape[axis]
    if tuple(mask.shape) != (size, size):
        return False
    return bool((mask == _causal_mask(size, dtype=mask.dtype)).all())


def _clones(layer: Module, count: int) -> ModuleList:
    return ModuleList([copy.deepcopy(layer) for _ in range(count)])


class TransformerEncoder(Module):
    """A stack of encoder layers, each a copy of one.

    Args:
        encoder_layer: what is copied.
        num_layers: how many times.
        norm: what follows the last one.
        enable_nested_tensor: in evaluation, without gradients, let padding come out as
            0; only where torch's faster way would do it.
        mask_check: only do that where padding is at the end.

    Shape: as the layers'.

    Source: torch's page "torch.nn.TransformerEncoder".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> layer = nn.TransformerEncoderLayer(8, nhead=2)
        >>> nn.TransformerEncoder(layer, num_layers=2)(torch.ones(5, 3, 8)).shape
        torch.Size([5, 3, 8])
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = _clones(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.use_nested_tensor = enable_nested_tensor and _can_skip(encoder_layer)
        self.mask_check = mask_check

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """Return the elements after all layers.

        Args:
            src: the sequences.
            mask: True where an element may not see another, or what is added.
            src_key_padding_mask: True where an element is padding, or what is added.
            is_causal: whether `mask` is the causal one; None finds out.
        """
        padding = canonical_mask(
            src_key_padding_mask, "src_key_padding_mask", src.dtype, mask, "mask"
        )
        mask = canonical_mask(mask, "mask", src.dtype)
        first: Any = self.layers[0]
        axis = 1 if first.self_attn.batch_first else 0
        causal = _is_causal(mask, is_causal, src, axis)
        output = src
        for layer in self.layers:
            output = layer(output, mask, padding, causal)
        if padding is not None and mask is None and self._skips(src):
            output = _without_padding(output, padding == -inf, self.mask_check)
        return output if self.norm is None else self.norm(output)

    def _skips(self, src: Tensor) -> bool:
        """Whether padding is left out rather than computed."""
        first: Any = self.layers[0]
        if not self.use_nested_tensor or first.training or src.dim() != 3:
            return False
        learns = any(each.requires_grad for each in (src, *first.parameters()))
        return not (state.grad_enabled and learns)


def _can_skip(layer: Module) -> bool:
    """Whether torch leaves padding out in stacks of such layers."""
    return (
        isinstance(layer, TransformerEncoderLayer)
        and not layer.norm_first
        and layer.self_attn.batch_first
        and layer.self_attn.in_proj_bias is not None
        and bool(layer.activation_relu_or_gelu)
        and layer.norm1.eps == layer.norm2.eps
        and layer.self_attn.num_heads % 2 == 0
    )


def _without_padding(x: Tensor, padding: Tensor, check: bool) -> Tensor:
    """Set padding to 0; with `check`, only where it is at the ends."""
    if check:
        at_end = (padding[:, 1:] | ~padding[:, :-1]).all()
        padding = padding & at_end
    return x.masked_fill(padding.unsqueeze(-1), 0.0)


class TransformerDecoder(Module):
    """A stack of decoder layers, each a copy of one.

    Args:
        decoder_layer: what is copied.
        num_layers: how many times.
        norm: what follows the last one.

    Shape: as the layers'.

    Source: torch's page "torch.nn.TransformerDecoder".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> layer = nn.TransformerDecoderLayer(8, nhead=2)
        >>> decoder = nn.TransformerDecoder(layer, num_layers=2)
        >>> decoder(torch.ones(5, 3, 8), torch.ones(7, 3, 8)).shape
        torch.Size([5, 3, 8])
    """

    def __init__(
        self, decoder_layer: Module, num_layers: int, norm: Module | None = None
    ) -> None:
        super().__init__()
        self.layers = _clones(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Return the elements after all layers.

        Args:
            tgt: the sequences.
            memory: what each layer looks into.
            tgt_mask, memory_mask: True where an element may not see another, or what is
                added.
            tgt_key_padding_mask, memory_key_padding_mask: True where an element is
                padding, or what is added.
            tgt_is_causal: whether `tgt_mask` is the causal one; None finds out.
            memory_is_causal: whether `memory_mask` is.
        """
        first: Any = self.layers[0]
        axis = 1 if first.self_attn.batch_first else 0
        causal = _is_causal(tgt_mask, tgt_is_causal, tgt, axis)
        output = tgt
        for layer in self.layers:
            output = layer(
                output,
                memory,
                tgt_mask,
                memory_mask,
                tgt_key_padding_mask,
                memory_key_padding_mask,
                causal,
                memory_is_causal,
            )
        return output if self.norm is None else self.norm(output)


class Transformer(Module):
    """An encoder, and a decoder that looks into what the encoder made.

    Matrices are drawn from Xavier's uniform distribution.

    Args:
        d_model: the features, E.
        nhead: how many heads attention has.
        num_encoder_layers, num_decoder_layers: how many layers each stack has.
        dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first,
            bias: as in `TransformerEncoderLayer`.
        custom_encoder, custom_decoder: what takes the place of a stack.
        device: where the parameters are: the CPU.
        dtype: their dtype.

    Shape: `src` (S, N, E) and `tgt` (T, N, E), (N, S, E) and (N, T, E) with
        `batch_first`, or without N; result as `tgt`.

    Raises:
        RuntimeError: of the call: other features, or batches of two sizes.

    Source: torch's page "torch.nn.Transformer"; Vaswani et al., arXiv:1706.03762.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> model = nn.Transformer(8, 2, 1, 1, dim_feedforward=16)
        >>> model(torch.ones(7, 3, 8), torch.ones(5, 3, 8)).shape
        torch.Size([5, 3, 8])
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Callable[[Tensor], Tensor] = F.relu,
        custom_encoder: Any = None,
        custom_decoder: Any = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        sizes = (d_model, nhead, dim_feedforward, dropout, activation)
        made: dict[str, Any] = {"bias": bias, "device": device, "dtype": dtype}
        options = made | {
            "layer_norm_eps": layer_norm_eps,
            "batch_first": batch_first,
            "norm_first": norm_first,
        }

        def norm() -> LayerNorm:
            return LayerNorm(d_model, eps=layer_norm_eps, **made)

        if custom_encoder is None:
            layer: Module = TransformerEncoderLayer(*sizes, **options)
            custom_encoder = TransformerEncoder(layer, num_encoder_layers, norm())
        self.encoder = custom_encoder
        if custom_decoder is None:
            layer = TransformerDecoderLayer(*sizes, **options)
            custom_decoder = TransformerDecoder(layer, num_decoder_layers, norm())
        self.decoder = custom_decoder
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def _reset_parameters(self) -> None:
        for each in self.parameters():
            if each.dim() > 1:
                init.xavier_uniform_(each)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Return the decoded elements.

        Args:
            src: what is encoded.
            tgt: what is decoded.
            src_mask, tgt_mask, memory_mask: True where an element may not see another,
                or what is added.
            src_key_padding_mask, tgt_key_padding_mask, memory_key_padding_mask: True
                where an element is padding, or what is added.
            src_is_causal, tgt_is_causal, memory_is_causal: whether the masks are the
                causal ones; None finds out.
        """
        self._check(src, tgt)
        memory = self.encoder(
            src,
            mask=src_mask,
            src_key_padding_mask=src_key_padding_mask,
            is_causal=src_is_causal,
        )
        return self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    def _check(self, src: Tensor, tgt: Tensor) -> None:
        axis = 0 if self.batch_first else 1
        if src.dim() == 3 and src.shape[axis] != tgt.shape[axis]:
            raise RuntimeError(
                "the batch number of src and tgt must be equal, but the shapes are "
                f"{tuple(src.shape)} and {tuple(tgt.shape)}"
            )
        if not src.shape[-1] == tgt.shape[-1] == self.d_model:
            raise RuntimeError(
                "the feature number of src and tgt must be equal to d_model: "
                f"{src.shape[-1]} and {tgt.shape[-1]} are not {self.d_model}"
            )

    @staticmethod
    def generate_square_subsequent_mask(
        sz: int, device: str | Device | None = None, dtype: DType | None = None
    ) -> Tensor:
        """Return a mask that hides what comes later: -inf there, 0 elsewhere.

        Args:
            sz: how many elements a sequence has.
            device: where the mask is: the CPU.
            dtype: its dtype.

        Example:
            >>> from flambeau import nn
            >>> nn.Transformer.generate_square_subsequent_mask(2)
            tensor([[0., -inf],
                    [0., 0.]])
        """
        return _causal_mask(sz, device, dtype)
