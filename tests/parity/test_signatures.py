"""Functions and modules take torch's arguments: names, kinds, order and defaults."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any

import pytest
import torch
import torch.nn.utils.prune

import flambeau
from tools import coverage

OWNERS = [name for name in coverage.read_names() if name not in ("torch", "Tensor")]

# What differs, and why.
LEFT_OUT = {
    "nn.AvgPool1d": "beyond torch: divisor_override, as in two dimensions",
    "func.jacrev": "torch's _preallocate_and_copy is not public",
    "nn.Module.state_dict": "torch's takes the same by position, too, and warns",
    "nn.Container": "torch's takes anything by name only to warn",
}


def module_of(library: Any, owner: str) -> Any:
    """A module of one of the libraries."""
    return import_module(f"{library.__name__}.{owner}")


def shown(default: Any) -> Any:
    """A default as both libraries write it."""
    if callable(default):
        return getattr(default, "__name__", repr(default))
    return repr(default).replace("flambeau", "torch")


def parameters(thing: Any) -> list[tuple[str, str, Any]] | None:
    """The parameters of something, None where it takes whatever it is given."""
    try:
        found = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return None
    if {each.kind for each in found} >= {
        inspect.Parameter.VAR_POSITIONAL,
        inspect.Parameter.VAR_KEYWORD,
    }:
        return None
    return [(each.name, each.kind.name, shown(each.default)) for each in found]


def pairs(owner: str) -> Iterator[tuple[str, Any, Any]]:
    """What both libraries have in a module: name, flambeau's and torch's.

    Of classes also the methods that they define, without Python's own.
    """
    ours, theirs = module_of(flambeau, owner), module_of(torch, owner)
    for name in coverage.compare(owner, coverage.read_names()[owner]).done:
        mine, other = getattr(ours, name), getattr(theirs, name)
        yield f"{owner}.{name}", mine, other
        if inspect.isclass(other) and not issubclass(other, torch.Tensor):
            for method, function in vars(other).items():
                named = inspect.isfunction(function) and method[0] != "_"
                if named and hasattr(mine, method):
                    yield f"{owner}.{name}.{method}", getattr(mine, method), function


def differences(owner: str) -> Iterator[str]:
    """Yield what takes other arguments than torch's."""
    for name, mine, other in pairs(owner):
        expected = parameters(other)
        if expected is None or any(fnmatchcase(name, each) for each in LEFT_OUT):
            continue
        found = parameters(mine)
        if found != expected:
            yield f"{name}: {found}, torch has {expected}"


@pytest.mark.parametrize("owner", OWNERS)
def test_arguments_are_torchs(owner: str) -> None:
    assert [*differences(owner)] == []


def test_differences_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def relu(input: Any, inplace: bool = True) -> Any:
        """Another default."""

    monkeypatch.setattr(flambeau.nn.functional, "relu", relu)
    (found,) = differences("nn.functional")
    assert found.startswith("nn.functional.relu:")
