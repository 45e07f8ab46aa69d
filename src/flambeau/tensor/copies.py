"""Views as copies: `torch.permute_copy(x, dims)` is `x.permute(dims).clone()`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..shape import axis_of
from .complex_numbers import view_as_complex, view_as_real
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


def view_as_real_copy(input: Any) -> Any:
    """Return what `view_as_real` shows, with memory of its own."""
    return clone(view_as_real(input))


def view_as_complex_copy(input: Any) -> Any:
    """Return what `view_as_complex` shows, with memory of its own."""
    return clone(view_as_complex(input))


def slice_copy(
    input: Any,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Any:
    """Return elements start, start + step, … below end of a dimension, as a copy."""
    before = (slice(None),) * axis_of(dim, input.ndim)
    return clone(input[(*before, slice(start, end, step))])


COPIES: dict[str, Callable[..., Any]] = {
    "alias_copy": clone,
    "slice_copy": slice_copy,
    "view_as_complex_copy": view_as_complex_copy,
    "view_as_real_copy": view_as_real_copy,
    **{f"{name}_copy": _copying(name) for name in _NAMES.split()},
}
"""The functions by name.

Example:
    >>> import flambeau as torch
    >>> x = torch.zeros(2, 3)
    >>> torch.expand_copy(x[0], (2, 3)).add_(1).shape, x.sum()
    (torch.Size([2, 3]), tensor(0.))
"""
