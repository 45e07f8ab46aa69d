"""Rows of a table, gathered in bags: summed, averaged, or their maximum."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ... import dtypes as dt
from ...graph import Node, constant
from ...ops import elementwise as ew
from ...ops.broadcast import expand, reshape, sum_
from ...ops.index import index_add, scatter_amax
from ...ops.movement import zeros
from ...ops.order import searchsorted
from ...ops.reduce import amax
from ...ops.transparent import within
from ...recorder import checked, warn
from ...tensor import Tensor
from ...tensor.handle import wrap
from ...tensor.reduction import in_float32
from .arguments import node_of
from .sparse import check_padding_index, embedding

__all__ = ["embedding_bag"]

_MODES = ("sum", "mean", "max")


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Return the sum, mean or maximum of the rows that each bag of indices names.

    Args:
        input: the indices, a bag in each row; or all bags one after the other.
        weight: the table.
        offsets: where each bag begins, if the indices are one row.
        max_norm: rows that are read and whose norm is above this are scaled down to
            it, in place.
        norm_type: the p of that norm.
        scale_grad_by_freq: divide a row's gradient by how often the row is read.
        mode: "sum", "mean" or "max"; an empty bag gives 0.
        sparse: has no effect: gradients are dense.
        per_sample_weights: what each row is multiplied by, with "sum" only.
        include_last_offset: the last offset is the end of the last bag.
        padding_idx: a row that does not count; negative counts from the end.

    Shape: input (B, N), or (N,) with offsets (B,), or (B + 1,) with
    `include_last_offset`; weight (V, D), per_sample_weights as the input; result
    (B, D).

    Raises:
        ValueError: shapes or options that do not fit, or an unknown mode.
        NotImplementedError: weights of samples in another mode than "sum".
        RuntimeError: an index outside 0 … V-1, or offsets that do not begin at 0.

    Source: torch's page "torch.nn.functional.embedding_bag".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> table = torch.tensor([[1., 2.], [3., 4.], [5., 6.]])
        >>> F.embedding_bag(torch.tensor([0, 1, 2]), table, torch.tensor([0, 2]))
        tensor([[2., 3.],
                [5., 6.]])
    """
    name = "embedding_bag"
    node_of(name, "input", input), node_of(name, "weight", weight)
    if weight.dtype is dt.int64 and input.is_floating_point():
        warn(
            f"Argument order of nn.functional.{name} was changed: the table comes "
            "after the indices.",
            stacklevel=2,
        )
        weight, input = input, weight
    _check_bags(input, weight, offsets, per_sample_weights)
    _check_mode(mode, scale_grad_by_freq, sparse, per_sample_weights)
    if padding_idx is not None:
        padding_idx = check_padding_index(padding_idx, weight.shape[0])
    found = embedding(
        input, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq
    ).node
    counted = None
    if padding_idx is not None:
        counted = ew.not_equal(input.node, ew.const_like(padding_idx, input.node))
    if per_sample_weights is not None:
        scale = ew.cast(per_sample_weights.node, found.dtype)
        found = ew.mul(found, reshape(scale, (*scale.shape, 1)))
    if offsets is None:
        bags = _in_rows()
    else:
        bags = _at_offsets(input.node, offsets, include_last_offset)
    gather = _largest if mode == "max" else _summed
    return wrap(in_float32(found, lambda x: gather(x, bags, counted, mode)))


def _check_bags(
    input: Tensor, weight: Tensor, offsets: Tensor | None, samples: Tensor | None
) -> None:
    if samples is not None and input.shape != samples.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({samples.shape}) is not None, then "
            f"it must have the same shape as the input ({input.shape})"
        )
    if weight.ndim != 2:
        raise ValueError(
            f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.ndim}"
        )
    if input.ndim == 2 and offsets is not None:
        raise ValueError(
            "if input is 2D, then offsets has to be None, as input is treated is a "
            "mini-batch of fixed length sequences. However, found offsets of type "
            f"{type(offsets)}"
        )
    if input.ndim == 1 and (offsets is None or offsets.ndim != 1):
        got = "None" if offsets is None else f"shape {tuple(offsets.shape)}"
        raise ValueError(f"offsets has to be a 1D Tensor but got {got}")
    if input.ndim not in (1, 2):
        raise ValueError(
            f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}"
        )


