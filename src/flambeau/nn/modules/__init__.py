"""Torch's path to the frame of `flambeau.nn`."""

from . import module
from .module import Module

__all__ = ["Module", "module"]
