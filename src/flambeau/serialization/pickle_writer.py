"""Writing the pickle of a checkpoint: plain values, and tensors as ids of storages.

What is written is what torch writes itself: protocol 2, torch's names, and storages by
their number.
"""

from __future__ import annotations

import struct
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .. import dtypes as dt
from ..devices import device
from ..shape import Size
from ..tensor import Tensor
from ..tensor.handle import layout_of, owner_of

__all__ = ["PickleWriter"]

_LONGEST_NUMBER = 255  # bytes
_BATCH = 1000  # items after one mark


class PickleWriter:
    """Writes one object.

    Attributes:
        storages: the tensors that own the memory of those written, by number.
    """

    def __init__(self) -> None:
        self.storages: list[Tensor] = []
        self._numbers: dict[int, int] = {}  # of storages, by id
        self._out = bytearray(b"\x80\x02")
        self._memo: dict[Any, int] = {}  # positions of names and texts, and ids
        self._kept: list[Any] = []  # so that no id is used again

    def write(self, obj: Any) -> bytes:
        """Return the pickle of an object.

        Raises:
            TypeError: something in it is neither a tensor nor a plain value.
            ValueError: it is nested too deeply.
        """
        try:
            self._save(obj, "")
        except RecursionError:
            raise ValueError("save: the object is nested too deeply") from None
        return bytes(self._out + b".")

    def _save(self, obj: Any, place: str) -> None:
        if isinstance(obj, Tensor):
            self._tensor(obj)
        elif isinstance(obj, np.generic):
            self._save(obj.item(), place)
        else:
            for kind, save in _SAVES.items():
                if isinstance(obj, kind):
                    save(self, obj, place)
                    return
            raise TypeError(
                f"save: {place or 'the object'} is a {type(obj).__name__}; files hold "
                "tensors, dicts, lists, tuples, sets, numbers, text and None. Save a "
                "module's state_dict(), not the module, and from_numpy(array), not the "
                "array."
            )

    # Plain values

    def _constant(self, obj: Any, place: str) -> None:
        self._out += {None: b"N", True: b"\x88", False: b"\x89"}[obj]

    def _integer(self, obj: int, place: str = "") -> None:
        if 0 <= obj < 1 << 8:
            self._out += struct.pack("<cB", b"K", obj)
        elif 0 <= obj < 1 << 16:
            self._out += struct.pack("<cH", b"M", obj)
        elif -(1 << 31) <= obj < 1 << 31:
            self._out += struct.pack("<ci", b"J", obj)
        else:
            length = obj.bit_length() // 8 + 1
            if length > _LONGEST_NUMBER:
                raise ValueError(f"save: {place} is an integer of {length} bytes")
            self._out += struct.pack("<cB", b"\x8a", length)
            self._out += obj.to_bytes(length, "little", signed=True)

    def _float(self, obj: float, place: str) -> None:
        self._out += struct.pack(">cd", b"G", obj)

    def _complex(self, obj: complex, place: str) -> None:
        self._name("__builtin__ complex")
        self._float(obj.real, place)
        self._float(obj.imag, place)
        self._out += b"\x86R"

    def _text(self, obj: str, place: str = "") -> None:
        if not self._recall(obj):
            raw = obj.encode("utf-8", "surrogatepass")
            self._out += struct.pack("<cI", b"X", len(raw)) + raw
            self._remember(obj)

    def _bytes(self, obj: bytes, place: str) -> None:
        self._name("_codecs encode")
        self._text(obj.decode("latin-1"))
        self._text("latin1")
        self._out += b"\x86R"

    def _bytearray(self, obj: bytearray, place: str) -> None:
        self._name("__builtin__ bytearray")
        self._bytes(bytes(obj), place)
        self._out += b"\x85R"

    def _dtype(self, obj: dt.dtype, place: str) -> None:
        self._name(f"torch {obj.name}")

    def _device(self, obj: device, place: str) -> None:
        self._name("torch device")
        self._text(obj.type)
        self._out += b"\x85R"

    # Containers

    def _size(self, obj: Size, place: str) -> None:
        self._name("torch Size")
        self._integers(obj)
        self._out += b"\x85R"

    def _integers(self, numbers: Iterable[int]) -> None:
        self._out += b"("
        for each in numbers:
            self._integer(each)
        self._out += b"t"

    def _tuple(self, obj: tuple[Any, ...], place: str) -> None:
        if self._recall(id(obj)):
            return
        self._out += b"("
        for at, each in enumerate(obj):
            self._save(each, _join(place, at))
        self._out += b"t"
        self._remember(id(obj), obj)

    def _list(self, obj: list[Any], place: str) -> None:
        if self._recall(id(obj)):
            return
        self._out += b"]"
        self._remember(id(obj), obj)
        for start in range(0, len(obj), _BATCH):
            self._out += b"("
            for at, each in enumerate(obj[start : start + _BATCH], start):
                self._save(each, _join(place, at))
            self._out += b"e"

    def _set(self, obj: set[Any], place: str) -> None:
        self._name("__builtin__ set")
        self._list(list(obj), place)
        self._out += b"\x85R"

    def _dict(self, obj: dict[Any, Any], place: str) -> None:
        if self._recall(id(obj)):
            return
        self._out += b"}"
        self._remember(id(obj), obj)
        self._items(obj, place)

    def _counter(self, obj: Counter[Any], place: str) -> None:
        self._name("collections Counter")
        self._dict(dict(obj), place)
        self._out += b"\x85R"

    def _ordered(self, obj: OrderedDict[Any, Any], place: str) -> None:
        if self._recall(id(obj)):
            return
        self._name("collections OrderedDict")
        self._out += b")R"
        self._remember(id(obj), obj)
        self._items(obj, place)
        metadata = getattr(obj, "_metadata", None)
        if metadata is not None:  # the versions of modules in a state dict
            self._dict({"_metadata": metadata}, place)
            self._out += b"b"

    def _items(self, obj: dict[Any, Any], place: str) -> None:
        items = list(obj.items())
        for start in range(0, len(items), _BATCH):
            self._out += b"("
            for key, value in items[start : start + _BATCH]:
                self._save(key, f"a key of {place or 'the object'}")
                self._save(value, _join(place, key))
            self._out += b"u"

    # Tensors

    def _tensor(self, obj: Tensor) -> None:
        key = ("tensor", id(obj))
        if self._recall(key):
            return
        if obj.is_parameter:
            self._name("torch._utils _rebuild_parameter")
            self._out += b"("
            self._plain_tensor(obj, False)
            self._flag(obj.requires_grad)
            self._no_hooks()
            self._out += b"tR"
        else:
            self._plain_tensor(obj, obj.requires_grad)
        self._remember(key, obj)

    def _plain_tensor(self, obj: Tensor, requires_grad: bool) -> None:
        owner = owner_of(obj)
        if owner.dtype is not obj.dtype:  # its memory is read as another dtype
            obj = owner = obj.clone()
        strides, offset = layout_of(obj)
        lone = owner.dtype in dt.LONE
        self._name(f"torch._utils _rebuild_tensor_v{3 if lone else 2}")
        self._out += b"("
        self._storage(owner)
        self._integer(offset)
        self._integers(obj.shape)
        self._integers(strides)
        self._flag(requires_grad)
        self._no_hooks()
        if lone:
            self._dtype(owner.dtype, "")
        self._out += b"tR"

    def _storage(self, owner: Tensor) -> None:
        number = self._numbers.get(id(owner))
        if number is None:
            number = self._numbers[id(owner)] = len(self.storages)
            self.storages.append(owner)
        self._out += b"("
        self._text("storage")
        lone, kind = owner.dtype in dt.LONE, owner.dtype
        name = ".storage Untyped" if lone else f" {dt.scalar_name(kind)}"
        self._name(f"torch{name}Storage")
        self._text(str(number))
        self._text("cpu")
        self._integer(owner.numel() * (kind.itemsize if lone else 1))
        self._out += b"tQ"

    def _flag(self, flag: bool) -> None:
        self._out += b"\x88" if flag else b"\x89"

    def _no_hooks(self) -> None:
        self._name("collections OrderedDict")
        self._out += b")R"

    # Names and the memo

    def _name(self, name: str) -> None:
        """Write a module and a name in it."""
        key = ("name", name)
        if not self._recall(key):
            module, _, own = name.partition(" ")
            self._out += f"c{module}\n{own}\n".encode()
            self._remember(key)

    def _recall(self, key: Any) -> bool:
        """Write that a value is one that was written before, if it was."""
        at = self._memo.get(key)
        if at is not None:
            self._place("h", "j", at)
        return at is not None

    def _remember(self, key: Any, obj: Any = None) -> None:
        """Write that the value is to be remembered. No other gets the id of `obj`."""
        self._place("q", "r", len(self._memo))
        self._memo[key] = len(self._memo)
        self._kept.append(obj)

    def _place(self, short: str, long: str, at: int) -> None:
        code, length = (short, 1) if at < 256 else (long, 4)
        self._out += code.encode() + at.to_bytes(length, "little")


def _join(place: str, key: object) -> str:
    return f"{place}.{key}" if place else str(key)


# The first kind that fits counts.
_SAVES: dict[Any, Callable[[PickleWriter, Any, str], None]] = {
    (type(None), bool): PickleWriter._constant,
    int: PickleWriter._integer,
    float: PickleWriter._float,
    complex: PickleWriter._complex,
    str: PickleWriter._text,
    bytes: PickleWriter._bytes,
    bytearray: PickleWriter._bytearray,
    dt.dtype: PickleWriter._dtype,
    device: PickleWriter._device,
    Size: PickleWriter._size,
    tuple: PickleWriter._tuple,
    list: PickleWriter._list,
    set: PickleWriter._set,
    OrderedDict: PickleWriter._ordered,
    Counter: PickleWriter._counter,
    dict: PickleWriter._dict,
}
