"""Recurrent layers become one kernel per direction and way, beside packed weights.

recurrent_run(x, w, h, c)   ->   pack(w, panels), recurrence_lstm(x, panels, h, c, out)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...graph import Node
from ...ops.cells import CELLS
from ...runtime.target import Target
from ..codegen.kernel import Kernel
from ..codegen.packing import Pack, pack_kernel
from ..codegen.recurrence import (
    RecurrenceSpec,
    pack_projection,
    pack_states,
    recurrence_kernel,
)
from ..codegen.recurrence_gradient import (
    pack_cells,
    pack_units,
    recurrence_gradient_kernel,
)
from ..program import Buffer
from .context import Lowering
from .loop import dense

__all__ = ["can_recur", "lower_recurrence", "lower_recurrence_gradient"]


def can_recur(node: Node) -> bool:
    """Whether kernels exist: for floats."""
    return node.dtype.is_floating_point


def lower_recurrence(lowering: Lowering, node: Node) -> None:
    """Compute all states, and keep the gates if the way back will read them."""
    given = dict(zip(node.params["names"], node.inputs, strict=True))
    spec = _spec(node, given)
    packs = {"w": pack_states, "p": pack_projection}
    _lower(lowering, node, spec, given, packs, recurrence_kernel, [])


def lower_recurrence_gradient(lowering: Lowering, node: Node) -> None:
    """Compute the gradients of the gates at all steps, and of the first states."""
    g, run, *inputs = node.inputs
    given = dict(zip(node.params["names"], inputs, strict=True))
    spec = _spec(node, given)
    unread = {"lstm": ("x", "h"), "gru": ("x", "b")}.get(spec.cell, ("x", "h"))
    given = {name: each for name, each in given.items() if name not in unread}
    packs = {"w": pack_units, "p": pack_cells}
    _lower(lowering, node, spec, given, packs, recurrence_gradient_kernel, [g, run])


def _lower(
    lowering: Lowering,
    node: Node,
    spec: RecurrenceSpec,
    given: dict[str, Node],
    packs: Mapping[str, Callable[[RecurrenceSpec, Target], Pack]],
    kernel: Callable[[RecurrenceSpec, Target], Kernel],
    first: list[Node],
) -> None:
    """Pack the weights, then run the kernel on the `first` nodes and what is given."""
    buffers = [dense(lowering, each) for each in first]
    for name, each in given.items():
        buffer = dense(lowering, each)
        if name in packs:
            buffer = _packed(lowering, buffer, packs[name](spec, lowering.target))
        buffers.append(buffer)
    buffers.append(lowering.result(node))
    lowering.run(kernel(spec, lowering.target), buffers)


def _packed(lowering: Lowering, weights: Buffer, pack: Pack) -> Buffer:
    sizes = "x".join(map(str, weights.shape))
    name = f"pack_recurrence_{pack.dtype.name}_{sizes}"
    kernel = pack_kernel(name, pack, lowering.target)
    return lowering.packed(kernel, weights, pack.size * pack.dtype.itemsize)


def _spec(node: Node, given: dict[str, Node]) -> RecurrenceSpec:
    cell, (batch, shown) = node.params["cell"], given["h"].shape
    gates = CELLS[cell].gates
    return RecurrenceSpec(
        cell,
        gates,
        node.dtype,
        given["x"].shape[0] // batch,
        batch,
        given["w"].shape[0] // gates,
        node.params["reverse"],
        node.params.get("keeps", False),
        "lengths" in given,
        shown if "p" in given else 0,
    )
