"""The onnx package, which reads and writes the files; imported when it is needed."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

__all__ = ["onnx"]


@cache
def onnx() -> Any:
    """Return the onnx package.

    Raises:
        ImportError: it is not installed.
    """
    try:
        library = import_module("onnx")
    except ImportError as error:
        raise ImportError(
            "flambeau.onnx needs the onnx package: pip install 'flambeau[onnx]'"
        ) from error
    for part in ("checker", "helper", "numpy_helper"):
        import_module(f"onnx.{part}")
    return library
