"""SparseAdam: its name, and why it cannot be used."""

from __future__ import annotations

from ..tensor import Tensor
from .optimizer import (
    Group,
    Optimizer,
    ParamsT,
    State,
    check_betas,
    check_lr,
)


class SparseAdam(Optimizer):
    """Adam for sparse gradients, which flambeau does not have.

    It is there for programs that only name it: a step with a gradient raises, as
    torch's does where the gradient is dense.

    Args:
        params: the parameters, or dicts that describe groups of them.
        lr: the learning rate, a number or a one-element tensor.
        betas: the rates of the running averages.
        eps: what bounds the step where gradients vanish.
        maximize: climb instead of descend.

    Raises:
        ValueError: an option is outside its range.
        RuntimeError: in a step: all gradients are dense.

    Source: torch's page ``torch.optim.SparseAdam``.

    Example:
        >>> import flambeau
        >>> weight = flambeau.ones(2, requires_grad=True)
        >>> optimizer = SparseAdam([weight])
        >>> optimizer.step()  # there is no gradient
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        check_lr(lr)
        for what, value in (("learning rate", lr), ("epsilon value", eps)):
            if not value > 0:
                raise ValueError(f"Invalid {what}: {value}")
        check_betas(betas)
        defaults = {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize}
        super().__init__(params, defaults)

    def _update(self, param: Tensor, grad: Tensor, state: State, group: Group) -> None:
        raise RuntimeError(
            "SparseAdam does not support dense gradients, please consider Adam "
            "instead. flambeau has no sparse gradients; its Adam takes any embedding's."
        )
