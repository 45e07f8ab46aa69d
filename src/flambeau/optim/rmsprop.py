"""RMSprop."""

from __future__ import annotations

from ..tensor import Tensor
from ..tensor.creation import tensor, zeros_like
from .moving import add_scaled, average_square_, blend_, sub_scaled_
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


class RMSprop(Optimizer):
    """RMSprop: steps divided by a running root mean square of the gradient.

    With gradient g, learning rate γ, weight decay λ and momentum μ::

        g ← g + λ θ
        v ← α v + (1 − α) g²
        a ← α a + (1 − α) g          (centered only; a is 0 otherwise)
        b ← μ b + g / (√(v − a²) + ε)
        θ ← θ − γ b

    The root is taken before ε is added; TensorFlow has them the other way round.

    Args:
        params: the parameters, or dicts that describe groups of them.
        lr: the learning rate γ, a number or a one-element tensor.
        alpha: α, how slowly the averages forget.
        eps: ε, which bounds the step where gradients vanish.
        weight_decay: λ, the factor of the L2 penalty.
        momentum: μ; 0 keeps no buffer.
        centered: divide by the standard deviation of the gradient.
        capturable: accepted and without effect: there is no CUDA graph to capture.
        foreach: accepted and without effect: the plain loop is compiled as one plan.
        maximize: climb instead of descend.
        differentiable: record the update for autograd, instead of under no_grad.

    Raises:
        ValueError: an option is outside its range.

    Source: torch's page ``torch.optim.RMSprop``; Tieleman and Hinton, lecture 6 of
    "Neural Networks for Machine Learning", 2012; Graves, arXiv:1308.0850, for the
    centered form.

    Example:
        >>> import flambeau
        >>> weight = flambeau.ones(2, requires_grad=True)
        >>> optimizer = RMSprop([weight], lr=0.1, alpha=0.75)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> weight
        tensor([0.8000, 0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check_nonnegative("epsilon value", eps)
        check_nonnegative("momentum value", momentum)
        check_nonnegative("weight_decay value", weight_decay)
        check_nonnegative("alpha value", alpha)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    _numbers = ("step",)

    def _init_state(self, param: Tensor, group: Group) -> State:
        state = {"step": tensor(0.0), "square_avg": zeros_like(param)}
        if group["momentum"] > 0:
            state["momentum_buffer"] = zeros_like(param)
        if group["centered"]:
            state["grad_avg"] = zeros_like(param)
        return state

    def _update(self, param: Tensor, grad: Tensor, state: State, group: Group) -> None:
        alpha, square = group["alpha"], state["square_avg"]
        if group["weight_decay"] != 0:
            grad = add_scaled(grad, param, group["weight_decay"])
        variance = average_square_(square, grad, alpha, 1 - alpha)
        if group["centered"]:
            mean = state["grad_avg"]
            blend_(mean, grad, alpha, 1 - alpha)
            variance = square - mean * mean
        direction = grad / (variance.sqrt() + group["eps"])
        if group["momentum"] > 0:
            buffer = state["momentum_buffer"]
            direction = buffer.copy_(group["momentum"] * buffer + direction)
        sub_scaled_(param, direction, live(lambda: lr_of(group)))
        count_step(state)
