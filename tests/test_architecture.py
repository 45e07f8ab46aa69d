"""The house's order: imports go one way, and `import flambeau` stays light."""

import ast
import graphlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import PACKAGE

# From the ground up. A unit is a module or a folder of the package; it may import its
# own layer and those before it. docs/architecture.md says what each unit does.
LAYERS = (
    (
        "accelerator",
        "bessels",
        "cuda",
        "devices",
        "distributed",
        "dtypes",
        "errorfunction",
        "fx",
        "gammas",
        "jit",
        "layouts",
        "library",
        "limits",
        "polynomials",
        "scope",
        "settings",
        "shape",
        "version",
    ),
    ("bundles", "graph", "recorder"),
    ("ops",),
    ("evaluator", "runtime"),
    ("compiler",),
    ("backend",),
    ("autograd", "random"),
    ("tensor",),
    (
        "backends",
        "debug",
        "fft",
        "linalg",
        "masked",
        "nn",
        "optim",
        "overrides",
        "signal",
        "special",
        "types",
    ),
    ("amp", "func", "replay", "serialization"),
    ("hub",),
    ("train", "utils", "vision"),
    ("onnx",),
    ("alias", "cli"),
)
RANK = {unit: rank for rank, layer in enumerate(LAYERS) for unit in layer}

# The package's own two files: its table of contents, and `python -m flambeau`.
ENTRANCES = ("__init__", "__main__")

OPTIONAL = (
    "PIL",
    "jinja2",
    "llvmlite",
    "matplotlib",
    "mpi4py",
    "onnx",
    "rich",
    "safetensors",
    "torch",
    "typer",
)


def dotted(path: Path) -> tuple[str, ...]:
    """The module's name as parts, from the package on: ('flambeau', 'nn', 'conv')."""
    return (PACKAGE.name, *path.relative_to(PACKAGE).with_suffix("").parts)


def import_statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Every import of a module, those inside functions too.

    What `if TYPE_CHECKING:` guards is left out: it names types and loads nothing.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        yield from import_statements(node)


def imported(node: ast.AST, module: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The modules, as parts, that one import statement of ``module`` names."""
    if isinstance(node, ast.Import):
        yield from (tuple(alias.name.split(".")) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        origin = module[: -node.level] if node.level else ()
        origin += tuple(node.module.split(".")) if node.module else ()
        yield from ((*origin, alias.name) for alias in node.names)


def unit_of(name: tuple[str, ...]) -> str | None:
    """The unit that a module's name leads to; None outside the package."""
    if name[0] != PACKAGE.name:
        return None
    known = len(name) > 1 and (name[1] in RANK or exists(name[1]))
    return name[1] if known else "__init__"


def exists(unit: str) -> bool:
    """Whether the package has a module or folder of this name."""
    return (PACKAGE / unit).is_dir() or (PACKAGE / f"{unit}.py").is_file()


def crossings() -> Iterator[tuple[str, str, str]]:
    """(importing unit, imported unit, place) for every import between two units."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = dotted(path)
        for node in import_statements(ast.parse(path.read_text("utf-8"))):
            for target in map(unit_of, imported(node, module)):
                if target is not None and target != module[1]:
                    place = f"{path.relative_to(PACKAGE.parent)}:{node.lineno}"
                    yield module[1], target, place


def climbs(source: str, target: str) -> bool:
    """Whether an import goes up; the entrances stand outside the order."""
    if source in ENTRANCES or target in ENTRANCES:
        return False
    return RANK[source] < RANK[target]


def test_every_unit_has_its_place_in_the_order() -> None:
    units = {dotted(path)[1] for path in PACKAGE.rglob("*.py")}
    assert units - RANK.keys() - {*ENTRANCES} == set(), "add the unit to LAYERS"


def test_imports_go_one_way() -> None:
    wrong = [
        f"{place}: {source} imports {target}"
        for source, target, place in crossings()
        if climbs(source, target)
    ]
    assert wrong == []


def test_units_import_each_other_in_no_circle() -> None:
    below: dict[str, set[str]] = {}
    for source, target, _ in crossings():
        below.setdefault(source, set()).add(target)
    graphlib.TopologicalSorter(below).prepare()  # raises CycleError, naming the circle


@pytest.mark.parametrize(
    ("statement", "unit"),
    [
        ("import flambeau", "__init__"),
        ("import flambeau.tensor", "tensor"),
        ("import numpy", None),
        ("from flambeau import tensor", "tensor"),
        ("from flambeau import ones", "__init__"),
        ("from flambeau.tensor.views import narrow", "tensor"),
        ("from . import elementwise", "ops"),
        ("from .op import Op", "ops"),
        ("from .. import tensor", "tensor"),
        ("from ..tensor import Tensor", "tensor"),
        ("from .. import ones", "__init__"),
    ],
)
def test_the_reader_of_imports_resolves_every_form(
    statement: str, unit: str | None
) -> None:
    node = ast.parse(statement).body[0]
    [name] = imported(node, ("flambeau", "ops", "movement"))
    assert unit_of(name) == unit


def test_imports_inside_functions_count_and_those_for_types_do_not() -> None:
    source = (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from .tensor import Tensor\n"
        "def f():\n    if True:\n        from .nn import Module\n"
    )
    lines = [node.lineno for node in import_statements(ast.parse(source))]
    assert lines == [1, 6]


def test_the_order_forbids_what_it_should() -> None:
    assert climbs("ops", "tensor")
    assert climbs("compiler", "nn")
    assert climbs("random", "tensor")
    assert not climbs("tensor", "ops")
    assert not climbs("__init__", "cli")


def run_python(program: str) -> str:
    """What a fresh interpreter prints when it runs the program.

    It may keep compiled bytecode, as an installed package has it.
    """
    command = [sys.executable, "-c", program]
    settings = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=settings
    )
    return done.stdout


def test_import_loads_no_optional_library() -> None:
    loaded = run_python(
        "import json, sys, flambeau; print(json.dumps(list(sys.modules)))"
    )
    packages = {name.partition(".")[0] for name in json.loads(loaded)}
    assert "flambeau" in packages
    assert packages.isdisjoint(OPTIONAL), packages.intersection(OPTIONAL)


def test_what_is_small_is_computed_without_the_compiler() -> None:
    program = (
        "import sys, flambeau; x = flambeau.rand(1000); print((x * 2 + 1).sum() > 0); "
        "print('llvmlite' in sys.modules, flambeau.config.backend)"
    )
    assert run_python(program).splitlines() == ["tensor(True)", "False native"]


def test_packages_are_imported_when_they_are_named() -> None:
    program = (
        "import sys, flambeau as torch; print('flambeau.nn' in sys.modules); "
        "print(torch.nn.Linear(2, 1), torch.utils.data.DataLoader.__name__)"
    )
    told = run_python(program).splitlines()
    assert told == [
        "False",
        "Linear(in_features=2, out_features=1, bias=True) DataLoader",
    ]


def test_other_names_are_attribute_errors() -> None:
    program = "import flambeau; print(hasattr(flambeau, 'nothing'))"
    assert run_python(program).strip() == "False"
