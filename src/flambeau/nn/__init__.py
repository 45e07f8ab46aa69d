"""Layers and the frame they fit in; torch's `torch.nn`."""

from . import modules, utils
from .container import ModuleDict, ModuleList, Sequential
from .module import Module
from .parameter import Buffer, Parameter
from .parameter_container import ParameterDict, ParameterList

__all__ = [
    # The frame
    "Module",
    "Parameter",
    "Buffer",
    "Sequential",
    "ModuleList",
    "ModuleDict",
    "ParameterList",
    "ParameterDict",
    "modules",
    "utils",
]
