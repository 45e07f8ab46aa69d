"""Numbers of at most 8 bits that flambeau has no dtype for.

Tensors hold them in the next dtype there is: floats in float32, integers in int8 or
uint8. Which numbers there are comes from the tables of ml_dtypes.

Source: github.com/onnx/onnx, "Float stored in 8 bits", "4 bit integer types".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import ml_dtypes
import numpy as np

import flambeau as fl

from ...graph import constant
from ...tensor import Tensor, wrap
from ..library import onnx

__all__ = ["Narrow", "narrow", "narrowed", "number_of", "saturated", "widened"]

# as ONNX writes it in lower case, and as ml_dtypes does
_NAME = re.compile("float[468][e_].*|u?int[24]")


@dataclass(frozen=True)
class Narrow:
    """One of these types.

    Attributes:
        numpy: its dtype in ml_dtypes.
        held: the dtype of the tensors that hold its numbers.
    """

    numpy: np.dtype
    held: fl.dtype

    @property
    def bits(self) -> int:
        """The bits of a number, which lie side by side in files."""
        of = ml_dtypes.finfo if self.held is fl.float32 else ml_dtypes.iinfo
        return int(of(self.numpy).bits)

    @property
    def limits(self) -> tuple[int, int]:
        """The smallest and the largest number of integers."""
        found = ml_dtypes.iinfo(self.numpy)
        return int(found.min), int(found.max)


@lru_cache
def narrow(number: int | None) -> Narrow | None:
    """Return the type that ONNX gives a number, None if it is another or absent."""
    kinds = onnx().TensorProto.DataType
    name = dict(zip(kinds.values(), kinds.keys())).get(number, "")
    if not _is_narrow(name.lower()):
        return None
    kind = onnx().helper.tensor_dtype_to_np_dtype(number)
    return Narrow(kind, _held(kind))


def _is_narrow(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def _held(kind: np.dtype) -> fl.dtype:
    if kind.name.startswith("float"):
        return fl.float32
    return fl.uint8 if kind.name.startswith("uint") else fl.int8


def widened(array: np.ndarray) -> np.ndarray:
    """Return an array of numbers of such a type as one of the dtype that holds them."""
    if not _is_narrow(array.dtype.name):
        return array
    return array.astype(_held(array.dtype).numpy)


def number_of(kind: np.dtype) -> int | None:
    """Return ONNX's number of such a type, None for all others."""
    if not _is_narrow(kind.name):
        return None
    return int(onnx().helper.np_dtype_to_tensor_dtype(kind))


def narrowed(
    x: Tensor, kind: Narrow, saturate: bool = True, direction: str = "nearest"
) -> Tensor:
    """Convert to the numbers of a type.

    Args:
        x: numbers of any dtype.
        kind: the type. Integers wrap.
        saturate: floats beyond the largest number become this, else infinite or NaN.
        direction: "nearest", halves to even; "up" or "down", if there is no sign.
    """
    if kind.held is fl.float32:
        return _nearest(x.to(fl.float32), kind.numpy, saturate, direction)
    low, high = kind.limits
    whole = x.to(fl.int32) - low
    return (whole % (high - low + 1) + low).to(kind.held)


def saturated(x: Tensor, kind: Narrow) -> Tensor:
    """Round to the nearest number of an integer type, within its limits."""
    return fl.clamp(fl.round(x), *kind.limits).to(kind.held)


@lru_cache
def _magnitudes(kind: np.dtype) -> np.ndarray:
    """All numbers from 0 on, in order of their codes, which is their own."""
    bits = ml_dtypes.finfo(kind).bits
    codes = np.arange(1 << (bits - (0 if _is_unsigned(kind) else 1)), dtype=np.uint8)
    found = codes.view(kind).astype(np.float32)
    return found[np.isfinite(found)]


def _is_unsigned(kind: np.dtype) -> bool:
    return kind.name.endswith("fnu")


def _nearest(x: Tensor, kind: np.dtype, saturate: bool, direction: str) -> Tensor:
    known = _magnitudes(kind)
    beyond = known[-1] if saturate else _beyond(kind)
    size = fl.abs(x)
    if direction == "nearest":
        # behind the last number another would follow, as far away as the one before
        after = np.append(known[1:], known[-1] + (known[-1] - known[-2]))
        at = _even(size, _leaf((known + after) / 2))
    else:
        at = fl.searchsorted(_leaf(known), size, right=direction == "down")
        at = at - 1 if direction == "down" else at
    at = fl.where(fl.isnan(size), len(known), fl.clamp(at, 0, len(known)))
    found = fl.copysign(_leaf(np.append(known, beyond))[at], x)
    missing = fl.isnan(x) | fl.isinf(x) if _is_unsigned(kind) else fl.isnan(x)
    return fl.where(missing, 0.0 if _has_no_nan(kind) else float("nan"), found)


def _even(x: Tensor, borders: Tensor) -> Tensor:
    """How many borders lie below x; of those it may choose between, an even number."""
    fewest = fl.searchsorted(borders, x)
    most = fl.searchsorted(borders, x, right=True)
    return fl.where(fewest % 2 == 0, fewest, most)


def _beyond(kind: np.dtype) -> float:
    """What a number becomes that is too large, where nothing is to be saturated."""
    with np.errstate(all="ignore"):
        return float(np.array(np.inf, np.float32).astype(kind))


def _has_no_nan(kind: np.dtype) -> bool:
    return ml_dtypes.finfo(kind).bits < 8


def _leaf(array: np.ndarray) -> Tensor:
    return wrap(constant(array.astype(np.float32)))
