"""Adadelta."""

from __future__ import annotations

from ..tensor import Tensor
from ..tensor.creation import tensor, zeros_like
from .moving import add_scaled, average_square_, sub_scaled_
from .optimizer import (
    Group,
    Optimizer,
    ParamsT,
    State,
    check_lr,
    check_nonnegative,
    count_step,
    live,
    lr_of,
)


class Adadelta(Optimizer):
    """Adadelta: steps as large as the last ones, relative to the gradient.

    With gradient g, learning rate γ and weight decay λ::

        g ← g + λ θ
        v ← ρ v + (1 − ρ) g²
        d = g √(u + ε) / √(v + ε)
        u ← ρ u + (1 − ρ) d²
        θ ← θ − γ d

    Args:
        params: the parameters, or dicts that describe groups of them.
        lr: the learning rate γ, a number or a one-element tensor.
        rho: ρ, how slowly the averages forget.
        eps: ε, which bounds the step where gradients vanish.
        weight_decay: λ, the factor of the L2 penalty.
        foreach: accepted and without effect: the plain loop is compiled as one plan.
        capturable: accepted and without effect: there is no CUDA graph to capture.
        maximize: climb instead of descend.
        differentiable: record the update for autograd, instead of under no_grad.

    Raises:
        ValueError: an option is outside its range.

    Source: torch's page ``torch.optim.Adadelta``; Zeiler, arXiv:1212.5701.

    Example:
        >>> import flambeau
        >>> weight = flambeau.ones(2, requires_grad=True)
        >>> optimizer = Adadelta([weight], rho=0.75, eps=0.25)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> weight
        tensor([0.1056, 0.1056], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_nonnegative("epsilon value", eps)
        check_nonnegative("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    _numbers = ("step",)

    def _init_state(self, param: Tensor, group: Group) -> State:
        return {
            "step": tensor(0.0),
            "square_avg": zeros_like(param),
            "acc_delta": zeros_like(param),
        }

    def _update(self, param: Tensor, grad: Tensor, state: State, group: Group) -> None:
        rho, eps = group["rho"], group["eps"]
        square, moved = state["square_avg"], state["acc_delta"]
        if group["weight_decay"] != 0:
            grad = add_scaled(grad, param, group["weight_decay"])
        average_square_(square, grad, rho, 1 - rho)
        move = (moved + eps).sqrt() / (square + eps).sqrt() * grad
        average_square_(moved, move, rho, 1 - rho)
        sub_scaled_(param, move, live(lambda: lr_of(group)))
        count_step(state)
