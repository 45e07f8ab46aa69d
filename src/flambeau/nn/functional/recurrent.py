"""Recurrent layers and cells as functions of their weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from ...dtypes import scalar_name
from ...graph import Node, constant
from ...ops import elementwise as ew
from ...ops.broadcast import reshape
from ...ops.cells import CELLS, State, Value
from ...ops.contract import matmul
from ...ops.index import index
from ...ops.movement import cat, slice_axis, stack, swap, zeros
from ...ops.recurrent import recurrent
from ...tensor.handle import wrap
from .dropout import dropout

__all__ = ["Packing", "Weights", "recurrent_cell", "recurrent_layers"]


@dataclass(frozen=True)
class Weights:
    """The parameters of one direction of one layer.

    Attributes:
        ih: what multiplies the input, a row for each gate and hidden unit.
        hh: what multiplies the hidden state.
        biases: what is added to the two products, or nothing.
        hr: what projects the hidden state, or nothing.
    """

    ih: Node
    hh: Node
    biases: tuple[Node, Node] | None = None
    hr: Node | None = None


class Packing:
    """How the rows of a packed sequence lie among those of all steps and samples.

    Args:
        batch_sizes: how many sequences have each step, the longest first.
    """

    def __init__(self, batch_sizes: Sequence[int]) -> None:
        self.sizes = np.array(batch_sizes, np.int64)
        self.batch = int(batch_sizes[0])

    @cached_property
    def lengths(self) -> Node:
        """How long each sequence is, a column."""
        sizes = self.sizes[:, None] > np.arange(self.batch)
        return constant(sizes.sum(0)[:, None])

    @cached_property
    def places(self) -> Node:
        """The place of each packed row."""
        of_step = np.repeat(np.arange(len(self.sizes)), self.sizes)
        starts = np.array([0, *accumulate(self.sizes[:-1])], np.int64)
        rows = np.arange(len(of_step)) - starts[of_step]
        return constant(of_step * self.batch + rows)

    @cached_property
    def packed(self) -> Node:
        """The packed row of each place; of those without one, the first."""
        found = np.zeros(len(self.sizes) * self.batch, np.int64)
        assert self.places.value is not None
        found[self.places.value] = np.arange(len(self.places.value))
        return constant(found)


def recurrent_layers(
    cell: str,
    rows: Node,
    first: Sequence[Node],
    weights: Sequence[Weights],
    directions: int,
    rate: float = 0,
    packing: Packing | None = None,
) -> tuple[Node, list[Node]]:
    """Run the layers of a recurrent network, one on the hidden states of the other.

    Args:
        cell: the kind of the layers, a name of `CELLS`.
        rows: the input of all steps, a row for each sample.
        first: the hidden state, and an LSTM's cell state, before the first step, for
            each layer and direction.
        weights: for each layer and direction.
        directions: 2 to go through the steps backwards, too, else 1.
        rate: the rate of dropout between layers.
        packing: which steps the samples have; all if not given.

    Returns:
        The rows of hidden states of the last layer, and the states after the last
        step, for each layer and direction.
    """
    last: list[list[Node]] = [[] for _ in first]
    for at in range(0, len(weights), directions):
        if at and rate:
            rows = dropout(wrap(rows), rate).node
        found = []
        for direction in range(directions):
            state = [_part(each, at + direction) for each in first]
            layer = _Layer(cell, weights[at + direction], bool(direction), packing)
            hidden, after = layer.run(rows, state)
            found.append(hidden)
            for states, each in zip(last, after, strict=True):
                states.append(each)
        rows = found[0] if directions == 1 else cat(*found, axis=1)
    return rows, [stack(each, 0) for each in last]


def _part(x: Node, at: int) -> Node:
    return reshape(slice_axis(x, 0, at, 1), x.shape[1:])


@dataclass(frozen=True)
class _Layer:
    """One direction of one layer."""

    cell: str
    weights: Weights
    reverse: bool
    packing: Packing | None

    def run(self, rows: Node, state: Sequence[Node]) -> tuple[Node, list[Node]]:
        """Return the rows of hidden states, and the states after the last step."""
        x, inputs = self._input(rows), self._inputs(rows, state)
        if self.packing is not None:
            x = index(x, self.packing.packed)
            inputs["lengths"] = self.packing.lengths
        y = recurrent(self.cell, self.reverse, x=x, **inputs)
        count, batch = x.shape[0], state[0].shape[0]
        hidden = slice_axis(slice_axis(y, 0, 0, count), 1, 0, state[0].shape[1])
        end = slice_axis(hidden, 0, 0 if self.reverse else count - batch, batch)
        below = [slice_axis(y, 0, count, batch)] if len(state) > 1 else []
        if self.packing is not None:
            hidden = index(hidden, self.packing.places)
        return hidden, [end, *below]

    def _input(self, rows: Node) -> Node:
        """What reaches the gates from outside, at all steps at once."""
        x = matmul(rows, swap(self.weights.ih, 0, 1))
        if self.weights.biases is None:
            return x
        own, other = self.weights.biases
        x = ew.add(x, own)
        return x if self.cell == "gru" else ew.add(x, other)

    def _inputs(self, rows: Node, state: Sequence[Node]) -> dict[str, Node]:
        inputs = {"w": self.weights.hh, **dict(zip("hc", state))}
        if self.cell == "gru":
            inputs["b"] = _state_bias(self.weights)
        if self.weights.hr is not None:
            inputs["p"] = self.weights.hr
        return inputs


def _state_bias(weights: Weights) -> Node:
    if weights.biases is None:
        return zeros(weights.hh.shape[:1], weights.hh.dtype)
    return weights.biases[1]


def recurrent_cell(
    cell: str, x: Node, state: Sequence[Node], weights: Weights
) -> list[Node]:
    """Return the states after one step.

    Args:
        cell: the kind, a name of `CELLS`.
        x: the input, a row for each sample.
        state: the hidden state, and an LSTM's cell state.
        weights: without a projection.

    Raises:
        RuntimeError: sizes or dtypes that do not fit each other.
    """
    _check_cell(x, state, weights)
    gates = _Layer(cell, weights, False, None)._input(x)
    given = {"w": Value(weights.hh)}
    if cell == "gru":
        given["b"] = Value(_state_bias(weights))
    before: State = tuple(map(Value, state))
    after, _ = CELLS[cell].forward(Value(gates), before, given)
    return [each.of for each in after]


def _check_cell(x: Node, state: Sequence[Node], weights: Weights) -> None:
    features, hidden = weights.ih.shape[1], weights.hh.shape[1]
    if x.shape[1] != features:
        raise RuntimeError(
            f"input has inconsistent input_size: got {x.shape[1]} expected {features}"
        )
    for at, each in enumerate(state):
        if each.shape[0] != x.shape[0]:
            raise RuntimeError(
                f"Input batch size {x.shape[0]} doesn't match hidden{at} batch size "
                f"{each.shape[0]}"
            )
        if each.shape[1:] != (hidden,):
            raise RuntimeError(
                f"hidden{at} has inconsistent hidden_size: got {each.shape[-1]}, "
                f"expected {hidden}"
            )
    for each in (x, *state):
        if each.dtype is not weights.ih.dtype:
            raise RuntimeError(
                "mat1 and mat2 must have the same dtype, but got "
                f"{scalar_name(each.dtype)} and {scalar_name(weights.ih.dtype)}"
            )
