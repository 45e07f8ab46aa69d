"""Pass: order a graph so that what is light runs as soon as it can.

    conv a, conv b, scale, relu(a * scale)   ->   scale, conv a, relu(a * scale), conv b

A contraction then finds everything that its epilogue reads, and a value is used while
it is near. Contractions keep their order among themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from ..graph import Node

__all__ = ["CONTRACTIONS", "arrange"]

CONTRACTIONS = frozenset({"matmul", "conv", "conv_input_grad", "conv_weight_grad"})


def arrange(order: Sequence[Node]) -> list[Node]:
    """Return the nodes of a graph, inputs before users, light ones first.

    Args:
        order: the graph, inputs before users.
    """
    users: dict[int, list[int]] = {id(node): [] for node in order}
    missing = [0] * len(order)
    for at, node in enumerate(order):
        for each in node.inputs if node.value is None else ():
            users[id(each)].append(at)
            missing[at] += 1
    ready = [_rank(node, at) for at, node in enumerate(order) if not missing[at]]
    heapify(ready)
    found = []
    while ready:
        _, at = heappop(ready)
        found.append(order[at])
        for user in users[id(order[at])]:
            missing[user] -= 1
            if not missing[user]:
                heappush(ready, _rank(order[user], user))
    return found


def _rank(node: Node, at: int) -> tuple[bool, int]:
    return node.value is None and node.name in CONTRACTIONS, at
