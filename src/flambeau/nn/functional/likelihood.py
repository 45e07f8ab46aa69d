"""Losses that are negative logarithms of a likelihood."""

from __future__ import annotations

from math import log, pi

from ...ops.transparent import not_negative
from ...tensor import Tensor
from ...tensor.creation import full_like
from ...tensor.handle import wrap
from ...tensor.pointwise import where
from .arguments import node_of
from .loss import check_reduction, finished, legacy_reduction, widened

__all__ = ["gaussian_nll_loss", "poisson_nll_loss"]


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    r"""Return :math:`\lambda - t \log \lambda`, where t counts events of rate lambda.

    Args:
        input: logarithms of the rates, any shape, floats.
        target: the counts.
        log_input: False: the input holds the rates themselves.
        full: add Stirling's approximation of :math:`\log t!` where t > 1.
        size_average: deprecated.
        eps: what is added to rates before the logarithm.
        reduce: deprecated.
        reduction: "mean", "sum", or "none" for the loss of each element.

    Raises:
        ValueError: an unknown reduction.
        RuntimeError: shapes that do not broadcast.

    Source: torch's page "torch.nn.functional.poisson_nll_loss".

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> F.poisson_nll_loss(torch.tensor([0.]), torch.tensor([5.]))
        tensor(1.)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_reduction(reduction)
    (x, t), kind = widened("poisson_nll_loss", True, input=input, target=target)
    loss = x.exp() - t * x if log_input else x - t * (x + eps).log()
    if full:
        many = t > 1
        safe = where(many, t, 1.0)
        stirling = safe * safe.log() - safe + 0.5 * (2 * pi * safe).log()
        loss = loss + where(many, stirling, 0.0)
    return finished(loss, reduction, kind)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    r"""Return :math:`(\log \sigma^2 + (x - t)^2 / \sigma^2) / 2`, of a Gaussian.

    Args:
        input: the expectations, any shape, floats.
        target: samples.
        var: the variances: one for each element, or for each vector of the last
            dimension, or one number.
        full: add :math:`\log(2 \pi) / 2`.
        eps: the least variance that is divided by.
        reduction: "mean", "sum", or "none" for the loss of each element.

    Raises:
        ValueError: a variance that is negative or of another shape, or an unknown
            reduction.
        RuntimeError: shapes that do not broadcast.

    Source: torch's page "torch.nn.functional.gaussian_nll_loss"; Nix and Weigend,
    "Estimating the mean and variance of the target probability distribution" (1994).

    Example:
        >>> import flambeau as torch
        >>> from flambeau.nn import functional as F
        >>> x, t = torch.tensor([1.]), torch.tensor([3.])
        >>> F.gaussian_nll_loss(x, t, var=torch.tensor([1.]))
        tensor(2.)
    """
    name = "gaussian_nll_loss"
    node_of(name, "input", input)
    if not isinstance(var, Tensor):
        var = full_like(input, var)
    message = f"{name}: var has negative entry/entries: {{}}"
    checked = wrap(not_negative(var.node, message))
    spread = checked if var.shape == input.shape else _fitting(name, input, checked)
    check_reduction(reduction)
    (x, t, v), kind = widened(name, input=input, target=target, var=spread)
    v = v + (v.clamp_min(eps) - v).detach()  # the slope ignores the bound
    loss = 0.5 * (v.log() + (x - t) ** 2 / v)
    if full:
        loss = loss + 0.5 * log(2 * pi)
    return finished(loss, reduction, kind)


def _fitting(name: str, input: Tensor, var: Tensor) -> Tensor:
    """Return variances that broadcast along one dimension."""
    if var.shape == input.shape[:-1]:
        return var.unsqueeze(-1)
    if var.ndim == input.ndim:
        others = [v for v, x in zip(var.shape, input.shape) if v != x]
        if others == [1]:
            return var
    raise ValueError(
        f"{name}: var is of incorrect size: got shape {tuple(var.shape)} for an input "
        f"of shape {tuple(input.shape)}"
    )
