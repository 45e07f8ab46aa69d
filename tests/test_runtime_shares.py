"""Who of the thread team does which chunks of a step."""

from __future__ import annotations

import ctypes
import threading

import numpy as np
import pytest
from native import threads

from flambeau.runtime import team


class Watched:
    """A step that notes which thread does which chunks.

    Args:
        chunks: how many it has.
        held: a chunk that is not done before all that are not taken together with it.
    """

    def __init__(self, chunks: int, held: int | None = None) -> None:
        self.chunks, self.held = chunks, held
        self.calls: list[tuple[int, range]] = []
        self.left, self.lock, self.rest = chunks, threading.Lock(), threading.Event()
        at, word = ctypes.c_void_p, ctypes.c_int64
        self._function = ctypes.CFUNCTYPE(None, at, word, word, at)(self._do)

    def _do(self, table: int, begin: int, end: int, workspace: int) -> None:
        piece = range(begin, end)
        with self.lock:
            self.calls.append((threading.get_ident(), piece))
            self.left -= len(piece)
            if self.left == 0:
                self.rest.set()
        if self.held in piece:
            self.rest.wait(10)  # and fail, if it is in vain

    @property
    def record(self) -> tuple[int | None, int, int]:
        """The step of a plan."""
        return (ctypes.cast(self._function, ctypes.c_void_p).value, 0, self.chunks)

    def doers(self, share: range) -> tuple[int, set[int]]:
        """Who does the chunk that is held, and who does the others of a share."""
        [(holder, held)] = [call for call in self.calls if self.held in call[1]]
        others = set(share).difference(held)
        return holder, {who for who, piece in self.calls if others.intersection(piece)}


@pytest.mark.parametrize("count", [2, 3])
def test_others_do_the_chunks_of_a_thread_that_is_held_up(count: int) -> None:
    shares = [range(24 * tid // count, 24 * (tid + 1) // count) for tid in range(count)]
    turns = shares * 3
    watched = [Watched(24, share[0]) for share in turns]
    steps = np.array([each.record for each in watched], team.STEP)
    with threads(count):
        team.run_steps(steps)
    for each, share in zip(watched, turns, strict=True):
        assert sorted(at for _, piece in each.calls for at in piece) == [*range(24)]
        holder, others = each.doers(share)
        assert others and holder not in others


def test_a_thread_alone_does_all_chunks_at_once() -> None:
    watched = Watched(24)
    with threads(1):
        team.run_steps(np.array([watched.record], team.STEP))
    assert watched.calls == [(threading.get_ident(), range(24))]
