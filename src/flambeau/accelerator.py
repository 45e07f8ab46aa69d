"""Answers for programs that look for a device beside the CPU: there is none.

Source: torch's page "torch.accelerator".
"""

from __future__ import annotations

from .devices import device as Device

__all__ = [
    "current_accelerator",
    "device_count",
    "empty_cache",
    "is_available",
    "manual_seed",
    "manual_seed_all",
    "synchronize",
]


def is_available() -> bool:
    """Return False: flambeau runs on the CPU.

    Example:
        >>> import flambeau as torch
        >>> torch.accelerator.is_available(), torch.accelerator.current_accelerator()
        (False, None)
    """
    return False


def current_accelerator(check_available: bool = False) -> Device | None:
    """Return None: there is no such device."""
    return None


def device_count() -> int:
    """Return 0, the number of such devices."""
    return 0


def manual_seed(seed: int) -> None:
    """Do nothing: there is no generator but the CPU's."""


def manual_seed_all(seed: int) -> None:
    """Do nothing: there is no generator but the CPU's."""


def empty_cache() -> None:
    """Do nothing: there is no such memory."""


def synchronize(device: object = None) -> None:
    """Do nothing: values are there when they are looked at."""
