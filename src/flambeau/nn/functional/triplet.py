"""Losses of triplets: something near an anchor, and something farther away."""

from __future__ import annotations

from collections.abc import Callable

from ...tensor import Tensor
from ...tensor.handle import wrap
from ...tensor.pointwise import minimum
from ...tensor.pointwise_special import clamp_min
from .distance import pairwise_distance
from .loss import check_reduction, finished, legacy_reduction, reduced, widened

__all__ = ["triplet_margin_loss", "triplet_margin_with_distance_loss"]


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Return :math:`\max(0, |a - p| - |a - n| + margin)`.

    Args:
        anchor: vectors, floats.
        positive: vectors that are to be near.
        negative: vectors that are to be farther away.
        margin: by how much.
        p: the norm of the distance.
        eps: what is added to the differences.
        swap: compare with the distance from positive to negative, if it is smaller.
        size_average: deprecated.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each triplet.

    Shape: each (N, D) or (D,); result (), or (N,) or ().

    Raises:
        ValueError: a margin that is not positive, or an unknown reduction.
        RuntimeError: other numbers of dimensions, or shapes that do not broadcast.

    Source: torch's page "torch.nn.functional.triplet_margin_loss"; Balntas et al.,
    "Learning shallow convolutional feature descriptors with triplet losses" (2016).

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> a, p, n = torch.zeros(1, 2), torch.ones(1, 2), torch.ones(1, 2)
        >>> F.triplet_margin_loss(a, p, n)
        tensor(1.0000)
    """
    name = "triplet_margin_loss"
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    _check_triplet(name, anchor, positive, negative, margin)
    given = {"anchor": anchor, "positive": positive, "negative": negative}
    (a, near, far), kind = widened(name, True, **given)
    reach, distance = (pairwise_distance(a, each, p, eps) for each in (near, far))
    if swap:
        distance = minimum(distance, pairwise_distance(near, far, p, eps))
    return finished(clamp_min(margin + reach - distance, 0), reduction, kind)


def _check_triplet(
    name: str, anchor: Tensor, positive: Tensor, negative: Tensor, margin: float
) -> None:
    if margin <= 0:
        raise ValueError(f"{name}: margin must be greater than 0, got {margin}")
    a, p, n = (each.ndim for each in (anchor, positive, negative))
    if not a == p == n:
        raise RuntimeError(
            f"{name}: The anchor, positive, and negative tensors are expected to have "
            f"the same number of dimensions, but got: anchor {a}D, positive {p}D, and "
            f"negative {n}D inputs"
        )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    r"""Return :math:`\max(0, d(a, p) - d(a, n) + margin)` for any distance d.

    Args:
        anchor: any shape.
        positive: what is to be near.
        negative: what is to be farther away.
        distance_function: d, of two tensors; None for `pairwise_distance`.
        margin: by how much.
        swap: compare with the distance from positive to negative, if it is smaller.
        reduction: "mean", "sum", or "none" for the loss of each triplet.

    Raises:
        ValueError: a margin that is not positive, or an unknown reduction.
        RuntimeError: other numbers of dimensions.

    Source: torch's page "torch.nn.functional.triplet_margin_with_distance_loss".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> def apart(x, y):
        ...     return 1 - F.cosine_similarity(x, y)
        >>> a, n = torch.eye(2), torch.ones(2, 2)
        >>> F.triplet_margin_with_distance_loss(a, a, n, distance_function=apart)
        tensor(0.7071)
    """
    name = "triplet_margin_with_distance_loss"
    check_reduction(reduction)
    _check_triplet(name, anchor, positive, negative, margin)
    distance = distance_function or pairwise_distance
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return wrap(reduced(clamp_min(margin + near - far, 0).node, reduction))
