"""Which backend computes the graph, and the settings a user can change."""

from __future__ import annotations

from collections.abc import Iterable

from . import evaluator
from .graph import Node

__all__ = ["Config", "config", "evaluate"]


class Config:
    """Settings of the whole process.

    Attributes:
        backend: "reference", the NumPy evaluator.

    Example:
        >>> import flambeau
        >>> flambeau.config.backend
        'reference'
    """

    _BACKENDS = ("reference",)

    def __init__(self) -> None:
        self._backend = "reference"

    @property
    def backend(self) -> str:
        """The name of the backend that computes values."""
        return self._backend

    @backend.setter
    def backend(self, name: str) -> None:
        if name not in self._BACKENDS:
            raise ValueError(
                f"config.backend must be one of {', '.join(self._BACKENDS)}, "
                f"got {name!r}"
            )
        self._backend = name


config = Config()


def evaluate(roots: Iterable[Node]) -> None:
    """Compute and keep the values of `roots` with the chosen backend."""
    evaluator.evaluate(roots)
