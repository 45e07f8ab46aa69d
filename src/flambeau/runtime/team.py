"""The thread team: a whole plan runs on all threads with one call from Python.

The threads are Python threads that stay inside native code while there is work: they
do every step's chunks together, meet at a barrier, go on to the next step, and spin for
a moment after the last one. Without new work they return to Python and sleep on a lock.
While they are in native code the interpreter is free.

Each thread has a share of a step's chunks, the same at each run, so that it finds near
what it wrote before. It takes its share piece by piece, then pieces of the others': a
thread on a slower CPU, or one that has to wait for its CPU, does less. What a chunk
computes does not depend on who does it.
"""

from __future__ import annotations

import ctypes
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np

from .engine import Code, engine
from .memory import HUGE_PAGE, aligned

__all__ = [
    "Alone",
    "default_threads",
    "get_num_threads",
    "run_steps",
    "set_num_threads",
]

STEP = np.dtype([("function", np.uint64), ("table", np.uint64), ("chunks", np.int64)])
"""One step of a plan: what to call, with which pointers, in how many chunks."""

# The team's words, each on a cache line of its own, as indices of 64-bit integers.
_EPOCH, _ARRIVED, _PHASE, _STEPS, _COUNT, _THREADS = range(0, 48, 8)
_SPACE, _EACH = range(48, 64, 8)
# Each thread has a line for whether it sleeps, and one for how many chunks of its share
# are taken: two words, of steps after an even and after an odd number of barriers. Its
# word of the next step is set back before a barrier, when nobody looks at it.
_MOST_THREADS = 55
_ASLEEP, _TAKEN, _WORDS = range(64, 64 + 3 * 8 * _MOST_THREADS, 8 * _MOST_THREADS)

_GROUP = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")  # which tells where below that we are
_PIECES = 4  # into which what is left of a share is cut, to take one
_SPINS = 100_000  # about 1 ms without a plan before a thread sleeps
_PATIENCE = 2_000  # about 20 us at a barrier before others are let run

