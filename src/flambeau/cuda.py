"""Answers for programs that ask about GPUs: there are none.

What would need one raises; what only asks, sets a seed or frees memory is answered.

Source: torch's page "torch.cuda".
"""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = [
    "current_device",
    "device_count",
    "empty_cache",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "is_available",
    "is_bf16_supported",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_reserved",
    "memory_allocated",
    "memory_reserved",
    "reset_peak_memory_stats",
    "set_device",
    "synchronize",
]


def is_available() -> bool:
    """Return False: flambeau runs on the CPU.

    Example:
        >>> import flambeau as torch
        >>> torch.device("cuda" if torch.cuda.is_available() else "cpu")
        device(type='cpu')
    """
    return False


def is_initialized() -> bool:
    """Return False: there is no GPU."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Return False: there is no GPU."""
    return False


def device_count() -> int:
    """Return 0, the number of GPUs."""
    return 0


def manual_seed(seed: int) -> None:
    """Do nothing: there is no GPU to seed, as in torch without one."""


def manual_seed_all(seed: int) -> None:
    """Do nothing: there are no GPUs to seed, as in torch without one."""


def empty_cache() -> None:
    """Do nothing: there is no GPU memory to give back, as in torch without one."""


def memory_allocated(device: Any = None) -> int:
    """Return 0, as torch does without a GPU."""
    return 0


def memory_reserved(device: Any = None) -> int:
    """Return 0, as torch does without a GPU."""
    return 0


def max_memory_allocated(device: Any = None) -> int:
    """Return 0, as torch does without a GPU."""
    return 0


def max_memory_reserved(device: Any = None) -> int:
    """Return 0, as torch does without a GPU."""
    return 0


def _refuse() -> NoReturn:
    raise AssertionError(
        "Torch not compiled with CUDA enabled: flambeau runs on the CPU only"
    )


def synchronize(device: Any = None) -> None:
    """Raise: there is no GPU to wait for.

    Raises:
        AssertionError: always, as in torch without a GPU.
    """
    _refuse()


def set_device(device: Any) -> None:
    """Raise: there is no GPU to choose.

    Raises:
        AssertionError: always, as in torch without a GPU.
    """
    _refuse()


def current_device() -> int:
    """Raise: there is no GPU.

    Raises:
        AssertionError: always, as in torch without a GPU.
    """
    _refuse()


def get_device_name(device: Any = None) -> str:
    """Raise: there is no GPU.

    Raises:
        AssertionError: always, as in torch without a GPU.
    """
    _refuse()


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """Raise: there is no GPU.

    Raises:
        AssertionError: always, as in torch without a GPU.
    """
    _refuse()


def get_device_properties(device: Any = None) -> Any:
    """Raise: there is no GPU.

    Raises:
        AssertionError: always, as in torch without a GPU.
    """
    _refuse()


def reset_peak_memory_stats(device: Any = None) -> None:
    """Raise: there is no GPU whose memory is counted.

    Raises:
        AssertionError: always, as in torch without a GPU.
    """
    _refuse()
