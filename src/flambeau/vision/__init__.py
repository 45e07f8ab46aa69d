"""Data sets, transforms and models for images, as torchvision names them."""

from . import datasets, models, transforms

__all__ = ["datasets", "models", "transforms"]
