"""Switches of the convolutions that cuDNN has for GPUs, of which there are none."""

from __future__ import annotations

__all__ = [
    "allow_tf32",
    "benchmark",
    "benchmark_limit",
    "deterministic",
    "enabled",
    "is_acceptable",
    "is_available",
    "version",
]

enabled = True
benchmark = False
benchmark_limit = 10
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """Return False."""
    return False


def is_acceptable(tensor: object) -> bool:
    """Return False."""
    return False


def version() -> int | None:
    """Return None."""
    return None
