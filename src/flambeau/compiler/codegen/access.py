"""Which buffers of its table a kernel reads and writes, found in its IR."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

__all__ = ["Access", "accesses"]

_FUNCTION = re.compile(r"^define (.*?)\n}", re.MULTILINE | re.DOTALL)
_CALLED = re.compile(r'@"?([\w.]+)"?\(')
_DEFINED = re.compile(r"^\s*(%[\w.]+) = (.*)$")
_PLACE = re.compile(r"getelementptr ptr, ptr (%[\w.]+), i64 (\d+)")
_POINTER = re.compile(r"ptr (?:noalias )?(%[\w.]+)")
_KEPT = re.compile(r"\s*store ptr (%[\w.]+), ptr (%[\w.]+)")
_JOINED = re.compile(r"(?:phi\s+ptr|select)")
_NAME = re.compile(r"%[\w.]+")
_HARMLESS = ("llvm.prefetch", "llvm.assume")


@dataclass(frozen=True)
class Access:
    """The slots of the table that a kernel uses.

    Attributes:
        slots: all that it looks at.
        reads: those it loads values from.
        writes: those it stores values to.
    """

    slots: frozenset[int]
    reads: frozenset[int]
    writes: frozenset[int]


def accesses(ir: str) -> Access:
    """Return which slots the kernel of a module uses, which is its first function."""
    functions = {}
    for text in _FUNCTION.findall(ir):
        called = _CALLED.search(text)
        assert called is not None
        functions[called[1]] = text
    kernel = _Walk(next(iter(functions.values())), functions)
    kernel.table = kernel.pointers[0]
    return kernel.walk()


@dataclass
class _Walk:
    """What a function does with memory.

    Attributes:
        text: the function.
        functions: those of the module, by name.
        table: the pointer to a table of buffers, if there is one.
        places: names of addresses in the table.
        slots: into which buffers pointers lead, by their names.
        kept: into which buffers the pointers lead that a variable keeps.
    """

    text: str
    functions: dict[str, str]
    table: str = ""
    places: dict[str, int] = field(default_factory=dict)
    slots: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    kept: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    reads: set[int] = field(default_factory=set)
    writes: set[int] = field(default_factory=set)

    @property
    def pointers(self) -> list[str]:
        """The names of the arguments that are pointers."""
        return _POINTER.findall(self.text.partition("\n")[0])

    def walk(self) -> Access:
        """Follow all pointers and note what happens to what they lead to."""
        lines = [line for line in self.text.splitlines()[1:] if "ptr" in line]
        before = -1
        while before != (before := self._known):
            for line in lines:  # again, for a phi names pointers that come later
                self._follow(line)
        for line in lines:
            self._note(line)
        slots = frozenset(self.places.values())
        return Access(slots, frozenset(self.reads), frozenset(self.writes))

    @property
    def _known(self) -> int:
        """How much is known of where pointers lead."""
        return sum(map(len, (*self.slots.values(), *self.kept.values())))

    def _follow(self, line: str) -> None:
        """Find out into which buffers a pointer that a line defines or keeps leads."""
        kept, defined = _KEPT.match(line), _DEFINED.match(line)
        if kept:
            self.kept[kept[2]] |= self.slots[kept[1]]
        if not defined:
            return
        name, value = defined.groups()
        place = _PLACE.match(value)
        if place and place[1] == self.table:
            self.places[name] = int(place[2])
        elif value.startswith("load ptr"):
            for each in _POINTER.findall(value):
                known = {self.places[each]} if each in self.places else self.kept[each]
                self.slots[name] |= known
        elif value.startswith("getelementptr") or _JOINED.match(value):
            for each in _NAME.findall(value):
                self.slots[name] |= self.slots.get(each, set())

    def _note(self, line: str) -> None:
        """Note what a line reads or writes."""
        defined = _DEFINED.match(line)
        value = (defined[2] if defined else line).strip()
        used = self._used(_POINTER.findall(value)[value.startswith("store ptr") :])
        if value.startswith("store"):
            self.writes |= used
        elif value.startswith("load") or "llvm.masked.load" in value:
            self.reads |= used
        elif "llvm.masked.store" in value:
            self.writes |= used
        elif "call" in value and not any(each in value for each in _HARMLESS):
            self._call(value, used)

    def _used(self, pointers: list[str]) -> set[int]:
        return {slot for each in pointers for slot in self.slots.get(each, ())}

    def _call(self, value: str, used: set[int]) -> None:
        """Note what a function does that is called."""
        called = _CALLED.search(value)
        text = self.functions.get(called[1]) if called else None
        if text is None:  # anything may happen to the buffers
            self.reads |= used
            self.writes |= used
            return
        inner = _Walk(text, self.functions)
        for own, given in zip(inner.pointers, _POINTER.findall(value), strict=True):
            inner.slots[own] = set(self.slots.get(given, ()))
        found = inner.walk()
        self.reads |= found.reads
        self.writes |= found.writes
