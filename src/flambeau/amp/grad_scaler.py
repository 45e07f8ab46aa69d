"""Scaling a loss so that small gradients do not vanish in float16."""

from __future__ import annotations

import warnings
from typing import Any

from ..autograd import no_grad
from ..devices import device as Device
from ..optim import Optimizer
from ..tensor import Tensor

__all__ = ["GradScaler"]


class GradScaler:
    """Multiplies the loss by a factor, and divides the gradients by it before a step.

    A step whose gradients have an infinity or NaN is left out and the factor is made
    smaller; after many good steps it is made larger.

    Args:
        device: "cpu"; for any other, and with `enabled=False`, all of it does nothing.
        init_scale: the factor at first.
        growth_factor: by what it grows.
        backoff_factor: by what it shrinks.
        growth_interval: after how many good steps it grows.
        enabled: False for a scaler that does nothing.

    Source: torch's page "torch.amp.GradScaler".

    Example:
        >>> import flambeau as torch
        >>> w = torch.nn.Parameter(torch.ones(1))
        >>> optimizer = torch.optim.SGD([w], lr=0.1)
        >>> scaler = torch.amp.GradScaler("cpu")
        >>> scaler.scale((2 * w).sum()).backward()
        >>> scaler.step(optimizer)
        >>> scaler.update()
        >>> w.item()
        0.800000011920929
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if enabled and Device(device).type != "cpu":
            warnings.warn(
                f"torch.amp.GradScaler is enabled for {device!r}, but there is only "
                "the CPU. Disabling.",
                stacklevel=2,
            )
            enabled = False
        self._enabled = enabled
        self._scale = float(init_scale)
        self._growth = (growth_factor, backoff_factor, growth_interval)
        self._good_steps = 0
        self._unscaled: dict[int, bool] = {}  # optimizer: whether all is finite

    def is_enabled(self) -> bool:
        """Return whether it does anything."""
        return self._enabled

    def get_scale(self) -> float:
        """Return the factor."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """Return by what the factor grows."""
        return self._growth[0]

    def set_growth_factor(self, new_factor: float) -> None:
        """Set by what the factor grows."""
        self._growth = (new_factor, *self._growth[1:])

    def get_backoff_factor(self) -> float:
        """Return by what the factor shrinks."""
        return self._growth[1]

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set by what the factor shrinks."""
        self._growth = (self._growth[0], new_factor, self._growth[2])

    def get_growth_interval(self) -> int:
        """Return after how many good steps the factor grows."""
        return self._growth[2]

    def set_growth_interval(self, new_interval: int) -> None:
        """Set after how many good steps the factor grows."""
        self._growth = (*self._growth[:2], new_interval)

    def scale(self, outputs: Any) -> Any:
        """Return a tensor, or each of several, times the factor."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs * self._scale
        return type(outputs)(self.scale(each) for each in outputs)

    def unscale_(self, optimizer: Optimizer) -> None:
        """Divide the gradients of an optimizer's parameters by the factor.

        Raises:
            RuntimeError: they have been since the last update.
        """
        if not self._enabled:
            return
        if id(optimizer) in self._unscaled:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last "
                "update()."
            )
        finite = True
        with no_grad():
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        parameter.grad.mul_(1 / self._scale)
                        finite &= bool(parameter.grad.isfinite().all())
        self._unscaled[id(optimizer)] = finite

    def step(self, optimizer: Optimizer, *args: Any, **kwargs: Any) -> Any:
        """Take the optimizer's step, if all gradients are finite."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if id(optimizer) not in self._unscaled:
            self.unscale_(optimizer)
        if self._unscaled[id(optimizer)]:
            return optimizer.step(*args, **kwargs)
        return None

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Set the factor for the next step."""
        if not self._enabled:
            return
        growth, backoff, interval = self._growth
        if new_scale is not None:
            self._scale = float(new_scale)
        elif not all(self._unscaled.values()):
            self._scale *= backoff
            self._good_steps = 0
        else:
            self._good_steps += 1
            if self._good_steps == interval:
                self._scale *= growth
                self._good_steps = 0
        self._unscaled.clear()

    def state_dict(self) -> dict[str, Any]:
        """Return what has to be kept to go on with training."""
        if not self._enabled:
            return {}
        growth, backoff, interval = self._growth
        return {
            "scale": self._scale,
            "growth_factor": growth,
            "backoff_factor": backoff,
            "growth_interval": interval,
            "_growth_tracker": self._good_steps,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what `state_dict` has returned."""
        if not self._enabled:
            return
        self._scale = state_dict["scale"]
        names = ("growth_factor", "backoff_factor", "growth_interval")
        self._growth = tuple(state_dict[name] for name in names)
        self._good_steps = state_dict["_growth_tracker"]
