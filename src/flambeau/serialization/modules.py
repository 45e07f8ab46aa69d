"""Finding the tensors of a Module that was pickled whole, without making the Module.

What a pickle says about an object is a `Record`. torch's Modules keep their members in
attributes of fixed names; of any other object, all attributes are searched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..tensor import Tensor
from .pickles import Record
from .source import Source

__all__ = ["Members", "find_tensors", "module_members"]

Members = Callable[[Record], Iterator[tuple[str, Any]] | None]

_DEEPEST = 200
_STEP_COST = 200  # bytes of memory


def module_members(record: Record) -> Iterator[tuple[str, Any]] | None:
    """Return a Module's parameters, persistent buffers and submodules by name.

    None: the record is not one of a Module.
    """
    state = record.state
    if type(state) is not dict or not {"_parameters", "_modules"} <= state.keys():
        return None
    hidden = state.get("_non_persistent_buffers_set") or ()
    parts = [state.get(each) or {} for each in ("_parameters", "_buffers", "_modules")]
    if type(hidden) not in (set, tuple) or not all(isinstance(p, dict) for p in parts):
        return None
    parameters, buffers, modules = parts
    kept = {name: each for name, each in buffers.items() if name not in hidden}
    return iter([*parameters.items(), *kept.items(), *modules.items()])


def find_tensors(
    root: Any, source: Source, members: Members = module_members
) -> dict[str, Tensor]:
    """Return all tensors that can be reached, by their path.

    Args:
        root: tensors, containers and records in each other.
        source: where they come from.
        members: tells what a record of a Module has.

    Raises:
        CheckpointError: they are nested too deeply, or there are too many paths.
    """
    found: dict[str, Tensor] = {}
    waiting: list[tuple[str, Any, tuple[int, ...]]] = [("", root, ())]
    while waiting:
        path, value, above = waiting.pop()
        source.charge(_STEP_COST + len(path), source.size)
        if isinstance(value, Tensor):
            found[path or "tensor"] = value
            continue
        if id(value) in above:
            continue
        if len(above) > _DEEPEST:
            raise source.error(source.size, "objects are nested too deeply")
        above = (*above, id(value))
        children = [
            (f"{path}.{name}" if path else name, child, above)
            for name, child in _children(value, members)
        ]
        waiting.extend(reversed(children))
    return found


def _children(value: Any, members: Members) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), each) for key, each in value.items() if _named(key))
    elif isinstance(value, (list, tuple)):
        yield from ((str(at), each) for at, each in enumerate(value))
    elif isinstance(value, Record):
        known = members(value)
        yield from _attributes(value) if known is None else known


def _named(key: object) -> bool:
    return isinstance(key, (str, int, float, bool))


def _attributes(record: Record) -> Iterator[tuple[str, Any]]:
    state, slots = record.state, None
    if type(state) is tuple and len(state) == 2:
        state, slots = state
    for part in (record.args, record.items, state, slots):
        if isinstance(part, (dict, tuple, list)):
            yield from _children(part, lambda each: None)
