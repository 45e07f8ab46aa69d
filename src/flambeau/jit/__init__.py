"""`torch.jit` as it is with `PYTORCH_JIT=0`: functions and modules stay as they are.

TorchScript is out of scope. What marks code for it marks nothing here, so programs that
use it to go faster run as they would in Python; files of it can be neither written nor
read.
"""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from . import annotations

__all__ = [
    "Final",
    "annotate",
    "annotations",
    "export",
    "freeze",
    "ignore",
    "interface",
    "is_scripting",
    "is_tracing",
    "load",
    "optimize_for_inference",
    "save",
    "script",
    "script_if_tracing",
    "trace",
    "unused",
]

T = TypeVar("T")


def script(obj: T, *args: Any, **kwargs: Any) -> T:
    """Return a function, class or module as it is.

    Example:
        >>> import flambeau as torch
        >>> @torch.jit.script
        ... def double(x):
        ...     return x * 2
        >>> double(torch.ones(1))
        tensor([2.])
    """
    return obj


def trace(func: T, *args: Any, **kwargs: Any) -> T:
    """Return a function or module as it is."""
    return func


def export(fn: T) -> T:
    """Return a method as it is."""
    return fn


def unused(fn: T) -> T:
    """Return a function as it is."""
    return fn


def interface(obj: T) -> T:
    """Return a class as it is."""
    return obj


def script_if_tracing(fn: T) -> T:
    """Return a function as it is: nothing is ever traced."""
    return fn


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """Return a function as it is, or a decorator that does."""
    return drop if callable(drop) else (lambda fn: fn)


def freeze(mod: T, *args: Any, **kwargs: Any) -> T:
    """Return a module as it is."""
    return mod


def optimize_for_inference(mod: T, *args: Any, **kwargs: Any) -> T:
    """Return a module as it is."""
    return mod


def annotate(the_type: Any, the_value: T) -> T:
    """Return a value as it is."""
    return the_value


def is_scripting() -> bool:
    """Return False."""
    return False


def is_tracing() -> bool:
    """Return False."""
    return False


def save(m: Any, f: Any, *args: Any, **kwargs: Any) -> None:
    """Raise: TorchScript files are out of scope.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError(
        "torch.jit.save: TorchScript is out of scope; save model.state_dict() with "
        "torch.save, or write ONNX"
    )


def load(f: Any, *args: Any, **kwargs: Any) -> None:
    """Raise: TorchScript files are out of scope.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError(
        "torch.jit.load: TorchScript is out of scope; load a state_dict with torch.load"
    )


def _overload(func: Callable[..., Any]) -> Callable[..., Any]:
    return func


_script_if_tracing = script_if_tracing
_overload_method = _overload
