"""The runtime: the LLVM engine and its cache on disk, the thread team, plans."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compiled import program
from native import in_threads, threads

from flambeau.compiler import native
from flambeau.compiler.codegen.kernel import Kernel
from flambeau.compiler.memory import plan_memory
from flambeau.graph import constant
from flambeau.ops import elementwise as ew
from flambeau.ops import reduce as rd
from flambeau.ops.conv import conv
from flambeau.ops.op import Op
from flambeau.runtime import cache, team
from flambeau.runtime.cache import ObjectCache, default_folder
from flambeau.runtime.engine import Engine, engine
from flambeau.runtime.plan import Plan, _Prologue
from flambeau.runtime.target import Target, host

# Every chunk adds up its own number and its neighbour's, so that a step which begins
# before the last one is done on all threads computes something else. On its way the sum
# lies in the thread's own memory, where another thread's would take its place.
IR = """
define void @mix(ptr %table, i64 %begin, i64 %end, ptr %workspace) {
entry:
  %to.at = getelementptr ptr, ptr %table, i64 1
  %from = load ptr, ptr %table, align 8
  %to = load ptr, ptr %to.at, align 8
  br label %head
head:
  %i = phi i64 [%begin, %entry], [%next, %body]
  %more = icmp slt i64 %i, %end
  br i1 %more, label %body, label %done
body:
  %back = sub i64 99, %i
  %mine.at = getelementptr i64, ptr %from, i64 %i
  %other.at = getelementptr i64, ptr %from, i64 %back
  %mine = load i64, ptr %mine.at, align 8
  %other = load i64, ptr %other.at, align 8
  %twice = mul i64 %other, 3
  %sum = add i64 %mine, %twice
  %result = getelementptr i64, ptr %to, i64 %i
  store volatile i64 %sum, ptr %workspace, align 8
  %kept = load volatile i64, ptr %workspace, align 8
  store i64 %kept, ptr %result, align 8
  %next = add i64 %i, 1
  br label %head
done:
  ret void
}
"""
ROUNDS = 40


def emit_mix(name: str) -> str:
    """What a kernel's recipe calls."""
    return IR.replace("mix", name)


MIX = Kernel("mix", emit_mix, (), 100)
WORKSPACE = 8


class Mixer:
    """A plan of many steps, each of which reads all that the one before wrote."""

    def __init__(self, start: int) -> None:
        self.buffers = [np.arange(100, dtype=np.int64) + start, np.zeros(100, np.int64)]
        self.expected = self.buffers[0].copy()
        with np.errstate(over="ignore"):
            for _ in range(ROUNDS):
                self.expected = self.expected + 3 * self.expected[::-1]
        self.code = engine().function(MIX)
        addresses = [each.ctypes.data for each in self.buffers]
        self.tables = np.array([addresses, addresses[::-1]], np.uint64)
        self.steps = np.zeros(ROUNDS, team.STEP)
        for at in range(ROUNDS):
            table = self.tables[at % 2].ctypes.data
            self.steps[at] = (self.code.addresses["mix"], table, 100)

    def check(self) -> None:
        """Run, and compare."""
        first = self.buffers[0].copy()
        team.run_steps(self.steps, WORKSPACE)
        np.testing.assert_array_equal(self.buffers[ROUNDS % 2], self.expected)
        self.buffers[0][...] = first


# Engine and cache


@pytest.fixture
def cached(tmp_path: Path) -> Engine:
    """An engine with a cache of its own."""
    return Engine(host(), ObjectCache(tmp_path / "kernels"))


