"""Recurrent layers as ONNX's operators: a node per layer, with both directions.

The gates stand in another order in ONNX: torch has i f g o and r z n, ONNX i o f c and
z r h. torch's GRU applies the reset gate behind the product, `linear_before_reset`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...nn import GRU, LSTM, RNN, Module
from ...nn.recurrent import RNNBase
from ..exporter import Exporter, WholeRule
from ..trace import Call

__all__ = ["RECURRENT", "is_whole_recurrent"]

_ORDER = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}


def is_whole_recurrent(module: RNNBase, inputs: tuple[Any, ...]) -> bool:
    """Tell whether ONNX has the layer: batches of whole sequences, no projections."""
    return not module.proj_size and bool(inputs) and inputs[0].ndim == 3


def _write(to: Exporter, call: Call) -> list[str]:
    module, (x, *states) = call.module, call.inputs
    add = to.writer.add
    value = to.value(x)
    if module.batch_first:
        value = add("Transpose", value, perm=[1, 0, 2])
    kind = type(module).__name__
    ends: list[list[str]] = []
    for layer in range(module.num_layers):
        weights = _weights(to, module, kind, layer)
        starts = [_start(to, module, to.value(each), layer) for each in states]
        every, *last = to.writer.add_several(
            kind,
            2 + (kind == "LSTM"),
            value,
            *weights,
            *(("", *starts) if starts else ()),
            **_options(module, kind),
        )
        ends.append(last)
        joined = add("Transpose", every, perm=[0, 2, 1, 3])
        value = add("Reshape", joined, to.writer.integers(0, 0, -1))
    if module.batch_first:
        value = add("Transpose", value, perm=[1, 0, 2])
    return [value, *(add("Concat", *each, axis=0) for each in zip(*ends))]


def _options(module: Module, kind: str) -> dict[str, Any]:
    options: dict[str, Any] = {"hidden_size": module.hidden_size}
    directions = 2 if module.bidirectional else 1
    if directions == 2:
        options["direction"] = "bidirectional"
    if kind == "GRU":
        options["linear_before_reset"] = 1
    if kind == "RNN":
        options["activations"] = [module.nonlinearity.title()] * directions
    return options


def _weights(to: Exporter, module: Module, kind: str, layer: int) -> list[str]:
    """The weights of a layer, both directions in one array each."""
    ends = ("", "_reverse") if module.bidirectional else ("",)

    def both(name: str) -> np.ndarray:
        arrays = [getattr(module, f"{name}_l{layer}{end}").detach() for end in ends]
        return np.stack([_reordered(each.numpy(), _ORDER[kind]) for each in arrays])

    parts = [both("weight_ih"), both("weight_hh")]
    if module.bias:
        parts.append(np.concatenate([both("bias_ih"), both("bias_hh")], 1))
    scope = f"{to.writer.scope}." if to.writer.scope else ""
    names = (f"{scope}{name}_l{layer}" for name in ("weight_ih", "weight_hh", "bias"))
    return [to.writer.constant(each, name) for each, name in zip(parts, names)] + (
        [] if module.bias else [""]
    )


def _reordered(weight: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    gates = np.split(weight, len(order))
    return np.concatenate([gates[at] for at in order])


def _start(to: Exporter, module: Module, state: str, layer: int) -> str:
    """The states that a layer starts from."""
    if module.num_layers == 1:
        return state
    count = 2 if module.bidirectional else 1
    low, high = (to.writer.integers(count * at) for at in (layer, layer + 1))
    return to.writer.add("Slice", state, low, high, to.writer.integers(0))


RECURRENT: dict[type[Module], WholeRule] = {kind: _write for kind in (GRU, LSTM, RNN)}
