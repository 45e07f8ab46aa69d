"""Arguments that many functions share: NumPy's names for torch's."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["numpy_names"]

T = TypeVar("T")
_TORCH_NAMES = {"axis": "dim", "keepdims": "keepdim"}


def numpy_names(function: Callable[..., T]) -> Callable[..., T]:
    """Let a function be called with `axis` for `dim` and `keepdims` for `keepdim`.

    Source: torch's page "torch.sum"; torch takes both names wherever it reduces.

    Example:
        >>> import flambeau as torch
        >>> torch.ones(2, 3).sum(axis=0, keepdims=True).shape
        torch.Size([1, 3])
    """

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> T:
        for other, own in _TORCH_NAMES.items():
            if other in kwargs and own not in kwargs:
                kwargs[own] = kwargs.pop(other)
        return function(*args, **kwargs)

    return run
