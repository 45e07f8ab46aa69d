"""Containers of modules: Sequential, ModuleList and ModuleDict."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from itertools import chain, groupby, islice
from typing import Any, Self

from .module import Module, printed

__all__ = ["Container", "ModuleDict", "ModuleList", "Sequential", "pairs"]


class Container(Module):
    """Modules by name, given as keyword arguments; deprecated.

    Args:
        kwargs: the modules.

    Source: torch's class "torch.nn.Container".
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        for name, module in kwargs.items():
            self.add_module(name, module)


class _ModuleSequence(Module):
    """Submodules in an order: what Sequential and ModuleList have in common."""

    def _name_at(self, index: int) -> str:
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range")
        return next(islice(self._modules, index % len(self), None))

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name_at(index), module)

    def _names_at(self, index: int | slice) -> list[str]:
        if isinstance(index, slice):
            return list(self._modules)[index]
        return [self._name_at(index)]

    def __delitem__(self, index: int | slice) -> None:
        for name in self._names_at(index):
            delattr(self, name)
        # The names are the positions again.
        self._modules = {str(i): each for i, each in enumerate(self)}

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def append(self, module: Module) -> Self:
        """Add a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add several modules at the end.

        Raises:
            TypeError: `modules` is not iterable.
        """
        if not isinstance(modules, Iterable):
            raise TypeError(
                f"{self._get_name()}.extend should be called with an iterable, but got "
                f"{type(modules).__name__}"
            )
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Add a module before the one at a position.

        Raises:
            AssertionError: `module` is not a Module.
            IndexError: the position lies outside.
        """
        if not isinstance(module, Module):
            raise AssertionError(
                f"module should be of type: {Module}, got {type(module).__name__}"
            )
        count = len(self)
        if not -count <= index <= count:
            raise IndexError(f"Index out of range: {index}")
        each = list(self)
        each.insert(index, module)
        self._modules = {str(i): module for i, module in enumerate(each)}
        return self

    def pop(self, key: int | slice) -> Module:
        """Remove the module at a position, and return it."""
        removed = self[key]
        del self[key]
        return removed

    def __getitem__(self, index: Any) -> Any:
        return self._modules[self._name_at(index)]


class Sequential(_ModuleSequence):
    """Modules that run one after the other, each on the output of the one before.

    Args:
        args: the modules; or one OrderedDict of modules by name.

    Raises:
        TypeError: something else than a Module.

    Source: torch's page "torch.nn.Sequential".

    Example:
        >>> from collections import OrderedDict
        >>> from flambeau import nn
        >>> nn.Sequential(OrderedDict(inner=nn.Sequential()))
        Sequential(
          (inner): Sequential()
        )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            self.extend(args)

    def forward(self, input: Any) -> Any:
        """Run the modules in their order."""
        for module in self:
            input = module(input)
        return input

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(OrderedDict(list(self._modules.items())[index]))
        return super().__getitem__(index)

    def extend(self, sequential: Iterable[Module]) -> Self:
        """Add several modules at the end.

        Raises:
            TypeError: `sequential` is not iterable.
        """
        return super().extend(sequential)

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *_layers_of(other))

    def __iadd__(self, other: Sequential) -> Self:
        return self.extend(_layers_of(other))

    def __mul__(self, other: int) -> Sequential:
        return Sequential(*list(self) * _factor(self, other))

    __rmul__ = __mul__

    def __imul__(self, other: int) -> Self:
        return self.extend(list(self) * (_factor(self, other) - 1))


def _layers_of(other: Any) -> list[Module]:
    if not isinstance(other, Sequential):
        raise ValueError(
            "add operator supports only objects of Sequential class, but "
            f"{type(other)} is given."
        )
    return list(other)


def _factor(module: Module, other: Any) -> int:
    if not isinstance(other, int):
        raise TypeError(
            f"unsupported operand type(s) for *: {type(module)} and {type(other)}"
        )
    if other <= 0:
        raise ValueError(
            f"Non-positive multiplication factor {other} for {type(module)}"
        )
    return other


class ModuleList(_ModuleSequence):
    """A list of modules, which are submodules of the one that has the list.

    Args:
        modules: the modules to begin with.

    Source: torch's page "torch.nn.ModuleList".

    Example:
        >>> from flambeau import nn
        >>> nn.ModuleList(nn.Sequential() for _ in range(3))
        ModuleList(
          (0-2): 3 x Sequential()
        )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return super().__getitem__(index)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList(chain(self, other))

    def __iadd__(self, other: Iterable[Module]) -> Self:
        return self.extend(other)

    def __repr__(self) -> str:
        """Print equal neighbours once, with their number."""
        lines, start = [], 0
        for text, equal in groupby(map(repr, self)):
            count = len(list(equal))
            if count == 1:
                lines.append(f"({start}): {text}")
            else:
                lines.append(f"({start}-{start + count - 1}): {count} x {text}")
            start += count
        return printed(self._get_name(), lines)


class ModuleDict(Module):
    """Modules by name, which are submodules of the one that has the dictionary.

    Args:
        modules: a mapping, or pairs of name and module.

    Source: torch's page "torch.nn.ModuleDict".

    Example:
        >>> from flambeau import nn
        >>> blocks = nn.ModuleDict({"down": nn.Sequential(), "up": nn.Sequential()})
        >>> list(blocks)
        ['down', 'up']
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Remove all modules."""
        self._modules.clear()

    def pop(self, key: str) -> Module:
        """Remove the module of a name, and return it."""
        removed = self[key]
        del self[key]
        return removed

    def keys(self) -> KeysView[str]:
        """Return the names."""
        return self._modules.keys()

    def items(self) -> ItemsView[str, Any]:
        """Return the pairs of name and module."""
        return self._modules.items()

    def values(self) -> ValuesView[Any]:
        """Return the modules."""
        return self._modules.values()

    def update(self, modules: Any) -> None:
        """Add modules, and replace those of the same name.

        Args:
            modules: a mapping, another ModuleDict, or pairs of name and module.

        Raises:
            TypeError: something else.
            ValueError: a pair has more or less than two parts.
        """
        for name, module in pairs("ModuleDict", modules):
            self[name] = module


def pairs(container: str, given: Any) -> Iterable[tuple[str, Any]]:
    """Return what `update` of a container was given, as pairs of name and value."""
    if isinstance(given, Mapping) or hasattr(given, "items"):
        return given.items()
    if not isinstance(given, Iterable):
        raise TypeError(
            f"{container}.update should be called with an iterable of key/value pairs, "
            f"but got {type(given).__name__}"
        )
    return [_pair(container, place, each) for place, each in enumerate(given)]


def _pair(container: str, place: int, given: Any) -> tuple[str, Any]:
    what = f"{container} update sequence element #{place}"
    if not isinstance(given, Iterable):
        raise TypeError(f"{what} should be Iterable; is {type(given).__name__}")
    pair = tuple(given)
    if len(pair) != 2:
        raise ValueError(f"{what} has length {len(pair)}; 2 is required")
    return pair
