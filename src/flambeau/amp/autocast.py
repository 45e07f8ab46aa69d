"""`autocast`: where it is on, products and convolutions take bfloat16."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from .. import dtypes as dt
from ..devices import device
from ..tensor.autocasting import precision

__all__ = [
    "autocast",
    "get_autocast_cpu_dtype",
    "get_autocast_dtype",
    "is_autocast_available",
    "is_autocast_cpu_enabled",
    "is_autocast_enabled",
    "set_autocast_cpu_dtype",
    "set_autocast_dtype",
    "set_autocast_enabled",
]

_LOW = (dt.bfloat16, dt.float16)


class autocast:
    """Compute products and convolutions of float32 tensors in bfloat16 inside.

    Args:
        device_type: "cpu"; for any other device a warning, and nothing happens.
        dtype: bfloat16 or float16.
        enabled: False to turn it off inside.
        cache_enabled: accepted for torch's sake.

    Source: torch's page "torch.autocast".

    Example:
        >>> import flambeau as torch
        >>> a = torch.ones(2, 2)
        >>> with torch.autocast("cpu", dtype=torch.bfloat16):
        ...     (a @ a).dtype, (a + a).dtype
        (torch.bfloat16, torch.float32)
    """

    def __init__(
        self,
        device_type: str,
        dtype: dt.dtype | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        self.device = device(device_type).type
        self.fast_dtype = dtype or precision.kind
        if enabled and self.device != "cpu":
            warnings.warn(
                f"User provided device_type of {device_type!r}, but there is only the "
                "CPU. Disabling",
                stacklevel=2,
            )
            enabled = False
        if enabled and self.fast_dtype not in _LOW:
            warnings.warn(
                f"In CPU autocast, but the target dtype is not supported: "
                f"{self.fast_dtype!r}. Disabling autocast.",
                stacklevel=2,
            )
            enabled = False
        self._enabled = enabled
        self._saved: list[dt.dtype | None] = []

    def __enter__(self) -> autocast:
        self._saved.append(precision.lower)
        if self.device == "cpu":
            precision.lower = self.fast_dtype if self._enabled else None
        return self

    def __exit__(self, *error: object) -> None:
        precision.lower = self._saved.pop()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Run `function` under this precision at every call."""

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return run


def is_autocast_available(device_type: str) -> bool:
    """Return whether a device has autocast: the CPU has."""
    return device(device_type).type == "cpu"


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Return whether autocast is on for a device, by default a GPU, as in torch."""
    return device_type == "cpu" and precision.lower is not None


def set_autocast_enabled(device_type: str, enabled: bool) -> None:
    """Turn autocast on or off for this thread."""
    if device_type == "cpu":
        precision.lower = precision.kind if enabled else None


def get_autocast_dtype(device_type: str) -> dt.dtype:
    """Return the dtype that autocast takes where none is given."""
    return precision.kind if device_type == "cpu" else dt.float16


def set_autocast_dtype(device_type: str, dtype: dt.dtype) -> None:
    """Set the dtype that autocast takes where none is given."""
    if device_type == "cpu":
        precision.kind = dtype


def is_autocast_cpu_enabled() -> bool:
    """Return whether autocast is on."""
    return is_autocast_enabled("cpu")


def get_autocast_cpu_dtype() -> dt.dtype:
    """Return the dtype that autocast takes where none is given."""
    return precision.kind


def set_autocast_cpu_dtype(dtype: dt.dtype) -> None:
    """Set the dtype that autocast takes where none is given."""
    precision.kind = dtype
