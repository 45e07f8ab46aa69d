"""Which backend computes the graph, and the settings a user can change."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from . import evaluator
from .compiler import native
from .compiler.options import Options
from .graph import Node

__all__ = ["Config", "config", "evaluate"]

Evaluate = Callable[[Iterable[Node]], None]


def _native(roots: Iterable[Node]) -> None:
    native.evaluate(roots, options=config.options)


_BACKENDS: dict[str, Evaluate] = {
    "native": _native,
    "reference": evaluator.evaluate,
}


class Config:
    """Settings of the whole process.

    Attributes:
        backend: "native", the compiler: whole graphs as fused machine code, and NumPy
            for small graphs; or "reference", NumPy for all graphs: slow, and what they
            mean. It is "native" until it is set.
        winograd: whether the compiler may compute 3x3 convolutions by Winograd's
            algorithm, which is faster and rounds a little more; an infinity in the
            input becomes NaN around it.

    Example:
        >>> import flambeau
        >>> flambeau.config.backend = "reference"
        >>> flambeau.config.backend = "native"
    """

    def __init__(self) -> None:
        self.options = Options()
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

    @property
    def winograd(self) -> bool:
        """Whether Winograd's algorithm may be used."""
        return self.options.winograd

    @winograd.setter
    def winograd(self, allowed: bool) -> None:
        if not isinstance(allowed, bool):
            raise TypeError(f"config.winograd must be a bool, got {allowed!r}")
        self.options = Options(winograd=allowed)


config = Config()


def evaluate(roots: Iterable[Node]) -> None:
    """Compute and keep the values of `roots` with the chosen backend."""
    config.evaluate(roots)
