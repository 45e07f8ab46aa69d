"""Custom functions under autocast: `custom_fwd` and `custom_bwd`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .. import dtypes as dt
from ..devices import device
from ..tensor import Tensor
from .autocast import autocast, get_autocast_dtype, is_autocast_enabled

__all__ = ["custom_bwd", "custom_fwd"]


def custom_fwd(
    fwd: Callable[..., Any] | None = None,
    *,
    device_type: str,
    cast_inputs: dt.dtype | None = None,
) -> Callable[..., Any]:
    """Decorate the `forward` of a custom Function that is used under autocast.

    Args:
        fwd: the method; None to get a decorator.
        device_type: "cpu".
        cast_inputs: where autocast is on, convert float tensors to this dtype, and
            turn autocast off inside. None: compute as autocast says.

    Source: torch's page "torch.amp.custom_fwd".

    Example:
        >>> import flambeau as torch
        >>> class Double(torch.autograd.Function):
        ...     @staticmethod
        ...     @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float64)
        ...     def forward(ctx, x):
        ...         return x * 2
        ...     @staticmethod
        ...     @torch.amp.custom_bwd(device_type="cpu")
        ...     def backward(ctx, grad):
        ...         return grad * 2
        >>> with torch.autocast("cpu"):
        ...     Double.apply(torch.ones(1)).dtype
        torch.float64
    """
    if fwd is None:
        return functools.partial(
            custom_fwd, device_type=device_type, cast_inputs=cast_inputs
        )
    device(device_type)

    @functools.wraps(fwd)
    def run(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        enabled = is_autocast_enabled(device_type)
        ctx._dtype = get_autocast_dtype(device_type)
        ctx._fwd_used_autocast = enabled and cast_inputs is None
        if not enabled or cast_inputs is None:
            return fwd(ctx, *args, **kwargs)
        with autocast(device_type, enabled=False):
            args, kwargs = _cast(args, cast_inputs), _cast(kwargs, cast_inputs)
            return fwd(ctx, *args, **kwargs)

    return run


def custom_bwd(
    bwd: Callable[..., Any] | None = None, *, device_type: str
) -> Callable[..., Any]:
    """Decorate the `backward` that belongs to a `custom_fwd`: it runs as that did.

    Args:
        bwd: the method; None to get a decorator.
        device_type: "cpu".

    Source: torch's page "torch.amp.custom_bwd".
    """
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def run(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        with autocast(device_type, ctx._dtype, ctx._fwd_used_autocast):
            return bwd(ctx, *args, **kwargs)

    return run


def _cast(value: Any, kind: dt.dtype) -> Any:
    """Convert float tensors, but for float64, also in containers."""
    if isinstance(value, Tensor):
        is_cast = value.dtype.is_floating_point and value.dtype is not dt.float64
        return value.to(kind) if is_cast else value
    if isinstance(value, dict):
        return {key: _cast(each, kind) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_cast(each, kind) for each in value)
    return value
