"""A differentiation inside of which, and around which, there may be others.

Autograd's tape has no levels: what is computed from an input of `grad(f)` is recorded,
and so is what comes from a tensor that something outside differentiates by. A `Level`
makes its inputs anew, and lets results out without what it alone has recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..autograd import enable_grad, is_grad_enabled
from ..autograd import grad as autograd_grad
from ..graph import Node
from ..tensor import Tensor
from ..tensor.creation import zeros_like
from .tree import flatten, unflatten

__all__ = ["Level", "derivatives"]


class Level:
    """The inputs of one differentiation."""

    def __init__(self) -> None:
        self._recorded_outside = is_grad_enabled()
        self._own: set[int] = set()
        self._kept: list[Node] = []  # an id is of use as long as its node lives

    def entered(self, value: Any) -> Any:
        """Return tensors with the same values, by which this level differentiates."""
        leaves, structure = flatten(value)
        return unflatten([self._entered(leaf) for leaf in leaves], structure)

    def _entered(self, tensor: Any) -> Tensor:
        if not isinstance(tensor, Tensor):
            raise ValueError(
                f"Thing passed to transform API must be Tensor, got {type(tensor)}"
            )
        if self._recorded_outside and tensor.requires_grad:
            with enable_grad():
                return tensor.view_as(tensor)
        made = tensor.detach().clone().requires_grad_()
        self._own.add(id(made.node))
        self._kept.append(made.node)
        return made

    def left(self, value: Any) -> Any:
        """Return results as they are outside: recorded only if something there asks."""
        leaves, structure = flatten(value)
        return unflatten([self._left(leaf) for leaf in leaves], structure)

    def _left(self, tensor: Any) -> Any:
        if not isinstance(tensor, Tensor) or not tensor.requires_grad:
            return tensor
        if self._recorded_outside and self._is_recorded_outside(tensor.node):
            return tensor
        return tensor.detach()

    def _is_recorded_outside(self, node: Node) -> bool:
        """Whether a node depends on a leaf that is not of this level."""
        seen, waiting = {id(node)}, [node]
        while waiting:
            node = waiting.pop()
            if node.tape is None or id(node) in self._own:
                continue
            if node.tape.leaf is not None:
                return True
            for each in node.inputs:
                if id(each) not in seen:
                    seen.add(id(each))
                    waiting.append(each)
        return False


def derivatives(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    weights: Sequence[Tensor | None],
) -> list[Tensor]:
    """Return the gradients of weighted outputs, recorded; zeros where none arrive."""
    pairs = [(y, w) for y, w in zip(outputs, weights, strict=True) if y.requires_grad]
    if not pairs:
        return [zeros_like(each) for each in inputs]
    with enable_grad():
        found = autograd_grad(
            [y for y, _ in pairs],
            list(inputs),
            [w for _, w in pairs],
            create_graph=True,
            allow_unused=True,
        )
    return [zeros_like(x) if g is None else g for x, g in zip(inputs, found)]
