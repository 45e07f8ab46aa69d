"""`save` and `load`: state dicts and checkpoints that nest them, as safetensors files.

The tensors of a checkpoint are stored under readable names; what holds them (dicts,
lists, numbers, strings) is JSON in the file's metadata. Loading builds plain values
and never runs code from the file.
"""

from __future__ import annotations

import json
import math
import os
from collections import OrderedDict
from typing import Any

from ..tensor import Tensor
from .safetensors import load_safetensors, save_safetensors

__all__ = ["load", "save"]

_KEY = "flambeau"
_PLAIN = (bool, int, str, type(None))


def save(obj: Any, path: str | os.PathLike[str]) -> None:
    """Save a state dict, or nested dicts, lists and plain values with tensors.

    The file is complete or not there. A flat state dict is an ordinary safetensors
    file with the same names.

    Args:
        obj: dicts (with keys that are strings, numbers or None), lists, tuples,
            numbers, strings, None and tensors.
        path: the file, usually ending in ``.safetensors``.

    Raises:
        TypeError: a value of another type; says where it is.

    Example:
        >>> import flambeau as torch, tempfile
        >>> path = tempfile.mkdtemp() + "/run.safetensors"
        >>> torch.save({"epoch": 3, "model": {"w": torch.ones(1)}}, path)
        >>> torch.load(path)
        {'epoch': 3, 'model': {'w': tensor([1.])}}
    """
    tensors: dict[str, Tensor] = {}
    skeleton = _take_apart(obj, "", tensors)
    save_safetensors(tensors, path, {_KEY: json.dumps(skeleton)})


def load(path: str | os.PathLike[str], map_location: Any = None) -> Any:
    """Load what `save` wrote, or any safetensors file as a dict of tensors.

    Args:
        path: the file.
        map_location: accepted for torch's sake; everything is on the CPU.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is cut short, damaged or of another format.
    """
    tensors, metadata = load_safetensors(path)
    if _KEY not in metadata:
        return tensors
    try:
        return _put_together(json.loads(metadata[_KEY]), tensors)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{os.fspath(path)}: the checkpoint's structure is damaged: {error!r}"
        ) from None


def _take_apart(obj: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """Replace tensors by references; every container is marked with its kind."""
    if isinstance(obj, Tensor):
        key = name or "tensor"
        tensors[key] = obj.detach()
        return {"tensor": key}
    if isinstance(obj, dict):
        kind = "ordered" if isinstance(obj, OrderedDict) else "dict"
        items = [
            [_key(key, name), _take_apart(value, _join(name, key), tensors)]
            for key, value in obj.items()
        ]
        return {kind: items}
    if isinstance(obj, (list, tuple)):
        kind = "tuple" if isinstance(obj, tuple) else "list"
        return {
            kind: [
                _take_apart(each, _join(name, at), tensors)
                for at, each in enumerate(obj)
            ]
        }
    if isinstance(obj, float):
        return obj if math.isfinite(obj) else {"float": repr(obj)}
    if isinstance(obj, _PLAIN):
        return obj
    raise TypeError(
        f"save: {name or 'the object'} is a {type(obj).__name__}; a checkpoint holds "
        "tensors, dicts, lists, tuples, numbers, strings and None. Save a module's "
        "state_dict(), not the module."
    )


def _key(key: Any, name: str) -> Any:
    if isinstance(key, (*_PLAIN, float)):
        return key
    raise TypeError(
        f"save: a key of {name or 'the object'} is a {type(key).__name__}; keys are "
        "strings, numbers or None"
    )


def _join(name: str, key: object) -> str:
    return f"{name}.{key}" if name else str(key)


def _put_together(skeleton: Any, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(skeleton, dict):
        return skeleton
    ((kind, content),) = skeleton.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "float":
        return float(content)
    if kind in ("dict", "ordered"):
        made = ((key, _put_together(value, tensors)) for key, value in content)
        return OrderedDict(made) if kind == "ordered" else dict(made)
    parts = [_put_together(each, tensors) for each in content]
    if kind in ("list", "tuple"):
        return tuple(parts) if kind == "tuple" else parts
    raise ValueError(f"unknown part {kind!r}")
