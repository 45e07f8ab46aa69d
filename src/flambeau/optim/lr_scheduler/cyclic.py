"""Schedules that raise the rate and lower it again, the momentum going the other way.

Momentum is the option ``momentum``, or the first of the ``betas``, whichever the
optimizer has.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

from ..optimizer import Group, Optimizer
from .base import LRScheduler, Rate, check_optimizer, per_group, set_value
from .function import function_state


class CyclicLR(LRScheduler):
    """Let the rate go up and down between two bounds.

    γ_t = γ_base + (γ_max − γ_base) · h(t) · scale, where h rises from 0 to 1 and falls
    back to 0 in every cycle.

    Args:
        optimizer: the optimizer whose groups are scheduled.
        base_lr: the lower bound, or a list with one per group.
        max_lr: the upper bound, or a list with one per group.
        step_size_up: the number of steps up.
        step_size_down: the number of steps down; by default as many.
        mode: the scale of a cycle: ``"triangular"`` is 1, ``"triangular2"`` halves it
            in each cycle, ``"exp_range"`` is gamma to the power of the step.
        gamma: the factor of ``"exp_range"``.
        scale_fn: a function that gives the scale, instead of `mode`.
        scale_mode: whether `scale_fn` is called with the ``"cycle"``, counted from 1,
            or with the number of ``"iterations"``.
        cycle_momentum: move the momentum from its maximum to its base and back.
        base_momentum: the lower bound of the momentum, or a list.
        max_momentum: the upper bound of the momentum, or a list.
        last_epoch: the step to continue after; -1 starts anew.

    Raises:
        TypeError: `optimizer` is none.
        ValueError: `mode` is unknown, a list does not have one value per group, or the
            optimizer has no momentum to cycle.

    Source: torch's page ``torch.optim.lr_scheduler.CyclicLR``; Smith, "Cyclical
    Learning Rates for Training Neural Networks", arXiv:1506.01186.

    Example:
        >>> import flambeau
        >>> optimizer = flambeau.optim.SGD([flambeau.zeros(1)], lr=1.0, momentum=0.9)
        >>> scheduler = CyclicLR(optimizer, base_lr=1.0, max_lr=3.0, step_size_up=2)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [2.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: Literal["cycle", "iterations"] = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = check_optimizer(optimizer)
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError(f"mode is invalid and scale_fn is None. Got mode={mode!r}")
        base_lrs = per_group("base_lr", optimizer, base_lr)
        self.max_lrs = per_group("max_lr", optimizer, max_lr)
        if last_epoch == -1:
            for group, lr in zip(optimizer.param_groups, base_lrs):
                set_value(group, "lr", lr)
        down = step_size_up if step_size_down is None else step_size_down
        self.total_size = float(step_size_up) + float(down)
        self.step_ratio = float(step_size_up) / self.total_size
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        by_mode: Any = "iterations" if mode == "exp_range" else "cycle"
        self.scale_mode = scale_mode if scale_fn is not None else by_mode
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = _momentum_is_beta1(optimizer)
            self.base_momentums = per_group("base_momentum", optimizer, base_momentum)
            self.max_momentums = per_group("max_momentum", optimizer, max_momentum)
            if last_epoch == -1:
                self._start_momentum()
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def _start_momentum(self) -> None:
        bounds = zip(self.max_momentums, self.base_momentums)
        for group, (high, low) in zip(self.optimizer.param_groups, bounds):
            _start_momentum(group, high, low, self.use_beta1)

    def scale_fn(self, x: float) -> float:
        """Return the scale of cycle `x`, or of step `x` if `scale_mode` says so."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        return 1 / (2.0 ** (x - 1)) if self.mode == "triangular2" else self.gamma**x

    def get_lr(self) -> list[Rate]:
        """The rate of every group; sets the momentum, too."""
        self._warn_outside_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        height = self._height(cycle)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            bounds = zip(self.base_momentums, self.max_momentums)
            for group, (low, high) in zip(self.optimizer.param_groups, bounds):
                momentum = high - (high - low) * height * scale
                _set_momentum(group, momentum, self.use_beta1)
        rates = zip(self.base_lrs, self.max_lrs)
        return [low + (high - low) * height * scale for low, high in rates]

    def _height(self, cycle: int) -> float:
        """How far up this step is: from 0 to 1 and back."""
        passed = 1.0 + self.last_epoch / self.total_size - cycle
        if passed <= self.step_ratio:
            return passed / self.step_ratio
        return (passed - 1) / (self.step_ratio - 1)

    def state_dict(self) -> dict[str, Any]:
        """Return all attributes but the optimizer; of `scale_fn`, its attributes."""
        state = super().state_dict()
        custom = self._scale_fn_custom
        state["_scale_fn_custom"] = None if custom is None else function_state(custom)
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the saved attributes, also those of a callable `scale_fn`.

        Args:
            state_dict: what `state_dict` returned.
        """
        rest = {key: state_dict[key] for key in state_dict if key != "_scale_fn_custom"}
        super().load_state_dict(rest)
        if state_dict["_scale_fn_custom"] is not None:
            vars(self._scale_fn_custom).update(state_dict["_scale_fn_custom"])


class OneCycleLR(LRScheduler):
    """Raise the rate to its maximum and then lower it far below where it began.

    The rate goes from max_lr / div_factor to max_lr and on to the initial rate divided
    by final_div_factor, along a cosine or a line. It is stepped after every batch.

    Args:
        optimizer: the optimizer whose groups are scheduled.
        max_lr: the greatest rate, or a list with one per group.
        total_steps: the number of steps of the whole training.
        epochs: the number of epochs, from which `total_steps` follows.
        steps_per_epoch: the number of steps in each of them.
        pct_start: the part of the steps in which the rate rises.
        anneal_strategy: ``"cos"`` or ``"linear"``.
        cycle_momentum: move the momentum from its maximum to its base and back.
        base_momentum: the lower bound of the momentum, or a list.
        max_momentum: the upper bound of the momentum, or a list.
        div_factor: the greatest rate divided by the initial one.
        final_div_factor: the initial rate divided by the last one.
        three_phase: fall back to the initial rate in as many steps as it took to
            rise, and from there to the last one.
        last_epoch: the step to continue after; -1 starts anew.

    Raises:
        TypeError: `optimizer` is none.
        ValueError: the number of steps is not given or not positive, an option is
            outside its range, or the optimizer has no momentum to cycle. In `step`:
            all steps are done.

    Source: torch's page ``torch.optim.lr_scheduler.OneCycleLR``; Smith and Topin,
    "Super-Convergence", arXiv:1708.07120.

    Example:
        >>> import flambeau
        >>> optimizer = flambeau.optim.SGD([flambeau.zeros(1)], lr=0.1, momentum=0.9)
        >>> scheduler = OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
        >>> optimizer.step()
        >>> scheduler.step()
        >>> scheduler.get_last_lr()
        [0.52]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = check_optimizer(optimizer)
        self.total_steps = _count_steps(total_steps, epochs, steps_per_epoch)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(
                f"Expected float between 0 and 1 pct_start, but got {pct_start}"
            )
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                "anneal_strategy must be one of 'cos' or 'linear', "
                f"instead got {anneal_strategy}"
            )
        self._anneal_func_type = anneal_strategy
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        if last_epoch == -1:
            rates = per_group("max_lr", optimizer, max_lr)
            for group, rate in zip(optimizer.param_groups, rates):
                group["initial_lr"] = rate / div_factor
                group["max_lr"] = rate
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = _momentum_is_beta1(optimizer)
            highs = per_group("max_momentum", optimizer, max_momentum)
            lows = per_group("base_momentum", optimizer, base_momentum)
            if last_epoch == -1:
                for group, high, low in zip(optimizer.param_groups, highs, lows):
                    _start_momentum(group, high, low, self.use_beta1)
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Rate]:
        """The rate of every group; sets the momentum, too."""
        self._warn_outside_step()
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"Tried to step {self.last_epoch} times. The specified number of "
                f"total steps is {self.total_steps}"
            )
        phase, part = self._phase_and_part()
        rates = []
        for group in self.optimizer.param_groups:
            lrs = group[phase["start_lr"]], group[phase["end_lr"]]
            rates.append(self._between(*lrs, part))
            if self.cycle_momentum:
                ends = group[phase["start_momentum"]], group[phase["end_momentum"]]
                _set_momentum(group, self._between(*ends, part), self.use_beta1)
        return rates

    def _phase_and_part(self) -> tuple[dict[str, Any], float]:
        """The phase this step is in, and how much of it is over."""
        start = 0.0
        for phase in self._schedule_phases[:-1]:
            if self.last_epoch <= phase["end_step"]:
                break
            start = phase["end_step"]
        else:
            phase = self._schedule_phases[-1]
        return phase, (self.last_epoch - start) / (phase["end_step"] - start)

    def _between(self, start: Rate, end: Rate, part: float) -> Rate:
        """The value at this part of the way from start to end."""
        if self._anneal_func_type == "linear":
            return (end - start) * part + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)


def _count_steps(
    total_steps: int | None, epochs: int | None, steps_per_epoch: int | None
) -> int:
    if total_steps is not None:
        return _positive("total_steps", total_steps)
    if epochs is None or steps_per_epoch is None:
        raise ValueError(
            "You must define either total_steps OR (epochs AND steps_per_epoch)"
        )
    count = _positive("epochs", epochs)
    return count * _positive("steps_per_epoch", steps_per_epoch)


def _positive(name: str, value: int) -> int:
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"Expected positive integer {name}, but got {value}")
    return value


def _phases(total_steps: int, pct_start: float, three: bool) -> list[dict[str, Any]]:
    """The last step of each phase, and the options its rate and momentum lead to."""
    peak = float(pct_start * total_steps) - 1
    back = float(2 * pct_start * total_steps) - 2
    last = total_steps - 1
    if three:
        return [
            _phase(peak, ("initial_lr", "max_lr"), ("max_momentum", "base_momentum")),
            _phase(back, ("max_lr", "initial_lr"), ("base_momentum", "max_momentum")),
            _phase(last, ("initial_lr", "min_lr"), ("max_momentum", "max_momentum")),
        ]
    return [
        _phase(peak, ("initial_lr", "max_lr"), ("max_momentum", "base_momentum")),
        _phase(last, ("max_lr", "min_lr"), ("base_momentum", "max_momentum")),
    ]


def _phase(
    end_step: float, lr: tuple[str, str], momentum: tuple[str, str]
) -> dict[str, Any]:
    return {
        "end_step": end_step,
        "start_lr": lr[0],
        "end_lr": lr[1],
        "start_momentum": momentum[0],
        "end_momentum": momentum[1],
    }


def _momentum_is_beta1(optimizer: Optimizer) -> bool:
    if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
        raise ValueError(
            "optimizer must support momentum or beta1 with `cycle_momentum` option "
            f"enabled; {type(optimizer).__name__} has neither: set cycle_momentum=False"
        )
    return "betas" in optimizer.defaults


def _start_momentum(group: Group, high: float, low: float, use_beta1: bool) -> None:
    _set_momentum(group, high, use_beta1)
    group["max_momentum"] = high
    group["base_momentum"] = low


def _set_momentum(group: Group, momentum: float, use_beta1: bool) -> None:
    if use_beta1:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum
