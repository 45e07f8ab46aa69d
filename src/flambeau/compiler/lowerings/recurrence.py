"""Recurrent layers become one kernel per direction and way, beside packed weights.

recurrent_run(x, w, h, c)   ->   pack(w, panels), recurrence_lstm(x, panels, h, c, out)
"""

from __future__ import annotations

from collections.abc import Callable

from ...graph import Node
from ...ops.cells import CELLS
from ...runtime.target import Target
from ..codegen.kernel import Kernel
from ..codegen.packing import Pack, pack_kernel
from ..codegen.recurrence import RecurrenceSpec, pack_states, recurrence_kernel
from ..codegen.recurrence_gradient import pack_units, recurrence_gradient_kernel
from ..program import Buffer
from .context import Lowering
from .loop import dense

__all__ = ["can_recur", "lower_recurrence", "lower_recurrence_gradient"]


def can_recur(node: Node) -> bool:
    """Whether kernels exist: for floats, without a projection."""
    return node.dtype.is_floating_point and "p" not in node.params["names"]


def lower_recurrence(lowering: Lowering, node: Node) -> None:
    """Compute all states, and keep the gates if the way back will read them."""
    given = dict(zip(node.params["names"], node.inputs, strict=True))
    spec = _spec(node, given)
    _lower(lowering, node, spec, given, (pack_states, recurrence_kernel), [])


def lower_recurrence_gradient(lowering: Lowering, node: Node) -> None:
    """Compute the gradients of the gates at all steps, and of the first states."""
    g, run, *inputs = node.inputs
    given = dict(zip(node.params["names"], inputs, strict=True))
    spec = _spec(node, given)
    unread = {"lstm": ("x", "h"), "gru": ("x", "b")}.get(spec.cell, ("x", "h"))
    given = {name: each for name, each in given.items() if name not in unread}
    ways = pack_units, recurrence_gradient_kernel
    _lower(lowering, node, spec, given, ways, [g, run])


def _lower(
    lowering: Lowering,
    node: Node,
    spec: RecurrenceSpec,
    given: dict[str, Node],
    ways: tuple[
        Callable[[RecurrenceSpec, Target], Pack],
        Callable[[RecurrenceSpec, Target], Kernel],
    ],
    first: list[Node],
) -> None:
    """Pack the weights, then run the kernel on the `first` nodes and what is given."""
    packing, kernel = ways
    buffers = [dense(lowering, each) for each in first]
    for name, each in given.items():
        buffer = dense(lowering, each)
        if name == "w":
            buffer = _packed(lowering, buffer, packing(spec, lowering.target))
        buffers.append(buffer)
    buffers.append(lowering.result(node))
    lowering.run(kernel(spec, lowering.target), buffers)


def _packed(lowering: Lowering, weights: Buffer, pack: Pack) -> Buffer:
    panels = lowering.scratch(pack.size * pack.dtype.itemsize)
    sizes = "x".join(map(str, weights.shape))
    name = f"pack_recurrence_{pack.dtype.name}_{sizes}"
    kernel = pack_kernel(name, pack, lowering.target)
    lowering.run(kernel, [weights, panels])
    return panels


def _spec(node: Node, given: dict[str, Node]) -> RecurrenceSpec:
    cell, batch = node.params["cell"], given["h"].shape[0]
    return RecurrenceSpec(
        cell,
        CELLS[cell].gates,
        node.dtype,
        given["x"].shape[0] // batch,
        batch,
        given["h"].shape[1],
        node.params["reverse"],
        node.params.get("keeps", False),
        "lengths" in given,
    )
