"""The graph: immutable nodes, how they are recorded, walked and printed.

A `Node` is one value that an op computes from other values. Recording a node checks
nothing and computes nothing; the op has already checked its arguments. A node gets
its `value` when it is evaluated, and then forgets its inputs unless a later backward
pass can still ask for them: that is what keeps memory bounded.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from itertools import chain, count
from math import copysign
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from . import dtypes as dt

if TYPE_CHECKING:
    from .ops.op import Op

__all__ = [
    "Node",
    "Structure",
    "Tape",
    "constant",
    "forgets_inputs",
    "format_graph",
    "layouts",
    "record",
    "structure",
    "structure_of",
    "topological",
]


class Tape:
    """What autograd knows of one node: that it is recorded, and who listens.

    Most nodes share `RECORDED`. A node gets a tape of its own when it is a leaf
    whose gradient is accumulated, an output of a custom Function, or has hooks.

    Attributes:
        leaf: weak reference to the tensor that receives the gradient, for a leaf.
        call: the custom Function call that made the node, with `index` its output.
        hooks: functions called with the node's gradient, in order.
    """

    __slots__ = ("call", "hooks", "index", "leaf")

    def __init__(self, leaf: Any = None, call: Any = None, index: int = 0) -> None:
        self.leaf = leaf
        self.call = call
        self.index = index
        self.hooks: dict[int, Any] = {}


NOTHING: dict[str, Any] = {}  # the params of a node without any

RECORDED = Tape()
FREED = Tape()  # the tape of a node whose backward pass has run

_REACHED = 65_504  # how far all dtypes of floats reach


class _State(threading.local):
    """What each thread has of its own.

    Attributes:
        grad_enabled: ops are recorded for autograd.
        inference: inference mode is on.
        combines: ops that stand for several are recorded as one node.
        pending: weak references to the tensors made since values were last computed.
        died: how many others were made and are gone, roughly.
        recorder: what notes of this thread's constants are given to, or None.
    """

    def __init__(self) -> None:
        self.grad_enabled = True
        self.inference = False
        self.combines = True
        self.pending: list[weakref.ref[Any]] = []
        self.died = 0
        self.recorder: Any = None


state = _State()


class Node:
    """One value of the graph.

    Attributes:
        op: the record of rules that says what the node computes.
        inputs: the nodes it reads; empty for a constant and once evaluated.
        params: the op's static arguments by name, hashable values.
        shape: the sizes, a plain tuple.
        dtype: the element type.
        value: the computed array, or None while pending.
        tape: None where no gradient flows, else what autograd knows.
    """

    __slots__ = (
        "__weakref__",
        "dtype",
        "inputs",
        "op",
        "params",
        "shape",
        "tape",
        "value",
    )

    def __init__(
        self,
        op: Op | None,
        inputs: tuple[Node, ...],
        params: dict[str, Any],
        shape: tuple[int, ...],
        dtype: dt.dtype,
        value: np.ndarray | None = None,
        tape: Tape | None = None,
    ) -> None:
        self.op = op
        self.inputs = inputs
        self.params = params
        self.shape = shape
        self.dtype = dtype
        self.value = value
        self.tape = tape

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        count = 1
        for each in self.shape:
            count *= each
        return count

    @property
    def name(self) -> str:
        """The op's name, or "constant"."""
        return "constant" if self.op is None else self.op.name

    def settle(self, value: np.ndarray) -> None:
        """Keep the computed value, and forget the inputs if no backward needs them."""
        self.value = value
        if forgets_inputs(self):
            self.inputs = ()

    def __repr__(self) -> str:
        return f"Node({_signature(self)})"


def forgets_inputs(node: Node) -> bool:
    """Return whether no backward pass asks for the inputs when the node has a value."""
    tape = node.tape
    return tape is None or tape is FREED or tape.leaf is not None


def record(
    op: Op,
    inputs: tuple[Node, ...],
    params: dict[str, Any],
    shape: tuple[int, ...],
    dtype: dt.dtype,
) -> Node:
    """Append a node to the graph; it is on the tape if one of its inputs is."""
    tape = None
    if state.grad_enabled and dtype.is_inexact and op.gradients is not None:
        for each in inputs:
            if each.tape is not None:
                tape = RECORDED
                break
    return Node(op, inputs, params or NOTHING, shape, dtype, None, tape)


def constant(value: np.ndarray, dtype: dt.dtype | None = None) -> Node:
    """Return a node that holds an array; the graph never writes into it."""
    kind = dt.from_numpy_dtype(value.dtype) if dtype is None else dtype
    node = Node(None, (), NOTHING, value.shape, kind, value)
    if state.recorder is not None:
        state.recorder.note(node)
    return node


def scalar(number: complex, dtype: dt.dtype) -> Node:
    """Return a 0-d constant: Python numbers enter the graph as values like this."""
    array = _as_array(number, dtype)
    return _noted(number, Node(None, (), NOTHING, (), dtype, array))


def _as_array(number: complex, dtype: dt.dtype) -> np.ndarray:
    """An int beyond the range of its dtype wraps, as in C; so large are 64 bits."""
    if isinstance(number, int) and dtype.numpy.kind in "iu":
        if not -(2**63) <= number < 2**64:
            raise OverflowError(f"int too big to convert: {number}")
        return np.array(number & (1 << 8 * dtype.itemsize) - 1, np.uint64).astype(
            dtype.numpy
        )
    if abs(number) > _REACHED:
        with np.errstate(over="ignore"):  # what is too large is infinite, as in torch
            return np.array(number, dtype.numpy)
    return np.array(number, dtype.numpy)


