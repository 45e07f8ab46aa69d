"""Schedules that multiply the learning rate by a number from epoch to epoch."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable

from ..optimizer import Optimizer
from .base import LRScheduler, Rate


class StepLR(LRScheduler):
    """Multiply the rate by gamma every `step_size` epochs.

    γ_t = γ_0 · gamma^⌊t / step_size⌋

    Args:
        optimizer: the optimizer whose groups are scheduled.
        step_size: the number of epochs between two changes.
        gamma: the factor.
        last_epoch: the epoch to continue after; -1 starts anew.

    Source: torch's page ``torch.optim.lr_scheduler.StepLR``.

    Example:
        >>> import flambeau
        >>> optimizer = flambeau.optim.SGD([flambeau.zeros(1)], lr=1.0)
        >>> scheduler = StepLR(optimizer, step_size=2)
        >>> for _ in range(2):
        ...     optimizer.step()
        ...     scheduler.step()
        >>> scheduler.get_last_lr()
        [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        step_size: int,
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _next_lr(self, lr: Rate, base_lr: Rate) -> Rate:
        """Multiply by gamma in every `step_size`-th epoch."""
        is_due = self.last_epoch != 0 and self.last_epoch % self.step_size == 0
        return lr * self.gamma if is_due else lr

    def _closed_form_lr(self, base_lr: Rate) -> Rate:
        """γ_0 · gamma^⌊t / step_size⌋"""
        return base_lr * self.gamma ** (self.last_epoch // self.step_size)


class MultiStepLR(LRScheduler):
    """Multiply the rate by gamma at each milestone.

    γ_t = γ_0 · gamma^(number of milestones ≤ t)

    Args:
        optimizer: the optimizer whose groups are scheduled.
        milestones: the epochs of the changes; one given twice counts twice.
        gamma: the factor.
        last_epoch: the epoch to continue after; -1 starts anew.

    Source: torch's page ``torch.optim.lr_scheduler.MultiStepLR``.

    Example:
        >>> import flambeau
        >>> optimizer = flambeau.optim.SGD([flambeau.zeros(1)], lr=1.0)
        >>> scheduler = MultiStepLR(optimizer, milestones=[1, 5])
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.1]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _next_lr(self, lr: Rate, base_lr: Rate) -> Rate:
        """Multiply by gamma as often as this epoch is a milestone."""
        if self.last_epoch not in self.milestones:
            return lr
        return lr * self.gamma ** self.milestones[self.last_epoch]

    def _closed_form_lr(self, base_lr: Rate) -> Rate:
        """γ_0 · gamma^(number of milestones ≤ t)"""
        milestones = sorted(self.milestones.elements())
        return base_lr * self.gamma ** bisect_right(milestones, self.last_epoch)


class ConstantLR(LRScheduler):
    """Hold the rate at a fraction of the initial one for the first epochs.

    γ_t = γ_0 · (factor if t < total_iters else 1)

    Args:
        optimizer: the optimizer whose groups are scheduled.
        factor: the fraction, between 0 and 1.
        total_iters: the number of epochs it holds.
        last_epoch: the epoch to continue after; -1 starts anew.

    Raises:
        ValueError: `factor` is not between 0 and 1.

    Source: torch's page ``torch.optim.lr_scheduler.ConstantLR``.

    Example:
        >>> import flambeau
        >>> optimizer = flambeau.optim.SGD([flambeau.zeros(1)], lr=1.0)
        >>> ConstantLR(optimizer, factor=0.25).get_last_lr()
        [0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 <= factor <= 1.0:
            raise ValueError(
                "Constant multiplicative factor expected to be between 0 and 1. "
                f"Got factor={factor}"
            )
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _next_lr(self, lr: Rate, base_lr: Rate) -> Rate:
        """Multiply by the factor at first, and divide by it again at the end."""
        if self.last_epoch == 0:
            return lr * self.factor
        if self.last_epoch == self.total_iters:
            return lr * (1.0 / self.factor)
        return lr

    def _closed_form_lr(self, base_lr: Rate) -> Rate:
        """γ_0 · (factor if t < total_iters else 1)"""
        is_over = self.last_epoch >= self.total_iters
        return base_lr * (self.factor + is_over * (1 - self.factor))


class LinearLR(LRScheduler):
    """Move the rate in equal steps from one fraction of the initial rate to another.

    γ_t = γ_0 · (start + (end − start) · min(t, total_iters) / total_iters)

    Args:
        optimizer: the optimizer whose groups are scheduled.
        start_factor: the first fraction, above 0 and at most 1.
        end_factor: the last fraction, between 0 and 1.
        total_iters: the number of epochs from one to the other.
        last_epoch: the epoch to continue after; -1 starts anew.

    Raises:
        ValueError: a factor is outside its range.

    Source: torch's page ``torch.optim.lr_scheduler.LinearLR``.

    Example:
        >>> import flambeau
        >>> optimizer = flambeau.optim.SGD([flambeau.zeros(1)], lr=1.0)
        >>> LinearLR(optimizer, start_factor=0.5).get_last_lr()
        [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1.0:
            raise ValueError(
                "Starting multiplicative factor expected to be greater than 0 and "
                f"less or equal to 1. Got start_factor={start_factor}"
            )
        if not 0 <= end_factor <= 1.0:
            raise ValueError(
                "Ending multiplicative factor expected to be between 0 and 1. "
                f"Got end_factor={end_factor}"
            )
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _next_lr(self, lr: Rate, base_lr: Rate) -> Rate:
        """Multiply by the ratio of this epoch's fraction to the last one's."""
        if self.last_epoch == 0:
            return lr * self.start_factor
        if self._is_initial or self.last_epoch > self.total_iters:
            return lr
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return lr * (1.0 + rise / before)

    def _closed_form_lr(self, base_lr: Rate) -> Rate:
        """γ_0 · (start + (end − start) · min(t, total_iters) / total_iters)"""
        rise = self.end_factor - self.start_factor
        passed = min(self.total_iters, self.last_epoch)
        return base_lr * (self.start_factor + rise * passed / self.total_iters)


class ExponentialLR(LRScheduler):
    """Multiply the rate by gamma in every epoch.

    γ_t = γ_0 · gammaᵗ

    Args:
        optimizer: the optimizer whose groups are scheduled.
        gamma: the factor.
        last_epoch: the epoch to continue after; -1 starts anew.

    Source: torch's page ``torch.optim.lr_scheduler.ExponentialLR``.

    Example:
        >>> import flambeau
        >>> optimizer = flambeau.optim.SGD([flambeau.zeros(1)], lr=1.0)
        >>> scheduler = ExponentialLR(optimizer, gamma=0.5)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(
        self, optimizer: Optimizer, gamma: float, last_epoch: int = -1
    ) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _next_lr(self, lr: Rate, base_lr: Rate) -> Rate:
        """Multiply by gamma in every epoch but the first."""
        return lr if self._is_initial else lr * self.gamma

    def _closed_form_lr(self, base_lr: Rate) -> Rate:
        """γ_0 · gammaᵗ"""
        return base_lr * self.gamma**self.last_epoch


class PolynomialLR(LRScheduler):
    """Let the rate fall to zero along a power of the time that is left.

    γ_t = γ_0 · (1 − min(t, total_iters) / total_iters)^power

    Args:
        optimizer: the optimizer whose groups are scheduled.
        total_iters: the number of epochs until the rate is zero.
        power: the exponent.
        last_epoch: the epoch to continue after; -1 starts anew.

    Source: torch's page ``torch.optim.lr_scheduler.PolynomialLR``.

    Example:
        >>> import flambeau
        >>> optimizer = flambeau.optim.SGD([flambeau.zeros(1)], lr=1.0)
        >>> scheduler = PolynomialLR(optimizer, total_iters=2)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def _next_lr(self, lr: Rate, base_lr: Rate) -> Rate:
        """Multiply by the ratio of the time left to what was left before."""
        if self._is_initial or self.last_epoch > self.total_iters:
            return lr
        left = 1.0 - self.last_epoch / self.total_iters
        before = 1.0 - (self.last_epoch - 1) / self.total_iters
        return lr * (left / before) ** self.power

    def _closed_form_lr(self, base_lr: Rate) -> Rate:
        """γ_0 · (1 − min(t, total_iters) / total_iters)^power"""
        passed = min(self.total_iters, self.last_epoch)
        return base_lr * (1.0 - passed / self.total_iters) ** self.power
