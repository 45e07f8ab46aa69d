"""Records of recurrent layers and cells."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import reference_recurrent
from case import Array, Case, State, grid

STEPS, BATCH, INPUTS, HIDDEN = 3, 2, 3, 2
LENGTHS = (2, 3)


def _kind(layer: str, options: dict[str, Any]) -> str:
    kind = layer.removesuffix("Cell").lower()
    return options.get("nonlinearity", "tanh") if kind == "rnn" else kind


def _sizes(layer: str, options: dict[str, Any]) -> list[int]:
    """The sizes of the states."""
    hidden = options.get("proj_size", 0) or HIDDEN
    return [hidden, HIDDEN] if layer.startswith("LSTM") else [hidden]


def _directions(options: dict[str, Any]) -> tuple[int, int]:
    return options.get("num_layers", 1), 1 + options.get("bidirectional", False)


def _joined(found: Any, axis: int) -> tuple[Array, ...]:
    """The samples' results in a batch."""
    outputs = np.stack([output for output, _ in found], axis)
    last = zip(*(states for _, states in found), strict=True)
    return outputs, *(np.stack(each, 1) for each in last)


def _states(library: Any, x: Any, *states: Any) -> list[Any]:
    """A pair of states is one argument."""
    return [x, states if len(states) > 1 else states[0]] if states else [x]


def layer(name: str, given: bool = True, **options: Any) -> Case:
    """A batch; `given`: with the first states."""
    layers, directions = _directions(options)
    axis = 0 if options.get("batch_first") else 1
    shape = (BATCH, STEPS, INPUTS) if axis == 0 else (STEPS, BATCH, INPUTS)
    shapes = [(layers * directions, BATCH, size) for size in _sizes(name, options)]
    first = [grid(*each, seed=at + 1) / 4 for at, each in enumerate(shapes)]
    if not given:
        first = [np.zeros(each) for each in shapes]

    def meaning(state: State, x: Array, *_: Array) -> tuple[Array, ...]:
        samples = [np.take(x, at, axis) for at in range(BATCH)]
        starts = [[each[:, at] for each in first] for at in range(BATCH)]
        kind = _kind(name, options)
        found = reference_recurrent.network(
            kind, samples, starts, state, layers, directions
        )
        return _joined(found, axis)

    inputs = (grid(*shape), *(first if given else []))
    made = {"input_size": INPUTS, "hidden_size": HIDDEN} | options
    return Case(name, inputs, meaning, made, arrange=_states, training=False)


def single(name: str, **options: Any) -> Case:
    """A sequence that is no batch."""
    layers, directions = _directions(options)
    shapes = [(layers * directions, size) for size in _sizes(name, options)]
    first = [grid(*each, seed=at + 1) / 4 for at, each in enumerate(shapes)]

    def meaning(state: State, x: Array, *states: Array) -> tuple[Array, ...]:
        kind = _kind(name, options)
        output, last = reference_recurrent.sample(
            kind, x, states, state, layers, directions
        )
        return output, *last

    made = {"input_size": INPUTS, "hidden_size": HIDDEN} | options
    return Case(name, (grid(STEPS, INPUTS), *first), meaning, made, arrange=_states)


def packed(name: str, lengths: Sequence[int] = LENGTHS, **options: Any) -> Case:
    """Sequences of several lengths."""
    layers, directions = _directions(options)
    shapes = [(layers * directions, len(lengths), n) for n in _sizes(name, options)]
    first = [grid(*each, seed=at + 1) / 4 for at, each in enumerate(shapes)]
    order = sorted(range(len(lengths)), key=lambda at: -lengths[at])

    def arrange(library: Any, x: Any, *states: Any) -> list[Any]:
        pack = library.nn.utils.rnn.pack_padded_sequence
        return _states(library, pack(x, list(lengths), enforce_sorted=False), *states)

    def meaning(state: State, x: Array, *states: Array) -> tuple[Array, ...]:
        samples = [x[:length, at] for at, length in enumerate(lengths)]
        starts = [[each[:, at] for each in states] for at in range(len(lengths))]
        kind = _kind(name, options)
        found = reference_recurrent.network(
            kind, samples, starts, state, layers, directions
        )
        rows = [
            found[at][0][t]
            for t in range(max(lengths))
            for at in order
            if t < lengths[at]
        ]
        sizes = [sum(length > t for length in lengths) for t in range(max(lengths))]
        last = zip(*(after for _, after in found), strict=True)
        back = np.argsort(order)
        return (
            np.array(rows),
            np.array(sizes),
            np.array(order),
            back,
            *(np.stack(each, 1) for each in last),
        )

    made = {"input_size": INPUTS, "hidden_size": HIDDEN} | options
    inputs = (grid(STEPS, len(lengths), INPUTS), *first)
    return Case(name, inputs, meaning, made, arrange=arrange)


