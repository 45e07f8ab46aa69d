"""Recipes: texts that tell apart what kernels are emitted from."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace

import pytest

from flambeau import dtypes as dt
from flambeau.compiler.codegen import recipe
from flambeau.compiler.codegen.convolution import ConvolutionSpec, convolution
from flambeau.compiler.codegen.kernel import Kernel
from flambeau.compiler.codegen.packing import Steps
from flambeau.compiler.codegen.program import Epilogue
from flambeau.compiler.codegen.recipe import describe
from flambeau.runtime.target import Target

PLAIN = Target("x86_64-unknown-linux-gnu", "x86-64", "", 16, 16)
SPEC = ConvolutionSpec(
    dt.float32, 2, 1, 3, 4, (5, 5), (3, 3), (1, 1), (1, 1), ((0, 0), (0, 0))
)


@dataclass(frozen=True)
class Other(Epilogue):
    """Another way of storing, with the same fields: none."""


@pytest.mark.parametrize(
    "values",
    [
        (0, 0.0, -0.0, False, "0", b"0", None, (), (0,), ((0,),), dt.int8),
        (1, 1.0, True, "1", (1,), (1, 1)),
        ("a,b", ("a", "b"), ("a,b",), ("a',",)),
        (Steps(0, 1, 2), Steps(0, 1, 3), (0, 1, 2), Steps(0, True, 2)),  # type: ignore[arg-type]
        (Epilogue(), Other()),
        (describe, replace),
    ],
    ids=["zeros", "ones", "texts", "records", "classes", "names"],
)
def test_different_values_have_different_texts(values: tuple[object, ...]) -> None:
    assert len({describe(each) for each in values}) == len(values)


@dataclass
class Mutable:
    """A record that may change after it was told."""

    size: int = 0


@pytest.mark.parametrize("value", [[1], {}, Mutable(), object(), lambda: 0])
def test_what_may_change_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="code cannot depend on"):
        describe((1, value))


def kernels() -> list[Kernel]:
    """Those of a convolution."""
    return [stage.kernel for stage in convolution(SPEC, PLAIN).stages]


def test_another_process_writes_the_same_recipe() -> None:
    program = (
        "from test_codegen_recipe import kernels\n"
        "print(*(each.recipe for each in kernels()), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=__file__.rpartition("test_")[0],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [each.recipe for each in kernels()]


def test_a_recipe_tells_name_arguments_and_sources(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel = kernels()[0]
    others = [replace(kernel, name="other"), replace(kernel, arguments=())]
    texts = {each.recipe for each in (kernel, *others)}
    assert len(texts) == 3
    assert replace(kernel, chunks=99, flops=1).recipe in texts
    recipe._named.cache_clear()
    monkeypatch.setattr(recipe, "_version", lambda: "changed")
    assert replace(kernel).recipe not in texts
    recipe._named.cache_clear()
