"""Pass: decide which nodes are stored; others are computed again where they are read.

y = exp(x) * 2;  z = sum(y)            y is not stored
y = exp(x) * 2;  z = sum(y), y read    y is stored: exp costs more than reading
d = x - mean;    s = sum(d * d), d     d is not stored: reading x again costs as much
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..graph import Node
from .affine import LOOKUPS
from .kinds import Kind
from .lowerings.registry import FAMILIES, Family

__all__ = ["is_looked_up", "stored_nodes"]

_CURVES = frozenset({"exp", "log", "tanh", "sigmoid", "sqrt", "rsqrt", "div", "erf"})
_FUSED = (Kind.LOOP, Kind.VIEW)
_DEEPEST = 32  # longer chains of fused ops are cut
_MOST_STEPS = 4  # that are computed again rather than read back
_SPREAD = 8  # how much smaller than what it is spread over a stored node is


def stored_nodes(
    order: Sequence[Node], outputs: Iterable[Node], kinds: dict[int, str]
) -> set[int]:
    """Return the ids of the nodes that get memory; leaves have theirs.

    Args:
        order: the graph, inputs before users.
        outputs: the nodes whose values are wanted.
        kinds: of the nodes.
    """
    users: dict[int, list[Node]] = {id(node): [] for node in order}
    for node in order:
        if kinds[id(node)] != Kind.LEAF:
            for each in node.inputs:
                users[id(each)].append(node)
    return _Storage(order, users, kinds).decide({id(each) for each in outputs})


@dataclass(frozen=True)
class _Cost:
    """What computing a node that is not stored takes.

    Attributes:
        loads: the ids of the large values that are read.
        steps: how many ops of its size are done.
        curved: whether one of them is costly.
        depth: the longest chain of ops, of any size.
    """

    loads: frozenset[int] = frozenset()
    steps: int = 0
    curved: bool = False
    depth: int = 0


class _Storage:
    """Decides for one node after the other, inputs first."""

    def __init__(
        self,
        order: Sequence[Node],
        users: dict[int, list[Node]],
        kinds: dict[int, str],
    ) -> None:
        self.order, self.users, self.kinds = order, users, kinds
        self.stored: set[int] = set()
        self.costs: dict[int, _Cost] = {}
        self.addressed = _addressed(order, users, kinds)

    def decide(self, outputs: set[int]) -> set[int]:
        """Return the ids of the nodes that are stored."""
        for node in self.order:
            cost = self._cost(node)
            if (
                self.kinds[id(node)] not in _FUSED
                or id(node) in outputs
                or cost.depth > _DEEPEST
                or self._must_be_there(node)
                or self._is_worth_it(node, cost)
            ):
                self.stored.add(id(node))
                cost = _Cost(frozenset({id(node)}))
            self.costs[id(node)] = cost
        return self.stored

    def _cost(self, node: Node) -> _Cost:
        loads: frozenset[int] = frozenset()
        steps = depth = 0
        curved = False
        for each in node.inputs if self.kinds[id(node)] in _FUSED else ():
            below = self.costs[id(each)]
            depth = max(depth, below.depth)
            if each.size * _SPREAD > node.size:
                loads |= below.loads
                steps += below.steps
                curved |= below.curved
        own = self.kinds[id(node)] == Kind.LOOP
        curved |= node.name in _CURVES or node.name in LOOKUPS
        return _Cost(loads, steps + own, curved, depth + 1)

    def _must_be_there(self, node: Node) -> bool:
        """Whether some user reads from memory."""
        kind = self.kinds[id(node)]
        for each in self.users[id(node)]:
            other = self.kinds[id(each)]
            if other == Kind.WHOLE:
                if not _reads_unstored(FAMILIES[each.name], kind):
                    return True
            elif other not in (*_FUSED, Kind.REDUCE) or is_looked_up(node, each):
                return True
        # a family reads memory through a view of the node
        return kind == Kind.LOOP and any(
            id(each) in self.addressed for each in self.users[id(node)]
        )

    def _is_worth_it(self, node: Node, cost: _Cost) -> bool:
        """Whether reading a node back costs less than computing it again."""
        if self.kinds[id(node)] != Kind.LOOP:
            return False
        if any(node.size * _SPREAD <= size for size in self._read_sizes(node)):
            return True
        if len(self.users[id(node)]) < 2:
            return False
        return len(cost.loads) > 1 or cost.steps > _MOST_STEPS or cost.curved

    def _read_sizes(self, node: Node) -> list[int]:
        """The sizes of what reads a node, perhaps through views."""
        sizes = []
        for each in self.users[id(node)]:
            is_view = self.kinds[id(each)] == Kind.VIEW
            sizes += self._read_sizes(each) if is_view else [each.size]
        return sizes


def _addressed(
    order: Sequence[Node], users: dict[int, list[Node]], kinds: dict[int, str]
) -> set[int]:
    """The ids of the views through which a family reads memory."""
    found: set[int] = set()
    for node in reversed(order):
        if kinds[id(node)] == Kind.VIEW and any(
            id(each) in found or _reads_memory(each, kinds) for each in users[id(node)]
        ):
            found.add(id(node))
    return found


def _reads_memory(node: Node, kinds: dict[int, str]) -> bool:
    if kinds[id(node)] != Kind.WHOLE:
        return False
    family = FAMILIES[node.name]
    return family.reads_views and not family.reads_loops


def is_looked_up(node: Node, user: Node) -> bool:
    """Whether a user reads a node at positions that are values."""
    return user.name in LOOKUPS and node is user.inputs[0]


def _reads_unstored(family: Family, kind: str) -> bool:
    return family.reads_loops or (kind == Kind.VIEW and family.reads_views)
