"""Recurrent layers beside the table: packing, parameters, warnings."""

import copy

import numpy as np
import pytest

import flambeau as torch
from flambeau import nn
from flambeau.nn.utils import rnn

SEQUENCES = [torch.tensor([1, 2, 3]), torch.tensor([4]), torch.tensor([5, 6])]


def test_sequences_are_packed_step_by_step() -> None:
    packed = rnn.pack_sequence(SEQUENCES, enforce_sorted=False)
    assert packed.data.tolist() == [1, 5, 4, 2, 6, 3]
    assert packed.batch_sizes.tolist() == [3, 2, 1]
    assert packed.sorted_indices.tolist() == [0, 2, 1]
    assert packed.unsorted_indices.tolist() == [0, 2, 1]


@pytest.mark.parametrize("batch_first", [False, True])
def test_packing_is_undone(batch_first: bool) -> None:
    packed = rnn.pack_sequence(SEQUENCES, enforce_sorted=False)
    padded, lengths = rnn.pad_packed_sequence(packed, batch_first, -1, total_length=4)
    rows = padded if batch_first else padded.T
    assert rows.tolist() == [[1, 2, 3, -1], [4, -1, -1, -1], [5, 6, -1, -1]]
    assert lengths.tolist() == [3, 1, 2]
    again = rnn.pack_padded_sequence(padded, lengths, batch_first, enforce_sorted=False)
    assert again.data.tolist() == packed.data.tolist()
    back = rnn.unpack_sequence(packed)
    assert [each.tolist() for each in back] == [[1, 2, 3], [4], [5, 6]]


def test_padding_on_both_sides() -> None:
    left = rnn.pad_sequence(SEQUENCES, True, 9, "left")
    assert left.tolist() == [[1, 2, 3], [9, 9, 4], [9, 5, 6]]
    right = rnn.pad_sequence(SEQUENCES, padding_value=9)
    assert right.tolist() == [[1, 4, 5], [2, 9, 6], [3, 9, 9]]
    back = rnn.unpad_sequence(right, torch.tensor([3, 1, 2]))
    assert [each.tolist() for each in back] == [[1, 2, 3], [4], [5, 6]]


def test_a_packed_sequence_is_converted() -> None:
    packed = rnn.pack_sequence([torch.ones(2), torch.ones(1)])
    assert packed.double().data.dtype is torch.float64
    assert packed.float() is packed
    assert packed.half().batch_sizes is packed.batch_sizes
    assert packed.cpu() is packed
    assert not packed.is_cuda


def test_gradients_reach_what_was_padded() -> None:
    x = torch.ones(3, 2).requires_grad_()
    packed = rnn.pack_padded_sequence(x, [3, 1])
    padded, _ = rnn.pad_packed_sequence(packed)
    (padded * torch.tensor([[1.0, 2], [3, 4], [5, 6]])).sum().backward()
    assert x.grad.tolist() == [[1, 2], [3, 0], [5, 0]]


def test_all_weights_are_those_of_the_state() -> None:
    layer = nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2)
    state = layer.state_dict()
    assert [*state][:7] == [
        "weight_ih_l0",
        "weight_hh_l0",
        "bias_ih_l0",
        "bias_hh_l0",
        "weight_hr_l0",
        "weight_ih_l0_reverse",
        "weight_hh_l0_reverse",
    ]
    shapes = [[tuple(each.shape) for each in weights] for weights in layer.all_weights]
    assert shapes[0] == [(16, 3), (16, 2), (16,), (16,), (2, 4)]
    assert shapes[3][0] == (16, 4)
    layer.flatten_parameters()
    assert copy.deepcopy(layer).all_weights[0][0] is not layer.weight_ih_l0


def test_a_weight_that_is_replaced_is_used() -> None:
    layer = nn.GRU(2, 3)
    layer.weight_ih_l0 = nn.Parameter(torch.zeros(9, 2))
    first, second = (layer(torch.full((1, 1, 2), n))[0] for n in (0.0, 1.0))
    np.testing.assert_array_equal(first.detach(), second.detach())


def test_dropout_of_one_layer_warns() -> None:
    with pytest.warns(UserWarning, match="all but last recurrent layer"):
        nn.GRU(3, 4, dropout=0.5)


def test_states_go_on_where_they_were_left() -> None:
    layer, x = nn.LSTM(3, 4, 2), torch.rand(6, 2, 3)
    whole, last = layer(x)
    first, states = layer(x[:2])
    second, again = layer(x[2:], states)
    parts = torch.cat([first, second])
    np.testing.assert_allclose(parts.detach(), whole.detach(), rtol=1e-5, atol=1e-6)
    for one, other in zip(last, again, strict=True):
        np.testing.assert_allclose(one.detach(), other.detach(), rtol=1e-5, atol=1e-6)


def test_a_batch_of_nothing() -> None:
    output, h = nn.GRU(3, 4, bidirectional=True)(torch.zeros(2, 0, 3))
    assert output.shape == (2, 0, 8)
    assert h.shape == (2, 0, 4)


def test_packed_sequences_of_other_features() -> None:
    """torch does not look."""
    with pytest.raises(RuntimeError, match="Expected 3, got 5"):
        nn.LSTM(3, 4)(rnn.pack_sequence([torch.zeros(2, 5)]))


FUNCTIONS = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn_tanh"}


@pytest.mark.parametrize("layer", FUNCTIONS)
@pytest.mark.parametrize("packs", [False, True])
def test_functions_that_get_all_weights(layer: str, packs: bool) -> None:
    options = {"num_layers": 2, "bidirectional": True, "batch_first": not packs}
    more = {"proj_size": 2} if layer == "LSTM" else {}
    module = getattr(nn, layer)(3, 4, **options, **more)
    x = torch.rand(2, 5, 3)
    states = torch.rand(4, 2, more.get("proj_size", 4))
    first = (states, torch.rand(4, 2, 4)) if layer == "LSTM" else states
    weights = [each for part in module.all_weights for each in part]
    rest = (weights, True, 2, 0.0, False, True)
    given, run = x, getattr(torch, FUNCTIONS[layer])
    if packs:
        given = rnn.pack_padded_sequence(x, [5, 3], batch_first=True)
        output, *last = run(given.data, given.batch_sizes, first, *rest)
    else:
        output, *last = run(x, first, *rest, True)
    wanted, wanted_last = module(given, first)
    found = [output, *last]
    wanted = [wanted.data if packs else wanted]
    wanted += wanted_last if layer == "LSTM" else [wanted_last]
    for mine, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(mine.detach(), other.detach())


def test_steps_that_get_all_weights() -> None:
    x, h, c = torch.rand(2, 3), torch.rand(2, 4), torch.rand(2, 4)
    cell = nn.LSTMCell(3, 4)
    weights = [*cell.parameters()]
    for mine, other in zip(torch.lstm_cell(x, (h, c), *weights), cell(x, (h, c))):
        np.testing.assert_array_equal(mine.detach(), other.detach())
    others = {
        "gru_cell": nn.GRUCell(3, 4, bias=False),
        "rnn_tanh_cell": nn.RNNCell(3, 4),
        "rnn_relu_cell": nn.RNNCell(3, 4, nonlinearity="relu"),
    }
    for name, cell in others.items():
        found = getattr(torch, name)(x, h, *cell.parameters())
        np.testing.assert_array_equal(found.detach(), cell(x, h).detach())
