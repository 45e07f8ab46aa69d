"""How values are moved a little, as an optimizer and a running average do it.

Each is one node of the graph for what would be three to six, as a training step has
hundreds of them.
"""

from __future__ import annotations

from ..graph import Node
from . import elementwise as ew
from .broadcast import reshape
from .op import Combined

__all__ = ["add_scaled", "blend", "sub_quotient", "sub_scaled"]


def _blend(old: Node, new: Node, kept: Node, share: Node, factor: float = 1.0) -> Node:
    new = ew.cast(reshape(new, old.shape), old.dtype)
    if factor != 1:
        new = ew.mul(new, ew.const_like(factor, old))
    return ew.add(ew.mul(old, kept), ew.mul(new, share))


# old kept + new factor share, where new has as many elements as old
blend = Combined("blend", _blend)
# x + y factor and x - y factor, where y has the shape of x
add_scaled = Combined("add_scaled", lambda x, y, factor: ew.add(x, ew.mul(y, factor)))
sub_scaled = Combined("sub_scaled", lambda x, y, factor: ew.sub(x, ew.mul(y, factor)))


def _sub_quotient(
    x: Node, mean: Node, square: Node, size: Node, spread: Node, eps: Node
) -> Node:
    width = ew.add(ew.div(ew.sqrt(square), spread), eps)
    return ew.sub(x, ew.div(ew.mul(mean, size), width))


# x - size mean / (sqrt(square) / spread + eps): a step of Adam and its kin
sub_quotient = Combined("sub_quotient", _sub_quotient)
