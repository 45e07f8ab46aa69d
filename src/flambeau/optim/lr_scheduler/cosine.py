"""Schedules that follow half a wave of the cosine."""

from __future__ import annotations

import math

from ..optimizer import Optimizer
from .base import LRScheduler, Rate


class CosineAnnealingLR(LRScheduler):
    """Let the rate swing between its initial value and a smallest one.

    γ_t = γ_min + (γ_0 − γ_min) · (1 + cos(π t / T_max)) / 2

    Computed from the rate before it, so that other schedulers can act in between. It
    rises again after T_max epochs.

    Args:
        optimizer: the optimizer whose groups are scheduled.
        T_max: the number of epochs from the initial rate to the smallest.
        eta_min: the smallest rate γ_min.
        last_epoch: the epoch to continue after; -1 starts anew.

    Source: torch's page ``torch.optim.lr_scheduler.CosineAnnealingLR``; Loshchilov and
    Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", arXiv:1608.03983.

    Example:
        >>> import flambeau
        >>> optimizer = flambeau.optim.SGD([flambeau.zeros(1)], lr=1.0)
        >>> scheduler = CosineAnnealingLR(optimizer, T_max=2)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def _next_lr(self, lr: Rate, base_lr: Rate) -> Rate:
        """Scale the part above γ_min by the ratio of this epoch's wave to the last's.

        The wave is zero at its lowest point; from there it rises by a step from γ_0.
        """
        epoch, low = self.last_epoch, self.eta_min
        if self._is_initial:
            return lr
        if (epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            return lr + (base_lr - low) * (1 - math.cos(math.pi / self.T_max)) / 2
        wave = 1 + math.cos(math.pi * epoch / self.T_max)
        before = 1 + math.cos(math.pi * (epoch - 1) / self.T_max)
        return wave / before * (lr - low) + low

    def _closed_form_lr(self, base_lr: Rate) -> Rate:
        """γ_min + (γ_0 − γ_min) · (1 + cos(π t / T_max)) / 2"""
        angle = math.pi * self.last_epoch / self.T_max
        return _on_cosine(base_lr, self.eta_min, angle)


class CosineAnnealingWarmRestarts(LRScheduler):
    """Let the rate fall along a cosine, and start again from the top.

    γ_t = γ_min + (γ_0 − γ_min) · (1 + cos(π T_cur / T_i)) / 2

    T_cur counts the epochs since the last restart, T_i is the length of this run.

    Args:
        optimizer: the optimizer whose groups are scheduled.
        T_0: the length of the first run in epochs.
        T_mult: by how much each run is longer than the one before.
        eta_min: the smallest rate γ_min.
        last_epoch: the epoch to continue after; -1 starts anew.

    Raises:
        ValueError: `T_0` or `T_mult` is no positive integer, `eta_min` no number.

    Source: torch's page ``torch.optim.lr_scheduler.CosineAnnealingWarmRestarts``;
    Loshchilov and Hutter, arXiv:1608.03983.

    Example:
        >>> import flambeau
        >>> optimizer = flambeau.optim.SGD([flambeau.zeros(1)], lr=1.0)
        >>> scheduler = CosineAnnealingWarmRestarts(optimizer, T_0=2)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        if not isinstance(T_0, int) or T_0 <= 0:
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if not isinstance(T_mult, int) or T_mult < 1:
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, float | int):
            raise ValueError(
                f"Expected float or int eta_min, but got {eta_min} "
                f"of type {type(eta_min)}"
            )
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def _next_lr(self, lr: Rate, base_lr: Rate) -> Rate:
        """γ_min + (γ_0 − γ_min) · (1 + cos(π T_cur / T_i)) / 2"""
        return _on_cosine(base_lr, self.eta_min, math.pi * self.T_cur / self.T_i)

    def step(self, epoch: float | None = None) -> None:
        """Go on to the next epoch, or to a point between two.

        Args:
            epoch: where to go; ``epoch + batch / batches`` moves along the cosine
                within an epoch.

        Raises:
            ValueError: `epoch` is negative.
        """
        if epoch is None and self.last_epoch >= 0:
            epoch = self.last_epoch + 1
            self._advance()
        else:
            epoch = 0 if epoch is None else epoch
            self._go_to(epoch)
        self.last_epoch = math.floor(epoch)
        self._set_rates(self._get_lr_within_step())

    def _advance(self) -> None:
        self.T_cur += 1
        if self.T_cur >= self.T_i:
            self.T_cur %= self.T_i
            self.T_i *= self.T_mult

    def _go_to(self, epoch: float) -> None:
        if epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        if epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            # Runs of length T_0, T_0 T_mult, T_0 T_mult² …: n of them are over.
            ratio = self.T_mult
            n = int(math.log(epoch / self.T_0 * (ratio - 1) + 1, ratio))
            self.T_cur = epoch - self.T_0 * (ratio**n - 1) / (ratio - 1)
            self.T_i = self.T_0 * ratio**n


def _on_cosine(high: Rate, low: float, angle: float) -> Rate:
    return low + (high - low) * (1 + math.cos(angle)) / 2