# `take` does pieces of a share until all are taken: large ones first, as a call costs a
# little, small ones last, so that all threads end at once. If another thread takes one
# after this one has looked how much is left, its own piece is larger than need be.
# `share` does so with a thread's own share, and then with the others'.
# `run` does all steps of the posted plan as thread `tid`, with memory of the thread's
# own, which every kernel may use while it runs; `alone` does so as the only thread, for
# which one argument is passed sooner than six. `post` announces a plan.
# `work` waits for plans and runs them, and returns when it has waited long enough;
# it says so in the thread's flag first, so that `wake` knows whom to call.
_IR = """
{declarations}

define internal void @take(
    ptr %function, ptr %table, i64 %from, i64 %to, ptr %taken, ptr %space
) {{
entry:
  %all = sub i64 %to, %from
  br label %look
look:
  %seen = load atomic i64, ptr %taken monotonic, align 8
  %some = icmp ult i64 %seen, %all
  br i1 %some, label %more, label %done
more:
  %left = sub i64 %all, %seen
  %above = add i64 %left, {PIECES_LESS_ONE}
  %piece = udiv i64 %above, {PIECES}
  %place = atomicrmw add ptr %taken, i64 %piece monotonic
  %got = icmp ult i64 %place, %all
  br i1 %got, label %call, label %done
call:
  %after = add i64 %place, %piece
  %over = icmp ugt i64 %after, %all
  %stop = select i1 %over, i64 %all, i64 %after
  %begin = add i64 %from, %place
  %end = add i64 %from, %stop
  call void %function(ptr %table, i64 %begin, i64 %end, ptr %space)
  br label %look
done:
  ret void
}}

define internal void @share(
    ptr %function, ptr %table, i64 %chunks, ptr %team, i64 %tid, i64 %threads,
    i64 %phase, ptr %space
) {{
entry:
  %bank = and i64 %phase, 1
  %first = add i64 %bank, {TAKEN}
  br label %head
head:
  %i = phi i64 [0, %entry], [%i.next, %body]
  %more = icmp ult i64 %i, %threads
  br i1 %more, label %body, label %done
body:
  %sum = add i64 %tid, %i
  %beyond = icmp uge i64 %sum, %threads
  %around = sub i64 %sum, %threads
  %whose = select i1 %beyond, i64 %around, i64 %sum
  %from.all = mul i64 %chunks, %whose
  %from = udiv i64 %from.all, %threads
  %to.all = add i64 %from.all, %chunks
  %to = udiv i64 %to.all, %threads
  %line = mul i64 %whose, 8
  %place = add i64 %line, %first
  %taken = getelementptr i64, ptr %team, i64 %place
  call void @take(
    ptr %function, ptr %table, i64 %from, i64 %to, ptr %taken, ptr %space
  )
  %i.next = add i64 %i, 1
  br label %head
done:
  %own.line = mul i64 %tid, 8
  %next.bank = xor i64 %bank, 1
  %own.first = add i64 %next.bank, {TAKEN}
  %own.place = add i64 %own.line, %own.first
  %own = getelementptr i64, ptr %team, i64 %own.place
  store atomic i64 0, ptr %own monotonic, align 8
  ret void
}}

define internal void @meet(ptr %team, i64 %threads, i64 %phase) {{
entry:
  %phase.at = getelementptr i64, ptr %team, i64 {PHASE}
  %arrived.at = getelementptr i64, ptr %team, i64 {ARRIVED}
  %before = atomicrmw add ptr %arrived.at, i64 1 acq_rel
  %now = add i64 %before, 1
  %last = icmp eq i64 %now, %threads
  br i1 %last, label %open, label %wait
open:
  store atomic i64 0, ptr %arrived.at release, align 8
  %next = add i64 %phase, 1
  store atomic i64 %next, ptr %phase.at release, align 8
  ret void
wait:
  %i = phi i64 [0, %entry], [%i.next, %back]
  %seen = load atomic i64, ptr %phase.at acquire, align 8
  %same = icmp eq i64 %seen, %phase
  br i1 %same, label %again, label %go
again:
  {pause}
  %i.next = add i64 %i, 1
  %long = icmp ugt i64 %i, {PATIENCE}
  br i1 %long, label %others, label %back
others:
  {give_way}
  br label %back
back:
  br label %wait
go:
  ret void
}}

define void @flambeau_run(
    ptr %steps, i64 %count, ptr %team, i64 %tid, i64 %threads, ptr %space
) {{
entry:
  %alone = icmp eq i64 %threads, 1
  %phase.at = getelementptr i64, ptr %team, i64 {PHASE}
  br label %head
head:
  %at = phi i64 [0, %entry], [%at.next, %next]
  %more = icmp ult i64 %at, %count
  br i1 %more, label %step, label %done
step:
  %record = getelementptr {{i64, i64, i64}}, ptr %steps, i64 %at
  %function = load ptr, ptr %record, align 8
  %table.at = getelementptr i64, ptr %record, i64 1
  %table = load ptr, ptr %table.at, align 8
  %chunks.at = getelementptr i64, ptr %record, i64 2
  %chunks = load i64, ptr %chunks.at, align 8
  br i1 %alone, label %all, label %shared
all:
  %none = icmp eq i64 %chunks, 0
  br i1 %none, label %next, label %call
call:
  call void %function(ptr %table, i64 0, i64 %chunks, ptr %space)
  br label %next
shared:
  %phase = load atomic i64, ptr %phase.at acquire, align 8
  call void @share(
    ptr %function, ptr %table, i64 %chunks, ptr %team, i64 %tid, i64 %threads,
    i64 %phase, ptr %space
  )
  call void @meet(ptr %team, i64 %threads, i64 %phase)
  br label %next
next:
  %at.next = add i64 %at, 1
  br label %head
done:
  ret void
}}

define internal void @run_posted(ptr %team, i64 %tid) {{
  %steps.at = getelementptr i64, ptr %team, i64 {STEPS}
  %steps = load ptr, ptr %steps.at, align 8
  %count.at = getelementptr i64, ptr %team, i64 {COUNT}
  %count = load i64, ptr %count.at, align 8
  %threads.at = getelementptr i64, ptr %team, i64 {THREADS}
  %threads = load i64, ptr %threads.at, align 8
  %space.at = getelementptr i64, ptr %team, i64 {SPACE}
  %space = load ptr, ptr %space.at, align 8
  %each.at = getelementptr i64, ptr %team, i64 {EACH}
  %each = load i64, ptr %each.at, align 8
  %before = mul i64 %each, %tid
  %own = getelementptr i8, ptr %space, i64 %before
  call void @flambeau_run(
    ptr %steps, i64 %count, ptr %team, i64 %tid, i64 %threads, ptr %own
  )
  ret void
}}

define i64 @flambeau_work(ptr %team, i64 %tid, i64 %done, i64 %spins) {{
entry:
  %line = mul i64 %tid, 8
  %place = add i64 %line, {ASLEEP}
  %asleep = getelementptr i64, ptr %team, i64 %place
  br label %watch
watch:
  %last = phi i64 [%done, %entry], [%posted, %work]
  br label %spin
spin:
  %i = phi i64 [0, %watch], [%i.next, %idle]
  %epoch = load atomic i64, ptr %team acquire, align 8
  %new = icmp ne i64 %epoch, %last
  br i1 %new, label %work, label %idle
idle:
  {pause}
  %i.next = add i64 %i, 1
  %tired = icmp ugt i64 %i.next, %spins
  br i1 %tired, label %sleep, label %spin
work:
  %posted = phi i64 [%epoch, %spin], [%check, %recheck]
  call void @run_posted(ptr %team, i64 %tid)
  br label %watch
sleep:
  store atomic i64 1, ptr %asleep seq_cst, align 8
  %check = load atomic i64, ptr %team seq_cst, align 8
  %late = icmp ne i64 %check, %last
  br i1 %late, label %recheck, label %leave
recheck:
  ; a plan was posted meanwhile: whoever clears the flag decides who acts on it
  %was = atomicrmw xchg ptr %asleep, i64 0 seq_cst
  %mine = icmp eq i64 %was, 1
  br i1 %mine, label %work, label %leave
leave:
  ret i64 %last
}}

define i64 @flambeau_wake(ptr %team, i64 %tid) {{
  %line = mul i64 %tid, 8
  %place = add i64 %line, {ASLEEP}
  %asleep = getelementptr i64, ptr %team, i64 %place
  %was = atomicrmw xchg ptr %asleep, i64 0 seq_cst
  ret i64 %was
}}

define void @flambeau_alone(ptr %job) {{
  %steps = load ptr, ptr %job, align 8
  %count.at = getelementptr i64, ptr %job, i64 1
  %count = load i64, ptr %count.at, align 8
  %space.at = getelementptr i64, ptr %job, i64 2
  %space = load ptr, ptr %space.at, align 8
  call void @flambeau_run(
    ptr %steps, i64 %count, ptr null, i64 0, i64 1, ptr %space
  )
  ret void
}}

define void @flambeau_post(ptr %team, ptr %steps, i64 %count) {{
  %steps.at = getelementptr i64, ptr %team, i64 {STEPS}
  store ptr %steps, ptr %steps.at, align 8
  %count.at = getelementptr i64, ptr %team, i64 {COUNT}
  store i64 %count, ptr %count.at, align 8
  %ignored = atomicrmw add ptr %team, i64 1 seq_cst
  ret void
}}
"""


