"""Kernels that other processes compile are those that this one would."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import emitters
import pytest

from flambeau.compiler.codegen.kernel import Kernel
from flambeau.compiler.codegen.matmul import MatmulSpec, matmul
from flambeau.dtypes import float32
from flambeau.runtime import workers
from flambeau.runtime.cache import ObjectCache
from flambeau.runtime.engine import Engine
from flambeau.runtime.target import host

COUNT = 40


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that are started; none may be left."""
    found: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            found.append(self)

    monkeypatch.setattr(workers.subprocess, "Popen", Noted)
    return found


def kernels(emit: Callable[..., str], *arguments: Any) -> list[Kernel]:
    """Many, each with a number of its own."""
    return [Kernel(f"k{at}", emit, (at, *arguments), 1) for at in range(COUNT)]


def alone(many: list[Kernel]) -> list[bytes]:
    """What this process compiles."""
    return Engine(host(), None).compile_kernels(many)


def ended(started: list[subprocess.Popen[bytes]]) -> bool:
    """Whether no process is left."""
    return all(each.poll() is not None for each in started)


def test_workers_compile_the_same_code(tmp_path: Path, started: list) -> None:
    folder = tmp_path / "processes"
    folder.mkdir()
    products = [
        stage.kernel
        for size in (3, 20)
        for stage in matmul(
            MatmulSpec(float32, (), size, 30, 40, (40, 1), (30, 1)), host()
        ).stages
    ]
    many = kernels(emitters.emit_together, str(folder)) + products
    cached = Engine(host(), ObjectCache(tmp_path / "kernels"))
    found = cached.compile_kernels(many, cpus=3)
    assert len(started) == 2
    assert ended(started)
    assert len(list(folder.iterdir())) >= 2
    assert found == alone(kernels(emitters.emit) + products)
    assert [cached._load(each.recipe) for each in many] == found
    assert cached.compile_kernels(many, cpus=3) == found
    assert len(started) == 2


def test_a_worker_that_dies_costs_only_time(tmp_path: Path, started: list) -> None:
    many = kernels(emitters.emit_or_die, str(tmp_path))
    found = Engine(host(), None).compile_kernels(many, cpus=2)
    assert len(started) == 1
    assert started[0].poll() == 1
    assert found == alone(kernels(emitters.emit))


@pytest.mark.parametrize(
    "emit",
    [emitters.emit_here_only, lambda *told: emitters.emit(*told)],
    ids=["that fails elsewhere", "without a name"],
)
def test_what_workers_cannot_emit_is_compiled_here(
    emit: Callable[..., str], started: list
) -> None:
    known = kernels(emitters.emit)
    many = [Kernel(each.name, emit, each.arguments, 1) for each in known[:5]]
    engine = Engine(host(), None)
    found = dict(
        workers.compile_apart(
            [*many, *known[5:]], host(), 2, lambda kernel: engine._object(kernel.ir)
        )
    )
    assert len(started) == 1
    assert [found[at] for at in range(COUNT)] == alone(known)


def test_code_that_is_not_valid_is_refused_here(started: list) -> None:
    bad = Kernel("bad", emitters.emit_nonsense, (), 1)
    with pytest.raises(RuntimeError, match="expected"):
        Engine(host(), None).compile_kernels([*kernels(emitters.emit), bad], cpus=2)
    assert len(started) == 1
    assert ended(started)


def test_an_interruption_ends_the_workers(started: list) -> None:
    def interrupt(kernel: Kernel) -> bytes:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(workers.compile_apart(kernels(emitters.emit), host(), 2, interrupt))
    assert len(started) == 1
    assert ended(started)
    assert workers._one_at_a_time.acquire(blocking=False)
    workers._one_at_a_time.release()


def refuse(*arguments: Any, **options: Any) -> None:
    raise OSError("not here")


@pytest.mark.parametrize("name", ["subprocess.Popen", "TemporaryFile", "os.pipe"])
def test_a_system_that_refuses_costs_only_time(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{workers.__name__}.{name}", refuse)
    many = kernels(emitters.emit)
    assert Engine(host(), None).compile_kernels(many, cpus=2) == alone(many)


@pytest.mark.parametrize(
    "count, cpus, executable",
    [(8, 2, "python"), (COUNT, 1, "python"), (COUNT, 2, "server"), (COUNT, 2, "")],
)
def test_no_worker_is_started(
    count: int,
    cpus: int,
    executable: str,
    started: list,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers.sys, "executable", executable)
    many = kernels(emitters.emit)[:count]
    assert Engine(host(), None).compile_kernels(many, cpus=cpus) == alone(many)
    assert started == []


def test_a_folder_that_cannot_be_written_to(tmp_path: Path, started: list) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    many = kernels(emitters.emit)
    cached = Engine(host(), ObjectCache(occupied / "kernels"))
    assert cached.compile_kernels(many, cpus=2) == alone(many)
    assert len(started) == 1
