"""Several nodes as one, until somebody looks into it.

A layer that is called again records a pattern that is known. Where nobody asks for
gradients, one node is recorded instead of all of the pattern's; the others are made
when its op or its inputs are asked for. A plan that is known is found without that.

    conv, view, add  of  x, weight, bias        the pattern, opened
    bundle           of  x; weight, bias        what is recorded
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from . import dtypes as dt
from .graph import Node, topological

__all__ = ["Bundle", "Content", "Pattern", "Step", "outline"]


class Step(NamedTuple):
    """A node of a pattern.

    Attributes:
        op: what it computes.
        inputs: what it reads, by the places in the pattern's list of nodes.
        params: the op's arguments.
        shape: the sizes.
        dtype: the element type.
        tape: what autograd knows of it.
    """

    op: Any
    inputs: tuple[int, ...]
    params: dict[str, Any]
    shape: tuple[int, ...]
    dtype: dt.dtype
    tape: Any


class Pattern:
    """Nodes that are recorded again, of other nodes each time.

    A list of nodes begins with the given ones; constants follow, then what is made.

    Attributes:
        constants: nodes that are the same each time.
        steps: what is made.

    Args:
        constants: nodes that are the same each time.
        steps: what is made.
    """

    __slots__ = ("constants", "steps")

    def __init__(self, constants: Sequence[Node], steps: Sequence[Step]) -> None:
        self.constants, self.steps = constants, steps

    def record(self, nodes: list[Node]) -> None:
        """Add the constants and what is made to a list of the given nodes."""
        nodes += self.constants
        add, get = nodes.append, nodes.__getitem__
        for op, inputs, params, shape, dtype, tape in self.steps:
            add(Node(op, tuple(map(get, inputs)), params, shape, dtype, None, tape))


class Content(NamedTuple):
    """What is in a bundle.

    Attributes:
        pattern: the nodes; the last one is the bundle itself.
        arguments: the first of the nodes that the pattern is given.
        members: the others.
    """

    pattern: Pattern
    arguments: tuple[Node, ...]
    members: tuple[Node, ...]

    @property
    def constants(self) -> Sequence[Node]:
        """The nodes in it that are the same each time."""
        return self.pattern.constants


class Bundle(Node):
    """The last node of a pattern; its op and its inputs are made when asked for.

    Attributes:
        content: what it is made of; None once that is made or computed.

    Args:
        content: what it is made of; the last step of the pattern has no tape.
    """

    __slots__ = ("content",)

    content: Content | None

    def __init__(self, content: Content) -> None:
        last = content.pattern.steps[-1]
        self.shape, self.dtype = last.shape, last.dtype
        self.value = self.tape = None
        self.content = content

    def __getattr__(self, name: str) -> Any:
        """Make what is not there yet: op, inputs and params."""
        if name not in ("op", "inputs", "params"):
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}"
            )
        content = self.content
        if content is not None:  # else another thread has just made it
            pattern, arguments, members = content
            nodes = [*arguments, *members]
            pattern.record(nodes)
            self._become(nodes[-1].op, nodes[-1].params, nodes[-1].inputs)
        return object.__getattribute__(self, name)

    def _become(
        self, op: Any, params: dict[str, Any], inputs: tuple[Node, ...]
    ) -> None:
        self.op, self.params, self.inputs = op, params, inputs
        self.content = None  # last, for other threads

    def settle(self, value: Any) -> None:
        """Keep the computed value, and forget what the bundle was made of."""
        self.value, content = value, self.content
        if content is None:
            super().settle(value)
        else:
            last = content.pattern.steps[-1]
            self._become(last.op, last.params, ())


def outline(roots: Iterable[Node]) -> tuple[list[Node], dict[int, Content]]:
    """List the graph that `roots` need but for what is in bundles, in order.

    Returns:
        The nodes, and what is in those that are bundles, by the node's id.
    """
    contents: dict[int, Content] = {}

    def sources(node: Node) -> Sequence[Node]:
        content = node.content if type(node) is Bundle else None
        if content is None:
            inputs = node.inputs  # before the value, as in `topological`
        else:
            contents[id(node)], inputs = content, content.arguments
        return inputs if node.value is None else ()

    return topological(roots, sources), contents
