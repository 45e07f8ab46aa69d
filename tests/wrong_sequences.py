"""Wrong calls of layers for sequences, with the error that each gets."""

from wrong_calls import Wrong

RECURRENT = {
    "lstm, other features": Wrong(
        lambda torch, nn, F: nn.LSTM(3, 4)(torch.zeros(5, 2, 2)),
        RuntimeError,
        ("input.size(-1) must be equal to input_size. Expected 3, got 2",),
    ),
    "lstm, a vector": Wrong(
        lambda torch, nn, F: nn.LSTM(3, 4)(torch.zeros(3)),
        ValueError,
        ("LSTM: Expected input to be 2D or 3D, got 1D instead",),
    ),
    "rnn, an image": Wrong(
        lambda torch, nn, F: nn.RNN(3, 4)(torch.zeros(1, 2, 3, 3)),
        ValueError,
        ("RNN: Expected input to be 2D or 3D, got 4D tensor instead",),
    ),
    "gru, no steps": Wrong(
        lambda torch, nn, F: nn.GRU(3, 4)(torch.zeros(0, 2, 3)),
        RuntimeError,
        ("Expected sequence length to be larger than 0 in RNN",),
    ),
    "lstm, other dtype": Wrong(
        lambda torch, nn, F: nn.LSTM(3, 4)(torch.zeros(5, 2, 3).double()),
        ValueError,
        (
            "RNN input dtype (torch.float64) does not match weight dtype",
            "input.to(torch.float32)",
        ),
    ),
    "lstm, other states": Wrong(
        lambda torch, nn, F: nn.LSTM(3, 4)(
            torch.zeros(5, 2, 3), (torch.zeros(1, 2, 4), torch.zeros(1, 3, 4))
        ),
        RuntimeError,
        ("Expected hidden[1] size (1, 2, 4), got [1, 3, 4]",),
    ),
    "gru, other state": Wrong(
        lambda torch, nn, F: nn.GRU(3, 4)(torch.zeros(5, 2, 3), torch.zeros(2, 2, 4)),
        RuntimeError,
        ("Expected hidden size (1, 2, 4), got [2, 2, 4]",),
    ),
    "gru, the state of no batch": Wrong(
        lambda torch, nn, F: nn.GRU(3, 4)(torch.zeros(5, 2, 3), torch.zeros(1, 4)),
        RuntimeError,
        ("For batched 3-D input, hx should also be 3-D but got 2-D tensor",),
    ),
    "lstm, the states of a batch": Wrong(
        lambda torch, nn, F: nn.LSTM(3, 4)(
            torch.zeros(5, 3), (torch.zeros(1, 2, 4), torch.zeros(1, 2, 4))
        ),
        RuntimeError,
        ("For unbatched 2-D input, hx and cx should also be 2-D", "(3-D, 3-D) tensors"),
    ),
    "gru, projected": Wrong(
        lambda torch, nn, F: nn.GRU(3, 4, proj_size=2),
        ValueError,
        ("proj_size argument is only supported for LSTM, not RNN or GRU",),
    ),
    "lstm, projected to more": Wrong(
        lambda torch, nn, F: nn.LSTM(3, 4, proj_size=4),
        ValueError,
        ("proj_size has to be smaller than hidden_size",),
    ),
    "rnn, another nonlinearity": Wrong(
        lambda torch, nn, F: nn.RNN(3, 4, nonlinearity="sine"),
        ValueError,
        ("Unknown nonlinearity 'sine'. Select from 'tanh' or 'relu'.",),
    ),
    "rnn base, another mode": Wrong(
        lambda torch, nn, F: nn.RNNBase("rnn", 3, 4),
        ValueError,
        ("Unrecognized RNN mode: rnn",),
    ),
    "lstm, a size that is no int": Wrong(
        lambda torch, nn, F: nn.LSTM(3.0, 4),
        TypeError,
        ("input_size should be of type int, got: float",),
    ),
    "lstm, no layers": Wrong(
        lambda torch, nn, F: nn.LSTM(3, 4, num_layers=0),
        ValueError,
        ("num_layers must be greater than zero",),
    ),
    "lstm, a rate that is no rate": Wrong(
        lambda torch, nn, F: nn.LSTM(3, 4, 2, dropout=1.5),
        ValueError,
        ("dropout should be a number in range [0, 1]",),
    ),
    "lstm, a bias that is no bool": Wrong(
        lambda torch, nn, F: nn.LSTM(3, 4, bias=1),
        TypeError,
        ("bias should be of type bool, got: int",),
    ),
    "rnn cell, a batch of sequences": Wrong(
        lambda torch, nn, F: nn.RNNCell(3, 4)(torch.zeros(2, 2, 3)),
        ValueError,
        ("RNNCell: Expected input to be 1D or 2D, got 3D instead",),
    ),
    "lstm cell, other features": Wrong(
        lambda torch, nn, F: nn.LSTMCell(3, 4)(torch.zeros(2, 4)),
        RuntimeError,
        ("input has inconsistent input_size: got 4 expected 3",),
    ),
    "lstm cell, states of more dimensions": Wrong(
        lambda torch, nn, F: nn.LSTMCell(3, 4)(
            torch.zeros(2, 3), (torch.zeros(1, 2, 4), torch.zeros(2, 4))
        ),
        ValueError,
        ("LSTMCell: Expected hx[0] to be 1D or 2D, got 3D instead",),
    ),
    "gru cell, other hidden size": Wrong(
        lambda torch, nn, F: nn.GRUCell(3, 4)(torch.zeros(2, 3), torch.zeros(2, 5)),
        RuntimeError,
        ("hidden0 has inconsistent hidden_size: got 5, expected 4",),
    ),
    "gru cell, other batch": Wrong(
        lambda torch, nn, F: nn.GRUCell(3, 4)(torch.zeros(2, 3), torch.zeros(3, 4)),
        RuntimeError,
        ("Input batch size 2 doesn't match hidden0 batch size 3",),
    ),
    "rnn cell, another nonlinearity": Wrong(
        lambda torch, nn, F: nn.RNNCell(3, 4, nonlinearity="sine")(torch.zeros(2, 3)),
        RuntimeError,
        ("Unknown nonlinearity: sine",),
    ),
    "rnn cell, other dtype": Wrong(
        lambda torch, nn, F: nn.RNNCell(3, 4)(torch.zeros(2, 3).double()),
        RuntimeError,
        ("mat1 and mat2 must have the same dtype, but got Double and Float",),
    ),
    "packing, not sorted": Wrong(
        lambda torch, nn, F: nn.utils.rnn.pack_sequence(
            [torch.zeros(1), torch.zeros(2)]
        ),
        RuntimeError,
        ("must be sorted in decreasing order", "enforce_sorted=False"),
    ),
    "packing, a sequence of nothing": Wrong(
        lambda torch, nn, F: nn.utils.rnn.pack_padded_sequence(
            torch.zeros(2, 2), [2, 0]
        ),
        RuntimeError,
        ("Length of all samples has to be greater than 0",),
    ),
    "packing, lengths of another batch": Wrong(
        lambda torch, nn, F: nn.utils.rnn.pack_padded_sequence(torch.zeros(2, 2), [2]),
        RuntimeError,
        ("Expected `len(lengths)` to be equal to batch_size, but got 1",),
    ),
    "padding of nothing": Wrong(
        lambda torch, nn, F: nn.utils.rnn.pad_sequence([]),
        RuntimeError,
        ("received an empty list of sequences",),
    ),
    "padding of a number": Wrong(
        lambda torch, nn, F: nn.utils.rnn.pad_sequence(3),
        RuntimeError,
        ("Expected iterable for input sequences, but got arg of type: <class 'int'>",),
    ),
    "padding on another side": Wrong(
        lambda torch, nn, F: nn.utils.rnn.pad_sequence(
            [torch.zeros(2)], padding_side="top"
        ),
        RuntimeError,
        ("Expected padding_side to be one of left or right, but got top.",),
    ),
    "padding of other features": Wrong(
        lambda torch, nn, F: nn.utils.rnn.pad_sequence(
            [torch.zeros(2, 2), torch.zeros(3, 3)]
        ),
        RuntimeError,
        ("(2) must match the size of tensor b (3) at non-singleton dimension 1",),
    ),
    "unpacking to fewer steps": Wrong(
        lambda torch, nn, F: nn.utils.rnn.pad_packed_sequence(
            nn.utils.rnn.pack_sequence([torch.zeros(3)]), total_length=2
        ),
        ValueError,
        ("total_length=2 and max sequence length being 3",),
    ),
    "a packed sequence of one part": Wrong(
        lambda torch, nn, F: nn.utils.rnn.PackedSequence(torch.zeros(3)),
        AssertionError,
        ("Expected data to be a list or tuple of length 2",),
    ),
}
