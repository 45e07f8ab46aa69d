"""TorchScript archives: which attributes are parameters and buffers.

The pickle of such an archive holds the attributes of all objects; the text of their
classes, which is never run, lists the parameters and the buffers among them:

    class Linear(Module):
      __parameters__ = ["weight", "bias", ]
      __buffers__ = []

Source: archives that torch has written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from .modules import find_tensors
from .pickles import Record
from .torch_zip import TorchArchive

__all__ = ["read_script"]

_CLASS = re.compile(r"^class (\w+)\(Module\):$", re.MULTILINE)
_MEMBERS = re.compile(r"^  __(parameters|buffers)__ = \[([^\]]*)\]$", re.MULTILINE)
_NAME = re.compile(r'"((?:[^"\\]|\\.)*)"')


class _Class(NamedTuple):
    """What a Module's class says."""

    parameters: tuple[str, ...]
    buffers: tuple[str, ...]


def read_script(found: TorchArchive) -> dict[str, Any]:
    """Return the parameters and buffers of an archive as a state dict.

    Raises:
        CheckpointError: the archive is damaged.
    """
    root = found.load(recording=True)
    classes = _classes(found)

    def members(record: Record) -> Iterator[tuple[str, Any]] | None:
        told = classes.get(record.name)
        if told is None or type(record.state) is not dict:
            return iter(())
        state = record.state
        own = [(name, state.get(name)) for name in (*told.parameters, *told.buffers)]
        below = [each for each in state.items() if isinstance(each[1], Record)]
        return iter([*own, *below])

    return find_tensors(root, found.archive.source, members)


def _classes(found: TorchArchive) -> dict[str, _Class]:
    """Return the Modules' classes by their names in the pickle."""
    classes: dict[str, _Class] = {}
    start = f"{found.prefix}code/"
    for name in found.archive.names:
        if name.startswith(start) and name.endswith(".py"):
            piece = found.archive.piece(name)
            text = piece.data.decode("utf-8", "replace")
            module = name.removeprefix(start).removesuffix(".py").replace("/", ".")
            classes.update(_classes_of(module, text))
    return classes


def _classes_of(module: str, text: str) -> Iterator[tuple[str, _Class]]:
    heads = list(_CLASS.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    for head, end in zip(heads, ends):
        lists = dict(_MEMBERS.findall(text, head.end(), end))
        parameters, buffers = (
            tuple(_NAME.findall(lists.get(each, ""))) for each in _Class._fields
        )
        yield f"{module}.{head[1]}", _Class(parameters, buffers)
