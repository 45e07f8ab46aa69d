"""Losses that bring their last linear layer with them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import NamedTuple

from ..devices import device as Device
from ..dtypes import dtype as DType
from ..ops.transparent import within
from ..tensor import Tensor
from ..tensor.handle import wrap
from ..tensor.joining import cat
from ..tensor.pointwise import where
from . import functional as F
from .container import ModuleList, Sequential
from .functional.linear_cross_entropy import LinearCrossEntropyOptions
from .linear import Linear
from .loss import _WeightedLoss
from .module import Module

__all__ = [
    "AdaptiveLogSoftmaxWithLoss",
    "LinearCrossEntropyLoss",
    "LinearCrossEntropyOptions",
]


class LinearCrossEntropyLoss(_WeightedLoss):
    """A linear layer and the cross entropy between its scores and targets.

    Args:
        in_features: the size of a sample.
        num_classes: the number of classes.
        out_features: the shape of what has a class each, per sample.
        bias: add a learned bias to the scores.
        device: where the parameters are: the CPU.
        dtype: their dtype.
        reduction: "mean", "sum", or "none" for the loss of each target.
        weight: of each class.
        ignore_index: a class that counts nowhere.
        label_smoothing: how much of each target is spread evenly over all classes.
        options: have no effect.

    Shape: input (N, I) or (I,); target (N, *) or () with classes, or (N, C, *) with
    probabilities; result (), or (N, *) without a reduction.

    Raises:
        RuntimeError: weights of another shape, smoothing outside [0, 1].

    Source: torch's page "torch.nn.LinearCrossEntropyLoss".

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> loss = nn.LinearCrossEntropyLoss(8, 3)
        >>> loss(torch.ones(4, 8), torch.tensor([0, 1, 2, 0])).shape
        torch.Size([])
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: str | Device | None = None,
        dtype: DType | None = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: LinearCrossEntropyOptions | None = None,
    ) -> None:
        if weight is not None and weight.shape != (num_classes,):
            raise RuntimeError(
                f"expected weight shape to be {(num_classes,)}, got "
                f"{tuple(weight.shape)}"
            )
        if not 0 <= label_smoothing <= 1:
            raise RuntimeError(
                f"expected label_smoothing to be in range [0, 1], got {label_smoothing}"
            )
        super().__init__(weight, reduction=reduction)
        self.num_classes = num_classes
        self.out_features = out_features
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        count = prod(out_features, start=num_classes)
        self.linear = Linear(in_features, count, bias, device, dtype)
        self.options = options

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        shape, bias = (self.num_classes, *self.out_features), self.linear.bias
        return F.linear_cross_entropy(
            input,
            self.linear.weight.reshape(*shape, self.linear.in_features),
            target,
            linear_bias=None if bias is None else bias.reshape(shape),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        """Return the options."""
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, bias={self.linear.bias is not None}, "
            f"reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )


class _Output(NamedTuple):
    """What the adaptive softmax returns.

    Attributes:
        output: the logarithm of the probability of each target.
        loss: minus their mean.
    """

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """The log-softmax over very many classes, of which a few are frequent.

    The frequent classes have scores of their own. The others are in clusters: a
    cluster has a score, and its classes have scores computed from ever fewer features.

    Args:
        in_features: the size of a sample.
        n_classes: the number of classes, the most frequent ones first.
        cutoffs: where clusters begin.
        div_value: how many times fewer features each cluster has.
        head_bias: add a learned bias to the scores of the frequent classes.
        device: where the parameters are: the CPU.
        dtype: their dtype.

    Shape: input (N, I) or (I,); target (N,) or (); output as the target, loss ().

    Raises:
        ValueError: cutoffs that do not increase, or lie outside the classes.
        RuntimeError: of the call: shapes that do not fit, or targets outside the
            classes.

    Source: torch's page "torch.nn.AdaptiveLogSoftmaxWithLoss"; Grave et al.,
    arXiv:1609.04309.

    Example:
        >>> import flambeau as torch
        >>> from flambeau import nn
        >>> model = nn.AdaptiveLogSoftmaxWithLoss(16, 1000, cutoffs=[10, 100])
        >>> output, loss = model(torch.ones(4, 16), torch.tensor([1, 20, 999, 5]))
        >>> output.shape, loss.shape
        (torch.Size([4]), torch.Size([]))
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: str | Device | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        _check_cutoffs(list(cutoffs), n_classes)
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, device, dtype)
        self.tail = ModuleList()
        for at, (low, high) in enumerate(pairwise(self.cutoffs)):
            hidden = int(in_features // (div_value ** (at + 1)))
            self.tail.append(
                Sequential(
                    Linear(in_features, hidden, False, device, dtype),
                    Linear(hidden, high - low, False, device, dtype),
                )
            )

    def reset_parameters(self) -> None:
        """Draw all weights again."""
        self.head.reset_parameters()
        for reduce, score in self.tail:
            reduce.reset_parameters()
            score.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> _Output:
        """Return the logarithms of the targets' probabilities, and the loss.

        Every cluster is computed for every sample, so that the computation does not
        depend on the targets; the gradients of clusters without a target are 0, where
        torch has none.
        """
        _check_target(input_, target_)
        single = target_.ndim == 0
        input = input_.unsqueeze(0) if single else input_
        message = (
            f"Target values should be in [0, {self.n_classes - 1}], but a value "
            "{} was found."
        )
        known = within(target_.node, 0, self.n_classes, message, error=RuntimeError)
        target = wrap(known).reshape(-1)
        head = F.log_softmax(self.head(input), dim=1)
        place, output = target, None
        for at, (low, high) in enumerate(pairwise(self.cutoffs)):
            inside = (target >= low) & (target < high)
            logs = F.log_softmax(self.tail[at](input), dim=1)
            own = (target - low).clamp(0, high - low - 1).unsqueeze(1)
            share = where(inside, logs.gather(1, own).squeeze(1), 0.0)
            output = share if output is None else output + share
            place = where(inside, self.shortlist_size + at, place)
        chosen = head.gather(1, place.unsqueeze(1)).squeeze(1)
        output = chosen if output is None else output + chosen
        return _Output(output.squeeze(0) if single else output, (-output).mean())

    def log_prob(self, input: Tensor) -> Tensor:
        """Return the logarithms of the probabilities of all classes.

        Args:
            input: the samples (N, I).
        """
        head = F.log_softmax(self.head(input), dim=1)
        parts = [head[:, : self.shortlist_size]]
        for at, tail in enumerate(self.tail):
            cluster = head[:, self.shortlist_size + at].unsqueeze(1)
            parts.append(F.log_softmax(tail(input), dim=1) + cluster)
        return cat(parts, 1)

    def predict(self, input: Tensor) -> Tensor:
        """Return the most probable classes.

        A frequent class that has the largest score of the head is taken without a look
        at the clusters.

        Args:
            input: the samples (N, I).
        """
        first = self.head(input).argmax(dim=1)
        among_all = self.log_prob(input).argmax(dim=1)
        return where(first < self.shortlist_size, first, among_all)


def _check_cutoffs(cutoffs: list[int], classes: int) -> None:
    if not cutoffs:
        raise ValueError("cutoffs should be a sequence of length larger than 0")
    ordered = all(low < high for low, high in pairwise([0, *cutoffs, classes]))
    if not ordered or any(int(each) != each for each in cutoffs):
        raise ValueError(
            "cutoffs should be a sequence of unique, positive integers sorted in an "
            "increasing order, where each value is between 1 and n_classes-1, got "
            f"{cutoffs} for {classes} classes"
        )


def _check_target(input: Tensor, target: Tensor) -> None:
    if target.ndim > 1:
        raise RuntimeError(
            "0D or 1D target tensor expected, multi-target not supported"
        )
    if target.ndim == 1 and input.shape[0] != target.shape[0]:
        raise RuntimeError(
            "Input and target should have the same size in the batch dimension, got "
            f"{input.shape[0]} and {target.shape[0]}."
        )
    if input.ndim != target.ndim + 1:
        raise RuntimeError(
            f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, "
            f"but found inputs with size {input.shape}"
        )
