"""A linear layer and the cross entropy of its scores, in one call."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

from ... import dtypes as dt
from ...recorder import warn
from ...tensor import Tensor
from .arguments import node_of
from .cross_entropy import cross_entropy
from .linear import linear

__all__ = ["LinearCrossEntropyOptions", "linear_cross_entropy"]

Shape = tuple[int, ...]


@dataclass(slots=True, frozen=True)
class LinearCrossEntropyOptions:
    """How torch cuts `linear_cross_entropy` into pieces; accepted for torch's sake.

    Here the compiler decides how scores are computed.

    Attributes:
        allow_retain_graph: whether torch can differentiate twice.
        batch_chunk_size: how many samples are in a piece.
        chunking_method: how torch finds that number.
        acc_policy: what torch keeps in the wider dtype.
        acc_dtype: that dtype.

    Source: torch's class "torch.nn.LinearCrossEntropyOptions".
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: Literal["accurate", "balanced", "compact", "auto"] = "auto"
    acc_dtype: dt.dtype | None = None


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: LinearCrossEntropyOptions | None = None,
) -> Tensor:
    """Return the cross entropy between the scores :math:`x W^T + b` and targets.

    Args:
        input: the samples.
        linear_weight: W, with the classes first.
        target: classes, or probabilities in the shape of the scores.
        linear_bias: b.
        weight: of each class.
        reduction: "mean", "sum", or "none" for the loss of each target.
        ignore_index: a class that counts nowhere.
        label_smoothing: how much of each target is spread evenly over all classes.
        options: have no effect.

    Shape: input (N, I) or (I,), linear_weight (C, *, I), linear_bias (C, *), target
    (N, *) or (), or as the scores (N, C, *); result () or (N, *).

    Raises:
        RuntimeError: shapes that do not fit, or a class to ignore among probabilities.
        IndexError, ValueError: as in `cross_entropy`.

    Source: torch's page "torch.nn.functional.linear_cross_entropy".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> x, w = torch.ones(2, 3), torch.zeros(4, 3)
        >>> F.linear_cross_entropy(x, w, torch.tensor([0, 3]))
        tensor(1.3863)
    """
    name = "linear_cross_entropy"
    x, w = node_of(name, "input", input), node_of(name, "linear_weight", linear_weight)
    _check_shapes(name, x.shape, w.shape)
    classes, *places = w.shape[:-1]
    if linear_bias is not None and tuple(linear_bias.shape) != w.shape[:-1]:
        raise RuntimeError(
            f"{name}: expected linear_bias shape {w.shape[:-1]}, got "
            f"{tuple(linear_bias.shape)}"
        )
    scores = (*x.shape[:-1], classes, *places)
    if tuple(target.shape) == scores and ignore_index is not None:
        raise RuntimeError(
            f"{name}: ignore_index cannot be specified when target contains "
            "probabilities"
        )
    if options is not None and (
        places or label_smoothing or target.dtype is not dt.int64
    ):
        warn(
            f"{name}: ``options`` ignored; torch's chunked path takes classes as "
            "targets, no label_smoothing and out_features == ()",
            stacklevel=2,
        )
    rows = linear_weight.reshape(prod(w.shape[:-1]), w.shape[-1])
    bias = None if linear_bias is None else linear_bias.reshape(-1)
    return cross_entropy(
        linear(input, rows, bias).reshape(scores),
        target,
        weight=weight,
        ignore_index=-100 if ignore_index is None else ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


def _check_shapes(name: str, x: Shape, w: Shape) -> None:
    if len(x) not in (1, 2):
        raise RuntimeError(
            f"{name}: expected input with dimensionality 1 or 2, got {len(x)}"
        )
    if len(w) < 2:
        raise RuntimeError(
            f"{name}: expected linear_weight with dimensionality at least 2, got "
            f"{len(w)}"
        )
    if x[-1] != w[-1]:
        raise RuntimeError(
            f"{name}: expected equal input and linear_weight last dimensions "
            f"(in_features), got {x[-1]} and {w[-1]}, respectively"
        )
    if len(w) > 2 and len(x) == 1:
        raise RuntimeError(
            f"{name}: K-dimensional loss defined by linear_weight shape {w} requires "
            f"batched input, (N, {x[-1]}), got unbatched input with shape {x}"
        )
