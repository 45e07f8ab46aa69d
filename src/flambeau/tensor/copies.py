"""Views as copies: `torch.permute_copy(x, dims)` is `x.permute(dims).clone()`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .convert import clone
from .handle import Handle

__all__ = ["COPIES"]

_NAMES = """
    as_strided detach diagonal expand permute select split split_with_sizes squeeze t
    transpose unbind unfold unsqueeze view
"""


def _copying(name: str) -> Callable[..., Any]:
    def copy(input: Any, *args: Any, **options: Any) -> Any:
        found = getattr(input, name)(*args, **options)
        if isinstance(found, Handle):
            return clone(found)  # type: ignore[arg-type]
        return tuple(clone(each) for each in found)

    copy.__name__ = copy.__qualname__ = f"{name}_copy"
    copy.__doc__ = f"Return what `Tensor.{name}` shows, with memory of its own."
    return copy


COPIES: dict[str, Callable[..., Any]] = {
    "alias_copy": clone,
    **{f"{name}_copy": _copying(name) for name in _NAMES.split()},
}
"""The functions by name.

Example:
    >>> import flambeau as torch
    >>> x = torch.zeros(2, 3)
    >>> torch.expand_copy(x[0], (2, 3)).add_(1).shape, x.sum()
    (torch.Size([2, 3]), tensor(0.))
"""