def shared_scalar(number: Any, dtype: dt.dtype) -> Node:
    """Return a 0-d constant, the same node for all that are equal.

    What is computed from it and from parameters only is known to be the same again.
    """
    if isinstance(number, np.generic):
        number = number.item()
    if type(number) not in (int, float) or _is_negative_zero(number):
        return scalar(number, dtype)
    return _noted(number, _scalar_of(number, dtype))


def _is_negative_zero(number: float) -> bool:
    """Whether a number is -0.0, which is equal to 0.0 and no key beside it."""
    return number == 0 and copysign(1, number) < 0


@lru_cache(maxsize=4096, typed=True)
def _scalar_of(number: float, dtype: dt.dtype) -> Node:
    array = _as_array(number, dtype)
    array.flags.writeable = False
    return Node(None, (), NOTHING, (), dtype, array)


def _noted(number: complex, node: Node) -> Node:
    if state.recorder is not None:
        state.recorder.note_number(node, number)
    return node


Step = TypeVar("Step")


def topological(
    roots: Iterable[Step], reads: Callable[[Step], Sequence[Step]] | None = None
) -> list[Step]:
    """List every node that `roots` need, inputs before users, without recursion.

    Args:
        roots: the nodes to start from.
        reads: returns the nodes that one reads; if not given, the inputs of those
            that do not have their value yet.
    """
    order: list[Step] = []
    seen: set[int] = set()
    stack: list[Step | None] = [*roots]
    stack.reverse()
    pop, push, add = stack.pop, stack.append, order.append
    while stack:
        node = pop()
        if node is None:  # all that the next one reads is listed
            add(pop())  # type: ignore[arg-type]
        elif id(node) not in seen:
            seen.add(id(node))
            # Inputs before the value: another thread that evaluates the node sets the
            # value first, so inputs that were read are whole whenever they are needed.
            inputs = reads(node) if reads else node.inputs  # type: ignore[attr-defined]
            if inputs and (reads or node.value is None):  # type: ignore[attr-defined]
                push(node)
                push(None)
                stack += inputs[::-1]
            else:
                add(node)
    return order


class Structure:
    """What a graph is but for its values: ops, shapes, dtypes, edges, layouts.

    Its hash is that of a part, as two structures of one length that begin alike are
    compared sooner than all of one is hashed.

    Args:
        parts: what tells it from others.
        params: the params of its nodes, which tell it from others, too.
    """

    __slots__ = ("_params", "_parts")

    def __init__(self, parts: list[Hashable], params: list[dict[str, Any]]) -> None:
        self._parts, self._params = parts, params

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Structure)
            and self._parts == other._parts
            and self._params == other._params
        )

    def __hash__(self) -> int:
        return hash((len(self._parts), *self._parts[:_HASHED]))


_HASHED = 60


def structure(order: Sequence[Node], kept: Sequence[int]) -> Structure:
    """Return what a graph is but for its values.

    Args:
        order: the graph, inputs before users.
        kept: positions in it, which are part of the answer.
    """
    inputs = [node.inputs for node in order]  # before the values, as in `topological`
    values = [node.value for node in order]
    made = [node for node, value in zip(order, values) if value is None]
    reads = [each for each, value in zip(inputs, values) if value is None]
    steps = [node.op for node in made], reads, [node.params for node in made]
    return structure_of(order, values, steps, kept)


def structure_of(
    order: Sequence[Node],
    values: Sequence[np.ndarray | None],
    steps: tuple[Sequence[Hashable], Sequence[Sequence[Node]], list[dict[str, Any]]],
    kept: Sequence[int],
) -> Structure:
    """Return what a graph is but for its values.

    Args:
        order: the graph, inputs before users.
        values: of its nodes.
        steps: what the nodes without a value compute, of what, with which params.
        kept: positions in `order`, which are part of the answer.
    """
    ops, reads, params = steps
    number_of = dict(zip(map(id, order), count())).__getitem__
    # one flat list, as Python's collector would look at a tuple for each node
    parts: list[Hashable] = [tuple(kept)]
    parts += ops
    parts += map(len, reads)
    parts += map(number_of, map(id, chain.from_iterable(reads)))
    parts += [node.shape for node in order]
    parts += [node.dtype for node in order]
    parts += [value is None for value in values]
    parts += layouts(values)
    return Structure(parts, params)


def layouts(values: Iterable[np.ndarray | None]) -> list[tuple[int, ...] | None]:
    """Return how values lie in memory: their strides, where they are not dense."""
    return [
        None if value is None or value.flags.c_contiguous else value.strides
        for value in values
    ]


def format_graph(roots: Iterable[Node]) -> str:
    """Print the graph that `roots` need, one numbered line per node.

    Example:
        >>> import flambeau
        >>> x = flambeau.ones(2, 3)
        >>> print(format_graph([(x * 2).node]))
        %0 = constant() float32[2, 3]
        %1 = constant() float32[]
        %2 = mul(%0, %1) float32[2, 3]
    """
    numbers: dict[int, int] = {}
    lines = []
    for number, node in enumerate(topological(roots)):
        numbers[id(node)] = number
        reads = [] if node.value is not None else node.inputs
        names = [f"%{numbers[id(each)]}" for each in reads]
        lines.append(f"%{number} = {_signature(node, names)}")
    return "\n".join(lines)


def _signature(node: Node, reads: list[str] | None = None) -> str:
    options = [f"{name}={value}" for name, value in node.params.items()]
    arguments = ", ".join((reads or []) + options)
    return f"{node.name}({arguments}) {node.dtype.name}{list(node.shape)}"
