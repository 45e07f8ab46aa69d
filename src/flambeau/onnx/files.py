"""The file of a model, with its weights inside or, if they are many, beside it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from ..serialization.atomic import atomic_write
from .library import onnx

__all__ = ["write_model"]

# A message of protobuf ends at 2 GiB; some of it is not weights.
_MOST_INSIDE = (2 << 30) - (64 << 20)
_SMALL = 1024  # bytes of a constant that stays inside


def write_model(model: Any, path: str | os.PathLike[str]) -> None:
    """Check a model and write it; more than 2 GiB of weights go into `path`.data.

    Args:
        model: what `onnx.helper.make_model` returns.
        path: the file.

    Raises:
        FileNotFoundError: the folder does not exist.
    """
    weights = model.graph.initializer
    if sum(len(each.raw_data) for each in weights) <= _MOST_INSIDE:
        onnx().checker.check_model(model, full_check=True)
        with atomic_write(path) as file:
            file.write(model.SerializeToString())
        return
    _write_apart(model, Path(path))


def _write_apart(model: Any, target: Path) -> None:
    """Write both files in a folder beside their place, check them, move them there."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".onnx") as folder:
        data, file = (Path(folder) / f"{target.name}{end}" for end in (".data", ""))
        _move_weights(model, data)
        file.write_bytes(model.SerializeToString())
        onnx().checker.check_model(str(file))
        for each in (data, file):
            os.replace(each, target.parent / each.name)


def _move_weights(model: Any, data: Path) -> None:
    """Move large constants out of a model into a file of their bytes."""
    with data.open("wb") as file:
        for each in model.graph.initializer:
            size = len(each.raw_data)
            if size < _SMALL:
                continue
            start = file.tell()
            file.write(each.raw_data)
            each.ClearField("raw_data")
            each.data_location = onnx().TensorProto.EXTERNAL
            entries = {"location": data.name, "offset": start, "length": size}
            for key, value in entries.items():
                each.external_data.add(key=key, value=str(value))
