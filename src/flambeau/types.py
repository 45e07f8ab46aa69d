"""The types that `torch.types` names for annotations."""

from __future__ import annotations

from os import PathLike
from typing import Any, TypeAlias

from .devices import device
from .dtypes import dtype
from .shape import Size

__all__ = ["Device", "FileLike", "Number", "_bool", "_dtype", "_float", "_int", "_size"]

Number: TypeAlias = int | float | bool
Device: TypeAlias = device | str | int | None
FileLike: TypeAlias = str | PathLike[str] | Any
_int: TypeAlias = int
_float: TypeAlias = float
_bool: TypeAlias = bool
_dtype: TypeAlias = dtype
_device: TypeAlias = device
_size: TypeAlias = Size | list[int] | tuple[int, ...]
