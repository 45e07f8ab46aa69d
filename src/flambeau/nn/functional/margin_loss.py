"""Losses that ask for a margin between a score and 0, or between two scores."""

from __future__ import annotations

from ...ops.transparent import within
from ...tensor import Tensor
from ...tensor.creation import zeros_like
from ...tensor.handle import wrap
from ...tensor.inplace import check_castable
from ...tensor.pointwise import where
from ...tensor.pointwise_special import clamp_min
from .activation import logsigmoid
from .arguments import node_of
from .loss import check_reduction, finished, legacy_reduction, widened

__all__ = [
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
]


# Of one score


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Return x where the target is 1, and :math:`\max(0, margin - x)` where it is -1.

    Args:
        input: distances, any shape, floats.
        target: 1 for what belongs together, -1 for what does not.
        margin: how far apart is far enough.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each element.

    Raises:
        ValueError: an unknown reduction.
        RuntimeError: shapes that do not broadcast.

    Source: torch's page "torch.nn.functional.hinge_embedding_loss".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> x, t = torch.tensor([0.5, 0.25]), torch.tensor([1, -1])
        >>> F.hinge_embedding_loss(x, t, reduction="none")
        tensor([0.5000, 0.7500])
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    (x,), kind = widened("hinge_embedding_loss", input=input)
    node_of("hinge_embedding_loss", "target", target)
    apart = where(target != 1, clamp_min(margin - x, 0), 0.0)
    together = where(target != -1, x, 0.0)
    return finished(apart + together, reduction, kind)


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Return :math:`\log(1 + e^{-t x})`, without overflow.

    Args:
        input: scores, any shape, floats.
        target: 1 or -1 for each.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each element.

    Raises:
        ValueError: an unknown reduction.
        RuntimeError: shapes that do not broadcast.

    Source: torch's page "torch.nn.functional.soft_margin_loss".
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    (x, t), kind = widened("soft_margin_loss", input=input, target=target)
    check_castable(kind, input.dtype)
    return finished(-logsigmoid(t * x), reduction, input.dtype)


# Of pairs


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Return :math:`\max(0, margin - t (x_1 - x_2))`.

    Args:
        input1: scores, floats.
        input2: scores.
        target: 1 where the first is to be larger, -1 where the second is.
        margin: by how much.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each pair.

    Raises:
        ValueError: an unknown reduction.
        RuntimeError: other numbers of dimensions, or shapes that do not broadcast.

    Source: torch's page "torch.nn.functional.margin_ranking_loss".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> a, b = torch.tensor([1., 1.]), torch.tensor([3., 3.])
        >>> F.margin_ranking_loss(a, b, torch.tensor([1, -1]), reduction="none")
        tensor([2., 0.])
    """
    name = "margin_ranking_loss"
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    (a, b, t), kind = widened(name, True, input1=input1, input2=input2, target=target)
    if not a.ndim == b.ndim == t.ndim:
        raise RuntimeError(
            f"{name} : All input tensors should have same dimension but got sizes: "
            f"input1: {a.shape}, input2: {b.shape}, target: {t.shape} "
        )
    return finished(clamp_min(-t * (a - b) + margin, 0), reduction, kind)


# What torch adds to squared norms before it divides by their root.
_COSINE_EPS = 1e-12


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Return 1 - cos where the target is 1, :math:`\max(0, cos - margin)` where -1.

    Args:
        input1: vectors, floats.
        input2: vectors.
        target: 1 for what is to be alike, -1 for what is not.
        margin: which cosine is small enough.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each pair.

    Shape: both (N, D) or (D,), target (N,) or (); result () or the target's.

    Raises:
        ValueError: an unknown reduction.
        RuntimeError: other dimensions, or shapes that do not broadcast.

    Source: torch's page "torch.nn.functional.cosine_embedding_loss".
    """
    name = "cosine_embedding_loss"
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    (a, b), kind = widened(name, True, input1=input1, input2=input2)
    _check_vectors(name, a, b, target)
    lengths = ((a * a).sum(-1) + _COSINE_EPS) * ((b * b).sum(-1) + _COSINE_EPS)
    cosine = (a * b).sum(-1) / lengths.sqrt()
    alike = where(target == 1, 1 - cosine, 0.0)
    unlike = where(target == -1, clamp_min(cosine - margin, 0), 0.0)
    return finished(alike + unlike, reduction, kind)


def _check_vectors(name: str, a: Tensor, b: Tensor, target: Tensor) -> None:
    dims = node_of(name, "target", target).ndim
    if dims > 1:
        raise RuntimeError(
            f"{name}: 0D or 1D target tensor expected, multi-target not supported, got "
            f"shape {tuple(target.shape)}"
        )
    if a.ndim != dims + 1 or b.ndim != dims + 1:
        raise RuntimeError(
            f"{name}: {dims}D target tensor expects {dims + 1}D input tensors, but "
            f"found inputs with sizes {list(a.shape)} and {list(b.shape)}."
        )


