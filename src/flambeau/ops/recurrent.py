"""Recurrent layers: one direction of one layer, over all time steps, as one op.

What the layer reads is already multiplied with its weights: that is one product for
all time steps. Everything is a matrix whose rows are the samples of one step below
those of the step before:

    x       T B rows, a block of columns for each gate
    states  the hidden state after each step, T B rows; below them, for an LSTM, the
            cell state after the last step

An inner op computes the states and, for the way back, the values of the gates; the
outer one shows the states alone. In a batch of sequences of several lengths, a state
stays as it is where its sequence has no such step.

Source: Hochreiter and Schmidhuber (1997) and torch's page "torch.nn.LSTM"; Cho et al.,
arXiv:1406.1078, and torch's page "torch.nn.GRU"; Elman (1990).
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..dtypes import dtype
from ..graph import Node, state
from .broadcast import sum_
from .cells import CELLS, Given, State, Value, join, where
from .contract import matmul
from .elementwise import greater, mul, tanh
from .movement import cat, slice_axis, swap
from .op import Op, records

__all__ = ["recurrent", "recurrent_backward", "recurrent_run", "steps_of"]

Shape = tuple[int, ...]
Names = tuple[str, ...]

# One step forward


def _times(count: int, reverse: bool) -> Sequence[int]:
    return range(count)[::-1] if reverse else range(count)


def _steps(
    cell: str, given: Given, reverse: bool
) -> Iterator[tuple[int, State, State, State]]:
    """Go through all steps: yield the time, the states before and after, the kept."""
    rule, batch = CELLS[cell], given["h"].shape[0]
    now: State = tuple(given[name] for name in "hc"[: rule.states])
    for t in _times(given["x"].shape[0] // max(batch, 1), reverse):
        x = given["x"].rows(t * batch, batch)
        after, kept = rule.forward(x, now, given)
        if "lengths" in given:
            on = _is_on(given, t)
            after = tuple(where(on, *pair) for pair in zip(after, now, strict=True))
            if rule.states > 1:  # an LSTM keeps its cell state last
                kept = (*kept[:-1], after[1])
        yield t, now, after, kept
        now = after


def _is_on(given: Given, t: int) -> Value:
    """Whether each sequence has a step t, as a column."""
    return given["lengths"].do(greater, t)


def _given(names: Names, inputs: Sequence[Any]) -> dict[str, Value]:
    return {name: Value(each) for name, each in zip(names, inputs, strict=True)}


def _run_infer(
    *inputs: Node, cell: str, names: Names, reverse: bool, keeps: bool
) -> tuple[Shape, dtype]:
    (steps, _), (batch, _) = inputs[0].shape, inputs[2].shape
    rule, width = CELLS[cell], inputs[1].shape[0] // CELLS[cell].gates
    rows = steps + (rule.states - 1) * batch + keeps * rule.planes * steps
    return (rows, width), inputs[0].dtype


def _run_numpy(
    *inputs: np.ndarray, cell: str, names: Names, reverse: bool, keeps: bool
) -> np.ndarray:
    given, rule = _given(names, inputs), CELLS[cell]
    width = inputs[1].shape[0] // rule.gates
    hidden: dict[int, np.ndarray] = {}
    planes: dict[int, list[np.ndarray]] = {}
    states: State = tuple(given[name] for name in "hc"[: rule.states])
    for t, _, states, kept in _steps(cell, given, reverse):
        hidden[t] = states[0].widened(width).of
        planes[t] = [each.of for each in kept[: keeps * rule.planes]]
    last = [each.of for each in states[1:]]
    kept_planes = [plane for t in sorted(planes) for plane in planes[t]]
    return np.concatenate([*(hidden[t] for t in sorted(hidden)), *last, *kept_planes])


def _no_gradient(index: int, *_: Any, **__: Any) -> None:
    return None


# It counts as recorded, so that its values stay until a backward pass has read them.
recurrent_run = Op("recurrent_run", _run_infer, _run_numpy, _no_gradient)  # type: ignore[arg-type]


def _states_infer(
    run: Node, *inputs: Node, cell: str, names: Names, reverse: bool
) -> tuple[Shape, dtype]:
    rows = inputs[0].shape[0] + (CELLS[cell].states - 1) * inputs[2].shape[0]
    return (rows, run.shape[1]), run.dtype


def _states_numpy(
    run: np.ndarray, *inputs: np.ndarray, cell: str, names: Names, reverse: bool
) -> np.ndarray:
    return run[: inputs[0].shape[0] + (CELLS[cell].states - 1) * inputs[2].shape[0]]


# The way back


def _back(cell: str, given: Given, g: Value, reverse: bool) -> Value:
    """Return the gradients of the gates at all steps, and below, those of the start.

    The gradients of the first states lie beside each other. With a projection, below
    them and beside each other: the gradients of the projected hidden states, and the
    unprojected hidden states.
    """
    rule, batch = CELLS[cell], given["h"].shape[0]
    width, full = g.shape[1], rule.ways * g.shape[1]
    flowing: State = (given["h"].do(mul, 0),)
    if rule.states > 1:
        flowing = (*flowing, g.rows(given["x"].shape[0], batch))
    gates: dict[int, Value] = {}
    projected: dict[int, Value] = {}
    for t, before, _, kept in reversed([*_steps(cell, given, reverse)]):
        arrived = g.rows(t * batch, batch).columns(0, given["h"].shape[1])
        flowing = (flowing[0] + arrived, *flowing[1:])
        d, further = rule.backward(flowing, before, kept, given)
        shown = flowing[0]
        if "lengths" in given:
            on = _is_on(given, t)
            d, shown = (where(on, each, each.do(mul, 0)) for each in (d, shown))
            further = tuple(where(on, *pair) for pair in zip(further, flowing))
        gates[t], flowing = d, further
        if "p" in given:
            projected[t] = join(shown, kept[3] * kept[4].do(tanh)).widened(full)
    first = join(flowing[0].widened(width), *flowing[1:]).widened(full)
    below = [projected[t] for t in sorted(projected)]
    return join(*(gates[t] for t in sorted(gates)), first, *below, axis=0)


def _back_infer(
    g: Node, run: Node, *inputs: Node, cell: str, names: Names, reverse: bool
) -> tuple[Shape, dtype]:
    steps, batch = inputs[0].shape[0], inputs[2].shape[0]
    rows = steps + batch + (steps if "p" in names else 0)
    return (rows, CELLS[cell].ways * g.shape[1]), g.dtype


def _back_numpy(
    g: np.ndarray,
    run: np.ndarray,
    *inputs: np.ndarray,
    cell: str,
    names: Names,
    reverse: bool,
) -> np.ndarray:
    found: np.ndarray = _back(cell, _given(names, inputs), Value(g), reverse).of
    return found


# The gates are in `run` for kernels; NumPy computes them again.
recurrent_backward = Op("recurrent_backward", _back_infer, _back_numpy)


class _Known:
    """The last way back through each node, shared by the rules of its inputs."""

    def __init__(self) -> None:
        self._known: weakref.WeakKeyDictionary[Node, Any] = weakref.WeakKeyDictionary()

    def through(self, y: Node, g: Node, inputs: Sequence[Node], params: Any) -> Any:
        """Return the way back: composed of ops where it is to be differentiated."""
        old_g, old_found, recorded = self._known.get(y, (None, None, None))
        if old_g is not None and old_g() is g and recorded is state.grad_enabled:
            found = old_found()
            if found is not None:
                return found
        run, *given = inputs
        if state.grad_enabled:
            values = _given(params["names"], given)
            found = _back(params["cell"], values, Value(g), params["reverse"]).of
        else:
            found = recurrent_backward(g, run, *given, **params)
        self._known[y] = weakref.ref(g), weakref.ref(found), state.grad_enabled
        return found


_known = _Known()


def _gradient(
    index: int, g: Node, y: Node, *inputs: Node, **params: Any
) -> Node | None:
    if not index:
        return None
    names: Names = params["names"]
    name, cell = names[index - 1], params["cell"]
    given = dict(zip(names, inputs[1:], strict=True))
    if name == "lengths":
        return None
    back = _known.through(y, g, inputs, params)
    rows, batch = given["x"].shape[0], given["h"].shape[0]
    hidden = given["h"].shape[1]
    gates = slice_axis(back, 0, 0, rows)
    if name == "x":
        return slice_axis(gates, 1, 0, given["x"].shape[1])
    if name == "w":
        before = _before(given["h"], y, rows, params["reverse"])
        return _own_gates(matmul(swap(gates, 0, 1), before), cell)
    if name == "b":
        return _own_gates(sum_(gates, axes=(0,), keepdims=False), cell)
    if name in ("h", "c"):
        start, size = (0, hidden) if name == "h" else (y.shape[1], y.shape[1])
        return slice_axis(slice_axis(back, 0, rows, batch), 1, start, size)
    below = slice_axis(back, 0, rows + batch, rows)
    shown = slice_axis(below, 1, hidden, y.shape[1])
    return matmul(swap(slice_axis(below, 1, 0, hidden), 0, 1), shown)


def _before(h: Node, y: Node, rows: int, reverse: bool) -> Node:
    """The hidden state before each step."""
    batch = h.shape[0]
    if rows == batch:
        return h
    start = batch if reverse else 0
    others = slice_axis(slice_axis(y, 0, start, rows - batch), 1, 0, h.shape[1])
    return cat(others, h, axis=0) if reverse else cat(h, others, axis=0)


def _own_gates(x: Node, cell: str) -> Node:
    """What belongs to the gates as the state reaches them, of all ways."""
    rule = CELLS[cell]
    if rule.ways == rule.gates:
        return x
    width = x.shape[0] // rule.ways
    kept = slice_axis(x, 0, 0, (rule.gates - 1) * width)
    return cat(kept, slice_axis(x, 0, rule.gates * width, width), axis=0)


_states = Op("recurrent", _states_infer, _states_numpy, _gradient)  # type: ignore[arg-type]


def steps_of(node: Node) -> int:
    """Return how many steps one of the ops here goes through."""
    names = node.params["names"]
    given = dict(zip(names, node.inputs[-len(names) :], strict=True))
    return given["x"].shape[0] // max(given["h"].shape[0], 1)


def recurrent(cell: str, reverse: bool = False, **inputs: Node) -> Node:
    """Return the states of a recurrent layer.

    Args:
        cell: "lstm", "gru", "rnn_tanh" or "rnn_relu".
        reverse: begin with the last step.
        inputs: by name, and in this order: the rows `x`; the weights `w` of the hidden
            state, a row for each column of x; the first hidden state `h`, a row for
            each sample; an LSTM's first cell state `c`; a GRU's bias `b`; an LSTM's
            projection `p` of the hidden state; a column `lengths` of integers.
    """
    names, nodes = tuple(inputs), tuple(inputs.values())
    params: dict[str, Any] = {"cell": cell, "names": names, "reverse": reverse}
    keeps = records(nodes)
    run = recurrent_run(*nodes, **params, keeps=keeps)
    return _states(run, *nodes, **params) if keeps else run