def forbid_compiling(fresh: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(ir: str) -> Any:
        raise AssertionError("compiled again")

    monkeypatch.setattr(fresh, "_optimized", refuse)


def files(fresh: Engine) -> list[Path]:
    assert fresh.cache is not None
    return [each for each in fresh.cache.folder.rglob("*") if each.is_file()]


def test_ir_that_is_not_valid_is_refused(cached: Engine) -> None:
    with pytest.raises(RuntimeError, match="expected"):
        cached.compile("define void @broken( {")
    assert files(cached) == []


def test_code_is_compiled_once(cached: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    code = cached.compile(IR)
    [file] = files(cached)
    assert code in file.read_bytes()
    forbid_compiling(cached, monkeypatch)
    assert cached.compile(IR) == code


def test_a_full_cache_spares_the_emission(cached: Engine) -> None:
    code = cached.compile_kernels([MIX])
    known = replace(MIX)
    assert cached.compile_kernels([known]) == code
    assert "ir" not in vars(known)


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_a_corrupt_cache_costs_a_compilation(cached: Engine, damage: str) -> None:
    code = cached.compile(IR)
    [file] = files(cached)
    content = file.read_bytes()
    changed = content[:-1] + bytes([content[-1] ^ 1])
    file.write_bytes({"cut": content[:-9], "changed": changed, "empty": b""}[damage])
    assert cached.compile(IR) == code
    assert file.read_bytes() == content


def test_a_cache_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    fresh = Engine(host(), ObjectCache(occupied / "kernels"))
    assert fresh.link(fresh.compile(IR), ["mix"]).addresses["mix"]
    assert occupied.read_text() == "not a folder"


def test_a_write_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(cache.os, "replace", fail)
    kept = ObjectCache(tmp_path)
    kept.store("ab" * 32, b"code")
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []
    assert kept.load("ab" * 32) is None


def test_keys_tell_apart_what_code_depends_on(cached: Engine) -> None:
    other = Target("x86_64-unknown-linux-gnu", "x86-64", "", 16, 16)
    plain = Engine(other, None)
    assert len({cached.key(IR), cached.key(IR + "\n"), plain.key(IR)}) == 3
    assert ObjectCache.key("ab", "c") != ObjectCache.key("a", "bc")


def test_a_module_that_is_in_use_is_linked_once() -> None:
    first = engine().function(MIX)
    assert engine().function(replace(MIX)) is first


@pytest.mark.parametrize(
    ("platform", "variable", "folder"),
    [
        ("linux", "XDG_CACHE_HOME", "flambeau/kernels"),
        ("win32", "LOCALAPPDATA", "flambeau/kernels"),
    ],
)
def test_the_cache_lies_in_the_platforms_folder(
    platform: str,
    variable: str,
    folder: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable, str(tmp_path))
    assert default_folder() == tmp_path / folder


def test_without_a_home_there_is_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", home)
    for each in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(each, raising=False)
    assert default_folder() is None


def test_the_host_has_vectors() -> None:
    target = host()
    assert target.lanes(4) == 2 * target.lanes(8) >= 4
    assert target.vector_registers in (16, 32)


# The team


CPUS = os.cpu_count() or 1


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, min(2 * CPUS + 1, 50)])
def test_every_step_waits_for_the_one_before(count: int) -> None:
    mixer = Mixer(count)
    with threads(count):
        for _ in range(5):
            mixer.check()


def test_sleeping_threads_are_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(team, "_SPINS", 1)
    with threads(3):
        mixer = Mixer(0)
        for _ in range(50):
            mixer.check()


def states_of_threads() -> set[str]:
    """What the team's threads are doing: Linux's letters."""
    own = [each for each in threading.enumerate() if each.name[:9] == "flambeau-"]
    found = set()
    for number in (each.native_id for each in own if each.name[9:].isdigit()):
        with suppress(OSError):  # those of an earlier team may be ending
            text = Path(f"/proc/self/task/{number}/stat").read_text()
            found.add(text.rpartition(")")[2].split()[0])
    return found


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux")
def test_threads_sleep_when_there_is_no_plan() -> None:
    with threads(3):
        Mixer(0).check()
        for _ in range(1000):
            if states_of_threads() == {"S"}:
                break
            time.sleep(0.01)
        assert states_of_threads() == {"S"}


def test_python_threads_run_plans_at_once() -> None:
    def work(start: int) -> None:
        mixer = Mixer(start)
        for _ in range(100):
            mixer.check()

    with threads(2):
        in_threads(work, 4)


