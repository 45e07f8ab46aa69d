"""What the passes produce: buffers, and the steps that fill them."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod

import numpy as np

from .. import dtypes as dt
from ..graph import Node
from .codegen.kernel import Kernel

__all__ = ["FAULT", "Buffer", "HostStep", "KernelStep", "Program"]

FAULT = -1  # the position of an output that says whether the others are invalid


@dataclass
class Buffer:
    """Memory that holds one node's value, or scratch.

    Attributes:
        number: its place in the program's list.
        shape: the logical shape.
        dtype: the element type.
        steps: the distance between neighbours in each logical dimension, in elements.
        source: the number of the buffer whose memory it shares, or its own number.
        is_scratch: whether it only carries something from one kernel to the next.
    """

    number: int
    shape: tuple[int, ...]
    dtype: dt.dtype
    steps: tuple[int, ...]
    source: int
    is_scratch: bool = False

    @property
    def order(self) -> tuple[int, ...]:
        """The dimensions from the one with the largest steps to the densest one."""
        dims = range(len(self.shape))
        return tuple(sorted(dims, key=lambda at: (-self.steps[at], at)))

    def lies_in(self, order: tuple[int, ...]) -> bool:
        """Whether the elements lie densely, with the dimensions in this order."""
        step = 1
        for at in reversed(order):
            if self.shape[at] != 1 and self.steps[at] != step:
                return False
            step *= self.shape[at]
        return True

    @property
    def nbytes(self) -> int:
        """The bytes it needs."""
        return prod(self.shape) * self.dtype.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        """The distance between neighbours in each logical dimension, in bytes."""
        return tuple([step * self.dtype.itemsize for step in self.steps])

    def view(self, memory: np.ndarray) -> np.ndarray:
        """Show raw memory as the logical array."""
        strides = self.strides
        if min(strides, default=0) < 0:
            flat = memory.view(self.dtype.numpy)
            return np.lib.stride_tricks.as_strided(flat, self.shape, strides)
        return np.ndarray(self.shape, self.dtype.numpy, memory, 0, strides)


@dataclass
class KernelStep:
    """Run a kernel on buffers.

    Attributes:
        kernel: what runs.
        buffers: in the order of its table.
        overwritable: pairs of buffers: one that is read, and one that may be written
            over it, as each place is read before it is written.
    """

    kernel: Kernel
    buffers: tuple[int, ...]
    overwritable: tuple[tuple[int, int], ...] = ()


@dataclass
class HostStep:
    """Compute a node by its NumPy meaning."""

    node: Node
    inputs: tuple[int, ...]
    output: int


@dataclass
class Program:
    """A compiled graph.

    Attributes:
        buffers: all of them.
        leaves: (position in the graph's order, buffer) of what must be given.
        constants: (buffer, array) of what the passes themselves made.
        outputs: (position in the graph's order, buffer) of what is wanted; the last
            one may be at position FAULT.
        steps: what to run, in order.
        prologue: the positions of the steps that are not run again where some leaves
            are the same arrays; these, by their place in `leaves`.
        donations: which outputs' buffers may be written over leaves that nobody needs
            after the run; by the leaves' places in `leaves`.
        uses: how often the graph reads each of its nodes, by position, if there are
            donations.
    """

    buffers: list[Buffer] = field(default_factory=list)
    leaves: list[tuple[int, int]] = field(default_factory=list)
    constants: list[tuple[int, np.ndarray]] = field(default_factory=list)
    outputs: list[tuple[int, int]] = field(default_factory=list)
    steps: list[KernelStep | HostStep] = field(default_factory=list)
    prologue: dict[int, frozenset[int]] = field(default_factory=dict)
    donations: dict[int, int] = field(default_factory=dict)
    uses: list[int] = field(default_factory=list)

    @property
    def is_guarded(self) -> bool:
        """Whether the last output says that the others are invalid."""
        return bool(self.outputs) and self.outputs[-1][0] == FAULT

    @property
    def given(self) -> set[int]:
        """The buffers that are not written to: leaves and constants."""
        return {number for _, number in self.leaves} | {
            number for number, _ in self.constants
        }

    @property
    def wanted(self) -> set[int]:
        """The buffers whose memory outputs are in."""
        return {self.buffers[number].source for _, number in self.outputs}

    def sources(self, step: KernelStep | HostStep) -> set[int]:
        """Return the buffers whose memory a step uses."""
        numbers = (
            step.buffers
            if isinstance(step, KernelStep)
            else (*step.inputs, step.output)
        )
        return {self.buffers[number].source for number in numbers}

    def new_buffer(
        self,
        shape: tuple[int, ...],
        kind: dt.dtype,
        order: tuple[int, ...] | None = None,
    ) -> Buffer:
        """Add a dense buffer whose dimensions lie in `order`, by default row-major."""
        steps, step = [0] * len(shape), 1
        for at in reversed(order if order is not None else range(len(shape))):
            steps[at] = step
            step *= shape[at]
        return self.add(shape, kind, tuple(steps))

    def add(
        self,
        shape: tuple[int, ...],
        kind: dt.dtype,
        steps: tuple[int, ...],
        source: int | None = None,
    ) -> Buffer:
        """Add a buffer with given steps, on memory of its own or of another one."""
        number = len(self.buffers)
        shared = number if source is None else source
        self.buffers.append(Buffer(number, shape, kind, steps, shared))
        return self.buffers[-1]
