"""What a recorded call reads and what it changes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..dtypes import dtype as DType
from ..graph import FREED, Node, Tape
from ..ops.op import Op
from ..recorder import Check
from ..tensor import Tensor
from ..tensor.handle import Layout, Steps

__all__ = ["Kind", "Made", "Outside", "Place", "Script", "View"]


class Place(NamedTuple):
    """Where a tensor is found at each call.

    Attributes:
        at: its position among the tensors of the arguments, and then of the captured.
        is_grad: whether its gradient is meant.
    """

    at: int
    is_grad: bool = False


class Made(NamedTuple):
    """A node that a call makes.

    Attributes:
        value: its value's position among what the plan returns, and then among the
            values from outside.
        op: the op that it comes from.
        shape: its sizes.
        dtype: its element type.
        is_freed: whether a backward pass went through it.
    """

    value: int
    op: Op | None
    shape: tuple[int, ...]
    dtype: DType
    is_freed: bool

    def node(self, value: np.ndarray, tape: Tape | None = None) -> Node:
        """Return the node with a value."""
        tape = FREED if self.is_freed else tape
        return Node(self.op, (), {}, self.shape, self.dtype, value, tape)


class Kind(NamedTuple):
    """What a tensor must be to be used as it was.

    Attributes:
        shape: its sizes.
        dtype: its element type.
        collects: whether it is a leaf that collects gradients.
        strides: of its values, None where they are not used.
        is_written: whether it must be no view.
    """

    shape: tuple[int, ...]
    dtype: DType
    collects: bool
    strides: tuple[int, ...] | None
    is_written: bool


class View(NamedTuple):
    """How a new tensor shows the memory of another one: a place, or a new one."""

    base: Place | int
    steps: Steps
    layout: Layout | None
    is_tracked: bool


class Outside(NamedTuple):
    """A value that does not come from a tensor: a number, random draws.

    Attributes:
        value: the array.
        source: makes it anew at each call; None if it stays the same.
    """

    value: np.ndarray
    source: Callable[[], np.ndarray] | None

    def is_like(self, other: Outside) -> bool:
        """Whether another recording got it in the same way."""
        first, second = self.value, other.value
        if first.dtype != second.dtype or first.shape != second.shape:
            return False
        if self.source is not None or other.source is not None:
            return (self.source is None) == (other.source is None)
        return first is second or first.tobytes() == second.tobytes()


@dataclass
class Script:
    """One call, but for the values of its tensors.

    Attributes:
        graph: the structure of what is computed.
        captured: the tensors that are not arguments, which it reads or changes.
        bound: the arguments that are reached in other ways, too, by their position.
        outside: the values that do not come from tensors.
        reads: for each value that is computed with: a place, or a position in
            `outside`.
        checks: what must not raise of such values, by their position in `reads`.
        kinds: what each place is that is used.
        grads: of each place that collects gradients: whether it has one.
        writes: places, with their new nodes and the growth of their version.
        gives: places, whose gradient becomes a new tensor or None.
        new: the nodes of the new tensors.
        views: which of the new tensors are views.
        result: what the call returns, but for its tensors.
        returns: the tensors in it: places, or positions in `new`.
    """

    graph: Any
    captured: list[Tensor]
    bound: dict[int, Tensor] = field(default_factory=dict)
    outside: list[Outside] = field(default_factory=list)
    reads: list[Place | int] = field(default_factory=list)
    checks: list[tuple[int, Check]] = field(default_factory=list)
    kinds: dict[Place, Kind] = field(default_factory=dict)
    grads: dict[Place, bool] = field(default_factory=dict)
    writes: dict[Place, tuple[Made, int]] = field(default_factory=dict)
    gives: dict[Place, int | None] = field(default_factory=dict)
    new: list[Made] = field(default_factory=list)
    views: dict[int, View] = field(default_factory=dict)
    result: Any = None
    returns: list[Place | int] = field(default_factory=list)

    def is_like(self, other: Script) -> bool:
        """Whether another recording of the same call found the same."""
        return (
            _are_same(self.captured, other.captured)
            and self.bound.keys() == other.bound.keys()
            and _are_same(self.bound.values(), other.bound.values())
            and len(self.outside) == len(other.outside)
            and all(a.is_like(b) for a, b in zip(self.outside, other.outside))
            and self._plain() == other._plain()
        )

    def _plain(self) -> tuple[Any, ...]:
        return (
            self.graph,
            self.reads,
            self.kinds,
            self.grads,
            self.writes,
            self.gives,
            self.new,
            self.views,
            self.result,
            self.returns,
        )


def _are_same(first: Collection[Tensor], second: Collection[Tensor]) -> bool:
    pairs = zip(first, second)
    return len(first) == len(second) and all(one is other for one, other in pairs)
