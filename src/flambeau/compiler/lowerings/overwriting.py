"""Which results may take the memory of an operand: those that match it place by place.

y = relu(x * w) with x and y lying alike   ->   y may be written over x, if x ends there
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..codegen.loops import Expression, Load, Lookup, Number, Store

__all__ = ["overwritable"]


def overwritable(
    expressions: Sequence[Expression], stores: Iterable[Store]
) -> list[tuple[int, int]]:
    """Return pairs of slots: of what is read, and of what may be written over it.

    An operand must be read at the very places that are written, and nowhere else: each
    is read before it is written then, whatever the order of the places.
    """
    read: dict[int, set[Expression]] = {}
    for each in expressions:
        if isinstance(each, (Load, Lookup, Number)):
            read.setdefault(each.slot, set()).add(each)
    only = [each for (each, *others) in read.values() if not others]
    return [
        (load.slot, store.slot)
        for store in stores
        for load in only
        if isinstance(load, Load)
        and (load.start, load.steps) == (store.start, store.steps)
        and load.dtype.itemsize == store.dtype.itemsize
    ]
