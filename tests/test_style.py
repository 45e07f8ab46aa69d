"""The house rules that can be measured: sizes, documentation, annotations."""

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from project import MODULES, PACKAGE, ROOT

FOLDERS = ("src", "tests", "examples", "benchmarks", "tools")
LONGEST_FUNCTION = 60  # lines, the docstring not counted
LONGEST_FILE = 700

FILES = [ROOT / "dev.py", *(p for f in FOLDERS for p in (ROOT / f).rglob("*.py"))]
SOURCES = sorted(PACKAGE.rglob("*.py"))

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    """Every function of a file, methods and inner functions included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, Function):
            yield node


def place(path: Path, function: Function) -> str:
    """Where a function stands, as an editor opens it."""
    return f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"


def length(function: Function) -> int:
    """The lines of a function from `def` to its end, without its docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return lines
    docstring = function.body[0]
    return lines - ((docstring.end_lineno or 0) - docstring.lineno + 1)


def unannotated(function: Function) -> list[str]:
    """The arguments without a type, `self` and `cls` aside, and a missing return."""
    takes = function.args
    named = [*takes.posonlyargs, *takes.args]
    own = named[:1] if named and named[0].arg in ("self", "cls") else []
    rest = [*named, *takes.kwonlyargs, takes.vararg, takes.kwarg]
    bare = [arg.arg for arg in rest if arg and arg not in own and not arg.annotation]
    return bare if function.returns else [*bare, "return"]


def is_public(name: str) -> bool:
    """Whether no part of a dotted name starts with an underscore."""
    return not any(part.startswith("_") for part in name.split("."))


def public_objects(module: ModuleType) -> Iterator[tuple[str, object]]:
    """The public classes and functions a module defines, and the classes' methods."""
    for name, thing in vars(module).items():
        own = getattr(thing, "__module__", None) == module.__name__
        if not own or not is_public(name):
            continue
        if inspect.isclass(thing):
            yield name, thing
            methods = (key for key, value in vars(thing).items() if is_method(value))
            yield from ((f"{name}.{k}", getattr(thing, k)) for k in methods)
        elif inspect.isfunction(thing):
            yield name, thing


def is_method(value: object) -> bool:
    """Whether a class attribute is one a user calls or reads, public by its name."""
    named = value.fget if isinstance(value, property) else value
    kinds = (property, classmethod, staticmethod)
    used = inspect.isfunction(value) or isinstance(value, kinds)
    return used and is_public(getattr(named, "__name__", "_"))


def is_documented(thing: object) -> bool:
    """Whether help() has a text; a method may inherit its own, a class may not."""
    return bool(thing.__doc__ if inspect.isclass(thing) else inspect.getdoc(thing))


def undocumented(module: ModuleType) -> list[str]:
    """The public names of a module that have no docstring."""
    return [name for name, thing in public_objects(module) if not is_documented(thing)]


def test_no_function_is_long() -> None:
    long = [
        f"{place(path, function)}: {length(function)} lines"
        for path in FILES
        for function in functions(path)
        if length(function) > LONGEST_FUNCTION
    ]
    assert long == []


def test_no_file_is_long() -> None:
    lines = {path: len(path.read_text("utf-8").splitlines()) for path in FILES}
    long = {str(p.relative_to(ROOT)): n for p, n in lines.items() if n > LONGEST_FILE}
    assert long == {}


def test_public_functions_are_annotated() -> None:
    bare = [
        f"{place(path, function)}: {missing}"
        for path in SOURCES
        for function in functions(path)
        if is_public(function.name) and (missing := unannotated(function))
    ]
    assert bare == []


@pytest.mark.parametrize("name", [*filter(is_public, MODULES)])
def test_public_names_are_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} has no docstring"
    assert undocumented(module) == []


def test_the_measures_see_what_they_should() -> None:
    source = 'class A:\n  def f(self, a, *b: int):\n    """One.\n\n    Two."""\n    a\n'
    function = ast.parse(source).body[0].body[0]
    assert unannotated(function) == ["a", "return"]
    assert length(function) == 2
    assert is_public("flambeau.nn.conv")
    assert not is_public("flambeau.nn._conv")


SAMPLE = """
class A:
    def told(self): "Told."
    def bare(self): pass
    def _inner(self): pass
    @property
    def seen(self): pass
class B(A):
    def told(self): pass
"""


def test_the_documentation_check_sees_methods_and_inheritance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = ModuleType("sample")
    monkeypatch.setitem(sys.modules, "sample", module)
    exec(SAMPLE, vars(module))
    assert undocumented(module) == ["A", "A.bare", "A.seen", "B"]
