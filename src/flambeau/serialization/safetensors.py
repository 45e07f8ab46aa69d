"""Named tensors in the safetensors format, which cannot run code.

    8 bytes     the length of the table
    the table   JSON: by name, dtype, shape, and first and last byte in what follows
    the rest    the elements, without gaps

Source: the format's page at github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from .. import dtypes as dt
from ..graph import constant
from ..tensor import Tensor, wrap
from ..tensor.convert import value_of
from .atomic import atomic_write
from .source import Source, open_source
from .storages import check_shape, typed

__all__ = ["load_safetensors", "read_safetensors", "save_safetensors"]

_CODES = {
    "BOOL": dt.bool_,
    "U8": dt.uint8,
    "I8": dt.int8,
    "I16": dt.int16,
    "I32": dt.int32,
    "I64": dt.int64,
    "U16": dt.uint16,
    "U32": dt.uint32,
    "U64": dt.uint64,
    "F16": dt.float16,
    "BF16": dt.bfloat16,
    "F32": dt.float32,
    "F64": dt.float64,
    "C64": dt.complex64,
}
_WRITTEN = frozenset(_CODES.values())
_LENGTH = 8  # bytes
_METADATA = "__metadata__"
# Bytes of memory that JSON becomes at the most, by what it is written with.
_COSTS = {b"{": 300, b"[": 120, b",": 120, b":": 120}


def save_safetensors(
    tensors: Mapping[str, Tensor],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write named tensors, and metadata, to a safetensors file.

    The file is complete or not there: it is written beside its place and renamed.

    Args:
        tensors: a flat mapping from names to tensors, such as a state dict.
        path: the file.
        metadata: text to keep with them.

    Raises:
        TypeError: a value is not a tensor, or of a dtype that the files do not have;
            names it.

    Example:
        >>> import flambeau as torch, tempfile
        >>> from flambeau.serialization import load_safetensors, save_safetensors
        >>> path = tempfile.mkdtemp() + "/two.safetensors"
        >>> save_safetensors({"a": torch.ones(2)}, path, {"by": "me"})
        >>> load_safetensors(path)
        ({'a': tensor([1., 1.])}, {'by': 'me'})
    """
    from safetensors.numpy import save

    arrays = {name: _values(name, each) for name, each in tensors.items()}
    content = save(arrays, dict(metadata) if metadata else None)
    with atomic_write(path) as file:
        file.write(content)


def _values(name: str, tensor: Tensor) -> np.ndarray:
    if not isinstance(tensor, Tensor):
        raise TypeError(
            f"save: {name!r} is a {type(tensor).__name__}, not a Tensor; a safetensors "
            "file holds named tensors only. Other values go into a file of another "
            "name, such as .pt."
        )
    if tensor.dtype not in _WRITTEN:
        raise TypeError(
            f"save: {name!r} has dtype {tensor.dtype!r}, which safetensors files do "
            "not have; convert it, or save to a file of another name, such as .pt."
        )
    return np.ascontiguousarray(value_of(tensor)).reshape(tuple(tensor.shape))


