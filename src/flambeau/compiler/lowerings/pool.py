"""Pools, their gradients, and windows taken out and added back.

Pools keep the memory order of what they read, so channels-last stays channels-last.
What follows a pool elementwise is computed as its results are stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ... import dtypes as dt
from ...graph import Node
from ..codegen.pool import PoolSpec, pool
from ..codegen.sliding import Slide, row_steps
from ..codegen.unfold import UnfoldSpec, unfold_kernel
from ..codegen.unpool import UnpoolSpec, unpool_kernel
from ..program import Buffer
from .context import Lowering
from .epilogue import Contraction, lower_with_epilogue
from .loop import dense
from .scope import spec_name

__all__ = [
    "can_slide",
    "joins_pool",
    "lower_fold",
    "lower_max_pool",
    "lower_sum_pool",
    "lower_sum_pool_grad",
    "lower_tap_gradient",
    "lower_windows",
]

_RESULTS = {"max_pool": "value", "max_pool_index": "index", "pool_tap": "tap"}
_LARGEST = 1 << 31  # positions in an image are counted in 32 bits


def can_slide(node: Node) -> bool:
    """Whether the kernels can compute a node of the window ops."""
    return node.inputs[0].dtype is not dt.bool_ and all(
        prod(each.shape[2:]) < _LARGEST for each in (node, *node.inputs)
    )


def joins_pool(node: Node, group: Sequence[Node]) -> bool:
    """Whether a node is another result of the pool that a group computes."""
    first = group[0]
    if node.name not in _RESULTS or node.inputs[0] is not first.inputs[0]:
        return False
    pools = [each for each in (*group, node) if each.name in _RESULTS]
    is_pair = len({each.name == "max_pool" for each in pools}) == len(pools) == 2
    return node.params == first.params and is_pair


def _slides(
    shape: Sequence[int], windows: Sequence[int], node: Node
) -> tuple[Slide, ...]:
    """The slides of (N, C, *sizes), by the options of a window op."""
    params = node.params
    kernel = params["kernel"]
    dilation = params.get("dilation", (1,) * len(kernel))
    found = [Slide(size, size, dim=dim) for dim, size in enumerate(shape[:2])]
    for at, taps in enumerate(kernel):
        low, _ = params["padding"][at]
        found.append(
            Slide(
                windows[at],
                shape[2 + at],
                taps,
                params["stride"][at],
                low,
                dilation[at],
                2 + at,
            )
        )
    return tuple(found)


def _walk_order(buffer: Buffer) -> tuple[int, ...]:
    """The memory order of a buffer, with dimensions of size 1 first."""
    return tuple(sorted(buffer.order, key=lambda dim: buffer.shape[dim] != 1))


def lower_max_pool(lowering: Lowering, nodes: Sequence[Node]) -> None:
    """Compute the maxima of windows, which elements they are, or both."""
    _pool(lowering, "max", nodes)


def lower_sum_pool(lowering: Lowering, nodes: Sequence[Node]) -> None:
    """Compute the sums of windows."""
    _pool(lowering, "sum", nodes)


def _pool(lowering: Lowering, kind: str, nodes: Sequence[Node]) -> None:
    head, *others = nodes
    (x,) = head.inputs
    order = _walk_order(lowering.buffer_of(x))
    slides = _slides(x.shape, head.params["output_size"], head)
    second = [each for each in others if each.name in _RESULTS]
    spec = PoolSpec(
        kind,
        tuple(slides[dim] for dim in order),
        x.dtype,
        tuple(_RESULTS.get(each.name, "value") for each in (head, *second)),
    )
    name = spec_name(f"{kind}_pool", spec.code)
    buffers = {"x": dense(lowering, x, order)}
    for result, node in zip(spec.results[1:], second):
        buffers[result] = lowering.result(node, order)
    contraction = Contraction(
        lambda epilogue: pool(name, spec, lowering.target, epilogue), buffers, order
    )
    ends = [each for each in others if each not in second]
    lower_with_epilogue(lowering, [head, *ends], contraction)


def lower_sum_pool_grad(lowering: Lowering, node: Node) -> None:
    """Add the windows' gradients up at every position."""
    (g,) = node.inputs
    order = _walk_order(lowering.buffer_of(g))
    spec = _back(node, order)
    kernel = unpool_kernel(spec_name("sum_pool_grad", spec.code), spec, lowering.target)
    source = dense(lowering, g, order)
    lowering.run(kernel, [source, lowering.result(node, order)])


def lower_tap_gradient(lowering: Lowering, node: Node) -> None:
    """Give every window's gradient to the position of its maximum."""
    g, tap = node.inputs
    order = _walk_order(lowering.buffer_of(tap))
    by_tap = (0, 0, *row_steps(node.params["kernel"]))
    spec = _back(node, order, tuple(by_tap[dim] for dim in order))
    kernel = unpool_kernel(spec_name("max_pool_grad", spec.code), spec, lowering.target)
    sources = [dense(lowering, each, order) for each in (g, tap)]
    lowering.run(kernel, [*sources, lowering.result(node, order)])


def _back(
    node: Node, order: Sequence[int], chosen: tuple[int, ...] | None = None
) -> UnpoolSpec:
    windows = node.inputs[0].shape
    slides = _slides(node.shape, windows[2:], node)
    steps = row_steps([windows[dim] for dim in order])
    return UnpoolSpec(
        tuple(slides[dim] for dim in order),
        node.dtype,
        steps,
        (0,) * len(order),
        chosen,
    )


def lower_windows(lowering: Lowering, node: Node) -> None:
    """Take windows out of an image."""
    (x,) = node.inputs
    slides = _slides(x.shape, node.shape[x.ndim :], node)[2:]
    spec = UnfoldSpec(prod(x.shape[:2]), slides, x.dtype)
    kernel = unfold_kernel(spec_name("unfold", spec.code), spec, lowering.target)
    lowering.run(kernel, [dense(lowering, x), lowering.result(node)])


def lower_fold(lowering: Lowering, node: Node) -> None:
    """Add windows back into an image."""
    (cols,) = node.inputs
    steps, taps = row_steps(cols.shape), len(node.params["kernel"])
    slides = _slides(node.shape, cols.shape[2 + taps :], node)
    spec = UnpoolSpec(
        slides,
        node.dtype,
        (*steps[:2], *steps[2 + taps :]),
        (0, 0, *steps[2 : 2 + taps]),
    )
    kernel = unpool_kernel(spec_name("fold", spec.code), spec, lowering.target)
    lowering.run(kernel, [dense(lowering, cols), lowering.result(node)])
