"""Files: safetensors in both directions, and checkpoints that nest them."""

from .atomic import atomic_write
from .checkpoint import load, save
from .safetensors import load_safetensors, save_safetensors

__all__ = ["atomic_write", "load", "load_safetensors", "save", "save_safetensors"]
