"""Element types, torch's promotion rules, and the mapping to NumPy."""

from __future__ import annotations

from functools import cache
from typing import NoReturn

import ml_dtypes
import numpy as np

__all__ = [
    "bfloat16",
    "bool_",
    "dtype",
    "float16",
    "float32",
    "float64",
    "from_numpy_dtype",
    "get_default_dtype",
    "int16",
    "int32",
    "int64",
    "int8",
    "is_floating",
    "promote_types",
    "scalar_name",
    "set_default_dtype",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
]


class dtype:
    """An element type, one object per type, printed with torch's name.

    Attributes:
        name: torch's name without the module, such as ``"float32"``.
        numpy: the NumPy dtype that holds the values.
        itemsize: bytes per element.
        is_floating_point: True for the four float types.

    Source: torch's page "Tensor Attributes".

    Example:
        >>> import flambeau
        >>> flambeau.float32.itemsize
        4
    """

    __slots__ = ("is_floating_point", "itemsize", "name", "numpy", "rank")

    def __init__(self, name: str, numpy_type: type, rank: int, floating: bool) -> None:
        self.name = name
        self.numpy = np.dtype(numpy_type)
        self.itemsize = self.numpy.itemsize
        self.rank = rank
        self.is_floating_point = floating

    @property
    def is_complex(self) -> bool:
        """False: complex element types are out of scope."""
        return False

    @property
    def is_signed(self) -> bool:
        """Whether the type has negative values."""
        return self.name != "bool" and not self.name.startswith("uint")

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return by_name, (self.name,)

    def __deepcopy__(self, memo: dict[int, object]) -> dtype:
        return self


# `rank` orders the types inside a category: bool < integers < floats.
bool_ = dtype("bool", np.bool_, 0, False)
uint8 = dtype("uint8", np.uint8, 10, False)
int8 = dtype("int8", np.int8, 10, False)
int16 = dtype("int16", np.int16, 11, False)
int32 = dtype("int32", np.int32, 12, False)
int64 = dtype("int64", np.int64, 13, False)
uint16 = dtype("uint16", np.uint16, 14, False)
uint32 = dtype("uint32", np.uint32, 15, False)
uint64 = dtype("uint64", np.uint64, 16, False)
float16 = dtype("float16", np.float16, 20, True)
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, 20, True)
float32 = dtype("float32", np.float32, 21, True)
float64 = dtype("float64", np.float64, 22, True)


class _AbsentDtype(dtype):
    """A dtype that programs may name; no tensor can have it."""

    __slots__ = ()

    def __init__(self, name: str, itemsize: int) -> None:
        self.name = name
        self.itemsize = itemsize
        self.is_floating_point = name.startswith("float")

    @property
    def is_complex(self) -> bool:
        """Whether the elements would be complex numbers."""
        return self.name.startswith("complex")

    def _refuse(self) -> NoReturn:
        known = ", ".join(each.name for each in ALL)
        raise TypeError(f"{self!r} is out of scope: tensors hold {known}")

    numpy = property(_refuse)
    rank = property(_refuse)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        self._refuse()


# Names for tables of dtypes, such as programs have them.
ABSENT = {
    name: _AbsentDtype(name, size)
    for name, size in (
        ("complex32", 4),
        ("complex64", 8),
        ("complex128", 16),
        ("float8_e4m3fn", 1),
        ("float8_e4m3fnuz", 1),
        ("float8_e5m2", 1),
        ("float8_e5m2fnuz", 1),
        ("float8_e8m0fnu", 1),
    )
}
ALL = (
    bool_,
    uint8,
    int8,
    int16,
    int32,
    int64,
    uint16,
    uint32,
    uint64,
    float16,
    bfloat16,
    float32,
    float64,
)
# They mix with floats only, and torch has no class of storages for them.
LONE = (uint16, uint32, uint64)
_BY_NAME = {each.name: each for each in ALL}
_BY_NUMPY = {each.numpy: each for each in ALL}
_default = float32


_SCALAR_NAMES = {
    "bool": "Bool",
    "uint8": "Byte",
    "int8": "Char",
    "int16": "Short",
    "int32": "Int",
    "int64": "Long",
    "uint16": "UInt16",
    "uint32": "UInt32",
    "uint64": "UInt64",
    "float16": "Half",
    "bfloat16": "BFloat16",
    "float32": "Float",
    "float64": "Double",
}


def scalar_name(kind: dtype) -> str:
    """Return what torch's messages and tensor types call a dtype, such as "Long"."""
    return _SCALAR_NAMES[kind.name]


def by_name(name: str) -> dtype:
    """Return the dtype called `name`, such as ``"int64"``."""
    return _BY_NAME[name]


def from_numpy_dtype(numpy_type: np.dtype) -> dtype:
    """Return the dtype that holds values of a NumPy dtype.

    Raises:
        TypeError: the NumPy dtype has no counterpart.
    """
    found = _BY_NUMPY.get(numpy_type) or _BY_NUMPY.get(numpy_type.newbyteorder("="))
    if found is None:
        known = ", ".join(str(each.numpy) for each in ALL)
        raise TypeError(
            f"can't convert np.ndarray of type {numpy_type}. "
            f"The only supported types are: {known}."
        )
    return found


def is_floating(kind: dtype) -> bool:
    """Whether `kind` is one of the float types."""
    return kind.is_floating_point


def category(kind: dtype) -> int:
    """0 for bool, 1 for integers, 2 for floats: what promotion compares first."""
    return kind.rank // 10


@cache
def promote_types(first: dtype, second: dtype) -> dtype:
    """Return the smallest dtype that holds both, by torch's table.

    Raises:
        RuntimeError: one is uint16, uint32 or uint64 and the other no float.

    Source: torch's page "torch.promote_types".

    Example:
        >>> import flambeau
        >>> flambeau.promote_types(flambeau.int8, flambeau.uint8)
        torch.int16
    """
    if first is second:
        return first
    with_floats = first.is_floating_point or second.is_floating_point
    if not with_floats and (first in LONE or second in LONE):
        raise RuntimeError(
            "Promotion for uint16, uint32, uint64 types is not supported, attempted to "
            f"promote {scalar_name(first)} and {scalar_name(second)}; convert one with "
            ".to()"
        )
    if category(first) == category(second) and first.rank == second.rank:
        return int16 if category(first) == 1 else float32
    return first if first.rank > second.rank else second


def get_default_dtype() -> dtype:
    """Return the float dtype that Python floats get."""
    return _default


def set_default_dtype(kind: dtype) -> None:
    """Set the float dtype that Python floats get.

    Raises:
        TypeError: `kind` is not a float dtype.
    """
    global _default
    if not isinstance(kind, dtype) or not kind.is_floating_point:
        raise TypeError(
            "only floating-point types are supported as the default type, "
            f"got {kind!r}; use float32 or float64"
        )
    _default = kind


def of_python(value: bool | int | float) -> dtype:
    """The dtype a Python number has on its own."""
    if isinstance(value, (bool, np.bool_)):
        return bool_
    return int64 if isinstance(value, (int, np.integer)) else _default
