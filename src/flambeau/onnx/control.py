"""Nodes that hold graphs: branches, loops, and scans over sequences.

Each is run for the values at hand: a loop goes round as often as they say.

Source: github.com/onnx/onnx, "Operators", If, Loop and Scan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import flambeau as fl

from .operators import Value, as_tensor

__all__ = ["CONTROL", "Inner"]


class Inner(NamedTuple):
    """A graph inside a node, which sees the names around it.

    Attributes:
        steps: its nodes in order.
        weights: its constants by name.
        inputs: the names of what it is given.
        outputs: the names of its results.
    """

    steps: list[Any]
    weights: dict[str, np.ndarray]
    inputs: list[str]
    outputs: list[str]


Run = Callable[[Inner, Sequence[Value]], list[Value]]
"""Runs an inner graph on values for its inputs, and returns its results."""


def _branch(
    attributes: dict[str, Any], read: list[Value | None], opset: int, run: Run
) -> list[Value]:
    """Run one of two graphs."""
    graph = attributes["then_branch" if bool(read[0]) else "else_branch"]
    return run(graph, ())


def _loop(
    attributes: dict[str, Any], read: list[Value | None], opset: int, run: Run
) -> list[Value]:
    """Run a graph again and again, on what it made before; join its other results."""
    graph: Inner = attributes["body"]
    most, condition, *carried = [*read, None, None][: max(len(read), 2)]
    limit = None if most is None else int(most)
    going = condition is None or bool(condition)
    count, collected = 0, [list[Value]() for _ in graph.outputs[1 + len(carried) :]]
    while going and (limit is None or count < limit):
        given = [np.array(count, np.int64), np.array(True), *carried]
        again, *found = run(graph, given)  # type: ignore[arg-type]
        going, count = bool(again), count + 1
        others = found[len(carried) :]
        carried = [*found[: len(carried)]]
        for each, values in zip(others, collected):
            values.append(each)
    return [*carried, *(_joined(values, 0) for values in collected)]  # type: ignore


def _scan(
    attributes: dict[str, Any], read: list[Value | None], opset: int, run: Run
) -> list[Value]:
    """Run a graph on the slices of sequences in turn, with what it made before."""
    if opset < 9:
        raise NotImplementedError("onnx: Scan before opset 9 is not supported")
    graph: Inner = attributes["body"]
    count = attributes["num_scan_inputs"]
    states, sequences = read[: len(read) - count], read[len(read) - count :]
    axes = attributes.get("scan_input_axes", [0] * count)
    backwards = attributes.get("scan_input_directions", [0] * count)
    parts = [
        _slices(each, axis, turned)
        for each, axis, turned in zip(sequences, axes, backwards, strict=True)
    ]
    collected = [list[Value]() for _ in graph.outputs[len(states) :]]
    for each in zip(*parts, strict=True):
        found = run(graph, [*states, *each])  # type: ignore[list-item]
        states = [*found[: len(states)]]
        for value, values in zip(found[len(states) :], collected):
            values.append(value)
    axes = attributes.get("scan_output_axes", [0] * len(collected))
    backwards = attributes.get("scan_output_directions", [0] * len(collected))
    outputs = zip(collected, axes, backwards, strict=True)
    joined = [_joined(v[::-1] if turned else v, axis) for v, axis, turned in outputs]
    return [*states, *joined]  # type: ignore[list-item]


def _slices(sequence: Any, axis: int, backwards: int) -> list[Value]:
    tensor = as_tensor(sequence) if isinstance(sequence, np.ndarray) else sequence
    found = list(tensor.unbind(axis))
    return found[::-1] if backwards else found


def _joined(values: list[Value], axis: int) -> Value:
    """Stack what the turns of a loop made; of none, nobody knows the shape."""
    if not values:
        return fl.empty(0)
    tensors = [as_tensor(v) if isinstance(v, np.ndarray) else v for v in values]
    return fl.stack(tensors, axis)


CONTROL: dict[str, Callable[..., list[Value]]] = {
    "If": _branch,
    "Loop": _loop,
    "Scan": _scan,
}
