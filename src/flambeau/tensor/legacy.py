"""Torch's old names of tensor types: `torch.LongTensor` and its like.

They make tensors of one dtype, and `isinstance` asks for that dtype.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .. import dtypes as dt
from ..shape import Size
from . import creation
from .handle import Handle

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = [
    "BFloat16Tensor",
    "BoolTensor",
    "ByteTensor",
    "CharTensor",
    "DoubleTensor",
    "FloatTensor",
    "HalfTensor",
    "IntTensor",
    "LongTensor",
    "ShortTensor",
    "TypedTensor",
    "set_default_tensor_type",
]


class TypedTensor(type):
    """The type of `LongTensor` and its like: a name for the tensors of one dtype."""

    dtype: dt.dtype

    def __call__(cls, *data: Any) -> Tensor:
        """Return an empty tensor of sizes given as ints, or one with the data given.

        A `Size` means sizes, any other sequence data.
        """
        if data and isinstance(data[0], Size):
            return creation.empty(*data[0], dtype=cls.dtype)
        if all(isinstance(each, int | np.integer) for each in data):
            return creation.empty(*(data or (0,)), dtype=cls.dtype)
        if isinstance(data[0], Handle):
            return data[0].to(cls.dtype)  # type: ignore[attr-defined]
        return creation.tensor(data[0], dtype=cls.dtype)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Handle) and instance._node.dtype is cls.dtype


def _typed(kind: dt.dtype) -> TypedTensor:
    name = f"{dt.scalar_name(kind)}Tensor"
    text = f"""Tensors of {kind.name}.

    Source: torch's page "torch.Tensor".
    """
    made = TypedTensor(name, (), {"__doc__": text, "dtype": kind})
    made.__module__ = __name__
    return made


FloatTensor = _typed(dt.float32)
DoubleTensor = _typed(dt.float64)
HalfTensor = _typed(dt.float16)
BFloat16Tensor = _typed(dt.bfloat16)
LongTensor = _typed(dt.int64)
IntTensor = _typed(dt.int32)
ShortTensor = _typed(dt.int16)
CharTensor = _typed(dt.int8)
ByteTensor = _typed(dt.uint8)
BoolTensor = _typed(dt.bool_)


_TYPES = {
    f"torch.{each.__name__}": each
    for each in (FloatTensor, DoubleTensor, HalfTensor, BFloat16Tensor)
}


def set_default_tensor_type(t: TypedTensor | str) -> None:
    """Set the dtype that Python floats get by the old name of a type of tensors.

    Args:
        t: such as `torch.DoubleTensor`, or its name "torch.DoubleTensor".

    Raises:
        TypeError: no type of float tensors on the CPU.

    Source: torch's page "torch.set_default_tensor_type".

    Example:
        >>> import flambeau as torch
        >>> torch.set_default_tensor_type("torch.FloatTensor")
        >>> torch.tensor(0.5).dtype
        torch.float32
    """
    kind = _TYPES.get(t) if isinstance(t, str) else t
    if not isinstance(kind, TypedTensor):
        raise TypeError(
            f"set_default_tensor_type: {t!r} is none of {', '.join(_TYPES)}; there is "
            "one device, the CPU"
        )
    dt.set_default_dtype(kind.dtype)
