"""A schedule that follows a metric instead of the epoch."""

from __future__ import annotations

import math
from typing import Any, Literal, SupportsFloat

from ..optimizer import Optimizer
from .base import (
    LRScheduler,
    check_optimizer,
    group_values,
    set_value,
    warn_epoch_is_deprecated,
)


class ReduceLROnPlateau(LRScheduler):
    """Lower the rate when a metric has stopped to improve.

    Args:
        optimizer: the optimizer whose groups are scheduled.
        mode: ``"min"`` if a smaller metric is better, ``"max"`` if a greater one is.
        factor: what the rate is multiplied by, below 1.
        patience: the number of epochs without improvement that are put up with.
        threshold: by how much the metric must be better than the best so far.
        threshold_mode: ``"rel"`` counts the threshold in parts of the best metric,
            ``"abs"`` in units of it.
        cooldown: the number of epochs after a change in which none is counted.
        min_lr: the smallest rate, or a list with one per group.
        eps: a change smaller than this is left out.

    Raises:
        TypeError: `optimizer` is none.
        ValueError: an option is outside its range.

    Source: torch's page ``torch.optim.lr_scheduler.ReduceLROnPlateau``.

    Example:
        >>> import flambeau
        >>> optimizer = flambeau.optim.SGD([flambeau.zeros(1)], lr=1.0)
        >>> scheduler = ReduceLROnPlateau(optimizer, patience=0)
        >>> for loss in (0.7, 0.8):
        ...     scheduler.step(loss)
        >>> scheduler.get_last_lr()
        [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: list[float] | float = 0,
        eps: float = 1e-8,
    ) -> None:
        if factor >= 1.0:
            raise ValueError(f"Factor should be < 1.0. Got factor={factor}")
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown! It is 'min' or 'max'")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(
                f"threshold mode {threshold_mode} is unknown! It is 'rel' or 'abs'"
            )
        self.factor = factor
        self.optimizer = check_optimizer(optimizer)
        self._set_min_lrs(min_lr)
        self.patience = patience
        self.cooldown = cooldown
        self.eps = eps
        self.last_epoch = 0
        self._last_lr = group_values(optimizer, "lr")
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self.mode = mode
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self._reset()

    def _set_min_lrs(self, min_lr: list[float] | float) -> None:
        count = len(self.optimizer.param_groups)
        self.default_min_lr: float | None = None
        if not isinstance(min_lr, list | tuple):
            self.default_min_lr = min_lr
            self.min_lrs = [min_lr] * count
        elif len(min_lr) == count:
            self.min_lrs = list(min_lr)
        else:
            raise ValueError(f"expected {count} min_lrs, got {len(min_lr)}")

    def _reset(self) -> None:
        """Forget what was seen so far."""
        self.best = self.mode_worse
        self.cooldown_counter = 0
        self.num_bad_epochs = 0

    @property
    def in_cooldown(self) -> bool:
        """Whether the last change is too recent for another to be considered."""
        return self.cooldown_counter > 0

    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take note of an epoch's metric, and lower the rates if it is time.

        Args:
            metrics: the metric, a number or a tensor with one element.
            epoch: deprecated: the number of the epoch.
        """
        current = float(metrics)
        if epoch is not None:
            warn_epoch_is_deprecated()
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce_lr()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = group_values(self.optimizer, "lr")

    def _is_better(self, current: float) -> bool:
        """Whether a metric is better than the best by more than the threshold."""
        sign = 1 if self.mode == "max" else -1
        if self.threshold_mode == "rel":
            bar = self.best * (1.0 + sign * self.threshold)
        else:
            bar = self.best + sign * self.threshold
        return current > bar if self.mode == "max" else current < bar

    def _reduce_lr(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise RuntimeError(
                    f"The number of param groups in the `optimizer` ({len(groups)}) "
                    "differs from when `ReduceLROnPlateau` was initialized "
                    f"({len(self.min_lrs)}). Set the scheduler's `min_lrs` to a list "
                    "with one rate for each group."
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, min_lr in zip(groups, self.min_lrs):
            old_lr = float(group["lr"])
            new_lr = max(old_lr * self.factor, min_lr)
            if old_lr - new_lr > self.eps:
                set_value(group, "lr", new_lr)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the attributes saved by `state_dict`.

        Args:
            state_dict: what `state_dict` returned.
        """
        super().load_state_dict(state_dict)
        self.mode_worse = math.inf if self.mode == "min" else -math.inf
