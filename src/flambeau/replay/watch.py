"""What a function reads besides its arguments, found without running it.

A function reads its closure, the globals that its code names, and what can be reached
from there: modules, optimizers, lists, objects with attributes. A `Watch` knows every
tensor among them, and tells whether the rest is as it was.
"""

from __future__ import annotations

import functools
import sys
import types
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from .. import dtypes as dt
from ..nn.members import Members, attributes_of
from ..recorder import Counted, changes
from ..tensor import Tensor

__all__ = ["PLAIN", "TooMuch", "Watch", "is_hooked", "same"]

PLAIN = (type(None), bool, int, float, complex, str, bytes, dt.dtype, np.generic)
_MOST = 50_000  # objects; a function that can reach more is not replayed
_LARGEST = 1 << 20  # bytes of a NumPy array that is compared at each call
_OWN = __name__.partition(".")[0]
_FOREIGN = frozenset((*sys.stdlib_module_names, _OWN, "numpy"))
_MEMBERS = ("_parameters", "_buffers", "_modules")
_ABSENT = object()

Read = Callable[[], Sequence[Any]]


class TooMuch(Exception):
    """A function can reach more than can be watched."""


def same(first: Any, second: Any) -> bool:
    """Whether two values are one object, or equal numbers, strings and the like."""
    if first is second:
        return True
    if type(first) is not type(second) or not isinstance(first, PLAIN):
        return False
    return repr(first) == repr(second)  # which tells 0.0 from -0.0, and knows nan


def is_hooked(tensor: Tensor) -> bool:
    """Whether a backward pass calls functions on reaching a tensor."""
    tape = tensor._node.tape
    hooks = tape is not None and tape.hooks
    return bool(hooks or tensor.__dict__.get("_after_hooks"))


class _Holder:
    """Something that holds values, and what it held.

    Attributes:
        read: returns the values, or copies of what can change in place.
        live: collections that are these values, if there are such.
        ids: of what it held.

    Args:
        read: the same.
        live: the same.
    """

    __slots__ = ("_held", "ids", "live", "read")

    def __init__(self, read: Read, live: Sequence[Collection[Any]] = ()) -> None:
        self.read, self.live = read, live
        self._hold(read())

    def _hold(self, values: Sequence[Any]) -> None:
        self._held = values
        self.ids = [*map(id, values)]

    def holds(self) -> bool:
        """Whether it still holds the same, or what is equal."""
        now, held = self.read(), self._held
        if len(now) != len(held) or not all(map(same, now, held)):
            return False
        self._hold(now)
        return True


class Watch:
    """What can be reached from a function, and what it held.

    Attributes:
        tensors: those that were found, by id.
        names: what the code of the functions names.

    Args:
        roots: where to start: the function, and arguments that are no tensors.

    Raises:
        TooMuch: there is too much to be looked at.
    """

    def __init__(self, roots: Iterable[Any]) -> None:
        self.tensors: dict[int, Tensor] = {}
        self.names: set[str] = set()
        self._seen: dict[int, Any] = {}  # kept, so that no id is used again
        self._holders: dict[Any, _Holder] = {}
        self._views: list[tuple[Tensor, Tensor]] = []  # and whose memory each shows
        self._members: list[_Holder] = []  # of modules, which tell when they change
        self._changes = changes.count
        stack = list(roots)
        while stack:
            value = stack.pop()
            if isinstance(value, PLAIN) or id(value) in self._seen:
                continue
            self._seen[id(value)] = value
            if len(self._seen) > _MOST:
                raise TooMuch(f"it can reach more than {_MOST} objects")
            stack.extend(self._enter(value))
        self._arrange()

    def _arrange(self) -> None:
        """Put dicts and lists side by side: they are compared in one sweep."""
        holders = self._holders.values()
        self._others = [each for each in holders if not each.live]
        self._live = [part for each in holders for part in each.live]
        self._lengths, self._ids = self._sweep()

    def _sweep(self) -> tuple[list[int], list[int]]:
        return [*map(len, self._live)], [*map(id, chain.from_iterable(self._live))]

    def holds(self) -> bool:
        """Whether everything is as it was."""
        if self._changes != changes.count:
            count = changes.count
            if not all([each.holds() for each in self._members]) or self.is_hooked():
                return False
            if any([tensor._base is not base for tensor, base in self._views]):
                return False
            self._changes = count
        if not self._holders:
            return True
        for each in self._others:
            if [*map(id, each.read())] != each.ids and not each.holds():
                return False
        now = self._sweep()
        if now != (self._lengths, self._ids):
            if not all([each.holds() for each in self._holders.values()]):
                return False
            self._lengths, self._ids = now
        return True

    def is_hooked(self) -> bool:
        """Whether a backward pass calls functions on reaching one of the tensors."""
        return any(map(is_hooked, self.tensors.values()))

    def ignore_unread(self, read: dict[int, set[str]]) -> None:
        """Of dicts by their id, look at the keys alone that were read."""
        for identity, names in read.items():
            if identity in self._holders:
                values = self._seen[identity]
                self._holders[identity] = _Holder(_named(values, sorted(names)))
        self._arrange()

    # What there is to see

    def _watch(self, key: Any, read: Read) -> None:
        self._holders[key] = _Holder(read)

    def _watch_items(self, values: Any) -> None:
        live = (values, values.values())
        self._holders[id(values)] = _Holder(_items(values), live)

    def _enter(self, value: Any) -> Iterable[Any]:
        """Watch a value itself, and return what it leads to."""
        if isinstance(value, Tensor):
            self.tensors[id(value)] = value
            if value._base is not None:
                self._views.append((value, value._base))
            return (value._base,)
        if isinstance(value, Members):
            return self._enter_module(value)
        enter = _ENTER.get(type(value)) or next(
            (each for kind, each in _ENTER.items() if isinstance(value, kind)),
            Watch._enter_object,
        )
        return enter(self, value)

    def _enter_module(self, module: Any) -> Iterable[Any]:
        own = attributes_of(module)
        self._members.append(_Holder(_items(own)))
        reached: list[Any] = [type(module)]
        for name, value in own.items():
            if name in _MEMBERS and value and type(value) is not Counted:
                self._watch_items(value)
                reached.extend(value.values())
            elif name[0] == "_" and isinstance(value, dict):  # members, hooks
                self._members.append(_Holder(_items(value)))
                reached.extend(value.values())
            elif name != "_non_persistent_buffers_set":
                reached.append(value)
        return reached

    def _enter_object(self, value: Any) -> Iterable[Any]:
        """Look at the attributes of an object, and at its class."""
        wrapped = getattr(value, "__wrapped__", None)
        if wrapped is not None:
            return (wrapped,)
        kind = type(value)
        if _is_foreign(kind) and not _is_open(kind):
            return ()
        reached: list[Any] = [kind]
        own = getattr(value, "__dict__", None)
        if own is not None:
            self._watch_items(own)
            reached.extend(own.values())
        slots = _slots(kind)
        if slots:
            self._watch(id(value), lambda: [getattr(value, *each) for each in slots])
            reached.extend(getattr(value, *each) for each in slots)
        return reached

    def _enter_class(self, kind: type) -> Iterable[Any]:
        """Look at the attributes of a class and its bases, methods among them."""
        reached: list[Any] = []
        for each in kind.__mro__:
            if not _is_foreign(each) and id(each) not in self._holders:
                own = vars(each)
                self._holders[id(each)] = _Holder(_items(own), (own, own.values()))
                reached.extend(vars(each).values())
        return reached

    def _enter_function(self, function: Any) -> Iterable[Any]:
        cells = function.__closure__ or ()
        if cells:
            self._watch(id(cells), lambda: [_content(cell) for cell in cells])
        found = [_content(cell) for cell in cells]
        found.extend(function.__defaults__ or ())
        found.extend((function.__kwdefaults__ or {}).values())
        names = frozenset(_names(function.__code__))
        if not _is_foreign(function):
            self.names |= names
            found.extend(self._enter_space(function, function.__globals__, names))
        for each in tuple(found):
            if isinstance(each, types.ModuleType) and not _is_foreign(each):
                found.extend(self._enter_space(function, vars(each), names))
        return found

    def _enter_space(
        self, function: Any, space: dict[str, Any], names: Iterable[str]
    ) -> Iterable[Any]:
        """Look at what a function names among globals or in another module."""
        known = [name for name in sorted(names) if name in space]
        if known:
            self._watch((id(function), id(space)), _named(space, known))
        return [space[name] for name in known]

    def _enter_dict(self, value: Any) -> Iterable[Any]:
        self._watch_items(value)
        return list(value.values())

    def _enter_list(self, value: Any) -> Iterable[Any]:
        self._holders[id(value)] = _Holder(lambda: list(value), (value,))
        return list(value)

    def _enter_array(self, value: Any) -> Iterable[Any]:
        if value.nbytes > _LARGEST:
            raise TooMuch(f"it can reach a NumPy array of {value.nbytes} bytes")
        self._watch(id(value), lambda: (value.tobytes(), value.shape))
        return ()


def _inside(*names: str) -> Callable[[Watch, Any], Iterable[Any]]:
    """Go on with some attributes of a value that cannot change itself."""
    return lambda watch, value: [getattr(value, name) for name in names]


_ENTER: dict[type, Callable[[Watch, Any], Iterable[Any]]] = {
    dict: Watch._enter_dict,
    list: Watch._enter_list,
    set: Watch._enter_list,
    deque: Watch._enter_list,
    tuple: lambda watch, value: value,
    frozenset: lambda watch, value: value,
    np.ndarray: Watch._enter_array,
    types.FunctionType: Watch._enter_function,
    types.MethodType: _inside("__func__", "__self__"),
    functools.partial: _inside("func", "args", "keywords"),
    property: _inside("fget"),
    staticmethod: _inside("__func__"),
    classmethod: _inside("__func__"),
    type: Watch._enter_class,
    types.ModuleType: lambda watch, value: (),
}


def _items(values: Any) -> Read:
    return lambda: (*values, *values.values())


def _named(values: Any, names: Sequence[str]) -> Read:
    return lambda: [values.get(name, _ABSENT) for name in names]


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return _ABSENT


def _names(code: types.CodeType) -> Iterator[str]:
    """The names that code uses, with that of the functions it makes."""
    yield from code.co_names
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from _names(each)


def _slots(kind: type) -> list[tuple[str, object]]:
    """The attributes that objects of a class have besides those in their dict."""
    names = [vars(each).get("__slots__", ()) for each in kind.__mro__]
    listed = [(each,) if isinstance(each, str) else each for each in names]
    return [(name, _ABSENT) for each in listed for name in each]


def _is_foreign(value: Any) -> bool:
    """Whether something belongs to Python, NumPy or flambeau, which keep no state."""
    module = getattr(value, "__module__", None) or getattr(value, "__name__", "")
    return str(module).partition(".")[0] in _FOREIGN


def _is_open(kind: type) -> bool:
    """Whether the attributes of a foreign class matter."""
    return kind.__module__.partition(".")[0] == _OWN or kind in (
        types.SimpleNamespace,
        getattr(sys.modules.get("argparse"), "Namespace", None),
    )
