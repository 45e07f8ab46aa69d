"""A module whose calls are replayed."""

from __future__ import annotations

from typing import Any

from ..nn import Module
from ..recorder import changes
from .compiled import Compiled

__all__ = ["OptimizedModule"]


class OptimizedModule(Module):
    """A module as `flambeau.compile` returns it: the same one, with calls replayed.

    What it does not have itself, the module inside has.

    Args:
        module: the module.

    Source: torch's class ``torch._dynamo.OptimizedModule``, of which checkpoints show
    that the names of their entries begin with ``_orig_mod.``.
    """

    _looked_at = -1  # what was counted when there were no hooks

    def __init__(self, module: Module) -> None:
        super().__init__()
        self._orig_mod = module
        self.compiled = Compiled(module)
        self.training = module.training

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._looked_at != changes.count:
            count = changes.count
            if self._has_hooks():
                return super().__call__(*args, **kwargs)
            object.__setattr__(self, "_looked_at", count)
        return self.compiled(*args, **kwargs)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the module inside returns."""
        return self.compiled(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == "_orig_mod":
                raise
            return getattr(super().__getattr__("_orig_mod"), name)
