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

ATTENTION = {
    "dot-product attention of vectors": Wrong(
        lambda torch, nn, F: F.scaled_dot_product_attention(*[torch.zeros(3)] * 3),
        RuntimeError,
        ("at least 2 dimensional, but got query.dim: 1",),
    ),
    "dot-product attention, other features": Wrong(
        lambda torch, nn, F: F.scaled_dot_product_attention(
            torch.zeros(2, 3), torch.zeros(4, 2), torch.zeros(4, 3)
        ),
        RuntimeError,
        ("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x4)",),
    ),
    "dot-product attention, other dtype": Wrong(
        lambda torch, nn, F: F.scaled_dot_product_attention(
            torch.zeros(2, 3), torch.zeros(4, 3).double(), torch.zeros(4, 3)
        ),
        RuntimeError,
        ("to have the same dtype", "key.dtype: float64"),
    ),
    "dot-product attention, causal and masked": Wrong(
        lambda torch, nn, F: F.scaled_dot_product_attention(
            *[torch.zeros(2, 3)] * 3, attn_mask=torch.zeros(2, 2), is_causal=True
        ),
        RuntimeError,
        ("Explicit attn_mask should not be set when is_causal=True",),
    ),
    "dot-product attention, a mask of integers": Wrong(
        lambda torch, nn, F: F.scaled_dot_product_attention(
            *[torch.zeros(2, 3)] * 3, attn_mask=torch.ones(2, 2).long()
        ),
        RuntimeError,
        ("Expected attn_mask dtype to be bool or float or to match query dtype",),
    ),
    "dot-product attention, heads that do not divide": Wrong(
        lambda torch, nn, F: F.scaled_dot_product_attention(
            torch.zeros(1, 4, 2, 3), *[torch.zeros(1, 3, 4, 3)] * 2, enable_gqa=True
        ),
        RuntimeError,
        ("Number of heads in key and value must divide the number of heads in",),
    ),
    "attention, features that do not divide": Wrong(
        lambda torch, nn, F: nn.MultiheadAttention(3, 2),
        AssertionError,
        ("embed_dim must be divisible by num_heads",),
    ),
    "attention, no features": Wrong(
        lambda torch, nn, F: nn.MultiheadAttention(0, 2),
        ValueError,
        ("must be greater than 0, got embed_dim=0 and num_heads=2 instead",),
    ),
    "attention of a vector": Wrong(
        lambda torch, nn, F: nn.MultiheadAttention(4, 2)(*[torch.zeros(4)] * 3),
        AssertionError,
        ("unbatched 2D or batched 3D tensor but received 1-D query tensor",),
    ),
    "attention, a key of no batch": Wrong(
        lambda torch, nn, F: nn.MultiheadAttention(4, 2)(
            torch.zeros(2, 1, 4), torch.zeros(3, 4), torch.zeros(3, 1, 4)
        ),
        AssertionError,
        ("expected `key` and `value` to be 3-D but found 2-D and 3-D tensors",),
    ),
    "attention, other features": Wrong(
        lambda torch, nn, F: nn.MultiheadAttention(4, 2)(*[torch.zeros(2, 1, 5)] * 3),
        AssertionError,
        ("was expecting embedding dimension of 4, but got 5",),
    ),
    "attention, fewer values": Wrong(
        lambda torch, nn, F: nn.MultiheadAttention(4, 2)(
            torch.zeros(2, 1, 4), torch.zeros(3, 1, 4), torch.zeros(2, 1, 4)
        ),
        AssertionError,
        ("key shape torch.Size([3, 1, 4]) does not match value shape",),
    ),
    "attention, other batch": Wrong(
        lambda torch, nn, F: nn.MultiheadAttention(4, 2)(
            torch.zeros(2, 1, 4), *[torch.zeros(3, 2, 4)] * 2
        ),
        RuntimeError,
        (),
    ),
    "attention, a mask of another shape": Wrong(
        lambda torch, nn, F: nn.MultiheadAttention(4, 2)(
            torch.zeros(2, 1, 4),
            *[torch.zeros(3, 1, 4)] * 2,
            attn_mask=torch.zeros(3, 3),
        ),
        RuntimeError,
        ("2D attn_mask is torch.Size([3, 3]), but should be (2, 3).",),
    ),
    "attention, a mask of integers": Wrong(
        lambda torch, nn, F: nn.MultiheadAttention(4, 2)(
            *[torch.zeros(2, 1, 4)] * 3, attn_mask=torch.zeros(2, 2).long()
        ),
        AssertionError,
        ("only bool and floating types of attn_mask are supported",),
    ),
    "attention, padding of another batch": Wrong(
        lambda torch, nn, F: nn.MultiheadAttention(4, 2)(
            *[torch.zeros(3, 1, 4)] * 3, key_padding_mask=torch.zeros(2, 3)
        ),
        AssertionError,
        ("Expected key_padded_mask.shape[0] to be 1, but got 2",),
    ),
    "attention, padding of more dimensions": Wrong(
        lambda torch, nn, F: nn.MultiheadAttention(4, 2)(
            *[torch.zeros(3, 4)] * 3, key_padding_mask=torch.zeros(1, 3)
        ),
        AssertionError,
        ("expected `key_padding_mask` to be `None` or 1-D but found 2-D tensor",),
    ),
    "attention, causal without a mask": Wrong(
        lambda torch, nn, F: nn.MultiheadAttention(4, 2)(
            *[torch.zeros(2, 1, 4)] * 3, is_causal=True
        ),
        RuntimeError,
        ("Need attn_mask if specifying the is_causal hint.",),
    ),
    "encoder layer, another activation": Wrong(
        lambda torch, nn, F: nn.TransformerEncoderLayer(4, 2, activation="sine"),
        RuntimeError,
        ("activation should be relu/gelu, not sine",),
    ),
    "transformer, other batch": Wrong(
        lambda torch, nn, F: nn.Transformer(4, 2, 1, 1, 8)(
            torch.zeros(3, 2, 4), torch.zeros(3, 1, 4)
        ),
        RuntimeError,
        ("the batch number of src and tgt must be equal",),
    ),
    "transformer, other features": Wrong(
        lambda torch, nn, F: nn.Transformer(4, 2, 1, 1, 8)(
            torch.zeros(3, 2, 5), torch.zeros(3, 2, 4)
        ),
        RuntimeError,
        ("the feature number of src and tgt must be equal to d_model",),
    ),
}
