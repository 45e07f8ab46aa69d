"""Pass: turn groups into kernels on buffers.

[loop: y = relu(x * w)]   ->   loop_mul_relu(x, w, y) over the memory order of x
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from math import prod

import numpy as np

from .. import dtypes as dt
from ..graph import Node
from ..runtime.target import Target
from . import affine
from .affine import IndexMap
from .codegen.loops import Apply, Expression, Load, LoopSpec, Number, Store, loop_kernel
from .codegen.reduction import ReduceSpec, reduce_kernels
from .collapse import collapse
from .program import Buffer, HostStep, KernelStep, Program
from .schedule import VIEWS, Group, Kind

__all__ = ["lower"]


def lower(
    groups: Sequence[Group],
    outputs: Sequence[tuple[int, Node]],
    given: dict[int, int],
    target: Target,
) -> Program:
    """Return the program of a scheduled graph.

    Args:
        groups: what is computed together, in order.
        outputs: the wanted nodes, each with its position in the graph as given.
        given: positions in the graph as given, by a node's id; other leaves were made
            by the passes and are part of the program.
        target: the CPU.
    """
    lowering = _Lowering(target)
    for group in groups:
        lowering.group(group)
    program = lowering.program
    for position, node in outputs:
        program.outputs.append((position, lowering.buffer_of(node).number))
    for node, buffer in lowering.leaves:
        if id(node) in given:
            program.leaves.append((given[id(node)], buffer.number))
        else:
            assert node.value is not None
            program.constants.append((buffer.number, node.value))
    return program


class _Lowering:
    """The program so far, and the buffer of each stored node."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.program = Program()
        self.buffers: dict[int, Buffer] = {}
        self.leaves: list[tuple[Node, Buffer]] = []

    def buffer_of(self, node: Node) -> Buffer:
        """Return the buffer of a stored node or a leaf."""
        found = self.buffers.get(id(node))
        if found is None:
            value = node.value
            assert value is not None, f"{node!r} has no buffer"
            steps = tuple(each // value.itemsize for each in value.strides)
            found = self.program.add(node.shape, node.dtype, steps)
            self.buffers[id(node)] = found
            self.leaves.append((node, found))
        return found

    def group(self, group: Group) -> None:
        """Add the steps of one group."""
        if group.kind in (Kind.LOOP, Kind.VIEW):
            self._loop(group.stored)
        elif group.kind == Kind.REDUCE:
            self._reduce(group.stored)
        elif group.kind == Kind.RESHAPE:
            self._reshape(group.stored[0])
        elif group.kind == Kind.UPDATE:
            self._update(group.stored[0])
        elif group.kind == Kind.CAT:
            self._cat(group.stored[0])
        else:
            self._host(group.stored[0])

    # Loops

    def _loop(self, nodes: Sequence[Node]) -> None:
        scope = _Scope(self, nodes[0].shape)
        order = scope.preferred_order(nodes)
        stores = []
        for node in nodes:
            at = scope.express(node, affine.identity(node.ndim))
            buffer = self.program.new_buffer(node.shape, node.dtype, order)
            self.buffers[id(node)] = buffer
            stores.append((at, buffer, 0, buffer.steps))
        self._emit_loop(scope, order, stores)

    def _emit_loop(
        self,
        scope: _Scope,
        order: tuple[int, ...],
        stores: Sequence[tuple[int, Buffer, int, tuple[int, ...]]],
    ) -> None:
        """Emit a loop over a scope's domain, with its dimensions in `order`."""
        slots = _Slots(scope.slots)
        sizes = tuple(scope.shape[at] for at in order)
        expressions = scope.ordered(order)
        written = tuple(
            Store(
                at,
                slots.of(buffer),
                buffer.dtype,
                start,
                tuple(steps[d] for d in order),
            )
            for at, buffer, start, steps in stores
        )
        spec = collapse(LoopSpec(sizes, expressions, written))
        name = _name("loop", spec.expressions, spec)
        kernel = loop_kernel(name, spec, self.target)
        self.program.steps.append(KernelStep(kernel, slots.numbers()))

    def _copy(
        self, node: Node, buffer: Buffer, start: int, steps: tuple[int, ...]
    ) -> None:
        """Write the value of a node into a part of a buffer."""
        scope = _Scope(self, node.shape)
        at = scope.express(node, affine.identity(node.ndim))
        order = buffer.order
        self._emit_loop(scope, order, [(at, buffer, start, steps)])

    # Reductions

    def _reduce(self, nodes: Sequence[Node]) -> None:
        source, axes = nodes[0].inputs[0], nodes[0].params["axes"]
        scope = _Scope(self, source.shape)
        found = [
            scope.express(node.inputs[0], affine.identity(source.ndim))
            for node in nodes
        ]
        order = scope.preferred_order([node.inputs[0] for node in nodes])
        kept = [at for at in order if at not in axes]
        reduced = [at for at in order if at in axes]
        last_kept = bool(order) and order[-1] in kept
        walk = [*kept[:-1], *reduced, kept[-1]] if last_kept else [*kept, *reduced]
        slots = _Slots(scope.slots)
        results = []
        for node, at in zip(nodes, found, strict=True):
            buffer = self._result_buffer(node, kept, source.ndim)
            results.append((at, slots.of(buffer)))
        sizes = tuple(source.shape[at] for at in walk) or (1,)
        spec = ReduceSpec(
            nodes[0].name,
            sizes,
            len(kept) - last_kept,
            last_kept,
            scope.ordered(tuple(walk)),
            tuple(results),
        )
        self._emit_reduction(spec, slots)

    def _result_buffer(self, node: Node, kept: list[int], ndim: int) -> Buffer:
        """A dense buffer of the kept dimensions in their memory order."""
        if node.params["keepdims"]:
            order = [*(at for at in range(ndim) if at not in kept), *kept]
        else:
            rank = {at: number for number, at in enumerate(sorted(kept))}
            order = [rank[at] for at in kept]
        buffer = self.program.new_buffer(node.shape, node.dtype, tuple(order))
        self.buffers[id(node)] = buffer
        return buffer

    def _emit_reduction(self, spec: ReduceSpec, slots: _Slots) -> None:
        name = _name(spec.kind, spec.expressions, spec)
        numbers = list(slots.numbers())
        for kernel, used in reduce_kernels(name, spec, self.target):
            for size in kernel.scratch:
                numbers.append(self._scratch(size).number)
            self.program.steps.append(
                KernelStep(kernel, tuple(numbers[slot] for slot in used))
            )

    def _scratch(self, size: int) -> Buffer:
        return self.program.new_buffer((size,), dt.uint8)

    # The rest

    def _reshape(self, node: Node) -> None:
        (source,) = node.inputs
        buffer = self.buffer_of(source)
        if not buffer.is_row_major:
            copied = self.program.new_buffer(source.shape, source.dtype)
            self._copy(source, copied, 0, copied.steps)
            buffer = copied
        dense = self.program.new_buffer(node.shape, node.dtype)
        dense.source = buffer.source
        self.buffers[id(node)] = dense

    def _update(self, node: Node) -> None:
        base, new = node.inputs
        buffer = self.program.new_buffer(node.shape, node.dtype)
        self._copy(base, buffer, 0, buffer.steps)
        ranges = node.params["ranges"]
        start = sum(
            first * step
            for (first, _, _), step in zip(ranges, buffer.steps, strict=True)
        )
        steps = tuple(
            by * step for (_, _, by), step in zip(ranges, buffer.steps, strict=True)
        )
        region = tuple(count for _, count, _ in ranges)
        scope = _Scope(self, region)
        index = affine.broadcast(affine.identity(len(region)), region, new.shape)
        at = scope.express(new, index)
        order = tuple(range(len(region)))
        if prod(region):
            self._emit_loop(scope, order, [(at, buffer, start, steps)])
        self.buffers[id(node)] = buffer

    def _cat(self, node: Node) -> None:
        axis = node.params["axis"]
        buffer = self.program.new_buffer(node.shape, node.dtype)
        start = 0
        for each in node.inputs:
            self._copy(each, buffer, start * buffer.steps[axis], buffer.steps)
            start += each.shape[axis]
        self.buffers[id(node)] = buffer

    def _host(self, node: Node) -> None:
        inputs = tuple(self.buffer_of(each).number for each in node.inputs)
        output = self.program.new_buffer(node.shape, node.dtype)
        self.buffers[id(node)] = output
        self.program.steps.append(HostStep(node, inputs, output.number))


class _Slots:
    """The table of one kernel: which buffer is in which slot."""

    def __init__(self, known: dict[int, int]) -> None:
        self._slots = known

    def of(self, buffer: Buffer) -> int:
        """Return the slot of a buffer."""
        return self._slots.setdefault(buffer.number, len(self._slots))

    def numbers(self) -> tuple[int, ...]:
        """Return the buffers in the order of their slots."""
        return tuple(self._slots)


class _Scope:
    """The expressions of one loop, over a domain of a logical shape."""

    def __init__(self, lowering: _Lowering, shape: tuple[int, ...]) -> None:
        self.lowering, self.shape = lowering, shape
        self.slots: dict[int, int] = {}
        self.expressions: list[Expression] = []
        self._known: dict[tuple[int, IndexMap], int] = {}
        self._loads: list[Buffer] = []

    def express(self, node: Node, index: IndexMap) -> int:
        """Return the position of the expression for a node read through a map."""
        key = (id(node), index)
        if key not in self._known:
            self._known[key] = self._new(node, index)
        return self._known[key]

    def _new(self, node: Node, index: IndexMap) -> int:
        lowering = self.lowering
        if node.value is not None or id(node) in lowering.buffers:
            return self._load(lowering.buffer_of(node), index)
        if node.name in VIEWS:
            through = affine.through_view(node, index)
            return self.express(node.inputs[0], through)
        arguments = tuple(
            self.express(each, affine.broadcast(index, node.shape, each.shape))
            for each in node.inputs
        )
        return self._append(Apply(node.name, node.dtype, arguments))

    def _load(self, buffer: Buffer, index: IndexMap) -> int:
        slot = self.slots.setdefault(buffer.number, len(self.slots))
        if not buffer.shape or prod(buffer.shape) == 1:
            return self._append(Number(slot, buffer.dtype))
        self._loads.append(buffer)
        start, steps = 0, [0] * len(self.shape)
        for axis, step in zip(index, buffer.steps, strict=True):
            start += axis.start * step
            for at, each in enumerate(axis.steps):
                steps[at] += each * step
        return self._append(Load(slot, buffer.dtype, start, tuple(steps)))

    def _append(self, expression: Expression) -> int:
        self.expressions.append(expression)
        return len(self.expressions) - 1

    def preferred_order(self, nodes: Sequence[Node]) -> tuple[int, ...]:
        """Return the memory order of the largest buffer read, after expressing it."""
        for node in nodes:
            self.express(node, affine.identity(node.ndim))
        loads = [each for each in self.expressions if isinstance(each, Load)]
        if not loads:
            return tuple(range(len(self.shape)))
        largest = max(loads, key=lambda each: self._extent(each.steps))
        dims = range(len(self.shape))

        def rank(at: int) -> tuple[float, int]:
            step = abs(largest.steps[at])
            return (-step if step and self.shape[at] > 1 else -np.inf, at)

        return tuple(sorted(dims, key=rank))

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


def _name(kind: str, expressions: Sequence[Expression], spec: object) -> str:
    """Name a kernel by what it does; the digest tells equal names apart."""
    ops = [each.op for each in expressions if isinstance(each, Apply)][:4]
    digest = hashlib.sha256(repr(spec).encode()).hexdigest()[:10]
    return "_".join([kind, *ops, digest])
