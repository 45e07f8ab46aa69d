"""Telling nodes which narrow type they make, where another value's type says it.

    CastLike(x, y: INT4)   ->   CastLike(x, y), with to = INT4

When a model runs, its tensors are of a wider dtype, which does not say so any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .control import Inner
from .operators.narrow import narrow, number_of

__all__ = ["settle_types"]

# What says the type: an attribute, and an input whose type it is otherwise.
_SAID = {
    "Cast": ("to", None),
    "CastLike": ("to", 1),
    "QuantizeLinear": ("output_dtype", 2),
}
# Operators that move the numbers of their first input.
_MOVING = {"Concat", "Expand", "Flatten", "Gather", "Identity", "Pad", "Reshape"}
_MOVING |= {"Slice", "Squeeze", "Transpose", "Unsqueeze"}


def settle_types(
    steps: list[Any], types: Mapping[str, int], weights: Mapping[str, np.ndarray]
) -> None:
    """Write the types into the attributes of nodes.

    Args:
        steps: the nodes of a graph in order.
        types: the numbers of the element types that are known, by name.
        weights: the constants of the graph.
    """
    known = {name: each for name, each in types.items() if narrow(each)}
    known |= {name: each for name, array in weights.items() if (each := _type(array))}
    for step in steps:
        for each in step.attributes.values():
            if isinstance(each, Inner):
                settle_types(each.steps, known, each.weights)
        made = _made(step, known)
        if made:
            known[step.outputs[0]] = made


def _made(step: Any, known: Mapping[str, int]) -> int | None:
    """The narrow type of a node's first result."""
    if step.kind in _MOVING and step.inputs:
        return known.get(step.inputs[0])
    if step.kind == "Constant":
        return _type(step.attributes.get("value"))
    attribute, like = _SAID.get(step.kind, (None, None))
    if attribute is None:
        return None
    if like is not None and like < len(step.inputs) and step.inputs[like] in known:
        step.attributes[attribute] = known[step.inputs[like]]
    told = step.attributes.get(attribute)
    return told if isinstance(told, int) and narrow(told) else None


def _type(array: Any) -> int | None:
    return number_of(array.dtype) if isinstance(array, np.ndarray) else None
