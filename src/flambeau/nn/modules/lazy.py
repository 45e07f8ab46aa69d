"""Torch's path to what makes a module lazy."""

from ..lazy import LazyModuleMixin

__all__ = ["LazyModuleMixin"]
