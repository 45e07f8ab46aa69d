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

__all__ = ["Embedding", "EmbeddingBag"]


def _check_table(table: Tensor, shape: tuple[int, int]) -> None:
    if tuple(table.shape) != shape:
        raise AssertionError(
            "Shape of weight does not match num_embeddings and embedding_dim: got "
            f"{tuple(table.shape)} for {shape}"
        )


def _table_shape(table: Tensor) -> tuple[int, int]:
    if table.ndim != 2:
        raise AssertionError(
            "Embeddings parameter is expected to be 2-dimensional, got shape "
            f"{tuple(table.shape)}"
        )
    return table.shape[0], table.shape[1]


def _draw_table(table: Parameter, padding_idx: int | None) -> None:
    init.normal_(table)
    if padding_idx is not None:
        with no_grad():
            table[padding_idx].zero_()


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
        _check_table(_weight, shape)
        self.weight = Parameter(_weight, requires_grad=not _freeze)

    def reset_parameters(self) -> None:
        """Draw the table again."""
        _draw_table(self.weight, self.padding_idx)

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
        rows, size = _table_shape(embeddings)
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


class EmbeddingBag(Module):
    r"""Return the sum, mean or maximum of learned vectors for each bag of indices.

    The vectors are drawn from :math:`N(0, 1)`; that of `padding_idx` is 0.

    Args:
        num_embeddings: how many vectors there are, V.
        embedding_dim: how long they are, D.
        max_norm: vectors that are read are scaled down to this norm, in place.
        norm_type: the p of that norm.
        scale_grad_by_freq: divide a vector's gradient by how often it is read.
        mode: "sum", "mean" or "max".
        sparse: has no effect: gradients are dense.
        _weight: the table itself.
        include_last_offset: the last offset is the end of the last bag.
        padding_idx: an index that does not count and is not trained.
        device: where the table is: the CPU.
        dtype: its dtype.

    Shape: input (B, N), or (N,) with offsets (B,); result (B, D).

    Raises:
        AssertionError: `padding_idx` names no vector, or `_weight` has another shape
            (torch's type).
        ValueError: of the call: shapes that do not fit.

    Source: torch's page "torch.nn.EmbeddingBag".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> bags = nn.EmbeddingBag(10, 3, mode="sum")
        >>> bags(torch.tensor([1, 2, 4, 5, 4]), torch.tensor([0, 4])).shape
        torch.Size([2, 3])
    """

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        if padding_idx is not None:
            padding_idx = check_padding_index(padding_idx, num_embeddings)
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.padding_idx = padding_idx
        shape = (num_embeddings, embedding_dim)
        if _weight is None:
            self.weight = Parameter(empty(shape, device=device, dtype=dtype))
            self.reset_parameters()
        else:
            _check_table(_weight, shape)
            self.weight = Parameter(_weight)
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset

    def reset_parameters(self) -> None:
        """Draw the table again."""
        _draw_table(self.weight, self.padding_idx)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:
        """Return a layer with a table that exists already.

        Args:
            embeddings: the table (V, D).
            freeze: do not train it.
            max_norm, norm_type, scale_grad_by_freq, mode, sparse, include_last_offset,
            padding_idx: as in the class.

        Raises:
            AssertionError: the table is no matrix (torch's type).
        """
        rows, size = _table_shape(embeddings)
        made = cls(
            rows,
            size,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            mode,
            sparse,
            embeddings,
            include_last_offset,
            padding_idx,
        )
        made.weight.requires_grad = not freeze
        return made

    def forward(
        self,
        input: Tensor,
        offsets: Tensor | None = None,
        per_sample_weights: Tensor | None = None,
    ) -> Tensor:
        """Return what the vectors of each bag come to."""
        return F.embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        """Return the sizes, the mode, and the options that are not the default."""
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        usual = {"max_norm": None, "norm_type": 2, "scale_grad_by_freq": False}
        for option, value in usual.items():
            if getattr(self, option) != value:
                text += f", {option}={getattr(self, option)}"
        text += f", mode={self.mode!r}"
        if self.padding_idx is not None:
            text += f", padding_idx={self.padding_idx}"
        return text
