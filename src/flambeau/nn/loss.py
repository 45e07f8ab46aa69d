"""Losses as layers; the functions of the same names say what they compute."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .functional.loss import legacy_reduction
from .module import Module

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "NLLLoss",
    "SmoothL1Loss",
]


class _Loss(Module):
    """A loss and how it is reduced: to the mean, the sum, or not."""

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.reduction = legacy_reduction(size_average, reduce, reduction)


class _WeightedLoss(_Loss):
    """A loss with weights, which are a buffer."""

    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


# Of classes


class CrossEntropyLoss(_WeightedLoss):
    r"""The cross entropy between class scores and targets.

    .. math:: -\sum_c w_c \, t_c \log \frac{e^{x_c}}{\sum_i e^{x_i}}

    Args:
        weight: of each class.
        size_average: deprecated.
        ignore_index: a class that counts nowhere.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each target.
        label_smoothing: how much of each target is spread evenly over all classes.

    Shape: input (N, C, *) or (C,); target (N, *) or () with classes, or as the input
    with probabilities; result (), or (N, *) without a reduction.

    Raises:
        IndexError: of the call: a target outside the classes.
        RuntimeError, ValueError: of the call: shapes or dtypes that do not fit.

    Source: torch's page "torch.nn.CrossEntropyLoss".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> scores = torch.tensor([[0., 0.], [0., 50.]])
        >>> nn.CrossEntropyLoss()(scores, torch.tensor([1, 0]))
        tensor(25.3466)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(_WeightedLoss):
    r"""The loss :math:`-w_t x_t` of logarithms of probabilities and classes t.

    Args:
        weight: of each class.
        size_average: deprecated.
        ignore_index: a class that counts nowhere.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each target.

    Shape: input (N, C, *) or (C,); target (N, *) or (); result (), or the target's.

    Raises:
        IndexError: of the call: a target outside the classes.
        RuntimeError, ValueError: of the call: shapes or dtypes that do not fit.

    Source: torch's page "torch.nn.NLLLoss".
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.nll_loss(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


# Of yes and no


class BCELoss(_WeightedLoss):
    r"""The loss :math:`-w (t \log x + (1 - t) \log(1 - x))` of probabilities.

    Args:
        weight: of each element; it broadcasts.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each element.

    Shape: input and target any, the same; result (), or theirs.

    Raises:
        ValueError: of the call: another shape of target.
        RuntimeError: of the call: numbers outside [0, 1].

    Source: torch's page "torch.nn.BCELoss".
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.binary_cross_entropy(
            input, target, self.weight, reduction=self.reduction
        )


class BCEWithLogitsLoss(_WeightedLoss):
    r"""The binary cross entropy of :math:`\sigma(x)`, without overflow.

    Args:
        weight: of each element; it broadcasts.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each element.
        pos_weight: of the positive part; it broadcasts.

    Shape: input and target any, the same; result (), or theirs.

    Raises:
        ValueError: of the call: another shape of target.

    Source: torch's page "torch.nn.BCEWithLogitsLoss".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.BCEWithLogitsLoss()(torch.tensor([0., 9.]), torch.tensor([1., 1.]))
        tensor(0.3466)
    """

    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.binary_cross_entropy_with_logits(
            input,
            target,
            self.weight,
            reduction=self.reduction,
            pos_weight=self.pos_weight,
        )


# Distances


class MSELoss(_Loss):
    r"""The mean squared error :math:`(x - t)^2`.

    Args:
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each element.

    Shape: input and target any, the same; result (), or theirs.

    Source: torch's page "torch.nn.MSELoss".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> nn.MSELoss()(torch.tensor([1., 2.]), torch.tensor([1., 5.]))
        tensor(4.5000)
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    r"""The mean absolute error :math:`|x - t|`.

    Args:
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each element.

    Shape: input and target any, the same; result (), or theirs.

    Source: torch's page "torch.nn.L1Loss".
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """An error that is square below beta and linear above, with slope 1.

    Args:
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each element.
        beta: where the line begins; 0 is `L1Loss`.

    Shape: input and target any, the same; result (), or theirs.

    Raises:
        RuntimeError: of the call: a negative beta.

    Source: torch's page "torch.nn.SmoothL1Loss"; Girshick, arXiv:1504.08083.
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """An error that is square below delta and linear above, with slope delta.

    Args:
        reduction: "mean", "sum", or "none" for the loss of each element.
        delta: where the line begins.

    Shape: input and target any, the same; result (), or theirs.

    Raises:
        RuntimeError: of the call: a delta that is not positive.

    Source: torch's page "torch.nn.HuberLoss".
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.huber_loss(input, target, self.reduction, self.delta)


class KLDivLoss(_Loss):
    r"""The Kullback-Leibler divergence :math:`t (\log t - x)` of each element.

    Args:
        size_average: deprecated.
        reduce: deprecated.
        reduction: "batchmean", the divergence itself; or "mean", "sum", "none".
        log_target: the target holds logarithms too.

    Shape: input, logarithms, and target any, the same; result (), or theirs.

    Source: torch's page "torch.nn.KLDivLoss".
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.kl_div(
            input, target, reduction=self.reduction, log_target=self.log_target
        )
