"""What is measured beside each other: one way to do a row's work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

__all__ = ["OWN", "Answer", "Contender", "Contenders"]

Answer: TypeAlias = Mapping[str, np.ndarray]

OWN = "flambeau"
"""What the names of flambeau's own contenders begin with."""


@dataclass(frozen=True)
class Contender:
    """One way to do the work.

    Attributes:
        answer: does the work as it is timed and returns all results by name, before
            anything else runs.
        run: does the work once; this is what is timed.
    """

    answer: Callable[[], Answer]
    run: Callable[[], object]


Contenders: TypeAlias = Mapping[str, Callable[[], Contender]]
"""What makes each contender, by its name: which library, and in which mode."""
