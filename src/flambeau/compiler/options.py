"""What a user can decide about the kernels that a graph becomes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """Choices that plans depend on.

    Attributes:
        winograd: whether convolutions may be computed by Winograd's algorithm.
    """

    winograd: bool = True
