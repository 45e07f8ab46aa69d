"""Arguments that many functions share: NumPy's names for torch's."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from operator import index
from typing import Any, TypeVar

__all__ = ["ints_of", "numpy_names", "takes_ints"]

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


def ints_of(values: Sequence[Any]) -> tuple[int, ...]:
    """Accept ints given apart, `f(2, 3)`, or as one sequence, `f((2, 3))`.

    Raises:
        TypeError: one of them is not an int.
    """
    if len(values) == 1 and not hasattr(values[0], "__index__"):
        values = values[0]
    return tuple(index(each) for each in values)


def takes_ints(name: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Let the ints of a function be given apart, as one sequence, or by name.

    Args:
        name: the name; the function gets a tuple of ints as its second argument.

    Example:
        >>> import flambeau as torch
        >>> x = torch.zeros(2, 3)
        >>> x.permute(1, 0).shape == x.permute(dims=(1, 0)).shape
        True
    """

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        @functools.wraps(function)
        def run(input: Any, *values: Any, **options: Any) -> T:
            if name in options and not values:
                values = (options.pop(name),)
            if not values:
                raise TypeError(
                    f"{function.__name__}() takes {name!r}, as ints or one sequence; "
                    "got none"
                )
            return function(input, ints_of(values), **options)

        return run

    return decorate
