"""Attention with several heads: projections around scaled dot-product attention."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

from ... import dtypes as dt
from ...dtypes import dtype as DType
from ...recorder import warn
from ...tensor import Tensor
from ...tensor.creation import zeros, zeros_like
from ...tensor.joining import cat
from .attention import scaled_dot_product_attention
from .dropout import dropout
from .linear import linear
from .padding import pad
from .softmax import softmax

__all__ = ["Projections", "attend", "canonical_mask", "multi_head_attention_forward"]

_Found = tuple[Tensor, Tensor | None]


@dataclass(frozen=True)
class Projections:
    """The parameters of an attention layer.

    Attributes:
        heads: how many there are.
        packed: the weights for queries, keys and values, one below the other; None
            where `apart` has them.
        apart: the weights for queries, keys and values.
        bias: what is added to the three projections, one after the other.
        out: the weight of the output.
        out_bias: what is added to it.
        extra_key, extra_value: a key and a value, added to those of every sequence.
        add_zero: add a key and a value of zeros.
    """

    heads: int
    packed: Tensor | None
    apart: tuple[Tensor | None, Tensor | None, Tensor | None]
    bias: Tensor | None
    out: Tensor
    out_bias: Tensor | None
    extra_key: Tensor | None = None
    extra_value: Tensor | None = None
    add_zero: bool = False


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Return what several heads of attention find, and their weights if wanted.

    Args:
        query, key, value: the sequences.
        embed_dim_to_check: the features E that the query must have.
        num_heads: how many heads share them.
        in_proj_weight, in_proj_bias: the projections for query, key and value.
        bias_k, bias_v: a key and a value that are added to those of each sequence.
        add_zero_attn: add a key and a value of zeros.
        dropout_p: the rate of dropout of the weights in training.
        out_proj_weight, out_proj_bias: the projection of the output.
        training: the mode.
        key_padding_mask: True where a key is padding, or what is added to its scores.
        need_weights: also return the weights.
        attn_mask: True where a query may not see a key, or what is added to scores.
        use_separate_proj_weight: use the next three in place of `in_proj_weight`.
        q_proj_weight, k_proj_weight, v_proj_weight: projections for other features.
        static_k, static_v: projected keys and values.
        average_attn_weights: return the mean of the heads' weights.
        is_causal: `attn_mask` is the causal one.

    Shape: query (L, N, E) or (L, E), key (S, N, K), value (S, N, V); padding (N, S);
        mask (L, S) or (N heads, L, S); result (L, N, E), weights (N, L, S).

    Raises:
        AssertionError, RuntimeError: shapes or dtypes that do not fit.

    Source: torch's page "torch.nn.functional.multi_head_attention_forward"; Vaswani
    et al., arXiv:1706.03762.
    """
    if query.shape[-1] != embed_dim_to_check:
        _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
        raise AssertionError(
            f"was expecting embedding dimension of {embed_dim_to_check}, but got "
            f"{query.shape[-1]}"
        )
    separate = (q_proj_weight, k_proj_weight, v_proj_weight)
    return attend(
        query,
        key,
        value,
        Projections(
            num_heads,
            None if use_separate_proj_weight else in_proj_weight,
            separate if use_separate_proj_weight else (None, None, None),
            in_proj_bias,
            out_proj_weight,
            out_proj_bias,
            bias_k,
            bias_v,
            add_zero_attn,
        ),
        dropout_p if training else 0.0,
        key_padding_mask,
        attn_mask,
        need_weights,
        average_attn_weights,
        is_causal,
        static=(static_k, static_v),
    )


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    parameters: Projections,
    rate: float = 0.0,
    key_padding_mask: Tensor | None = None,
    attn_mask: Tensor | None = None,
    need_weights: bool = True,
    average: bool = True,
    is_causal: bool = False,
    static: tuple[Tensor | None, Tensor | None] = (None, None),
    batch_axis: int = 1,
) -> _Found:
    """Do what `multi_head_attention_forward` says, with either order of dimensions.

    Args:
        query, key, value, key_padding_mask, attn_mask, need_weights, is_causal: there.
        parameters: of the layer.
        rate: of dropout.
        average: return the mean of the heads' weights.
        static: projected keys and values.
        batch_axis: which dimension is the batch.
    """
    heads = parameters.heads
    batched = _check_shapes(query, key, value, key_padding_mask, attn_mask, heads)
    if not batched:
        same = query is key, key is value
        query = query.unsqueeze(batch_axis)
        key = query if same[0] else key.unsqueeze(batch_axis)
        value = key if same[1] else value.unsqueeze(batch_axis)
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
    padding = canonical_mask(
        key_padding_mask, "key_padding_mask", query.dtype, attn_mask, "attn_mask"
    )
    mask, causal = _mask(attn_mask, padding, query, is_causal, need_weights)
    _check_values(query, key, value, parameters)
    sizes = _Sizes(heads, batch_axis, query, key)
    whole = all(each is None for each in static)
    q, k, v = _projected(query, key, value, parameters, sizes, whole)
    mask = _of_heads(mask, sizes)
    k, v, mask, padding = _extended(k, v, mask, padding, parameters, static, sizes)
    if padding is not None:
        shape = (sizes.batch, k.shape[-2])
        _check_padding(padding, shape)
        spread = padding.reshape(sizes.batch, 1, 1, shape[1])
        mask = spread if mask is None else mask + spread
    if mask is not None and q.ndim == 5:
        mask = mask.unsqueeze(1)
    if need_weights:
        found, weights = _with_weights(q, k, v, mask, rate)
    else:
        found = scaled_dot_product_attention(q, k, v, mask, rate, causal)
    output = linear(sizes.joined(found), parameters.out, parameters.out_bias)
    output = output if batched else output.squeeze(batch_axis)
    if not need_weights:
        return output, None
    weights = weights.reshape(sizes.batch, *weights.shape[-3:])
    weights = weights.mean(dim=1) if average else weights
    return output, weights if batched else weights.squeeze(0)


