"""Signals that wait: for what must be done whole or not at all."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["uninterrupted"]

# Signals for which programs have handlers that raise something.
_SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGALRM", "SIGHUP", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
]


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let signals wait until the end of the context; Python's main thread gets them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[tuple[int, FrameType | None]] = []
    found = ((each, signal.getsignal(each)) for each in _SIGNALS)
    handlers = {each: own for each, own in found if callable(own)}
    for each in handlers:
        signal.signal(each, lambda *signals: waiting.append(signals))
    try:
        yield
    finally:
        for each, own in handlers.items():
            signal.signal(each, own)
        for number, frame in waiting:
            handlers[number](number, frame)
