"""Recurrent layers over whole sequences: RNN, LSTM and GRU, of one frame."""

from __future__ import annotations

import warnings
from math import sqrt
from numbers import Number
from typing import Any, ClassVar

from .. import dtypes as dt
from ..devices import device as Device
from ..dtypes import dtype as DType
from ..tensor import Tensor
from ..tensor.creation import empty, zeros
from ..tensor.handle import wrap
from . import init
from .functional.recurrent import Packing, Weights, recurrent_layers
from .module import Module
from .parameter import Parameter
from .utils.rnn import PackedSequence

__all__ = ["GRU", "LSTM", "RNN", "RNNBase"]

Shape = tuple[int, ...]

_CELLS = {"LSTM": "lstm", "GRU": "gru", "RNN_TANH": "rnn_tanh", "RNN_RELU": "rnn_relu"}
_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """What recurrent layers share: their parameters and the way through them.

    Args:
        mode: "LSTM", "GRU", "RNN_TANH" or "RNN_RELU".
        input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            proj_size, device, dtype: as in `LSTM`.

    Raises:
        TypeError: a size that is no int, or a switch that is no bool.
        ValueError: sizes, a rate or a mode that do not exist.

    Source: torch's page "torch.nn.RNNBase".
    """

    mode: str
    _counted: ClassVar[str] = "tensor instead"  # how torch ends an error

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        _check_dropout(dropout, num_layers)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check()
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            for suffix in ("", "_reverse")[: self._directions]:
                self._make_weights(layer, suffix, {"device": device, "dtype": dtype})
        self.reset_parameters()

    def _check(self) -> None:
        for name, kind in (("bias", bool), ("batch_first", bool), ("input_size", int)):
            _check_type(name, getattr(self, name), kind)
        if self.input_size <= 0:
            raise ValueError("input_size must be greater than zero")
        _check_type("hidden_size", self.hidden_size, int)
        for name in ("hidden_size", "num_layers"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than zero")
        if self.proj_size < 0:
            raise ValueError(
                "proj_size should be a positive integer or zero to disable projections"
            )
        if self.proj_size >= self.hidden_size:
            raise ValueError("proj_size has to be smaller than hidden_size")
        if self.mode not in _CELLS:
            raise ValueError(f"Unrecognized RNN mode: {self.mode}")

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _output_size(self) -> int:
        return self.proj_size or self.hidden_size

    def _make_weights(self, layer: int, suffix: str, options: dict[str, Any]) -> None:
        rows, hidden = _GATES[self.mode] * self.hidden_size, self._output_size
        inputs = hidden * self._directions if layer else self.input_size
        shapes: dict[str, Shape] = {
            "weight_ih": (rows, inputs),
            "weight_hh": (rows, hidden),
        }
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        names = [f"{name}_l{layer}{suffix}" for name in shapes]
        for name, shape in zip(names, shapes.values(), strict=True):
            setattr(self, name, Parameter(empty(shape, **options)))
        self._all_weights.append(names)

    def reset_parameters(self) -> None:
        """Draw all parameters again."""
        bound = 1 / sqrt(self.hidden_size)
        for each in self.parameters():
            init.uniform_(each, -bound, bound)

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters, a list for each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights(self) -> list[Parameter]:
        return [each for weights in self.all_weights for each in weights]

    def flatten_parameters(self) -> None:
        """Do nothing: there is no layout of weights to choose."""

    def extra_repr(self) -> str:
        """Return the sizes, and the options that are not the defaults."""
        defaults = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0,
            "bidirectional": False,
        }
        options = [
            f"{name}={getattr(self, name)}"
            for name, default in defaults.items()
            if getattr(self, name) != default
        ]
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *options])

    # The way through

    def _through(
        self, input: Tensor | PackedSequence, states: list[Tensor] | None
    ) -> tuple[Any, list[Tensor]]:
        """Return what comes out of the last layer, and the states after the last step.

        Args:
            input: the sequences.
            states: those before the first step; None for zeros.
        """
        if isinstance(input, PackedSequence):
            return self._through_packed(input, states)
        if input.dim() not in (2, 3):
            name = self.mode.split("_")[0]
            raise ValueError(
                f"{name}: Expected input to be 2D or 3D, got {input.dim()}D "
                f"{self._counted}"
            )
        single = input.dim() == 2
        if states is not None:
            self._check_dimensions(input, states)
            states = [each.unsqueeze(1) for each in states] if single else states
        turned = self.batch_first and not single
        x = input.unsqueeze(1) if single else input
        x = x.transpose(0, 1) if turned else x
        self._check_input(x, 3)
        steps, batch = x.shape[:2]
        if not steps:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        states = self._checked(states, x, batch)
        rows, last = self._run(x.reshape(-1, x.shape[-1]), states, None)
        y = rows.reshape(steps, batch, rows.shape[-1])
        if single:
            return y.squeeze(1), [each.squeeze(1) for each in last]
        return y.transpose(0, 1) if turned else y, last

    def _through_packed(
        self, packed: PackedSequence, states: list[Tensor] | None
    ) -> tuple[PackedSequence, list[Tensor]]:
        data, batch_sizes, order, back = packed
        self._check_input(data, 2)
        packing = Packing(batch_sizes.tolist())
        if states is not None and order is not None:
            states = [each.index_select(1, order) for each in states]
        states = self._checked(states, data, packing.batch)
        rows, last = self._run(data, states, packing)
        if back is not None:
            last = [each.index_select(1, back) for each in last]
        return PackedSequence(rows, batch_sizes, order, back), last

    def _run(
        self, rows: Tensor, states: list[Tensor], packing: Packing | None
    ) -> tuple[Tensor, list[Tensor]]:
        found, last = recurrent_layers(
            _CELLS[self.mode],
            rows.node,
            [each.node for each in states],
            [self._weights(names) for names in self._all_weights],
            self._directions,
            self.dropout if self.training else 0,
            packing,
        )
        return wrap(found), [wrap(each) for each in last]

    def _weights(self, names: list[str]) -> Weights:
        nodes = [getattr(self, name).node for name in names]
        biases = (nodes[2], nodes[3]) if self.bias else None
        return Weights(
            nodes[0], nodes[1], biases, nodes[-1] if self.proj_size else None
        )

    # Checks of what is called

    def _check_input(self, x: Tensor, dims: int) -> None:
        kind = getattr(self, self._all_weights[0][0]).dtype
        if x.dtype != kind:
            raise ValueError(
                f"RNN input dtype ({x.dtype}) does not match weight dtype ({kind}). "
                f"Convert input: input.to({kind}), or convert model: "
                f"model.to({x.dtype})"
            )
        if x.dim() != dims:
            raise RuntimeError(f"input must have {dims} dimensions, got {x.dim()}")
        if x.shape[-1] != self.input_size:
            raise RuntimeError(
                "input.size(-1) must be equal to input_size. Expected "
                f"{self.input_size}, got {x.shape[-1]}"
            )

    def _check_dimensions(self, input: Tensor, states: list[Tensor]) -> None:
        """Check that the states are of a batch if the input is one."""
        if all(each.dim() == input.dim() for each in states):
            return
        kind = "batched" if input.dim() == 3 else "unbatched"
        found = ", ".join(f"{each.dim()}-D" for each in states)
        which, what = "hx", f"{found} tensor"
        if len(states) > 1:
            which, what = "hx and cx", f"({found}) tensors"
        raise RuntimeError(
            f"For {kind} {input.dim()}-D input, {which} should also be {input.dim()}-D "
            f"but got {what}"
        )

    def _checked(
        self, states: list[Tensor] | None, x: Tensor, batch: int
    ) -> list[Tensor]:
        """Return the states before the first step, of the right sizes."""
        count = self.num_layers * self._directions
        sizes = [self._output_size, self.hidden_size][: 1 + (self.mode == "LSTM")]
        shapes = [(count, batch, size) for size in sizes]
        if states is None:
            return [zeros(shape, dtype=x.dtype) for shape in shapes]
        for at, (each, shape) in enumerate(zip(states, shapes, strict=True)):
            if tuple(each.shape) != shape:
                which = f"hidden[{at}]" if len(shapes) > 1 else "hidden"
                raise RuntimeError(
                    f"Expected {which} size {shape}, got {list(each.shape)}"
                )
            if each.dtype != x.dtype:
                raise RuntimeError(
                    "Input and hidden tensors are not the same dtype, found input "
                    f"tensor with {dt.scalar_name(x.dtype)} and hidden tensor with "
                    f"{dt.scalar_name(each.dtype)}"
                )
        return states


