"""Whether there is OpenMP, with which torch runs its threads: no."""

from __future__ import annotations

__all__ = ["is_available"]


def is_available() -> bool:
    """Return False."""
    return False
