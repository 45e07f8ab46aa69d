"""NAdam."""

from __future__ import annotations

from typing import Any

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


class NAdam(Optimizer):
    """NAdam: Adam that looks ahead by Nesterov's rule.

    With gradient g, learning rate γ, weight decay λ, momentum decay ψ and step t::

        g ← g + λ θ                  (θ ← θ − γ λ θ if the decay is decoupled)
        μₜ = β₁ (1 − 0.96^(t ψ) / 2)
        m ← β₁ m + (1 − β₁) g
        v ← β₂ v + (1 − β₂) g²
        m̂ = μₜ₊₁ m / (1 − μ₁…μₜ₊₁) + (1 − μₜ) g / (1 − μ₁…μₜ)
        θ ← θ − γ m̂ / (√v̂ + ε)       with v̂ = v / (1 − β₂ᵗ)

    Args:
        params: the parameters, or dicts that describe groups of them.
        lr: the learning rate γ, a number or a one-element tensor.
        betas: β₁ and β₂.
        eps: ε, which bounds the step where gradients vanish.
        weight_decay: λ.
        momentum_decay: ψ.
        decoupled_weight_decay: shrink the parameter itself, as AdamW does.
        foreach: accepted and without effect: the plain loop is compiled as one plan.
        maximize: climb instead of descend.
        capturable: accepted and without effect: there is no CUDA graph to capture.
        differentiable: record the update for autograd, instead of under no_grad.

    Raises:
        ValueError: an option is outside its range.

    Source: torch's page ``torch.optim.NAdam``; Dozat, "Incorporating Nesterov
    Momentum into Adam", 2016.

    Example:
        >>> import flambeau
        >>> weight = flambeau.ones(2, requires_grad=True)
        >>> optimizer = NAdam([weight], lr=0.1)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> weight
        tensor([0.8944, 0.8944], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
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
        check_nonnegative("momentum_decay value", momentum_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    _numbers = ("step", "mu_product")

    def _init_state(self, param: Tensor, group: Group) -> State:
        return {
            "step": tensor(0.0),
            "mu_product": tensor(1.0),
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
        spread = live(lambda: (1 - beta2 ** next_step(state)) ** 0.5)
        now = live(lambda: _size_of_gradient(state, group))
        ahead = live(lambda: _size_of_mean(state, group))
        product = live(lambda: _product(state, group))
        param.sub_(
            (now * grad + ahead * mean) / (square.sqrt() / spread + group["eps"])
        )
        state["mu_product"].fill_(product)
        count_step(state)


def _momentum(group: Group, step: float) -> float:
    """Return μ, the momentum in a step."""
    return group["betas"][0] * (1 - 0.5 * 0.96 ** (step * group["momentum_decay"]))


def _product(state: State, group: Group) -> float:
    """Return the product of all momenta up to this step, in the dtype it is kept in."""
    kind = state["mu_product"].dtype.numpy.type
    momentum = _momentum(group, next_step(state))
    return float(kind(float(state["mu_product"])) * kind(momentum))


def _size_of_gradient(state: State, group: Group) -> Any:
    momentum = _momentum(group, next_step(state))
    return lr_of(group) * (1 - momentum) / (1 - _product(state, group))


def _size_of_mean(state: State, group: Group) -> Any:
    momentum = _momentum(group, next_step(state) + 1)
    return lr_of(group) * momentum / (1 - _product(state, group) * momentum)
