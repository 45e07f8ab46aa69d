"""Pass: write a graph with fewer and cheaper nodes that mean the same.

    a = x + y;  b = x + y                  ->   b = a
    sum(g * w), w the same along the sum   ->   sum(g) * w
    x with nothing written into it         ->   x
    all slices of x, added up in zeros     ->   cat(slices)
    view(x[2:6], (2, 2))                   ->   view(x, (-1, 2))[1:3]

The gradient of batch norm sums what arrives with the weight and without it; after this
pass the two sums are one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from math import prod

from ..graph import Node
from ..ops import elementwise as ew
from ..ops.broadcast import reshape, sum_
from ..ops.movement import slice_
from .affine import VIEWS
from .joining import joined, permuted
from .kinds import is_elementwise
from .rewriting import users_of, with_inputs

__all__ = ["simplify"]


def simplify(roots: Sequence[Node], order: Iterable[Node]) -> list[Node]:
    """Return the nodes that compute `roots` after the pass.

    Args:
        roots: the nodes that are wanted.
        order: the graph, inputs before users.
    """
    order = list(order)
    users = users_of(roots, order)
    unique = _Unique()
    found: dict[int, Node] = {}
    for node in order:
        inputs = [found[id(each)] for each in node.inputs if node.value is None]
        alone = all(users[id(each)] == 1 for each in node.inputs)
        found[id(node)] = unique.simplified(node, inputs, alone)
    return [found[id(each)] for each in roots]


class _Unique:
    """The nodes so far; each meaning has one node."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Node] = {}
        self._kept: set[int] = set()  # ids of the nodes that are in use

    def simplified(self, node: Node, inputs: Sequence[Node], alone: bool) -> Node:
        """Return what computes a node from inputs that are simplified already.

        Args:
            node: the node.
            inputs: its inputs.
            alone: whether nothing else reads them.
        """
        if node.value is not None or node.op is None:
            self._kept.add(id(node))
            return node
        if node.name == "sum":
            return self._settled(_simple_sum(inputs[0], **node.params))
        if node.name == "slice_update" and _is_empty(**node.params):
            return inputs[0]
        simple = self._once(node, inputs)
        found = None
        if node.name == "add":
            found = joined(simple)
        elif node.name == "permute" and alone:
            found = permuted(simple)
        elif node.name == "view":
            found = _rows_of_view(simple)
        return simple if found is None else self._settled(found)

    def _settled(self, node: Node) -> Node:
        """Return the node in use for one that a rule made."""
        if id(node) in self._kept:
            return node
        return self._once(node, [self._settled(each) for each in node.inputs])

    def _once(self, node: Node, inputs: Sequence[Node]) -> Node:
        reads = tuple(id(each) for each in inputs)
        key = (node.op, reads, tuple(node.params.items()), node.shape, node.dtype)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = with_inputs(node, inputs)
            self._kept.add(id(known))
        return known


def _rows_of_view(view: Node) -> Node | None:
    """Return some rows in another shape as rows of all in it, which are no copy."""
    (x,), start = view.inputs, 0
    while x.value is None and x.name == "slice":
        rows, *others = x.params["ranges"]
        (x,) = x.inputs
        if rows[2] != 1 or others != [(0, size, 1) for size in x.shape[1:]]:
            return None
        start += rows[0]
    is_made = x.value is not None or not (x.name in VIEWS or is_elementwise(x))
    is_made = is_made and x.ndim == 2  # others may lie in another order
    if x is view.inputs[0] or not is_made or 0 in view.shape or not view.ndim:
        return None
    each, rest = divmod(prod(view.shape[1:]), prod(x.shape[1:]))
    if rest or each < 1 or x.shape[0] % each or start % each:
        return None
    seen = reshape(x, (x.shape[0] // each, *view.shape[1:]))
    ranges = [(0, size, 1) for size in seen.shape]
    ranges[0] = (start // each, view.shape[0], 1)
    return slice_(seen, tuple(ranges))


def _is_empty(ranges: Sequence[tuple[int, int, int]]) -> bool:
    return any(count == 0 for _, count, _ in ranges)


def _simple_sum(x: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    """Sum without the factors that are the same along the sum, which follow later."""
    terms, factors = _factors(x, axes) if x.dtype.is_floating_point else ([x], [])
    if not terms or terms == [x]:
        total = sum_(x, axes=axes, keepdims=False)
    else:
        product = terms[0]
        for each in terms[1:]:
            product = ew.mul(product, each)
        total = sum_(product, axes=axes, keepdims=False)
        for each in factors:
            total = ew.mul(total, _without(each, axes, x.ndim))
    shape = tuple(1 if at in axes else size for at, size in enumerate(x.shape))
    return reshape(total, shape) if keepdims else total


def _factors(x: Node, axes: tuple[int, ...]) -> tuple[list[Node], list[Node]]:
    """Take a product apart into what changes along some axes, and what does not."""
    if x.value is not None or x.name != "mul":
        return [x], []
    terms: list[Node] = []
    factors: list[Node] = []
    for each in x.inputs:
        if each.shape == x.shape:
            inner = _factors(each, axes)
            terms += inner[0]
            factors += inner[1]
        elif each.dtype is x.dtype and _is_same_along(each, axes, x.ndim):
            factors.append(each)
        else:
            terms.append(each)
    whole = any(each.shape == x.shape for each in terms)
    return (terms, factors) if whole else ([x], [])


def _is_same_along(x: Node, axes: tuple[int, ...], ndim: int) -> bool:
    """Whether an operand of an op with `ndim` dimensions is broadcast along axes."""
    missing = ndim - x.ndim
    return all(axis < missing or x.shape[axis - missing] == 1 for axis in axes)


def _without(x: Node, axes: tuple[int, ...], ndim: int) -> Node:
    """Drop the axes of an operand, whose size there is 1."""
    missing = ndim - x.ndim
    kept = [size for at, size in enumerate(x.shape, missing) if at not in axes]
    return reshape(x, tuple(kept))
