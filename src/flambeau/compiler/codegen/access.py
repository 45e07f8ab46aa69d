"""Which buffers of its table a kernel reads and writes, found in its IR."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

__all__ = ["Access", "accesses"]

_DEFINED = re.compile(r'^\s*(%"[^"]+") = (.*)$')
_PLACE = re.compile(r'getelementptr ptr, ptr (%"[^"]+"), i64 (\d+)')
_POINTER = re.compile(r'ptr (?:noalias )?(%"[^"]+")')
_JOINED = re.compile(r"(?:phi\s+ptr|select)")
_NAME = re.compile(r'%"[^"]+"')
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
    """Return which slots the kernel of a module uses."""
    lines = [line for line in ir.splitlines() if "ptr" in line]
    table = next(
        _POINTER.findall(line)[0] for line in lines if line.startswith("define")
    )
    places: dict[str, int] = {}  # names of addresses in the table
    slots: defaultdict[str, set[int]] = defaultdict(set)  # of pointers by name
    before = -1
    while before != (before := sum(map(len, slots.values()))):
        for line in lines:  # again, for a phi names pointers that come later
            _follow(line, table, places, slots)
    reads: set[int] = set()
    writes: set[int] = set()
    for line in lines:
        _note(line, slots, reads, writes)
    return Access(frozenset(places.values()), frozenset(reads), frozenset(writes))


def _follow(
    line: str, table: str, places: dict[str, int], slots: defaultdict[str, set[int]]
) -> None:
    """Find out into which buffers a pointer that a line defines leads."""
    defined = _DEFINED.match(line)
    if not defined:
        return
    name, value = defined.groups()
    place = _PLACE.match(value)
    if place and place[1] == table:
        places[name] = int(place[2])
    elif value.startswith("load ptr"):
        slots[name] |= {
            places[each] for each in _POINTER.findall(value) if each in places
        }
    elif value.startswith("getelementptr") or _JOINED.match(value):
        for each in _NAME.findall(value):
            slots[name] |= slots.get(each, set())


def _note(
    line: str, slots: defaultdict[str, set[int]], reads: set[int], writes: set[int]
) -> None:
    """Note what a line reads or writes."""
    defined = _DEFINED.match(line)
    value = (defined[2] if defined else line).strip()
    used = {slot for each in _POINTER.findall(value) for slot in slots.get(each, ())}
    if value.startswith("store"):
        writes |= used
    elif value.startswith("load") or "llvm.masked.load" in value:
        reads |= used
    elif "llvm.masked.store" in value:
        writes |= used
    elif "call" in value and not any(each in value for each in _HARMLESS):
        # anything may happen to the buffer
        reads |= used
        writes |= used
