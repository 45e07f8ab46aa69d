"""Nested tuples, lists and dicts of tensors: taken apart, and put together again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from ..tensor import Tensor
from .watch import PLAIN

__all__ = ["Slot", "flatten", "rebuild"]


class Slot:
    """The place of a tensor: its position among all of them; one object for each."""

    __slots__ = ("at",)

    _made: ClassVar[list[Slot]] = []

    def __init__(self, at: int) -> None:
        self.at = at

    @staticmethod
    def of(at: int) -> Slot:
        """Return the slot of a position."""
        made = Slot._made
        while len(made) <= at:
            made.append(Slot(len(made)))
        return made[at]


def flatten(value: Any, tensors: list[Tensor], keep: Callable[[Any], Any]) -> Any:
    """Return what a value is without its tensors; hashable.

    Args:
        value: the value.
        tensors: where its tensors are added; one that is there keeps its place.
        keep: says what to put for a value that is neither plain nor a container.
    """
    if isinstance(value, Tensor):
        for at, each in enumerate(tensors):
            if each is value:
                return Slot.of(at)
        tensors.append(value)
        return Slot.of(len(tensors) - 1)
    kind = type(value)
    if kind is float:
        return (kind, value.hex())  # tells 0.0 from -0.0, and knows nan
    if isinstance(value, PLAIN) and not isinstance(value, np.generic):
        return (kind, value)
    if isinstance(value, tuple | list):
        return (kind, tuple([flatten(each, tensors, keep) for each in value]))
    if kind in (dict, OrderedDict):
        parts = [flatten(each, tensors, keep) for each in value.values()]
        return (kind, (tuple(value), tuple(parts)))
    return keep(value)


def rebuild(made: Any, tensors: Sequence[Tensor]) -> Any:
    """Return the value that `flatten` took apart, with other tensors."""
    if isinstance(made, Slot):
        return tensors[made.at]
    kind, content = made
    if kind is float:
        return float.fromhex(content)
    if kind in (dict, OrderedDict):
        names, parts = content
        return kind(zip(names, [rebuild(each, tensors) for each in parts]))
    if issubclass(kind, tuple | list):
        values = [rebuild(each, tensors) for each in content]
        return kind._make(values) if hasattr(kind, "_make") else kind(values)
    return content
