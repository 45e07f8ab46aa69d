"""Stochastic gradient descent."""

from __future__ import annotations

from ..tensor import Tensor
from ..tensor.creation import zeros_like
from .moving import Factor, add_scaled, blend_, sub_scaled_
from .optimizer import (
    Group,
    Optimizer,
    ParamsT,
    State,
    check_flags,
    check_lr,
    check_nonnegative,
    live,
    lr_of,
)


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum and Nesterov's momentum.

    With gradient g, learning rate γ, weight decay λ, momentum μ and dampening τ::

        g ← g + λ θ
        b ← μ b + (1 − τ) g          (b ← g in the first step)
        θ ← θ − γ b                  (θ ← θ − γ (g + μ b) with nesterov)

    The learning rate multiplies the momentum buffer, where Sutskever et al. multiply
    the gradient that enters it.

    Args:
        params: the parameters, or dicts that describe groups of them.
        lr: the learning rate γ, a number or a one-element tensor.
        momentum: μ; 0 keeps no buffer.
        dampening: τ.
        weight_decay: λ, the factor of the L2 penalty.
        nesterov: look ahead by Nesterov's rule; needs momentum without dampening.
        maximize: climb instead of descend.
        foreach: accepted and without effect: the plain loop is compiled as one plan.
        differentiable: record the update for autograd, instead of under no_grad.
        fused: accepted and without effect, as `foreach`.

    Raises:
        ValueError: an option is outside its range.
        RuntimeError: `fused` together with `foreach` or `differentiable`.

    Source: torch's page ``torch.optim.SGD``; Sutskever et al., "On the importance of
    initialization and momentum in deep learning", 2013.

    Example:
        >>> import flambeau
        >>> weight = flambeau.ones(2, requires_grad=True)
        >>> optimizer = SGD([weight], lr=0.1, momentum=0.9)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> weight
        tensor([0.8000, 0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check_nonnegative("momentum value", momentum)
        check_nonnegative("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        check_flags(fused, foreach, differentiable)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _init_state(self, param: Tensor, group: Group) -> State:
        if not group["momentum"] or group["dampening"] or group["differentiable"]:
            return {}  # without momentum, or it begins as a whole gradient
        return {"momentum_buffer": zeros_like(param)}

    def _update(self, param: Tensor, grad: Tensor, state: State, group: Group) -> None:
        if group["weight_decay"] != 0:
            decay = self._shared("weight_decay", group["weight_decay"], grad)
            grad = add_scaled(grad, param, decay)
        if group["momentum"] != 0:
            momentum = self._shared("momentum", group["momentum"], grad)
            buffer = self._accumulate(grad, state, group, momentum)
            grad = add_scaled(grad, buffer, momentum) if group["nesterov"] else buffer
        rate = self._shared("lr", live(lambda: lr_of(group)), param)
        sub_scaled_(param, grad, rate)

    def _accumulate(
        self, grad: Tensor, state: State, group: Group, momentum: Factor
    ) -> Tensor:
        """Return the momentum buffer after this gradient."""
        buffer = state.get("momentum_buffer")
        if buffer is None:
            buffer = state["momentum_buffer"] = grad.detach().clone()
            return buffer
        share = self._shared("share", 1 - group["dampening"], grad)
        return blend_(buffer, grad, momentum, share)
