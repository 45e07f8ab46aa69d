"""ONNX's numbers of element types."""

from __future__ import annotations

from ... import dtypes as dt
from ..library import onnx
from ..writer import ELEMENT_TYPES

__all__ = ["dtype_of"]


def dtype_of(number: int) -> dt.dtype:
    """Return the dtype of an element type.

    Raises:
        NotImplementedError: flambeau has no such dtype; names it.
    """
    name = onnx().TensorProto.DataType.Name(number)
    for kind, each in ELEMENT_TYPES.items():
        if each == name:
            return kind
    raise NotImplementedError(
        f"onnx: flambeau has no dtype for ONNX's {name}; it has {{}}".format(
            ", ".join(ELEMENT_TYPES.values())
        )
    )