class _Space:
    """Memory in which kernels keep what they need for a moment.

    Attributes:
        address: where it is; it moves when it grows.
    """

    def __init__(self) -> None:
        self.address = self._size = 0

    def reserve(self, size: int) -> int:
        """Make it at least `size` bytes, and return its address."""
        if self._size < size:
            # on memory pages of which no kernel's workspace should need many
            self._memory = aligned(max(size, HUGE_PAGE))
            self.address, self._size = self._memory.ctypes.data, size
        return self.address


class _OwnSpace(_Space, threading.local):
    """Memory of a thread that runs a plan alone."""


_alone = _OwnSpace()


class Team:
    """The threads of this process, made when the first plan needs them.

    Args:
        size: how many threads, the calling one included.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.retired = False
        self.words = aligned(8 * _WORDS).view(np.int64)
        self.space = _Space()
        self.lock = threading.Lock()
        self.wakers = [threading.Semaphore(0) for _ in range(size)]
        for tid in range(1, size):
            self.words[_ASLEEP + 8 * tid] = 1
            threading.Thread(
                target=self._serve, args=(tid,), name=f"flambeau-{tid}", daemon=True
            ).start()

    def _serve(self, tid: int) -> None:
        native, done = _native(), 0
        while True:
            self.wakers[tid].acquire()
            if self.retired:
                return
            done = native.work(self.words.ctypes.data, tid, done, _SPINS)

    def retire(self) -> None:
        """End the threads, after the plan at work."""
        with self.lock:
            self.retired = True
            for waker in self.wakers:
                waker.release()

    def run(self, steps: np.ndarray, workspace: int) -> None:
        """Run a plan's steps on all threads; the caller holds the lock."""
        self.space.reserve(self.size * workspace)
        self.words[_SPACE], self.words[_EACH] = self.space.address, workspace
        native, team = _native(), self.words.ctypes.data
        before = int(self.words[_EPOCH]), int(self.words[_PHASE])
        self.words[_THREADS] = self.size
        try:
            native.post(team, steps.ctypes.data, len(steps))
            for tid in range(1, self.size):
                if native.wake(team, tid):
                    self.wakers[tid].release()
            self._run_own(steps)
        except BaseException:
            self._finish(steps, *before)
            raise

    def _finish(self, steps: np.ndarray, epoch: int, phase: int) -> None:
        """After Ctrl-C: run a plan that is posted but not run; the others wait."""
        native, team = _native(), self.words.ctypes.data
        if self.words[_EPOCH] != epoch and self.words[_PHASE] == phase:
            for tid in range(1, self.size):
                native.wake(team, tid)
                self.wakers[tid].release()  # one too many does no harm
            self._run_own(steps)

    def _run_own(self, steps: np.ndarray) -> None:
        """Do the caller's share of a plan."""
        place, count, team = steps.ctypes.data, len(steps), self.words.ctypes.data
        _native().run(place, count, team, 0, self.size, self.space.address)


