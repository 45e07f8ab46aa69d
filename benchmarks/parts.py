"""The parts of networks, written once for torch and flambeau.

Every function takes `nn`, which is `torch.nn` or `flambeau.nn`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import Any, TypeAlias

__all__ = ["Module", "Namespace", "classifier", "combinators", "normed"]

Namespace: TypeAlias = Any
Module: TypeAlias = Any
# A residual branch begins small, as is usual since Goyal et al. (arXiv:1706.02677):
# where it does not, gradients of a deep network on a small batch are mostly rounding.
_GAIN = 0.25


@lru_cache
def combinators(nn: Namespace) -> tuple[Any, Any]:
    """The two ways in which the networks here leave a plain sequence."""
    library = import_module(nn.__name__.partition(".")[0])

    class Sum(nn.Module):
        """What a body, which ends with its norm, and a shortcut make, added."""

        def __init__(self, body: Module, shortcut: Module, last: Module) -> None:
            super().__init__()
            self.body, self.shortcut, self.last = body, shortcut, last
            nn.init.constant_(body[-1].weight, _GAIN)

        def forward(self, x: Any) -> Any:
            y = self.body(x)
            y += self.shortcut(x)
            return self.last(y)

    class Beside(nn.Module):
        """A body's result, and its input beside it as further channels."""

        def __init__(self, body: Module) -> None:
            super().__init__()
            self.body = body

        def forward(self, x: Any) -> Any:
            return library.cat([self.body(x), x], 1)

    return Sum, Beside


def normed(nn: Namespace, *convolution: Any, **options: int) -> Iterator[Module]:
    """A convolution without bias and its batch norm."""
    yield nn.Conv2d(*convolution, bias=False, **options)
    yield nn.BatchNorm2d(convolution[1])


def classifier(nn: Namespace, channels: int, classes: int) -> Iterator[Module]:
    """The mean over all places, and a linear layer."""
    yield from (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))
