"""ONNX's operators on tensors, in a file per family."""

from . import (
    attention,
    detection,
    elementwise,
    movement,
    normalization,
    products,
    quantized,
    recurrent,
    reductions,
    resize,
    signals,
    windows,
)
from .call import OPERATORS, Call, Value, as_tensor

__all__ = ["OPERATORS", "Call", "Value", "as_tensor"]
