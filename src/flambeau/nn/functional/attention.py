"""Scaled dot-product attention."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np

from ... import dtypes as dt
from ...graph import Node, constant
from ...ops import elementwise as ew
from ...ops.contract import product
from ...ops.movement import cat, detach, slice_axis, swap
from ...ops.op import records
from ...ops.reduce import amax, softmax
from ...tensor import Tensor
from ...tensor.autocasting import lowers_precision
from ...tensor.handle import wrap
from .arguments import node_of
from .dropout import check_probability, dropout

__all__ = ["scaled_dot_product_attention"]

_MANY = 2**20  # weights of a head, from which on no more than a block is there at once
_BLOCKS = 8


@lowers_precision
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    r"""Return :math:`softmax(s Q K^T + M) V`; queries that may see no key get 0.

    Args:
        query: Q.
        key: K.
        value: V.
        attn_mask: which keys a query may see, as bools, or M, what is added.
        dropout_p: the rate of dropout of the weights, whether training or not.
        is_causal: let query i see the keys up to i alone.
        scale: s; :math:`1 / \sqrt E` if not given.
        enable_gqa: let groups of heads of the queries, in the dimension before the
            last two, share a head of the keys and values.

    Shape: Q (*, L, E), K (*, S, E), V (*, S, F), mask broadcast to (*, L, S); result
        (*, L, F).

    Raises:
        RuntimeError: sizes or dtypes that do not fit each other, or a mask beside
            `is_causal`.

    Source: torch's page "torch.nn.functional.scaled_dot_product_attention"; Vaswani
    et al., arXiv:1706.03762.

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> x = torch.tensor([[1., 0.], [0., 1.]])
        >>> F.scaled_dot_product_attention(x, x, x, is_causal=True)
        tensor([[1.0000, 0.0000],
                [0.3302, 0.6698]])
    """
    q, k, v = (
        node_of("scaled_dot_product_attention", name, each)
        for name, each in (("query", query), ("key", key), ("value", value))
    )
    _check_inputs(q, k, v, attn_mask, is_causal)
    check_probability(dropout_p)
    if enable_gqa:
        k, v = _repeated(q, k), _repeated(q, v)
    kind = q.dtype
    if kind.itemsize == 2:  # rounded scores would move whole weights
        q, k, v = (ew.cast(each, dt.float32) for each in (q, k, v))
    factor = 1 / sqrt(q.shape[-1]) if scale is None else scale
    turned = swap(k, k.ndim - 2, k.ndim - 1)
    mask = None if attn_mask is None else attn_mask.node

    def attended(start: int, count: int) -> Node:
        scores = product(_rows(q, start, count), turned)
        scores = ew.mul(scores, ew.const_like(factor, q))
        if is_causal:
            weights = _causal_weights(scores, start)
        else:
            weights = _weights(scores, mask and _rows(mask, start, count))
        if dropout_p:
            weights = dropout(wrap(weights), dropout_p).node
        return product(weights, v)

    reads = (q, k, v) if mask is None else (q, k, v, mask)
    blocks = 1 if dropout_p or records(reads) else _BLOCKS
    return wrap(ew.cast(_in_blocks(attended, q.shape[-2], k.shape[-2], blocks), kind))


def _in_blocks(
    attended: Callable[[int, int], Node], queries: int, keys: int, blocks: int
) -> Node:
    """Let some queries after others attend, if they have very many weights.

    The weights of one block are there at a time, then.
    """
    if blocks == 1 or queries * keys < _MANY:
        return attended(0, queries)
    step = -(-queries // blocks)
    starts = range(0, queries, step)
    found = [attended(start, min(step, queries - start)) for start in starts]
    return cat(*found, axis=found[0].ndim - 2)


def _rows(x: Node, start: int, count: int) -> Node:
    """Some rows of matrices; all that broadcast over rows have."""
    if x.ndim < 2 or x.shape[-2] == 1:
        return x
    return slice_axis(x, x.ndim - 2, start, count)


def _causal_weights(scores: Node, start: int) -> Node:
    """Softmax of the scores of keys that are no later than the query: of one at least.

    Args:
        scores: of some queries.
        start: the number of the first of them.
    """
    queries, keys = scores.shape[-2:]
    sees = constant(np.tri(queries, keys, start, dtype=bool))
    scores = ew.where(sees, scores, ew.const_like(-np.inf, scores))
    return softmax(scores, axis=scores.ndim - 1)


def _weights(scores: Node, mask: Node | None) -> Node:
    """Softmax of what the mask leaves; nothing where it leaves nothing."""
    if mask is None:
        return softmax(scores, axis=scores.ndim - 1)
    if mask.dtype is dt.bool_:
        scores = ew.where(mask, scores, ew.const_like(-np.inf, scores))
    else:
        scores = ew.add(scores, ew.cast(mask, scores.dtype))
    axis, least = scores.ndim - 1, ew.const_like(-np.inf, scores)
    zero = ew.const_like(0, scores)
    top = detach(amax(scores, axes=(axis,), keepdims=True))
    sees_none = ew.equal(top, least)
    weights = softmax(ew.where(sees_none, zero, scores), axis=axis)
    return ew.where(sees_none, zero, weights)


def _repeated(q: Node, x: Node) -> Node:
    """Repeat each head of keys or values for the heads of queries that share it."""
    if q.ndim < 3 or q.shape[-3] % x.shape[-3]:
        raise RuntimeError(
            "Number of heads in key and value must divide the number of heads in "
            f"query: the heads are the third dimension from behind, of {q.shape} and "
            f"{x.shape}"
        )
    return wrap(x).repeat_interleave(q.shape[-3] // x.shape[-3], -3).node


def _check_inputs(q: Node, k: Node, v: Node, mask: Tensor | None, causal: bool) -> None:
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got "
            f"query.dim: {q.ndim} key.dim: {k.ndim} and value.dim: {v.ndim} instead."
        )
    if not q.dtype is k.dtype is v.dtype:
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got "
            f"query.dtype: {q.dtype.name} key.dtype: {k.dtype.name} and value.dtype: "
            f"{v.dtype.name} instead."
        )
    if not q.dtype.is_floating_point:
        raise RuntimeError(
            f"scaled_dot_product_attention: expected floats, got {q.dtype.name}; "
            "convert the inputs with .float()"
        )
    if mask is None:
        return
    if causal:
        raise RuntimeError(
            "_scaled_dot_product_attention: Explicit attn_mask should not be set when "
            "is_causal=True"
        )
    if mask.dtype not in (dt.bool_, dt.float32, q.dtype) or (
        mask.dtype is dt.float32 and q.dtype is dt.float64
    ):
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but "
            f"got attn_mask.dtype: {mask.dtype.name} and  query.dtype: "
            f"{q.dtype.name} instead."
        )
