"""Files: torch's own and safetensors in both directions. Reading runs no code."""

from .atomic import atomic_write
from .checkpoint import load, load_weights, save
from .errors import CheckpointError, RefusedError
from .safetensors import load_safetensors, save_safetensors
from .sharded import save_sharded

__all__ = [
    "CheckpointError",
    "RefusedError",
    "atomic_write",
    "load",
    "load_safetensors",
    "load_weights",
    "save",
    "save_safetensors",
    "save_sharded",
]