def _check_dropout(dropout: float, layers: int) -> None:
    is_number = isinstance(dropout, Number) and not isinstance(dropout, bool)
    if not is_number or not 0 <= dropout <= 1:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability "
            f"of an element being zeroed, got {dropout!r}"
        )
    if dropout > 0 and layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so "
            f"non-zero dropout expects num_layers greater than 1, but got "
            f"dropout={dropout} and num_layers={layers}",
            stacklevel=4,
        )


def _check_type(name: str, value: Any, kind: type) -> None:
    if not isinstance(value, kind):
        raise TypeError(
            f"{name} should be of type {kind.__name__}, got: {type(value).__name__}"
        )


class RNN(RNNBase):
    r"""An Elman network: the hidden state reaches the next step through weights.

    .. math:: h_t = f(W x_t + b + W' h_{t-1} + b')

    All parameters are drawn from :math:`U(-1/\sqrt H, 1/\sqrt H)`, H the hidden size.

    Args:
        input_size: the features of the input, I.
        hidden_size: those of the hidden state, H.
        num_layers: how many layers lie one on the other, L.
        nonlinearity: f, "tanh" or "relu".
        bias: have the two b.
        batch_first: the batch is the first dimension of input and output.
        dropout: the rate of dropout between layers, in training.
        bidirectional: go through the sequences backwards, too, with weights of its
            own; D is 2 then, else 1.
        device: where the parameters are: the CPU.
        dtype: their dtype.
        proj_size: an LSTM alone has it.

    Shape: input (T, N, I), (N, T, I) with `batch_first`, (T, I), or a packed sequence;
        `hx`, the hidden state before the first step, (D L, N, H) or (D L, H), zeros if
        not given. The output has D H in place of I; the hidden state after the last
        step, which is returned with it, has the shape of `hx`.

    Raises:
        TypeError, ValueError: options that do not exist.
        ValueError, RuntimeError: of the call: shapes or dtypes that do not fit.

    Source: torch's page "torch.nn.RNN"; Elman, "Finding Structure in Time" (1990).

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> output, h = nn.RNN(3, 4, num_layers=2)(torch.ones(5, 2, 3))
        >>> output.shape, h.shape
        (torch.Size([5, 2, 4]), torch.Size([2, 2, 4]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: str | Device | None = None,
        dtype: DType | None = None,
        *,
        proj_size: int | None = None,
    ) -> None:
        _check_unprojected(proj_size)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'."
            )
        super().__init__(
            f"RNN_{nonlinearity.upper()}",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )
        self.nonlinearity = nonlinearity

    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None
    ) -> tuple[Any, Tensor]:
        """Return the hidden states of the last layer, and those of the last step."""
        output, (h,) = self._through(input, None if hx is None else [hx])
        return output, h


def _check_unprojected(size: int | None) -> None:
    if size is not None:
        raise ValueError(
            "proj_size argument is only supported for LSTM, not RNN or GRU"
        )


class LSTM(RNNBase):
    r"""Long short-term memory, whose cell state c is kept, changed and shown by gates.

    .. math::
        i, f, o = \sigma(W x_t + b + W' h_{t-1} + b'), \quad
        g = \tanh(W x_t + b + W' h_{t-1} + b')

        c_t = f c_{t-1} + i g, \quad h_t = o \tanh(c_t)

    Each gate has rows of W, W', b and b' of its own, in the order i, f, g, o. All
    parameters are drawn from :math:`U(-1/\sqrt H, 1/\sqrt H)`, H the hidden size.

    Args:
        input_size: the features of the input, I.
        hidden_size: those of the states, H.
        num_layers: how many layers lie one on the other, L.
        bias: have the two b.
        batch_first: the batch is the first dimension of input and output.
        dropout: the rate of dropout between layers, in training.
        bidirectional: go through the sequences backwards, too, with weights of its
            own; D is 2 then, else 1.
        proj_size: if above 0, project the hidden state to this size, P, which stands
            in place of H for the hidden state and the output.
        device: where the parameters are: the CPU.
        dtype: their dtype.

    Shape: input (T, N, I), (N, T, I) with `batch_first`, (T, I), or a packed sequence;
        `hx`, the hidden and the cell state before the first step, two of (D L, N, H) or
        (D L, H), zeros if not given. The output has D H in place of I; the states
        after the last step, which are returned with it, have the shapes of `hx`.

    Raises:
        TypeError, ValueError: options that do not exist.
        ValueError, RuntimeError: of the call: shapes or dtypes that do not fit.

    Source: torch's page "torch.nn.LSTM"; Hochreiter and Schmidhuber, "Long Short-Term
    Memory" (1997); Sak et al., arXiv:1402.1128, for the projection.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> output, (h, c) = nn.LSTM(3, 4, bidirectional=True)(torch.ones(5, 2, 3))
        >>> output.shape, c.shape
        (torch.Size([5, 2, 8]), torch.Size([2, 2, 4]))
    """

    _counted = "instead"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(
            "LSTM",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device,
            dtype,
        )

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Any, tuple[Tensor, Tensor]]:
        """Return the hidden states of the last layer, and the states at the end."""
        output, (h, c) = self._through(input, None if hx is None else [hx[0], hx[1]])
        return output, (h, c)


class GRU(RNNBase):
    r"""Gated recurrent units: gates reset (r) and update (z) the hidden state.

    .. math::
        r, z = \sigma(W x_t + b + W' h_{t-1} + b'), \quad
        n = \tanh(W x_t + b + r (W' h_{t-1} + b'))

        h_t = (1 - z) n + z h_{t-1}

    Each gate has rows of W, W', b and b' of its own, in the order r, z, n. All
    parameters are drawn from :math:`U(-1/\sqrt H, 1/\sqrt H)`, H the hidden size.

    Args:
        input_size: the features of the input, I.
        hidden_size: those of the hidden state, H.
        num_layers: how many layers lie one on the other, L.
        bias: have the two b.
        batch_first: the batch is the first dimension of input and output.
        dropout: the rate of dropout between layers, in training.
        bidirectional: go through the sequences backwards, too, with weights of its
            own; D is 2 then, else 1.
        device: where the parameters are: the CPU.
        dtype: their dtype.
        proj_size: an LSTM alone has it.

    Shape: input (T, N, I), (N, T, I) with `batch_first`, (T, I), or a packed sequence;
        `hx`, the hidden state before the first step, (D L, N, H) or (D L, H), zeros if
        not given. The output has D H in place of I; the hidden state after the last
        step, which is returned with it, has the shape of `hx`.

    Raises:
        TypeError, ValueError: options that do not exist.
        ValueError, RuntimeError: of the call: shapes or dtypes that do not fit.

    Source: torch's page "torch.nn.GRU"; Cho et al., arXiv:1406.1078.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> output, h = nn.GRU(3, 4, batch_first=True)(torch.ones(2, 5, 3))
        >>> output.shape, h.shape
        (torch.Size([2, 5, 4]), torch.Size([1, 2, 4]))
    """

    _counted = "instead"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: str | Device | None = None,
        dtype: DType | None = None,
        *,
        proj_size: int | None = None,
    ) -> None:
        _check_unprojected(proj_size)
        super().__init__(
            "GRU",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )

    def forward(
        self, input: Tensor | PackedSequence, hx: Tensor | None = None
    ) -> tuple[Any, Tensor]:
        """Return the hidden states of the last layer, and those of the last step."""
        output, (h,) = self._through(input, None if hx is None else [hx])
        return output, h
