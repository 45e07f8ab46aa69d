"""Which given values nobody needs after a run: results may be written over them.

A training step gives every parameter a new value and forgets the old one. What still
refers to a value is counted: the graph's own references end with the run, and any other
one keeps the value as it is.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..bundles import Content, outline
from ..graph import Node, forgets_inputs, topological
from ..runtime.memory import are_alone, references
from ..runtime.signals import uninterrupted

if TYPE_CHECKING:  # kernels' code is not imported before one is compiled
    from .program import Program

__all__ = ["donors", "pending_graph", "pending_outline"]

Listed: TypeAlias = tuple[list[Node], dict[int, Content]]

_HOLDERS = 1  # of a leaf's array: its node


class _Busy:
    """The nodes whose values are being written over, by id, for all threads."""

    def __init__(self) -> None:
        self.turn = threading.Condition()
        self.nodes: set[int] = set()


_busy = _Busy()


def _forget_others() -> None:
    """In a forked child no other thread exists."""
    global _busy
    _busy = _Busy()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_others)


def pending_graph(roots: Sequence[Node]) -> list[Node]:
    """List the graph of those roots that have no value yet, inputs before users.

    Where another thread is writing over a value in it, wait for what that computes.
    """
    return _when_free(lambda: (topological(_pending(roots)), {}))[0]


def pending_outline(roots: Sequence[Node]) -> Listed:
    """List the same but for what is in bundles; with it, what is in them, by id."""
    return _when_free(lambda: outline(_pending(roots)))


def _pending(roots: Sequence[Node]) -> list[Node]:
    return [each for each in roots if each.value is None]


def _when_free(look: Callable[[], Listed]) -> Listed:
    """Look at a graph until no other thread is writing over a value in it."""
    with _busy.turn:
        while True:
            order, contents = look()
            members = (each.members for each in contents.values())
            nodes = chain(order, *members) if _busy.nodes else ()
            if _busy.nodes.isdisjoint(map(id, nodes)):
                return order, contents
            del order, contents, members, nodes
            _busy.turn.wait()


@contextmanager
def donors(
    order: Sequence[Node], kept: Sequence[int], program: Program
) -> Iterator[Sequence[int]]:
    """Find the places of the program's leaves that its donations may be written over.

    In the context they are computed and kept. Signals wait until its end: what was
    written over could not be computed again.

    Args:
        order: the graph, inputs before users.
        kept: the positions of the nodes that will keep their value.
        program: what computes them.
    """
    if not program.donations:
        yield ()
        return
    with uninterrupted():
        with _busy.turn:
            places = _places(order, kept, program)
            nodes = {id(order[program.leaves[each][0]]) for each in places}
            _busy.nodes |= nodes
        try:
            yield places
        finally:
            with _busy.turn:
                _busy.nodes -= nodes
                _busy.turn.notify_all()


def _places(
    order: Sequence[Node], kept: Sequence[int], program: Program
) -> Sequence[int]:
    """The donors: leaves that only the graph refers to, and with it only what ends."""
    counts = zip(references(order), program.uses, strict=True)
    held = [at for at, (count, uses) in enumerate(counts) if count > uses]
    settled = {at for at in kept if forgets_inputs(order[at])}
    staying = [
        order[at] for at in held if order[at].value is None and at not in settled
    ]
    needed = {id(order[at]) for at in held}.union(map(id, topological(staying)))
    asked = [
        place
        for place in program.donations
        if id(_leaf(order, program, place)) not in needed
    ]
    arrays = [_value(_leaf(order, program, place)) for place in asked]
    return [at for at, alone in zip(asked, are_alone(arrays, _HOLDERS)) if alone]


def _leaf(order: Sequence[Node], program: Program, place: int) -> Node:
    return order[program.leaves[place][0]]


def _value(node: Node) -> np.ndarray:
    assert node.value is not None
    return node.value
