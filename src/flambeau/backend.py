"""Which backend computes the graph, and the settings a user can change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np

from . import evaluator
from .compiler import native
from .compiler.options import Options
from .graph import Node

__all__ = ["Config", "Routine", "config", "evaluate", "prepare"]

Evaluate = Callable[[Iterable[Node]], None]
Prepare = Callable[[Sequence[Node], Sequence[int]], "Routine"]


class Routine(Protocol):
    """What computes a graph again, with other leaves.

    Attributes:
        leaves: the positions in the graph of the values that it takes.
        may_refuse: whether there are values that it does not take.
        donations: the places of leaves that results may be written over.
        is_apart: whether no output shares memory with a leaf.
    """

    leaves: list[int]
    may_refuse: bool
    donations: frozenset[int]
    is_apart: bool

    def run(
        self,
        values: Sequence[np.ndarray],
        donors: Sequence[int] = (),
        known: object | None = None,
        free: Sequence[int] = (),
    ) -> list[np.ndarray] | None:
        """Return the outputs; None if `evaluate` has to find out what is wrong.

        Args:
            values: of the leaves.
            donors: places of leaves among `donations` that nobody needs any more.
            known: stands for leaves: they are the same arrays as when it was given
                before.
            free: the places among the leaves of those that it does not stand for.
        """


def _native(roots: Iterable[Node]) -> None:
    native.evaluate(roots, options=config.options)


def _prepare_native(order: Sequence[Node], outputs: Sequence[int]) -> Routine:
    return native.prepare(order, outputs, config.options)


_BACKENDS: dict[str, tuple[Evaluate, Prepare]] = {
    "native": (_native, _prepare_native),
    "reference": (evaluator.evaluate, evaluator.Routine),
}


class Config:
    """Settings of the whole process.

    Attributes:
        backend: "native", the compiler: whole graphs as fused machine code, and NumPy
            for small graphs; or "reference", NumPy for all graphs: slow, and what they
            mean. It is "native" until it is set.
        winograd: whether the compiler may compute 3x3 convolutions by Winograd's
            algorithm, which is faster and rounds a little more.

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
        self.evaluate, self.prepare = _BACKENDS[name]

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


def prepare(order: Sequence[Node], outputs: Sequence[int]) -> Routine:
    """Return what computes some nodes of a graph as `evaluate` would, any time again.

    Args:
        order: the graph, inputs before users.
        outputs: the positions in `order` of the nodes whose values are wanted.
    """
    return config.prepare(order, outputs)