def test_the_number_may_change_while_plans_run() -> None:
    done = threading.Event()

    def change() -> None:
        while not done.is_set():
            for count in (2, 3):
                team.set_num_threads(count)

    with threads(2):
        other = threading.Thread(target=change)
        other.start()
        mixer = Mixer(0)
        for _ in range(100):
            mixer.check()
        done.set()
        other.join()


def test_threads_that_are_not_needed_end() -> None:
    def count() -> int:
        return sum(each.name.startswith("flambeau-") for each in threading.enumerate())

    for number in (4, 2, 3, 2) * 3:
        with threads(number):
            Mixer(0).check()
    with threads(2):
        Mixer(0).check()
        for each in threading.enumerate():
            if each.name in ("flambeau-2", "flambeau-3"):
                each.join(10)
        assert count() <= 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process")
def test_a_forked_child_has_a_team_of_its_own() -> None:
    with threads(2):
        Mixer(0).check()
        child = os.fork()
        if child == 0:
            try:
                Mixer(1).check()
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        Mixer(0).check()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process")
def test_a_child_waits_for_no_lock_of_its_parents_threads() -> None:
    """They are held as if other threads were computing and compiling."""
    x = constant(np.arange(12.0))
    plan = plan_of(ew.exp(x))
    plan.run([x.value])  # type: ignore[list-item]
    held = [plan._lock, engine()._lock, native._plans._lock, native._outlines._lock]
    with ExitStack() as stack:
        for each in held:
            stack.enter_context(each)
        child = os.fork()
        if child == 0:
            try:
                signal.alarm(60)
                plan.run([x.value])  # type: ignore[list-item]
                native.evaluate([ew.neg(ew.exp(ew.log(x)))], least_work=0)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


FORKING = """
import os
import flambeau as torch

x = torch.arange(40_000.0).reshape(200, 200) / 40_000
def total():
    return (x @ x.T).exp().sum().item()
before = total()
child = os.fork()
after = total()  # in both processes
assert after == before
if child:
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_computes_and_ends() -> None:
    options = ["-W", "ignore", "-c", FORKING]
    done = subprocess.run(
        [sys.executable, *options], capture_output=True, text=True, timeout=100
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


class Interrupted:
    """A waker during whose release Ctrl-C arrives."""

    def __init__(self, waker: threading.Semaphore) -> None:
        self._waker, self.calls = waker, 0
        self.acquire = waker.acquire

    def release(self) -> None:
        self.calls += 1
        if self.calls == 1:
            raise KeyboardInterrupt
        self._waker.release()


@pytest.mark.parametrize("tid", [1, 2])
def test_after_ctrl_c_the_next_plan_runs(tid: int) -> None:
    with threads(3):
        mixer = Mixer(0)
        fresh = team.Team(3)
        waker = fresh.wakers[tid]
        fresh.wakers[tid] = Interrupted(waker)  # type: ignore[call-overload]
        first = mixer.buffers[0].copy()
        with pytest.raises(KeyboardInterrupt):
            fresh.run(mixer.steps, WORKSPACE)
        np.testing.assert_array_equal(mixer.buffers[0], mixer.expected)
        mixer.buffers[0][...] = first
        fresh.wakers[tid] = waker
        fresh.run(mixer.steps, WORKSPACE)
        np.testing.assert_array_equal(mixer.buffers[0], mixer.expected)
        fresh.retire()


@pytest.mark.parametrize("count", [0, -1, 2.0, "2", None, 10_000])
def test_a_number_of_threads_that_makes_no_sense_is_refused(count: Any) -> None:
    with pytest.raises(RuntimeError, match=r"set_num_threads expects an int from 1"):
        team.set_num_threads(count)


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in place of the control group's, on a machine with eight CPUs."""
    monkeypatch.setattr(team, "_GROUP", tmp_path)
    monkeypatch.setattr(team, "_OWN_GROUP", tmp_path / "own")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), False)
    yield tmp_path


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("max 100000\n", 8),
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("1000 100000\n", 1),
        ("9900000 100000\n", 8),
        ("nonsense", 8),
        (None, 8),
    ],
)
def test_the_groups_quota_bounds_the_threads(
    group: Path, text: str | None, count: int
) -> None:
    if text is not None:
        (group / "cpu.max").write_text(text)
    assert team.default_threads() == count


