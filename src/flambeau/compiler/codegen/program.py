"""What a contraction returns: kernels in run order and the buffers between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from ... import dtypes as dt
from ...runtime.target import Target
from . import ir
from .builder import KernelBuilder
from .kernel import Kernel

__all__ = ["Column", "Epilogue", "Position", "Program", "Stage"]


@dataclass(frozen=True)
class Stage:
    """One kernel of a program.

    Attributes:
        kernel: the function.
        buffers: the names of the buffers in its table, in order. The buffers that an
            epilogue reads or writes follow them, if this stage is `fused`.
        fused: whether this is the stage that runs the epilogue.
        packs: whether it only rearranges an operand: its second buffer is made of the
            first one.
    """

    kernel: Kernel
    buffers: tuple[str, ...]
    fused: bool = False
    packs: bool = False


@dataclass(frozen=True)
class Program:
    """Kernels in run order.

    Attributes:
        stages: each may read what the earlier ones wrote.
        scratch: name and bytes of each buffer that only these stages use. They are
            not expected to hold anything before.
        parts: into how many parts the output is cut for sums over it.
        numbers: name and content of each buffer of int64 numbers, such as sizes that
            the code does not know.
    """

    stages: tuple[Stage, ...]
    scratch: tuple[tuple[str, int], ...] = ()
    parts: int = 0
    numbers: tuple[tuple[str, tuple[int, ...]], ...] = ()


@dataclass(frozen=True)
class Position:
    """Where a finished vector belongs.

    Attributes:
        indices: the coordinates of lane 0 in the output; lanes run along the last.
        offset: of lane 0 in the dense output, in elements.
        valid: how many lanes exist, where not all do (it may be negative).
        part: the number of the part of the output at work: several chunks may do the
            same part, but other channels of it.
        slot: of the output in the table.
        free: the first slot after the family's own: the epilogue's buffers begin here.
        dtype: of the output.
    """

    indices: tuple[ir.Value, ...]
    offset: ir.Value
    valid: ir.Value | None
    part: ir.Value
    slot: int
    free: int
    dtype: dt.dtype

    def mask(self, kernel: KernelBuilder, lanes: int) -> ir.Value | None:
        """Return the mask of the lanes that exist, None for all."""
        return None if self.valid is None else kernel.first_lanes(self.valid, lanes)


@dataclass(frozen=True)
class Epilogue:
    """What happens to each finished vector; this one stores it.

    A subclass adds a bias, applies an activation, adds a residual, gathers
    statistics: anything that needs these vectors only. It is a frozen dataclass, as the
    code that a kernel becomes depends on it.
    """

    @property
    def gathers(self) -> bool:
        """Whether parts have sums of their own, which `begin` sets to zero."""
        return False

    def registers(self, target: Target, lanes: int) -> int:
        """Return how many registers a vector takes beside its own, and its mask."""
        return 0

    def begin(self, kernel: KernelBuilder, position: Position) -> None:
        """Emit what comes before the first of a part's vectors in some channels."""

    def prepare(
        self, kernel: KernelBuilder, places: Sequence[Sequence[Position]]
    ) -> None:
        """Ask for the memory that a register tile will go to, before it is computed.

        Stores wait for memory that is far away, and few of them can wait at once.
        """
        for position in chain.from_iterable(places):
            pointer = kernel.buffer(position.slot)
            kernel.prefetch(pointer, position.offset, position.dtype, write=True)

    def store_tile(self, kernel: KernelBuilder, columns: Sequence[Column]) -> None:
        """Emit what happens to a register tile, given by its columns of vectors."""
        for column in columns:
            for value, position in column:
                self.store(kernel, value, position)

    def store(self, kernel: KernelBuilder, value: ir.Value, position: Position) -> None:
        """Emit what happens to a vector."""
        mask = position.mask(kernel, value.type.count)
        pointer = kernel.buffer(position.slot)
        kernel.store(value, pointer, position.offset, position.dtype, mask)


Column = Sequence[tuple[ir.Value, Position]]
"""Vectors of the same lanes of the last dimension, and where each belongs."""
