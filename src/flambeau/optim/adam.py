"""Adam."""

from __future__ import annotations

from ..tensor import Tensor
from ..tensor.creation import tensor, zeros_like
from .moving import Factor, add_scaled, average_square_, blend_, sub_quotient_
from .optimizer import (
    Group,
    Optimizer,
    ParamsT,
    State,
    as_scalar,
    check_betas,
    check_flags,
    check_lr,
    check_nonnegative,
    count_step,
    live,
    lr_of,
    next_step,
)

Betas = tuple[float | Tensor, float | Tensor]


class Adam(Optimizer):
    """Adam: steps scaled by running moments of the gradient.

    With gradient g, learning rate γ, weight decay λ and step t::

        g ← g + λ θ                  (θ ← θ − γ λ θ if the decay is decoupled)
        m ← β₁ m + (1 − β₁) g
        v ← β₂ v + (1 − β₂) g²
        θ ← θ − γ m̂ / (√v̂ + ε)       with m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ)

    With amsgrad, v̂ is made of the largest v so far.

    Args:
        params: the parameters, or dicts that describe groups of them.
        lr: the learning rate γ, a number or a one-element tensor.
        betas: β₁ and β₂, both numbers or both one-element tensors.
        eps: ε, which bounds the step where gradients vanish.
        weight_decay: λ.
        amsgrad: divide by the largest second moment so far.
        foreach: accepted and without effect: the plain loop is compiled as one plan.
        maximize: climb instead of descend.
        capturable: accepted and without effect: there is no CUDA graph to capture.
        differentiable: record the update for autograd, instead of under no_grad.
        fused: accepted and without effect, as `foreach`.
        decoupled_weight_decay: shrink the parameter itself, as AdamW does.

    Raises:
        ValueError: an option is outside its range.
        RuntimeError: `fused` together with `foreach` or `differentiable`.

    Source: torch's page ``torch.optim.Adam``; Kingma and Ba, arXiv:1412.6980; Reddi
    et al., "On the Convergence of Adam and Beyond", 2018.

    Example:
        >>> import flambeau
        >>> weight = flambeau.ones(2, requires_grad=True)
        >>> optimizer = Adam([weight], lr=0.1)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> weight
        tensor([0.9000, 0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        refuses_tensors = bool(foreach) and not capturable
        _check_not_tensor(refuses_tensors, "lr", lr)
        check_lr(lr)
        check_nonnegative("epsilon value", eps)
        _check_betas(betas, refuses_tensors)
        check_nonnegative("weight_decay value", weight_decay)
        check_flags(fused, foreach, differentiable)
        defaults = {
            "lr": lr,
            "betas": (as_scalar(betas[0]), as_scalar(betas[1])),
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    _numbers = ("step",)

    def _init_state(self, param: Tensor, group: Group) -> State:
        state = {
            "step": tensor(0.0),
            "exp_avg": zeros_like(param),
            "exp_avg_sq": zeros_like(param),
        }
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = zeros_like(param)
        return state

    def _update(self, param: Tensor, grad: Tensor, state: State, group: Group) -> None:
        beta1, beta2 = group["betas"]
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        if group["weight_decay"] != 0:
            if group["decoupled_weight_decay"]:
                param.mul_(live(lambda: 1 - lr_of(group) * group["weight_decay"]))
            else:
                decay = self._shared("weight_decay", group["weight_decay"], grad)
                grad = add_scaled(grad, param, decay)
        self._average(mean, square, grad, beta1, beta2)
        if group["amsgrad"]:
            largest = state["max_exp_avg_sq"]
            square = largest.copy_(largest.maximum(square))
        spread = live(lambda: (1 - beta2 ** next_step(state)) ** 0.5)
        size = live(lambda: lr_of(group) / (1 - beta1 ** next_step(state)))
        eps = self._shared("eps", group["eps"], param)
        sub_quotient_(param, mean, square, size, spread, eps)
        count_step(state)

    def _average(
        self, mean: Tensor, square: Tensor, grad: Tensor, beta1: Factor, beta2: Factor
    ) -> None:
        """Let a gradient enter the running moments."""
        kept = self._shared("beta1", beta1, mean)
        blend_(mean, grad, kept, self._shared("rest1", 1 - beta1, mean))
        kept, rest = self._shared("beta2", beta2, square), 1 - beta2
        average_square_(square, grad, kept, self._shared("rest2", rest, square))


def _check_betas(betas: Betas, refuses_tensors: bool) -> None:
    check_betas(betas)
    for kind in (float, Tensor):
        if all(isinstance(beta, kind) for beta in betas):
            break
    else:
        raise ValueError("betas must be either both floats or both Tensors")
    for index, beta in enumerate(betas):
        _check_not_tensor(refuses_tensors, f"betas[{index}]", beta)
        if isinstance(beta, Tensor) and beta.numel() != 1:
            raise ValueError(f"Tensor betas[{index}] must be 1-element")


def _check_not_tensor(refused: bool, name: str, value: float | Tensor) -> None:
    if refused and isinstance(value, Tensor):
        raise ValueError(
            f"{name} as a Tensor is not supported for capturable=False and foreach=True"
        )
