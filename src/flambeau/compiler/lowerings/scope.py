"""Nodes to expressions of one loop: what is not stored is computed where it is read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from math import inf, prod

from ...graph import Node
from .. import affine
from ..affine import VIEWS, IndexMap
from ..codegen.loops import Apply, Expression, Load, Number
from ..program import Buffer
from .context import Lowering

__all__ = ["Scope", "Slots", "kernel_name", "spec_name"]


class Slots:
    """The table of one kernel: which buffer is in which slot."""

    def __init__(self) -> None:
        self._slots: dict[int, int] = {}
        self.buffers: list[Buffer] = []

    def of(self, buffer: Buffer) -> int:
        """Return the slot of a buffer."""
        if buffer.number not in self._slots:
            self._slots[buffer.number] = len(self.buffers)
            self.buffers.append(buffer)
        return self._slots[buffer.number]


class Scope:
    """The expressions of one loop.

    Attributes:
        slots: of the buffers they read.
        expressions: so far, in an order in which each uses earlier ones only.

    Args:
        lowering: knows what is stored.
        shape: the loop's domain.
    """

    def __init__(self, lowering: Lowering, shape: tuple[int, ...]) -> None:
        self.lowering, self.shape = lowering, shape
        self.slots = Slots()
        self.expressions: list[Expression] = []
        self._known: dict[tuple[int, IndexMap], int] = {}

    def express(self, node: Node, index: IndexMap) -> int:
        """Return the position of the expression for a node read through a map."""
        key = (id(node), index)
        if key not in self._known:
            self._known[key] = self._new(node, index)
        return self._known[key]

    def express_whole(self, node: Node) -> int:
        """Return the position of the expression for a node of the domain's shape."""
        return self.express(node, affine.identity(node.ndim))

    def _new(self, node: Node, index: IndexMap) -> int:
        if self.lowering.is_stored(node):
            return self._load(self.lowering.buffer_of(node), index)
        if node.name in VIEWS:
            return self.express(node.inputs[0], affine.through_view(node, index))
        arguments = tuple(
            self.express(each, affine.broadcast(index, node.shape, each.shape))
            for each in node.inputs
        )
        return self._append(Apply(node.name, node.dtype, arguments))

    def _load(self, buffer: Buffer, index: IndexMap) -> int:
        slot = self.slots.of(buffer)
        if prod(buffer.shape) == 1:
            return self._append(Number(slot, buffer.dtype))
        start, steps = 0, [0] * len(self.shape)
        for axis, step in zip(index, buffer.steps, strict=True):
            start += axis.start * step
            for at, each in enumerate(axis.steps):
                steps[at] += each * step
        return self._append(Load(slot, buffer.dtype, start, tuple(steps)))

    def _append(self, expression: Expression) -> int:
        self.expressions.append(expression)
        return len(self.expressions) - 1

    def preferred_order(self) -> tuple[int, ...]:
        """Return the memory order of the largest buffer that is read."""
        loads = [each for each in self.expressions if isinstance(each, Load)]
        if not loads:
            return tuple(range(len(self.shape)))
        largest = max(loads, key=lambda each: self._extent(each.steps))

        def rank(at: int) -> tuple[float, int]:
            step = abs(largest.steps[at])
            return (-step if step and self.shape[at] > 1 else -inf, at)

        return tuple(sorted(range(len(self.shape)), key=rank))

    def _extent(self, steps: tuple[int, ...]) -> int:
        pairs = zip(self.shape, steps, strict=True)
        return prod(size for size, step in pairs if step)

    def ordered(self, order: tuple[int, ...]) -> tuple[Expression, ...]:
        """Return the expressions with the domain's dimensions in `order`."""
        return tuple(
            Load(each.slot, each.dtype, each.start, tuple(each.steps[d] for d in order))
            if isinstance(each, Load)
            else each
            for each in self.expressions
        )


def kernel_name(kind: str, expressions: Sequence[Expression], spec: object) -> str:
    """Name the kernel of a loop by its ops."""
    ops = [each.op for each in expressions if isinstance(each, Apply)][:4]
    return spec_name("_".join([kind, *ops]), spec)


def spec_name(kind: str, spec: object) -> str:
    """Name a kernel by what it does; the digest tells equal names apart."""
    return f"{kind}_{hashlib.sha256(repr(spec).encode()).hexdigest()[:10]}"
