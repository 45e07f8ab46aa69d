"""Nodes to expressions of one loop: what is not stored is computed where it is read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import inf, prod

from ...graph import Node
from ...shape import broadcast_shapes
from .. import affine
from ..affine import LOOKUPS, VIEWS, Axis, IndexMap
from ..codegen.loops import Apply, Expression, Given, Load, Lookup, Number
from ..program import Buffer
from .context import Lowering

__all__ = ["Scope", "Slots", "kernel_name", "positions_of", "spec_name"]


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
        given: the node whose value an epilogue is about, if this is one.
    """

    def __init__(
        self, lowering: Lowering, shape: tuple[int, ...], given: Node | None = None
    ) -> None:
        self.lowering, self.shape, self.given = lowering, shape, given
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
        if node is self.given:
            assert index == affine.identity(node.ndim), f"{node!r} is read elsewhere"
            return self._append(Given(node.dtype))
        if self.lowering.is_stored(node):
            return self._load(self.lowering.buffer_of(node), index)
        if node.name in VIEWS:
            return self.express(node.inputs[0], affine.through_view(node, index))
        if node.name in LOOKUPS:
            return self._look_up(node, index)
        arguments = tuple(
            self.express(each, affine.broadcast(index, node.shape, each.shape))
            for each in node.inputs
        )
        return self._append(Apply(node.name, node.dtype, arguments))

    def squared_deviation(self, x: int, total: int, count: Buffer) -> int:
        """Express (x - total / count)^2, given expressions of x and of the total."""
        kind = count.dtype
        number = self._append(Number(self.slots.of(count), kind))
        mean = self._append(Apply("div", kind, (total, number)))
        away = self._append(Apply("sub", kind, (x, mean)))
        return self._append(Apply("square", kind, (away,)))

    def _load(self, buffer: Buffer, index: IndexMap) -> int:
        slot = self.slots.of(buffer)
        if prod(buffer.shape) == 1:
            return self._append(Number(slot, buffer.dtype))
        start, steps = self._place(zip(index, buffer.steps, strict=True))
        return self._append(Load(slot, buffer.dtype, start, steps))

    def _place(self, dims: Iterable[tuple[Axis, int]]) -> tuple[int, tuple[int, ...]]:
        """The start and the steps, per dimension of the domain, of some dimensions."""
        start, steps = 0, [0] * len(self.shape)
        for axis, step in dims:
            start += axis.start * step
            for at, each in enumerate(axis.steps):
                steps[at] += each * step
        return start, tuple(steps)

    def _look_up(self, node: Node, index: IndexMap) -> int:
        """Express what is read at integer positions of some axes."""
        source = self.lowering.buffer_of(node.inputs[0])
        picks, others = self.picked(node, index)
        positions = tuple(
            (at, source.shape[axis], source.steps[axis]) for at, axis in picks
        )
        start, steps = self._place((each, source.steps[dim]) for dim, each in others)
        slot = self.slots.of(source)
        return self._append(Lookup(slot, source.dtype, start, steps, positions))

    def picked(
        self, node: Node, index: IndexMap
    ) -> tuple[list[tuple[int, int]], list[tuple[int, Axis]]]:
        """Express the positions of an op that reads or writes at them.

        Args:
            node: the op; its positions are `positions_of(node)`.
            index: the map of what is read or written there.

        Returns:
            The positions as (expression, axis), and the map of the other dimensions
            of what they are positions in, as (dimension, axis of the map).
        """
        positions, axes = positions_of(node)
        ndim = node.inputs[0].ndim
        if "axis" in node.params:  # positions of the whole shape
            at = self.express(positions[0], index)
            found = [(dim, index[dim]) for dim in range(ndim) if dim not in axes]
            return [(at, axes[0])], found
        picked = broadcast_shapes(*(each.shape for each in positions))
        together = not axes or axes[-1] - axes[0] == len(axes) - 1
        first = axes[0] if together and axes else 0
        middle = index[first : first + len(picked)]
        around = index[:first] + index[first + len(picked) :]
        picks = [
            (self.express(each, affine.broadcast(middle, picked, each.shape)), axis)
            for each, axis in zip(positions, axes, strict=True)
        ]
        rest = [dim for dim in range(ndim) if dim not in axes]
        return picks, list(zip(rest, around, strict=True))

    def _append(self, expression: Expression) -> int:
        self.expressions.append(expression)
        return len(self.expressions) - 1

    def preferred_order(self, least: int = 1) -> tuple[int, ...]:
        """Return the memory order of the largest buffer that is read.

        Args:
            least: how many dimensions a buffer lies along that is asked.
        """
        reads = [
            reach
            for at, each in enumerate(self.expressions)
            if isinstance(each, (Load, Lookup))
            and sum(map(bool, reach := self._reach(at))) >= least
        ]
        if not reads:
            return tuple(range(len(self.shape)))
        largest = max(reads, key=self._extent)

        def rank(at: int) -> tuple[float, int]:
            step = abs(largest[at])
            return (-step if step and self.shape[at] > 1 else -inf, at)

        return tuple(sorted(range(len(self.shape)), key=rank))

    def _reach(self, at: int) -> tuple[float, ...]:
        """How far an expression reads from its neighbours; anywhere by positions."""
        each = self.expressions[at]
        if isinstance(each, Load):
            return each.steps
        if isinstance(each, Lookup):
            moved = [self._reach(where) for where, _, _ in each.positions]
            return tuple(
                inf if any(reach[dim] for reach in moved) else step
                for dim, step in enumerate(each.steps)
            )
        arguments = each.arguments if isinstance(each, Apply) else ()
        reaches = [self._reach(argument) for argument in arguments]
        return tuple(
            max((abs(reach[dim]) for reach in reaches), default=0)
            for dim in range(len(self.shape))
        )

    def _extent(self, steps: Sequence[float]) -> int:
        pairs = zip(self.shape, steps, strict=True)
        return prod(size for size, step in pairs if step)

    def ordered(self, order: Sequence[int]) -> tuple[Expression, ...]:
        """Return the expressions with the domain's dimensions in `order`."""
        return tuple(
            replace(each, steps=tuple(each.steps[dim] for dim in order))
            if isinstance(each, (Load, Lookup))
            else each
            for each in self.expressions
        )


def positions_of(node: Node) -> tuple[tuple[Node, ...], tuple[int, ...]]:
    """Return the position inputs of an indexing op, and the axes they are for."""
    if "axis" in node.params:
        return node.inputs[1:2], (node.params["axis"],)
    axes = node.params["axes"]
    return node.inputs[len(node.inputs) - len(axes) :], axes


def kernel_name(kind: str, expressions: Sequence[Expression], spec: object) -> str:
    """Name the kernel of a loop by its ops."""
    ops = [each.op for each in expressions if isinstance(each, Apply)][:4]
    return spec_name("_".join([kind, *ops]), spec)


def spec_name(kind: str, spec: object) -> str:
    """Name a kernel by what it does; the digest tells equal names apart."""
    return f"{kind}_{hashlib.sha256(repr(spec).encode()).hexdigest()[:10]}"
