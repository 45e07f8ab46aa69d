"""Element types, torch's promotion rules, and the mapping to NumPy."""

from __future__ import annotations

from functools import cache
from typing import NoReturn

import ml_dtypes
import numpy as np

__all__ = [
    "bfloat16",
    "bool_",
    "complex128",
    "complex64",
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


_FLOATS, _COMPLEX = 20, 30  # the lowest ranks of these categories


class dtype:
    """An element type, one object per type, printed with torch's name.

    Attributes:
        name: torch's name without the module, such as ``"float32"``.
        numpy: the NumPy dtype that holds the values.
        itemsize: bytes per element.
        is_floating_point: True for the four float types.
        is_complex: True for the two complex types.
        is_inexact: True for both: what gradients flow through.

    Source: torch's page "Tensor Attributes".

    Example:
        >>> import flambeau
        >>> flambeau.float32.itemsize
        4
    """

    __slots__ = (
        "is_complex",
        "is_floating_point",
        "is_inexact",
        "itemsize",
        "name",
        "numpy",
        "rank",
    )

    def __init__(self, name: str, numpy_type: type, rank: int) -> None:
        self.name = name
        self.numpy = np.dtype(numpy_type)
        self.itemsize = self.numpy.itemsize
        self.rank = rank
        self._classify(rank >= _COMPLEX, _FLOATS <= rank < _COMPLEX)

    def _classify(self, is_complex: bool, is_floating_point: bool) -> None:
        self.is_complex = is_complex
        self.is_floating_point = is_floating_point
        self.is_inexact = is_complex or is_floating_point

    @property
    def is_signed(self) -> bool:
        """Whether the type has negative values."""
        return self.name != "bool" and not self.name.startswith("uint")

    def to_complex(self) -> dtype:
        """Return the complex dtype whose parts have this one."""
        return complex_of(self)

    def to_real(self) -> dtype:
        """Return the dtype of a complex number's parts; a real dtype itself."""
        return real_of(self)

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return by_name, (self.name,)

    def __deepcopy__(self, memo: dict[int, object]) -> dtype:
        return self


# `rank` orders the types inside a category: bool < integers < floats < complex numbers.
bool_ = dtype("bool", np.bool_, 0)
uint8 = dtype("uint8", np.uint8, 10)
int8 = dtype("int8", np.int8, 10)
int16 = dtype("int16", np.int16, 11)
int32 = dtype("int32", np.int32, 12)
int64 = dtype("int64", np.int64, 13)
uint16 = dtype("uint16", np.uint16, 14)
uint32 = dtype("uint32", np.uint32, 15)
uint64 = dtype("uint64", np.uint64, 16)
float16 = dtype("float16", np.float16, 20)
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, 20)
float32 = dtype("float32", np.float32, 21)
float64 = dtype("float64", np.float64, 22)
complex64 = dtype("complex64", np.complex64, 31)
complex128 = dtype("complex128", np.complex128, 32)


class _AbsentDtype(dtype):
    """A dtype that programs may name; no tensor can have it."""

    __slots__ = ()

    def __init__(self, name: str, itemsize: int) -> None:
        self.name = name
        self.itemsize = itemsize
        self._classify(name.startswith("complex"), name.startswith("float"))

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
    complex64,
    complex128,
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
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
}
_COMPLEX_OF = {float32: complex64, bfloat16: complex64, float64: complex128}
_REAL_OF = {complex64: float32, complex128: float64}


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


def complex_of(kind: dtype) -> dtype:
    """Return the complex dtype whose parts have a float dtype.

    Raises:
        TypeError: `kind` is float16: complex32 is out of scope.
    """
    if kind.is_complex:
        return kind
    found = _COMPLEX_OF.get(kind) or ABSENT["complex32"]
    assert found.numpy is not None  # raises for a dtype that is only a name
    return found


def real_of(kind: dtype) -> dtype:
    """Return the dtype of a complex dtype's parts; other dtypes are their own."""
    return _REAL_OF.get(kind, kind)


def category(kind: dtype) -> int:
    """0 for bool, 1 for integers, 2 for floats, 3 for complex: promotion's order."""
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
    with_floats = first.is_inexact or second.is_inexact
    if not with_floats and (first in LONE or second in LONE):
        raise RuntimeError(
            "Promotion for uint16, uint32, uint64 types is not supported, attempted to "
            f"promote {scalar_name(first)} and {scalar_name(second)}; convert one with "
            ".to()"
        )
    if complex64 in (first, second) and float64 in (first, second):
        return complex128
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


def of_python(value: bool | int | float | complex) -> dtype:
    """The dtype a Python number has on its own."""
    if isinstance(value, (complex, np.complexfloating)):
        return complex_of(_default)
    if isinstance(value, (bool, np.bool_)):
        return bool_
    return int64 if isinstance(value, (int, np.integer)) else _default
