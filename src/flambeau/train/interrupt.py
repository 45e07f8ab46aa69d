"""Stopping between two steps when the user presses Ctrl-C."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

__all__ = ["StopRequest"]


class StopRequest:
    """Within `with`, the first Ctrl-C asks to stop and the second one interrupts.

    A step is never cut in half, so that a checkpoint written then is whole. Outside
    the main thread, where Python delivers no signals, nothing changes.

    Attributes:
        wanted: whether the user asked to stop.

    Example:
        >>> from flambeau.train import StopRequest
        >>> with StopRequest() as stop:
        ...     stop.wanted
        False
    """

    def __init__(self) -> None:
        self.wanted = False
        self._before: Any = None

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.wanted:
            raise KeyboardInterrupt
        self.wanted = True
