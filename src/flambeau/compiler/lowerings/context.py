"""The program that lowering fills: buffers of nodes, and steps that run on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ... import dtypes as dt
from ...graph import Node
from ...runtime.target import Target
from ..codegen.kernel import Kernel
from ..options import Options
from ..program import Buffer, HostStep, KernelStep, Program

__all__ = ["Lowering"]


class Lowering:
    """The program so far, and the buffer of each stored node.

    Attributes:
        target: the CPU.
        options: what the user has chosen.
        program: what has been lowered.
        leaves: the given nodes that were read, with their buffers.
        unread: the ids of nodes that nobody reads from memory.
        flat: the ids of nodes that are only read in row-major order.
        loose: the ids of views whose rows may have their elements in any order.
        rearranged: of those that have them in another one: the dimensions of what they
            show, from the outermost in memory.

    Args:
        target: the CPU.
        options: what the user has chosen.
    """

    def __init__(self, target: Target, options: Options) -> None:
        self.target, self.options = target, options
        self.program = Program()
        self.leaves: list[tuple[Node, Buffer]] = []
        self.unread: set[int] = set()
        self.flat: set[int] = set()
        self.loose: set[int] = set()
        self.rearranged: dict[int, tuple[int, ...]] = {}
        self._buffers: dict[int, Buffer] = {}
        self._numbers: dict[tuple[int, ...], Buffer] = {}
        self._packed: dict[tuple[str, tuple[int, ...], int], Buffer] = {}

    def is_stored(self, node: Node) -> bool:
        """Whether a node is in memory: given, or computed by an earlier step."""
        return node.value is not None or id(node) in self._buffers

    def buffer_of(self, node: Node) -> Buffer:
        """Return the buffer of a stored node or a leaf."""
        found = self._buffers.get(id(node))
        if found is None:
            value = node.value
            assert value is not None, f"{node!r} has no buffer"
            steps = tuple(each // value.itemsize for each in value.strides)
            found = self.program.add(node.shape, node.dtype, steps)
            self._buffers[id(node)] = found
            self.leaves.append((node, found))
        return found

    def result(self, node: Node, order: Sequence[int] | None = None) -> Buffer:
        """Return a new dense buffer for the value of a node.

        Args:
            node: what will be in it.
            order: the dimensions from the outermost in memory; row-major if None.
        """
        kept = None if order is None else tuple(order)
        buffer = self.program.new_buffer(node.shape, node.dtype, kept)
        self._buffers[id(node)] = buffer
        return buffer

    def share(self, node: Node, steps: tuple[int, ...], source: Buffer) -> Buffer:
        """Give a node the memory of another buffer, seen with other steps."""
        buffer = self.program.add(node.shape, node.dtype, steps, source.source)
        self._buffers[id(node)] = buffer
        return buffer

    def constant(self, array: np.ndarray) -> Buffer:
        """Return a buffer that holds an array of the program's own."""
        kind = dt.from_numpy_dtype(array.dtype)
        buffer = self.program.new_buffer(array.shape, kind)
        self.program.constants.append((buffer.number, array))
        return buffer

    def numbers(self, values: tuple[int, ...]) -> Buffer:
        """Return a buffer with some int64 numbers; equal ones share it."""
        if values not in self._numbers:
            self._numbers[values] = self.constant(np.array(values, np.int64))
        return self._numbers[values]

    def scratch(self, size: int) -> Buffer:
        """Return new memory of `size` bytes between kernels."""
        buffer = self.program.new_buffer((size,), dt.uint8)
        buffer.is_scratch = True
        return buffer

    def run(
        self,
        kernel: Kernel,
        buffers: Sequence[Buffer],
        overwritable: Sequence[tuple[Buffer, Buffer]] = (),
    ) -> None:
        """Append a kernel.

        Args:
            kernel: what runs.
            buffers: in the order of its table, but for the kernel's bounds.
            overwritable: pairs of a buffer that is read and one that may be written
                over it.
        """
        if kernel.bounds:
            buffers = [*buffers, self.numbers(kernel.bounds)]
        numbers = tuple(each.number for each in buffers)
        pairs = tuple((read.number, stored.number) for read, stored in overwritable)
        self.program.steps.append(KernelStep(kernel, numbers, pairs))

    def packed(self, kernel: Kernel, operand: Buffer, size: int) -> Buffer:
        """Return new memory that a kernel fills from an operand, once for all readers.

        Args:
            kernel: what runs.
            operand: what is rearranged.
            size: in bytes.
        """
        key = (kernel.recipe, kernel.bounds, operand.number)
        if key not in self._packed:
            self._packed[key] = self.scratch(size)
            self.run(kernel, [operand, self._packed[key]])
        return self._packed[key]

    def host(self, node: Node) -> None:
        """Append a node's NumPy meaning: what has no kernels, or needs none."""
        inputs = tuple(self.buffer_of(each).number for each in node.inputs)
        output = self.result(node)
        self.program.steps.append(HostStep(_alone(node), inputs, output.number))


def _alone(node: Node) -> Node:
    """A node like this one with nothing behind it, so that a plan keeps no graph."""
    inputs = tuple(Node(None, (), {}, each.shape, each.dtype) for each in node.inputs)
    return Node(node.op, inputs, node.params, node.shape, node.dtype)