# Of many classes


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Return :math:`\sum_{i \ne t} \max(0, w_t (margin - x_t + x_i))^p / C`.

    Args:
        input: scores of the C classes, floats.
        target: the classes, int64.
        p: 1 or 2.
        margin: by how much the score of the class is to be larger than the others.
        weight: of each class; it is not taken to a power.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each sample.

    Shape: input (N, C) or (C,), target (N,) or (), weight (C,); result (), or the
    target's.

    Raises:
        ValueError: another p, a weight that is no vector, or an unknown reduction.
        RuntimeError: shapes that do not fit, or a target outside the classes.

    Source: torch's page "torch.nn.functional.multi_margin_loss".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.multi_margin_loss(torch.tensor([[0., 0.5]]), torch.tensor([1]))
        tensor(0.2500)
    """
    name = "multi_margin_loss"
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    if p not in (1, 2):
        raise ValueError(f"{name}: only p == 1 and p == 2 supported, got {p}")
    (x,), kind = widened(name, input=input)
    rows = _rows(name, x)
    classes = rows.shape[1]
    _check_sizes(name, rows, target, weight)
    message = f"{name}: target out of range: got {{}} for {classes} classes"
    t = within(target.node, 0, classes, message, error=RuntimeError)
    at = wrap(t).reshape(-1, 1)
    short = (margin - rows.gather(1, at) + rows).relu()
    short = short if p == 1 else short * short
    if weight is not None:
        short = short * weight.to(short.dtype)[at]
    # the class itself is not compared with
    others = zeros_like(rows).scatter(1, at, 1.0) == 0
    loss = where(others, short, 0.0).sum(1) / classes
    return finished(loss.reshape(target.shape), reduction, kind)


def _rows(name: str, x: Tensor) -> Tensor:
    """Return scores as a matrix."""
    if x.ndim > 2 or (x.ndim and not x.shape[-1]):
        raise RuntimeError(
            f"{name}: Expected non-empty vector or matrix with optional 0-dim batch "
            f"size, but got: {list(x.shape)}"
        )
    return x if x.ndim == 2 else x.reshape(1, -1)


def _check_sizes(
    name: str, rows: Tensor, target: Tensor, weight: Tensor | None
) -> None:
    count, classes = rows.shape
    if node_of(name, "target", target).ndim > 1 or target.numel() != count:
        raise RuntimeError(
            f"{name}: target tensor should be 1-D with size equal to the number of "
            f"input samples (batch size). Expected target size [{count}], but got "
            f"{list(target.shape)}. Input has shape {list(rows.shape)}."
        )
    if weight is None:
        return
    if node_of(name, "weight", weight).ndim != 1:
        raise ValueError(f"{name}: weight must be one-dimensional")
    if weight.numel() != classes:
        raise RuntimeError(
            f"{name}: inconsistent weight size, expected {classes} but got "
            f"{list(weight.shape)}"
        )


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Return :math:`\sum_{t, i} \max(0, 1 - x_t + x_i) / C`, i not among targets t.

    Args:
        input: scores of the C classes, floats.
        target: the classes that apply, int64; they end at the first -1.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each sample.

    Shape: both (N, C) or (C,); result (), or (N,) or ().

    Raises:
        ValueError: an unknown reduction.
        RuntimeError: shapes that do not fit, or a target outside the classes.

    Source: torch's page "torch.nn.functional.multilabel_margin_loss".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> x, t = torch.tensor([0.1, 0.2, 0.4, 0.8]), torch.tensor([3, 0, -1, 1])
        >>> F.multilabel_margin_loss(x, t)
        tensor(0.8500)
    """
    name = "multilabel_margin_loss"
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    (x,), kind = widened(name, input=input)
    rows = _rows(name, x)
    if node_of(name, "target", target).shape != x.shape:
        raise RuntimeError(
            f"{name}: inconsistent target size: {list(target.shape)} for input of "
            f"size: {list(x.shape)}"
        )
    classes = rows.shape[1]
    message = f"{name}: target is out of range: got {{}} for {classes} classes"
    t = within(target.node, -1, classes, message, error=RuntimeError)
    loss = _against_labels(rows, wrap(t).reshape(rows.shape)) / classes
    return finished(loss.reshape(x.shape[:-1]), reduction, kind)


def _against_labels(rows: Tensor, labels: Tensor) -> Tensor:
    """Sum over the labels before the first -1, and over the classes that are none."""
    counted = (labels >= 0).long().cumprod(1)
    at = labels.clamp_min(0)
    applies = zeros_like(counted).scatter_add(1, at, counted)
    short = (1 - rows.gather(1, at).unsqueeze(2) + rows.unsqueeze(1)).relu()
    kept = (counted == 1).unsqueeze(2) & (applies == 0).unsqueeze(1)
    return where(kept, short, 0.0).sum((1, 2))


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Return the binary cross entropy of :math:`\sigma(x)`, averaged over the classes.

    Args:
        input: scores of the C classes, floats.
        target: 1 for each class that applies, 0 for the others.
        weight: of each class.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each sample.

    Shape: both (N, C) or (C,); result (), or (N,) or ().

    Raises:
        ValueError: an unknown reduction.
        RuntimeError: shapes that do not broadcast.

    Source: torch's page "torch.nn.functional.multilabel_soft_margin_loss".
    """
    name = "multilabel_soft_margin_loss"
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    (x, t), kind = widened(name, input=input, target=target)
    loss = -(t * logsigmoid(x) + (1 - t) * logsigmoid(-x))
    if weight is not None:
        loss = loss * weight.to(loss.dtype)
    return finished(loss.sum(-1) / x.shape[-1], reduction, kind)
