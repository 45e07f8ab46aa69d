"""The floating formats a draw can be stored in, and how values reach them.

At this level a dtype is NumPy's. bfloat16 is recognised by its name, so that
nothing here has to import the package that registers it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]

BLOCK = 1 << 15  # elements drawn at a time: a multiple of 16 that stays in cache


class FloatFormat(NamedTuple):
    """A floating dtype, and the format that torch computes its numbers in."""

    dtype: np.dtype[Any]
    work: np.dtype[Any]
    digits: int  # of the mantissa, in bits
    largest: float

    @property
    def is_half(self) -> bool:
        """Whether numbers are computed in float32 and then rounded."""
        return self.dtype != self.work


_LAYOUTS = {  # digits and largest value
    "float16": (11, 65504.0),
    "bfloat16": (8, (2.0 - 2.0**-7) * 2.0**127),
    "float32": (24, (2.0 - 2.0**-23) * 2.0**127),
    "float64": (53, float(np.finfo(np.float64).max)),
}


@cache
def find_format(dtype: np.dtype[Any]) -> FloatFormat | None:
    """Return the format of a floating dtype; None if it is not floating."""
    layout = _LAYOUTS.get(dtype.name)
    work = np.dtype(np.float64 if dtype == np.float64 else np.float32)
    return FloatFormat(dtype, work, *layout) if layout else None


def float_format(op: str, dtype: DTypeLike) -> FloatFormat:
    """Return the format of the dtype that `op` was given, which must be floating."""
    dtype = np.dtype(dtype)
    found = find_format(dtype)
    if found is None:
        raise NotImplementedError(
            f"{op} needs a floating dtype ({', '.join(_LAYOUTS)}), but got {dtype}"
        )
    return found


def cast(values: Array, dtype: np.dtype[Any]) -> Array:
    """Convert to `dtype`; the half formats are reached through float32, as in torch."""
    if values.dtype == dtype:
        return values
    found = find_format(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        if found and found.is_half:
            values = values.astype(np.float32, copy=False)
        return values.astype(dtype, copy=False)


def blocks(out: Array) -> Iterator[Array]:
    """Yield consecutive flat views of the contiguous array `out`."""
    flat = out.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        yield flat[start : start + BLOCK]
