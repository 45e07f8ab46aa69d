"""Switches for what autograd records, as context managers and decorators."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from ..graph import state

__all__ = [
    "enable_grad",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "set_grad_enabled",
]

F = TypeVar("F", bound=Callable[..., Any])

_new = object.__new__


def is_grad_enabled() -> bool:
    """Return whether operations are recorded for autograd in this thread."""
    return state.grad_enabled


def is_inference_mode_enabled() -> bool:
    """Return whether inference mode is on in this thread."""
    return state.inference


class _GradMode:
    """Sets the two switches on entry and restores them on exit; may be nested."""

    _wanted: tuple[bool, bool | None]  # inference mode stays as it is where None
    _saved: Any = ()  # the switches at each entry, the last one outside

    def __enter__(self) -> None:
        grad, inference = self._wanted
        self._saved = (state.grad_enabled, state.inference, self._saved)
        state.grad_enabled = grad
        if inference is not None:
            state.inference = inference

    def __exit__(self, *exception: object) -> None:
        state.grad_enabled, state.inference, self._saved = self._saved

    def __call__(self, function: F) -> F:
        """Run `function` under this mode at every call."""

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with _Mode(*self._wanted):
                return function(*args, **kwargs)

        return run  # type: ignore[return-value]


class _Mode(_GradMode):
    """One with any switches."""

    def __init__(self, grad: bool, inference: bool | None = None) -> None:
        self._wanted = (grad, inference)


class no_grad(_GradMode):
    """Record nothing for autograd inside.

    Source: torch's page "no_grad".

    Example:
        >>> import flambeau as torch
        >>> x = torch.ones(1, requires_grad=True)
        >>> with torch.no_grad():
        ...     y = x * 2
        >>> y.requires_grad
        False
    """

    _wanted = (False, None)

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        # `@no_grad` without parentheses decorates, as in torch
        return _new(cls) if function is None else cls()(function)


class enable_grad(_GradMode):
    """Record for autograd inside, also within `no_grad`.

    Source: torch's page "enable_grad".

    Example:
        >>> import flambeau as torch
        >>> x = torch.ones(1, requires_grad=True)
        >>> with torch.no_grad(), torch.enable_grad():
        ...     (x * 2).requires_grad
        True
    """

    _wanted = (True, None)

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        return _new(cls) if function is None else cls()(function)


class set_grad_enabled(_GradMode):
    """Turn recording on or off: at once when called, and back at the end of `with`.

    Args:
        mode: True to record.

    Source: torch's page "set_grad_enabled".

    Example:
        >>> import flambeau as torch
        >>> with torch.set_grad_enabled(False):
        ...     torch.is_grad_enabled()
        False
    """

    def __init__(self, mode: bool) -> None:
        self._wanted = (bool(mode), None)
        self._before = state.grad_enabled
        state.grad_enabled = bool(mode)

    def __enter__(self) -> None:
        self._saved = (self._before, state.inference, self._saved)
        state.grad_enabled = self._wanted[0]

    def __call__(self, function: F) -> F:
        state.grad_enabled = self._before
        return super().__call__(function)


class inference_mode(_GradMode):
    """Record nothing inside; what is made there can never be recorded later.

    Args:
        mode: False leaves inference mode.

    Source: torch's page "inference_mode".

    Example:
        >>> import flambeau as torch
        >>> with torch.inference_mode():
        ...     torch.is_inference_mode_enabled()
        True
    """

    def __new__(cls, mode: bool | Callable[..., Any] = True) -> Any:
        return cls()(mode) if callable(mode) else super().__new__(cls)

    def __init__(self, mode: bool = True) -> None:
        self._wanted = (not mode, bool(mode))
