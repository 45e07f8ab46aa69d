"""What rules have in common: to move a tensor by a multiple of another one.

Each is one node of the graph where all have one dtype, as they mostly do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ..graph import Node, scalar
from ..ops import updates
from ..tensor import Tensor
from ..tensor.handle import wrap
from ..tensor.operands import Number

__all__ = ["Factor", "add_scaled", "blend", "sub_quotient", "sub_scaled"]

Factor: TypeAlias = Number | Tensor
"""A number, or a tensor without dimensions."""


def add_scaled(x: Tensor, y: Tensor, factor: Factor) -> Tensor:
    """Return x + factor y."""
    found = _combined(updates.add_scaled, (x, y), factor)
    return x + factor * y if found is None else found


def sub_scaled(x: Tensor, y: Tensor, factor: Factor) -> Tensor:
    """Return x - factor y."""
    found = _combined(updates.sub_scaled, (x, y), factor)
    return x - factor * y if found is None else found


def blend(old: Tensor, new: Tensor, kept: Factor, share: Factor) -> Tensor:
    """Return kept old + share new."""
    found = _combined(updates.blend, (old, new), kept, share)
    return kept * old + share * new if found is None else found


def sub_quotient(
    x: Tensor, mean: Tensor, square: Tensor, size: Factor, spread: Factor, eps: Factor
) -> Tensor:
    """Return x - size mean / (sqrt(square) / spread + eps)."""
    found = _combined(updates.sub_quotient, (x, mean, square), size, spread, eps)
    if found is None:
        return x - size * mean / (square.sqrt() / spread + eps)
    return found


def _combined(
    op: Callable[..., Node], tensors: Sequence[Tensor], *factors: Factor
) -> Tensor | None:
    """Apply an op to what has one dtype of floats; None if it does not."""
    nodes = [each.node for each in tensors]
    kind, shape = nodes[0].dtype, nodes[0].shape
    if not kind.is_floating_point:
        return None
    for each in nodes:
        if each.dtype is not kind or each.shape != shape:
            return None
    for factor in factors:
        node = factor.node if isinstance(factor, Tensor) else scalar(factor, kind)
        if node.dtype is not kind or node.shape:
            return None
        nodes.append(node)
    return wrap(op(*nodes))
