"""The types with which functions say that they take one number for several."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple  # noqa: UP035

__all__ = [
    "BroadcastingList1",
    "BroadcastingList2",
    "BroadcastingList3",
    "Dict",
    "List",
    "Optional",
    "Tuple",
]


class _BroadcastingList:
    """`BroadcastingList2[int]`: two ints, or one for both."""

    def __getitem__(self, kind: Any) -> Any:
        return kind | list[kind]


BroadcastingList1 = _BroadcastingList()
BroadcastingList2 = _BroadcastingList()
BroadcastingList3 = _BroadcastingList()
