"""AdamW: Adam with decoupled weight decay."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .adam import Adam, Betas
from .optimizer import ParamsT


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameter and leaves the moments alone.

    The formulas are those of `Adam` with ``decoupled_weight_decay=True``.

    Args:
        params: the parameters, or dicts that describe groups of them.
        lr: the learning rate γ, a number or a one-element tensor.
        betas: β₁ and β₂, both numbers or both one-element tensors.
        eps: ε, which bounds the step where gradients vanish.
        weight_decay: λ.
        amsgrad: divide by the largest second moment so far.
        maximize: climb instead of descend.
        foreach: accepted and without effect: the plain loop is compiled as one plan.
        capturable: accepted and without effect: there is no CUDA graph to capture.
        differentiable: record the update for autograd, instead of under no_grad.
        fused: accepted and without effect, as `foreach`.

    Raises:
        ValueError: an option is outside its range.
        RuntimeError: `fused` together with `foreach` or `differentiable`.

    Source: torch's page ``torch.optim.AdamW``; Loshchilov and Hutter, "Decoupled
    Weight Decay Regularization", arXiv:1711.05101.

    Example:
        >>> import flambeau
        >>> weight = flambeau.ones(2, requires_grad=True)
        >>> optimizer = AdamW([weight], lr=0.1, weight_decay=0.5)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> weight
        tensor([0.8500, 0.8500], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A state saved by Adam, too, continues with decoupled decay."""
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
