"""From a traced graph to ONNX nodes: the walk that all tables of rules serve.

A rule writes the ONNX nodes of one op. Rules stand in tables by the op's name; a
module that is exported as a whole has a rule by its type. What does not depend on the
inputs is computed now and becomes a constant.

With a dynamic batch the model is traced twice, with two batch sizes. A size that
differs between the two traces is a multiple of the batch, and the file computes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..evaluator import evaluate_float64
from ..graph import Node
from ..nn import Module
from .trace import Call, Trace
from .writer import Writer

__all__ = ["Batch", "Exporter", "Rule", "Size"]

# Larger constants are weights, or made of weights.
_LARGEST_CHECKED = 4096


@dataclass(frozen=True)
class Batch:
    """A size that is a multiple of the batch size."""

    times: int


Size = int | Batch


class Exporter:
    """Writes the nodes of a trace.

    Attributes:
        writer: where they are written.
        fold: whether batch norm is folded into the convolution before it.

    Args:
        first: the model's trace.
        second: its trace with another batch size, or None for a fixed batch.
        rules: what writes an op's nodes, by the op's name.
        whole: what writes a module's nodes, by the module's type.
        fold: whether batch norm is folded into convolutions.
    """

    def __init__(
        self,
        first: Trace,
        second: Trace | None,
        rules: dict[str, Rule],
        whole: dict[type[Module], WholeRule],
        fold: bool = False,
    ) -> None:
        self.writer, self.fold = Writer(), fold
        self._trace, self._rules, self._whole = first, rules, whole
        self._order = first.order()
        self._twins = self._pair(second)
        self._batches = _batch_sizes(first, second)
        self._values: dict[int, str] = {}
        self._arrays: dict[int, np.ndarray] = {}
        self._varying = self._find_varying()
        self._readers = self._count_readers()
        self._input = ""

    # What rules ask

    def value(self, node: Node) -> str:
        """Return the name of a node's value in the file."""
        found = self._values.get(id(node))
        if found is None:
            found = self._values[id(node)] = self._constant(node)
        return found

    def is_constant(self, node: Node) -> bool:
        """Tell whether a value does not depend on the inputs."""
        return id(node) not in self._varying

    def array(self, node: Node) -> np.ndarray:
        """Return the value of a node that does not depend on the inputs."""
        if id(node) not in self._arrays:
            exact = evaluate_float64([node])[0]
            self._arrays[id(node)] = exact.astype(node.dtype.numpy)
        return self._arrays[id(node)]

    def number(self, node: Node) -> float | None:
        """Return the number that a constant node is everywhere, or None."""
        if not self.is_constant(node) or not node.size:
            return None
        array = self.array(node)
        first = array.reshape(-1)[0]
        return first.item() if bool((array == first).all()) else None

    def is_read_once(self, node: Node) -> bool:
        """Tell whether one node alone reads a value, so that it may absorb it."""
        return self._readers.get(id(node), 0) == 1

    def sizes(self, node: Node, read: Callable[[Node], tuple[int, ...]]) -> list[Size]:
        """Return sizes read off a node, those that follow the batch as `Batch`.

        Args:
            node: the node.
            read: returns them, as they are in a trace.
        """
        mine = read(node)
        other = read(self._twins[id(node)]) if self._twins else mine
        return [self._size(node, *both) for both in zip(mine, other, strict=True)]

    def _size(self, node: Node, mine: int, other: int) -> Size:
        if mine == other:
            return mine
        first, second = self._batches
        times = mine // first
        if mine != times * first or other != times * second:
            raise RuntimeError(
                f"onnx.export: a size in {node.name} is {mine} for a batch of {first} "
                f"and {other} for {second}, which is no multiple of the batch; export "
                "with dynamic_batch=False"
            )
        return Batch(times)

    def shape_of(self, sizes: list[Size]) -> str:
        """Return the name of an int64 vector of sizes, some of which follow the batch.

        One such size is left to the reader, as -1: use it for Reshape only.
        """
        moving = [size for size in sizes if isinstance(size, Batch)]
        if len(moving) > 1 or 0 in sizes:
            return self.vector(sizes)
        return self.writer.integers(
            *(-1 if isinstance(size, Batch) else size for size in sizes)
        )

    def vector(self, sizes: list[Size]) -> str:
        """Return the name of an int64 vector of sizes that the file computes."""
        add = self.writer.add
        if not any(isinstance(size, Batch) for size in sizes):
            return self.writer.integers(*sizes)  # type: ignore[arg-type]
        shape = add("Shape", self._input)
        batch = add("Gather", shape, self.writer.integers(0), axis=0)
        parts = []
        for size in sizes:
            if isinstance(size, Batch):
                times = self.writer.integers(size.times)
                parts.append(batch if size.times == 1 else add("Mul", batch, times))
            else:
                parts.append(self.writer.integers(size))
        return add("Concat", *parts, axis=0)

    # The walk

    def run(self, names: list[str]) -> list[str]:
        """Write everything, and return the names of the outputs' values.

        Args:
            names: of the inputs.
        """
        for name, node in zip(names, self._trace.inputs, strict=True):
            self._values[id(node)] = self.writer.name(name)
        self._input = self._values[id(self._trace.inputs[0])]
        for node in self._order:
            if id(node) in self._varying and id(node) not in self._values:
                self._write(node)
        return [self.value(node) for node in self._trace.outputs.values()]

    def _write(self, node: Node) -> None:
        self.writer.scope = self._trace.scopes.get(id(node), "")
        call = self._trace.calls.get(id(node))
        if call is not None:
            results = self._whole[type(call.module)](self, call)
            for made, result in zip(call.outputs, results, strict=True):
                self._values[id(made)] = result
            return
        rule = self._rules.get(node.name)
        if rule is None:
            where = f" of {self.writer.scope}" if self.writer.scope else ""
            raise NotImplementedError(
                f"onnx.export: {node.name}{where} has no form in ONNX here"
            )
        self._values[id(node)] = rule(self, node)

    def _constant(self, node: Node) -> str:
        name = self._name_of(node)
        if self._twins and self._twins[id(node)].shape != node.shape:
            return self._filled(node)
        self._check_fixed(node)
        return self.writer.constant(self.array(node), name or "")

    def _check_fixed(self, node: Node) -> None:
        """Raise where a constant, such as a factor, follows the batch size."""
        if not self._twins or node.size > _LARGEST_CHECKED:
            return
        (other,) = evaluate_float64([self._twins[id(node)]])
        if not np.array_equal(evaluate_float64([node])[0], other, equal_nan=True):
            raise RuntimeError(
                f"onnx.export: a constant ({node.name} of shape {node.shape}) depends "
                "on the batch size; export with dynamic_batch=False"
            )

    def _name_of(self, node: Node) -> str | None:
        """The name of the parameter that a node shows unchanged."""
        while node.value is None and node.name in ("alias", "detach"):
            node = node.inputs[0]
        return self._trace.names.get(id(node))

    def _filled(self, node: Node) -> str:
        """A constant as large as the batch: one number everywhere, or computed."""
        number = self.number(node)
        if number is None:
            if node.value is None:  # such as a class token, expanded
                self._write(node)
                return self._values[id(node)]
            raise RuntimeError(
                f"onnx.export: a constant of shape {node.shape} depends on the batch "
                "size and is no single number; export with dynamic_batch=False"
            )
        shape = self.vector(self.sizes(node, lambda each: each.shape))
        value = self.writer.constant(np.array(number, node.dtype.numpy))
        return str(self.writer.add("Expand", value, shape))

    # What is known before

    def _pair(self, second: Trace | None) -> dict[int, Node]:
        """Map each node to the one that the other trace has in its place."""
        if second is None:
            return {}
        other = second.order()
        if [each.name for each in other] != [each.name for each in self._order]:
            raise RuntimeError(
                "onnx.export: the model computes something else for another batch "
                "size; export with dynamic_batch=False"
            )
        return {id(mine): twin for mine, twin in zip(self._order, other)}

    def _find_varying(self) -> set[int]:
        varying = {id(each) for each in self._trace.inputs}
        for node in self._order:
            if any(id(each) in varying for each in self._trace.below(node)):
                varying.add(id(node))
        return varying

    def _count_readers(self) -> dict[int, int]:
        readers: dict[int, int] = {}
        reads = [each for node in self._order for each in self._trace.below(node)]
        for each in [*reads, *self._trace.outputs.values()]:
            readers[id(each)] = readers.get(id(each), 0) + 1
        return readers


Rule = Callable[[Exporter, Node], str]
"""Writes the nodes of one op and returns the name of its value."""

WholeRule = Callable[[Exporter, Call], list[str]]
"""Writes the nodes of one module's call; returns the names of its results."""


def _batch_sizes(first: Trace, second: Trace | None) -> tuple[int, int]:
    if second is None:
        return (0, 0)
    return first.inputs[0].shape[0], second.inputs[0].shape[0]