def _check_mode(
    mode: str, by_frequency: bool, sparse: bool, samples: Tensor | None
) -> None:
    if mode not in _MODES:
        raise ValueError(f"mode has to be one of sum, mean or max, got {mode!r}")
    if mode == "max" and by_frequency:
        raise ValueError(
            "max mode does not support scaling the gradient by the frequency"
        )
    if mode == "max" and sparse:
        raise ValueError("max mode does not support sparse weights")
    if samples is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is "
            f"only supported for mode='sum' (got mode='{mode}')."
        )


class _Bags(NamedTuple):
    """How what belongs to a bag is brought together, element by element.

    Attributes:
        add: the sum in each bag, 0 if it is empty.
        top: the largest in each bag, minus infinity if it is empty.
    """

    add: Callable[[Node], Node]
    top: Callable[[Node], Node]


def _in_rows() -> _Bags:
    """A bag in each row."""

    def top(x: Node) -> Node:
        if not x.shape[1]:
            return expand(ew.const_like(-np.inf, x), (x.shape[0], *x.shape[2:]))
        return amax(x, axes=(1,), keepdims=False)

    return _Bags(lambda x: sum_(x, axes=(1,), keepdims=False), top)


def _check_first(starts: np.ndarray) -> None:
    if starts.size and int(starts[0]):
        raise RuntimeError(
            "embedding_bag: offsets[0] has to be 0, i.e., the first sequence in the "
            f"mini-batch has to start from position 0. However, got {starts[0]}"
        )


def _at_offsets(positions: Node, offsets: Tensor, ends: bool) -> _Bags:
    """Bags one after the other."""
    starts = ew.cast(offsets.node, dt.int64)
    message = f"embedding_bag: offsets must be in [0, {positions.size}], got {{}}"
    starts = within(starts, 0, positions.size + 1, message, error=RuntimeError)
    checked(starts, _check_first)
    behind = searchsorted(starts, constant(np.arange(positions.size)), right=True)
    bag = ew.sub(behind, ew.const_like(1, behind))
    count = starts.size - 1 if ends else starts.size

    def add(x: Node) -> Node:
        return index_add(zeros((count, *x.shape[1:]), x.dtype), x, bag)

    def top(x: Node) -> Node:
        start = expand(ew.const_like(-np.inf, x), (count, *x.shape[1:]))
        places = expand(reshape(bag, (bag.size, 1)), x.shape)
        return scatter_amax(start, places, x, axis=0)

    return _Bags(add, top)


def _masked(x: Node, counted: Node | None, filling: float) -> Node:
    if counted is None:
        return x
    kept = reshape(counted, (*counted.shape, 1))
    return ew.where(kept, x, ew.const_like(filling, x))


def _summed(x: Node, bags: _Bags, counted: Node | None, mode: str) -> Node:
    """Add up the vectors of each bag, and divide by their number for the mean."""
    total = bags.add(_masked(x, counted, 0))
    if mode == "sum":
        return total
    ones = expand(ew.const_like(1, x), (*x.shape[:-1], 1))
    number = bags.add(_masked(ones, counted, 0))
    return ew.div(total, ew.maximum(number, ew.const_like(1, x)))


def _largest(x: Node, bags: _Bags, counted: Node | None, mode: str) -> Node:
    found = bags.top(_masked(x, counted, -np.inf))
    least = ew.const_like(-np.inf, x)
    return ew.where(ew.equal(found, least), ew.const_like(0, x), found)
