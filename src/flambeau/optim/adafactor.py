"""Adafactor."""

from __future__ import annotations

from ..limits import finfo
from ..tensor import Tensor
from ..tensor.creation import tensor, zeros_like
from .optimizer import (
    Group,
    Optimizer,
    ParamsT,
    State,
    count_step,
    live,
    lr_of,
    next_step,
)


class Adafactor(Optimizer):
    """Adafactor: a second moment of matrices kept as one row and one column.

    With gradient g, learning rate γ, weight decay λ and step t::

        ρ = min(γ, 1 / √t),  α = max(ε₂, rms(θ)) ρ,  β = 1 − t^τ
        θ ← θ − γ λ θ
        r ← β r + (1 − β) mean of g² over columns
        c ← β c + (1 − β) mean of g² over rows
        v = r c / max(mean of r, ε₁)
        u = g / √max(v, ε₁²)
        θ ← θ − α u / max(1, rms(u) / d)

    A parameter with fewer than two dimensions keeps v itself.

    Args:
        params: the parameters, or dicts that describe groups of them.
        lr: the learning rate γ, a number or a one-element tensor.
        beta2_decay: τ, how the average's memory grows.
        eps: ε₁, by default the machine's for the parameter's dtype, and ε₂.
        d: the root mean square above which updates are scaled down.
        weight_decay: λ.
        foreach: accepted and without effect: the plain loop is compiled as one plan.
        maximize: climb instead of descend.

    Raises:
        ValueError: an option is outside its range.

    Source: torch's page ``torch.optim.Adafactor``; Shazeer and Stern,
    arXiv:1804.04235.

    Example:
        >>> import flambeau
        >>> weight = flambeau.ones(2, 2, requires_grad=True)
        >>> optimizer = Adafactor([weight], lr=0.25)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> weight
        tensor([[0.7500, 0.7500],
                [0.7500, 0.7500]], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_not_below("Learning rate", lr)
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None:
            check_not_below("epsilon1", eps[0])
        check_not_below("epsilon2", eps[1])
        check_not_below("Clipping threshold d", d, 1)
        check_not_below("weight_decay", weight_decay)
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    _numbers = ("step",)

    def _init_state(self, param: Tensor, group: Group) -> State:
        state = {"step": tensor(0.0)}
        if param.dim() > 1:
            state["row_var"] = zeros_like(param[..., :1])
            state["col_var"] = zeros_like(param[..., :1, :])
        else:
            state["variance"] = zeros_like(param)
        return state

    def _update(self, param: Tensor, grad: Tensor, state: State, group: Group) -> None:
        least, least_scale = group["eps"]
        if least is None:
            least = finfo(param.dtype).eps
        rate = live(lambda: _rate(lr_of(group), next_step(state)))
        size = _rms(param).clamp_min(least_scale) * rate
        if group["weight_decay"] != 0:
            param.mul_(live(lambda: 1 - lr_of(group) * group["weight_decay"]))
        share = live(lambda: next_step(state) ** group["beta2_decay"])
        variance = _variance(grad, state, share, least)
        update = grad * variance.clamp_min(least * least).rsqrt()
        param.sub_(size / (_rms(update) / group["d"]).clamp_min(1) * update)
        count_step(state)


def _rate(lr: float | Tensor, step: float) -> float | Tensor:
    """Return the relative size of a step."""
    bound = step**-0.5
    return lr.clamp_max(bound) if isinstance(lr, Tensor) else min(lr, bound)


def _rms(values: Tensor) -> Tensor:
    return values.square().mean().sqrt()


def _variance(grad: Tensor, state: State, share: float, least: float) -> Tensor:
    """Return the estimate of g², of which this gradient's replaces `share`."""
    square = grad.square()
    if grad.dim() < 2:
        return _moved(state["variance"], square, share)
    row = _moved(state["row_var"], square.mean(-1, keepdim=True), share)
    column = _moved(state["col_var"], square.mean(-2, keepdim=True), share)
    return row * column / row.mean(-2, keepdim=True).clamp_min(least)


def _moved(mean: Tensor, value: Tensor, share: float) -> Tensor:
    return mean.copy_(mean + share * (value - mean))


def check_not_below(what: str, value: float | Tensor, bound: float = 0) -> None:
    """Raise torch's error for an option that is too small."""
    if isinstance(value, Tensor) and value.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    if not value >= bound:
        raise ValueError(f"{what} should be >= {bound} but is: {value}")
