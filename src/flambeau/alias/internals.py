"""The few names of torch's insides that programs reach for, and what they mean here."""

from __future__ import annotations

from typing import Any

__all__: list[str] = []


def _log_api_usage_once(*names: Any) -> None:
    """Count nothing."""


def _get_tracing_state() -> None:
    """Return None: nothing is being traced."""


def is_compile_supported(device_type: str) -> bool:
    """Return False: torch's own compiler is not here."""
    return False


def _register_custom_op() -> None:
    """Do nothing: torchvision's operators are not written as ONNX."""
