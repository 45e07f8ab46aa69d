"""What the passes that rewrite a graph have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..graph import Node

__all__ = ["users_of", "with_inputs"]


def users_of(roots: Sequence[Node], order: Sequence[Node]) -> Counter[int]:
    """Return how often each node is read, by id; being wanted counts.

    Args:
        roots: the nodes that are wanted.
        order: the graph.
    """
    pending = (node for node in order if node.value is None)
    users = Counter(id(each) for node in pending for each in node.inputs)
    users.update(map(id, roots))
    return users


def with_inputs(node: Node, inputs: Sequence[Node]) -> Node:
    """Return the node with these inputs: itself if it has them."""
    if all(new is old for new, old in zip(inputs, node.inputs, strict=True)):
        return node
    return Node(node.op, tuple(inputs), node.params, node.shape, node.dtype)
