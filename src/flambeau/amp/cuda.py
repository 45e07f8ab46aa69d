"""Torch's older names for mixed precision on GPUs, `torch.cuda.amp`: there are none."""

from __future__ import annotations

from functools import partial
from typing import Any

from .. import dtypes as dt
from .autocast import autocast as _autocast
from .custom import custom_bwd as _custom_bwd
from .custom import custom_fwd as _custom_fwd
from .grad_scaler import GradScaler as _GradScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]

custom_fwd = partial(_custom_fwd, device_type="cuda")
custom_bwd = partial(_custom_bwd, device_type="cuda")


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
