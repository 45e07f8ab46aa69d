"""Elementwise groups become one fused loop; `cat` and the like become copies.

[loop: y = relu(x * w)]   ->   loop_mul_relu(x, w, y) over the memory order of x
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ...graph import Node
from .. import affine
from ..codegen.loops import LoopSpec, Store, loop_kernel
from ..collapse import collapse
from ..program import Buffer
from .context import Lowering
from .overwriting import overwritable
from .scope import Scope, kernel_name

__all__ = [
    "copy_into",
    "dense",
    "lower_cat",
    "lower_loop",
    "lower_update",
    "store_loop",
]

Written = tuple[int, Buffer, int, tuple[int, ...]]  # expression, where, start, steps


def lower_loop(lowering: Lowering, nodes: Sequence[Node]) -> None:
    """Compute nodes of one shape in one loop, and store those that are read."""
    scope = Scope(lowering, nodes[0].shape)
    nodes = [node for node in nodes if id(node) not in lowering.unread]
    found = [scope.express_whole(node) for node in nodes]
    if all(id(node) in lowering.flat for node in nodes):
        order = tuple(range(len(scope.shape)))  # nothing need be copied then
    else:
        order = scope.preferred_order()
    stores: list[Written] = []
    for node, at in zip(nodes, found, strict=True):
        buffer = lowering.result(node, order)
        stores.append((at, buffer, 0, buffer.steps))
    store_loop(scope, order, stores)


def store_loop(scope: Scope, order: tuple[int, ...], stores: Sequence[Written]) -> None:
    """Emit a loop over a scope's domain, with its dimensions in `order`."""
    sizes = tuple(scope.shape[at] for at in order)
    written = tuple(
        Store(
            at,
            scope.slots.of(buffer),
            buffer.dtype,
            start,
            tuple(steps[dim] for dim in order),
        )
        for at, buffer, start, steps in stores
    )
    spec = collapse(LoopSpec(sizes, scope.ordered(order), written))
    name = kernel_name("loop", spec.expressions, spec.code)
    kernel = loop_kernel(name, spec, scope.lowering.target)
    buffers = scope.slots.buffers
    pairs = [
        (buffers[read], buffers[stored])
        for read, stored in overwritable(spec.expressions, spec.stores)
    ]
    scope.lowering.run(kernel, buffers, pairs)


def copy_into(
    lowering: Lowering, node: Node, buffer: Buffer, start: int, steps: tuple[int, ...]
) -> None:
    """Write the value of a node into a part of a buffer."""
    scope = Scope(lowering, node.shape)
    at = scope.express_whole(node)
    store_loop(scope, buffer.order, [(at, buffer, start, steps)])


def dense(
    lowering: Lowering, node: Node, order: tuple[int, ...] | None = None
) -> Buffer:
    """Return a stored node in memory without gaps, copied if it does not lie so.

    Args:
        lowering: the program.
        node: a stored node.
        order: its dimensions from the outermost in memory; row-major if None.
    """
    buffer = lowering.buffer_of(node)
    wanted = order if order is not None else tuple(range(node.ndim))
    if buffer.lies_in(wanted):
        return buffer
    copied = lowering.program.new_buffer(node.shape, node.dtype, wanted)
    copy_into(lowering, node, copied, 0, copied.steps)
    return copied


def lower_update(lowering: Lowering, nodes: Sequence[Node]) -> None:
    """Copy the base, then write the new values over a region of the copy."""
    (node,) = nodes
    base, new = node.inputs
    buffer = lowering.result(node)
    copy_into(lowering, base, buffer, 0, buffer.steps)
    ranges = list(zip(node.params["ranges"], buffer.steps, strict=True))
    region = tuple(count for (_, count, _), _ in ranges)
    if not prod(region):
        return
    start = sum(first * step for (first, _, _), step in ranges)
    steps = tuple(by * step for (_, _, by), step in ranges)
    scope = Scope(lowering, region)
    index = affine.broadcast(affine.identity(len(region)), region, new.shape)
    at = scope.express(new, index)
    store_loop(scope, tuple(range(len(region))), [(at, buffer, start, steps)])


def lower_cat(lowering: Lowering, nodes: Sequence[Node]) -> None:
    """Copy every input to its place."""
    (node,) = nodes
    axis = node.params["axis"]
    buffer = lowering.result(node)
    start = 0
    for each in node.inputs:
        copy_into(lowering, each, buffer, start * buffer.steps[axis], buffer.steps)
        start += each.shape[axis]
