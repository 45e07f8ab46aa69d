"""A recorded call, done again: read the tensors, run the plan, set the tensors."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..backend import Routine
from ..graph import FREED, Node, state
from ..recorder import passes, writes
from ..runtime.memory import are_alone, references
from ..runtime.signals import uninterrupted
from ..tensor import Tensor, evaluate, evaluate_pending
from ..tensor.handle import wrap
from .script import Kind, Place, Script
from .structure import Slot, rebuild
from .watch import Watch

__all__ = ["Changed", "Replay"]


class Changed(Exception):
    """Something is not as it was when the call was recorded."""


class Replay:
    """Does what a call did when it was recorded.

    Attributes:
        script: what it reads and changes.

    Args:
        script: what it reads and changes.
        routine: computes the outputs.
        watch: knows whether the function would do the same again.
        arguments: how many tensors are among the arguments.
    """

    def __init__(
        self, script: Script, routine: Routine, watch: Watch, arguments: int
    ) -> None:
        self.script = script
        self._routine, self._is_apart = routine, routine.is_apart
        self._watch = watch
        self._arguments = arguments
        self._fixed: list[Any] = [None] * len(script.reads)
        users: dict[Place, list[int]] = {place: [] for place in script.kinds}
        self._outside: list[list[int]] = [[] for _ in script.outside]
        for at, read in enumerate(script.reads):
            if isinstance(read, Place):
                users[read].append(at)
            else:
                self._fixed[at] = script.outside[read].value
                self._outside[read].append(at)
        self._lent = [
            (place, at)
            for place in script.writes
            for at in users.get(place, ())
            if at in routine.donations
        ]
        self._has_sources = any(each.source is not None for each in script.outside)
        # how the replay was found tells already what the arguments are
        self._free = [
            (place.at, at)
            for place, reads in users.items()
            for at in reads
            if not self._is_checked(place)
        ]
        self._checked = [
            (*place, script.kinds[place], reads)
            for place, reads in users.items()
            if self._is_checked(place)
        ]
        # a function that names nothing of gradients does not look for them
        named = any("grad" in name or name == "step" for name in watch.names)
        is_free = not script.gives and not named
        self._grads = [] if is_free else [*script.grads.items()]
        self._last: list[Callable[[], Node | None]] = [_nothing] * len(self._checked)
        self._kept: tuple[list[Any], object] | None = None  # what was read, its token
        self._open = [at for _, at in self._free]
        self._open += [at for reads in self._outside for at in reads]
        self._outside_values = [each.value for each in script.outside]
        self._is_single = script.result is Slot.of(0) and script.returns == [0]

    def run(self, tensors: list[Tensor], values: Sequence[np.ndarray]) -> Any:
        """Do the call with other arguments.

        Args:
            tensors: those among the arguments.
            values: theirs, as `shown` tells them.

        Raises:
            Changed: the function has to be run instead; nothing was done.
        """
        script = self.script
        if not self._watch.holds():
            raise Changed
        for at, tensor in script.bound.items():
            if tensors[at] is not tensor:
                raise Changed
        if script.writes and state.pending:
            evaluate_pending()
        known = tensors + script.captured
        leaves, token = self._read(known, values)
        if not all(passes(leaves[at], check) for at, check in script.checks):
            raise Changed
        if self._has_sources:
            outside = self._look_outside(leaves)
        else:
            outside = self._outside_values
        if self._lent:
            with uninterrupted():
                donors = self._donors(leaves, known)
                made = self._compute(known, leaves, donors, token, outside)
        else:
            made = self._compute(known, leaves, (), token, outside)
        if self._is_single:
            return made[0]
        returned = [_either(each, made, known) for each in script.returns]
        return rebuild(script.result, returned)

    def _compute(
        self,
        known: list[Tensor],
        leaves: list[Any],
        donors: Sequence[int],
        token: object | None,
        outside: list[np.ndarray],
    ) -> list[Tensor]:
        """Run the plan and change what is changed; return the new tensors."""
        values = self._routine.run(leaves, donors, token, self._open)
        if values is None:
            raise Changed
        script = self.script
        if outside:
            values += outside
        made = [
            wrap(Node(op, (), {}, shape, kind, values[at], FREED if freed else None))
            for at, op, shape, kind, freed in script.new
        ]
        if script.views:
            self._show(made, known)
        if script.writes or script.gives:
            self._write(made, values, known)
        return made

    def _is_checked(self, place: Place) -> bool:
        is_argument = place.at < self._arguments and not place.is_grad
        return not is_argument or self.script.kinds[place].is_written

    # Reading

    def _read(
        self, known: Sequence[Tensor], values: Sequence[np.ndarray]
    ) -> tuple[list[Any], object | None]:
        """Return what the plan takes, if all tensors are what they were.

        With it goes what stands for all but the arguments, if that is kept.
        """
        for place, has_grad in self._grads:
            if (known[place.at]._grad is not None) != has_grad:
                raise Changed
        kept, token = self._kept or (self._look(known), None)
        leaves = kept.copy()
        for at, position in self._free:
            leaves[position] = values[at] if self._is_apart else known[at].node.value
        return leaves, token

    def _look(self, known: Sequence[Tensor]) -> list[Any]:
        """Read the tensors that are no arguments, to be kept until one is written."""
        leaves, token, count = self._fixed.copy(), object(), writes.count
        may_keep = not self.script.writes
        for index, (at, is_grad, kind, reads) in enumerate(self._checked):
            tensor = known[at]._grad if is_grad else known[at]
            if tensor is None:
                raise Changed
            is_own = at >= self._arguments and not is_grad
            may_keep = may_keep and is_own and tensor.keep_values()
            node = tensor.node
            if self._last[index]() is not node or tensor._shared is not None:
                node = self._check(index, tensor, kind)
            for position in reads:
                leaves[position] = node.value
        if may_keep:
            self._kept = leaves, token
            writes.watch(self, count)
        return leaves

    def forget(self) -> None:
        """Look at the tensors again: one was written to."""
        self._kept = None

    def _check(self, index: int, tensor: Tensor, kind: Kind) -> Node:
        """Return a tensor's node, which is new, if it is like the one recorded."""
        if tensor.node.value is None:
            evaluate([tensor])
        node = tensor.node
        if not _is_like(tensor, node, kind):
            raise Changed
        self._last[index] = weakref.ref(node)
        return node

    def _look_outside(self, leaves: list[Any]) -> list[np.ndarray]:
        """Make the values from outside, all of them in the order of the recording."""
        values = []
        for each, reads in zip(self.script.outside, self._outside, strict=True):
            value = each.value if each.source is None else each.source()
            for position in reads:
                leaves[position] = value
            values.append(value)
        return values

    def _donors(
        self, leaves: Sequence[np.ndarray], known: Sequence[Tensor]
    ) -> list[int]:
        """Find which tensors' values nobody needs when the tensors have new ones."""
        nodes = [_at(place, known)._node for place, _ in self._lent]
        only = [
            at
            for (_, at), count in zip(self._lent, references(nodes), strict=True)
            if count == 1  # the tensor's own
        ]
        alone = are_alone([leaves[at] for at in only], holders=2)  # the node, `leaves`
        return [at for at, is_alone in zip(only, alone, strict=True) if is_alone]

    # Changing

    def _show(self, made: Sequence[Tensor], known: Sequence[Tensor]) -> None:
        """Let new tensors be the views that they are."""
        for at, view in self.script.views.items():
            tensor, root = made[at], _either(view.base, made, known)
            tensor._base, tensor._base_version = root, root._version
            tensor._steps, tensor._layout = view.steps, view.layout
            tensor._tracked = view.is_tracked

    def _write(
        self,
        made: Sequence[Tensor],
        values: Sequence[np.ndarray],
        known: Sequence[Tensor],
    ) -> None:
        """Point tensors at their new nodes, and give gradients."""
        for place, (new, growth) in self.script.writes.items():
            tensor = _at(place, known)
            tensor._node = new.node(values[new.value], tensor._node.tape)
            tensor._version += growth
        for place, at in self.script.gives.items():
            known[place.at]._grad = None if at is None else made[at]
        writes.note()


def _nothing() -> None:
    """A reference to no node."""


def _at(place: Place, known: Sequence[Tensor]) -> Tensor:
    tensor = known[place.at]
    if not place.is_grad:
        return tensor
    assert tensor._grad is not None  # it was checked to be there
    return tensor._grad


def _either(
    found: Place | int, made: Sequence[Tensor], known: Sequence[Tensor]
) -> Tensor:
    """Return what is at a place, or one of the new tensors."""
    return made[found] if isinstance(found, int) else _at(found, known)


def _is_like(tensor: Tensor, node: Node, kind: Kind) -> bool:
    """Whether a tensor is what it was when the call was recorded."""
    tape = node.tape
    collects = tape is not None and tape.leaf is not None
    is_free = tensor._base is None and tensor._shared is None
    return (
        node.shape == kind.shape
        and node.dtype is kind.dtype
        and (collects if kind.collects else tape is None)
        and (not kind.strides or kind.strides == node.value.strides)  # type: ignore[union-attr]
        and (is_free or not kind.is_written)
    )
