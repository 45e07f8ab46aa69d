"""Averages of a model's weights along its training; torch's ``optim.swa_utils``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from itertools import chain
from typing import Any

from ..autograd import no_grad
from ..dtypes import dtype, int64
from ..nn.batchnorm import _BatchNorm
from ..nn.module import Module
from ..tensor import Tensor
from ..tensor.creation import tensor
from .lr_scheduler.base import LRScheduler, Rate, per_group
from .optimizer import Optimizer

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

Average = Callable[[Tensor, Tensor, Any], Tensor]
MultiAverage = Callable[[Sequence[Tensor], Sequence[Tensor], Any], None]


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """Return a rule for `AveragedModel`: the old value fades by `decay` each time.

    a ← δ a + (1 − δ) θ

    Args:
        decay: δ, between 0 and 1.

    Raises:
        ValueError: `decay` is outside of [0, 1].

    Source: torch's page ``torch.optim.swa_utils.get_ema_avg_fn``.

    Example:
        >>> import flambeau
        >>> get_ema_avg_fn(0.75)(flambeau.ones(1), flambeau.zeros(1), 3)
        tensor([0.7500])
    """
    _check_decay(decay)

    @no_grad()
    def average(averaged: Tensor, current: Tensor, count: Any) -> Tensor:
        return decay * averaged + (1 - decay) * current

    return average


def get_swa_avg_fn() -> Average:
    """Return a rule for `AveragedModel`: all values count the same.

    a ← a + (θ − a) / (n + 1), where n values are in the average already.

    Source: torch's page ``torch.optim.swa_utils.get_swa_avg_fn``.

    Example:
        >>> import flambeau
        >>> get_swa_avg_fn()(flambeau.ones(1), flambeau.zeros(1), 3)
        tensor([0.7500])
    """

    @no_grad()
    def average(averaged: Tensor, current: Tensor, count: Any) -> Tensor:
        return averaged + (current - averaged) / (count + 1)

    return average


def get_ema_multi_avg_fn(decay: float = 0.999) -> MultiAverage:
    """Return what `get_ema_avg_fn` does, in place for lists of tensors.

    Args:
        decay: δ, between 0 and 1.

    Raises:
        ValueError: `decay` is outside of [0, 1].

    Source: torch's page ``torch.optim.swa_utils.get_ema_multi_avg_fn``.

    Example:
        >>> import flambeau
        >>> averaged = flambeau.ones(1)
        >>> get_ema_multi_avg_fn(0.75)([averaged], [flambeau.zeros(1)], 3)
        >>> averaged
        tensor([0.7500])
    """
    return _for_lists(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> MultiAverage:
    """Return what `get_swa_avg_fn` does, in place for lists of tensors.

    Source: torch's page ``torch.optim.swa_utils.get_swa_multi_avg_fn``.

    Example:
        >>> import flambeau
        >>> averaged = flambeau.ones(1)
        >>> get_swa_multi_avg_fn()([averaged], [flambeau.zeros(1)], 3)
        >>> averaged
        tensor([0.7500])
    """
    return _for_lists(get_swa_avg_fn())


def _check_decay(decay: float) -> None:
    if not 0.0 <= decay <= 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. "
            "Please provide a value in [0,1] range."
        )


def _for_lists(rule: Average) -> MultiAverage:
    @no_grad()
    def average(
        averaged: Sequence[Tensor], current: Sequence[Tensor], count: Any
    ) -> None:
        for old, new in zip(averaged, current, strict=True):
            old.copy_(rule(old, new, count).to(old.dtype))

    return average


class AveragedModel(Module):
    """A copy of a model that keeps the average of its weights.

    The first call of `update_parameters` copies the weights, each later one lets them
    enter the average: of equal weights, unless a rule is given.

    Args:
        model: the model.
        device: accepted: there is one device.
        avg_fn: the rule: gets the average, the present value and the number of values
            in the average, and returns the new average.
        multi_avg_fn: a rule that changes a list of averages in place.
        use_buffers: average the buffers too, rather than copy them.

    Attributes:
        module: the averaged model.
        n_averaged: how many values are in the average.

    Raises:
        AssertionError: both rules are given.

    Source: torch's page ``torch.optim.swa_utils.AveragedModel``; Izmailov et al.,
    "Averaging Weights Leads to Wider Optima and Better Generalization",
    arXiv:1803.05407.

    Example:
        >>> import flambeau
        >>> model = flambeau.nn.Linear(1, 1, bias=False)
        >>> averaged = AveragedModel(model)
        >>> for value in (1.0, 2.0, 6.0):
        ...     _ = flambeau.nn.init.constant_(model.weight, value)
        ...     averaged.update_parameters(model)
        >>> averaged.module.weight.item()
        3.0
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: MultiAverage | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError(
                "Only one of avg_fn and multi_avg_fn should be provided"
            )
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype=int64))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the model with the averaged weights."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Let the present weights of `model` enter the average.

        Args:
            model: the model that is trained.
        """
        averaged = [each.detach() for each in self._averaged(self.module)]
        current = [each.detach() for each in self._averaged(model)]
        if int(self.n_averaged) == 0:
            _copy(averaged, current)
        elif self.avg_fn is not None:
            for old, new in zip(averaged, current):
                old.copy_(self.avg_fn(old, new, self.n_averaged))
        else:
            self._update_lists(averaged, current)
        if not self.use_buffers:
            _copy(self.module.buffers(), model.buffers())
        self.n_averaged += 1

    def _averaged(self, model: Module) -> Iterable[Tensor]:
        if self.use_buffers:
            return chain(model.parameters(), model.buffers())
        return model.parameters()

    def _update_lists(self, averaged: list[Tensor], current: list[Tensor]) -> None:
        """Give the rule what is of one dtype at a time."""
        rule = self.multi_avg_fn or get_swa_multi_avg_fn()
        lists: dict[dtype, tuple[list[Tensor], list[Tensor]]] = {}
        for old, new in zip(averaged, current):
            olds, news = lists.setdefault(old.dtype, ([], []))
            olds.append(old)
            news.append(new)
        for olds, news in lists.values():
            rule(olds, news, self.n_averaged)


def _copy(targets: Iterable[Tensor], sources: Iterable[Tensor]) -> None:
    for target, source in zip(targets, sources):
        target.detach().copy_(source.detach())


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Measure the running statistics of a model's batch norms anew.

    Args:
        loader: batches: tensors, or tuples and lists that begin with one.
        model: the model, such as an `AveragedModel`; it is left in its mode.
        device: accepted: there is one device.

    Source: torch's page ``torch.optim.swa_utils.update_bn``.

    Example:
        >>> import flambeau
        >>> norm = flambeau.nn.BatchNorm1d(1)
        >>> update_bn([flambeau.tensor([[1.0], [3.0]])], norm)
        >>> norm.running_mean
        tensor([2.])
    """
    norms = [each for each in model.modules() if isinstance(each, _BatchNorm)]
    if not norms:
        return
    momenta, was_training = [each.momentum for each in norms], model.training
    model.train()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # so that all batches count the same
    for batch in loader:
        first = batch[0] if isinstance(batch, list | tuple) else batch
        model(first if device is None else first.to(device))
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """Anneal the rate to a constant one, at which the weights are averaged.

    γ_t = (1 − α) γ_0 + α γ_swa with α rising from 0 to 1 in the annealing epochs.

    It computes γ_0 from the present rate, so that it can take over from another
    scheduler at any time.

    Args:
        optimizer: the optimizer whose groups are scheduled.
        swa_lr: the rate γ_swa, or one per group.
        anneal_epochs: how many epochs it takes to get there.
        anneal_strategy: "cos", along half a wave, or "linear".
        last_epoch: the epoch to continue after; -1 starts anew.

    Raises:
        ValueError: another strategy, or `anneal_epochs` is no integer from 0 on.

    Source: torch's page ``torch.optim.swa_utils.SWALR``; Izmailov et al.,
    arXiv:1803.05407.

    Example:
        >>> import flambeau
        >>> optimizer = flambeau.optim.SGD([flambeau.zeros(1)], lr=1.0)
        >>> scheduler = SWALR(optimizer, swa_lr=0.5, anneal_epochs=2)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.75]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: Any,
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        rates = per_group("swa_lr", optimizer, swa_lr)
        for group, rate in zip(optimizer.param_groups, rates):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                "anneal_strategy must be one of 'cos' or 'linear', "
                f"instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(
                f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}"
            )
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def anneal_func(self, t: float) -> float:
        """Return the share of the final rate after a part `t` of the annealing."""
        return t if self._anneal_strategy == "linear" else _wave(t)

    def _share(self, step: int) -> float:
        return self.anneal_func(max(0, min(1, step / max(1, self.anneal_epochs))))

    def get_lr(self) -> list[Rate]:
        """Return the rate of every group in epoch `last_epoch`."""
        self._warn_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            last = group["swa_lr"]
            first = last if before == 1 else _start(group["lr"], last, before)
            rates.append(last * now + first * (1 - now))
        return rates


def _wave(t: float) -> float:
    return (1 - math.cos(math.pi * t)) / 2


def _start(rate: Rate, last: Rate, share: float) -> Rate:
    """Return the rate from which `share` of the way to `last` leads to `rate`."""
    return (rate - share * last) / (1 - share)
