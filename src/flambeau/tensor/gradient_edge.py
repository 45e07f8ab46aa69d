"""What users see of the tape: `grad_fn`, and the handle that removes a hook."""

from __future__ import annotations

from itertools import count
from typing import Any

from ..graph import Node
from ..recorder import changes

__all__ = ["GradFn", "RemovableHandle"]


class GradFn:
    """The recorded operation behind a tensor, as `tensor.grad_fn` shows it.

    Attributes:
        next_functions: the operations behind its inputs, as (function, 0) pairs.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    def name(self) -> str:
        """Return torch's name of the backward step, such as "MulBackward0"."""
        tape, op = self._node.tape, self._node.op
        if tape is not None and tape.leaf is not None:
            return "AccumulateGrad"
        if tape is not None and tape.call is not None:
            return f"{tape.call.name}Backward"
        return f"{op.torch_name if op else 'Constant'}Backward0"

    @property
    def next_functions(self) -> tuple[tuple[GradFn | None, int], ...]:
        """The operations that this one sends gradients to."""
        return tuple(
            (None if each.tape is None else GradFn(each), 0)
            for each in self._node.inputs
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GradFn) and self._node is other._node

    def __hash__(self) -> int:
        return id(self._node)

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self._node):#x}>"


class RemovableHandle:
    """Removes a hook again; usable in `with`.

    Attributes:
        id: the hook's number; hooks run in the order of their numbers.
    """

    _numbers = count()

    def __init__(self, hooks: dict[int, Any], hook: Any, first: bool = False) -> None:
        # Hooks that were unpickled keep the numbers of the process they come from.
        self.id = next(n for n in RemovableHandle._numbers if n not in hooks)
        self._hooks = hooks
        if first:
            rest = dict(hooks)
            hooks.clear()
            hooks[self.id] = hook
            hooks.update(rest)
        else:
            hooks[self.id] = hook
        changes.count += 1

    def remove(self) -> None:
        """Take the hook out; nothing happens if it is out already."""
        self._hooks.pop(self.id, None)
        changes.count += 1

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()
