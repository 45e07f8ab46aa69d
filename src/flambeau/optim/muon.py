"""Muon."""

from __future__ import annotations

from ..dtypes import bfloat16, float32
from ..tensor import Tensor
from ..tensor.creation import zeros_like
from .adafactor import check_not_below
from .optimizer import Group, Optimizer, ParamsT, State, live, lr_of

_ADJUSTMENTS = ("original", "match_rms_adamw")


class Muon(Optimizer):
    """Muon: momentum whose matrices are made orthogonal, nearly, before each step.

    With gradient g, learning rate γ, weight decay λ and momentum μ::

        b ← μ b + (1 − μ) g
        u = (1 − μ) g + μ b with nesterov, b otherwise
        θ ← θ − γ λ θ − γ s orthogonal(u)

    where a parameter of A rows and B columns has s = √max(1, A / B), or
    0.2 √max(A, B) by the rule "match_rms_adamw". Newton and Schulz's iteration makes a
    matrix orthogonal in bfloat16: X ← a X + (b X Xᵀ + c (X Xᵀ)²) X.

    It is meant for the matrices of hidden layers; all else is for another optimizer.

    Args:
        params: the parameters, or dicts that describe groups of them.
        lr: the learning rate γ, a number or a one-element tensor.
        weight_decay: λ.
        momentum: μ.
        nesterov: look ahead by Nesterov's rule.
        ns_coefficients: a, b and c.
        eps: what the norm of a matrix is at least divided by.
        ns_steps: how many iterations make it orthogonal.
        adjust_lr_fn: "original", which is the default, or "match_rms_adamw".

    Raises:
        ValueError: an option is outside its range, or a parameter is not a matrix.

    Source: torch's page ``torch.optim.Muon``; Jordan, "Muon: An optimizer for hidden
    layers in neural networks", 2024; Liu et al., arXiv:2502.16982, for
    "match_rms_adamw".

    Example:
        >>> import flambeau
        >>> weight = flambeau.eye(2, requires_grad=True)
        >>> optimizer = Muon([weight], lr=0.5, weight_decay=0)
        >>> weight.sum().backward()
        >>> optimizer.step()
        >>> weight.shape
        torch.Size([2, 2])
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        check_not_below("Learning rate", lr)
        check_not_below("momentum", momentum)
        check_not_below("weight decay", weight_decay)
        if adjust_lr_fn is not None and adjust_lr_fn not in _ADJUSTMENTS:
            raise ValueError(
                f"Adjust learning rate function {adjust_lr_fn} is not supported"
            )
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for param in group["params"]:
                if param.dim() != 2:
                    raise ValueError(
                        "Muon only supports 2D parameters whereas we found a parameter "
                        f"with size: {param.size()}"
                    )

    def _init_state(self, param: Tensor, group: Group) -> State:
        return {"momentum_buffer": zeros_like(param)}

    def _update(self, param: Tensor, grad: Tensor, state: State, group: Group) -> None:
        momentum, buffer = group["momentum"], state["momentum_buffer"]
        buffer.copy_(buffer + (1 - momentum) * (grad - buffer))
        update = grad + momentum * (buffer - grad) if group["nesterov"] else buffer
        update = _orthogonal(update, group)
        scale = _scale(group["adjust_lr_fn"], *param.shape)
        param.mul_(live(lambda: 1 - lr_of(group) * group["weight_decay"]))
        param.sub_(live(lambda: lr_of(group) * scale) * update.to(param.dtype))


def _orthogonal(matrix: Tensor, group: Group) -> Tensor:
    """Return the matrix with singular values near 1; all values are in bfloat16."""
    if group["ns_steps"] >= 100:
        raise ValueError(
            "Number of steps must be less than 100 for computational efficiency"
        )
    if len(group["ns_coefficients"]) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = group["ns_coefficients"]
    tall = matrix.shape[0] > matrix.shape[1]
    x = _rounded(matrix.t() if tall else matrix)
    x = _rounded(x / _rounded(x.norm()).clamp_min(group["eps"]))
    for _ in range(group["ns_steps"]):
        gram = _rounded(x @ x.t())
        gram = _rounded(b * gram + c * (gram @ gram))
        x = _rounded(a * x + gram @ x)
    return x.t() if tall else x


def _rounded(x: Tensor) -> Tensor:
    """Round to bfloat16, and go on in float32, in which its products are summed."""
    return x.to(bfloat16).to(float32)


def _scale(rule: str | None, rows: int, columns: int) -> float:
    """Return what the learning rate is multiplied by for a matrix of this size."""
    if rule == "match_rms_adamw":
        return 0.2 * max(rows, columns) ** 0.5
    return max(1, rows / columns) ** 0.5
