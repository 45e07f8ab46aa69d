"""Records of attention and transformers."""

from typing import Any

import numpy as np
import reference
import reference_attention as ra
from case import Array, Case, State, grid

FEATURES, HEADS, QUERIES, KEYS, BATCH = 4, 2, 2, 3, 2
CAUSAL = np.triu(np.ones((QUERIES, QUERIES), bool), 1)
HIDDEN = np.array([[False, False, True], [True, False, False]])
PADDING = np.array([[False, False, True], [False, False, False]])

# Scaled dot-product attention


def dot_product(
    heads: tuple[int, int] = (2, 2), mask: Array | None = None, **options: Any
) -> Case:
    """Queries and keys of some heads; a mask of bools says what is seen."""
    sizes = (BATCH, heads[0], QUERIES, FEATURES), (BATCH, heads[1], KEYS, FEATURES)
    q, k = grid(*sizes[0]), grid(*sizes[1], seed=1)
    v = grid(BATCH, heads[1], KEYS, 3, seed=2)
    given = () if mask is None else (mask,)

    def meaning(state: State, *inputs: Array) -> Array:
        q, k, v = inputs[:3]
        bias = np.zeros((QUERIES, KEYS))
        if options.get("is_causal"):
            bias[~np.tri(QUERIES, KEYS, dtype=bool)] = -np.inf
        if mask is not None:
            bias = bias + (ra.added(~mask) if mask.dtype == bool else mask)
        bias = np.broadcast_to(bias, (BATCH, heads[0], QUERIES, KEYS))
        share, scale = heads[0] // heads[1], options.get("scale")
        found = []
        for at in np.ndindex(BATCH, heads[0]):
            other = (at[0], at[1] // share)
            found.append(ra.attention(q[at], k[other], v[other], bias[at], scale)[0])
        return np.array(found).reshape(BATCH, heads[0], QUERIES, -1)

    name = "scaled_dot_product_attention"
    return Case(name, (q, k, v, *given), meaning, options)


def dropped(name: str, inputs: tuple[Array, ...], **options: Any) -> Case:
    """Random; torch draws the same mask."""
    return Case(name, inputs, None, options)


# Several heads


def _shape(options: dict[str, Any], length: int, features: int) -> tuple[int, ...]:
    if options.get("batch_first"):
        return BATCH, length, features
    return length, BATCH, features


def multi_head(
    mask: Array | None = None,
    padding: Array | None = None,
    weights: bool = True,
    average: bool = True,
    alone: bool = False,
    same: bool = False,
    **options: Any,
) -> Case:
    """A batch, or one sequence `alone`; `same`: the queries are keys and values.

    Masks of bools, True where nothing is seen, or floats.
    """
    axis = 0 if options.get("batch_first") else 1
    sizes = [(QUERIES, FEATURES)]
    if not same:
        sizes += [(KEYS, options.get(name, FEATURES)) for name in ("kdim", "vdim")]
    shapes = [each if alone else _shape(options, *each) for each in sizes]
    inputs = [grid(*each, seed=at) / 2 for at, each in enumerate(shapes)]
    masks = [each for each in (mask, padding) if each is not None]

    def arrange(library: Any, *tensors: Any) -> list[Any]:
        x = [tensors[0]] * 3 if same else tensors[:3]
        rest = iter(tensors[len(inputs) :])
        hides, pads = (None if m is None else next(rest) for m in (mask, padding))
        return [*x, pads, weights, hides]

    def meaning(state: State, *arrays: Array) -> tuple[Array, ...]:
        x = [arrays[0]] * 3 if same else arrays[:3]
        zero = options.get("add_zero_attn", False)
        found = []
        for n in range(1 if alone else BATCH):
            sample = tuple(x) if alone else tuple(np.take(a, n, axis) for a in x)
            own, hidden = ra.added(mask), ra.added(padding)
            if own is not None and own.ndim == 3:
                own = own[n * HEADS : (n + 1) * HEADS]
            if hidden is not None and not alone:
                hidden = hidden[n]
            found.append(ra.multi_head(sample, HEADS, state, own, hidden, zero))
        outputs, shares = zip(*found, strict=True)
        output = outputs[0] if alone else np.stack(outputs, axis)
        share = shares[0] if alone else np.array(shares)
        share = share.mean(-3) if average else share
        return (output, share) if weights else (output,)

    made = {"embed_dim": FEATURES, "num_heads": HEADS} | options
    call = {"average_attn_weights": average}
    given = (*inputs, *masks)
    return Case("MultiheadAttention", given, meaning, made, call, arrange)


# Layers and stacks of them


def _sequence(options: dict[str, Any], length: int, seed: int = 0) -> Array:
    return grid(*_shape(options, length, FEATURES), seed=seed) / 2


def _samples(x: Array, options: dict[str, Any]) -> list[Array]:
    axis = 0 if options.get("batch_first") else 1
    return [np.take(x, n, axis) for n in range(BATCH)]


def _joined(samples: list[Array], options: dict[str, Any]) -> Array:
    return np.stack(samples, 0 if options.get("batch_first") else 1)


def _rule(options: dict[str, Any]) -> dict[str, Any]:
    """What the meaning has to know of the options."""
    curve = {"gelu": reference.gelu}.get(options.get("activation", "relu"))
    return {
        "heads": HEADS,
        "norm_first": options.get("norm_first", False),
        "activation": curve,
    }


def layer(masked: bool = False, decodes: bool = False, **options: Any) -> Case:
    """An encoder layer, or one of a decoder, without dropout."""
    made = {"d_model": FEATURES, "nhead": HEADS, "dim_feedforward": 3, "dropout": 0.0}
    made |= options
    x, memory = _sequence(options, QUERIES), _sequence(options, KEYS, 1)
    masks = (CAUSAL, HIDDEN, PADDING) if decodes else (CAUSAL, PADDING[:, 1:])
    inputs = (x, memory) if decodes else (x,)

    def arrange(library: Any, *tensors: Any) -> list[Any]:
        if not masked or not decodes:
            return list(tensors)
        x, memory, hides, hides_memory, pads = tensors
        return [x, memory, hides, hides_memory, None, pads]

    def meaning(state: State, *arrays: Array) -> Array:
        found = []
        for n in range(BATCH):
            given: dict[str, Any] = _rule(options)
            if decodes:
                given["memory"] = _samples(arrays[1], options)[n]
            if masked:
                given["mask"] = ra.added(CAUSAL)
                name = "memory_padding" if decodes else "padding"
                given[name] = ra.added(masks[-1])[n]
                given["memory_mask"] = ra.added(HIDDEN)
            found.append(ra.layer(_samples(arrays[0], options)[n], state, **given))
        return _joined(found, options)

    name = f"Transformer{'Decoder' if decodes else 'Encoder'}Layer"
    given = (*inputs, *(masks if masked else ()))
    return Case(name, given, meaning, made, arrange=arrange)


def transformer(causal: bool = False, **options: Any) -> Case:
    """Encoder and decoder, without dropout."""
    made = {"d_model": FEATURES, "nhead": HEADS, "dim_feedforward": 3, "dropout": 0.0}
    made |= {"num_encoder_layers": 2, "num_decoder_layers": 1} | options

    def arrange(library: Any, src: Any, tgt: Any, *mask: Any) -> list[Any]:
        return [src, tgt, None, *mask]

    def meaning(state: State, src: Array, tgt: Array, *mask: Array) -> Array:
        found = []
        rule = _rule(options)
        pairs = zip(_samples(src, options), _samples(tgt, options), strict=True)
        for one, other in pairs:
            memory = ra.stack(one, ra.part(state, "encoder"), 2, **rule)
            own = {"memory": memory, "mask": ra.added(CAUSAL) if causal else None}
            decoder = ra.part(state, "decoder")
            found.append(ra.stack(other, decoder, 1, **rule, **own))
        return _joined(found, options)

    inputs = (_sequence(options, KEYS), _sequence(options, QUERIES, 1))
    given = (*inputs, CAUSAL) if causal else inputs
    return Case("Transformer", given, meaning, made, arrange=arrange)


QKV = tuple(grid(2, 2, 3, 4, seed=at) for at in range(3))
FLOATS = grid(QUERIES, KEYS, seed=5)

CASES = {
    "dot-product attention": dot_product(),
    "dot-product attention, causal": dot_product(is_causal=True),
    "dot-product attention, scaled": dot_product(scale=0.25),
    "dot-product attention, masked": dot_product(mask=~HIDDEN),
    "dot-product attention, nothing seen": dot_product(
        mask=np.array([[False, False, False], [True, False, True]])
    ),
    "dot-product attention, floats added": dot_product(mask=FLOATS),
    "dot-product attention, shared heads": dot_product((4, 2), enable_gqa=True),
    "dot-product attention, dropout": dropped(
        "scaled_dot_product_attention", QKV, dropout_p=0.5
    ),
    "attention": multi_head(),
    "attention, batch first": multi_head(batch_first=True),
    "attention, to itself": multi_head(same=True),
    "attention, to itself, batch first": multi_head(
        same=True, batch_first=True, weights=False
    ),
    "attention, no bias": multi_head(bias=False, same=True),
    "attention, masked": multi_head(mask=HIDDEN, average=False),
    "attention, padded": multi_head(padding=PADDING, weights=False),
    "attention, masked and padded": multi_head(mask=HIDDEN, padding=PADDING),
    "attention, floats for each head": multi_head(
        mask=grid(BATCH * HEADS, QUERIES, KEYS, seed=6), weights=False
    ),
    "attention, other features": multi_head(kdim=3, vdim=2),
    "attention, one sequence": multi_head(alone=True, mask=HIDDEN, padding=PADDING[0]),
    "attention, learned key": multi_head(
        add_bias_kv=True, mask=HIDDEN, padding=PADDING
    ),
    "attention, key of zeros": multi_head(add_zero_attn=True, same=True, weights=False),
    "encoder layer": layer(),
    "encoder layer, masked": layer(masked=True, batch_first=True),
    "encoder layer, norm first": layer(norm_first=True, activation="gelu"),
    "encoder layer, no bias": layer(bias=False),
    "decoder layer": layer(decodes=True),
    "decoder layer, masked": layer(masked=True, decodes=True, activation="gelu"),
    "decoder layer, norm first": layer(decodes=True, norm_first=True, batch_first=True),
    "transformer": transformer(),
    "transformer, causal": transformer(causal=True, norm_first=True, batch_first=True),
    "encoder layer, dropout": dropped(
        "TransformerEncoderLayer",
        (grid(3, 2, 4),),
        d_model=4,
        nhead=2,
        dim_feedforward=8,
        dropout=0.25,
    ),
    "decoder layer, dropout": dropped(
        "TransformerDecoderLayer",
        (grid(3, 2, 4), grid(2, 2, 4, seed=1)),
        d_model=4,
        nhead=2,
        dim_feedforward=8,
        dropout=0.25,
    ),
}
