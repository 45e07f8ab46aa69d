"""Single steps of recurrent layers: RNNCell, LSTMCell and GRUCell, of one frame."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from ..devices import device as Device
from ..dtypes import dtype as DType
from ..tensor import Tensor
from ..tensor.creation import empty, zeros
from ..tensor.handle import wrap
from . import init
from .functional.recurrent import Weights, recurrent_cell
from .module import Module
from .parameter import Parameter

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]


class RNNCellBase(Module):
    """What cells share: their parameters, and a step.

    Args:
        input_size, hidden_size, bias, device, dtype: as in `LSTMCell`.
        num_chunks: how many gates there are.

    Source: torch's page "torch.nn.RNNCellBase".
    """

    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        for name, size in (("weight_ih", input_size), ("weight_hh", hidden_size)):
            values = empty(rows, size, device=device, dtype=dtype)
            setattr(self, name, Parameter(values))
        for name in ("bias_ih", "bias_hh"):
            if bias:
                setattr(self, name, Parameter(empty(rows, device=device, dtype=dtype)))
            else:
                self.register_parameter(name, None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters again."""
        bound = 1 / sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for each in self.parameters():
            init.uniform_(each, -bound, bound)

    def extra_repr(self) -> str:
        """Return the sizes, and the options that are not the defaults."""
        text = f"{self.input_size}, {self.hidden_size}"
        if not self.bias:
            text += f", bias={self.bias}"
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return text if nonlinearity == "tanh" else f"{text}, {nonlinearity=!s}"

    def _step(
        self, cell: str, input: Tensor, states: Sequence[Tensor] | None, count: int = 1
    ) -> list[Tensor]:
        """Return the states after a step from these states, or from zeros."""
        if input.dim() not in (1, 2):
            raise ValueError(
                f"{type(self).__name__}: Expected input to be 1D or 2D, got "
                f"{input.dim()}D instead"
            )
        for at, each in enumerate(states or ()):
            if each.dim() not in (1, 2):
                which = f"hx[{at}]" if count > 1 else "hidden"
                raise ValueError(
                    f"{type(self).__name__}: Expected {which} to be 1D or 2D, got "
                    f"{each.dim()}D instead"
                )
        single = input.dim() == 1
        x = input.unsqueeze(0) if single else input
        if states is None:
            states = [zeros(len(x), self.hidden_size, dtype=x.dtype)] * count
        else:
            states = [each.unsqueeze(0) if single else each for each in states]
        found = recurrent_cell(
            cell, x.node, [each.node for each in states], self._weights()
        )
        tensors = [wrap(each) for each in found]
        return [each.squeeze(0) for each in tensors] if single else tensors

    def _weights(self) -> Weights:
        biases = None
        if self.bias_ih is not None and self.bias_hh is not None:
            biases = (self.bias_ih.node, self.bias_hh.node)
        return Weights(self.weight_ih.node, self.weight_hh.node, biases)


class RNNCell(RNNCellBase):
    r"""A step of an Elman network: :math:`f(W x + b + W' h + b')`.

    All parameters are drawn from :math:`U(-1/\sqrt H, 1/\sqrt H)`, H the hidden size.

    Args:
        input_size: the features of the input, I.
        hidden_size: those of the hidden state, H.
        bias: have the two b.
        nonlinearity: f, "tanh" or "relu".
        device: where the parameters are: the CPU.
        dtype: their dtype.

    Shape: input (N, I) or (I,); `hx` (N, H) or (H,), zeros if not given; result as
        `hx`.

    Raises:
        ValueError, RuntimeError: of the call: shapes or dtypes that do not fit.
        RuntimeError: of the call: another nonlinearity (torch's moment).

    Source: torch's page "torch.nn.RNNCell".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.RNNCell(3, 4)(torch.ones(2, 3)).shape
        torch.Size([2, 4])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return the hidden state after the step."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        cell = f"rnn_{self.nonlinearity}"
        return self._step(cell, input, None if hx is None else [hx])[0]


class LSTMCell(RNNCellBase):
    r"""A step of long short-term memory; `LSTM` has the formula.

    All parameters are drawn from :math:`U(-1/\sqrt H, 1/\sqrt H)`, H the hidden size.

    Args:
        input_size: the features of the input, I.
        hidden_size: those of the states, H.
        bias: add biases to the products with the input and the hidden state.
        device: where the parameters are: the CPU.
        dtype: their dtype.

    Shape: input (N, I) or (I,); `hx`, the hidden and the cell state, two of (N, H) or
        (H,), zeros if not given; result as `hx`.

    Raises:
        ValueError, RuntimeError: of the call: shapes or dtypes that do not fit.

    Source: torch's page "torch.nn.LSTMCell".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> h, c = nn.LSTMCell(3, 4)(torch.ones(2, 3))
        >>> h.shape
        torch.Size([2, 4])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the hidden and the cell state after the step."""
        h, c = self._step("lstm", input, None if hx is None else [hx[0], hx[1]], 2)
        return h, c


class GRUCell(RNNCellBase):
    r"""A step of gated recurrent units; `GRU` has the formula.

    All parameters are drawn from :math:`U(-1/\sqrt H, 1/\sqrt H)`, H the hidden size.

    Args:
        input_size: the features of the input, I.
        hidden_size: those of the hidden state, H.
        bias: add biases to the products with the input and the hidden state.
        device: where the parameters are: the CPU.
        dtype: their dtype.

    Shape: input (N, I) or (I,); `hx` (N, H) or (H,), zeros if not given; result as
        `hx`.

    Raises:
        ValueError, RuntimeError: of the call: shapes or dtypes that do not fit.

    Source: torch's page "torch.nn.GRUCell".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.GRUCell(3, 4)(torch.ones(3)).shape
        torch.Size([4])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return the hidden state after the step."""
        return self._step("gru", input, None if hx is None else [hx])[0]
