"""`torch.overrides`: no class overrides functions, so none has to be asked.

`__torch_function__` is not supported: functions take tensors, and treat a subclass of
`Tensor` as the tensor it is.
"""

from __future__ import annotations

from typing import Any

from .tensor import Tensor

__all__ = [
    "has_torch_function",
    "has_torch_function_unary",
    "has_torch_function_variadic",
    "is_tensor_like",
]


def has_torch_function(relevant_args: Any) -> bool:
    """Return False."""
    return False


def has_torch_function_unary(obj: Any) -> bool:
    """Return False."""
    return False


def has_torch_function_variadic(*args: Any) -> bool:
    """Return False."""
    return False


def is_tensor_like(inp: Any) -> bool:
    """Return whether something is a tensor.

    Example:
        >>> import flambeau as torch
        >>> torch.overrides.is_tensor_like(torch.ones(1))
        True
    """
    return isinstance(inp, Tensor)
