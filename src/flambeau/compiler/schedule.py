"""Pass: gather what is computed together into groups.

    y = exp(x) * 2;  z = y.sum(0)     ->   [reduce: z]               y is not stored
    c = conv(x, k);  y = relu(c + b)  ->   [conv: y]                 c is read by y only
    m = u * m + g;   p = p - r * m    ->   [loop: m, p]

What is read within its own group only is never in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..graph import Node
from .affine import UNCHANGED, VIEWS
from .kinds import Kind, kinds_of
from .lowerings.registry import FAMILIES
from .storage import is_looked_up, stored_nodes

__all__ = ["Group", "schedule"]

_MOST_STORED = 8  # together, which bounds a kernel's size


@dataclass
class Group:
    """Nodes that one piece of work computes.

    Attributes:
        kind: of the work.
        nodes: what it computes, in order; the first one says how.
        unread: the ids of those that nobody reads from memory.
    """

    kind: str
    nodes: list[Node] = field(default_factory=list)
    unread: set[int] = field(default_factory=set)


def schedule(
    order: Sequence[Node], outputs: Iterable[Node], computable: frozenset[str]
) -> list[Group]:
    """Return the groups in an order in which each one's operands are there.

    Args:
        order: the graph, inputs before users.
        outputs: the nodes whose values are wanted.
        computable: names of the dtypes that kernels can compute.
    """
    outputs = list(outputs)
    kinds = kinds_of(order, computable)
    stored = stored_nodes(order, outputs, kinds)
    scheduler = _Scheduler(stored, kinds)
    for node in order:
        if id(node) in stored and kinds[id(node)] != Kind.LEAF:
            scheduler.place(node)
    scheduler.find_unread({id(each) for each in outputs})
    return scheduler.groups


class _Scheduler:
    """The groups so far.

    Attributes:
        groups: in an order in which each one's operands are there.
    """

    def __init__(self, stored: set[int], kinds: dict[int, str]) -> None:
        self.groups: list[Group] = []
        self._stored, self._kinds = stored, kinds
        self._home: dict[int, int] = {}
        self._readers: dict[int, set[int]] = {}  # groups that read a node, by its id

    def place(self, node: Node) -> None:
        """Put a stored node into a group, whose operands are all there."""
        kind = self._kinds[id(node)]
        kind = Kind.LOOP if kind == Kind.VIEW else kind  # a view that is stored
        operands = [each for each in self._operands(node) if id(each) in self._home]
        latest = max((self._home[id(each)] for each in operands), default=-1)
        at = self._host(node, kind, latest)
        if at is None:
            self.groups.append(Group(kind))
            at = len(self.groups) - 1
        self.groups[at].nodes.append(node)
        self._home[id(node)] = at
        for each in operands:
            self._readers.setdefault(id(each), set()).add(at)

    def find_unread(self, outputs: set[int]) -> None:
        """Find what need not be in memory."""
        for at, group in enumerate(self.groups):
            if group.kind in (Kind.LOOP, Kind.WHOLE):
                group.unread = {
                    id(node)
                    for node in group.nodes
                    if id(node) not in outputs
                    and self._readers.get(id(node), set()) == {at}
                }

    def _operands(self, node: Node) -> list[Node]:
        """The stored nodes that a node is computed from."""
        found: list[Node] = []
        stack = list(node.inputs)
        seen: set[int] = set()
        while stack:
            each = stack.pop()
            if id(each) in seen:
                continue
            seen.add(id(each))
            if id(each) in self._stored:
                found.append(each)
            else:
                stack.extend(each.inputs)
        return found

    def _host(self, node: Node, kind: str, latest: int) -> int | None:
        """A group that can compute the node along with its own, or None.

        Everything that the node needs is in the group `latest` or earlier ones.
        """
        for at in range(len(self.groups) - 1, max(latest - 1, -1), -1):
            if self._takes(self.groups[at], node, kind, at == latest):
                return at
        return None

    def _takes(self, group: Group, node: Node, kind: str, reads_it: bool) -> bool:
        """Whether a group can compute a node along with its own.

        Args:
            group: the group.
            node: the node.
            kind: of the node.
            reads_it: whether the node reads what the group computes.
        """
        first = group.nodes[0]
        if len(group.nodes) == _MOST_STORED:
            return False
        if group.kind == Kind.WHOLE:
            family = FAMILIES[first.name]
            if family.joins(node, group.nodes):
                return True
            return family.epilogue and reads_it and self._ends(group, node, kind)
        if kind not in (Kind.LOOP, Kind.REDUCE) or group.kind != kind:
            return False
        if not _same_walk(node, first, kind):
            return False
        return not reads_it or (kind == Kind.LOOP and self._reads_in_place(node, group))

    def _ends(self, group: Group, node: Node, kind: str) -> bool:
        """Whether a node can be computed as a contraction's result is stored."""
        first = group.nodes[0]
        if kind == Kind.LOOP:
            return node.shape == first.shape and self._reads_in_place(node, group)
        return (
            FAMILIES[first.name].gathers
            and _is_per_channel(node, first)
            and self._reads_in_place(node, group)
        )

    def _reads_in_place(self, node: Node, group: Group) -> bool:
        """Whether a node reads what a group computes only at its own place.

        A reduction has no places; what it reduces has. A second result of a family is
        not read before it is in memory.
        """
        mine = {id(each) for each in group.nodes}
        beside = {
            id(each) for each in group.nodes[1:] if self._kinds[id(each)] == Kind.WHOLE
        }
        reduces = self._kinds[id(node)] == Kind.REDUCE
        shape = node.inputs[0].shape if reduces else node.shape
        stack, seen = [node], set()
        while stack:
            at = stack.pop()
            for each in at.inputs[:1] if at is node and reduces else at.inputs:
                if id(each) in seen and id(each) not in mine:
                    continue
                seen.add(id(each))
                if id(each) in beside:
                    return False
                if id(each) in mine:
                    if each.shape != shape or not _keeps_places(at, each):
                        return False
                elif id(each) in self._stored:
                    continue  # by an earlier group
                elif each.shape == shape and _keeps_places(at, each):
                    stack.append(each)
                elif self._reaches(each, mine):
                    return False
        return True

    def _reaches(self, node: Node, targets: set[int]) -> bool:
        """Whether a node that is not stored is computed from some of the targets."""
        return any(id(each) in targets for each in self._operands(node))


def _same_walk(node: Node, other: Node, kind: str) -> bool:
    if kind == Kind.LOOP:
        return node.shape == other.shape
    same = node.name == other.name and node.params == other.params
    return same and node.inputs[0].shape == other.inputs[0].shape


def _is_per_channel(node: Node, first: Node) -> bool:
    """Whether a node is a sum over all dimensions but the channels of a result."""
    return (
        node.name in ("sum", "spread")
        and node.inputs[0].shape == first.shape
        and node.dtype is first.dtype
        and node.params["axes"] == (0, *range(2, first.ndim))
        and not node.params.get("keepdims")
    )


def _keeps_places(user: Node, node: Node) -> bool:
    """Whether a user reads each element of a node of its shape at its own place."""
    if user.name in VIEWS:
        return user.name in UNCHANGED
    return not is_looked_up(node, user)
