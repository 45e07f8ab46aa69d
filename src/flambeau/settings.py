"""Torch's switches of a whole program, and what they mean here: kept, and told again.

flambeau computes in the precision of its tensors and gives the same bits every time, so
switches for speed or for determinism find nothing to switch.
"""

from __future__ import annotations

from .devices import check_device
from .devices import device as Device

__all__ = [
    "are_deterministic_algorithms_enabled",
    "get_default_device",
    "get_deterministic_debug_mode",
    "get_float32_matmul_precision",
    "get_num_interop_threads",
    "is_deterministic_algorithms_warn_only_enabled",
    "is_warn_always_enabled",
    "set_default_device",
    "set_deterministic_debug_mode",
    "set_float32_matmul_precision",
    "set_flush_denormal",
    "set_num_interop_threads",
    "set_warn_always",
    "use_deterministic_algorithms",
]

_PRECISIONS = ("highest", "high", "medium")
_state = {
    "deterministic": False,
    "warn_only": False,
    "warn_always": False,
    "precision": "highest",
}


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Keep the wish for determinism, which is always fulfilled.

    Example:
        >>> import flambeau as torch
        >>> torch.use_deterministic_algorithms(True)
        >>> torch.are_deterministic_algorithms_enabled()
        True
        >>> torch.use_deterministic_algorithms(False)
    """
    _state["deterministic"], _state["warn_only"] = mode, warn_only


def are_deterministic_algorithms_enabled() -> bool:
    """Return what `use_deterministic_algorithms` was told."""
    return bool(_state["deterministic"])


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Return what `use_deterministic_algorithms` was told about warnings."""
    return bool(_state["warn_only"])


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """Keep the wish for determinism as 0 or "default", 1 or "warn", 2 or "error"."""
    level = {"default": 0, "warn": 1, "error": 2}.get(str(debug_mode), debug_mode)
    use_deterministic_algorithms(level != 0, warn_only=level == 1)


def get_deterministic_debug_mode() -> int:
    """Return 0 where determinism is not asked for, 1 for warnings, 2 for errors."""
    return 0 if not _state["deterministic"] else 1 if _state["warn_only"] else 2


def set_float32_matmul_precision(precision: str) -> None:
    """Keep how precise products of float32 have to be: they are always "highest".

    Raises:
        ValueError: not "highest", "high" or "medium".
    """
    if precision not in _PRECISIONS:
        raise ValueError(
            f"set_float32_matmul_precision: {precision!r} is none of {_PRECISIONS}"
        )
    _state["precision"] = precision


def get_float32_matmul_precision() -> str:
    """Return what `set_float32_matmul_precision` was told."""
    return str(_state["precision"])


def set_default_device(device: Device | str | None) -> None:
    """Accept the CPU.

    Raises:
        RuntimeError: any other device.
    """
    check_device(device)


def get_default_device() -> Device:
    """Return the CPU."""
    return Device("cpu")


def set_flush_denormal(mode: bool) -> bool:
    """Return False: tiny numbers are always kept."""
    return False


def set_num_interop_threads(num: int) -> None:
    """Do nothing: one plan runs at a time."""


def get_num_interop_threads() -> int:
    """Return 1: one plan runs at a time."""
    return 1


def set_warn_always(mode: bool) -> None:
    """Keep whether warnings shall be repeated."""
    _state["warn_always"] = mode


def is_warn_always_enabled() -> bool:
    """Return what `set_warn_always` was told."""
    return bool(_state["warn_always"])