@pytest.mark.parametrize(("outer", "count"), [("max", 3), ("200000", 2)])
def test_the_groups_around_it_count_too(group: Path, outer: str, count: int) -> None:
    inner = group / "slice" / "service"
    inner.mkdir(parents=True)
    (group / "own").write_text("0::/slice/service\n")
    (inner / "cpu.max").write_text("300000 100000\n")
    (inner.parent / "cpu.max").write_text(f"{outer} 100000\n")
    assert team.default_threads() == count


def test_affinity_bounds_the_threads(
    group: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3})
    assert team.default_threads() == 1


def test_a_process_starts_with_the_default(tmp_path: Path) -> None:
    code = (
        "from flambeau.runtime import team\n"
        "print(team.get_num_threads() == team.default_threads())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True"


# Plans


def plan_of(*nodes: Any) -> Plan:
    made = program(*nodes)
    return Plan(made, *plan_memory(made), engine())


def test_a_plan_runs_with_other_leaves() -> None:
    x = constant(np.arange(12.0).reshape(3, 4))
    plan = plan_of(rd.softmax(ew.mul(x, x), axis=1))
    for scale in (1.0, -2.0):
        given = scale * np.arange(12.0).reshape(3, 4)
        [found] = plan.run([given])
        raised = np.exp(given**2 - (given**2).max(1, keepdims=True))
        np.testing.assert_allclose(found, raised / raised.sum(1, keepdims=True))


def test_outputs_are_memory_of_their_own() -> None:
    x = constant(np.arange(12.0))
    plan = plan_of(ew.exp(x))
    [first] = plan.run([np.zeros(12)])
    [second] = plan.run([np.ones(12)])
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(first, 1)


def test_plans_that_run_by_turns_find_their_memory() -> None:
    given = [np.linspace(0, 1, size).reshape(-1, 10) for size in (300, 5000)]
    plans = [plan_of(rd.softmax(constant(each), axis=1)) for each in given]
    for at in (0, 1, 0, 0, 1, 1, 0):
        [found] = plans[at].run([given[at]])
        raised = np.exp(given[at])
        np.testing.assert_allclose(found, raised / raised.sum(1, keepdims=True))


def test_a_host_step_in_the_middle_gets_and_gives_values() -> None:
    x = constant(np.linspace(0.1, 2, 30))
    y = ew.atan2(ew.exp(x), ew.neg(x))
    [found] = plan_of(ew.add(y, x)).run([x.value])  # type: ignore[list-item]
    np.testing.assert_allclose(
        found,
        np.arctan2(np.exp(x.value), -x.value) + x.value,  # type: ignore[operator]
    )


def test_what_a_host_step_returns_is_not_overwritten() -> None:
    same = Op("same", lambda x: (x.shape, x.dtype), lambda x: x)
    x = constant(np.arange(1.0, 9.0))
    kept, other = same(ew.exp(x)), same(ew.log(x))
    found = plan_of(kept, other, ew.neg(other)).run([x.value])  # type: ignore[list-item]
    np.testing.assert_allclose(found[0], np.exp(np.arange(1.0, 9.0)))


def test_a_plan_keeps_no_value_of_the_graph_it_was_made_from() -> None:
    x = constant(np.linspace(0.1, 2, 30))
    y = ew.atan2(ew.exp(x), x)
    inside, plan = weakref.ref(y), plan_of(ew.neg(y))
    del y
    gc.collect()
    assert inside() is None
    assert len(plan.program.steps) == 3


def test_one_plan_may_be_run_by_several_threads() -> None:
    x = constant(np.zeros((50, 60)))
    plan = plan_of(rd.softmax(x, axis=1), ew.exp(x))

    def work(seed: int) -> None:
        given = np.random.default_rng(seed).standard_normal((50, 60))
        for _ in range(50):
            _, raised = plan.run([given])
            np.testing.assert_allclose(raised, np.exp(given))

    in_threads(work, 3)


def test_python_threads_compile_and_run_at_once() -> None:
    def work(seed: int) -> None:
        for rows in range(40 + seed, 60, 3):
            given = np.linspace(-1, 1, 70 * rows).reshape(rows, 70)
            y = rd.sum_(ew.exp(constant(given)), axes=(1,), keepdims=False)
            native.evaluate([y], least_work=0)
            np.testing.assert_allclose(y.value, np.exp(given).sum(1))

    in_threads(work, 3)


def test_ctrl_c_in_a_host_step_leaves_a_plan_that_runs() -> None:
    pressed: list[int] = []

    def meaning(x: np.ndarray) -> np.ndarray:
        if not pressed:
            pressed.append(1)
            signal.raise_signal(signal.SIGINT)
        return x

    x = constant(np.arange(1.0, 9.0))
    same = Op("same", lambda x: (x.shape, x.dtype), meaning)
    plan = plan_of(ew.neg(same(ew.exp(x))))
    with pytest.raises(KeyboardInterrupt):
        plan.run([x.value])  # type: ignore[list-item]
    [found] = plan.run([x.value])  # type: ignore[list-item]
    np.testing.assert_allclose(found, -np.exp(np.arange(1.0, 9.0)))


# What is done once for many runs


def convolved() -> tuple[Any, Any, Plan]:
    """An input, a weight, and the plan of their convolution."""
    random = np.random.default_rng(0)
    x = constant(random.standard_normal((1, 8, 9, 9)).astype(np.float32))
    w = constant(random.standard_normal((16, 8, 3, 3)).astype(np.float32))
    y = conv(x, w, stride=(1, 1), padding=((1, 1), (1, 1)), dilation=(1, 1), groups=1)
    return x.value, w.value, plan_of(ew.relu(y))


def test_weights_are_packed_once_for_many_runs() -> None:
    x, w, plan = convolved()
    for scale in (1, 2, 3):
        [found] = plan.run([scale * x, w])
        [fresh] = convolved()[2].run([scale * x, w])
        np.testing.assert_array_equal(found, fresh)
    w += 1  # which nobody may do: the plan goes on with what it has packed
    np.testing.assert_array_equal(plan.run([3 * x, w])[0], fresh)


def test_other_weights_are_packed_again() -> None:
    x, w, plan = convolved()
    for weight in (w, w, w, 2 * w, 2 * w, w, -w, w):
        [found] = plan.run([x, weight])
        np.testing.assert_array_equal(found, convolved()[2].run([x, weight])[0])


def test_a_run_that_fails_leaves_nothing_half_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, w, plan = convolved()
    plan.run([x, w])
    plan.run([x, w])
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr("flambeau.runtime.plan.Alone.run", interrupt)
        plan.run([x, 2 * w])
    again = 2 * w
    for _ in range(2):
        [found] = plan.run([x, again])
        np.testing.assert_array_equal(found, convolved()[2].run([x, again])[0])


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    before = _Prologue.kept
    x, w, plan = convolved()
    expected = [plan.run([x, w])[0] for _ in range(3)]
    assert _Prologue.kept >= before + w.nbytes
    del plan
    gc.collect()
    assert _Prologue.kept == before
    monkeypatch.setattr("flambeau.runtime.plan._MOST_KEPT", before)
    x, w, plan = convolved()
    for each in expected:
        np.testing.assert_array_equal(plan.run([x, w])[0], each)
    assert _Prologue.kept == before


def interrupt(*ignored: Any) -> None:
    raise KeyboardInterrupt


def test_only_what_rearranges_leaves_is_done_once() -> None:
    x, w, _ = convolved()
    y = conv(
        ew.neg(constant(x)),
        constant(w),
        stride=(1, 1),
        padding=((1, 1), (1, 1)),
        dilation=(1, 1),
        groups=1,
    )
    made = program(y)
    once = [made.steps[at].kernel.name for at in made.prologue]  # type: ignore[union-attr]
    assert len(once) == 1
    assert once[0].startswith("pack")
    assert not program(ew.exp(constant(x))).prologue
