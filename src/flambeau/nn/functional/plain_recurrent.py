"""Torch's top-level functions of recurrent networks, which get all their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...tensor import Tensor
from ...tensor.handle import wrap
from .recurrent import Packing, Weights, recurrent_cell, recurrent_layers

__all__ = [
    "gru",
    "gru_cell",
    "lstm",
    "lstm_cell",
    "rnn_relu",
    "rnn_relu_cell",
    "rnn_tanh",
    "rnn_tanh_cell",
]


def lstm(*args: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return the output of an LSTM, and the hidden and cell states at the end.

    Args:
        args: input (T, N, I), first states (h, c), weights of all layers and
            directions, whether there are biases, the number of layers, the rate of
            dropout, whether it trains, is bidirectional, and has the batch first. Or,
            for packed sequences: data, batch sizes, and the same from the states on
            without the last.

    Source: torch's `torch.lstm`.
    """
    output, (h, c) = _network("lstm", isinstance(args[1], Tensor), *args)
    return output, h, c


def gru(*args: Any) -> tuple[Tensor, Tensor]:
    """Return the output of a GRU, and the state at the end; see `lstm`.

    Source: torch's `torch.gru`.
    """
    output, (h,) = _network("gru", isinstance(args[2], Tensor), *args)
    return output, h


def rnn_tanh(*args: Any) -> tuple[Tensor, Tensor]:
    """Return the output of an Elman network, and its state at the end; see `lstm`.

    Source: torch's `torch.rnn_tanh`.
    """
    output, (h,) = _network("rnn_tanh", isinstance(args[2], Tensor), *args)
    return output, h


def rnn_relu(*args: Any) -> tuple[Tensor, Tensor]:
    """Return the output of an Elman network with ReLU, and its state; see `lstm`.

    Source: torch's `torch.rnn_relu`.
    """
    output, (h,) = _network("rnn_relu", isinstance(args[2], Tensor), *args)
    return output, h


def _network(cell: str, packed: bool, *args: Any) -> tuple[Tensor, list[Tensor]]:
    if packed:
        data, batch_sizes, hx, *rest = args
        return _run(cell, data, hx, Packing(batch_sizes.tolist()), *rest)
    x, hx, *options, batch_first = args
    x = x.transpose(0, 1) if batch_first else x
    rows, last = _run(cell, x.reshape(-1, x.shape[-1]), hx, None, *options)
    output = rows.reshape(*x.shape[:2], rows.shape[-1])
    return output.transpose(0, 1) if batch_first else output, last


def _run(
    cell: str,
    rows: Tensor,
    hx: Tensor | Sequence[Tensor],
    packing: Packing | None,
    params: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
) -> tuple[Tensor, list[Tensor]]:
    states = [hx] if isinstance(hx, Tensor) else hx
    directions = 2 if bidirectional else 1
    each = len(params) // (num_layers * directions)
    weights = [
        _weights(params[at : at + each], has_biases)
        for at in range(0, len(params), each)
    ]
    first = [state.node for state in states]
    rate = dropout if train else 0
    found = recurrent_layers(cell, rows.node, first, weights, directions, rate, packing)
    return wrap(found[0]), [wrap(state) for state in found[1]]


def _weights(params: Sequence[Tensor], has_biases: bool) -> Weights:
    """The weights of a direction: of input and state, biases, and a projection."""
    ih, hh, *rest = (each.node for each in params)
    biases = (rest[0], rest[1]) if has_biases else None
    left = rest[2:] if has_biases else rest
    return Weights(ih, hh, biases, left[0] if left else None)


# A step


def lstm_cell(
    input: Tensor,
    hx: Sequence[Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the hidden and the cell state after a step; see `nn.LSTMCell`.

    Source: torch's `torch.lstm_cell`.
    """
    h, c = _step("lstm", input, hx, w_ih, w_hh, b_ih, b_hh)
    return h, c


def gru_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """Return the hidden state after a step; see `nn.GRUCell`.

    Source: torch's `torch.gru_cell`.
    """
    return _step("gru", input, [hx], w_ih, w_hh, b_ih, b_hh)[0]


def rnn_tanh_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """Return the hidden state after a step; see `nn.RNNCell`.

    Source: torch's `torch.rnn_tanh_cell`.
    """
    return _step("rnn_tanh", input, [hx], w_ih, w_hh, b_ih, b_hh)[0]


def rnn_relu_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """Return the hidden state after a step; see `nn.RNNCell`.

    Source: torch's `torch.rnn_relu_cell`.
    """
    return _step("rnn_relu", input, [hx], w_ih, w_hh, b_ih, b_hh)[0]


def _step(
    cell: str,
    x: Tensor,
    states: Sequence[Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
) -> list[Tensor]:
    biases = None if b_ih is None or b_hh is None else (b_ih.node, b_hh.node)
    weights = Weights(w_ih.node, w_hh.node, biases)
    found = recurrent_cell(cell, x.node, [each.node for each in states], weights)
    return [wrap(each) for each in found]
