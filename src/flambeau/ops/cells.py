"""The cells of recurrent layers: a step forward, and the way back through it.

They are written once, for `Value`s: arrays where the evaluator computes, nodes where a
gradient is to be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph import Node
from . import elementwise as ew
from .contract import matmul
from .movement import cat, pad_constant, slice_axis, swap
from .op import Op

__all__ = ["CELLS", "Cell", "Given", "State", "Value", "join", "where"]


class Value:
    """A matrix, as an array or as a node.

    Attributes:
        of: the array or the node.
    """

    __slots__ = ("of",)

    def __init__(self, of: Any) -> None:
        self.of = of

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes."""
        return tuple(self.of.shape)

    def do(self, op: Op, *others: Any, **params: Any) -> Value:
        """Apply an op to this and other values or numbers."""
        read = [each.of if isinstance(each, Value) else each for each in others]
        if not isinstance(self.of, Node):
            return Value(op.numpy(self.of, *read, **params))
        nodes = [x if isinstance(x, Node) else ew.const_like(x, self.of) for x in read]
        return Value(op(self.of, *nodes, **params))

    def __add__(self, other: Value) -> Value:
        return self.do(ew.add, other)

    def __mul__(self, other: Value) -> Value:
        return self.do(ew.mul, other)

    def __matmul__(self, other: Value) -> Value:
        return self.do(matmul, other)

    def rest(self) -> Value:
        """1 minus this."""
        return self.do(ew.neg).do(ew.add, 1)

    def turned(self) -> Value:
        """The transposed matrix."""
        return Value(swap(self.of, 0, 1) if isinstance(self.of, Node) else self.of.T)

    def rows(self, start: int, count: int) -> Value:
        """Some rows."""
        if isinstance(self.of, Node):
            return Value(slice_axis(self.of, 0, start, count))
        return Value(self.of[start : start + count])

    def columns(self, start: int, count: int) -> Value:
        """Some columns."""
        if isinstance(self.of, Node):
            return Value(slice_axis(self.of, 1, start, count))
        return Value(self.of[:, start : start + count])

    def split(self, parts: int) -> list[Value]:
        """Equal blocks of columns."""
        width = self.shape[1] // parts
        return [self.columns(at * width, width) for at in range(parts)]

    def widened(self, width: int) -> Value:
        """With columns of zeros up to a width."""
        pads = ((0, 0), (0, width - self.shape[1]))
        if isinstance(self.of, Node):
            return Value(pad_constant(self.of, pads, 0))
        return Value(np.pad(self.of, pads))


def join(*parts: Value, axis: int = 1) -> Value:
    """Put blocks beside each other, or with axis 0 one below the other."""
    return parts[0].do(cat, *parts[1:], axis=axis)


def where(condition: Value, yes: Value, no: Value) -> Value:
    """Take `yes` in the rows where the condition holds, else `no`."""
    return condition.do(ew.where, yes, no)


Given = Mapping[str, Value]
"""What a layer reads, by name: `w` the weights of the states, `b` their bias, and `p`
what projects the hidden state."""

State = tuple[Value, ...]
"""The hidden state, and an LSTM's cell state."""


@dataclass(frozen=True)
class Cell:
    """A kind of recurrent layer.

    Attributes:
        gates: how many gates there are: blocks of columns in the input, rows of `w`.
        ways: how many blocks of columns the gates' gradients take.
        states: how many states go from step to step.
        planes: how much of what the way back reads is stored beside the states.
        forward: `forward(x, state, given)` of a step; returns the next state and what
            the way back reads.
        backward: `backward(gradient, state, kept, given)` of a step, with the gradient
            of its results, the state before it and what was kept; returns the gates'
            gradients and that of the state before.
    """

    gates: int
    ways: int
    states: int
    planes: int
    forward: Callable[[Value, State, Given], tuple[State, State]]
    backward: Callable[[State, State, State, Given], tuple[Value, State]]


def _sigmoid(x: Value) -> Value:
    return x.do(ew.sigmoid)


def _tanh(x: Value) -> Value:
    return x.do(ew.tanh)


# An Elman network: h' = f(x + W h)


def _tanh_forward(x: Value, state: State, given: Given) -> tuple[State, State]:
    h = _tanh(x + state[0] @ given["w"].turned())
    return (h,), (h,)


def _tanh_backward(
    gradient: State, state: State, kept: State, given: Given
) -> tuple[Value, State]:
    (h,) = kept
    d = gradient[0] * (h * h).rest()
    return d, (d @ given["w"],)


def _relu_forward(x: Value, state: State, given: Given) -> tuple[State, State]:
    h = (x + state[0] @ given["w"].turned()).do(ew.relu)
    return (h,), (h,)


def _relu_backward(
    gradient: State, state: State, kept: State, given: Given
) -> tuple[Value, State]:
    d = where(kept[0].do(ew.greater, 0), gradient[0], gradient[0].do(ew.mul, 0))
    return d, (d @ given["w"],)


# LSTM: c' = f c + i g, h' = o tanh(c')


def _lstm_forward(x: Value, state: State, given: Given) -> tuple[State, State]:
    i, f, g, o = (x + state[0] @ given["w"].turned()).split(4)
    i, f, g, o = _sigmoid(i), _sigmoid(f), _tanh(g), _sigmoid(o)
    c = f * state[1] + i * g
    h = o * _tanh(c)
    if "p" in given:
        h = h @ given["p"].turned()
    return (h, c), (i, f, g, o, c)


def _lstm_backward(
    gradient: State, state: State, kept: State, given: Given
) -> tuple[Value, State]:
    i, f, g, o, c = kept
    shown = _tanh(c)
    dh = gradient[0] @ given["p"] if "p" in given else gradient[0]
    dc = gradient[1] + dh * o * (shown * shown).rest()
    d = join(
        dc * g * i * i.rest(),
        dc * state[1] * f * f.rest(),
        dc * i * (g * g).rest(),
        dh * shown * o * o.rest(),
    )
    return d, (d @ given["w"], dc * f)


# GRU: n = tanh(x_n + r (W_n h + b_n)), h' = (1 - z) n + z h


def _gru_forward(x: Value, state: State, given: Given) -> tuple[State, State]:
    (h,) = state
    own = (h @ given["w"].turned() + given["b"]).split(3)
    r, z, n = (each for each in x.split(3))
    r, z = _sigmoid(r + own[0]), _sigmoid(z + own[1])
    n = _tanh(n + r * own[2])
    return (z.rest() * n + z * h,), (r, z, n, own[2])


def _gru_backward(
    gradient: State, state: State, kept: State, given: Given
) -> tuple[Value, State]:
    """The fourth block of the gates' gradients is that of W_n h + b_n."""
    r, z, n, own = kept
    dh = gradient[0]
    dn = dh * z.rest() * (n * n).rest()
    dr = dn * own * r * r.rest()
    dz = dh * (state[0] + n.do(ew.neg)) * z * z.rest()
    back = join(dr, dz, dn * r) @ given["w"] + dh * z
    return join(dr, dz, dn, dn * r), (back,)


CELLS = {
    "rnn_tanh": Cell(1, 1, 1, 0, _tanh_forward, _tanh_backward),
    "rnn_relu": Cell(1, 1, 1, 0, _relu_forward, _relu_backward),
    "lstm": Cell(4, 4, 2, 5, _lstm_forward, _lstm_backward),
    "gru": Cell(3, 4, 1, 4, _gru_forward, _gru_backward),
}
"""The cells by the name of their op."""
