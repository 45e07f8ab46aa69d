"""What is noted while a function is recorded that is to be replayed later.

A recorder stands in `graph.state.recorder` for as long as the function runs. Where
values come from outside the graph, they are noted: constants, with how to make them
anew if they are different each time. What a replay could not repeat, such as looking
at a value, ends the recorder; the function goes on as it would without one.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable
from typing import Any, Protocol, Self

import numpy as np

from . import dtypes as dt
from .graph import Node, state

__all__ = [
    "Changes",
    "Check",
    "Counted",
    "Keeper",
    "Later",
    "Live",
    "Recorder",
    "Source",
    "Watched",
    "Writes",
    "changes",
    "checked",
    "fresh",
    "is_noted",
    "later",
    "live",
    "passes",
    "spoil",
    "warn",
    "watched",
    "writes",
]

Source = Callable[[], np.ndarray]
Check = Callable[[np.ndarray], object]


class Later:
    """What comes from packages further up; the table of contents sets it.

    Attributes:
        compile: what `flambeau.compile` does.
    """

    compile: Callable[..., Any]


later = Later()


class Changes:
    """Counts what happens to the members of modules, and hooks that come and go.

    Attributes:
        count: grows whenever something has changed.
    """

    count = 0


changes = Changes()


class Counted(dict[Any, Any]):
    """A dict whose changes are counted among those of modules, when they are made."""

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        changes.count += 1

    def __delitem__(self, key: Any) -> None:
        super().__delitem__(key)
        changes.count += 1

    def __ior__(self, other: Any) -> Self:  # type: ignore[misc]
        super().update(other)
        changes.count += 1
        return self

    def clear(self) -> None:
        """Remove all items."""
        super().clear()
        changes.count += 1

    def pop(self, *args: Any) -> Any:
        """Remove a key and return its value, or what is given for an absent one."""
        value = super().pop(*args)
        changes.count += 1
        return value

    def popitem(self) -> tuple[Any, Any]:
        """Remove the last item and return it."""
        item = super().popitem()
        changes.count += 1
        return item

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """Return the value of a key, which is added if it is not there."""
        value = super().setdefault(key, default)
        changes.count += 1
        return value

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Add and replace items."""
        super().update(*args, **kwargs)
        changes.count += 1


class Keeper(Protocol):
    """Who keeps the values of tensors as long as none is written to."""

    def forget(self) -> None:
        """Let go of the values."""


class Writes:
    """Tells those who keep values of tensors that one of these has other values now.

    Attributes:
        count: grows whenever such a tensor has changed.
    """

    def __init__(self) -> None:
        self.count = 0
        self._keepers: list[weakref.ref[Keeper]] = []

    def watch(self, keeper: Keeper, since: int) -> None:
        """Tell `keeper`, once, of the next write since the count was `since`."""
        self._keepers.append(weakref.ref(keeper))
        if self.count != since:  # another thread wrote meanwhile
            keeper.forget()

    def note(self) -> None:
        """Tell those who watch: a tensor stands for other values, or shares memory.

        It does so already: whoever reads it from now on reads what is new.
        """
        self.count += 1
        if self._keepers:
            told, self._keepers = self._keepers, []
            for each in told:
                keeper = each()
                if keeper is not None:
                    keeper.forget()


writes = Writes()


class Recorder:
    """Notes of one recording.

    Attributes:
        constants: the nodes made from Python's values, by id.
        sources: how the values of some of them are made, in the order of making.
        checks: what raises of values that were there already, with their nodes.
        read: by a dict's id: the keys of which the values were read; of dicts whose
            other values are only read by sources.
        warned: whether there were warnings, which a layer gives at each call.
        draws: whether there are random draws among the sources.
        deferred: whether values were asked for that can wait until the end.
        reason: why it cannot be replayed; None as long as it can.
    """

    def __init__(self) -> None:
        self.constants: dict[int, Node] = {}
        self.sources: dict[int, Source] = {}
        self.checks: list[tuple[Node, Check]] = []
        self.read: dict[int, set[str]] = {}
        self.warned = False
        self.draws = False
        self.deferred = False
        self.reason: str | None = None

    def note(self, node: Node, source: Source | None = None) -> Node:
        """Note a constant, and how its value is made, if it can be another one."""
        self.constants[id(node)] = node
        if source is not None:
            self.sources[id(node)] = source
        return node

    def note_number(self, node: Node, number: float) -> None:
        """Note a 0-d constant made from a number."""
        self.note(node)
        if isinstance(number, Live):
            source, kind = number.source, node.dtype.numpy
            self.sources[id(node)] = lambda: np.array(source(), kind)


class Watched(dict[str, Any]):
    """A dict through which another one is read, by a recorder's leave.

    Args:
        values: the other one.
        read: where keys are added whose values are read outside of sources.
    """

    def __init__(self, values: dict[str, Any], read: set[str]) -> None:
        super().__init__(values)
        self._values, self._read = values, read

    def __getitem__(self, key: str) -> Any:
        self._note(key)
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._note(key)
        self._values[key] = value

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key."""
        self._note(key)
        return self._values.get(key, default)

    def _note(self, key: str) -> None:
        if state.recorder is not None:
            self._read.add(key)


def watched(values: dict[str, Any]) -> dict[str, Any]:
    """Return a dict to be read from, so that a recorder learns which keys matter.

    What only the sources of `live` numbers read may be another value at each replay.
    """
    if state.recorder is None:
        return values
    return Watched(values, state.recorder.read.setdefault(id(values), set()))


class Live(float):
    """A number of which a recorder knows where it comes from.

    As an operand of a tensor it is read anew at each replay. Arithmetic with it gives
    plain numbers.
    """

    source: Callable[[], float]


def live(source: Callable[[], Any]) -> Any:
    """Return what `source()` returns: a number that may change from step to step."""
    recorder = state.recorder
    if recorder is None:
        return source()
    value = _unnoticed(source)
    if type(value) not in (int, float):
        return source()
    number = Live(value)
    number.source = source
    return number


def fresh(source: Source, kind: dt.dtype) -> Node:
    """Return a constant of random draws, which `source()` makes anew at each replay."""
    value = _unnoticed(source)
    node = Node(None, (), {}, value.shape, kind, value)
    if state.recorder is not None:
        state.recorder.draws = True
        state.recorder.note(node, source)
    return node


def _unnoticed(source: Callable[[], Any]) -> Any:
    """Call a function without a recorder."""
    recorder, state.recorder = state.recorder, None
    try:
        return source()
    finally:
        state.recorder = recorder


def is_noted(node: Node) -> bool:
    """Whether a node is a constant that was made since the recording began."""
    return state.recorder is not None and id(node) in state.recorder.constants


def checked(node: Node, check: Check) -> bool:
    """Whether the value of a node is known; it is then given to what raises.

    A recorder is told, as the next value may be another one.
    """
    if node.value is None:
        return False
    check(node.value)
    if state.recorder is not None:
        state.recorder.checks.append((node, check))
    return True


def passes(values: np.ndarray | None, check: Check) -> bool:
    """Whether a value is there, and a check that was noted does not raise of it."""
    if values is None:
        return False
    try:
        check(values)
    except Exception:
        return False
    return True


def warn(message: str, stacklevel: int) -> None:
    """Warn as `warnings.warn` does, and let a recorder know."""
    if state.recorder is not None:
        state.recorder.warned = True
    warnings.warn(message, stacklevel=stacklevel + 1)


def spoil(reason: str) -> None:
    """End the recorder of this thread, if there is one: no replay can do this."""
    recorder = state.recorder
    if recorder is not None:
        recorder.reason, state.recorder = reason, None
