"""Pass: decide what is stored, and gather what is computed together into groups.

    y = exp(x) * 2;  z = y.sum(0)   ->   [reduce: sum(exp(x) * 2)]          y unread
                                    ->   [loop: y = exp(x) * 2], [reduce]   y is read

A node that is stored gets a buffer. The other nodes are computed again wherever they
are read, inside the loop that reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..graph import Node
from .affine import LOOKUPS, VIEWS
from .codegen.arithmetic import has_lowering
from .lowerings.registry import FAMILIES, Family, family_of

__all__ = ["Group", "Kind", "classify", "schedule"]

REDUCTIONS = frozenset({"sum", "amax", "amin", "any", "all"})
CURVES = frozenset({"exp", "log", "tanh", "sigmoid", "sqrt", "rsqrt", "div"})


class Kind:
    """What sort of computation a node is."""

    LEAF = "leaf"
    VIEW = "view"
    LOOP = "loop"
    REDUCE = "reduce"
    WHOLE = "whole"  # by a family of its own
    HOST = "host"


def classify(node: Node, computable: frozenset[str]) -> str:
    """Return the kind of a node.

    Args:
        node: the node.
        computable: names of the dtypes that kernels can compute.
    """
    if node.op is None or node.value is not None:
        return Kind.LEAF
    kinds = {each.dtype.name for each in (node, *node.inputs)}
    if not kinds <= computable or 0 in node.shape:
        return Kind.HOST
    if any(0 in each.shape for each in node.inputs):
        return Kind.HOST
    name = node.name
    if name in VIEWS:
        return Kind.VIEW
    if name in REDUCTIONS:
        return Kind.REDUCE
    if is_elementwise(node) or name in LOOKUPS:
        return Kind.LOOP
    return Kind.HOST if family_of(node) is None else Kind.WHOLE


def is_elementwise(node: Node) -> bool:
    """Whether loops can compute a node."""
    return bool(node.inputs) and has_lowering(node.name, node.inputs[-1].dtype)


_FUSED = (Kind.LOOP, Kind.VIEW)
_DEEPEST = 32  # longer chains of fused ops are cut, and few results are computed
_MOST_STORED = 8  # together, which bounds a kernel's size


@dataclass
class Group:
    """Nodes that one piece of work computes.

    Attributes:
        kind: of the work.
        stored: the nodes it gives buffers to, in order.
    """

    kind: str
    stored: list[Node] = field(default_factory=list)


def schedule(
    order: Sequence[Node], outputs: Iterable[Node], computable: frozenset[str]
) -> list[Group]:
    """Return the groups in an order in which each one's operands are there.

    Args:
        order: the graph, inputs before users.
        outputs: the nodes whose values are wanted.
        computable: names of the dtypes that kernels can compute.
    """
    kinds = {id(node): classify(node, computable) for node in order}
    stored = _stored(order, {id(each) for each in outputs}, kinds)
    groups: list[Group] = []
    home: dict[int, int] = {}
    for node in order:
        if id(node) not in stored or kinds[id(node)] == Kind.LEAF:
            continue
        needed = [
            home[id(each)] for each in _operands(node, stored) if id(each) in home
        ]
        at = _host_group(node, kinds[id(node)], groups, needed)
        if at is None:
            groups.append(Group(kinds[id(node)]))
            at = len(groups) - 1
        groups[at].stored.append(node)
        home[id(node)] = at
    return groups


def _operands(node: Node, stored: set[int]) -> list[Node]:
    """The stored nodes that a node is computed from."""
    found: list[Node] = []
    stack = list(node.inputs)
    seen: set[int] = set()
    while stack:
        each = stack.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if id(each) in stored:
            found.append(each)
        else:
            stack.extend(each.inputs)
    return found


def _host_group(
    node: Node, kind: str, groups: list[Group], needed: list[int]
) -> int | None:
    """An earlier group that can compute the node as well, or None.

    Everything else that the node needs must be there before that group.
    """
    latest = max(needed, default=-1)
    for at in range(len(groups) - 1, max(latest - 1, -1), -1):
        if _takes(groups[at], node, kind, at == latest):
            return at
    return None


def _takes(group: Group, node: Node, kind: str, reads_it: bool) -> bool:
    """Whether a group can compute a node along with its own.

    Args:
        group: the group.
        node: the node.
        kind: of the node.
        reads_it: whether the node reads what the group computes.
    """
    if group.kind == Kind.WHOLE:
        return FAMILIES[group.stored[0].name].joins(node, group.stored)
    if group.kind != kind or kind not in (Kind.LOOP, Kind.REDUCE):
        return False
    if len(group.stored) == _MOST_STORED:
        return False
    if reads_it and (kind == Kind.REDUCE or not _read_in_place(node, group)):
        return False
    return _same_walk(node, group.stored[0], kind)


def _same_walk(node: Node, other: Node, kind: str) -> bool:
    if kind == Kind.LOOP:
        return node.shape == other.shape
    same = node.name == other.name and node.params == other.params
    return same and node.inputs[0].shape == other.inputs[0].shape


def _read_in_place(node: Node, group: Group) -> bool:
    """Whether a node reads what a group stores only at its own place."""
    mine = {id(each) for each in group.stored}
    stack = [node]
    while stack:
        at = stack.pop()
        for each in at.inputs:
            if id(each) in mine:
                if each.shape != node.shape or _is_looked_up(each, at):
                    return False
            elif each.shape == node.shape and is_elementwise(each):
                stack.append(each)
            elif each.value is None and _reaches(each, mine):
                return False
    return True


def _is_looked_up(node: Node, user: Node) -> bool:
    """Whether a user reads a node at positions that are values."""
    return user.name in LOOKUPS and node is user.inputs[0]


def _reaches(node: Node, targets: set[int]) -> bool:
    stack, seen = [node], set()
    while stack:
        each = stack.pop()
        if id(each) in targets:
            return True
        if id(each) not in seen:
            seen.add(id(each))
            stack.extend(each.inputs if each.value is None else ())
    return False


def _stored(
    order: Sequence[Node], outputs: set[int], kinds: dict[int, str]
) -> set[int]:
    """The ids of the nodes that get a buffer; leaves have theirs."""
    users: dict[int, list[Node]] = {id(node): [] for node in order}
    for node in order:
        if kinds[id(node)] != Kind.LEAF:
            for each in node.inputs:
                users[id(each)].append(node)
    addressed = _addressed(order, users, kinds)
    stored: set[int] = set()
    depths: dict[int, int] = {}
    for node in order:
        below = [depths[id(each)] for each in node.inputs if id(each) not in stored]
        depths[id(node)] = 1 + max(below, default=0)
        if (
            kinds[id(node)] not in _FUSED
            or id(node) in outputs
            or depths[id(node)] > _DEEPEST
            or _must_be_there(node, users[id(node)], kinds)
            or _is_addressed(node, users[id(node)], kinds, addressed)
        ):
            stored.add(id(node))
            depths[id(node)] = 0
    return stored


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


def _is_addressed(
    node: Node, users: list[Node], kinds: dict[int, str], addressed: set[int]
) -> bool:
    """Whether memory is read through a view of the node, which must be there then."""
    return kinds[id(node)] == Kind.LOOP and any(id(each) in addressed for each in users)


def _must_be_there(node: Node, users: list[Node], kinds: dict[int, str]) -> bool:
    """Whether some user reads from memory, or several would compute it again."""
    for each in users:
        if kinds[id(each)] == Kind.WHOLE:
            if not _reads_unstored(FAMILIES[each.name], kinds[id(node)]):
                return True
            continue
        fuses = kinds[id(each)] in (*_FUSED, Kind.REDUCE)
        if not fuses or _is_looked_up(node, each):
            return True
    several = len(users) > 1 and kinds[id(node)] == Kind.LOOP
    return several and not _cheap(node, kinds)


def _reads_unstored(family: Family, kind: str) -> bool:
    return family.reads_loops or (kind == Kind.VIEW and family.reads_views)


def _cheap(node: Node, kinds: dict[int, str]) -> bool:
    """Whether computing a node again costs less than reading it back."""
    if node.name in CURVES:
        return False
    loads = [each for each in node.inputs if each.shape]
    return len(loads) <= 1 and all(
        kinds[id(each)] not in (Kind.LOOP, Kind.VIEW) for each in node.inputs
    )
