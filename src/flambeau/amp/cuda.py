"""Torch's older names for mixed precision on GPUs, `torch.cuda.amp`: there are none."""

from __future__ import annotations

from typing import Any

from .. import dtypes as dt
from .autocast import autocast as _autocast
from .grad_scaler import GradScaler as _GradScaler

__all__ = ["GradScaler", "autocast"]


class autocast(_autocast):
    """Do nothing inside, and warn where it is enabled: there is no GPU.

    Args:
        enabled: whether a GPU would compute in low precision.
        dtype: the low precision.
        cache_enabled: accepted for torch's sake.
    """

    def __init__(
        self,
        enabled: bool = True,
        dtype: dt.dtype = dt.float16,
        cache_enabled: bool = True,
    ) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(_GradScaler):
    """Do nothing, and warn where it is enabled: there is no GPU.

    Args:
        args, kwargs: what `torch.amp.GradScaler` takes after the device.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("cuda", *args, **kwargs)
