"""ASGD."""

from __future__ import annotations

from typing import Any

from ..dtypes import get_default_dtype
from ..tensor import Tensor
from ..tensor.creation import tensor, zeros_like
from .moving import add_scaled, sub_scaled_
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
    next_step,
)


class ASGD(Optimizer):
    """Averaged stochastic gradient descent: it also keeps the mean of its parameters.

    With gradient g, learning rate γ, decay Λ and step t::

        g ← g + λ θ
        θ ← (1 − Λ η) θ − η g
        a ← a + μ (θ − a)
        η ← γ / (1 + Λ γ t)^α
        μ ← 1 / max(1, t − t₀)

    η starts as γ and μ as 1; the average a is ``optimizer.state[param]["ax"]``.

    Args:
        params: the parameters, or dicts that describe groups of them.
        lr: the learning rate γ, a number or a one-element tensor.
        lambd: Λ, the decay term.
        alpha: α, the power by which the learning rate falls.
        t0: t₀, the step at which averaging starts.
        weight_decay: λ, the factor of the L2 penalty.
        foreach: accepted and without effect: the plain loop is compiled as one plan.
        maximize: climb instead of descend.
        differentiable: record the update for autograd, instead of under no_grad.
        capturable: accepted and without effect: there is no CUDA graph to capture.

    Raises:
        ValueError: an option is outside its range.

    Source: torch's page ``torch.optim.ASGD``; Polyak and Juditsky, "Acceleration of
    stochastic approximation by averaging", 1992.

    Example:
        >>> import flambeau
        >>> weight = flambeau.ones(2, requires_grad=True)
        >>> optimizer = ASGD([weight], lr=0.1, lambd=0.5)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> weight
        tensor([0.7500, 0.7500], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        check_nonnegative("weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    _numbers = ("step", "eta", "mu")

    def _init_state(self, param: Tensor, group: Group) -> State:
        return {
            "step": tensor(0.0),
            "eta": tensor(0.0).fill_(lr_of(group)),
            "mu": tensor(1.0),
            "ax": zeros_like(param),
        }

    def _update(self, param: Tensor, grad: Tensor, state: State, group: Group) -> None:
        decay, mean = group["lambd"], state["ax"]
        if group["weight_decay"] != 0:
            grad = add_scaled(grad, param, group["weight_decay"])
        param.mul_(live(lambda: 1 - decay * float(state["eta"])))
        sub_scaled_(param, grad, live(lambda: float(state["eta"])))
        mean.add_(live(lambda: float(state["mu"])) * (param - mean))
        eta = live(lambda: _rate(lr_of(group), decay, group["alpha"], next_step(state)))
        mu = live(lambda: _rounded(1 / max(1, next_step(state) - group["t0"])))
        state["eta"].fill_(eta)
        state["mu"].fill_(mu)
        count_step(state)


def _rate(lr: Any, decay: float, alpha: float, step: float) -> Any:
    """Return the learning rate after some steps."""
    return _rounded(lr / (1 + decay * lr * step) ** alpha)


def _rounded(number: Any) -> Any:
    """Round to the default dtype, in which torch makes it, whatever it is kept in."""
    if isinstance(number, Tensor):
        return number
    return float(get_default_dtype().numpy.type(number))