class _Native:
    """The compiled functions above, callable."""

    def __init__(self) -> None:
        declare_pause, pause = _pause()
        declare_give_way, give_way = _give_way()
        text = _IR.format(
            declarations=f"{declare_pause}\n{declare_give_way}",
            pause=pause,
            give_way=give_way,
            PATIENCE=_PATIENCE,
            PHASE=_PHASE,
            ARRIVED=_ARRIVED,
            STEPS=_STEPS,
            COUNT=_COUNT,
            THREADS=_THREADS,
            SPACE=_SPACE,
            EACH=_EACH,
            ASLEEP=_ASLEEP,
            TAKEN=_TAKEN,
            PIECES=_PIECES,
            PIECES_LESS_ONE=_PIECES - 1,
        )
        kinds = ("run", "alone", "work", "wake", "post")
        names = [f"flambeau_{name}" for name in kinds]
        self._code: Code = engine().link(engine().compile(text), names)
        word, at = ctypes.c_int64, ctypes.c_void_p
        self.run = self._function("run", None, at, word, at, word, word, at)
        self.alone = self._function("alone", None, at)
        self.work = self._function("work", word, at, word, word, word)
        self.wake = self._function("wake", word, at, word)
        self.post = self._function("post", None, at, at, word)

    def _function(self, name: str, result: Any, *arguments: Any) -> Any:
        # CFUNCTYPE lets go of the interpreter lock during the call
        address = self._code.addresses[f"flambeau_{name}"]
        return ctypes.CFUNCTYPE(result, *arguments)(address)


def _pause() -> tuple[str, str]:
    """How a waiting thread tells the CPU: the intrinsic's declaration and call."""
    if engine().target.is_x86:
        return (
            "declare void @llvm.x86.sse2.pause()",
            "call void @llvm.x86.sse2.pause()",
        )
    if engine().target.triple.startswith(("aarch64", "arm64")):
        return (
            "declare void @llvm.aarch64.hint(i32)",
            "call void @llvm.aarch64.hint(i32 1)",
        )
    return "", ""


