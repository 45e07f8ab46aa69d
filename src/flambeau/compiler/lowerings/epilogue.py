"""Elementwise ops on a contraction's result become its epilogue.

[conv: c, y = relu(c + b)]   ->   convolution(x, w, y, b), which never stores c
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...graph import Node
from ..codegen.epilogue import OUT, Fused
from ..codegen.loops import Expression, Load, Lookup, Store
from ..codegen.program import Epilogue
from ..program import Buffer
from .context import Lowering
from .loop import lower_loop
from .overwriting import overwritable
from .scope import Scope

__all__ = ["Ending", "lower_with_epilogue"]


@dataclass(frozen=True)
class Ending:
    """How a contraction's result is stored.

    Attributes:
        out: the contraction's own output.
        epilogue: what happens to its vectors.
        extra: the buffers that the epilogue reads or writes besides.
        overwritable: pairs of one that it reads and one that may be written over it.
    """

    out: Buffer
    epilogue: Epilogue
    extra: tuple[Buffer, ...] = ()
    overwritable: tuple[tuple[Buffer, Buffer], ...] = ()


def lower_with_epilogue(
    lowering: Lowering,
    nodes: Sequence[Node],
    order: Sequence[int],
    contract: Callable[[Ending], None],
    only_dense: bool = False,
) -> None:
    """Compute a contraction and what follows it.

    Args:
        lowering: the program.
        nodes: the contraction, then elementwise ops on its result.
        order: the result's dimensions from the outermost in memory.
        contract: adds the steps of the contraction, given how it ends.
        only_dense: whether an epilogue is told places in memory only, no indices.
    """
    head, *others = nodes
    if others:
        scope = Scope(lowering, head.shape, head)
        written = [node for node in nodes if id(node) not in lowering.unread]
        found = [scope.express_whole(node) for node in written]
        dense = _dense_steps(head, order)
        expressions = _placed(scope, order, dense)
        if _fits(expressions, dense, only_dense):
            return contract(_fused(scope, written, found, order, expressions))
    contract(Ending(lowering.result(head, order), Epilogue()))
    if others:
        lower_loop(lowering, others)
    return None


def _dense_steps(head: Node, order: Sequence[int]) -> tuple[int, ...]:
    """The steps of the result in `order`, from the outermost."""
    steps, step = [], 1
    for at in reversed(order):
        steps.append(step)
        step *= head.shape[at]
    return tuple(reversed(steps))


def _placed(scope: Scope, order: Sequence[int], dense: tuple[int, ...]) -> Any:
    """The expressions in `order`; along sizes of 1 they step as the result does."""
    found = []
    for each in scope.ordered(order):
        if isinstance(each, (Load, Lookup)):
            pairs = zip(order, each.steps, dense)
            steps = tuple(
                own if scope.shape[dim] == 1 else step for dim, step, own in pairs
            )
            each = replace(each, steps=steps)
        found.append(each)
    return tuple(found)


def _fits(
    expressions: Sequence[Expression], dense: tuple[int, ...], only_dense: bool
) -> bool:
    """Whether all can be computed in vectors along the last dimension."""
    for each in expressions:
        if isinstance(each, Lookup):
            return False
        if isinstance(each, Load):
            if only_dense and (each.steps != dense or each.start):
                return False
            if each.steps[-1] not in (0, 1):
                return False
    return True


def _fused(
    scope: Scope,
    written: Sequence[Node],
    found: Sequence[int],
    order: Sequence[int],
    expressions: tuple[Expression, ...],
) -> Ending:
    """Give the results buffers, the first one the contraction's own."""
    results = [scope.lowering.result(node, order) for node in written]
    dense = _dense_steps(written[0], order)
    slots = [OUT, *(scope.slots.of(buffer) for buffer in results[1:])]
    stores = tuple(
        Store(at, slot, buffer.dtype, 0, dense)
        for at, slot, buffer in zip(found, slots, results)
    )
    epilogue = Fused(expressions, stores, dense)
    extra = tuple(scope.slots.buffers)
    pairs = tuple(
        (extra[read], results[0] if stored == OUT else extra[stored])
        for read, stored in overwritable(expressions, stores)
    )
    return Ending(results[0], epilogue, extra, pairs)
