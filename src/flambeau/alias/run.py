"""Run a program as Python itself would, with flambeau in torch's place."""

from __future__ import annotations

import builtins
import io
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import find_spec
from pkgutil import get_importer
from types import CodeType, ModuleType, TracebackType

from .finder import install

__all__ = ["is_program", "main", "run_module", "run_script"]


def is_program(arguments: Sequence[str]) -> bool:
    """Whether a command line names a program to run: `-m MODULE` or a file.

    Example:
        >>> is_program(["-m", "this"]), is_program(["train", "digits"])
        (True, False)
    """
    first = arguments[0] if arguments else ""
    inside = os.path.join(first, "__main__.py")
    files = os.path.isfile(first) or os.path.isfile(inside)
    return first == "-m" or first.endswith(".py") or (bool(first) and files)


def main(arguments: Sequence[str]) -> None:
    """Run `-m MODULE [ARGS]` or `SCRIPT [ARGS]`.

    Raises:
        SystemExit: no module is named, or what the program raises to end.
    """
    if arguments[0] != "-m":
        run_script(arguments[0], arguments[1:])
    elif len(arguments) == 1:
        sys.exit("usage: python -m flambeau -m MODULE [ARGS]")
    else:
        run_module(arguments[1], arguments[2:])


def run_script(path: str, arguments: Sequence[str] = ()) -> None:
    """Run a file, or a folder or archive with a `__main__.py`, as `python PATH` does.

    Args:
        path: the file.
        arguments: what the program finds in `sys.argv` after its own name.
    """
    install()
    sys.argv = [path, *arguments]
    if _is_archive(path):
        sys.path[0] = path
        _run_main_of(path, path)
        return
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    place = os.path.abspath(path)
    try:
        with io.open_code(place) as file:
            source = file.read()
    except OSError as error:
        reason = f"[Errno {error.errno}] {error.strerror}"
        print(f"{sys.executable}: can't open file {place!r}: {reason}", file=sys.stderr)
        sys.exit(2)
    module = ModuleType("__main__")
    module.__file__ = place
    module.__loader__ = SourceFileLoader("__main__", place)
    _run(module, place, source)


def run_module(name: str, arguments: Sequence[str] = ()) -> None:
    """Run a module as `python -m NAME` does.

    Args:
        name: the module; of a package, its `__main__`.
        arguments: what the program finds in `sys.argv` after its own name.
    """
    install()
    sys.argv = ["-m", *arguments]
    _run_main_of(name, None)


def _is_archive(path: str) -> bool:
    return os.path.isdir(path) or (
        os.path.isfile(path) and type(get_importer(path)).__name__ == "zipimporter"
    )


def _run_main_of(name: str, place: str | None) -> None:
    """Run a module found by name, or the `__main__` of a folder or archive."""
    spec = _found("__main__" if place else name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = _found(f"{name}.__main__")
    code = (
        getattr(spec.loader, "get_code", lambda name: None)(spec.name) if spec else None
    )
    if spec is None or code is None:
        missing = f"can't find '__main__' module in {place!r}"
        sys.exit(f"{sys.executable}: {missing if place else f'No module named {name}'}")
    module = ModuleType("__main__")
    module.__spec__ = spec
    module.__loader__ = spec.loader
    module.__package__ = spec.parent
    module.__file__ = spec.origin
    if place is None:
        sys.argv[0] = spec.origin or name
    _run(module, spec.origin or name, code)


def _found(name: str) -> ModuleSpec | None:
    if name == "__main__":  # `find_spec` would answer with the module that runs now
        importer = get_importer(sys.path[0])
        return importer.find_spec(name) if importer else None
    try:
        return find_spec(name)
    except ModuleNotFoundError:
        return None


def _run(module: ModuleType, filename: str, program: bytes | CodeType) -> None:
    """Let a program run as `__main__`; its errors show its own frames only."""
    vars(module)["__builtins__"] = builtins
    sys.modules["__main__"] = module
    shown = sys.excepthook

    def show(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        while trace is not None and trace.tb_frame.f_globals is not vars(module):
            trace = trace.tb_next
        shown(kind, error.with_traceback(trace), trace)

    sys.excepthook = show
    if isinstance(program, bytes):
        program = compile(program, filename, "exec", dont_inherit=True)
    exec(program, vars(module))
