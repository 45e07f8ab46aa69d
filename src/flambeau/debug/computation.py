"""One graph and what it was compiled to, with the time of each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..backend import config
from ..compiler.memory import plan_memory
from ..compiler.native import kept_positions
from ..compiler.pipeline import compile_graph
from ..compiler.program import HostStep, KernelStep, Program
from ..graph import Node, format_graph, topological
from ..runtime.engine import engine
from .text import shown, shown_node, shown_places

__all__ = ["Computation", "Recorded", "compiled"]


class Recorded:
    """A copy of a graph that was still to be computed, values shared.

    Args:
        roots: what was asked for.
    """

    def __init__(self, roots: Sequence[Node]) -> None:
        order = topological(roots)
        self.kept = kept_positions(order, roots)
        new: dict[int, Node] = {}
        for node in order:
            if node.value is not None:
                new[id(node)] = node
                continue
            inputs = tuple(new[id(each)] for each in node.inputs)
            new[id(node)] = Node(node.op, inputs, node.params, node.shape, node.dtype)
        self.order = [new[id(node)] for node in order]

    @property
    def wanted(self) -> list[Node]:
        """The nodes that keep their value."""
        return [self.order[at] for at in self.kept]

    def passes(self) -> dict[str, str]:
        """Return what each pass of the compiler makes of the graph, as text."""
        return self._compile()[0]

    def program(self) -> Program:
        """Return what the graph is compiled to."""
        return self._compile()[1]

    def _compile(self) -> tuple[dict[str, str], Program]:
        found: dict[str, str] = {}

        def report(name: str, result: Any) -> None:
            found[name] = shown(result)

        program = compile_graph(
            self.order, self.kept, engine().target, config.options, report
        )
        found["memory"] = shown_places(program, *plan_memory(program))
        return found, program


class Computation:
    """A graph and what computes it.

    Attributes:
        recorded: the graph; None where a compiled function ran, which records nothing.
        program: what it was compiled to; None where NumPy computed it.
        runs: how often it was computed.
    """

    def __init__(self, recorded: Recorded | None, program: Program | None) -> None:
        self.recorded, self.program = recorded, program
        self.runs = 0
        self._steps = program.steps if program else []
        self._calls = dict.fromkeys(map(id, self._steps), 0)
        self._seconds = dict.fromkeys(map(id, self._steps), 0.0)

    def add(self, seconds: Sequence[tuple[Any, float]]) -> None:
        """Count a run."""
        self.runs += 1
        for step, each in seconds:
            self._calls[id(step)] += 1
            self._seconds[id(step)] += each

    def timed(self) -> list[tuple[KernelStep | HostStep, int, float]]:
        """Return each step, how often it ran, and the seconds all its runs took."""
        return [
            (step, self._calls[id(step)], self._seconds[id(step)])
            for step in self._steps
        ]

    def graph(self) -> str:
        """Return the graph, a node a line."""
        if self.recorded is None:
            return "not recorded: a compiled function ran"
        return format_graph(self.recorded.wanted)

    def kernels(self) -> list[Any]:
        """Return the kernels, in the order in which they run."""
        return [each.kernel for each in self._steps if isinstance(each, KernelStep)]

    def host_calls(self) -> list[str]:
        """Return the ops that NumPy computes in the middle of the plan."""
        host = [each for each in self._steps if not isinstance(each, KernelStep)]
        return [shown_node(each.node) for each in host]


def compiled(roots: Sequence[Node]) -> Computation:
    """Return what a graph would be compiled to, without computing it."""
    recorded = Recorded(roots)
    return Computation(recorded, recorded.program())
