"""Plans that are known by the outline of a graph: what is in bundles is not looked at.

A model that infers again and again records the same bundles of other inputs. Opening
them, to find the plan of all their nodes, would take as long as a small network runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from ..bundles import Content
from ..graph import NOTHING, Node, Structure, layouts, structure_of
from ..recorder import writes

if TYPE_CHECKING:
    from ..runtime.plan import Plan

__all__ = ["KnownPlan", "Outline"]


class Outline:
    """A graph but for what is in bundles.

    Attributes:
        order: its nodes, inputs before users.
        values: theirs.
        contents: what is in those that are bundles, in order.
        members: the nodes that each of these bundles has of its own.

    Args:
        order: its nodes, inputs before users.
        contents: what is in those that are bundles, by their id.
    """

    def __init__(self, order: Sequence[Node], contents: dict[int, Content]) -> None:
        found = [contents.get(id(node)) for node in order]
        self.order = order
        self.values = [node.value for node in order]
        self._found = [
            content if value is None else None
            for content, value in zip(found, self.values)
        ]
        self.contents = [each for each in self._found if each is not None]
        self.members = [each.members for each in self.contents]

    def structure(self, kept: Sequence[int]) -> Structure:
        """Return what it is but for values, and for how members lie in memory."""
        steps: list[tuple[Any, Sequence[Node], dict[str, Any]]] = [
            (node.op, node.inputs, node.params)
            if content is None
            else (content.pattern, content.arguments, NOTHING)
            for node, value, content in zip(self.order, self.values, self._found)
            if value is None
        ]
        ops, reads, params = zip(*steps, strict=True)
        return structure_of(self.order, self.values, ([*ops], reads, [*params]), kept)


class KnownPlan:
    """The plan of a graph, to be run with what outlines like that graph's give.

    Attributes:
        plan: the plan; it writes over none of what it is given.
        outputs: the positions in an outline of what the plan computes.

    Args:
        plan: the plan.
        outputs: the positions in an outline of what the plan computes.
        members: the outline's members, which none of its other nodes is.
    """

    def __init__(
        self, plan: Plan, outputs: Sequence[int], members: Sequence[Node]
    ) -> None:
        self.plan, self.outputs = plan, outputs
        self._shares = _shares(members)
        self._layouts = layouts([node.value for node in members])
        self._leaves: list[Any] = [None] * len(plan.program.leaves)  # what is constant
        self._free: list[tuple[int, int]] = []  # positions of nodes, places of leaves
        self._members: list[tuple[int, int]] = []  # likewise, among the members
        self._same: list[tuple[int, Node]] = []  # nodes that are constants, too
        self._kept: tuple[list[Any], list[Any], object] | None = None

    @classmethod
    def of(
        cls, plan: Plan, order: Sequence[Node], kept: Sequence[int], outline: Outline
    ) -> KnownPlan | None:
        """Return a graph's plan for outlines like its own; None: they tell too little.

        Args:
            plan: the plan.
            order: the graph, inputs before users.
            kept: the positions in `order` of what the plan computes.
            outline: the graph's outline.
        """
        members = [*chain.from_iterable(outline.members)]
        place_of = {id(node): at for at, node in enumerate(outline.order)}
        given = place_of.keys() - {
            id(node)
            for node, value in zip(outline.order, outline.values)
            if value is None
        }
        member_of = {id(node): at for at, node in enumerate(members)}
        constants = {id(node) for each in outline.contents for node in each.constants}
        if plan.program.donations or not member_of.keys().isdisjoint(
            place_of.keys() | constants
        ):
            return None
        known = cls(plan, [place_of[id(order[at])] for at in kept], members)
        for place, (at, _) in enumerate(plan.program.leaves):
            node = order[at]
            if id(node) in member_of:
                known._members.append((member_of[id(node)], place))
            elif id(node) in given:
                known._free.append((place_of[id(node)], place))
                if id(node) in constants:
                    known._same.append((place_of[id(node)], node))
            elif id(node) in constants:
                known._leaves[place] = node.value
            else:  # it got its value meanwhile
                return None
        return known

    def run(self, outline: Outline) -> list[np.ndarray] | None:
        """Return the outputs, or None if the outline is of another graph."""
        if any(outline.order[at] is not node for at, node in self._same):
            return None
        kept = self._kept
        if kept is None or kept[0] != outline.members:
            leaves = self._read(outline.members)
            if leaves is None:
                return None
            kept = self._keep((outline.members, leaves, object()))
        _, known, token = kept
        leaves = known.copy()
        for at, place in self._free:
            leaves[place] = outline.values[at]
        return self.plan.run(leaves, (), token, [place for _, place in self._free])

    def _read(self, members: Iterable[Sequence[Node]]) -> list[Any] | None:
        """Return the leaves that members give, and those that stay the same."""
        nodes = [*chain.from_iterable(members)]
        values = [node.value for node in nodes]
        if any([each is None for each in values]):
            return None  # their values are to be computed first
        if _shares(nodes) != self._shares or layouts(values) != self._layouts:
            return None
        leaves = self._leaves.copy()
        for at, place in self._members:
            leaves[place] = values[at]
        return leaves

    def _keep(self, read: tuple[list[Any], list[Any], object]) -> Any:
        """Keep what was read until a tensor is written to."""
        is_watching = self._kept is not None
        self._kept = read
        if not is_watching:
            writes.watch(self, writes.count)  # whose values these are is compared
        return read

    def forget(self) -> None:
        """Let go of what members gave: their values may be written over."""
        self._kept = None


def _shares(nodes: Sequence[Node]) -> list[int]:
    """Which nodes are the same ones: where each is first."""
    first: dict[int, int] = {}
    return [first.setdefault(id(node), at) for at, node in enumerate(nodes)]
