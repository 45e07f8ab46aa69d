"""Adamax."""

from __future__ import annotations

from ..tensor import Tensor
from ..tensor.creation import tensor, zeros_like
from .moving import add_scaled, blend_
from .optimizer import (
    Group,
    Optimizer,
    ParamsT,
    State,
    check_betas,
    check_lr,
    check_nonnegative,
    count_step,
    live,
    lr_of,
    next_step,
)


class Adamax(Optimizer):
    """Adamax: Adam with the largest gradient of late in place of the second moment.

    With gradient g, learning rate γ, weight decay λ and step t::

        g ← g + λ θ
        m ← β₁ m + (1 − β₁) g
        u ← max(β₂ u, |g| + ε)
        θ ← θ − γ / (1 − β₁ᵗ) · m / u

    Args:
        params: the parameters, or dicts that describe groups of them.
        lr: the learning rate γ, a number or a one-element tensor.
        betas: β₁ and β₂.
        eps: ε, which bounds the step where gradients vanish.
        weight_decay: λ, the factor of the L2 penalty.
        foreach: accepted and without effect: the plain loop is compiled as one plan.
        maximize: climb instead of descend.
        differentiable: record the update for autograd, instead of under no_grad.
        capturable: accepted and without effect: there is no CUDA graph to capture.

    Raises:
        ValueError: an option is outside its range.

    Source: torch's page ``torch.optim.Adamax``; Kingma and Ba, arXiv:1412.6980.

    Example:
        >>> import flambeau
        >>> weight = flambeau.ones(2, requires_grad=True)
        >>> optimizer = Adamax([weight], lr=0.1)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> weight
        tensor([0.9000, 0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        check_nonnegative("epsilon value", eps)
        check_betas(betas)
        check_nonnegative("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    _numbers = ("step",)

    def _init_state(self, param: Tensor, group: Group) -> State:
        return {
            "step": tensor(0.0),
            "exp_avg": zeros_like(param),
            "exp_inf": zeros_like(param),
        }

    def _update(self, param: Tensor, grad: Tensor, state: State, group: Group) -> None:
        beta1, beta2 = group["betas"]
        mean, largest = state["exp_avg"], state["exp_inf"]
        if group["weight_decay"] != 0:
            grad = add_scaled(grad, param, group["weight_decay"])
        blend_(mean, grad, beta1, 1 - beta1)
        largest.copy_((beta2 * largest).maximum(grad.abs() + group["eps"]))
        size = live(lambda: lr_of(group) / (1 - beta1 ** next_step(state)))
        param.sub_(size * mean / largest)
        count_step(state)
