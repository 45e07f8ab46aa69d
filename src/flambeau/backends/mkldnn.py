"""Switches of the library oneDNN, which torch calls for convolutions."""

from __future__ import annotations

__all__ = ["allow_tf32", "deterministic", "enabled", "is_available"]

enabled = True
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """Return False."""
    return False
