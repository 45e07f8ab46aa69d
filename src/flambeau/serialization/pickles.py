"""An interpreter of pickles that runs nothing.

A pickle is a program for a machine with a stack. Most of its instructions push plain
values. Three of them call what the file names: here, a name stands for one of our own
constructors, or is refused. No name is ever looked up.

Source: the comments of `pickletools` in Python's standard library.
"""

from __future__ import annotations

import codecs
import struct
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..devices import device
from ..dtypes import dtype
from ..shape import Size
from .errors import CheckpointError, RefusedError
from .source import Piece

__all__ = ["Build", "Constructor", "Machine", "Record", "Vocabulary"]

# Bytes of memory that things need at the most, with what the stack and the memo keep.
_STEP = 16
_NUMBER, _TEXT, _CONTAINER, _ITEM = 32, 56, 96, 110
_ODD_KEY = 16 << 10  # keys whose hashes a file can choose to be equal

_NEWEST_PROTOCOL = 5
_LONGEST_NUMBER = 255  # bytes
_MOST_DIGITS = 617  # of a number of that length, with its sign and an L
_DEEPEST_KEY = 1000  # parts of a key
_PLAIN_KEYS = (str, int, float, bool, bytes, type(None), complex, dtype, device)
_DICTS = (dict, OrderedDict, Counter)
_LONGEST_TOLD = 200  # characters of a name or of another error, in a message


Build = Callable[["Machine", Any, Any], None]


class _Refused(Exception):
    """A name is not one of ours."""


