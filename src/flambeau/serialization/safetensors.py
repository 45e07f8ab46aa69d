"""Named tensors in the safetensors format, which cannot run code.

Source: the format's page at github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .. import dtypes as dt
from ..graph import constant
from ..tensor import Tensor, wrap
from ..tensor.convert import value_of
from .atomic import atomic_write

__all__ = ["load_safetensors", "save_safetensors"]

_CODES = {
    "BOOL": dt.bool_,
    "U8": dt.uint8,
    "I8": dt.int8,
    "I16": dt.int16,
    "I32": dt.int32,
    "I64": dt.int64,
    "F16": dt.float16,
    "BF16": dt.bfloat16,
    "F32": dt.float32,
    "F64": dt.float64,
}


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
        TypeError: a value is not a tensor; names it.

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
            "file holds named tensors only"
        )
    return np.ascontiguousarray(value_of(tensor)).reshape(tuple(tensor.shape))


def load_safetensors(
    path: str | os.PathLike[str],
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read all tensors and the metadata of a safetensors file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no safetensors file, or is damaged.
    """
    import safetensors

    content = Path(path).read_bytes()
    try:
        described = safetensors.deserialize(content)
        metadata = _metadata(content)
    except (safetensors.SafetensorError, ValueError) as error:
        raise ValueError(
            f"{os.fspath(path)} is not a whole safetensors file ({len(content)} "
            f"bytes): {error}. It may be cut short, or of another format."
        ) from None
    tensors = {name: _tensor(path, name, each) for name, each in described}
    return tensors, metadata


def _metadata(content: bytes) -> dict[str, str]:
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]).get("__metadata__", {})


def _tensor(
    path: str | os.PathLike[str], name: str, described: dict[str, object]
) -> Tensor:
    kind = _CODES.get(str(described["dtype"]))
    if kind is None:
        raise ValueError(
            f"{os.fspath(path)}: tensor {name!r} has dtype {described['dtype']}, which "
            f"is not one of {', '.join(_CODES)}"
        )
    data: bytes = described["data"]  # type: ignore[assignment]
    shape: list[int] = described["shape"]  # type: ignore[assignment]
    values = np.frombuffer(bytearray(data), kind.numpy).reshape(shape)
    return wrap(constant(values, kind))
