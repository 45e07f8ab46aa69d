"""What decides the code of a kernel, written down: the cache on disk is asked by it.

    Pool(kind="max", slides=(...))   ->   "flambeau….Pool('max',(…))"

The text tells every value a kernel is emitted from, and the sources that emit it, so
that equal texts mean equal code, also in another process.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from types import FunctionType
from typing import Any

import llvmlite

from ... import dtypes
from ...runtime import target

__all__ = ["describe"]

_PLAIN = (int, float, bool, str, bytes, type(None))


def describe(value: Any) -> str:
    """Return a text that tells a value from every other one.

    Args:
        value: a plain value, a dtype, a function of a module, a frozen dataclass, or a
            tuple of such.

    Raises:
        TypeError: for a value that may change or that nothing tells apart.
    """
    kind = type(value)
    if kind in _PLAIN:
        return repr(value)
    if kind is tuple:
        return f"({','.join(map(describe, value))})"
    if kind is dtypes.dtype:
        return value.name
    if kind is FunctionType and "<" not in value.__qualname__:
        return _named(value)
    if is_dataclass(kind) and kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        told = [describe(getattr(value, name)) for name in _fields(kind)]
        return f"{_named(kind)}({','.join(told)})"
    raise TypeError(f"code cannot depend on {value!r}, a {kind.__qualname__}")


@lru_cache(maxsize=256)
def _fields(kind: type) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind))


@lru_cache(maxsize=256)
def _named(thing: Any) -> str:
    """The name of a function or class, and the state of the sources that define it."""
    module = thing.__module__
    if module.startswith(f"{__package__}."):
        version = _version()
    else:
        file = getattr(sys.modules.get(module), "__file__", None)
        version = _digest([Path(file or "")])
    return f"{module}.{thing.__qualname__}@{version}"


@lru_cache(maxsize=1)
def _version() -> str:
    """The state of this package and of what it is made with."""
    own = sorted(Path(__file__).parent.glob("*.py"))
    known = [*own, Path(dtypes.__file__), Path(target.__file__)]
    return f"{llvmlite.__version__}:{_digest(known)}"


def _digest(paths: Iterable[Path]) -> str:
    """The digest of some files; without them nothing is the same twice."""
    digest = hashlib.sha256()
    try:
        for path in paths:
            digest.update(path.read_bytes())
    except OSError:
        digest.update(os.urandom(16))
    return digest.hexdigest()[:16]