def _give_way() -> tuple[str, str]:
    """How a thread lets others run, for when there are more threads than CPUs."""
    if os.name == "posix":
        return "declare i32 @sched_yield()", "%ignored = call i32 @sched_yield()"
    return "", ""


class _Current:
    """The team in use, the number of threads it is to have, and the compiled code."""

    def __init__(self) -> None:
        self.native: _Native | None = None
        self.wanted: int | None = None
        self.team: Team | None = None
        self.lock = threading.Lock()


_current = _Current()


def _native() -> _Native:
    """The functions of all teams, linked once: threads may ask at the same time."""
    if _current.native is None:
        with _current.lock:
            if _current.native is None:
                _current.native = _Native()
    return _current.native


def _forget_team() -> None:
    """In a forked child none of the threads exist."""
    _current.team, _current.lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_team)


def default_threads() -> int:
    """Return how many CPUs this process may use: by its affinity and its quota."""
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    return max(1, min(allowed, _quota() or allowed, _MOST_THREADS))


def _quota() -> int | None:
    """The CPUs that the control groups grant, rounded up; None without a limit."""
    return min((each for each in map(_granted, _groups()) if each), default=None)


def _groups() -> list[Path]:
    """The folders of this process's control group and of all around it."""
    try:
        lines = _OWN_GROUP.read_text().splitlines()
    except OSError:
        lines = []
    own = next((line[4:] for line in lines if line.startswith("0::/")), "")
    inner = _GROUP / own
    return [each for each in (inner, *inner.parents) if each.is_relative_to(_GROUP)]


def _granted(group: Path) -> int | None:
    try:
        quota, period = (group / "cpu.max").read_text().split()
        return None if quota == "max" else -(-int(quota) // int(period))
    except (OSError, ValueError):
        return None


def get_num_threads() -> int:
    """Return how many threads kernels use.

    Source: torch's page "torch.get_num_threads".
    """
    if _current.wanted is None:
        _current.wanted = default_threads()
    return _current.wanted


def set_num_threads(count: int) -> None:
    """Set how many threads kernels use; results do not depend on it.

    Raises:
        RuntimeError: not a positive number, or more than the team can hold.

    Source: torch's page "torch.set_num_threads".
    """
    if not isinstance(count, int) or not 1 <= count <= _MOST_THREADS:
        raise RuntimeError(
            f"set_num_threads expects an int from 1 to {_MOST_THREADS}, got {count!r}"
        )
    _current.wanted = count


def run_steps(steps: np.ndarray, workspace: int = 0) -> None:
    """Run a plan: an array of `STEP` records, a barrier between each two.

    Where another Python thread is using the team, this one runs its plan alone.

    Args:
        steps: the records.
        workspace: bytes that a thread needs for its own while it runs a kernel.
    """
    count = get_num_threads()
    team = _team(count) if count > 1 else None
    if team is not None and team.lock.acquire(blocking=False):
        try:
            if not team.retired:
                return team.run(steps, workspace)
        finally:
            team.lock.release()
    return Alone(steps, workspace).run()


class Alone:
    """A plan that one thread runs; one run at a time.

    Args:
        steps: the records.
        workspace: bytes that the thread needs for its own while it runs a kernel.
    """

    def __init__(self, steps: np.ndarray, workspace: int) -> None:
        self._steps, self._workspace = steps, workspace
        words = np.array([steps.ctypes.data, len(steps), 0], np.int64)
        self._words, self._place = words.data, words.ctypes.data
        self._native = _native()

    def run(self) -> None:
        """Run the plan in the calling thread."""
        if self._workspace:
            self._words[2] = _alone.reserve(self._workspace)
        self._native.alone(self._place)


def _team(count: int) -> Team:
    with _current.lock:
        if _current.team is None or _current.team.size != count:
            if _current.team is not None:
                _current.team.retire()
            _current.team = Team(count)
        return _current.team
