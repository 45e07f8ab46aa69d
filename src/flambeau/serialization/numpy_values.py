"""NumPy's numbers and arrays in a pickle, such as an accuracy or a random state."""

from __future__ import annotations

import re
from math import prod
from typing import Any

import numpy as np

from .pickles import Build, Constructor, Machine

__all__ = ["NUMPY_BUILDS", "NUMPY_NAMES"]

_CODES = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248])")


class _Kind:
    """A NumPy dtype of numbers; the order of its bytes is set after it is made."""

    __slots__ = ("dtype",)

    def __init__(self, code: str) -> None:
        self.dtype = np.dtype(code)


def _kind(machine: Machine, code: Any, align: Any = False, copy: Any = True) -> _Kind:
    if type(code) is not str or not _CODES.fullmatch(code):
        raise TypeError("no NumPy dtype of numbers")
    return _Kind(code)


def _set_kind(machine: Machine, made: _Kind, state: Any) -> None:
    """`state` is a version, the order of bytes, and what numbers do not have."""
    order, rest = state[1], state[2:5]
    if order not in ("<", ">", "|", "=") or any(each is not None for each in rest):
        raise TypeError("a NumPy dtype of something else than numbers")
    made.dtype = made.dtype.newbyteorder(order)


def _scalar(machine: Machine, kind: Any, content: Any = None) -> Any:
    return _filled(kind, (), content)[()]


def _array(machine: Machine, kind: Any, shape: Any, code: Any) -> np.ndarray:
    """An empty array, whose content is set afterwards."""
    return np.empty(0, np.int8)


def _array_type(machine: Machine, *args: Any) -> np.ndarray:
    raise TypeError("an array without content")


def _set_array(machine: Machine, made: np.ndarray, state: Any) -> None:
    _, shape, kind, fortran, content = state
    values = _filled(kind, shape, content)
    machine.charge(values.nbytes)
    told: Any = (1, values.shape, values.dtype, bool(fortran), content)
    made.__setstate__(told)


def _filled(kind: Any, shape: Any, content: Any) -> np.ndarray:
    if type(kind) is not _Kind or type(content) is not bytes or len(shape) > 64:
        raise TypeError("an array is made from a NumPy dtype, a shape and bytes")
    if not all(type(each) is int and each >= 0 for each in shape):
        raise ValueError("an array's sizes")
    if prod(shape) * kind.dtype.itemsize != len(content):
        raise ValueError(f"{len(content)} bytes for an array of shape {shape}")
    return np.frombuffer(content, kind.dtype).reshape(shape)


NUMPY_NAMES: dict[str, Constructor] = {
    name: Constructor(name, make, 400)
    for name, make in (
        ("numpy.dtype", _kind),
        ("numpy.ndarray", _array_type),
        ("numpy.core.multiarray.scalar", _scalar),
        ("numpy._core.multiarray.scalar", _scalar),
        ("numpy.core.multiarray._reconstruct", _array),
        ("numpy._core.multiarray._reconstruct", _array),
    )
}
NUMPY_BUILDS: dict[type, Build] = {
    _Kind: _set_kind,
    np.ndarray: _set_array,
}
