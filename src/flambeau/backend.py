"""Which backend computes the graph, and the settings a user can change."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from . import evaluator
from .graph import Node

__all__ = ["Config", "config", "evaluate"]

Evaluate = Callable[[Iterable[Node]], None]


def _native() -> Evaluate:
    from .compiler import native  # llvmlite is imported when the first graph compiles

    return native.evaluate


_BACKENDS: dict[str, Callable[[], Evaluate]] = {
    "reference": lambda: evaluator.evaluate,
    "native": _native,
}


class Config:
    """Settings of the whole process.

    Attributes:
        backend: "reference", the NumPy evaluator, or "native", the compiler: whole
            graphs as fused machine code, and NumPy for small graphs.

    Example:
        >>> import flambeau
        >>> flambeau.config.backend
        'reference'
    """

    def __init__(self) -> None:
        self.backend = "reference"

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
        self.evaluate = _BACKENDS[name]()


config = Config()


def evaluate(roots: Iterable[Node]) -> None:
    """Compute and keep the values of `roots` with the chosen backend."""
    config.evaluate(roots)
