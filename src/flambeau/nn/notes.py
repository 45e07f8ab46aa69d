"""Notes on errors: in which module of a model it happened."""

from __future__ import annotations

from typing import Any

__all__ = ["note_module"]


class _Note(str):
    """A note that remembers the innermost module whose call raised the error."""

    module: Any

    def __reduce__(self) -> Any:
        return str, (str(self),)


def note_module(error: Exception, module: Any) -> None:
    """Add a note to an error that leaves the call of a module.

    The innermost module writes the note; those around it complete its path. The type
    and the message of the error stay what they are.
    """
    notes = getattr(error, "__notes__", [])
    for place, note in enumerate(notes):
        if isinstance(note, _Note):
            path = _path(module, note.module)
            if path:
                notes[place] = _written(note.module, f"{path} of {_name(module)}: ")
            return
    error.add_note(_written(module, ""))


def _written(module: Any, path: str) -> _Note:
    note = _Note(f"In {path}{_describe(module)}")
    note.module = module
    return note


def _path(outer: Any, inner: Any) -> str:
    for path, module in outer.named_modules():
        if module is inner:
            return path
    return ""


def _name(module: Any) -> str:
    return type(module).__name__


def _describe(module: Any) -> str:
    """The module's first line: its class and its own options."""
    try:
        options = module.extra_repr().replace("\n", ", ")
    except Exception:  # a module that failed may be too incomplete to be printed
        options = "..."
    return f"{_name(module)}({options})"
