"""Attention and transformers in NumPy as their definitions read: query by query.

Written from Vaswani et al., arXiv:1706.03762, and torch's pages.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import reference

Array = np.ndarray
State = dict[str, Array]


def attention(
    q: Array, k: Array, v: Array, mask: Array | None = None, scale: float | None = None
) -> tuple[Array, Array]:
    """One head of one sequence: (L, E), (S, E), (S, F), mask (L, S) of what is added.

    Returns:
        What the queries find, and the weights; zeros where a query may see nothing.
    """
    factor = scale if scale is not None else 1 / np.sqrt(q.shape[1])
    found, weights = [], []
    for at, query in enumerate(q):
        scores = np.array([query @ key * factor for key in k])
        scores = scores if mask is None else scores + mask[at]
        if (scores == -np.inf).all():
            shares = np.zeros(len(k))
        else:
            raised = np.exp(scores - scores.max())
            shares = raised / raised.sum()
        weights.append(shares)
        found.append(sum(share * value for share, value in zip(shares, v, strict=True)))
    return np.array(found), np.array(weights)


def added(mask: Array | None) -> Array | None:
    """A mask with True where nothing is to be seen, as what is added to scores."""
    if mask is None or mask.dtype != bool:
        return mask
    return np.where(mask, -np.inf, 0.0)


def multi_head(
    x: tuple[Array, Array, Array],
    heads: int,
    state: State,
    mask: Array | None = None,
    padding: Array | None = None,
    add_zero: bool = False,
) -> tuple[Array, Array]:
    """One sequence: query (L, E), key (S, K), value (S, V); masks of what is added.

    Args:
        mask: (L, S) or (heads, L, S).
        padding: (S,).
    """
    size = x[0].shape[1]
    if "in_proj_weight" in state:
        weights = np.split(state["in_proj_weight"], 3)
    else:
        weights = [state[f"{name}_proj_weight"] for name in "qkv"]
    biases = np.split(state.get("in_proj_bias", np.zeros(3 * size)), 3)
    q, k, v = (reference.linear(*each) for each in zip(x, weights, biases, strict=True))
    if "bias_k" in state:
        k, v = np.vstack([k, state["bias_k"][0]]), np.vstack([v, state["bias_v"][0]])
    if add_zero:
        k, v = np.vstack([k, np.zeros(size)]), np.vstack([v, np.zeros(size)])
    extra = len(k) - x[1].shape[0]
    results, shares = [], []
    split = [np.split(each, heads, 1) for each in (q, k, v)]
    for head, parts in enumerate(zip(*split, strict=True)):
        own = np.zeros((len(q), len(k)))
        for each in (mask if mask is None or mask.ndim == 2 else mask[head], padding):
            if each is not None:
                own = own + np.pad(each, [(0, 0)] * (each.ndim - 1) + [(0, extra)])
        found, weight = attention(*parts, own)
        results.append(found)
        shares.append(weight)
    joined = np.hstack(results)
    output = reference.linear(
        joined, state["out_proj.weight"], state.get("out_proj.bias")
    )
    return output, np.array(shares)


def part(state: State, name: str) -> State:
    """The parameters of a submodule."""
    start = f"{name}."
    return {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}


def norm(x: Array, state: State) -> Array:
    return reference.layer_norm(x, 1, state.get("weight"), state.get("bias"), 1e-5)


def layer(
    x: Array,
    state: State,
    heads: int,
    memory: Array | None = None,
    norm_first: bool = False,
    activation: Callable[[Array], Array] | None = None,
    **masks: Any,
) -> Array:
    """One sequence through an encoder layer, or with a memory through a decoder's."""

    def attend(y: Array) -> Array:
        given = (masks.get("mask"), masks.get("padding"))
        return multi_head((y, y, y), heads, part(state, "self_attn"), *given)[0]

    def remember(y: Array) -> Array:
        assert memory is not None
        given = (masks.get("memory_mask"), masks.get("memory_padding"))
        own = part(state, "multihead_attn")
        return multi_head((y, memory, memory), heads, own, *given)[0]

    def forward(y: Array) -> Array:
        inner, outer = part(state, "linear1"), part(state, "linear2")
        y = reference.linear(y, inner["weight"], inner.get("bias"))
        y = np.maximum(y, 0) if activation is None else activation(y)
        return reference.linear(y, outer["weight"], outer.get("bias"))

    blocks = [attend, forward] if memory is None else [attend, remember, forward]
    for at, block in enumerate(blocks, 1):
        own = part(state, f"norm{at}")
        x = x + block(norm(x, own)) if norm_first else norm(x + block(x), own)
    return x


def stack(x: Array, state: State, count: int, **options: Any) -> Array:
    """All layers of an encoder or decoder, and the norm that may follow."""
    for at in range(count):
        x = layer(x, part(state, f"layers.{at}"), **options)
    last = part(state, "norm")
    return norm(x, last) if last else x
