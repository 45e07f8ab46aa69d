"""The finder that answers `import torch…` and `import torchvision…` with flambeau."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from .facade import Absent, Facade
from .names import VERSIONS, first_of, missing, out_of_scope, target_of

__all__ = ["Finder", "install", "uninstall"]

_ANSWERED = ("torch", "torchvision")


class Finder(MetaPathFinder):
    """Finds the modules of torch and torchvision, and nothing else.

    A module is flambeau's own, or a Python file of the installed torchvision, which
    then runs on flambeau; which of them comes first is in `names.py`.

    Raises:
        ModuleNotFoundError: nobody answers; the message says where to look.
    """

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return where a module comes from; None for other packages' modules."""
        if fullname.partition(".")[0] not in _ANSWERED:
            return None
        reason = out_of_scope(fullname)
        if reason is not None:
            return _spec(fullname, _AbsentLoader(reason), [])
        ways = [_find_own, _find_installed]
        if first_of(fullname) == "installed":
            ways.reverse()
        for way in ways:
            found = way(fullname, path)
            if found is not None:
                return found
        # Without a name of its own, `from torch import x` passes the error on as it is.
        raise ModuleNotFoundError(missing(fullname))


def _find_own(fullname: str, path: Sequence[str] | None) -> ModuleSpec | None:
    target = target_of(fullname)
    if target is None or not _exists(target):
        return None
    below = list(path or ())
    if fullname.startswith("torchvision"):
        found = _find_installed(fullname, path)
        below = list(found.submodule_search_locations or ()) if found else []
    return _spec(fullname, _FacadeLoader(target), below)


def _find_installed(fullname: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """Look for a file of the installed torchvision; torch's own are never run."""
    if not fullname.startswith("torchvision"):
        return None
    return PathFinder.find_spec(fullname, path)


def _exists(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _spec(name: str, loader: Loader, below: list[str]) -> ModuleSpec:
    spec = ModuleSpec(name, loader, is_package=True)
    spec.submodule_search_locations = below
    return spec


class _FacadeLoader(Loader):
    def __init__(self, target: str) -> None:
        self.target = target

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return Facade(spec.name, import_module(self.target), _extras(spec.name))

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the target has run."""


class _AbsentLoader(Loader):
    def __init__(self, reason: str) -> None:
        self.reason = reason

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return Absent(spec.name, self.reason)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: there is nothing."""


def _extras(name: str) -> dict[str, Any]:
    """What a module has beside the names of the one that answers."""
    extras: dict[str, Any] = {}
    if name in VERSIONS:
        extras["__version__"] = VERSIONS[name]
    if name == "torch":
        extras["ops"] = import_module("flambeau.library").ops
    return extras


def install() -> None:
    """Answer imports of torch and torchvision with flambeau from now on.

    Raises:
        RuntimeError: one of the two has been imported already.

    Example:
        >>> from flambeau import alias
        >>> alias.install()  # doctest: +SKIP
        >>> import torch.nn  # doctest: +SKIP
    """
    if any(isinstance(each, Finder) for each in sys.meta_path):
        return
    there = [name for name in _ANSWERED if name in sys.modules]
    if there:
        raise RuntimeError(
            f"{there[0]} has been imported already, flambeau cannot answer for it: "
            "start the program with `python -m flambeau`"
        )
    sys.meta_path.insert(0, Finder())


def uninstall() -> None:
    """Stop answering, and forget the modules that were imported so."""
    mine = [each for each in sys.meta_path if isinstance(each, Finder)]
    for finder in mine:
        sys.meta_path.remove(finder)
        for name in list(sys.modules):
            if name.partition(".")[0] in _ANSWERED:
                del sys.modules[name]
