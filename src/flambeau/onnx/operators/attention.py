"""Attention, and the rotation of positions.

Source: github.com/onnx/onnx, "Operators", Attention and RotaryEmbedding.
"""

from __future__ import annotations

import math

import flambeau as fl

from ...tensor import Tensor
from .call import Call, operator
from .types import dtype_of

__all__: list[str] = []

_BEFORE_SOFTMAX, _SOFTMAX = 2, 3  # which scores are asked for; else those unmasked


@operator("Attention")
def attention(call: Call) -> tuple[Tensor | None, ...]:
    """Return softmax(Q Kᵀ + mask) V, the keys and values so far, and the scores."""
    q, k, v = (_heads(call, at) for at in range(3))
    if call.has(4):
        k, v = fl.cat([call[4], k], 2), fl.cat([call[5], v], 2)
    present = k, v
    if q.shape[1] != k.shape[1]:
        k, v = (x.repeat_interleave(q.shape[1] // k.shape[1], 1) for x in (k, v))
    scale = math.sqrt(call.get("scale") or 1 / math.sqrt(q.shape[-1]))
    scores = (q * scale) @ (k * scale).transpose(-1, -2)
    cap = call.get("softcap", 0.0)
    scores = fl.tanh(scores / cap) * cap if cap else scores
    bias = _bias(call, scores)
    masked = scores if bias is None else scores + bias
    kind = masked.dtype
    if "softmax_precision" in call.attributes:
        masked = masked.to(dtype_of(call.get("softmax_precision")))
    shares = masked.softmax(-1).to(kind)
    if bias is not None:  # a query that sees nothing answers 0
        blind = fl.isinf(bias).all(-1, keepdim=True)
        shares = fl.where(blind, fl.zeros_like(shares), shares)
    y = shares @ v
    told = {_BEFORE_SOFTMAX: masked.to(kind), _SOFTMAX: shares}
    if call[0].ndim == 3:
        y = y.transpose(1, 2).flatten(2)
    return y, *present, told.get(call.get("qk_matmul_output_mode", 0), scores)


def _heads(call: Call, at: int) -> Tensor:
    """An input as (batch, heads, sequence, size)."""
    x = call[at]
    if x.ndim == 4:
        return x
    heads = call.get("kv_num_heads" if at else "q_num_heads")
    return x.unflatten(2, (heads, -1)).transpose(1, 2)


def _bias(call: Call, scores: Tensor) -> Tensor | None:
    """What is added to the scores: -inf where a query may not look."""
    queries, keys = scores.shape[-2:]
    found = _mask(call, scores)
    lengths = call.optional(6)
    place = fl.arange(keys) - fl.arange(queries).unsqueeze(1)  # from the query's own
    before: Tensor | int = call[4].shape[2] if call.has(4) else 0
    if lengths is not None:
        wide = lengths.reshape(-1, 1, 1, 1)
        before = wide - queries
        found = _both(found, _infinite(fl.arange(keys) < wide, scores))
    if call.get("is_causal", 0):
        found = _both(found, _infinite(place <= before, scores))
    left, right = (call.get(f"{side}_window_size", -1) for side in ("left", "right"))
    if left >= 0:
        found = _both(found, _infinite(place - before >= -left, scores))
    if right >= 0:
        found = _both(found, _infinite(place - before <= right, scores))
    return found


def _mask(call: Call, scores: Tensor) -> Tensor | None:
    """The mask that is given; keys that it does not reach are hidden."""
    mask = call.optional(3)
    if mask is None:
        return None
    if mask.dtype is fl.bool:
        mask = _infinite(mask, scores)
    missing = scores.shape[-1] - mask.shape[-1]
    if missing:
        shape = (*mask.shape[:-1], missing)
        mask = fl.cat([mask, fl.full(shape, -math.inf, dtype=mask.dtype)], -1)
    return mask


def _infinite(seen: Tensor, scores: Tensor) -> Tensor:
    zero = fl.zeros((), dtype=scores.dtype)
    return fl.where(seen, zero, fl.full((), -math.inf, dtype=scores.dtype))


def _both(one: Tensor | None, other: Tensor) -> Tensor:
    return other if one is None else one + other


@operator("RotaryEmbedding")
def rotary_embedding(call: Call) -> Tensor:
    """Turn pairs of elements by angles that grow with the position."""
    given, cos, sin = call[0], call[1], call[2]
    if given.ndim == 4:
        x = given.transpose(1, 2)
    else:
        x = given.unflatten(2, (call.get("num_heads"), -1))
    if call.has(3):
        places = call[3].long()
        cos, sin = cos[places], sin[places]
    cos, sin = cos.unsqueeze(2), sin.unsqueeze(2)
    size = call.get("rotary_embedding_dim", 0) or x.shape[-1]
    turned, rest = x[..., :size], x[..., size:]
    if call.get("interleaved", 0):
        a, b = turned[..., ::2], turned[..., 1::2]
        new = fl.stack([cos * a - sin * b, sin * a + cos * b], -1).flatten(-2)
    else:
        a, b = turned.chunk(2, -1)
        new = fl.cat([cos * a - sin * b, sin * a + cos * b], -1)
    whole = fl.cat([new, rest], -1)
    return whole.transpose(1, 2) if given.ndim == 4 else whole.flatten(2)
