"""Which backend computes the graph, and the settings a user can change."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from . import evaluator
from .compiler import native
from .graph import Node

__all__ = ["Config", "config", "evaluate"]

Evaluate = Callable[[Iterable[Node]], None]

_BACKENDS: dict[str, Evaluate] = {
    "native": native.evaluate,
    "reference": evaluator.evaluate,
}


class Config:
    """Settings of the whole process.

    Attributes:
        backend: "native", the compiler: whole graphs as fused machine code, and NumPy
            for small graphs; or "reference", NumPy for all graphs: slow, and what they
            mean. It is "native" until it is set.

    Example:
        >>> import flambeau
        >>> flambeau.config.backend = "reference"
        >>> flambeau.config.backend = "native"
    """

    def __init__(self) -> None:
        self.backend = "native"

    @property
    def backend(self) -> str:
        """The name of the backend that computes values."""
        return self._backend

    @backend.setter
    def backend(self, name: str) -> None:
        if name not in _BACKENDS:
            raise ValueError(
                f"config.backend must be one of {', '.join(_BACKENDS)}, got {name!r}"
            )
        self._backend = name
        self.evaluate = _BACKENDS[name]


config = Config()


def evaluate(roots: Iterable[Node]) -> None:
    """Compute and keep the values of `roots` with the chosen backend."""
    config.evaluate(roots)
