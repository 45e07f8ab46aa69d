"""Losses that ask for a margin, as layers; the functions say what they compute."""

from __future__ import annotations

from collections.abc import Callable

from ..tensor import Tensor
from . import functional as F
from .distance import PairwiseDistance
from .loss import _Loss, _WeightedLoss

__all__ = [
    "CosineEmbeddingLoss",
    "HingeEmbeddingLoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "SoftMarginLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]


class _MarginLoss(_Loss):
    """A loss with a margin."""

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin


# Of one score


class HingeEmbeddingLoss(_MarginLoss):
    r"""The loss x where the target is 1, :math:`\max(0, margin - x)` where it is -1.

    Args:
        margin: how far apart is far enough.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each element.

    Shape: input and target any, the same; result (), or theirs.

    Source: torch's page "torch.nn.HingeEmbeddingLoss".
    """

    def __init__(
        self,
        margin: float = 1.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(margin, size_average, reduce, reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.hinge_embedding_loss(
            input, target, margin=self.margin, reduction=self.reduction
        )


class SoftMarginLoss(_Loss):
    r"""The loss :math:`\log(1 + e^{-t x})` of scores x and targets t, 1 or -1.

    Args:
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each element.

    Shape: input and target any, the same; result (), or theirs.

    Source: torch's page "torch.nn.SoftMarginLoss".
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.soft_margin_loss(input, target, reduction=self.reduction)


# Of pairs and triplets


class MarginRankingLoss(_MarginLoss):
    r"""The loss :math:`\max(0, margin - t (x_1 - x_2))` of two scores.

    Args:
        margin: by how much the one that the target t names is to be larger.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each pair.

    Shape: both inputs and target any, the same; result (), or theirs.

    Source: torch's page "torch.nn.MarginRankingLoss".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> low, high = torch.tensor([1.]), torch.tensor([3.])
        >>> nn.MarginRankingLoss()(low, high, torch.tensor([1]))
        tensor(2.)
    """

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.margin_ranking_loss(
            input1, input2, target, margin=self.margin, reduction=self.reduction
        )


class CosineEmbeddingLoss(_MarginLoss):
    r"""The loss 1 - cos where the target is 1, :math:`\max(0, cos - margin)` where -1.

    Args:
        margin: which cosine is small enough.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each pair.

    Shape: both inputs (N, D) or (D,), target (N,) or (); result (), or the target's.

    Raises:
        RuntimeError: of the call: other dimensions.

    Source: torch's page "torch.nn.CosineEmbeddingLoss".
    """

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.cosine_embedding_loss(
            input1, input2, target, margin=self.margin, reduction=self.reduction
        )


class TripletMarginLoss(_MarginLoss):
    r"""The loss :math:`\max(0, |a - p| - |a - n| + margin)`.

    Args:
        margin: by how much the negative is to be farther away.
        p: the norm of the distance.
        eps: what is added to the differences.
        swap: compare with the distance from positive to negative, if it is smaller.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each triplet.

    Shape: anchor, positive and negative (N, D) or (D,); result (), or (N,) or ().

    Raises:
        ValueError: a margin that is not positive.

    Source: torch's page "torch.nn.TripletMarginLoss"; Balntas et al., "Learning shallow
    convolutional feature descriptors with triplet losses" (2016).

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> a, p, n = torch.zeros(1, 2), torch.ones(1, 2), torch.ones(1, 2)
        >>> nn.TripletMarginLoss()(a, p, n)
        tensor(1.0000)
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(margin, size_average, reduce, reduction)
        _check_margin(self)
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """Return the loss."""
        return F.triplet_margin_loss(
            anchor,
            positive,
            negative,
            margin=self.margin,
            p=self.p,
            eps=self.eps,
            swap=self.swap,
            reduction=self.reduction,
        )


def _check_margin(loss: _MarginLoss) -> None:
    if loss.margin <= 0:
        raise ValueError(
            f"{type(loss).__name__}: expected margin to be greater than 0, got "
            f"{loss.margin} instead"
        )


class TripletMarginWithDistanceLoss(_MarginLoss):
    r"""The loss :math:`\max(0, d(a, p) - d(a, n) + margin)` for any distance d.

    Args:
        distance_function: d, of two tensors; None for `PairwiseDistance()`.
        margin: by how much the negative is to be farther away.
        swap: compare with the distance from positive to negative, if it is smaller.
        reduction: "mean", "sum", or "none" for the loss of each triplet.

    Shape: anchor, positive and negative as the distance takes them; result (), or that
    of the distances.

    Raises:
        ValueError: a margin that is not positive.

    Source: torch's page "torch.nn.TripletMarginWithDistanceLoss".
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(margin, reduction=reduction)
        _check_margin(self)
        self.distance_function = distance_function or PairwiseDistance()
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """Return the loss."""
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )


# Of many classes


class MultiMarginLoss(_WeightedLoss):
    r"""The loss :math:`\sum_{i \ne t} \max(0, margin - x_t + x_i)^p / C` of classes.

    Args:
        p: 1 or 2.
        margin: by how much the score of the class is to be larger than the others.
        weight: of each class.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each sample.

    Shape: input (N, C) or (C,); target (N,) or (); result (), or the target's.

    Raises:
        ValueError: another p, or a weight that is no vector.
        RuntimeError: of the call: shapes that do not fit.

    Source: torch's page "torch.nn.MultiMarginLoss".
    """

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ValueError(f"only p == 1 and p == 2 supported, got {p}")
        if weight is not None and weight.ndim != 1:
            raise ValueError(
                "MultiMarginLoss: expected weight to be None or 1D tensor, got "
                f"{weight.ndim}D instead"
            )
        self.p = p
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.multi_margin_loss(
            input,
            target,
            p=self.p,
            margin=self.margin,
            weight=self.weight,
            reduction=self.reduction,
        )


class MultiLabelMarginLoss(_Loss):
    r"""The loss :math:`\sum_{t, i} \max(0, 1 - x_t + x_i) / C`, i none of the targets.

    Args:
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each sample.

    Shape: input and target (N, C) or (C,), the target's classes ending at the first -1;
    result (), or (N,) or ().

    Raises:
        RuntimeError: of the call: shapes that do not fit.

    Source: torch's page "torch.nn.MultiLabelMarginLoss".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> x, t = torch.tensor([0.1, 0.2, 0.4, 0.8]), torch.tensor([3, 0, -1, 1])
        >>> nn.MultiLabelMarginLoss()(x, t)
        tensor(0.8500)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    r"""The binary cross entropy of :math:`\sigma(x)`, averaged over the classes.

    Args:
        weight: of each class.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each sample.

    Shape: input and target (N, C) or (C,); result (), or (N,) or ().

    Source: torch's page "torch.nn.MultiLabelSoftMarginLoss".
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.multilabel_soft_margin_loss(
            input, target, weight=self.weight, reduction=self.reduction
        )
