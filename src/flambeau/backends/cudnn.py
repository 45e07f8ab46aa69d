"""Switches of the convolutions that cuDNN has for GPUs, of which there are none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = [
    "allow_tf32",
    "benchmark",
    "benchmark_limit",
    "deterministic",
    "enabled",
    "flags",
    "is_acceptable",
    "is_available",
    "version",
]

enabled = True
benchmark = False
benchmark_limit = 10
deterministic = False
allow_tf32 = True


@contextmanager
def flags(
    enabled: bool = False,
    benchmark: bool = False,
    benchmark_limit: int = 10,
    deterministic: bool = False,
    allow_tf32: bool = True,
    fp32_precision: str = "none",
) -> Iterator[None]:
    """Do nothing inside of `with`: there are no such convolutions."""
    yield


def is_available() -> bool:
    """Return False."""
    return False


def is_acceptable(tensor: object) -> bool:
    """Return False."""
    return False


def version() -> int | None:
    """Return None."""
    return None
