"""A module of torch's name that answers with another module's attributes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from .names import missing

__all__ = ["Absent", "Facade"]


class Facade(ModuleType):
    """Stands in `sys.modules` under torch's name and forwards to flambeau's module.

    Args:
        name: torch's name for the module.
        target: the module that answers.
        extras: attributes that the target has not, or has for itself.

    Raises:
        AttributeError: when a name is used that the target lacks.
    """

    def __init__(
        self, name: str, target: ModuleType, extras: Mapping[str, Any]
    ) -> None:
        super().__init__(name, target.__doc__)
        vars(self).update(extras)
        vars(self)["_target"] = target
        if getattr(target, "__file__", None) is not None:
            vars(self)["__file__"] = target.__file__

    def __getattr__(self, name: str) -> Any:
        target: ModuleType = vars(self)["_target"]
        if name == "__all__":
            return [each for each in dir(self) if not each.startswith("_")]
        if name.startswith("__"):  # the import system asks for its own
            raise AttributeError(name)
        found = getattr(target, name, target)
        if not _is_inner(found):
            return found
        full = f"{self.__name__}.{name}"
        try:
            return import_module(full)
        except ModuleNotFoundError as error:
            if not error.msg.endswith(missing(full)):
                raise
        raise AttributeError(missing(full), name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("__") or isinstance(value, ModuleType):
            super().__setattr__(name, value)
        else:
            setattr(vars(self)["_target"], name, value)

    def __dir__(self) -> list[str]:
        target = vars(self)["_target"]
        listed = getattr(target, "__all__", None) or dir(target)
        shown = [name for name in listed if not _is_inner(getattr(target, name, None))]
        own = [name for name in vars(self) if name != "_target"]
        return sorted({*shown, *own})


def _is_inner(thing: object) -> bool:
    """Whether a thing is a module of flambeau's: those are reached by torch's names."""
    return isinstance(thing, ModuleType) and thing.__name__.startswith("flambeau")


class Absent(ModuleType):
    """A module that is out of scope: to import it is fine, to use it raises.

    Args:
        name: its name.
        reason: why there is nothing.

    Raises:
        AttributeError: when anything of it is used.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        vars(self)["_reason"] = reason

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        full = f"{self.__name__}.{name}"
        raise AttributeError(
            f"{missing(full)} ({vars(self)['_reason']})", name=name, obj=self
        )
