"""Whether there is the library MKL, which torch calls for matrix products: no."""

from __future__ import annotations

__all__ = ["is_available"]


def is_available() -> bool:
    """Return False."""
    return False
