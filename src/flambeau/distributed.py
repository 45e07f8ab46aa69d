"""`torch.distributed` as a build of torch without it: one process, alone."""

from __future__ import annotations

__all__ = ["is_available", "is_initialized"]


def is_available() -> bool:
    """Return False: programs then run as one process.

    Example:
        >>> import flambeau as torch
        >>> torch.distributed.is_available()
        False
    """
    return False


def is_initialized() -> bool:
    """Return False: there is no group of processes."""
    return False
