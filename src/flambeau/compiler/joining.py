"""Pieces of one value that are added up in zeros become one value.

    slice_update(0, a, [:2]) + slice_update(0, b, [2:])   ->   cat(a, b)

The gradient of what is read in slices is such a sum. That the zeros are zero is not
known when the graph is compiled, only that all of them are the same number: what they
are is added to the other pieces.
"""

from __future__ import annotations

from ..graph import Node
from ..ops import elementwise as ew
from ..ops.movement import cat, permute, slice_

__all__ = ["joined", "permuted"]

_MOST = 64  # pieces

_Piece = tuple[int, Node, Node]  # where it begins, itself, the number around it


def joined(node: Node) -> Node | None:
    """Return what a sum of slices that cover everything is, or None."""
    terms = _terms(node)
    if not terms or 0 in node.shape:
        return None
    axes = {_axis(each) for each in terms}
    axis = axes.pop()
    if axis is None or axes:
        return None
    pieces: list[_Piece] = []
    for each in terms:
        base, new = each.inputs
        pieces.append((each.params["ranges"][axis][0], new, _number(base)))
    pieces.sort(key=lambda piece: piece[0])
    stop = 0
    for start, new, _ in pieces:
        if start != stop:
            return None
        stop += new.shape[axis]
    if stop != node.shape[axis]:
        return None
    return cat(*(_among(at, pieces) for at in range(len(pieces))), axis=axis)


def permuted(node: Node) -> Node | None:
    """Return joined pieces with their dimensions in another order, or None."""
    (source,) = node.inputs
    if source.value is not None or source.name != "cat":
        return None
    dims = node.params["dims"]
    pieces = (permute(each, dims) for each in source.inputs)
    return cat(*pieces, axis=dims.index(source.params["axis"]))


def _terms(node: Node) -> list[Node]:
    """The terms of a sum if all are slices in one number, and few; else none."""
    found: list[Node] = []
    waiting = list(node.inputs)
    while waiting:
        each = waiting.pop()
        is_sum = each.value is None and each.name == "add"
        if each.shape != node.shape or not (is_sum or _is_slice(each)):
            return []
        if is_sum:
            waiting += each.inputs
        else:
            found.append(each)
        if len(found) + len(waiting) > _MOST:
            return []
    return found


def _is_slice(node: Node) -> bool:
    """Whether a node is one number everywhere but in a slice."""
    if node.value is not None or node.name != "slice_update":
        return False
    base, new = node.inputs
    sizes = tuple(count for _, count, _ in node.params["ranges"])
    is_number = base.value is not None and not any(base.value.strides)
    return is_number and new.shape == sizes


def _axis(term: Node) -> int | None:
    """The only dimension in which a slice is not whole; None if there are others."""
    parts = zip(term.params["ranges"], term.shape, strict=True)
    found = [at for at, (each, size) in enumerate(parts) if each != (0, size, 1)]
    if len(found) != 1 or term.params["ranges"][found[0]][2] != 1:
        return None
    return found[0]


def _number(base: Node) -> Node:
    """The number that is everywhere in a constant."""
    return slice_(base, tuple((0, 1, 1) for _ in base.shape))


def _among(at: int, pieces: list[_Piece]) -> Node:
    """A piece with the numbers around the others added."""
    total = pieces[at][1]
    for other, (_, _, number) in enumerate(pieces):
        if other != at:
            total = ew.add(total, number)
    return total
