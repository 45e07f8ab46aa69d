"""What the numbers of an element type can be: `finfo` and `iinfo`."""

from __future__ import annotations

import ml_dtypes

from . import dtypes as dt

__all__ = ["finfo", "iinfo"]


class finfo:
    """The limits of a float type.

    Args:
        type: a float dtype; by default the default dtype.

    Attributes:
        bits: how many bits a number has.
        min: the lowest finite number.
        max: the largest finite number.
        eps: the distance from 1 to the next larger number.
        smallest_normal: the smallest positive number of full precision.
        tiny: the same, by its older name.
        resolution: 10 to the minus number of decimal digits that are exact.
        dtype: the name of the type.

    Raises:
        TypeError: `type` is no float dtype.

    Source: torch's page "Type Info".

    Example:
        >>> import flambeau as torch
        >>> torch.finfo(torch.float16).max
        65504.0
    """

    def __init__(self, type: dt.dtype | None = None) -> None:
        kind = dt.get_default_dtype() if type is None else _checked("finfo", type)
        kind = dt.real_of(kind)  # the limits of a complex number's parts
        if not kind.is_floating_point:
            raise TypeError(
                f"torch.finfo() requires a floating point input type, got {type!r}. "
                "Use torch.iinfo for integers."
            )
        limits = ml_dtypes.finfo(kind.numpy)
        self.bits = 8 * kind.itemsize
        self.min = float(limits.min)
        self.max = float(limits.max)
        self.eps = float(limits.eps)
        self.smallest_normal = self.tiny = float(limits.smallest_normal)
        self.resolution = 10.0 ** -int(limits.precision)
        self.dtype = kind.name

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, "
            f"max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, "
            f"dtype={self.dtype})"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, finfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(("finfo", self.dtype))


class iinfo:
    """The limits of an integer type.

    Args:
        type: an integer dtype.

    Attributes:
        bits: how many bits a number has.
        min: the smallest number.
        max: the largest number.
        dtype: the name of the type.

    Raises:
        TypeError: `type` is no integer dtype.

    Source: torch's page "Type Info".

    Example:
        >>> import flambeau as torch
        >>> torch.iinfo(torch.int8).min
        -128
    """

    def __init__(self, type: dt.dtype) -> None:
        kind = _checked("iinfo", type)
        if kind.is_floating_point:
            raise TypeError(
                f"torch.iinfo() requires an integer input type, got {type!r}. "
                "Use torch.finfo for floats."
            )
        if kind is dt.bool_:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        limits = ml_dtypes.iinfo(kind.numpy)
        self.bits = 8 * kind.itemsize
        self.min = int(limits.min)
        self.max = int(limits.max)
        self.dtype = kind.name

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, iinfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(("iinfo", self.dtype))


def _checked(name: str, kind: object) -> dt.dtype:
    if not isinstance(kind, dt.dtype):
        raise TypeError(
            f"{name}(): argument 'type' (position 1) must be torch.dtype, not "
            f"{type(kind).__name__}"
        )
    return kind
