"""Distances and angles between vectors, as layers."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = ["CosineSimilarity", "PairwiseDistance"]


class PairwiseDistance(Module):
    r"""Return :math:`|x_1 - x_2 + eps|_p` over the last dimension.

    Args:
        p: the norm.
        eps: what keeps the slope finite where the vectors are equal.
        keepdim: keep the last dimension with size 1.

    Shape: both (N, D) or (D,); result (N,) or (), or (N, 1) or (1,).

    Source: torch's page "torch.nn.PairwiseDistance".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.PairwiseDistance(p=1)(torch.ones(3, 4), torch.zeros(3, 4))
        tensor([4.0000, 4.0000, 4.0000])
    """

    def __init__(
        self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
    ) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Return the distance of each two vectors."""
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    r"""Return :math:`x_1 \cdot x_2 / (\max(|x_1|, eps) \max(|x_2|, eps))`.

    Args:
        dim: the dimension of the vectors.
        eps: the least that is divided by.

    Shape: both any, as far as they broadcast; result without that dimension.

    Source: torch's page "torch.nn.CosineSimilarity".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.CosineSimilarity()(torch.tensor([[3., 4.]]), torch.tensor([[1., 0.]]))
        tensor([0.6000])
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Return the cosine of the angle between each two vectors."""
        return F.cosine_similarity(x1, x2, self.dim, self.eps)
