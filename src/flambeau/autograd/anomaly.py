"""Looking for NaN in gradients, at each step of a backward pass."""

from __future__ import annotations

import warnings

import numpy as np

from ..backend import evaluate
from ..graph import Node

__all__ = [
    "check_gradient",
    "detect_anomaly",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "looks_for_nan",
    "set_detect_anomaly",
]


class _State:
    """Whether backward passes are watched, and whether they look for NaN."""

    mode = False
    check_nan = True


_state = _State()


def is_anomaly_enabled() -> bool:
    """Return whether backward passes are watched."""
    return _state.mode


def is_anomaly_check_nan_enabled() -> bool:
    """Return whether they look for NaN."""
    return _state.check_nan


def looks_for_nan() -> bool:
    """Return whether gradients are to be checked."""
    return _state.mode and _state.check_nan


def check_gradient(g: Node, name: str, index: int) -> None:
    """Raise if a gradient has a NaN.

    Args:
        g: what reaches an input.
        name: the step of the pass that it comes from, under torch's name.
        index: which input.

    Raises:
        RuntimeError: there is a NaN; names the step.
    """
    evaluate([g])
    assert g.value is not None
    if np.isnan(g.value).any():
        raise RuntimeError(
            f"Function '{name}' returned nan values in its {index}th output."
        )


class set_detect_anomaly:
    """Watch backward passes from now on, or until the end of `with`.

    Every gradient is computed as soon as it is recorded, one by one: this is slow.

    Args:
        mode: whether to watch.
        check_nan: whether to raise at the first NaN.

    Source: torch's page "torch.autograd.set_detect_anomaly".

    Example:
        >>> import flambeau as torch
        >>> x = torch.zeros(1, requires_grad=True)
        >>> with torch.autograd.set_detect_anomaly(True):
        ...     (x.sqrt() * 0).backward()
        Traceback (most recent call last):
        RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = _state.mode, _state.check_nan
        _state.mode, _state.check_nan = mode, check_nan

    def __enter__(self) -> None:
        """Do nothing: it has begun."""

    def __exit__(self, *error: object) -> None:
        _state.mode, _state.check_nan = self._before


class detect_anomaly:
    """Watch the backward passes inside of `with`; warns that this is slow.

    Args:
        check_nan: whether to raise at the first NaN.

    Source: torch's page "torch.autograd.detect_anomaly".

    Example:
        >>> import flambeau as torch, warnings
        >>> warnings.simplefilter("ignore")
        >>> with torch.autograd.detect_anomaly():
        ...     torch.is_anomaly_enabled()
        True
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime "
            "and should only be enabled for debugging.",
            stacklevel=2,
        )

    def __enter__(self) -> None:
        self._inner = set_detect_anomaly(True, self._check_nan)

    def __exit__(self, *error: object) -> None:
        self._inner.__exit__(*error)
