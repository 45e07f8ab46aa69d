"""Adagrad."""

from __future__ import annotations

from ..tensor import Tensor
from ..tensor.creation import full_like, tensor
from .moving import add_scaled
from .optimizer import (
    Group,
    Optimizer,
    ParamsT,
    State,
    check_flags,
    check_lr,
    check_nonnegative,
    count_step,
    live,
    lr_of,
    next_step,
)


class Adagrad(Optimizer):
    """Adagrad: steps divided by the root of all squared gradients so far.

    With gradient g, learning rate γ, its decay η, weight decay λ and step t::

        g ← g + λ θ
        s ← s + g²
        θ ← θ − γ / (1 + (t − 1) η) · g / (√s + ε)

    Args:
        params: the parameters, or dicts that describe groups of them.
        lr: the learning rate γ, a number or a one-element tensor.
        lr_decay: η, how fast the learning rate falls.
        weight_decay: λ, the factor of the L2 penalty.
        initial_accumulator_value: what the sum s starts from.
        eps: ε, which bounds the step where gradients vanish.
        foreach: accepted and without effect: the plain loop is compiled as one plan.
        maximize: climb instead of descend.
        differentiable: record the update for autograd, instead of under no_grad.
        fused: accepted and without effect, as `foreach`.

    Raises:
        ValueError: an option is outside its range.
        RuntimeError: `fused` together with `foreach` or `differentiable`.

    Source: torch's page ``torch.optim.Adagrad``; Duchi, Hazan and Singer, "Adaptive
    Subgradient Methods for Online Learning and Stochastic Optimization", 2011.

    Example:
        >>> import flambeau
        >>> weight = flambeau.ones(2, requires_grad=True)
        >>> optimizer = Adagrad([weight], lr=0.1)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> weight
        tensor([0.9000, 0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check_nonnegative("lr_decay value", lr_decay)
        check_nonnegative("weight_decay value", weight_decay)
        name = "initial_accumulator_value value"
        check_nonnegative(name, initial_accumulator_value)
        check_nonnegative("epsilon value", eps)
        check_flags(fused, foreach, differentiable)
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:  # state_dict has it before the first step, too
            for param in group["params"]:
                self.state[param] = self._first_state(param, group)

    _numbers = ("step",)

    def _init_state(self, param: Tensor, group: Group) -> State:
        start = self.defaults["initial_accumulator_value"]
        return {"step": tensor(0.0), "sum": full_like(param.detach(), start)}

    def _update(self, param: Tensor, grad: Tensor, state: State, group: Group) -> None:
        total = state["sum"]
        if group["weight_decay"] != 0:
            grad = add_scaled(grad, param, group["weight_decay"])
        total.add_(grad * grad)
        size = live(
            lambda: lr_of(group) / (1 + (next_step(state) - 1) * group["lr_decay"])
        )
        param.sub_(size * grad / (total.sqrt() + group["eps"]))
        count_step(state)
