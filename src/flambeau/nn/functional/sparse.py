"""Tables read by index: embedding and one-hot vectors."""

from __future__ import annotations

import numpy as np

from ... import dtypes as dt
from ...autograd import no_grad
from ...graph import Node, constant
from ...ops import elementwise as ew
from ...ops.broadcast import expand, reshape
from ...ops.index import index, index_add, index_put
from ...ops.movement import zeros
from ...ops.norm import vector_norm
from ...ops.transparent import scale_gradient, within
from ...tensor import Tensor
from ...tensor.convert import value_of
from ...tensor.handle import wrap
from .arguments import node_of

__all__ = ["check_padding_index", "embedding", "one_hot"]


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Return the rows of a table that the indices name.

    Args:
        input: the indices, any shape.
        weight: the table.
        padding_idx: a row whose gradient is 0; negative counts from the end.
        max_norm: rows that are read and whose norm is above this are scaled down to
            it, in place.
        norm_type: the p of that norm.
        scale_grad_by_freq: divide a row's gradient by how often the row is read.
        sparse: has no effect: gradients are dense.

    Shape: input (*), weight (V, D); result (*, D).

    Raises:
        IndexError: an index outside 0 … V-1.
        RuntimeError: indices that are not int32 or int64, a table that is no matrix.
        AssertionError: `padding_idx` names no row (torch's type).

    Source: torch's page "torch.nn.functional.embedding".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> table = torch.tensor([[1., 2.], [3., 4.], [5., 6.]])
        >>> F.embedding(torch.tensor([2, 0]), table)
        tensor([[5., 6.],
                [1., 2.]])
    """
    positions = node_of("embedding", "input", input)
    w = node_of("embedding", "weight", weight)
    _check_table(positions, w)
    rows, size = w.shape
    if padding_idx is not None:
        padding_idx = check_padding_index(padding_idx, rows)
    positions = within(positions, 0, rows, _index_message(rows, size))
    if max_norm is not None:
        _renormalize(weight, positions, max_norm, norm_type)
        w = weight.node
    found = index(w, positions)
    if w.tape is not None:
        if padding_idx is not None:
            kept = ew.not_equal(positions, ew.const_like(padding_idx, positions))
            found = _weighted(found, ew.cast(kept, w.dtype))
        if scale_grad_by_freq:
            found = _weighted(found, _inverse_counts(positions, w))
    return wrap(found)


def _weighted(found: Node, scale: Node) -> Node:
    """Multiply the gradient of each vector by a number."""
    return scale_gradient(found, reshape(scale, (*scale.shape, 1)))


def _inverse_counts(positions: Node, w: Node) -> Node:
    """Return 1 / how often each position is read."""
    one = expand(ew.const_like(1, w), positions.shape)
    counts = index_add(zeros((w.shape[0],), w.dtype), one, positions)
    return ew.reciprocal(index(counts, positions))


@no_grad()
def _renormalize(
    weight: Tensor, positions: Node, max_norm: float, norm_type: float
) -> None:
    """Scale the rows that are read down to a norm, in place."""
    w = weight.node
    found = index(w, positions)
    limit = ew.const_like(max_norm, w)
    norm = vector_norm(found, norm_type, (found.ndim - 1,), keepdims=True)
    scale = ew.div(limit, ew.add(norm, ew.const_like(1e-7, w)))
    shrunk = ew.where(ew.greater(norm, limit), ew.mul(found, scale), found)
    weight.write(index_put(w, shrunk, positions))


def _check_table(positions: Node, w: Node) -> None:
    if w.ndim != 2:
        raise RuntimeError(f"embedding: 'weight' must be 2-D, got shape {w.shape}")
    if positions.dtype not in (dt.int64, dt.int32):
        raise RuntimeError(
            "embedding: Expected tensor for argument #1 'indices' to have one of the "
            "following scalar types: Long, Int; but got "
            f"torch.{dt.scalar_name(positions.dtype)}Tensor instead; convert it with "
            ".long()"
        )


def _index_message(rows: int, size: int) -> str:
    return (
        "index out of range in self: embedding got index {}, but its table of "
        f"{rows} x {size} has rows 0 to {rows - 1}; make it with a larger "
        "num_embeddings"
    )


def check_padding_index(padding_idx: int, rows: int) -> int:
    """Return the row that `padding_idx` names, counted from 0.

    Raises:
        AssertionError: there is no such row (torch's type).
    """
    if not -rows <= padding_idx < rows:
        raise AssertionError(
            "Padding_idx must be within num_embeddings, got padding_idx="
            f"{padding_idx} for {rows} embeddings"
        )
    return padding_idx % rows


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Return vectors that are 1 at the class and 0 elsewhere.

    Args:
        tensor: the classes, int64 of any shape.
        num_classes: the length of the vectors; -1: as long as the largest class needs,
            which evaluates the classes.

    Shape: input (*); result (*, num_classes), int64.

    Raises:
        RuntimeError: a class outside 0 … num_classes-1, or not int64.

    Source: torch's page "torch.nn.functional.one_hot".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.one_hot(torch.tensor([2, 0]), num_classes=3)
        tensor([[0, 0, 1],
                [1, 0, 0]])
    """
    classes = node_of("one_hot", "tensor", tensor)
    if classes.dtype is not dt.int64:
        raise RuntimeError(
            "one_hot is only applicable to index tensor of type LongTensor, got "
            f"{classes.dtype!r}; convert it with .long()"
        )
    if num_classes == -1:
        if not classes.size:
            raise RuntimeError(
                "one_hot: Can not infer total number of classes from empty tensor."
            )
        num_classes = int(value_of(tensor).max()) + 1
    message = (
        "one_hot: Class values must be non-negative and smaller than num_classes. Got "
        f"{{}} with num_classes={num_classes}"
    )
    known = within(classes, 0, num_classes, message, error=RuntimeError)
    column = reshape(known, (*known.shape, 1))
    return wrap(ew.cast(ew.equal(column, constant(np.arange(num_classes))), dt.int64))
