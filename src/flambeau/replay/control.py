"""`torch.compiler`: what programs say to a compiler that looks at Python code.

flambeau.compile records what a call computes and looks at no code, so there is nothing
to exclude from it or to allow in it.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "allow_in_graph",
    "assume_constant_result",
    "cudagraph_mark_step_begin",
    "disable",
    "is_compiling",
    "is_dynamo_compiling",
    "is_exporting",
    "reset",
]


def disable(fn: Any = None, recursive: bool = True, **kwargs: Any) -> Any:
    """Return a function as it is, or a decorator that does.

    Example:
        >>> disable(len)([1, 2])
        2
    """
    return _unchanged if fn is None else fn


def allow_in_graph(fn: Any) -> Any:
    """Return a function as it is."""
    return fn


def assume_constant_result(fn: Any) -> Any:
    """Return a function as it is."""
    return fn


def is_compiling() -> bool:
    """Return False: Python code is run, never compiled."""
    return False


def is_dynamo_compiling() -> bool:
    """Return False: Python code is run, never compiled."""
    return False


def is_exporting() -> bool:
    """Return False."""
    return False


def reset() -> None:
    """Do nothing: what is recorded belongs to the compiled function."""


def cudagraph_mark_step_begin() -> None:
    """Do nothing: there are no CUDA graphs."""


def _unchanged(fn: Any) -> Any:
    return fn
