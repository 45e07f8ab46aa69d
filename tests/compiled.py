"""Computes graphs with the compiler, and compares with their NumPy meaning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from native import Guarded

from flambeau import evaluator
from flambeau.compiler import native
from flambeau.compiler.memory import plan_memory
from flambeau.compiler.options import Options
from flambeau.compiler.pipeline import compile_graph
from flambeau.compiler.program import Buffer, HostStep, KernelStep, Program
from flambeau.graph import Node, topological
from flambeau.runtime import team
from flambeau.runtime.engine import Engine, engine
from flambeau.runtime.plan import Plan
from flambeau.runtime.target import Target, host

_DEFAULT = Options()

LARGEST_ERROR = {"float32": 1e-5, "float64": 1e-12}


def program(
    *nodes: Node, options: Options = _DEFAULT, target: Target | None = None
) -> Program:
    """What the graph of some nodes is compiled to, for this CPU or another one."""
    order = topological(nodes)
    wanted = {id(each) for each in nodes}
    positions = [at for at, node in enumerate(order) if id(node) in wanted]
    return compile_graph(order, positions, target or host(), options)


def kernels(*nodes: Node) -> list[str]:
    """What the kernels do, in order: their names without the digest."""
    steps = program(*nodes).steps
    return [
        each.kernel.name.rpartition("_")[0]
        for each in steps
        if isinstance(each, KernelStep)
    ]


def host_steps(*nodes: Node) -> list[str]:
    """The ops that are computed by their NumPy meaning."""
    steps = program(*nodes).steps
    return [each.node.name for each in steps if isinstance(each, HostStep)]


def compute(*nodes: Node, threads: int = 1) -> list[np.ndarray]:
    """Compile and run, without keeping the values in the graph's own nodes."""
    copies = copied(nodes)
    before = team.get_num_threads()
    team.set_num_threads(threads)
    try:
        native.evaluate(copies, least_work=0)
    finally:
        team.set_num_threads(before)
    found = [each.value for each in copies]
    assert all(value is not None for value in found)
    return found  # type: ignore[return-value]


def compute_by(machine: Engine, *nodes: Node) -> list[np.ndarray]:
    """Compile with an engine, which may be one for another CPU, and run."""
    made, order = program(*nodes, target=machine.target), topological(nodes)
    routine = native.Routine(Plan(made, *plan_memory(made), machine))
    found = routine.run([order[at].value for at in routine.leaves])
    assert found is not None
    return found


def compute_between_guards(
    *nodes: Node, at_end: bool, machine: Engine | None = None
) -> None:
    """Run every kernel on buffers between pages that must not be touched.

    A read or a write outside ends the process. Steps of NumPy are left out, so the
    values are not what they should be.
    """
    machine = machine or engine()
    made = program(*nodes, target=machine.target)
    places = {
        each.number: Place(each, at_end)
        for each in made.buffers
        if each.nbytes and each.source == each.number
    }
    order = topological(nodes)
    for at, number in made.leaves:
        leaf = order[at].value
        if leaf is not None and leaf.size:
            places[number].view()[...] = leaf
    for number, array in made.constants:
        places[number].view()[...] = array
    for step in made.steps:
        if isinstance(step, KernelStep):
            used = [places[made.buffers[at].source] for at in step.buffers]
            _run_alone(machine, step, [each.address for each in used])
    for each in places.values():
        each.guard.release()


class Place:
    """Guarded memory for a buffer, whatever its steps, and its first element's address.

    Args:
        buffer: the buffer.
        at_end: whether it ends at a forbidden page, or begins after one.
    """

    def __init__(self, buffer: Buffer, at_end: bool) -> None:
        moves = [
            (size - 1) * step
            for size, step in zip(buffer.shape, buffer.steps, strict=True)
        ]
        before = -sum(each for each in moves if each < 0)
        total = before + sum(each for each in moves if each > 0) + 1
        size = buffer.dtype.itemsize
        self.buffer, self.guard = (
            buffer,
            Guarded(np.zeros(total * size, np.uint8), at_end),
        )
        self.memory = self.guard.array[before * size :]
        self.address = self.memory.ctypes.data

    def view(self) -> np.ndarray:
        """The buffer as an array."""
        return self.buffer.view(self.memory)


def _run_alone(machine: Engine, step: KernelStep, addresses: list[int]) -> None:
    code = machine.function(step.kernel)
    table = np.array(addresses, np.uint64)
    record = np.zeros(1, team.STEP)
    address = code.addresses[step.kernel.name]
    record[0] = (address, table.ctypes.data, step.kernel.chunks)
    team.run_steps(record, step.kernel.workspace)


def copied(nodes: Sequence[Node]) -> list[Node]:
    """The same graph in new nodes; values that are there are shared."""
    new: dict[int, Node] = {}
    for node in topological(nodes):
        if node.value is not None:
            new[id(node)] = node
            continue
        inputs = tuple(new[id(each)] for each in node.inputs)
        new[id(node)] = Node(node.op, inputs, node.params, node.shape, node.dtype)
    return [new[id(node)] for node in nodes]


def check(*nodes: Node, threads: int = 1, largest: float | None = None) -> None:
    """Compute, and compare with the NumPy evaluator.

    Args:
        nodes: what to compute.
        threads: how many compute it.
        largest: the error allowed in the L2 norm, if not the usual one of the dtype.
    """
    found = compute(*nodes, threads=threads)
    for _ in range(2):  # what depends on some leaves only is not computed again
        for value, again in zip(found, compute(*nodes, threads=threads), strict=True):
            np.testing.assert_array_equal(again, value)
    compare(nodes, found, largest)


def compare(
    nodes: Sequence[Node], found: Sequence[np.ndarray], largest: float | None = None
) -> None:
    """Compare with the NumPy evaluator in float64: floats by their relative error."""
    for node, value, wanted in zip(
        nodes, found, evaluator.evaluate_float64(nodes), strict=True
    ):
        assert value.shape == node.shape
        assert value.dtype == node.dtype.numpy
        if node.dtype.is_floating_point:
            allowed = largest or LARGEST_ERROR[node.dtype.name]
            _close(value, wanted.astype(np.float64), allowed, node)
        else:
            np.testing.assert_array_equal(value, wanted, str(node))


def _close(value: np.ndarray, wanted: np.ndarray, allowed: float, node: Node) -> None:
    np.testing.assert_array_equal(np.isnan(value), np.isnan(wanted), str(node))
    endless = np.isinf(wanted)
    np.testing.assert_array_equal(value[endless], wanted[endless], str(node))
    finite = np.isfinite(wanted)
    error = np.linalg.norm(value[finite] - wanted[finite])
    assert error <= allowed * (np.linalg.norm(wanted[finite]) + 1e-30), (node, error)
