"""ONNX: models written for other runtimes, and read from files that others wrote.

Source: github.com/onnx/onnx, "Operators" and "Intermediate Representation".
"""

from .export import export
from .graph_module import GraphModule
from .load import load

__all__ = ["GraphModule", "export", "load"]
