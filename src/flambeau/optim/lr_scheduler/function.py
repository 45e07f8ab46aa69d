"""Schedules given as functions of the epoch."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, TypeAlias

from ..optimizer import Optimizer
from .base import LRScheduler, Rate, check_optimizer, group_values

Factor: TypeAlias = Callable[[int], float]


class _FunctionLR(LRScheduler):
    """A function of the epoch for each group."""

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Factor | list[Factor],
        last_epoch: int = -1,
    ) -> None:
        count = len(check_optimizer(optimizer).param_groups)
        if not isinstance(lr_lambda, list | tuple):
            lr_lambda = [lr_lambda] * count
        self.lr_lambdas = list(lr_lambda)
        if len(self.lr_lambdas) != count:
            raise ValueError(
                f"Expected {count} lr_lambdas, but got {len(self.lr_lambdas)}"
            )
        for each in self.lr_lambdas:
            if not callable(each):
                raise TypeError(
                    f"lr_lambda should be a function, but got {type(each).__name__}"
                )
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """Return all attributes but the optimizer and the functions.

        A plain function has no state and is saved as None; a callable object is
        saved as its attributes.
        """
        state = super().state_dict()
        state["lr_lambdas"] = [function_state(each) for each in self.lr_lambdas]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the saved attributes, also those of callable objects.

        Args:
            state_dict: what `state_dict` returned.
        """
        rest = {key: state_dict[key] for key in state_dict if key != "lr_lambdas"}
        super().load_state_dict(rest)
        for function, saved in zip(self.lr_lambdas, state_dict["lr_lambdas"]):
            if saved is not None:
                vars(function).update(saved)


class LambdaLR(_FunctionLR):
    """Multiply the initial rate by a function of the epoch.

    γ_t = γ_0 · f(t)

    Args:
        optimizer: the optimizer whose groups are scheduled.
        lr_lambda: f, or a list with one function per group.
        last_epoch: the epoch to continue after; -1 starts anew.

    Raises:
        ValueError: the number of functions is not that of the groups.
        TypeError: one of them cannot be called.

    Source: torch's page ``torch.optim.lr_scheduler.LambdaLR``.

    Example:
        >>> import flambeau
        >>> optimizer = flambeau.optim.SGD([flambeau.zeros(1)], lr=1.0)
        >>> scheduler = LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def get_lr(self) -> list[Rate]:
        """γ_0 · f(t) for every group."""
        self._warn_outside_step()
        pairs = zip(self.base_lrs, self.lr_lambdas)
        return [base_lr * factor(self.last_epoch) for base_lr, factor in pairs]


class MultiplicativeLR(_FunctionLR):
    """Multiply the present rate by a function of the epoch.

    γ_t = γ_{t−1} · f(t)

    Args:
        optimizer: the optimizer whose groups are scheduled.
        lr_lambda: f, or a list with one function per group.
        last_epoch: the epoch to continue after; -1 starts anew.

    Raises:
        ValueError: the number of functions is not that of the groups.
        TypeError: one of them cannot be called.

    Source: torch's page ``torch.optim.lr_scheduler.MultiplicativeLR``.

    Example:
        >>> import flambeau
        >>> optimizer = flambeau.optim.SGD([flambeau.zeros(1)], lr=1.0)
        >>> scheduler = MultiplicativeLR(optimizer, lambda epoch: 0.5)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def get_lr(self) -> list[Rate]:
        """γ_{t−1} · f(t) for every group, except at the start."""
        self._warn_outside_step()
        rates = group_values(self.optimizer, "lr")
        if self._is_initial:
            return rates
        pairs = zip(rates, self.lr_lambdas)
        return [lr * factor(self.last_epoch) for lr, factor in pairs]


def function_state(function: Any) -> dict[str, Any] | None:
    """The attributes of a callable object; a plain function has none worth saving."""
    if isinstance(function, types.FunctionType):
        return None
    return vars(function).copy()
