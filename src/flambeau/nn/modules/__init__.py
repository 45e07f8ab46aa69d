"""Torch's path to the frame of `flambeau.nn`."""

from . import lazy, module
from .module import Module

__all__ = ["Module", "lazy", "module"]
