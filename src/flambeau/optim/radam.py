"""RAdam."""

from __future__ import annotations

from ..tensor import Tensor
from ..tensor.creation import tensor, zeros_like
from .moving import add_scaled, average_square_, blend_
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


class RAdam(Optimizer):
    """RAdam: Adam that waits with its second moment until that can be trusted.

    With gradient g, learning rate γ, weight decay λ and step t::

        g ← g + λ θ                  (θ ← θ − γ λ θ if the decay is decoupled)
        m ← β₁ m + (1 − β₁) g
        v ← β₂ v + (1 − β₂) g²
        ρ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ)            with ρ∞ = 2 / (1 − β₂) − 1
        θ ← θ − γ m̂ r √(1 − β₂ᵗ) / (√v + ε)     if ρ > 5
        θ ← θ − γ m̂                             otherwise

    where m̂ = m / (1 − β₁ᵗ) and r² = (ρ − 4)(ρ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρ).

    Args:
        params: the parameters, or dicts that describe groups of them.
        lr: the learning rate γ, a number or a one-element tensor.
        betas: β₁ and β₂.
        eps: ε, which bounds the step where gradients vanish.
        weight_decay: λ.
        decoupled_weight_decay: shrink the parameter itself, as AdamW does.
        foreach: accepted and without effect: the plain loop is compiled as one plan.
        maximize: climb instead of descend.
        capturable: accepted and without effect: there is no CUDA graph to capture.
        differentiable: record the update for autograd, instead of under no_grad.

    Raises:
        ValueError: an option is outside its range.

    Source: torch's page ``torch.optim.RAdam``; Liu et al., arXiv:1908.03265.

    Example:
        >>> import flambeau
        >>> weight = flambeau.ones(2, requires_grad=True)
        >>> optimizer = RAdam([weight], lr=0.1)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> weight
        tensor([0.8000, 0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
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
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    _numbers = ("step",)

    def _init_state(self, param: Tensor, group: Group) -> State:
        return {
            "step": tensor(0.0),
            "exp_avg": zeros_like(param),
            "exp_avg_sq": zeros_like(param),
        }

    def _update(self, param: Tensor, grad: Tensor, state: State, group: Group) -> None:
        beta1, beta2 = group["betas"]
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        if group["weight_decay"] != 0:
            if group["decoupled_weight_decay"]:
                param.mul_(live(lambda: 1 - lr_of(group) * group["weight_decay"]))
            else:
                grad = add_scaled(grad, param, group["weight_decay"])
        blend_(mean, grad, beta1, 1 - beta1)
        average_square_(square, grad, beta2, 1 - beta2)
        size = live(lambda: lr_of(group) / (1 - beta1 ** next_step(state)))
        # Where the moment is not to be trusted yet, its root is multiplied by 0 and 1
        # is added: all steps are the same graph.
        scale = live(lambda: _scale(beta2, next_step(state)))
        rest = live(lambda: float(_scale(beta2, next_step(state)) == 0))
        param.sub_(size * mean / ((square.sqrt() + group["eps"]) * scale + rest))
        count_step(state)


def _scale(beta2: float, step: float) -> float:
    """Return 1 / (r √(1 − β₂ᵗ)), the factor of √v + ε; 0 if ρ is not above 5."""
    correction = 1 - beta2**step
    most = 2 / (1 - beta2) - 1
    length = most - 2 * step * beta2**step / correction
    if length <= 5:
        return 0.0
    square = (length - 4) * (length - 2) * most
    square /= (most - 4) * (most - 2) * length
    return 1 / (square * correction) ** 0.5
