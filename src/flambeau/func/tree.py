"""Nested tuples, lists and dicts: their leaves in order, and their structure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Structure", "flatten", "spread", "unflatten"]


@dataclass(frozen=True)
class Structure:
    """What a nested container is without its leaves.

    Attributes:
        kind: the type of the container; None for a leaf.
        keys: the keys of a dict.
        parts: the structures of what it holds.
    """

    kind: type | None = None
    keys: tuple[Any, ...] = ()
    parts: tuple[Structure, ...] = ()

    @property
    def count(self) -> int:
        """The number of leaves."""
        return 1 if self.kind is None else sum(part.count for part in self.parts)

    def __str__(self) -> str:
        if self.kind is None:
            return "*"
        inner = ", ".join(map(str, self.parts))
        return f"{self.kind.__name__}({inner})"


LEAF = Structure()


def flatten(value: Any) -> tuple[list[Any], Structure]:
    """Return the leaves of a nested container, and its structure."""
    leaves: list[Any] = []
    return leaves, _structure(value, leaves.append)


def _structure(value: Any, note: Callable[[Any], None]) -> Structure:
    kind = type(value)
    if kind in (dict, OrderedDict):
        parts = tuple(_structure(each, note) for each in value.values())
        return Structure(kind, tuple(value), parts)
    if kind in (tuple, list) or (isinstance(value, tuple) and hasattr(value, "_make")):
        return Structure(kind, (), tuple(_structure(each, note) for each in value))
    note(value)
    return LEAF


def unflatten(leaves: Iterable[Any], structure: Structure) -> Any:
    """Return the container of a structure with these leaves."""
    return _filled(iter(leaves), structure)


def _filled(leaves: Iterator[Any], structure: Structure) -> Any:
    kind: Any = structure.kind
    if kind is None:
        return next(leaves)
    parts = [_filled(leaves, part) for part in structure.parts]
    if structure.keys or kind in (dict, OrderedDict):
        return kind(zip(structure.keys, parts))
    return kind._make(parts) if hasattr(kind, "_make") else kind(parts)


def spread(prefix: Any, structure: Structure) -> list[Any] | None:
    """Return a value for each leaf: those of `prefix`, for all that is below each.

    None: the prefix has another structure.
    """
    leaves, own = flatten(prefix)
    values = iter(leaves)
    found: list[Any] = []

    def walk(own: Structure, below: Structure) -> bool:
        if own.kind is None:
            found.extend([next(values)] * below.count)
            return True
        same = (own.kind, own.keys, len(own.parts)) == (
            below.kind,
            below.keys,
            len(below.parts),
        )
        return same and all(map(walk, own.parts, below.parts))

    return found if walk(own, structure) else None
