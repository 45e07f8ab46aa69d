"""Tables of learned vectors."""

from __future__ import annotations

from ..autograd import no_grad
from ..devices import device as Device
from ..dtypes import dtype as DType
from ..tensor import Tensor
from ..tensor.creation import empty
from . import functional as F
from . import init
from .functional.sparse import check_padding_index
from .module import Module
from .parameter import Parameter

__all__ = ["Embedding"]


class Embedding(Module):
    r"""Return a learned vector for each index.

    The vectors are drawn from :math:`N(0, 1)`; that of `padding_idx` is 0.

    Args:
        num_embeddings: how many vectors there are, V.
        embedding_dim: how long they are, D.
        padding_idx: an index whose vector is not trained.
        max_norm: vectors that are read are scaled down to this norm, in place.
        norm_type: the p of that norm.
        scale_grad_by_freq: divide a vector's gradient by how often it is read.
        sparse: has no effect: gradients are dense.
        _weight: the table itself.
        _freeze: do not train the table.
        device: where the table is: the CPU.
        dtype: its dtype.

    Shape: input (*), integers; result (*, D).

    Raises:
        AssertionError: `padding_idx` names no vector, or `_weight` has another shape
            (torch's type).
        IndexError: of the call: an index outside 0 … V-1.

    Source: torch's page "torch.nn.Embedding".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.Embedding(10, 3)(torch.tensor([[1, 2, 4, 5]])).shape
        torch.Size([1, 4, 3])
    """

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        if padding_idx is not None:
            padding_idx = check_padding_index(padding_idx, num_embeddings)
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = padding_idx
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        shape = (num_embeddings, embedding_dim)
        if _weight is None:
            values = empty(shape, device=device, dtype=dtype)
            self.weight = Parameter(values, requires_grad=not _freeze)
            self.reset_parameters()
            return
        if tuple(_weight.shape) != shape:
            raise AssertionError(
                "Shape of weight does not match num_embeddings and embedding_dim: got "
                f"{tuple(_weight.shape)} for {shape}"
            )
        self.weight = Parameter(_weight, requires_grad=not _freeze)

    def reset_parameters(self) -> None:
        """Draw the table again."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx].zero_()

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """Return a layer with a table that exists already.

        Args:
            embeddings: the table (V, D).
            freeze: do not train it.
            padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse: as in the
            class.

        Raises:
            AssertionError: the table is no matrix (torch's type).

        Example:
            >>> import flambeau as torch
            >>> from flambeau import nn
            >>> table = torch.tensor([[1., 2.], [3., 4.]])
            >>> nn.Embedding.from_pretrained(table)(torch.tensor([1]))
            tensor([[3., 4.]])
        """
        if embeddings.ndim != 2:
            raise AssertionError(
                "Embeddings parameter is expected to be 2-dimensional, got shape "
                f"{tuple(embeddings.shape)}"
            )
        rows, size = embeddings.shape
        return cls(
            rows,
            size,
            padding_idx,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
            _weight=embeddings,
            _freeze=freeze,
        )

    def forward(self, input: Tensor) -> Tensor:
        """Return the vectors that the indices name."""
        return F.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        """Return the sizes, and the options that are not the default."""
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        usual = {
            "padding_idx": None,
            "max_norm": None,
            "norm_type": 2,
            "scale_grad_by_freq": False,
            "sparse": False,
        }
        for option, value in usual.items():
            if getattr(self, option) != value:
                text += f", {option}={getattr(self, option)}"
        return text
