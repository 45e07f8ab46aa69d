"""Schedules made of other schedules."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, Rate, group_values, set_value
from .plateau import ReduceLROnPlateau


class _CombinedLR(LRScheduler):
    """Holds schedulers of one optimizer, and saves them with itself."""

    _schedulers: Sequence[LRScheduler]

    def state_dict(self) -> dict[str, Any]:
        """Return all attributes but the optimizer, each scheduler as its own state."""
        state = super().state_dict()
        state["_schedulers"] = [each.state_dict() for each in self._schedulers]
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the saved attributes, and those of each scheduler.

        Args:
            state_dict: what `state_dict` returned.
        """
        rest = {key: state_dict[key] for key in state_dict if key != "_schedulers"}
        super().load_state_dict(rest)
        for scheduler, saved in zip(self._schedulers, state_dict["_schedulers"]):
            scheduler.load_state_dict(saved)

    def _check_schedulers(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer
    ) -> None:
        name = type(self).__name__
        for index, scheduler in enumerate(schedulers):
            if not hasattr(scheduler, "optimizer"):
                raise TypeError(
                    f"{name} at index {index} should have `optimizer` as its "
                    f"attribute, got {type(scheduler).__name__}."
                )
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(
                    f"{name} does not support `ReduceLROnPlateau` scheduler, whose "
                    f"`step` requires the metrics, but got one at index {index}."
                )
            if scheduler.optimizer is not optimizer:
                raise ValueError(
                    f"{name} expects all schedulers to belong to the same optimizer, "
                    f"but got scheduler {type(scheduler).__name__} at index {index} "
                    f"of another {type(scheduler.optimizer).__name__}."
                )


class SequentialLR(_CombinedLR):
    """Follow one schedule after the other.

    Args:
        optimizer: the optimizer that all the schedulers belong to.
        schedulers: the schedulers, in order.
        milestones: the epochs at which the next one takes over, in rising order.
        last_epoch: the epoch to continue after; -1 starts anew.

    Raises:
        ValueError: there is no scheduler, one belongs to another optimizer or needs
            metrics, or the number of milestones does not fit.
        TypeError: one of them is no scheduler.

    Source: torch's page ``torch.optim.lr_scheduler.SequentialLR``.

    Example:
        >>> import flambeau
        >>> optimizer = flambeau.optim.SGD([flambeau.zeros(1)], lr=1.0)
        >>> warm_up = flambeau.optim.lr_scheduler.ConstantLR(optimizer, factor=0.1)
        >>> decay = flambeau.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
        >>> scheduler = SequentialLR(optimizer, [warm_up, decay], milestones=[2])
        >>> rates = []
        >>> for _ in range(4):
        ...     rates += scheduler.get_last_lr()
        ...     optimizer.step()
        ...     scheduler.step()
        >>> rates
        [0.1, 0.1, 1.0, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: list[LRScheduler],
        milestones: list[int],
        last_epoch: int = -1,
    ) -> None:
        if not schedulers:
            raise ValueError(
                "SequentialLR expects at least one scheduler, but got no scheduler."
            )
        self._check_schedulers(schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "Sequential Schedulers expects number of schedulers provided to be "
                "one more than the number of milestone points, but got "
                f"{len(schedulers)} schedulers and {len(milestones)} milestones"
            )
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        self._start_over()

    def _start_over(self) -> None:
        """Undo the first step each scheduler took when built; let the first take it."""
        for group in self.optimizer.param_groups:
            set_value(group, "lr", group["initial_lr"])
        for scheduler in self._schedulers:
            _step_back(scheduler)
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:  # type: ignore[override]
        """Go on to the next epoch, by the scheduler whose turn it is."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_CombinedLR):
    """Let several schedules act on the rate in every epoch, one after the other.

    Args:
        schedulers: the schedulers, in the order in which they act.
        optimizer: the optimizer that all of them belong to; by default the first's.

    Raises:
        ValueError: there is no scheduler, or one belongs to another optimizer or needs
            metrics.
        TypeError: one of them is no scheduler.

    Source: torch's page ``torch.optim.lr_scheduler.ChainedScheduler``.

    Example:
        >>> import flambeau
        >>> optimizer = flambeau.optim.SGD([flambeau.zeros(1)], lr=1.0)
        >>> halve = flambeau.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5)
        >>> decay = flambeau.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
        >>> scheduler = ChainedScheduler([halve, decay])
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.25]
    """

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        if not schedulers:
            raise ValueError(
                "ChainedScheduler expects at least one scheduler to be chained, "
                "but got no scheduler."
            )
        optimizer = optimizer or schedulers[0].optimizer
        self._check_schedulers(schedulers, optimizer)
        self._schedulers = schedulers
        self.optimizer = optimizer
        self._last_lr: list[Rate] = group_values(optimizer, "lr")

    def step(self) -> None:  # type: ignore[override]
        """Step every scheduler."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = group_values(self.optimizer, "lr")


def _step_back(scheduler: LRScheduler) -> None:
    """Take one epoch back, inside combined schedulers from each of their parts."""
    if isinstance(scheduler, _CombinedLR):
        for each in scheduler._schedulers:
            _step_back(each)
    else:
        scheduler.last_epoch -= 1
