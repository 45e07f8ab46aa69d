"""Rprop."""

from __future__ import annotations

from ..tensor import Tensor
from ..tensor.creation import full_like, tensor, zeros_like
from ..tensor.pointwise import where
from .optimizer import Group, Optimizer, ParamsT, State, check_lr, count_step, lr_of


class Rprop(Optimizer):
    """Resilient propagation: only the sign of the gradient counts.

    With gradient g, the one before it h, and a step size η per element::

        η ← min(η η₊, Γmax)                 where g h > 0
        η ← max(η η₋, Γmin), g ← 0          where g h < 0
        θ ← θ − η sign(g)
        h ← g

    It is meant for gradients of all data: batches change signs too often.

    Args:
        params: the parameters, or dicts that describe groups of them.
        lr: the first step size, a number or a one-element tensor.
        etas: η₋ and η₊, the factors of the step size.
        step_sizes: Γmin and Γmax, between which the step size stays.
        capturable: accepted and without effect: there is no CUDA graph to capture.
        foreach: accepted and without effect: the plain loop is compiled as one plan.
        maximize: climb instead of descend.
        differentiable: record the update for autograd, instead of under no_grad.

    Raises:
        ValueError: an option is outside its range.

    Source: torch's page ``torch.optim.Rprop``; Riedmiller and Braun, "A direct
    adaptive method for faster backpropagation learning", 1993.

    Example:
        >>> import flambeau
        >>> weight = flambeau.ones(2, requires_grad=True)
        >>> optimizer = Rprop([weight], lr=0.25)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> weight
        tensor([0.7500, 0.7500], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    _numbers = ("step",)

    def _init_state(self, param: Tensor, group: Group) -> State:
        size = full_like(param.detach(), 0).fill_(lr_of(group))
        return {"step": tensor(0.0), "prev": zeros_like(param), "step_size": size}

    def _update(self, param: Tensor, grad: Tensor, state: State, group: Group) -> None:
        (less, more), (smallest, largest) = group["etas"], group["step_sizes"]
        size, turn = state["step_size"], grad * state["prev"]
        one = full_like(turn, 1)
        factor = where(turn > 0, more * one, where(turn < 0, less * one, one))
        size.copy_((size * factor).clamp(smallest, largest))
        grad = grad.masked_fill(turn < 0, 0)
        param.sub_(grad.sign() * size)
        state["prev"].copy_(grad)
        count_step(state)
