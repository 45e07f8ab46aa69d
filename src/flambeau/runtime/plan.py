"""A linked program with its memory: what runs when a graph is computed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .engine import Code, Engine
from .memory import Pool, aligned
from .team import STEP, run_steps

__all__ = ["Plan"]


_pool = Pool()  # for what outlives a run


@dataclass
class _Segment:
    """Kernels that run with one call, and the host step after them, if any.

    Attributes:
        gather: which buffer's address goes into each place of the tables.
        tables: the kernels' tables, one after the other.
        steps: the records for the thread team.
        workspace: bytes that the kernels need per thread.
        host: what to compute by its NumPy meaning afterwards.
    """

    gather: np.ndarray
    tables: np.ndarray
    steps: np.ndarray
    workspace: int
    host: Any


class Plan:
    """A program, ready to run; one run at a time.

    Args:
        program: what the compiler made.
        offsets: of the temporary buffers in the arena.
        size: of the arena in bytes.
        engine: compiles and links the kernels.
    """

    def __init__(
        self, program: Any, offsets: dict[int, int], size: int, engine: Engine
    ) -> None:
        self.program = program
        self._offsets, self._size = offsets, size
        self._code: list[Code] = []
        self._lock = threading.Lock()
        self._arena: np.ndarray | None = None
        self._addresses = np.zeros(len(program.buffers), np.uint64)
        self._fixed = {number: array for number, array in program.constants}
        self._segments = self._link(engine)

    def _link(self, engine: Engine) -> list[_Segment]:
        functions = self._functions(engine)
        segments, waiting = [], []
        for step in self.program.steps:
            if hasattr(step, "kernel"):
                waiting.append(step)
            else:
                segments.append(self._segment(waiting, functions, step))
                waiting = []
        if waiting or not segments:
            segments.append(self._segment(waiting, functions, None))
        return segments

    def _functions(self, engine: Engine) -> dict[str, int]:
        """Compile and link every kernel once; return addresses by recipe."""
        kernels = {
            step.kernel.recipe: step.kernel
            for step in self.program.steps
            if hasattr(step, "kernel")
        }
        addresses = {}
        for recipe, kernel in kernels.items():
            code = engine.function(kernel)
            self._code.append(code)
            addresses[recipe] = code.addresses[kernel.name]
        return addresses

    def _segment(
        self, steps: Sequence[Any], functions: dict[str, int], host: Any
    ) -> _Segment:
        sources = [
            self.program.buffers[number].source
            for step in steps
            for number in step.buffers
        ]
        tables = np.zeros(max(len(sources), 1), np.uint64)
        records, at = np.zeros(len(steps), STEP), 0
        for record, step in zip(records, steps, strict=True):
            record["function"] = functions[step.kernel.recipe]
            record["table"] = tables.ctypes.data + 8 * at
            record["chunks"] = step.kernel.chunks
            at += len(step.buffers)
        workspace = max((step.kernel.workspace for step in steps), default=0)
        return _Segment(np.array(sources, np.intp), tables, records, workspace, host)

    def run(self, leaves: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Compute the outputs.

        Args:
            leaves: the given values, in the order of the program's leaves.
        """
        with self._lock:
            memory = self._place(leaves)
            for segment in self._segments:
                if len(segment.steps):
                    tables = segment.tables[: len(segment.gather)]
                    np.take(self._addresses, segment.gather, out=tables)
                    run_steps(segment.steps, segment.workspace)
                if segment.host is not None:
                    self._run_host(segment.host, memory)
            return [self._value(number, memory) for _, number in self.program.outputs]

    def _place(self, leaves: Sequence[np.ndarray]) -> dict[int, np.ndarray]:
        """Give every buffer its memory; return what has memory of its own."""
        if self._arena is None:
            self._arena = aligned(self._size)
        base = _address(self._arena)
        for number, offset in self._offsets.items():
            self._addresses[number] = base + offset
        memory = dict(self._fixed)
        for (_, number), array in zip(self.program.leaves, leaves, strict=True):
            memory[number] = array
        for _, number in self.program.outputs:
            source = self.program.buffers[number].source
            if source not in memory:
                memory[source] = _pool.take(self.program.buffers[source].nbytes)
        for number, array in memory.items():
            self._addresses[number] = _address(array)
        return memory

    def _value(self, number: int, memory: dict[int, np.ndarray]) -> np.ndarray:
        """Show a buffer as an array of its logical shape."""
        buffer = self.program.buffers[number]
        held = memory.get(buffer.source)
        if held is None:
            assert self._arena is not None
            held = self._arena[self._offsets[buffer.source] :]
        elif held.shape == buffer.shape and held.dtype == buffer.dtype.numpy:
            return held  # a leaf, or what a host step returned
        else:
            held = held.reshape(-1).view(np.uint8)
        return buffer.view(held[: buffer.nbytes])

    def _run_host(self, step: Any, memory: dict[int, np.ndarray]) -> None:
        """Compute a node by its NumPy meaning, into memory of its own."""
        node = step.node
        arrays = [self._value(number, memory) for number in step.inputs]
        with np.errstate(all="ignore"):
            value = np.asarray(node.op.numpy(*arrays, **node.params))
        value = np.ascontiguousarray(value.astype(node.dtype.numpy, copy=False))
        memory[step.output] = value.reshape(node.shape)
        self._addresses[step.output] = _address(value)


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]
