"""What sort of computation each node of a graph is."""

from __future__ import annotations

from collections.abc import Iterable

from ..graph import Node
from .affine import LOOKUPS, VIEWS
from .codegen.arithmetic import has_lowering
from .lowerings.registry import family_of

__all__ = ["Kind", "classify", "is_elementwise", "kinds_of"]

REDUCTIONS = frozenset({"sum", "amax", "amin", "any", "all", "spread"})


class Kind:
    """What sort of computation a node is."""

    LEAF = "leaf"
    VIEW = "view"
    LOOP = "loop"
    REDUCE = "reduce"
    WHOLE = "whole"  # by a family of its own
    HOST = "host"


def kinds_of(nodes: Iterable[Node], computable: frozenset[str]) -> dict[int, str]:
    """Return the kind of each node by its id.

    Args:
        nodes: the nodes.
        computable: names of the dtypes that kernels can compute.
    """
    return {id(node): classify(node, computable) for node in nodes}


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
