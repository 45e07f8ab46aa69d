"""What follows a contraction becomes its epilogue: elementwise ops and channel sums.

[conv: c, y = relu(c + b)]   ->   convolution(x, w, y, b), which never stores c
[conv: c, s = sum(c)]        ->   convolution(x, w, c, parts), join(parts, s)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ...graph import Node
from ..codegen.epilogue import OUT, Fused
from ..codegen.gathering import Gather, join_kernel
from ..codegen.loops import Expression, Load, Lookup, Store
from ..codegen.program import Epilogue, Program
from ..program import Buffer
from .context import Lowering
from .loop import lower_loop
from .overwriting import overwritable
from .reduce import lower_reduce
from .scope import Scope, spec_name

__all__ = ["Contraction", "lower_with_epilogue"]


@dataclass(frozen=True)
class Contraction:
    """A contraction, ready to be computed.

    Attributes:
        build: returns its kernels, given what happens to the result.
        buffers: by name, all but "out".
        order: the result's dimensions from the outermost in memory.
        only_dense: whether an epilogue is told places in memory only, no indices.
    """

    build: Callable[[Epilogue], Program]
    buffers: dict[str, Buffer]
    order: tuple[int, ...]
    only_dense: bool = False


def lower_with_epilogue(
    lowering: Lowering, nodes: Sequence[Node], contraction: Contraction
) -> None:
    """Compute a contraction and what follows it.

    Args:
        lowering: the program.
        nodes: the contraction, then elementwise ops on its result, and sums.
        contraction: how it is computed.
    """
    head, *others = nodes
    ending = _Ending(lowering, nodes, contraction) if others else None
    if ending is not None and ending.fits():
        ending.lower()
        return
    out = lowering.result(head, contraction.order)
    _run(lowering, contraction, Epilogue(), out, [])
    for node in others:
        if _is_sum(node):
            lower_reduce(lowering, [node])
        else:
            lowering.unread.discard(id(node))
            lower_loop(lowering, [node])


def _is_sum(node: Node) -> bool:
    return node.name in ("sum", "spread")


def _run(
    lowering: Lowering,
    contraction: Contraction,
    epilogue: Epilogue,
    out: Buffer,
    extra: Sequence[Buffer],
    gathers: Sequence[Gather] = (),
    pairs: Sequence[tuple[Buffer, Buffer]] = (),
) -> tuple[int, list[Buffer]]:
    """Append the kernels; return the number of parts and what is gathered of them."""
    program = contraction.build(epilogue)
    named = {**contraction.buffers, "out": out}
    sizes = dict(program.scratch)
    packs = [stage for stage in program.stages if stage.packs]
    for stage in packs:
        operand, panels = stage.buffers
        size = sizes.pop(panels)
        named[panels] = lowering.packed(stage.kernel, named[operand], size)
    for name, size in sizes.items():
        named[name] = lowering.scratch(size)
    for name, values in program.numbers:
        named[name] = lowering.numbers(values)
    gathered = [lowering.scratch(each.size(program.parts)) for each in gathers]
    for stage in (each for each in program.stages if not each.packs):
        used = [named[each] for each in stage.buffers]
        if stage.fused:
            lowering.run(stage.kernel, [*used, *extra, *gathered], pairs)
        else:
            lowering.run(stage.kernel, used)
    return program.parts, gathered


class _Ending:
    """A contraction's epilogue."""

    def __init__(
        self, lowering: Lowering, nodes: Sequence[Node], contraction: Contraction
    ) -> None:
        self.lowering, self.contraction = lowering, contraction
        head = nodes[0]
        self.head = head
        self.sums = [node for node in nodes if _is_sum(node)]
        self.written = [
            node
            for node in nodes
            if not _is_sum(node) and id(node) not in lowering.unread
        ]
        self.scope = Scope(lowering, head.shape, head)
        self.found = [self.scope.express_whole(node) for node in self.written]
        self.summed = [self.scope.express_whole(node.inputs[0]) for node in self.sums]
        self.dense = self._dense_steps()
        self.expressions = self._placed()

    def _dense_steps(self) -> tuple[int, ...]:
        """The steps of the result, the outermost dimension in memory first."""
        steps, step = [], 1
        for at in reversed(self.contraction.order):
            steps.append(step)
            step *= self.head.shape[at]
        return tuple(reversed(steps))

    def _placed(self) -> tuple[Expression, ...]:
        """The expressions; along sizes of 1 they step as the result does."""
        order = self.contraction.order
        found: list[Expression] = []
        for each in self.scope.ordered(order):
            if isinstance(each, (Load, Lookup)):
                pairs = zip(order, each.steps, self.dense)
                each = replace(
                    each,
                    steps=tuple(
                        own if self.head.shape[dim] == 1 else step
                        for dim, step, own in pairs
                    ),
                )
            found.append(each)
        return tuple(found)

    def fits(self) -> bool:
        """Whether all can be computed in vectors along the last dimension."""
        if not self.written:
            return False
        for each in self.expressions:
            if isinstance(each, Lookup):
                return False
            if isinstance(each, Load):
                elsewhere = each.steps != self.dense or each.start != 0
                if self.contraction.only_dense and elsewhere:
                    return False
                if each.steps[-1] not in (0, 1):
                    return False
        return True

    def lower(self) -> None:
        """Compute the contraction with this epilogue, and join the parts' sums."""
        lowering, order = self.lowering, self.contraction.order
        results = [lowering.result(node, order) for node in self.written]
        slots = [OUT, *(self.scope.slots.of(buffer) for buffer in results[1:])]
        stores = tuple(
            Store(at, slot, buffer.dtype, 0, self.dense)
            for at, slot, buffer in zip(self.found, slots, results)
        )
        extra = self.scope.slots.buffers
        gathers = self._gathers(len(extra))
        epilogue = Fused(self.expressions, stores, self.dense, tuple(gathers))
        pairs = [
            (extra[read], results[0] if stored == OUT else extra[stored])
            for read, stored in overwritable(self.expressions, stores)
        ]
        parts, gathered = _run(
            lowering, self.contraction, epilogue, results[0], extra, gathers, pairs
        )
        count = lowering.numbers((parts,))
        for gather, buffer in zip(gathers, gathered):
            self._join(gather, parts, [buffer, count])

    def _gathers(self, first: int) -> list[Gather]:
        """What is gathered, each in a buffer behind the `first` ones."""
        found: list[Gather] = []
        spread = {
            at for node, at in zip(self.sums, self.summed) if node.name == "spread"
        }
        for at in dict.fromkeys(self.summed):
            slot, channels = first + len(found), self.head.shape[1]
            found.append(Gather(at, slot, channels, self.head.dtype, at in spread))
        return found

    def _join(self, gather: Gather, parts: int, buffers: list[Buffer]) -> None:
        """Add the sums of the parts: the sum, and the spread beside it."""
        pairs = zip(self.sums, self.summed)
        wanted = {node.name: node for node, at in pairs if at == gather.expression}
        results = [self.lowering.result(wanted["sum"])]
        if gather.spread:
            results.append(self.lowering.result(wanted["spread"]))
        name = spec_name("join", gather)
        kernel = join_kernel(name, gather, parts, self.lowering.target)
        self.lowering.run(kernel, [*buffers, *results])
