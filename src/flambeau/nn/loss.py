"""Losses as layers; the functions of the same names say what they compute."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .functional.loss import legacy_reduction
from .module import Module

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CTCLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "NLLLoss",
    "NLLLoss2d",
    "PoissonNLLLoss",
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


class NLLLoss2d(NLLLoss):
    """The old name of `NLLLoss` for images.

    Args:
        weight, size_average, ignore_index, reduce, reduction: as in `NLLLoss`.

    Shape: input (N, C, H, W); target (N, H, W); result (), or the target's.

    Source: torch's class "torch.nn.NLLLoss2d".
    """


class CTCLoss(_Loss):
    """Minus the logarithm of the likelihood of texts, however they are aligned.

    Args:
        blank: the label that stands for none.
        reduction: "mean", which divides each loss by the length of its text first;
            "sum", or "none" for the loss of each sample.
        zero_infinity: count a text that does not fit into its steps as 0, without a
            gradient, rather than as infinite.

    Shape: log_probs (T, N, C), targets (N, S) or (sum of the lengths,), lengths (N,);
    or (T, C), (S,) and (). Result (), or (N,) or ().

    Raises:
        RuntimeError: of the call: lengths or labels that do not fit.

    Source: torch's page "torch.nn.CTCLoss"; Graves et al., "Connectionist Temporal
    Classification" (2006).

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> logs = torch.randn(50, 16, 20).log_softmax(2)
        >>> texts = torch.randint(1, 20, (16, 30))
        >>> lengths = torch.full((16,), 50), torch.randint(10, 30, (16,))
        >>> nn.CTCLoss()(logs, texts, *lengths).shape
        torch.Size([])
    """

    def __init__(
        self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False
    ) -> None:
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(
        self,
        log_probs: Tensor,
        targets: Tensor,
        input_lengths: Tensor,
        target_lengths: Tensor,
    ) -> Tensor:
        """Return the loss."""
        return F.ctc_loss(
            log_probs,
            targets,
            input_lengths,
            target_lengths,
            self.blank,
            self.reduction,
            self.zero_infinity,
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
        TypeError: a delta that is no number.
        RuntimeError: of the call: a delta that is not positive.

    Source: torch's page "torch.nn.HuberLoss".
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        if not isinstance(delta, (int, float)):
            raise TypeError(f"delta must be a float or int, got: {type(delta)}")
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


# Of distributions of numbers


class PoissonNLLLoss(_Loss):
    r"""The loss :math:`\lambda - t \log \lambda` of rates of events and counts t.

    Args:
        log_input: the input holds logarithms of the rates; False: the rates.
        full: add Stirling's approximation of :math:`\log t!` where t > 1.
        size_average: deprecated.
        eps: what is added to rates before the logarithm.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each element.

    Shape: input and target any, the same; result (), or theirs.

    Source: torch's page "torch.nn.PoissonNLLLoss".
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: bool | None = None,
        eps: float = 1e-8,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return F.poisson_nll_loss(
            log_input,
            target,
            log_input=self.log_input,
            full=self.full,
            eps=self.eps,
            reduction=self.reduction,
        )


class GaussianNLLLoss(_Loss):
    r"""The loss :math:`(\log \sigma^2 + (x - t)^2 / \sigma^2) / 2` of a Gaussian.

    Args:
        full: add :math:`\log(2 \pi) / 2`.
        eps: the least variance that is divided by.
        reduction: "mean", "sum", or "none" for the loss of each element.

    Shape: input and target any, the same; var as they, or without the last dimension,
    or with size 1 there; result (), or theirs.

    Raises:
        ValueError: of the call: a variance that is negative or of another shape.

    Source: torch's page "torch.nn.GaussianNLLLoss"; Nix and Weigend, "Estimating the
    mean and variance of the target probability distribution" (1994).
    """

    def __init__(
        self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        """Return the loss."""
        return F.gaussian_nll_loss(
            input, target, var, full=self.full, eps=self.eps, reduction=self.reduction
        )