def cell(name: str, batch: tuple[int, ...] = (BATCH,), **options: Any) -> Case:
    first = [
        grid(*batch, size, seed=at + 1) / 4
        for at, size in enumerate(_sizes(name, options))
    ]

    def meaning(state: State, x: Array, *states: Array) -> tuple[Array, ...]:
        kind, rows = _kind(name, options), x.reshape(-1, INPUTS)
        flat = [each.reshape(-1, each.shape[-1]) for each in states]
        found = [
            reference_recurrent.step(kind, row, tuple(each), state)
            for row, *each in zip(rows, *flat, strict=True)
        ]
        parts = zip(*found, strict=True)
        return tuple(np.array(each).reshape(*batch, -1) for each in parts)

    made = {"input_size": INPUTS, "hidden_size": HIDDEN} | options
    return Case(name, (grid(*batch, INPUTS), *first), meaning, made, arrange=_states)


def dropped(name: str, **options: Any) -> Case:
    """In training; torch draws the same mask."""
    made = {"input_size": INPUTS, "hidden_size": HIDDEN, "num_layers": 2} | options
    return Case(name, (grid(STEPS, BATCH, INPUTS),), None, made)


CASES = {
    "rnn": layer("RNN"),
    "rnn, zeros first": layer("RNN", given=False),
    "rnn, relu, both ways": layer("RNN", nonlinearity="relu", bidirectional=True),
    "rnn, two layers, no bias": layer("RNN", num_layers=2, bias=False),
    "rnn, one sequence": single("RNN", nonlinearity="relu"),
    "rnn, packed, both ways": packed("RNN", bidirectional=True),
    "lstm": layer("LSTM"),
    "lstm, zeros first": layer("LSTM", given=False),
    "lstm, two layers, both ways": layer(
        "LSTM", num_layers=2, bidirectional=True, batch_first=True
    ),
    "lstm, no bias": layer("LSTM", bias=False),
    "lstm, projected": layer("LSTM", proj_size=1),
    "lstm, projected, both ways": layer("LSTM", proj_size=1, bidirectional=True),
    "lstm, one sequence": single("LSTM", batch_first=True),
    "lstm, packed": packed("LSTM", num_layers=2),
    "lstm, packed, both ways": packed("LSTM", bidirectional=True),
    "lstm, packed, projected, both ways": packed(
        "LSTM", proj_size=1, bidirectional=True
    ),
    "gru": layer("GRU"),
    "gru, zeros first": layer("GRU", given=False, batch_first=True),
    "gru, two layers, both ways": layer("GRU", num_layers=2, bidirectional=True),
    "gru, no bias": layer("GRU", bias=False),
    "gru, one sequence": single("GRU", bidirectional=True),
    "gru, packed": packed("GRU", (3, 3, 1)),
    "lstm, dropout": dropped("LSTM", dropout=0.5),
    "gru, dropout, both ways": dropped("GRU", dropout=0.25, bidirectional=True),
    "rnn cell": cell("RNNCell"),
    "rnn cell, relu": cell("RNNCell", nonlinearity="relu"),
    "rnn cell, one sample": cell("RNNCell", ()),
    "lstm cell": cell("LSTMCell"),
    "lstm cell, no bias": cell("LSTMCell", bias=False),
    "lstm cell, one sample": cell("LSTMCell", ()),
    "gru cell": cell("GRUCell"),
    "gru cell, no bias": cell("GRUCell", (), bias=False),
}
