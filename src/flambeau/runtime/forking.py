"""Locks that no forked child waits for: the threads that held them are not there.

What such a lock protects must be whole at any time, but for what is lost with the
thread that was changing it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

__all__ = ["Lock", "hold_while_forking"]

_all: WeakSet[Any] = WeakSet()


def Lock() -> threading.Lock:
    """Return a lock that is free in a forked child, whoever held it."""
    made = threading.Lock()
    _all.add(made)
    return made


def _free() -> None:
    for each in _all:
        each._at_fork_reinit()


def hold_while_forking(take: Callable[[], Any], give_back: Callable[[], Any]) -> None:
    """Let a fork wait for a lock of another library, which is free on both sides."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=take, after_in_parent=give_back, after_in_child=give_back
        )


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free)
