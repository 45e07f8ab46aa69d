"""Images as rows of a product lie as they were made, and the matrix is rearranged.

matmul(flatten(y), w) with y lying (N, H, W, C)   ->   w in the order (H, W, C), once

A product adds up in any order. Where the matrix is given, as a layer's weight is, it
is rearranged once for many runs (`prologue.py`), and the image in no run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ...graph import Node
from ..affine import VIEWS, Axis
from ..codegen.sliding import row_steps
from ..program import Buffer
from .context import Lowering
from .loop import dense, store_loop
from .scope import Scope

__all__ = ["loose_rows", "lower_reshape", "rearranged"]

_FEW = 64  # columns of a matrix; with more, a product takes much longer than the copy


def loose_rows(
    order: Sequence[Node], outputs: Iterable[Node], whole: set[int], given: set[int]
) -> set[int]:
    """Return the ids of the views whose rows may have their elements in any order.

    Only products with given matrices read them, which may be rearranged alike.

    Args:
        order: the graph, inputs before users.
        outputs: the nodes whose values are wanted.
        whole: the ids of the nodes that families of their own compute.
        given: the ids of the nodes that are given.
    """
    users: dict[int, list[Node]] = defaultdict(list)
    for node in order:
        for each in node.inputs if node.value is None else ():
            users[id(each)].append(node)
    wanted = {id(each) for each in outputs}
    return {
        id(node)
        for node in order
        if node.name == "view"
        and id(node) in whole - wanted
        and _flattens(node)
        and all(
            id(each) in whole and _may_rearrange(each, node, given)
            for each in users[id(node)]
        )
    }


def _flattens(node: Node) -> bool:
    """Whether a view makes rows of images."""
    kept, shape = node.ndim - 1, node.inputs[0].shape
    return 1 <= kept < len(shape) - 1 and node.shape[:-1] == shape[:kept]


def _may_rearrange(user: Node, rows: Node, given: set[int]) -> bool:
    """Whether a node multiplies rows with a given matrix of few columns."""
    if user.name != "matmul" or user.inputs[0] is not rows:
        return False
    source = matrix = user.inputs[1]
    while source.value is None and source.name in VIEWS:
        source = source.inputs[0]
    return id(source) in given and matrix.ndim == 2 and matrix.shape[1] <= _FEW


def lower_reshape(lowering: Lowering, node: Node) -> None:
    """Show dense memory with another shape."""
    (source,) = node.inputs
    buffer = lowering.buffer_of(source)
    kept = node.ndim - 1
    inner = [dim for dim in buffer.order if dim >= kept]
    if (
        id(node) in lowering.loose
        and inner != sorted(inner)
        and buffer.lies_in((*range(kept), *inner))
    ):
        lowering.rearranged[id(node)] = tuple(inner)
    else:
        buffer = dense(lowering, source)
    lowering.share(node, row_steps(node.shape), buffer)


def rearranged(lowering: Lowering, node: Node) -> Buffer | None:
    """Return the matrix of a product in the order of its rows, transposed.

    Args:
        lowering: the program.
        node: the product.

    Returns:
        The buffer, or None where the rows lie in their usual order.
    """
    rows, matrix = node.inputs
    inner = lowering.rearranged.get(id(rows))
    if inner is None:
        return None
    sizes = rows.inputs[0].shape[rows.ndim - 1 :]
    shape = (matrix.shape[1], *sizes)
    order = (0, *(dim - rows.ndim + 2 for dim in inner))
    scope = Scope(lowering, shape)
    along = Axis(0, (0, *row_steps(sizes)))
    at = scope.express(matrix, (along, Axis(0, (1, *[0] * len(sizes)))))
    buffer = lowering.program.new_buffer(shape, matrix.dtype, order)
    buffer.is_scratch = True
    store_loop(scope, order, [(at, buffer, 0, buffer.steps)])
    return buffer
