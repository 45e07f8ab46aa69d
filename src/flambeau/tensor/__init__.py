"""Tensors: the lazy handle, and torch's functions on it, a module per family."""

from .handle import evaluate, evaluate_pending, wrap
from .tensor import Tensor

__all__ = ["Tensor", "evaluate", "evaluate_pending", "wrap"]
