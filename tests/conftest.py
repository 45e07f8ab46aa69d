"""Every test starts from the same random state, on the backend that is asked for."""

import random
from collections.abc import Iterable, Iterator
from functools import wraps
from typing import Any

import numpy as np
import pytest

import flambeau
from flambeau.compiler import memory, native, pipeline
from flambeau.compiler.memory import plan_memory
from flambeau.compiler.pipeline import compile_graph
from flambeau.compiler.program import Program
from flambeau.compiler.verify import verify, verify_kernels, verify_memory
from flambeau.graph import Node
from flambeau.runtime.memory import Arenas, Pool, Results

POISON = 255  # the byte: as floats NaN, as integers -1, or as large as can be


def compile_all(roots: Iterable[Node]) -> None:
    """Compute with kernels what would be left to NumPy, too."""
    native.evaluate(roots, least_work=0, options=flambeau.config.options)


def compiled(*arguments: Any) -> Program:
    """Compile as always, and check what each pass makes."""
    program = compile_graph(*arguments, report=verify)
    verify_kernels(program)
    return program


def planned(program: Program) -> tuple[dict[int, int], int]:
    """Plan memory as always, and check the places."""
    offsets, size = plan_memory(program)
    verify_memory(program, offsets, size)
    return offsets, size


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice of the backend."""
    parser.addoption(
        "--backend",
        choices=["native", "reference"],
        default="native",
        help="what computes values: the compiler, also for graphs so small that it "
        "would leave them to NumPy, or the NumPy evaluator",
    )


@pytest.fixture(autouse=True)
def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill the memory that a plan takes, so that what reads before it writes fails."""
    take, take_arena, take_result = Pool.take, Arenas.take, Results.take

    @wraps(take)
    def poisoned(self: Pool, size: int) -> tuple[np.ndarray, int]:
        memory, address = take(self, size)
        memory[...] = POISON
        return memory, address

    @wraps(take_arena)
    def poisoned_arena(self: Arenas, size: int) -> np.ndarray:
        arena = take_arena(self, size)
        arena[:size] = POISON
        return arena

    @wraps(take_result)
    def poisoned_result(self: Results) -> tuple[np.ndarray, int]:
        array, address = take_result(self)
        array.reshape(-1).view(np.uint8)[...] = POISON
        return array, address

    monkeypatch.setattr(Pool, "take", poisoned)
    monkeypatch.setattr(Arenas, "take", poisoned_arena)
    monkeypatch.setattr(Results, "take", poisoned_result)


@pytest.fixture(autouse=True)
def verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check what the compiler's passes make of every graph that is computed."""
    monkeypatch.setattr(pipeline, "compile_graph", compiled)
    monkeypatch.setattr(memory, "plan_memory", planned)


@pytest.fixture(autouse=True)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """Compute with the backend that was asked for; return its name."""
    name, before = request.config.getoption("--backend"), flambeau.config.backend
    flambeau.config.backend = name
    if name == "native":
        flambeau.config.evaluate = compile_all
    yield name
    flambeau.config.backend = before


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Seed the generators that a test may draw from."""
    random.seed(0)
    np.random.seed(0)
    flambeau.manual_seed(0)
