"""`torch.library` and `torch.ops`: declarations of operators that nobody compiled.

Programs declare operators in order to call compiled code by name. The declarations are
accepted; the operators themselves are not there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["Library", "impl", "ops", "register_fake"]

T = TypeVar("T")


class Library:
    """Takes declarations and implementations of operators, and keeps none.

    Args:
        ns: the namespace.
        kind: "DEF", "IMPL" or "FRAGMENT".
        dispatch_key: which of torch's dispatch keys implementations are for.
    """

    def __init__(self, ns: str, kind: str, dispatch_key: str = "") -> None:
        self.ns = ns
        self.kind = kind

    def define(self, schema: str, *args: Any, **kwargs: Any) -> str:
        """Return the operator's name."""
        return f"{self.ns}::{schema.partition('(')[0]}"

    def impl(self, op_name: str, fn: Any, *args: Any, **kwargs: Any) -> None:
        """Keep nothing."""


def register_fake(op: Any, func: Any = None, /, **kwargs: Any) -> Any:
    """Return the function that says an operator's shapes, or a decorator that does.

    Example:
        >>> import flambeau.library
        >>> flambeau.library.register_fake("mine::op", len)
        <built-in function len>
    """
    return _unchanged if func is None else func


def impl(qualname: Any, types: Any, func: Any = None, **kwargs: Any) -> Any:
    """Return an operator's implementation, or a decorator that does."""
    return _unchanged if func is None else func


def _unchanged(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


class _Namespace:
    """`torch.ops.NAME`: no operator is there."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, operator: str) -> Any:
        raise AttributeError(
            f"'_OpNamespace' {self.name!r} object has no attribute {operator!r}: "
            "compiled operators of other packages cannot be called"
        )


class _Operators:
    """`torch.ops`: a namespace for every name."""

    def __getattr__(self, name: str) -> _Namespace:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Namespace(name)

    def load_library(self, path: Any) -> None:
        """Raise: libraries compiled for torch cannot be used.

        Raises:
            OSError: always.
        """
        raise OSError(f"{path} is compiled for torch and cannot be used by flambeau")


ops = _Operators()