def load_safetensors(
    path: str | os.PathLike[str], mmap: bool = False
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read all tensors and the metadata of a safetensors file.

    Args:
        path: the file, or a binary stream.
        mmap: map the file into memory: what is not used is not read. It must then
            stay as it is as long as its tensors are in use.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is no safetensors file, or is damaged.
    """
    with open_source(path, mmap) as source:
        return read_safetensors(source)


def read_safetensors(source: Source) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read all tensors and the metadata of an open file.

    Raises:
        CheckpointError: the file is no safetensors file, or is damaged.
    """
    return _SafetensorsFile(source).read()


class _SafetensorsFile:
    """One file: its table, and where the elements begin."""

    def __init__(self, source: Source) -> None:
        self._source = source
        length = min(int.from_bytes(source.read(0, _LENGTH), "little"), 1 << 62)
        self._text = source.read(_LENGTH, length)
        self._begin = _LENGTH + length

    def read(self) -> tuple[dict[str, Tensor], dict[str, str]]:
        """Return the tensors and the metadata."""
        table = self._table()
        metadata = table.pop(_METADATA, {})
        if type(metadata) is not dict or not all(
            type(each) is str for each in metadata.values()
        ):
            raise self._error(_METADATA, "the metadata are not text by name")
        ranges = {name: self._range(name, told) for name, told in table.items()}
        self._check_gaps(ranges)
        return {
            name: self._tensor(table[name], *found) for name, found in ranges.items()
        }, metadata

    def _table(self) -> dict[str, Any]:
        cost = sum(self._text.count(sign) * each for sign, each in _COSTS.items())
        self._source.charge(cost + 4 * len(self._text), _LENGTH)
        try:
            found = json.loads(self._text.decode(), object_pairs_hook=without_doubles)
        except (ValueError, RecursionError) as error:
            at = getattr(error, "pos", 0)
            raise self._source.error(
                _LENGTH + at, f"the table of tensors is damaged: {str(error)[:200]}"
            ) from None
        if type(found) is not dict:
            raise self._source.error(_LENGTH, "the table of tensors is no JSON object")
        return found

    def _range(self, name: str, told: Any) -> tuple[int, int]:
        """Return where a tensor begins and ends, after everything was checked."""
        if type(told) is not dict or told.keys() != {"dtype", "shape", "data_offsets"}:
            raise self._error(name, "wants dtype, shape and data_offsets")
        code, shape, offsets = told["dtype"], told["shape"], told["data_offsets"]
        kind = _CODES.get(code) if type(code) is str else None
        if kind is None:
            raise self._error(
                name,
                f"has dtype {str(code)[:20] if type(code) is str else type(code)}, "
                f"which is not one of {', '.join(_CODES)}",
            )
        try:
            check_shape(shape, kind)
        except (TypeError, ValueError) as error:
            raise self._error(name, str(error)) from None
        if type(offsets) is not list or [type(each) for each in offsets] != [int, int]:
            raise self._error(name, "has offsets that are not two integers")
        begin, end = offsets
        if not 0 <= begin <= end <= self._source.size - self._begin:
            raise self._error(
                name,
                f"lies at {_short(begin)} to {_short(end)}, outside of the file; "
                "it may be cut short",
            )
        if prod(shape) * kind.itemsize != end - begin:
            raise self._error(
                name, f"has {end - begin} bytes for shape {shape} of {kind.name}"
            )
        return begin, end

    def _check_gaps(self, ranges: Mapping[str, tuple[int, int]]) -> None:
        """As in the format's own reader, every byte belongs to one tensor."""
        expected = 0
        for name, (begin, end) in sorted(ranges.items(), key=lambda each: each[1]):
            if begin != expected:
                raise self._error(
                    name, f"begins at {begin}, but the one before ends at {expected}"
                )
            expected = end
        if self._begin + expected != self._source.size:
            raise self._source.error(
                self._begin + expected,
                f"the tensors end here, but the file has {self._source.size} bytes",
            )

    def _tensor(self, told: dict[str, Any], begin: int, end: int) -> Tensor:
        kind, start = _CODES[told["dtype"]], self._begin + begin
        self._source.charge(end - begin, start)
        raw = self._source.array(start, end - begin)
        return wrap(
            constant(typed(self._source, raw, kind).reshape(told["shape"]), kind)
        )

    def _error(self, name: str, problem: str) -> Exception:
        at = self._text.find(name.encode("utf-8", "surrogatepass"))
        return self._source.error(
            _LENGTH + max(at, 0), f"tensor {name[:200]!r} {problem}"
        )


def without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a JSON object a dict.

    Raises:
        ValueError: a name is there twice.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _short(number: int) -> str:
    return str(number) if abs(number) < 1 << 64 else "more than 2**64"
