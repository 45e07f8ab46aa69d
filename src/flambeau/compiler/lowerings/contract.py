"""Matrix products become GEMM kernels, which read transposed operands as they lie.

matmul(x, w.T)   ->   matmul_float32_64x10x8192(x, w) with the steps of w exchanged
"""

from __future__ import annotations

from collections.abc import Sequence

from ...graph import Node
from .. import affine
from ..affine import VIEWS
from ..codegen.matmul import MatmulSpec, matmul
from ..program import Buffer
from .context import Lowering
from .epilogue import Contraction, lower_with_epilogue
from .flattening import rearranged

__all__ = ["accepts_matmul", "lower_matmul", "strided"]


def accepts_matmul(node: Node) -> bool:
    """Whether kernels exist for the dtype."""
    return node.dtype.is_floating_point and node.inputs[0].shape[-1] > 0


def lower_matmul(lowering: Lowering, nodes: Sequence[Node]) -> None:
    """Compute a batch of matrix products, and what follows elementwise."""
    node = nodes[0]
    left, right = (strided(lowering, each) for each in node.inputs)
    matrix = rearranged(lowering, node)
    if matrix is not None:
        right = (matrix, 0, (1, matrix.steps[0]))
    (a, a_start, a_steps), (b, b_start, b_steps) = left, right
    batch = node.shape[:-2]
    spec = MatmulSpec(
        node.dtype,
        batch,
        node.shape[-2],
        node.shape[-1],
        node.inputs[0].shape[-1],
        (*_batch_steps(node.inputs[0], a_steps, batch), *a_steps[-2:]),
        (*_batch_steps(node.inputs[1], b_steps, batch), *b_steps[-2:]),
        (a_start, b_start),
    )

    contraction = Contraction(
        lambda epilogue: matmul(spec, lowering.target, epilogue),
        {"a": a, "b": b},
        tuple(range(node.ndim)),
    )
    lower_with_epilogue(lowering, nodes, contraction)


def _batch_steps(
    operand: Node, steps: tuple[int, ...], batch: tuple[int, ...]
) -> tuple[int, ...]:
    """The steps of the batch dimensions: 0 where the operand is the same for all."""
    missing = len(batch) + 2 - operand.ndim
    own = zip(operand.shape[:-2], steps[:-2], strict=True)
    return (0,) * missing + tuple(0 if size == 1 else step for size, step in own)


def strided(lowering: Lowering, node: Node) -> tuple[Buffer, int, tuple[int, ...]]:
    """Return the buffer that a node is read from, where it begins, and its steps.

    Views are read where they lie.
    """
    source, index = node, affine.identity(node.ndim)
    while not lowering.is_stored(source) and source.name in VIEWS:
        index = affine.through_view(source, index)
        source = source.inputs[0]
    buffer = lowering.buffer_of(source)
    start, steps = 0, [0] * node.ndim
    for axis, step in zip(index, buffer.steps, strict=True):
        start += axis.start * step
        for at, each in enumerate(axis.steps):
            steps[at] += each * step
    return buffer, start, tuple(steps)
