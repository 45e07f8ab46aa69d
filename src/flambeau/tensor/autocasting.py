"""Which functions compute in a lower precision while `autocast` is on, and which not.

Products and convolutions then take float32 tensors as bfloat16 (or float16); losses
take low precision as float32. Everything else computes in the dtypes it is given.

Source: torch's page "Automatic Mixed Precision", the lists for CPUs.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from .. import dtypes as dt
from ..ops.elementwise import cast
from .handle import Handle, wrap

__all__ = ["Precision", "keeps_precision", "lowers_precision", "precision"]

F = TypeVar("F", bound=Callable[..., Any])


class Precision(threading.local):
    """The switch, for each thread.

    Attributes:
        lower: the dtype that products take; None while autocast is off.
        kind: the dtype that `autocast` takes where none is given.
    """

    lower: dt.dtype | None = None
    kind: dt.dtype = dt.bfloat16


precision = Precision()


def _taken_as(value: Any, kind: dt.dtype, given: tuple[dt.dtype, ...]) -> Any:
    if isinstance(value, Handle) and value._node.dtype in given:
        return wrap(cast(value.node, kind))
    if isinstance(value, list | tuple):
        return type(value)(_taken_as(each, kind, given) for each in value)
    return value


def _casting(function: F, low: bool) -> F:
    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        lower = precision.lower
        if lower is None:
            return function(*args, **kwargs)
        kind = lower if low else dt.float32
        given = (dt.float32,) if low else (dt.bfloat16, dt.float16)
        args = tuple(_taken_as(each, kind, given) for each in args)
        named = {k: _taken_as(v, kind, given) for k, v in kwargs.items()}
        return function(*args, **named)

    return run  # type: ignore[return-value]


def lowers_precision(function: F) -> F:
    """Let a function take float32 tensors in autocast's dtype while that is on."""
    return _casting(function, low=True)


def keeps_precision(function: F) -> F:
    """Let a function take tensors of low precision as float32 while autocast is on."""
    return _casting(function, low=False)
