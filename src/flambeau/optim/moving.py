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

__all__ = [
    "Factor",
    "add_scaled",
    "average_square_",
    "blend_",
    "sub_quotient_",
    "sub_scaled_",
]

Factor: TypeAlias = Number | Tensor
"""A number, or a tensor without dimensions."""


def add_scaled(x: Tensor, y: Tensor, factor: Factor) -> Tensor:
    """Return x + factor y."""
    found = _combined(updates.add_scaled, (x, y), factor)
    return x + factor * y if found is None else wrap(found)


def sub_scaled_(x: Tensor, y: Tensor, factor: Factor) -> Tensor:
    """Let x be x - factor y."""
    found = _combined(updates.sub_scaled, (x, y), factor)
    return x.sub_(factor * y) if found is None else _written(x, found)


def blend_(old: Tensor, new: Tensor, kept: Factor, share: Factor) -> Tensor:
    """Let a tensor be kept times itself + share new."""
    found = _combined(updates.blend, (old, new), kept, share)
    if found is None:
        return old.copy_(kept * old + share * new)
    return _written(old, found)


def average_square_(old: Tensor, new: Tensor, kept: Factor, share: Factor) -> Tensor:
    """Let a tensor be kept times itself + share new new."""
    return old.copy_(add_scaled(share * new * new, old, kept))


def sub_quotient_(
    x: Tensor, mean: Tensor, square: Tensor, size: Factor, spread: Factor, eps: Factor
) -> Tensor:
    """Let x be x - size mean / (sqrt(square) / spread + eps)."""
    found = _combined(updates.sub_quotient, (x, mean, square), size, spread, eps)
    if found is None:
        return x.sub_(size * mean / (square.sqrt() / spread + eps))
    return _written(x, found)


def _written(x: Tensor, new: Node) -> Tensor:
    x.write(new)
    return x


def _combined(
    op: Callable[..., Node], tensors: Sequence[Tensor], *factors: Factor
) -> Node | None:
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
    return op(*nodes)
