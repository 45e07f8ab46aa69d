"""Recurrent layers in NumPy as their definitions read: sample by sample, step by step.

Written from the formulas of torch's pages, independent of flambeau.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from reference import hyperbolic_tangent, sigmoid

Array = np.ndarray
State = dict[str, Array]
States = tuple[Array, ...]


def step(kind: str, x: Array, states: States, weights: State) -> States:
    """One step of one sample: the next hidden state, and an LSTM's cell state."""
    hidden = states[0]
    own = weights["weight_ih"] @ x + weights.get("bias_ih", 0)
    other = weights["weight_hh"] @ hidden + weights.get("bias_hh", 0)
    if kind == "lstm":
        i, f, g, o = np.split(own + other, 4)
        cell = sigmoid(f) * states[1] + sigmoid(i) * hyperbolic_tangent(g)
        shown = sigmoid(o) * hyperbolic_tangent(cell)
        project = weights.get("weight_hr")
        return (shown if project is None else project @ shown), cell
    if kind == "gru":
        (xr, xz, xn), (hr, hz, hn) = np.split(own, 3), np.split(other, 3)
        r, z = sigmoid(xr + hr), sigmoid(xz + hz)
        n = hyperbolic_tangent(xn + r * hn)
        return ((1 - z) * n + z * hidden,)
    total = own + other
    return (hyperbolic_tangent(total) if kind == "tanh" else np.maximum(total, 0),)


def direction(
    kind: str, steps: Sequence[Array], states: States, weights: State
) -> tuple[list[Array], States]:
    """All hidden states of one sample, and the last states."""
    hidden = []
    for x in steps:
        states = step(kind, x, states, weights)
        hidden.append(states[0])
    return hidden, states


def sample(
    kind: str, x: Array, first: States, parameters: State, layers: int, directions: int
) -> tuple[Array, States]:
    """Run one sequence (T, I) through all layers.

    Args:
        first: states before the first step, (layers * directions, size) each.
    """
    last: list[list[Array]] = [[] for _ in first]
    for layer in range(layers):
        both: list[list[Array]] = []
        for suffix in ("", "_reverse")[:directions]:
            at = layer * directions + len(both)
            ending = f"_l{layer}{suffix}"
            weights = {
                name.removesuffix(ending): value
                for name, value in parameters.items()
                if name.endswith(ending)
            }
            turn = -1 if suffix else 1
            states = tuple(each[at] for each in first)
            hidden, after = direction(kind, list(x)[::turn], states, weights)
            both.append(hidden[::turn])
            for states_so_far, each in zip(last, after, strict=True):
                states_so_far.append(each)
        x = np.concatenate([np.array(each) for each in both], axis=1)
    return x, tuple(np.array(each) for each in last)


def network(
    kind: str,
    sequences: Sequence[Array],
    first: Sequence[Any],
    parameters: State,
    layers: int,
    directions: int,
) -> list[tuple[Array, States]]:
    """Run sequences of any lengths, each by itself."""
    return [
        sample(kind, x, states, parameters, layers, directions)
        for x, states in zip(sequences, first, strict=True)
    ]
