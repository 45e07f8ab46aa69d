"""A few things by their keys: those that were not asked for longest are forgotten."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from ..runtime.forking import Lock

__all__ = ["Recent"]

Key = TypeVar("Key", bound=Hashable)
Thing = TypeVar("Thing")


class Recent(Generic[Key, Thing]):
    """Things that several threads look for.

    Args:
        most: how many are known.
    """

    def __init__(self, most: int) -> None:
        self._things: OrderedDict[Key, Thing] = OrderedDict()
        self._most = most
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._things)

    def get(self, key: Key) -> Thing | None:
        """Return a thing, or None if it is not known."""
        with self._lock:
            thing = self._things.get(key)
            if thing is not None and thing is not next(reversed(self._things.values())):
                self._things.move_to_end(key)
            return thing

    def put(self, key: Key, thing: Thing) -> None:
        """Know a thing."""
        with self._lock:
            self._things[key] = thing
            if len(self._things) > self._most:
                self._things.popitem(last=False)
