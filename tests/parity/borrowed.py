"""flambeau in torch's place inside a process that has live torch imported, too."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from flambeau import alias


class Borrower:
    """Imports under the alias, kept apart from what was imported for torch.

    Args:
        packages: the packages, besides torch and torchvision, that have to be imported
            once for each library, since they import torch.
    """

    def __init__(self, *packages: str) -> None:
        self.packages = ("torch", "torchvision", *packages)
        self.modules: dict[str, ModuleType] = {}

    def _take(self) -> dict[str, ModuleType]:
        names = [n for n in sys.modules if n.partition(".")[0] in self.packages]
        return {name: sys.modules.pop(name) for name in names}

    @contextmanager
    def active(self) -> Iterator[None]:
        """Answer imports with flambeau inside of a `with` block."""
        kept = self._take()
        alias.install()
        sys.modules.update(self.modules)
        try:
            yield
        finally:
            self.modules = self._take()
            alias.uninstall()
            sys.modules.update(kept)

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function while imports are answered with flambeau."""
        with self.active():
            return function(*args)
