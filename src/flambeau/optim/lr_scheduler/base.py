"""The frame of a schedule: when to compute a learning rate, and where to put it."""

from __future__ import annotations

import warnings
from typing import Any, TypeAlias

from ...tensor import Tensor
from ..optimizer import Optimizer, as_scalar

Rate: TypeAlias = Any  # a learning rate: a float, or a tensor with one element


class LRScheduler:
    """Base of all schedulers.

    A subclass defines `_next_lr`, the rate of one group from its present rate, or
    `get_lr`, the rates of all groups. With `_closed_form_lr` it can also compute a rate
    from the epoch alone, which ``step(epoch)`` then uses.

    Args:
        optimizer: the optimizer whose groups are scheduled.
        last_epoch: the epoch to continue after; -1 starts anew and keeps each
            group's present rate as its ``"initial_lr"``.

    Attributes:
        base_lrs: the initial rate of each group.
        last_epoch: the number of the present epoch.

    Raises:
        TypeError: `optimizer` is none.
        KeyError: `last_epoch` continues a schedule that the groups know nothing of.

    Source: torch's page ``torch.optim.lr_scheduler.LRScheduler``.
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = check_optimizer(optimizer)
        for index, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{index}] "
                    "when resuming scheduler with last_epoch >= 0. "
                    "Load the optimizer's state dict first, or leave last_epoch at -1."
                )
        self.base_lrs: list[Rate] = group_values(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        optimizer._opt_called = bool(optimizer._opt_called)
        self._initial_step()

    def _initial_step(self) -> None:
        """Set the rate of epoch 0, or of the epoch that is continued."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def _next_lr(self, lr: Rate, base_lr: Rate) -> Rate:
        """Return the rate of a group in epoch `last_epoch`.

        Args:
            lr: the group's rate in the epoch before.
            base_lr: its initial rate.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define _next_lr() or get_lr()"
        )

    def get_lr(self) -> list[Rate]:
        """Return the rate of every group in epoch `last_epoch`.

        It is for the scheduler's own use: called at another time it would apply the
        rule once more. `get_last_lr` has the rates in effect.
        """
        self._warn_outside_step()
        present = group_values(self.optimizer, "lr")
        return [self._next_lr(lr, base) for lr, base in zip(present, self.base_lrs)]

    def get_last_lr(self) -> list[Rate]:
        """Return the rates that this scheduler set last, one per group."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go on to the next epoch, and set its learning rates.

        Args:
            epoch: deprecated: the epoch to go to instead of the next.
        """
        if self._step_count == 1 and not self.optimizer._opt_called:
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. "
                "Call `optimizer.step()` first, or the first learning rate of the "
                "schedule is never used.",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        if epoch is not None:
            warn_epoch_is_deprecated()
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if epoch is not None and hasattr(self, "_closed_form_lr"):
            rates = [self._closed_form_lr(base_lr) for base_lr in self.base_lrs]
        else:
            rates = self._get_lr_within_step()
        self._set_rates(rates)

    def _get_lr_within_step(self) -> list[Rate]:
        self._get_lr_called_within_step = True
        try:
            return self.get_lr()
        finally:
            self._get_lr_called_within_step = False

    def _set_rates(self, rates: list[Rate]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            set_value(group, "lr", rate)
        self._last_lr: list[Rate] = group_values(self.optimizer, "lr")

    def _warn_outside_step(self) -> None:
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, "
                "please use `get_last_lr()`.",
                UserWarning,
                stacklevel=3,
            )

    def state_dict(self) -> dict[str, Any]:
        """Return all attributes but the optimizer, whose state is saved by itself."""
        return {name: vars(self)[name] for name in vars(self) if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the attributes saved by `state_dict`.

        Args:
            state_dict: what `state_dict` returned.
        """
        vars(self).update(state_dict)


def check_optimizer(optimizer: Any) -> Optimizer:
    """Return `optimizer`, or raise torch's error if it is none."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
    return optimizer


def copied(value: Any) -> Any:
    """A tensor of its own, so that a rate set in place later leaves it alone."""
    return value.clone() if isinstance(value, Tensor) else value


def group_values(optimizer: Optimizer, name: str) -> list[Any]:
    """The values of one option, group by group."""
    return [copied(group[name]) for group in optimizer.param_groups]


def set_value(group: dict[str, Any], name: str, value: Any) -> None:
    """Set an option; one that is a tensor keeps its identity."""
    if isinstance(group[name], Tensor):
        group[name].fill_(as_scalar(value))
    else:
        group[name] = value


def per_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """One value for each group: a list as given, or the same for all."""
    count = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        value = [value] * count
    if len(value) != count:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. "
            f"{name} has {len(value)} values, param_groups has {count}."
        )
    return [copied(each) for each in value]


def warn_epoch_is_deprecated() -> None:
    """Discourage ``step(epoch)`` in the way torch does."""
    warnings.warn(
        "The epoch parameter in `scheduler.step()` was not necessary and is being "
        "deprecated. Call `scheduler.step()` once per epoch instead. With an epoch, "
        "the rate is computed from the epoch alone where that is possible.",
        UserWarning,
        stacklevel=3,
    )