@dataclass(frozen=True, slots=True)
class Constructor:
    """What a name in a pickle stands for: one of our own functions.

    Attributes:
        name: as it stands in the file.
        make: is called with the machine and the arguments.
        cost: bytes of memory that the result needs.
    """

    name: str
    make: Callable[..., Any]
    cost: int = _CONTAINER


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All that a pickle can mention.

    Attributes:
        names: what a name stands for, a `Constructor` or a plain value.
        builds: by type, what is called with the machine, an object and its state.
        persistent: is called with the machine and an id, and gives what the id, which
            tells of something outside of the pickle, stands for.
        recording: note names that are not there as a `Record` instead of refusing them.
        advice: what to tell who meets a name that is refused.
    """

    names: Mapping[str, Any]
    builds: Mapping[type, Build] = field(default_factory=dict)
    persistent: Callable[[Machine, Any], Any] | None = None
    recording: bool = False
    advice: str = ""


class Record:
    """What a pickle says about an object that is not made.

    Attributes:
        name: of the class or the function.
        args: what it would be called with.
        state: what would be set.
        items: what would be appended, or set as pairs.
    """

    __slots__ = ("args", "items", "name", "state")

    def __init__(self, name: str, args: Any = ()) -> None:
        self.name, self.args = name, args
        self.state: Any = None
        self.items: list[Any] = []


class Machine:
    """Interprets one pickle.

    Attributes:
        at: the position that is read next.

    Args:
        piece: the bytes that the pickle is in.
        vocabulary: what it can mention.
        start: where in the piece it begins.
    """

    def __init__(self, piece: Piece, vocabulary: Vocabulary, start: int = 0) -> None:
        self.piece, self.data, self.at = piece, piece.data, start
        self._source, self._vocabulary = piece.source, vocabulary
        self._stack: list[Any] = []
        self._outer: list[list[Any]] = []  # the stacks below the marks
        self._memo: list[Any] = []

    def run(self) -> Any:
        """Return the pickled value; `at` is then where the pickle ends.

        Raises:
            RefusedError: it names something that is not ours.
            CheckpointError: it is damaged.
        """
        data, steps, source, at = self.data, _STEPS, self._source, self.at
        try:
            while True:
                at = self.at
                code = data[at]
                self.at = at + 1
                source.left -= _STEP
                if code == _STOP:
                    return self._stack.pop()
                if code not in steps:
                    raise self.piece.error(at, f"there is no instruction {code:#04x}")
                steps[code](self)
                if source.left < 0:
                    self.charge(0)
        except CheckpointError:
            raise
        except _Refused as name:
            raise self._refusal(at, str(name)) from None
        except IndexError:
            problem = "the pickle ends too early, or uses what it has not made"
        except Exception as error:  # of a constructor, for arguments it cannot take
            told = f"{type(error).__name__}: {error}"
            problem = f"the pickle is damaged: {told[:_LONGEST_TOLD]}"
        raise self.piece.error(min(at, len(data)), problem)

    def charge(self, amount: int) -> None:
        """Take memory from what the file may use, before it is used."""
        self._source.charge(amount, self.piece.place(self.at))

    # Reading

    def _take(self, length: int) -> bytes:
        end = self.at + length
        if end > len(self.data):
            raise self.piece.error(
                self.at, f"{length} bytes are wanted here, but the pickle ends before"
            )
        found = self.data[self.at : end]
        self.at = end
        return found

    def _protocol(self) -> None:
        found = self._byte()
        if found > _NEWEST_PROTOCOL:
            raise ValueError(f"the pickle protocol {found} is unknown")

    def _byte(self) -> int:
        found = self.data[self.at]
        self.at += 1
        return found

    def _number(self, length: int) -> int:
        return int.from_bytes(self._take(length), "little")

    def _raw_line(self) -> bytes:
        end = self.data.find(b"\n", self.at)
        if end < 0:
            raise IndexError
        found = self._take(end - self.at)
        self.at = end + 1
        return found

    def _line(self) -> str:
        return self._raw_line().decode()

    def _decimal(self) -> int:
        """Read a number written in digits, as protocols 0 and 1 do."""
        raw = self._raw_line()
        if len(raw) > _MOST_DIGITS:
            raise ValueError(f"an integer of {len(raw)} digits is too long")
        return int(raw.removesuffix(b"L"))

    def _decimal_or_bool(self) -> None:
        word = self.data[self.at : self.at + 3]
        if word in (b"00\n", b"01\n"):
            self._stack.append(self._raw_line() == b"01")
        else:
            self._push(self._decimal(), _NUMBER)

    def _quoted(self) -> None:
        """Push a string of Python 2 that is written as in a program."""
        raw = self._raw_line()
        if len(raw) < 2 or raw[:1] != raw[-1:] or raw[:1] not in (b"'", b'"'):
            raise ValueError("a string without quotes")
        self.charge(_TEXT + 4 * len(raw))
        found = codecs.escape_decode(raw[1:-1])[0]
        try:
            self._stack.append(found.decode())
        except UnicodeDecodeError:
            self._stack.append(found)

    def _escaped(self) -> None:
        raw = self._raw_line()
        self._push(raw.decode("raw-unicode-escape"), _TEXT + 4 * len(raw))

    def _text(self, length: int) -> None:
        raw = self._take(length)
        self.charge(_TEXT + (length if raw.isascii() else 4 * length))
        self._stack.append(raw.decode("utf-8", "surrogatepass"))

    def _bytes(self, length: int) -> None:
        self.charge(_TEXT + length)
        self._stack.append(self._take(length))

    def _old_text(self, length: int) -> None:
        """Push a string of Python 2, which may be text or bytes."""
        start = self.at
        try:
            self._text(length)
        except UnicodeDecodeError:
            self.at = start
            self._bytes(length)

    def _integer(self, length: int) -> None:
        if length > _LONGEST_NUMBER:
            raise self.piece.error(self.at, f"an integer of {length} bytes is too long")
        self.charge(_NUMBER + length)
        raw = self._take(length)
        self._stack.append(int.from_bytes(raw, "little", signed=True))

    def _float(self) -> None:
        self.charge(_NUMBER)
        self._stack.extend(struct.unpack(">d", self._take(8)))

    def _whole(self, length: int, signed: bool = False) -> None:
        self.charge(_NUMBER)
        raw = self._take(length)
        self._stack.append(int.from_bytes(raw, "little", signed=signed))

    # The stack and the memo

    def _push(self, value: Any, cost: int = 0) -> None:
        self.charge(cost)
        self._stack.append(value)

    def _mark(self) -> None:
        self.charge(_CONTAINER)
        self._outer.append(self._stack)
        self._stack = []

    def _to_mark(self) -> list[Any]:
        found, self._stack = self._stack, self._outer.pop()
        return found

    def _last(self, count: int) -> list[Any]:
        if len(self._stack) < count:
            raise IndexError
        found = self._stack[-count:]
        del self._stack[-count:]
        return found

    def _tuple(self, count: int | None) -> None:
        items = self._to_mark() if count is None else self._last(count)
        self._push(tuple(items), _CONTAINER + 8 * len(items))

    def _put(self, at: int) -> None:
        """Remember the top of the stack. Positions come in order, as picklers count."""
        if at > len(self._memo) + 1:  # one is left out by Python 2, which begins at 1
            raise ValueError(f"position {at} of the memo is out of order")
        if at > len(self._memo):
            self._memo.append(None)
        if at == len(self._memo):
            self._memo.append(self._stack[-1])
        else:
            self._memo[at] = self._stack[-1]

    def _pop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._to_mark()

    # Containers

    def _append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is Record:
            target = target.items
        if type(target) is not list:
            raise TypeError(f"a {type(target).__name__} is not appended to")
        self.charge(8 * len(items))
        target.extend(items)

    def _set(self, pairs: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is Record:
            target.items.extend(zip(pairs[::2], pairs[1::2]))
            return
        if type(target) not in _DICTS:
            raise TypeError(f"a {type(target).__name__} has no keys to be set")
        if len(pairs) % 2:
            raise IndexError
        for at in range(0, len(pairs), 2):
            self.check_key(pairs[at])
            target[pairs[at]] = pairs[at + 1]

    def _dict(self) -> None:
        pairs = self._to_mark()
        self._push({}, _CONTAINER)
        self._set(pairs)

    def _add(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not set:
            raise TypeError(f"a {type(target).__name__} is not added to")
        for each in items:
            self.check_key(each)
            target.add(each)

    def check_key(self, key: Any) -> None:
        """Charge for a key of a dict or a set, and raise if it may not be one.

        The hash of a tuple or a large number is known beforehand: a file could bring
        many that are equal, and each would be compared with all the others.
        """
        kind = type(key)
        if kind is str or (kind is int and abs(key) < 1 << 60):
            self.charge(_ITEM)
            return
        self.charge(_ITEM if kind in (float, bool, bytes) else _ODD_KEY)
        waiting, seen = [key], 0
        while waiting:
            each = waiting.pop()
            seen += 1
            if type(each) in (tuple, Size, frozenset):
                waiting.extend(each)
            elif type(each) not in _PLAIN_KEYS and not self._vocabulary.recording:
                raise TypeError(f"a {type(each).__name__} is no key")
            if seen + len(waiting) > _DEEPEST_KEY:
                raise ValueError(f"a key of more than {_DEEPEST_KEY} parts")

    # Names

    def _name(self, module: str, name: str) -> None:
        full = f"{module}.{name}"
        if module == "__builtin__":  # as Python 2 called it
            full = f"builtins.{name}"
        found = self._vocabulary.names.get(full)
        if found is None:
            if not self._vocabulary.recording:
                raise _Refused(full)
            self.charge(_CONTAINER + 4 * len(full))
            found = Record(full)
        self._stack.append(found)

    def _refusal(self, at: int, name: str) -> RefusedError:
        return RefusedError(
            self._source.name,
            self.piece.place(at),
            f"the file names {name[:_LONGEST_TOLD]!r}, which is not one of the names "
            "that stand for tensors and plain values. It was not looked up: reading a "
            f"file runs no code from it. {self._vocabulary.advice}".rstrip(),
        )

    def _call(self) -> None:
        args = self._stack.pop()
        called = self._stack[-1]
        if type(called) is Constructor:
            if type(args) is not tuple:
                raise TypeError(f"arguments are a {type(args).__name__}, not a tuple")
            self.charge(called.cost)
            self._stack[-1] = called.make(self, *args)
        elif type(called) is Record:
            self.charge(_CONTAINER)
            self._stack[-1] = Record(called.name, args)
        else:
            raise TypeError(f"a {type(called).__name__} is not called")

    def _make_with_names(self) -> None:
        names = self._stack.pop()
        if names:
            raise TypeError("arguments by name are not taken")
        self._call()

    def _build(self) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        build = self._vocabulary.builds.get(type(target))
        if type(target) is Record:
            target.state = state
        elif build is not None:
            build(self, target, state)
        else:
            raise TypeError(f"the state of a {type(target).__name__} is not set")

    def _persistent_id(self) -> None:
        if self._vocabulary.persistent is None:
            raise TypeError("an id outside of the pickle")
        self._stack[-1] = self._vocabulary.persistent(self, self._stack[-1])


_STOP = ord(".")
_STEPS: dict[int, Callable[[Machine], None]] = {
    ord(code): step
    for code, step in {
        # Begin
        "\x80": lambda m: m._protocol(),
        "\x95": lambda m: m._take(8),  # a frame, of which nothing follows
        # Plain values
        "N": lambda m: m._stack.append(None),
        "\x88": lambda m: m._stack.append(True),
        "\x89": lambda m: m._stack.append(False),
        "J": lambda m: m._whole(4, signed=True),
        "K": lambda m: m._stack.append(m._byte()),
        "M": lambda m: m._whole(2),
        "\x8a": lambda m: m._integer(m._byte()),
        "\x8b": lambda m: m._integer(m._number(4)),
        "G": lambda m: m._float(),
        "X": lambda m: m._text(m._number(4)),
        "\x8c": lambda m: m._text(m._byte()),
        "\x8d": lambda m: m._text(m._number(8)),
        "T": lambda m: m._old_text(m._number(4)),
        "U": lambda m: m._old_text(m._byte()),
        "B": lambda m: m._bytes(m._number(4)),
        "C": lambda m: m._bytes(m._byte()),
        "\x8e": lambda m: m._bytes(m._number(8)),
        "I": lambda m: m._decimal_or_bool(),
        "L": lambda m: m._push(m._decimal(), _NUMBER + _LONGEST_NUMBER),
        "F": lambda m: m._push(float(m._raw_line()), _NUMBER),
        "S": lambda m: m._quoted(),
        "V": lambda m: m._escaped(),
        # Containers
        "(": lambda m: m._mark(),
        ")": lambda m: m._stack.append(()),
        "t": lambda m: m._tuple(None),
        "\x85": lambda m: m._tuple(1),
        "\x86": lambda m: m._tuple(2),
        "\x87": lambda m: m._tuple(3),
        "]": lambda m: m._push([], _CONTAINER),
        "l": lambda m: m._push(m._to_mark(), _CONTAINER),
        "a": lambda m: m._append([m._stack.pop()]),
        "e": lambda m: m._append(m._to_mark()),
        "}": lambda m: m._push({}, _CONTAINER),
        "s": lambda m: m._set(m._last(2)),
        "u": lambda m: m._set(m._to_mark()),
        "d": lambda m: m._dict(),
        "\x8f": lambda m: m._push(set(), 2 * _CONTAINER),
        "\x90": lambda m: m._add(m._to_mark()),
        # The stack and the memo
        "0": lambda m: m._pop(),
        "1": lambda m: m._to_mark() and None,
        "2": lambda m: m._stack.append(m._stack[-1]),
        "g": lambda m: m._stack.append(m._memo[m._decimal()]),
        "h": lambda m: m._stack.append(m._memo[m._byte()]),
        "j": lambda m: m._stack.append(m._memo[m._number(4)]),
        "p": lambda m: m._put(m._decimal()),
        "q": lambda m: m._put(m._byte()),
        "r": lambda m: m._put(m._number(4)),
        "\x94": lambda m: m._put(len(m._memo)),
        # Names, and what is made with them
        "c": lambda m: m._name(m._line(), m._line()),
        "\x93": lambda m: m._name(*m._last(2)),
        "R": lambda m: m._call(),
        "\x81": lambda m: m._call(),
        "\x92": lambda m: m._make_with_names(),
        "b": lambda m: m._build(),
        "Q": lambda m: m._persistent_id(),
    }.items()
}