def _with_weights(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, rate: float
) -> tuple[Tensor, Tensor]:
    scores = (q * sqrt(1 / q.shape[-1])) @ k.transpose(-2, -1)
    weights = softmax(scores if mask is None else scores + mask, dim=-1)
    if rate:
        weights = dropout(weights, rate)
    return weights @ v, weights


class _Sizes:
    """How sequences of features become sequences of heads, and back.

    Args:
        heads: how many there are.
        batch_axis: which dimension is the batch.
        query: the queries.
        key: the keys.
    """

    def __init__(self, heads: int, batch_axis: int, query: Tensor, key: Tensor) -> None:
        self.heads, self.batch_axis = heads, batch_axis
        self.batch = query.shape[batch_axis]
        self.queries = query.shape[1 - batch_axis]
        self.keys = key.shape[1 - batch_axis]

    def split(self, x: Tensor) -> Tensor:
        """Features as (N, heads, L, features of a head)."""
        axis = self.batch_axis
        if x.shape[axis] != self.batch:
            raise RuntimeError(
                f"multi_head_attention: a query of {self.batch} sequences meets "
                f"{x.shape[axis]} of keys or values"
            )
        return x.unflatten(-1, (self.heads, -1)).permute(axis, 2, 1 - axis, 3)

    def split_packed(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, (N, 1, heads, L, features of a head)."""
        axis = self.batch_axis
        apart = x.unflatten(-1, (3, self.heads, -1)).permute(axis, 2, 3, 1 - axis, 4)
        return apart[:, :1], apart[:, 1:2], apart[:, 2:]

    def joined(self, x: Tensor) -> Tensor:
        """The heads' results as features."""
        heads, length, last = range(x.ndim)[-3:]  # what stands between N and them is 1
        order = (0, length) if self.batch_axis == 0 else (length, 0)
        turned = x.permute(*order, *range(1, heads), heads, last)
        return turned.reshape(*(x.shape[at] for at in order), -1)


# Projections


def _projected(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    parameters: Projections,
    sizes: _Sizes,
    whole: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the heads' queries, and keys and values, not yet split if any is added.

    `whole`: no other keys and values take their place.
    """
    packed, bias = parameters.packed, parameters.bias
    whole = whole and parameters.extra_key is None and not parameters.add_zero
    if query is key is value and packed is not None and whole:
        return sizes.split_packed(linear(query, packed, bias))
    weights = parameters.apart if packed is None else packed.chunk(3)
    biases = (None, None, None) if bias is None else bias.chunk(3)
    found = []
    for x, weight, each in zip((query, key, value), weights, biases, strict=True):
        assert weight is not None
        found.append(linear(x, weight, each))
    return sizes.split(found[0]), found[1], found[2]


def _extended(
    k: Tensor,
    v: Tensor,
    mask: Tensor | None,
    padding: Tensor | None,
    parameters: Projections,
    static: tuple[Tensor | None, Tensor | None],
    sizes: _Sizes,
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """Return the heads' keys and values with those that are added, and wider masks."""
    if k.ndim > 4:
        return k, v, mask, padding
    found = []
    extra = (parameters.extra_key, parameters.extra_value)
    extends = all(each is not None for each in extra)
    for x, own, given in zip((k, v), extra, static, strict=True):
        if own is not None and extends:
            if given is not None:
                raise AssertionError("bias cannot be added to a static key or value")
            shape = [*x.shape]
            shape[1 - sizes.batch_axis] = 1
            x = cat([x, own.reshape(-1).expand(shape)], dim=1 - sizes.batch_axis)
        x = sizes.split(x) if given is None else _static(given, sizes)
        if parameters.add_zero:
            x = cat([x, zeros(*x.shape[:2], 1, x.shape[3], dtype=x.dtype)], dim=2)
        found.append(x)
    added = extends + parameters.add_zero
    if added:
        mask = None if mask is None else pad(mask, (0, added))
        padding = None if padding is None else pad(padding, (0, added))
    return found[0], found[1], mask, padding


def _static(x: Tensor, sizes: _Sizes) -> Tensor:
    if x.shape[0] != sizes.batch * sizes.heads:
        raise AssertionError(
            f"expecting static_k.size(0) of {sizes.batch * sizes.heads}, but got "
            f"{x.shape[0]}"
        )
    return x.unflatten(0, (sizes.batch, sizes.heads))


# Masks


def canonical_mask(
    mask: Tensor | None,
    name: str,
    kind: DType,
    other: Tensor | None = None,
    other_name: str = "",
) -> Tensor | None:
    """Return a mask as what is added to scores.

    Args:
        mask: True where nothing is to be seen, or floats, or nothing.
        name: of the mask in messages.
        kind: the dtype of the scores.
        other: a mask that should have the same dtype; else this warns.
        other_name: its name.

    Raises:
        AssertionError: neither bools nor floats.
    """
    if mask is None:
        return None
    if mask.dtype is not dt.bool_ and not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {name} are supported")
    if other is not None and mask.dtype is not other.dtype:
        warn(
            f"Support for mismatched {name} and {other_name} is deprecated. Use same "
            "type for both instead.",
            stacklevel=4,
        )
    if mask.is_floating_point():
        return mask
    return zeros_like(mask, dtype=kind).masked_fill(mask, -inf)


def _mask(
    mask: Tensor | None,
    padding: Tensor | None,
    query: Tensor,
    is_causal: bool,
    need_weights: bool,
) -> tuple[Tensor | None, bool]:
    """Return the mask, if there must be one, and whether keys are hidden by order."""
    if is_causal and mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the "
            "Transformer module method `generate_square_subsequent_mask` to create "
            "this mask."
        )
    if is_causal and padding is None and not need_weights:
        return None, True
    return canonical_mask(mask, "attn_mask", query.dtype), False


def _of_heads(mask: Tensor | None, sizes: _Sizes) -> Tensor | None:
    """Return a mask with dimensions for the batch and the heads."""
    if mask is None:
        return None
    pair = (sizes.queries, sizes.keys)
    wanted = pair if mask.ndim == 2 else (sizes.batch * sizes.heads, *pair)
    if tuple(mask.shape) != wanted:
        raise RuntimeError(
            f"The shape of the {mask.ndim}D attn_mask is {mask.shape}, but should be "
            f"{wanted}."
        )
    if mask.ndim == 2:
        return mask.unsqueeze(0).unsqueeze(0)
    return mask.unflatten(0, (sizes.batch, sizes.heads))


# Checks


def _check_shapes(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    padding: Tensor | None,
    mask: Tensor | None,
    heads: int,
) -> bool:
    """Check the numbers of dimensions; return whether there is a batch."""
    dims = query.dim()
    if dims not in (2, 3):
        raise AssertionError(
            "query should be unbatched 2D or batched 3D tensor but received "
            f"{dims}-D query tensor"
        )
    start = f"For {'batched' if dims == 3 else 'unbatched'} ({dims}-D) `query`, "
    if key.dim() != dims or value.dim() != dims:
        raise AssertionError(
            f"{start}expected `key` and `value` to be {dims}-D but found "
            f"{key.dim()}-D and {value.dim()}-D tensors respectively"
        )
    if padding is not None and padding.dim() != dims - 1:
        raise AssertionError(
            f"{start}expected `key_padding_mask` to be `None` or {dims - 1}-D but "
            f"found {padding.dim()}-D tensor instead"
        )
    if mask is not None and mask.dim() not in (2, 3):
        raise AssertionError(
            f"{start}expected `attn_mask` to be `None`, 2-D or 3-D but found "
            f"{mask.dim()}-D tensor instead"
        )
    if mask is not None and dims == 2 and mask.dim() == 3:
        wanted = (heads, query.shape[0], key.shape[0])
        if tuple(mask.shape) != wanted:
            raise AssertionError(
                f"Expected `attn_mask` shape to be {wanted} but got {mask.shape}"
            )
    return dims == 3


def _check_values(
    query: Tensor, key: Tensor, value: Tensor, parameters: Projections
) -> None:
    features = query.shape[-1]
    if features % parameters.heads:
        raise AssertionError(
            f"embed_dim {features} not divisible by num_heads {parameters.heads}"
        )
    if parameters.packed is not None:
        if key.shape != value.shape:
            raise AssertionError(
                f"key shape {key.shape} does not match value shape {value.shape}"
            )
        return
    if key.shape[:2] != value.shape[:2]:
        raise AssertionError(
            f"key's sequence and batch dims {key.shape[:2]} do not match value's "
            f"{value.shape[:2]}"
        )
    names, inputs = ("query", "key", "value"), (query, key, value)
    for name, x, weight in zip(names, inputs, parameters.apart, strict=True):
        wanted = (features, x.shape[-1])
        found = None if weight is None else tuple(weight.shape)
        if found != wanted:
            raise AssertionError(
                f"expecting {name} weights shape of {wanted}, but got {found}"
            )


def _check_padding(padding: Tensor, shape: tuple[int, int]) -> None:
    for at, (found, wanted) in enumerate(zip(padding.shape, shape, strict=True)):
        if found != wanted:
            raise AssertionError(
                f"Expected key_padded_mask.shape[{at}] to be {wanted}, but got {found}"
            )
