"""Recurrent layers: RNN, GRU and LSTM.

With the usual options they are the layers of `nn`, which have kernels. With others
they go step by step: the gates of all steps are one product with the inputs; what is
left for a step is the product with the hidden state.

Source: github.com/onnx/onnx, "Operators".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import flambeau as fl

from ...nn import functional as F
from ...tensor import Tensor
from .call import Call, operator

__all__: list[str] = []

Activation = Callable[[Tensor], Tensor]
State = tuple[Tensor, ...]
StepRule = Callable[["Direction", Tensor, State], State]


@dataclass
class Direction:
    """The weights of one direction.

    Attributes:
        w: of the inputs, (gates, input).
        r: of the hidden state, (gates, hidden).
        bias: added to both products, (gates,) each.
        peepholes: of the cell, or None.
        activations: f, g and h.
        options: the operator's attributes.
    """

    w: Tensor
    r: Tensor
    bias: tuple[Tensor, Tensor]
    peepholes: Tensor | None
    activations: list[Activation]
    options: Call


_ACTIVATIONS: dict[str, Callable[..., Tensor]] = {
    "relu": fl.relu,
    "tanh": fl.tanh,
    "sigmoid": fl.sigmoid,
    "affine": lambda x, alpha=1.0, beta=0.0: alpha * x + beta,
    "leakyrelu": lambda x, alpha=0.01: F.leaky_relu(x, alpha),
    "hardsigmoid": lambda x, alpha=0.2, beta=0.5: fl.clamp(alpha * x + beta, 0, 1),
    "elu": lambda x, alpha=1.0: F.elu(x, alpha),
    "softsign": F.softsign,
    "softplus": F.softplus,
}


def _activations(call: Call, defaults: list[str], count: int) -> list[list[Activation]]:
    """The activations of each direction, with the parameters that they are given."""
    names = call.get("activations") or defaults * count
    alphas, betas = (
        iter(call.get("activation_alpha", [])),
        iter(call.get("activation_beta", [])),
    )
    found: list[Activation] = []
    for name in names:
        function = _ACTIVATIONS[name.lower()]
        options = {}
        if name.lower() in ("affine", "leakyrelu", "hardsigmoid", "elu"):
            options["alpha"] = next(alphas, None)
        if name.lower() in ("affine", "hardsigmoid"):
            options["beta"] = next(betas, None)
        given = {key: each for key, each in options.items() if each is not None}
        found.append(lambda x, f=function, o=given: f(x, **o))  # type: ignore[misc]
    each = len(defaults)
    return [found[at * each : (at + 1) * each] for at in range(count)]


def _clipped(x: Tensor, call: Call) -> Tensor:
    limit = call.get("clip")
    return x if limit is None else fl.clamp(x, -limit, limit)


def _rnn_step(to: Direction, gates: Tensor, state: State) -> State:
    total = gates + F.linear(state[0], to.r, to.bias[1])
    return (to.activations[0](_clipped(total, to.options)),)


def _gru_step(to: Direction, gates: Tensor, state: State) -> State:
    (h,) = state
    f, g = to.activations
    size = h.shape[-1]
    own, own_bias = to.r[: 2 * size], to.bias[1][: 2 * size]
    both = _clipped(gates[:, : 2 * size] + F.linear(h, own, own_bias), to.options)
    z, r = f(both).split(size, -1)
    last, last_bias = to.r[2 * size :], to.bias[1][2 * size :]
    if to.options.get("linear_before_reset", 0):
        inner = r * F.linear(h, last, last_bias)
    else:
        inner = F.linear(r * h, last, last_bias)
    new = g(_clipped(gates[:, 2 * size :] + inner, to.options))
    return ((1 - z) * new + z * h,)


def _lstm_step(to: Direction, gates: Tensor, state: State) -> State:
    h, c = state
    f, g, last = to.activations
    total = gates + F.linear(h, to.r, to.bias[1])
    i, o, forget, cell = total.split(h.shape[-1], -1)
    if to.peepholes is not None:
        p_i, p_o, p_f = to.peepholes.chunk(3)
        i, forget = i + p_i * c, forget + p_f * c
    i = f(_clipped(i, to.options))
    forget = (
        1 - i if to.options.get("input_forget", 0) else f(_clipped(forget, to.options))
    )
    c = forget * c + i * g(_clipped(cell, to.options))
    if to.peepholes is not None:
        o = o + p_o * c
    return f(_clipped(o, to.options)) * last(c), c


def _run(
    to: Direction,
    x: Tensor,
    state: State,
    rule: StepRule,
    lengths: Tensor | None,
    backwards: bool,
) -> tuple[Tensor, State]:
    """All steps of one direction: all hidden states (time, batch, hidden), the last."""
    gates = F.linear(x, to.w, to.bias[0])
    outputs: dict[int, Tensor] = {}
    for at in range(len(x))[:: -1 if backwards else 1]:
        new = rule(to, gates[at], state)
        outputs[at] = new[0]
        if lengths is not None:
            alive = (lengths > at).unsqueeze(-1)
            outputs[at] = fl.where(alive, new[0], fl.zeros_like(new[0]))
            new = tuple(fl.where(alive, n, old) for n, old in zip(new, state))
        state = new
    return fl.stack([outputs[at] for at in range(len(x))]), state


def _direction(
    call: Call, at: int, gates: int, activations: list[Activation]
) -> Direction:
    """The weights of direction `at`."""
    w, r, bias = call[1][at], call[2][at], call.optional(3)
    rows = gates * r.shape[-1]
    both = fl.zeros(2 * rows, dtype=w.dtype) if bias is None else bias[at]
    peepholes = call[7][at] if call.has(7) else None
    halves = (both[:rows], both[rows:])
    return Direction(w, r, halves, peepholes, activations, call)


_LAYERS: dict[int, Callable[..., Any]] = {1: fl.rnn_tanh, 3: fl.gru, 4: fl.lstm}
_ORDERS = {1: (0,), 3: (1, 0, 2), 4: (0, 2, 3, 1)}  # of the gates in `nn`
_LENGTHS, _PEEPHOLES = 4, 7  # inputs


def _usual_layer(
    call: Call, gates: int, defaults: list[str]
) -> Callable[..., Any] | None:
    """The function of `nn` that computes this layer, if there is one."""
    names = [name.lower() for name in call.get("activations") or defaults]
    rare = any(call.get(name) for name in ("clip", "input_forget"))
    if rare or call.has(_LENGTHS) or call.has(_PEEPHOLES):
        return None
    if gates == 3 and not call.get("linear_before_reset", 0):
        return None
    if names == [name.lower() for name in defaults]:
        return _LAYERS[gates]
    return fl.rnn_relu if gates == 1 and set(names) == {"relu"} else None


def _by_layer(
    call: Call, layer: Callable[..., Any], x: Tensor, starts: list[Tensor], gates: int
) -> tuple[Tensor, list[Tensor]]:
    """All hidden states, (time, directions, batch, hidden), and the last of each."""
    backwards = call.get("direction", "forward") == "reverse"
    count = len(call[2])
    weights = []
    for at in range(count):
        to = _direction(call, at, gates, [])
        for each in (to.w, to.r, *to.bias):
            parts = each.chunk(gates)
            weights.append(fl.cat([parts[gate] for gate in _ORDERS[gates]]))
    states = starts if gates == 4 else starts[0]
    x = x.flip(0) if backwards else x
    found, *ends = layer(x, states, weights, True, 1, 0.0, False, count == 2, False)
    found = found.unflatten(-1, (count, -1)).transpose(1, 2)
    return found.flip(0) if backwards else found, ends


def _recurrent(call: Call, rule: StepRule, gates: int, defaults: list[str]) -> State:
    def turned(x: Tensor) -> Tensor:
        """With `layout` 1 the batch comes first in all that goes in and out."""
        return x.transpose(0, 1) if call.get("layout", 0) else x

    x, (count, _, hidden) = turned(call[0]), call[2].shape
    states = 2 if gates == 4 else 1
    zeros = fl.zeros(count, x.shape[1], hidden, dtype=x.dtype)
    given = [call.optional(5 + at) for at in range(states)]
    starts = [zeros if each is None else turned(each) for each in given]
    layer = _usual_layer(call, gates, defaults * count)
    if layer is not None:
        joined, lasts_of = _by_layer(call, layer, x, starts, gates)
        ends = [turned(each) for each in lasts_of]
        joined = joined.permute(2, 0, 1, 3) if call.get("layout", 0) else joined
        return joined, *ends
    activations = _activations(call, defaults, count)
    outputs, lasts = [], []
    for at in range(count):
        to = _direction(call, at, gates, activations[at])
        state = tuple(each[at] for each in starts)
        backwards = at == 1 or call.get("direction", "forward") == "reverse"
        every, last = _run(to, x, state, rule, call.optional(4), backwards)
        outputs.append(every)
        lasts.append(last)
    ends = [turned(fl.stack([last[at] for last in lasts])) for at in range(states)]
    joined = fl.stack(outputs, 1)
    return (joined.permute(2, 0, 1, 3) if call.get("layout", 0) else joined, *ends)


@operator("RNN")
def rnn(call: Call) -> State:
    """Return all hidden states, and the last ones."""
    return _recurrent(call, _rnn_step, 1, ["Tanh"])


@operator("GRU")
def gru(call: Call) -> State:
    """Return all hidden states, and the last ones."""
    return _recurrent(call, _gru_step, 3, ["Sigmoid", "Tanh"])


@operator("LSTM")
def lstm(call: Call) -> State:
    """Return all hidden states, and the last hidden and cell states."""
    return _recurrent(call, _lstm_step, 4, ["Sigmoid", "Tanh", "Tanh"])
