"""A recorded call, done again: read the tensors, run the plan, set the tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backend import Routine
from ..graph import Node, state
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
        self._routine = routine
        self._watch = watch
        self._arguments = arguments
        self._fixed: list[Any] = [None] * len(script.reads)
        self._moving: list[tuple[int, Any]] = []
        users: dict[Place, list[int]] = {place: [] for place in script.kinds}
        outside: dict[int, list[int]] = {}
        for at, read in enumerate(script.reads):
            if isinstance(read, Place):
                users[read].append(at)
            elif script.outside[read].source is None:
                self._fixed[at] = script.outside[read].value
            else:
                outside.setdefault(read, []).append(at)
        self._outside = outside
        self._places = [
            (place, script.kinds[place], reads) for place, reads in users.items()
        ]
        self._is_single = script.result == Slot(0)

    def run(self, tensors: Sequence[Tensor]) -> Any:
        """Do the call with other arguments.

        Raises:
            Changed: the function has to be run instead; nothing was done.
        """
        script = self.script
        if not self._watch.holds():
            raise Changed
        if script.writes and state.pending:
            evaluate_pending()
        leaves = self._read(tensors)
        outside = self._look_outside(leaves)
        values = self._routine.run(leaves)
        if values is None:
            raise Changed
        values = values + outside if outside else values
        made = [wrap(each.node(values[each.value])) for each in script.new]
        if script.views:
            self._show(made, tensors)
        if script.writes or script.gives:
            self._write(made, values, tensors)
        returned = [self._either(each, made, tensors) for each in script.returns]
        return returned[0] if self._is_single else rebuild(script.result, returned)

    # Reading

    def _tensor(self, place: Place, tensors: Sequence[Tensor]) -> Tensor:
        at = place.at - self._arguments
        tensor = tensors[place.at] if at < 0 else self.script.captured[at]
        if not place.is_grad:
            return tensor
        if tensor._grad is None:
            raise Changed
        return tensor._grad

    def _either(
        self, found: Place | int, made: Sequence[Tensor], tensors: Sequence[Tensor]
    ) -> Tensor:
        """Return what is at a place, or one of the new tensors."""
        return made[found] if type(found) is int else self._tensor(found, tensors)  # type: ignore[arg-type]

    def _read(self, tensors: Sequence[Tensor]) -> list[Any]:
        """Return what the plan takes, if all tensors are what they were."""
        leaves = self._fixed.copy()
        for place, has_grad in self.script.grads.items():
            if (self._tensor(place, tensors)._grad is not None) != has_grad:
                raise Changed
        for place, kind, reads in self._places:
            tensor = self._tensor(place, tensors)
            node = tensor.node
            if node.value is None:
                evaluate([tensor])
                node = tensor.node
            _check(tensor, node, kind)
            for at in reads:
                leaves[at] = node.value
        return leaves

    def _look_outside(self, leaves: list[Any]) -> list[np.ndarray]:
        """Make the values from outside, all of them in the order of the recording."""
        values = []
        for at, each in enumerate(self.script.outside):
            value = each.value if each.source is None else each.source()
            for position in self._outside.get(at, ()):
                leaves[position] = value
            values.append(value)
        return values

    # Changing

    def _show(self, made: Sequence[Tensor], tensors: Sequence[Tensor]) -> None:
        """Let new tensors be the views that they are."""
        for at, view in self.script.views.items():
            base = view.base
            root = (
                self._tensor(base, tensors) if isinstance(base, Place) else made[base]
            )
            tensor = made[at]
            tensor._base, tensor._base_version = root, root._version
            tensor._steps, tensor._layout = view.steps, view.layout
            tensor._tracked = view.is_tracked

    def _write(
        self,
        made: Sequence[Tensor],
        values: Sequence[np.ndarray],
        tensors: Sequence[Tensor],
    ) -> None:
        """Point tensors at their new nodes, and give gradients."""
        for place, (new, growth) in self.script.writes.items():
            tensor = self._tensor(place, tensors)
            tensor._node = new.node(values[new.value], tensor._node.tape)
            tensor._version += growth
        for place, at in self.script.gives.items():
            self._tensor(place, tensors)._grad = None if at is None else made[at]


def _check(tensor: Tensor, node: Node, kind: Kind) -> None:
    """Raise if a tensor is not what it was."""
    tape = node.tape
    collects = tape is not None and tape.leaf is not None
    is_like = (
        node.shape == kind.shape
        and node.dtype is kind.dtype
        and (collects if kind.collects else tape is None)
        and (not kind.strides or kind.strides == node.value.strides)  # type: ignore[union-attr]
    )
    if kind.is_written:
        is_like = is_like and tensor._base is None and tensor._shared is None
    if not is_like:
        raise Changed
