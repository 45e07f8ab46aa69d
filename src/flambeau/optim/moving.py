"""What rules have in common: to move a tensor by a multiple of another one.

Each is one node of the graph where all have one dtype, as they mostly do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..graph import Node, scalar
from ..ops import updates
from ..tensor import Tensor
from ..tensor.handle import wrap
from ..tensor.operands import Number

__all__ = ["Factor", "add_scaled", "blend", "sub_scaled"]

Factor: TypeAlias = Number | Tensor
"""A number, or a tensor without dimensions."""


def add_scaled(x: Tensor, y: Tensor, factor: Factor) -> Tensor:
    """Return x + factor y."""
    found = _combined(updates.add_scaled, x, y, factor)
    return x + factor * y if found is None else found


def sub_scaled(x: Tensor, y: Tensor, factor: Factor) -> Tensor:
    """Return x - factor y."""
    found = _combined(updates.sub_scaled, x, y, factor)
    return x - factor * y if found is None else found


def blend(old: Tensor, new: Tensor, kept: Factor, share: Factor) -> Tensor:
    """Return kept old + share new."""
    found = _combined(updates.blend, old, new, kept, share)
    return kept * old + share * new if found is None else found


def _combined(
    op: Callable[..., Node], x: Tensor, y: Tensor, *factors: Factor
) -> Tensor | None:
    """Apply an op to what has one dtype of floats; None if it does not."""
    first, second = x.node, y.node
    kind = first.dtype
    if not kind.is_floating_point or second.dtype is not kind:
        return None
    if first.shape != second.shape:
        return None
    nodes = []
    for each in factors:
        node = each.node if isinstance(each, Tensor) else scalar(each, kind)
        if node.dtype is not kind or node.shape:
            return None
        nodes.append(node)
    return wrap(op(first, second, *nodes))
